"""Names that are looked up: in a network namespace of the test's own, where a public address is the machine's.

The test runs itself again inside; nothing there leads outside of the machine.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

INSIDE = "GATEHOUSE_E2E_NAMES"
PUBLIC = "93.184.216.34"
HOSTS = f"""127.0.0.1 localhost
{PUBLIC} docs.example.com
10.1.2.3 private.example.com
127.0.0.1 loopback.example.com
169.254.169.254 metadata.example.com
{PUBLIC} mixed.example.com
10.1.2.3 mixed.example.com
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
                          mixed.example.com, nowhere.example.com] }}
tools:
  web.fetch: {{ tier: T0 }}
  probe.tunnel: {{ tier: T0 }}
  probe.direct: {{ tier: T0 }}
"""


@unittest.skipUnless(os.geteuid() == 0, "a network namespace with addresses of its own needs root")
class Outside(unittest.TestCase):
    def test_names_are_looked_up_and_their_addresses_held_against_the_rules(self):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-names-"))
        self.addCleanup(shutil.rmtree, folder, True)
        (folder / "hosts").write_text(HOSTS)
        (folder / "nsswitch").write_text("passwd: files\ngroup: files\nhosts: files\n")
        inner = [sys.executable, "-m", "unittest", "-v", "test_egress_names.Names"]
        script = (f"mount --bind {folder}/hosts /etc/hosts && mount --bind {folder}/nsswitch /etc/nsswitch.conf && "
                  f"ip link set lo up && ip addr add {PUBLIC}/32 dev lo && exec \"$@\"")
        run = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", script, "sh", *inner], capture_output=True, text=True,
                             cwd=Path(__file__).parent, env={**os.environ, INSIDE: str(folder)}, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("Ran 2 tests", run.stderr)


@unittest.skipUnless(INSIDE in os.environ, "runs inside of the namespace only")
class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from test_egress import PROBER, Outlet
        from harness import Gateway
        from web import Site, certificate
        folder = Path(os.environ[INSIDE])
        chain, key = certificate(folder / "site", "docs.example.com")
        cls.site = cls.enterClassContext(Site(chain, key, address=PUBLIC, port=443))
        gateway = Gateway(CONFIGURATION, accept=["web", "probe"])
        shutil.copy(PROBER, gateway.folder / "prober.py")
        os.chmod(gateway.folder / "prober.py", 0o644)
        (gateway.folder / "certs").mkdir()
        shutil.copy(chain, gateway.folder / "certs/site.pem")
        os.chmod(gateway.folder / "certs/site.pem", 0o644)
        cls.gateway = cls.enterClassContext(gateway)
        cls.outlet = Outlet

    def test_a_real_server_fetches_from_a_public_name(self):
        is_error, text = self.outlet.call(self.gateway, "web", "fetch", url="https://docs.example.com/page", raw=True)
        self.assertEqual((is_error, "the words of the page" in text), (False, True), text)
        opened = self.outlet.egress_records(self.gateway, change="opened")
        self.assertEqual({(r["detail"]["target"], r["detail"]["address"]) for r in opened},
                         {("docs.example.com:443", f"{PUBLIC}:443")})

    def test_a_name_that_leads_inside_is_refused_whole(self):
        for name in ("private", "loopback", "metadata", "mixed"):
            found = self.outlet.call(self.gateway, "probe", "tunnel", target=f"{name}.example.com:443")
            self.assertEqual((found["status"], found["refusal"]), (403, "address-not-public"), name)
        found = self.outlet.call(self.gateway, "probe", "tunnel", target="nowhere.example.com:443")
        self.assertEqual((found["status"], found["refusal"]), (502, "unresolved"))
        found = self.outlet.call(self.gateway, "probe", "direct", host=PUBLIC, port=443)
        self.assertRegex(found["error"].lower(), "unreachable|permission denied")  # the latter where Landlock is
        reasons = [r["detail"]["reason"] for r in self.outlet.egress_records(self.gateway, change="refused")]
        self.assertIn("169.254.169.254, which is link-local", " ".join(reasons))


if __name__ == "__main__":
    unittest.main()
