"""Secrets a hosted server uses without holding them: placeholders inside, values on the way out."""
import base64
import gzip
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from harness import BINARY, Gateway
from test_egress import PROBER
from web import Site, certificate

TOKEN, NEXT = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g", "ghp_Zy9xWv8uTs7rQp6oNm5lKj4iHg3fEd2cBa1Z"
TOOLS = ("get", "tunnel", "plain", "direct", "resolve", "environment", "shape", "remember")
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
secrets: {{ token: {{ file: ./token }}, known: {{ file: ./known }} }}
servers:
  probe:
    command: [/usr/bin/python3, ./prober.py]
    env: {{ API_TOKEN: {{ secret: token }}, KNOWN: {{ secret: known, expose: true }} }}
    secrets:
      - {{ secret: token, host: "api.example.com:TLS", methods: [GET, POST], ca: ./certs/site.pem }}
      - {{ secret: token, host: "api.example.com:TLS", header: x-api-key, value: "{{secret}}", ca: ./certs/site.pem }}
      - {{ secret: token, host: "api.example.com:TLS", basic: git, ca: ./certs/site.pem }}
    cage:
      network:
        allow:
          - {{ host: "api.example.com:TLS", addresses: [127.0.0.1] }}
          - {{ host: "plain.example.com:PLAIN", addresses: [127.0.0.1] }}
tools:
""" + "".join(f"  probe.{tool}: {{{{ tier: T0 }}}}\n" for tool in
              TOOLS) + f"""
rules:
  # It holds a secret, so that each of its tools would ask.
  - {{{{ name: let it, tools: [{", ".join(f"probe.{tool}" for tool in TOOLS)}], args: {{{{ /unused: {{{{ absent: true }}}} }}}}, then: allow }}}}
