"""Names that are looked up: in a network namespace of the test's own, where a public address is the machine's.

The test runs itself again inside; nothing there leads outside of the machine.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

INSIDE = "GATEHOUSE_E2E_NAMES"
PUBLIC, PUBLIC6 = "93.184.216.34", "2606:2800:220:1::1"
HOSTS = f"""127.0.0.1 localhost
{PUBLIC} docs.example.com
10.1.2.3 private.example.com
127.0.0.1 loopback.example.com
169.254.169.254 metadata.example.com
{PUBLIC} mixed.example.com
10.1.2.3 mixed.example.com
{PUBLIC} later.example.com
{PUBLIC6} six.example.com
"""
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  web:
    command: ["{venv}/sdk/bin/mcp-server-fetch"]
    env: {{ SSL_CERT_FILE: /data/certs/site.pem }}
    cage: {{ read: {{ /data/certs: ./certs }}, network: {{ allow: [docs.example.com] }} }}
  probe:
    command: [/usr/bin/python3, ./prober.py]
    env: {{ SSL_CERT_FILE: /data/certs/site.pem }}
    cage:
      read: {{ /data/certs: ./certs }}
      network: {{ allow: [docs.example.com, private.example.com, loopback.example.com, metadata.example.com,
                          mixed.example.com, nowhere.example.com, six.example.com] }}
  # Remote ones, to which the gateway connects itself.
  inside: {{ url: "https://private.example.com/mcp" }}
  meta: {{ url: "https://metadata.example.com/mcp" }}
  mixed: {{ url: "https://mixed.example.com/mcp" }}
  itself: {{ url: "http://localhost:{port}/mcp" }}
  named: {{ url: "https://private.example.com/mcp", addresses: [10.1.0.0/16] }}
  moved: {{ url: "https://docs.example.com/moved", ca: ./certs/site.pem }}
tools:
  web.fetch: {{ tier: T0 }}
  probe.tunnel: {{ tier: T0 }}
  probe.direct: {{ tier: T0 }}
  probe.reach: {{ tier: T0 }}
  probe.resolve: {{ tier: T0 }}
"""


def has_version6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((PUBLIC6, 0))
        return True
    except OSError:
        return False


def moved(handler, body):
    if handler.path == "/moved":
        return handler.reply(307, b"", Location="https://docs.example.com/followed")
    handler.reply(200, b"<html><body><p>the words of the page</p></body></html>")


@unittest.skipUnless(os.geteuid() == 0, "a network namespace with addresses of its own needs root")
class Outside(unittest.TestCase):
    def test_names_are_looked_up_and_their_addresses_held_against_the_rules(self):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-names-"))
        self.addCleanup(shutil.rmtree, folder, True)
        (folder / "hosts").write_text(HOSTS)
        (folder / "nsswitch").write_text("passwd: files\ngroup: files\nhosts: files\n")
        inner = [sys.executable, "-m", "unittest", "-v", "test_egress_names.Names"]
        script = (f"mount --bind {folder}/hosts /etc/hosts && mount --bind {folder}/nsswitch /etc/nsswitch.conf && "
                  f"ip link set lo up && ip addr add {PUBLIC}/32 dev lo && "
                  f"{{ ip addr add {PUBLIC6}/128 dev lo nodad || true; }} && exec \"$@\"")
        run = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", script, "sh", *inner], capture_output=True, text=True,
                             cwd=Path(__file__).parent, env={**os.environ, INSIDE: str(folder)}, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("Ran 5 tests", run.stderr)


