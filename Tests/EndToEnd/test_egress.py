"""Where a hosted server may connect to: what is named, through the gateway, and nowhere else."""
import json
import os
import shutil
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

from harness import Gateway, free_port
from web import Site, certificate

PROBER = Path(__file__).resolve().parent / "servers/prober.py"
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}", control: "127.0.0.1:CONTROL" }}
servers:
  web:
    command: ["{venv}/sdk/bin/mcp-server-fetch", --allow-private-ips]
    env: {{ SSL_CERT_FILE: /data/certs/site.pem }}
    cage:
      read: {{ /data/certs: ./certs }}
      network: {{ allow: [{{ host: "docs.example.com:TLS", addresses: [127.0.0.1] }}] }}
  probe:
    command: [/usr/bin/python3, ./prober.py]
    env: {{ SSL_CERT_FILE: /data/certs/site.pem }}
    cage:
      read: {{ /data/certs: ./certs }}
      network:
        allow:
          - {{ host: "docs.example.com:TLS", addresses: [127.0.0.1] }}
          - {{ host: "plain.example.com:PLAIN", addresses: [127.0.0.1] }}
          - {{ host: "nowhere.example.com:9", addresses: [127.0.0.1] }}
          - {{ host: "gate.example.com:{port}", addresses: [127.0.0.1] }}
        unknown: ASK
        budget: {{ connections: 8, per_minute: BUDGET, hosts_per_minute: 40, sent_per_hour: 4000000 }}
  shut:
    command: [/usr/bin/python3, ./prober.py]
tools:
  web.fetch: {{ tier: T0 }}