"""


def echo(handler, body):
    """What a careless or hostile host does: gives back what it was sent, in every spelling."""
    value = handler.headers.get("Authorization") or handler.headers.get("X-Api-Key") or ""
    path, fields = urllib.parse.urlsplit(handler.path).path, {}
    if path == "/forms":
        raw = value.encode()
        text = "\n".join([
            value, base64.b64encode(raw).decode(), base64.b64encode(b"x" + raw).decode(), raw.hex(),
            urllib.parse.quote(value, safe=""), "".join(f"%{b:02X}" for b in raw),
            json.dumps("".join(f"\\u{b:04x}" for b in raw)), "".join(f"&#{b};" for b in raw)])
    elif path == "/gzip":
        return handler.reply(200, gzip.compress(value.encode()), Content_Encoding="gzip")
    elif path == "/events":
        return handler.reply(200, f"data: {value}\n\ndata: second\n\n".encode(), type="text/event-stream")
    else:
        text, fields = json.dumps({"seen": value, "body": body.decode()}), {"X_Echo": value}
    handler.reply(200, text.encode(), type="text/plain", **fields)


class Bank(Gateway):
    def __init__(self, site, plain, chain, configuration=CONFIGURATION):
        super().__init__(configuration.replace("TLS", str(site.port)).replace("PLAIN", str(plain.port)), accept=["probe"])
        shutil.copy(PROBER, self.folder / "prober.py")
        os.chmod(self.folder / "prober.py", 0o644)
        (self.folder / "certs").mkdir()
        shutil.copy(chain, self.folder / "certs/site.pem")
        self.write("token", TOKEN)
        self.write("known", "handed-over-value-1")

    def write(self, name, value):
        (self.folder / name).write_text(value + "\n")
        os.chmod(self.folder / name, 0o600)

    def call(self, tool, **arguments):
        _, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path="/mcp/probe")
        if not isinstance(answer, dict) or "result" not in answer:
            raise RuntimeError(answer)
        lines = "\n".join(c.get("text", "") for c in answer["result"]["content"]).split("\n")
        return json.loads("\n".join(line for line in lines if "UNTRUSTED_EXTERNAL_DATA" not in line))

    def uses(self, **like):
        self.settle()
        found = [r["detail"] for r in self.records() if r["kind"] == "secret-use"]
        return [d for d in found if all(d.get(k) == v for k, v in like.items())]


class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        chain, key = certificate(cls.folder / "site", "api.example.com")
        cls.site = cls.enterClassContext(Site(chain, key, answer=echo))
        cls.plain = cls.enterClassContext(Site(answer=echo))
        cls.gateway = cls.enterClassContext(Bank(cls.site, cls.plain, chain))
        cls.url = f"https://api.example.com:{cls.site.port}"

    def seen(self, name):
        """A header of the last request, as the host saw it."""
        return {k.lower(): v for k, v in self.site.requests[-1][2].items()}.get(name)

    def get(self, path="/", **headers):
        more = {k: headers.pop(k) for k in ("method", "body") if k in headers}
        return self.gateway.call("get", url=self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()}, **more)

    def test_1_a_placeholder_of_the_same_shape_stands_inside(self):
        found = self.gateway.call("shape", name="API_TOKEN")
        classes = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.islower() else c for c in TOKEN)
        self.assertEqual((found["shape"], found["start"]), (classes, "ghp_"))
        self.assertEqual(self.gateway.call("environment", names=["KNOWN"])["KNOWN"].count("REDACTED"), 1)

    def test_2_the_host_sees_the_value_and_the_server_its_placeholder(self):
        stand_in, basic = "<API_TOKEN>", "<API_TOKEN|basic>"
        for headers, sent in [
            ({"Authorization": f"Bearer {stand_in}"}, f"Bearer {TOKEN}"),
            ({"X_Api_Key": stand_in}, TOKEN),
            ({"Authorization": f"Basic {basic}"}, "Basic " + base64.b64encode(f"git:{TOKEN}".encode()).decode()),
        ]:
            found = self.get(**headers)
            self.assertEqual(self.seen("authorization") or self.seen("x-api-key"), sent)
            self.assertEqual(found["status"], 200)
            self.assertNotIn(TOKEN, json.dumps(found))
            self.assertNotIn(base64.b64encode(TOKEN.encode()).decode()[:40], json.dumps(found))
        found = self.get(Authorization=f"Bearer {stand_in}")
        self.assertEqual(json.loads(found["text"])["seen"], f"Bearer {stand_in}")
        self.assertEqual(found["headers"]["x-echo"], f"Bearer {stand_in}")
        self.assertTrue(self.gateway.uses(change="used", secret="token", method="GET"))
        posted = self.get(Authorization=f"Bearer {stand_in}", method="POST", body="the body")
        self.assertEqual(json.loads(posted["text"])["body"], "the body")
        self.assertEqual(json.loads(self.get()["text"])["seen"], "")

    def test_3_no_spelling_of_the_value_comes_back(self):
        found = self.get("/forms", Authorization="Bearer <API_TOKEN>")
        self.assertEqual(found["status"], 200)
        text = found["text"]
        raw = TOKEN.encode()
        for form in (TOKEN, raw.hex(), base64.b64encode(raw).decode()[4:-4], urllib.parse.quote(TOKEN)):
            self.assertNotIn(form, text)
        for line in text.split("\n"):
            for decode in (lambda t: bytes.fromhex(t), base64.b64decode, lambda t: urllib.parse.unquote(t).encode(),
                           lambda t: json.loads(json.loads(t)).encode()):
                try:
                    self.assertNotIn(raw, decode(line))
                except (ValueError, TypeError):
                    pass
        found = self.get("/events", Authorization="Bearer <API_TOKEN>")
        self.assertEqual((found["status"], TOKEN in found["text"], "second" in found["text"]), (200, False, True))
        found = self.get("/gzip", Authorization="Bearer <API_TOKEN>")
        self.assertEqual((found["status"], found["headers"]["x-gatehouse-refusal"]), (502, "upstream"))

    def test_4_a_placeholder_anywhere_else_blocks_and_alarms(self):
        stand_in, packed, before = "<API_TOKEN>", "<API_TOKEN|base64>", len(self.site.requests)
        for attempt in [
            dict(Authorization=f"token {stand_in}"), dict(Authorization=f"Bearer {stand_in} "  + "x"),
            dict(X_Other=stand_in), dict(X_Other=packed), dict(path=f"/?q={stand_in}"), dict(path=f"/{packed}"),
            dict(method="POST", body=f"here it is: {stand_in}"), dict(method="POST", body="<API_TOKEN|hex>"),
        ]:
            found = self.get(**attempt)
            self.assertEqual((found["status"], found["headers"]["x-gatehouse-refusal"]), (403, "canary"), attempt)
        found = self.gateway.call("plain", request=f"GET http://plain.example.com:{self.plain.port}/ HTTP/1.1\r\n"
                                  f"Host: x\r\nAuthorization: Bearer {stand_in}\r\n\r\n")
        self.assertEqual((found["status"], found["refusal"]), (400, "bad-request"))
        found = self.gateway.call("get", url=f"http://plain.example.com:{self.plain.port}/", method="POST", body="x" * 70000 + stand_in)
        self.assertNotIn("ghp_", str(self.plain.requests))
        self.assertEqual(len(self.site.requests), before)
        self.assertEqual(len(self.gateway.uses(change="misplaced")), 10)
        self.assertIn("ALARM", self.gateway.log_text())
        self.assertNotIn("ghp_", self.gateway.log_text())

    def test_5_each_request_is_decided_by_itself(self):
        stand_in = "<API_TOKEN>"
        for headers, status, code in [
            (dict(Authorization=f"Bearer {stand_in}", method="PUT", body="x"), 403, "method"),
            (dict(Host="evil.example.com"), 421, "other-host"),
            (dict(Upgrade="websocket"), 403, "upgrade"),
        ]:
            found = self.get(**headers)
            self.assertEqual((found["status"], found["headers"]["x-gatehouse-refusal"]), (status, code))
        self.assertIn("access denied", self.gateway.call(
            "tunnel", target=f"api.example.com:{self.site.port}", name="evil.example.com")["error"].lower())

    def test_6_a_new_value_needs_no_restart(self):
        stand_in, pid = "<API_TOKEN>", json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]["pid"]
        self.gateway.call("remember", name="API_TOKEN")
        self.gateway.write("token", NEXT)
        self.gateway.process.send_signal(signal.SIGHUP)

        def uses_new():
            self.get(Authorization=f"Bearer {stand_in}")
            return self.seen("authorization") == f"Bearer {NEXT}"
        self.gateway.wait_for(uses_new)
        self.assertTrue(self.gateway.call("shape", name="API_TOKEN")["same as"]["OLD_API_TOKEN"])
        self.assertEqual(json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]["pid"], pid)
        found = self.get(method="POST", body=f"{NEXT} and {TOKEN}")
        self.assertEqual(json.loads(found["text"])["body"], f"{stand_in} and {stand_in}")

    def test_7_what_is_handed_over_is_said(self):
        shown = json.loads(self.gateway.run("servers", "show", "probe", "--json").stdout)["cage"]
        self.assertEqual((shown["exposed"], [u["secret"] for u in shown["secrets"]]), (["KNOWN"], ["token"] * 3))
        self.assertIn("is given a secret as `KNOWN`", self.gateway.run("check").stdout + self.gateway.run("check").stderr)


class Starting(unittest.TestCase):
    def check(self, text, *files):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-e2e-"))
        self.addCleanup(shutil.rmtree, folder, True)
        (folder / "gatehouse.yaml").write_text("gatehouse: 1\n" + text)
        for name, value in files:
            (folder / name).write_text(value)
            os.chmod(folder / name, 0o600)
        run = subprocess.run([BINARY, "up"], cwd=folder, env={**os.environ, "GATEHOUSE_STATE": str(folder / "state")},
                             capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    def test_an_empty_secret_is_named_and_nothing_starts(self):
        error = self.check("secrets: { token: { file: ./token } }\nservers: {}\nlisten: { mcp: none }\n", ("token", "\n"))
        self.assertIn("secret `token` cannot be read: it is empty", error)

    def test_a_secret_without_a_place_is_refused(self):
        head = "secrets: { t: { file: ./t } }\nservers:\n  a:\n    command: [/bin/true]\n"
        self.assertIn("has no place where this server may use it",
                      self.check(head + "    env: { KEY: { secret: t } }\n", ("t", "x")))
        self.assertIn("needs a way out", self.check(head + "    secrets: [{ secret: t, host: a.example.com }]\n", ("t", "x")))
        more = "    cage: { network: { allow: [a.example.com] } }\n    secrets: [{ secret: t, host: b.example.com }]\n"
        self.assertIn("is not a place this server may connect to", self.check(head + more, ("t", "x")))


if __name__ == "__main__":
    unittest.main()