@unittest.skipUnless(INSIDE in os.environ, "runs inside of the namespace only")
class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from test_egress import PROBER, Outlet
        from harness import Gateway
        from web import Site, certificate
        folder = Path(os.environ[INSIDE])
        chain, key = certificate(folder / "site", "docs.example.com", "later.example.com", "six.example.com")
        cls.site = cls.enterClassContext(Site(chain, key, answer=moved, address=PUBLIC, port=443))
        if has_version6():
            cls.enterClassContext(Site(chain, key, address=PUBLIC6, port=443))
        gateway = Gateway(CONFIGURATION, accept=["web", "probe"])
        shutil.copy(PROBER, gateway.folder / "prober.py")
        os.chmod(gateway.folder / "prober.py", 0o644)
        (gateway.folder / "certs").mkdir()
        shutil.copy(chain, gateway.folder / "certs/site.pem")
        os.chmod(gateway.folder / "certs/site.pem", 0o644)
        cls.gateway = cls.enterClassContext(gateway)
        cls.outlet, cls.folder = Outlet, folder

    def test_a_real_server_fetches_from_a_public_name(self):
        is_error, text = self.outlet.call(self.gateway, "web", "fetch", url="https://docs.example.com/page", raw=True)
        self.assertEqual((is_error, "the words of the page" in text), (False, True), text)
        opened = self.outlet.egress_records(self.gateway, change="opened")
        self.assertEqual({(r["detail"]["target"], r["detail"]["address"]) for r in opened if r["server"] == "web"},
                         {("docs.example.com:443", f"{PUBLIC}:443")})

    def test_a_name_that_leads_inside_is_refused_whole(self):
        for name in ("private", "loopback", "metadata", "mixed"):
            found = self.outlet.call(self.gateway, "probe", "tunnel", target=f"{name}.example.com:443")
            self.assertEqual((found["status"], found["refusal"]), (403, "address-not-public"), name)
        found = self.outlet.call(self.gateway, "probe", "tunnel", target="nowhere.example.com:443")
        self.assertEqual((found["status"], found["refusal"]), (502, "unresolved"))
        found = self.outlet.call(self.gateway, "probe", "reach", host=PUBLIC, port=443)
        self.assertRegex(found["error"].lower(), "access denied|unreachable|permission")  # the first where it is captured
        reasons = [r["detail"]["reason"] for r in self.outlet.egress_records(self.gateway, change="refused")]
        self.assertIn("169.254.169.254, which is link-local", " ".join(reasons))

    def test_the_gateway_itself_goes_where_its_operator_wrote(self):
        def codes():
            own = self.outlet.egress_records(self.gateway, change="refused", way="own")
            return {r["server"]: (r["detail"]["refusal"], r["detail"]["target"]) for r in own}
        self.gateway.wait_for(lambda: len(codes()) >= 4)
        self.assertEqual(codes(), {
            "inside": ("address-not-public", "https://private.example.com"), "mixed": ("address-not-public", "https://mixed.example.com"),
            "meta": ("address-not-public", "https://metadata.example.com"), "itself": ("gateway", f"http://localhost:{self.gateway.port}")})
        self.gateway.wait_for(lambda: any(path == "/moved" for _, path, _, _ in self.site.requests))
        self.gateway.wait_for(lambda: "307" in self.gateway.log_text())
        self.assertNotIn("/followed", [path for _, path, _, _ in self.site.requests])
        self.assertIn("write `addresses: [10.1.2.3]` beside its url", self.gateway.log_text())

    def test_a_cage_is_told_the_addresses_that_were_decided_on(self):
        def resolve(name):
            return self.outlet.call(self.gateway, "probe", "resolve", name=f"{name}.example.com")
        if "gaierror" in resolve("docs").get("error", ""):
            self.skipTest("this machine captures no connections")
        self.assertEqual(resolve("docs")["addresses"], [PUBLIC])
        found = self.outlet.call(self.gateway, "probe", "reach", host="docs.example.com", port=443, name="docs.example.com")
        self.assertEqual((found["place"], "the words of the page" in found["text"]), (PUBLIC, True))
        for name in ("private", "loopback", "metadata", "mixed", "nowhere", "later"):
            self.assertIn("gaierror", resolve(name)["error"], name)
        like = {"change": "refused", "way": "look-up"}
        codes = {r["detail"]["target"].split(".")[0]: r["detail"]["refusal"] for r in self.outlet.egress_records(self.gateway, **like)}
        self.assertEqual(codes, {"private": "address-not-public", "loopback": "address-not-public", "mixed": "address-not-public",
                                 "metadata": "address-not-public", "nowhere": "unresolved", "later": "unknown-host"})
        self.gateway.decide("egress", "allow", "probe", "later.example.com", "--for", "1h")
        self.assertEqual(resolve("later")["addresses"], [PUBLIC])
        # What it was told holds for its connections: the name turns, and leads where it led.
        (self.folder / "hosts").write_text(HOSTS.replace(f"{PUBLIC} later", "10.1.2.3 later"))
        found = self.outlet.call(self.gateway, "probe", "reach", host=PUBLIC, port=443, name="later.example.com")
        self.assertIn("the words of the page", found["text"])
        (self.folder / "hosts").write_text(HOSTS)

    def test_a_host_that_has_version_6_alone_is_reached(self):
        if not has_version6():
            self.skipTest("this machine has no IPv6")
        found = self.outlet.call(self.gateway, "probe", "tunnel", target="six.example.com:443", name="six.example.com")
        self.assertIn("the words of the page", found["text"])
        found = self.outlet.call(self.gateway, "probe", "resolve", name="six.example.com")
        if "gaierror" in found.get("error", ""):
            self.skipTest("this machine captures no connections")
        self.assertEqual(found["addresses"], [PUBLIC6])
        found = self.outlet.call(self.gateway, "probe", "reach", host="six.example.com", port=443, name="six.example.com")
        self.assertEqual((found["place"], "the words of the page" in found["text"]), (PUBLIC6, True))
        opened = self.outlet.egress_records(self.gateway, change="opened", way="captured", target="six.example.com:443")
        self.assertEqual(opened[0]["detail"]["address"], f"[{PUBLIC6}]:443")


if __name__ == "__main__":
    unittest.main()
