"""Secrets in a query or a body, where that is written: exchanged there, wholly, and nowhere else."""
import json
import shutil
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from test_secrets import CONFIGURATION, TOKEN, Bank
from web import Site, certificate

USES = """      - {{ secret: token, host: "api.example.com:TLS", in: query, name: api_key, methods: [GET], ca: ./certs/site.pem }}
      - {{ secret: token, host: "api.example.com:TLS", in: body, name: client_secret, ca: ./certs/site.pem }}
      - {{ secret: token, host: "api.example.com:TLS", in: body, name: /auth/token, value: "v1 {{secret}}", ca: ./certs/site.pem }}
"""
BEFORE, AFTER = CONFIGURATION.split("    secrets:\n")
TEXT = BEFORE + "    secrets:\n" + USES + "    cage:" + AFTER.split("    cage:", 1)[1]
FORM, JSON = {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json; charset=utf-8"}
STAND_IN = "<API_TOKEN>"


def echo(handler, body):
    """Gives back all it was sent, as a redirect, in an error, or in a header that names no coding we know."""
    path = urllib.parse.urlsplit(handler.path).path
    text = f"{handler.path}\n{body.decode()}\n{urllib.parse.unquote(handler.path)}".encode()
    if path == "/redirect":
        return handler.reply(302, text, Location="https://elsewhere.example.com" + handler.path)
    if path == "/coding":
        return handler.reply(200, text, Content_Encoding=body.decode().partition("=")[2])
    handler.reply(500 if path == "/error" else 200, text, type="text/plain")


class Places(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, folder, True)
        chain, key = certificate(folder / "site", "api.example.com")
        cls.site = cls.enterClassContext(Site(chain, key, answer=echo))
        cls.plain = cls.enterClassContext(Site(answer=echo))
        cls.gateway = cls.enterClassContext(Bank(cls.site, cls.plain, chain, TEXT))

    def get(self, path="/", body=None, headers={}, **more):
        return self.gateway.call("get", url=f"https://api.example.com:{self.site.port}{path}", headers=headers,
                                 method="POST" if body else "GET", **({"body": body} if body else {}), **more)

    def last(self):
        _, path, headers, body = self.site.requests[-1]
        return path, {k.lower(): v for k, v in headers.items()}, body.decode()

    def test_1_the_host_sees_the_value_and_the_server_its_placeholder(self):
        for path, body, headers, sent in [
            (f"/a?x=1&api_key={STAND_IN}&y=2", None, {}, (f"/a?x=1&api_key={TOKEN}&y=2", "")),
            ("/a", f"id=7&client_secret={STAND_IN}", FORM, ("/a", f"id=7&client_secret={TOKEN}")),
            ("/a", json.dumps({"auth": {"token": f"v1 {STAND_IN}"}, "n": 1}), JSON,
             ("/a", json.dumps({"auth": {"token": f"v1 {TOKEN}"}, "n": 1}))),
        ]:
            found = self.get(path, body, headers)
            seen, fields, content = self.last()
            self.assertEqual((found.get("status"), seen, content), (200, *sent), found)
            if body:
                self.assertEqual(int(fields["content-length"]), len(content))
            self.assertNotIn(TOKEN, json.dumps(found))
            self.assertIn(STAND_IN, found["text"])
        places = {use["place"] for use in self.gateway.uses(change="used")}
        self.assertEqual(places, {"query api_key", "form field client_secret", "JSON /auth/token"})
        shown = self.gateway.run("servers", "show", "probe").stdout
        self.assertIn("in form field client_secret", shown)

    def test_2_it_comes_back_in_no_redirect_error_or_log(self):
        found = self.get(f"/error?api_key={STAND_IN}")
        self.assertEqual((found["status"], TOKEN in json.dumps(found)), (500, False))
        # The client follows it: its placeholder leads nowhere, and the value was never in it.
        found = self.get(f"/redirect?api_key={STAND_IN}")
        self.assertIn("403", found["error"])
        found = self.get("/coding", f"client_secret={STAND_IN}", FORM)
        self.assertEqual((found["status"], found["headers"]["x-gatehouse-refusal"]), (502, "upstream"))
        self.assertNotIn(TOKEN, json.dumps(found))
        self.gateway.settle()
        self.assertNotIn(TOKEN, self.gateway.log_text() + json.dumps(self.gateway.records()))

    def test_3_anywhere_else_it_blocks_and_alarms(self):
        before, alarms = len(self.site.requests), len(self.gateway.uses(change="misplaced"))
        attempts = [
            (f"/?other={STAND_IN}", None, {}), (f"/?api_key={STAND_IN}x", None, {}), (f"/{STAND_IN}?api_key={STAND_IN}", None, {}),
            (f"/?api_key={STAND_IN}&api_key=1", None, {}), ("/", f"client_secret={STAND_IN}", {"Content-Type": "text/plain"}),
            ("/", f"other={STAND_IN}", FORM), ("/", f"client_secret={STAND_IN}", {**FORM, "Content-Encoding": "br"}),
            ("/", json.dumps({"auth": {"token": STAND_IN}}), JSON), ("/", json.dumps({"auth": {"token": f"v1 {STAND_IN}", "b": STAND_IN}}), JSON),
            ("/", None, {"Authorization": f"Bearer {STAND_IN}"}),
            (f"/?api_key={STAND_IN}", None, {"Referer": f"https://api.example.com/?api_key={STAND_IN}"}),
        ]
        for path, body, headers in attempts:
            found = self.get(path, body, headers)
            self.assertEqual((found.get("status"), found.get("headers", {}).get("x-gatehouse-refusal")), (403, "canary"), (path, headers))
        for pad, status in ((1 << 19, 200), (1 << 20, 403)):
            self.assertEqual(self.get("/", f"client_secret={STAND_IN}&x=", FORM, pad=pad)["status"], status)
        found = self.get(f"/?api_key={STAND_IN}", "x=1", FORM)
        self.assertEqual((found["status"], found["headers"]["x-gatehouse-refusal"]), (403, "method"))
        self.assertEqual(len(self.site.requests), before + 1)
        self.assertEqual(len(self.gateway.uses(change="misplaced")) - alarms, len(attempts) + 1)

    def test_4_what_stands_in_an_address_is_warned_of(self):
        said = self.gateway.run("check")
        self.assertIn("goes out in the address, as `api_key`", said.stdout + said.stderr)


if __name__ == "__main__":
    unittest.main()