"""
for server in ("probe", "shut"):
    for tool in ("get", "tunnel", "plain", "direct", "resolve", "reach", "ask", "environment", "timing"):
        CONFIGURATION += f"  {server}.{tool}: {{{{ tier: T0 }}}}\n"


class Outlet(Gateway):
    """A gateway with a stand-in for a public host beside it."""

    def __init__(self, site, plain, certs, ask="refuse", budget=1000, **more):
        self.control = free_port()
        text = self.change(CONFIGURATION).replace("TLS", str(site.port)).replace("PLAIN", str(plain.port))
        text = text.replace("CONTROL", str(self.control)).replace("ASK", ask).replace("BUDGET", str(budget))
        super().__init__(text, **more)
        shutil.copy(PROBER, self.folder / "prober.py")
        os.chmod(self.folder / "prober.py", 0o644)
        (self.folder / "certs").mkdir()
        shutil.copy(certs, self.folder / "certs/site.pem")
        os.chmod(self.folder / "certs/site.pem", 0o644)

    @staticmethod
    def change(text):
        return text

    def call(self, server, tool, **arguments):
        _, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}")
        if not isinstance(answer, dict) or "result" not in answer:
            raise RuntimeError(answer)
        lines = "\n".join(c.get("text", "") for c in answer["result"]["content"]).split("\n")
        text = "\n".join(line for line in lines if "UNTRUSTED_EXTERNAL_DATA" not in line).strip()
        return json.loads(text) if server != "web" else (answer["result"].get("isError", False), text)

    def egress(self):
        return json.loads(self.run("egress", "list", "--json").stdout)

    def egress_records(self, **like):
        self.settle()
        found = [r for r in self.records() if r["kind"] == "egress"]
        return [r for r in found if all(r["detail"].get(k) == v for k, v in like.items())]

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}/metrics", timeout=30) as response:
            return response.read().decode()


class Egress(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        chain, key = certificate(cls.folder / "site", "docs.example.com", "127.0.0.1")
        cls.site = cls.enterClassContext(Site(chain, key))
        cls.plain = cls.enterClassContext(Site())
        cls.chain = chain
        cls.gateway = cls.enterClassContext(Outlet(cls.site, cls.plain, chain, accept=["web", "probe", "shut"]))
        cls.place = f"docs.example.com:{cls.site.port}"

    def tunnel(self, target, **more):
        return self.gateway.call("probe", "tunnel", target=target, **more)

    def test_a_real_server_fetches_from_the_host_that_is_named(self):
        is_error, text = self.gateway.call("web", "fetch", url=f"https://{self.place}/page", raw=True)
        self.assertFalse(is_error, text)
        self.assertIn("the words of the page", text)
        opened = [r for r in self.gateway.egress_records(change="opened") if r["server"] == "web"]
        self.assertEqual(opened[0]["detail"]["target"], self.place)
        self.assertEqual(opened[0]["detail"]["rule"], self.place)
        self.assertEqual(opened[0]["detail"]["address"], f"127.0.0.1:{self.site.port}")
        self.gateway.wait_for(lambda: [
            r for r in self.gateway.egress_records(change="closed")
            if r["server"] == "web" and r["detail"]["receivedBytes"] > 500 and r["detail"]["sentBytes"] > 200])
        metrics = self.gateway.metrics()
        self.assertRegex(metrics, r'gatehouse_egress_connections_total\{tenant="main",server="web",decision="allowed"\} [1-9]')
        self.assertRegex(metrics, r'gatehouse_egress_bytes_total\{tenant="main",server="web",direction="sent"\} [1-9]')

    def test_a_real_server_reaches_no_other_host_and_the_question_is_shown(self):
        is_error, text = self.gateway.call("web", "fetch", url="https://other.example.com/page", raw=True)
        self.assertTrue(is_error, text)
        asked = [q for q in self.gateway.egress()["asked"] if q["server"] == "web"]
        self.assertEqual([(q["host"], q["reason"], q["waiting"]) for q in asked],
                         [("other.example.com:443", "unknown-host", 0)])
        refused = [r["detail"] for r in self.gateway.egress_records(change="refused") if r["server"] == "web"]
        self.assertEqual((refused[0]["refusal"], refused[0]["target"]), ("unknown-host", "other.example.com:443"))
        self.assertIn("asked    web  other.example.com:443  unknown-host", self.gateway.run("egress", "list").stdout)

    def test_there_is_no_other_way_out(self):
        for port in (self.site.port, self.gateway.port, self.gateway.control):
            found = self.gateway.call("shut", "direct", host="127.0.0.1", port=port)
            # By Landlock where the kernel has it for TCP, else by there being nobody.
            self.assertRegex(found["error"], "ConnectionRefused|PermissionError")
        found = self.gateway.call("shut", "direct", host="192.0.2.1", port=443)
        self.assertRegex(found["error"].lower(), "unreachable|permissionerror")
        found = self.gateway.call("shut", "resolve", name="docs.example.com")
        self.assertIn("gaierror", found["error"])
        # A port no rule names is nobody's; one that a rule names is the gateway (test_egress_captured).
        found = self.gateway.call("probe", "direct", host="127.0.0.1", port=self.gateway.control)
        self.assertRegex(found["error"], "ConnectionRefused|PermissionError")
        before = len(self.site.requests)
        found = self.gateway.call("probe", "reach", host="127.0.0.1", port=self.site.port)
        self.assertTrue(found["error"])
        self.assertEqual(len(self.site.requests), before)
        self.assertRegex(self.gateway.call("shut", "direct", host="127.0.0.1", port=3128)["error"], "ConnectionRefused|PermissionError")
        self.assertNotIn("HTTPS_PROXY", self.gateway.call("shut", "environment"))

    def test_the_greeting_has_to_name_the_host_that_was_allowed(self):
        found = self.tunnel(self.place, name="docs.example.com")
        self.assertIn("the words of the page", found["text"])
        for name in ("evil.example.com", ""):
            found = self.tunnel(self.place, name=name)
            self.assertEqual(found["status"], 200)
            self.assertIn("access denied", found["error"].lower())
        found = self.tunnel(self.place, raw="GET / HTTP/1.1\r\nHost: docs.example.com\r\n\r\n")
        self.assertEqual(found["heard"], "15030300020231")
        codes = [r["detail"]["refusal"] for r in self.gateway.egress_records(change="refused")]
        self.assertEqual((codes.count("server-name"), codes.count("not-tls")), (2, 1))

    def test_every_other_target_is_refused_with_its_reason(self):
        port, own = self.site.port, self.gateway.port
        for target, status, code in [
            (f"docs.example.com:{port + 1}", 403, "port"), ("docs.example.com:22", 403, "port"),
            (f"127.0.0.1:{port}", 403, "address-literal"), (f"2130706433:{port}", 403, "address-literal"),
            ("[::1]:443", 403, "address-literal"), ("169.254.169.254:80", 403, "address-literal"),
            ("xdocs.example.com:443", 403, "unknown-host"), ("localhost:443", 403, "unknown-host"),
            ("docs.example.com", 400, "bad-host"), ("a%00b:443", 400, "bad-host"), ("0x7f.1.2.3.4:443", 400, "bad-host"),
            ("nowhere.example.com:9", 502, "unreachable"), (f"gate.example.com:{own}", 403, "gateway"),
        ]:
            found = self.tunnel(target)
            self.assertEqual((found["status"], found["refusal"]), (status, code), target)
            self.assertTrue(found["body"].strip())

    def test_plain_http_goes_where_its_port_is_named(self):
        plain = self.plain.port
        found = self.gateway.call("probe", "get", url=f"http://plain.example.com:{plain}/x?y=1", method="POST", body="abc")
        self.assertEqual((found["status"], "the words of the page" in found["text"]), (200, True))
        command, path, headers, body = self.plain.requests[-1]
        self.assertEqual((command, path, headers["Host"], body), ("POST", "/x?y=1", f"plain.example.com:{plain}", b"abc"))
        self.assertNotIn("Proxy-Connection", headers)
        for request, code in [
            ("GET http://plain.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n", "port"),
            (f"GET http://u@plain.example.com:{plain}/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-host"),
            ("GET / HTTP/1.1\r\nHost: plain.example.com\r\n\r\n", "bad-host"),
            ("GET ftp://plain.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-host"),
            (f"POST http://plain.example.com:{plain}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
             "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad-request"),
            ("NONSENSE\r\n\r\n", "bad-request"),
        ]:
            self.assertEqual(self.gateway.call("probe", "plain", request=request)["refusal"], code, request)

    def test_a_body_in_chunks_is_written_anew_and_nothing_follows_it(self):
        before = len(self.plain.requests)
        head = f"POST http://plain.example.com:{self.plain.port}/ HTTP/1.1\r\nHost: other.example.com\r\n"
        smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        body = f"Content-Length: 3\r\nConnection: content-length, x-hop\r\nX-Hop: 1\r\n\r\nabc{smuggled}"
        found = self.gateway.call("probe", "plain", request=head + body)
        self.assertEqual(found["status"], 200)
        seen = self.plain.requests[before:]
        self.assertEqual([(r[1], r[3]) for r in seen], [("/", b"abc")])
        self.assertEqual(seen[0][2]["Host"], f"plain.example.com:{self.plain.port}")
        self.assertNotIn("X-Hop", seen[0][2])

    def test_a_person_allows_a_place_once_for_a_time_and_for_good(self):
        place = f"127.0.0.1:{self.site.port}"
        self.assertEqual(self.tunnel(place)["refusal"], "address-literal")
        output = self.gateway.decide("egress", "allow", "probe", place, "--once")
        self.assertIn("once", output)
        self.assertIn("the words of the page", self.tunnel(place)["text"])
        self.assertEqual(self.tunnel(place)["refusal"], "address-literal")
        self.assertIn("until ", self.gateway.decide("egress", "allow", "probe", place, "--for", "1h"))
        self.assertIn("the words of the page", self.tunnel(place)["text"])
        rows = [r for r in self.gateway.egress()["allowed"] if r["host"] == place]
        self.assertEqual((len(rows), rows[0]["by"]), (1, "ana"))
        opened = [r["detail"]["rule"] for r in self.gateway.egress_records(change="opened", target=place)]
        self.assertRegex(" ".join(opened), r"allowed once by ana.* allowed until 20")
        self.assertEqual(self.gateway.run("egress", "refuse", "probe", place).returncode, 0)
        self.assertEqual(self.tunnel(place)["refusal"], "address-literal")
        for arguments in (["shut", "a.example.com"], ["nobody", "a.example.com"], ["probe", "*.com"]):
            status, output = self.gateway.ask(["egress", "allow", *arguments, "--approver", "ana"],
                                              [("passphrase", "correct horse battery")])
            self.assertIn(status, (1, 2), output)
        self.assertNotEqual(self.gateway.run("egress", "allow", "probe", "a.example.com").returncode, 0)

    def test_a_budget_ends_what_is_too_much(self):
        found = self.tunnel(self.place, hold=8)
        self.assertEqual((found["status"], found["refusal"]), (429, "budget"))
        self.assertIn("8 connections", found["body"])
        self.gateway.wait_for(lambda: self.tunnel(self.place, name="docs.example.com").get("text"))


class Asking(unittest.TestCase):
    def test_a_connection_waits_for_a_person(self):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        self.addCleanup(shutil.rmtree, folder, True)
        chain, key = certificate(folder / "site", "127.0.0.1")
        with Site(chain, key) as site, Site() as plain, \
                Outlet(site, plain, chain, ask="ask", accept=["probe"]) as gateway:
            for answer, expected in (("allow", 200), ("refuse", 403)):
                place, found = f"127.0.0.1:{site.port}", {}
                if answer == "refuse":
                    place = "waits.example.com:443"
                thread = threading.Thread(
                    target=lambda: found.update(gateway.call("probe", "tunnel", target=place)))
                thread.start()
                gateway.wait_for(lambda: [q for q in gateway.egress()["asked"] if q["host"] == place and q["waiting"] == 1])
                self.assertIn("WAITS", gateway.run("egress", "list").stdout)
                if answer == "allow":
                    gateway.decide("egress", "allow", "probe", place)
                else:
                    self.assertEqual(gateway.run("egress", "refuse", "probe", place).returncode, 0)
                thread.join(60)
                self.assertEqual(found["status"], expected)
            self.assertEqual(found["refusal"], "not-approved")
            # A yes for good outlives the process.
            gateway.stop()
            gateway.start()
            gateway.wait_for_server("probe")
            self.assertIn("the words of the page", gateway.call("probe", "tunnel", target=f"127.0.0.1:{site.port}")["text"])


if __name__ == "__main__":
    unittest.main()
