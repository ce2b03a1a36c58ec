"""Requests come as fast as a server writes them inside one TLS connection: the log stays readable, the budget holds."""
import shutil
import tempfile
import unittest
from pathlib import Path

from test_secrets import CONFIGURATION, Bank
from web import Site, certificate

TEXT = CONFIGURATION.replace("probe.shape: {{ tier: T0 }}", "probe.shape: {{ tier: T0 }}\n  probe.flood: {{ tier: T0 }}").replace(
    "tools: [probe.get,", "tools: [probe.flood, probe.get,").replace(
    '"api.example.com:TLS", addresses: [127.0.0.1] }}', '"api.example.com:TLS", addresses: [127.0.0.1], methods: [GET], ca: ./certs/site.pem }}').replace(
    "        allow:\n", "        budget: {{ per_minute: 30 }}\n        allow:\n")


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, folder, True)
        chain, key = certificate(folder / "site", "api.example.com")
        cls.site = cls.enterClassContext(Site(chain, key))
        cls.plain = cls.enterClassContext(Site())
        cls.gateway = cls.enterClassContext(Bank(cls.site, cls.plain, chain, TEXT))

    def flood(self, count, line="GET / HTTP/1.1", **fields):
        more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        place = f"api.example.com:{self.site.port}"
        return self.gateway.call("flood", target=place, name="api.example.com", count=count,
                                 request=f"{line}\r\nHost: {place}\r\n{more}\r\n")

    def test_1_of_many_alarms_twenty_are_told_in_ten_seconds(self):
        found = self.flood(100, Other="<API_TOKEN>")
        self.assertEqual(found["found"], {"403 canary": 100})
        told = len(self.gateway.uses(change="misplaced"))
        self.assertGreaterEqual(told, 20)
        self.assertLessEqual(told, 20 * (1 + int(found["seconds"] / 10)))
        self.assertEqual(self.site.requests, [])
        # An alarm uses up nothing of the budget, so that nobody hides behind it.
        self.assertEqual(self.flood(1, Other="<API_TOKEN>")["found"], {"403 canary": 1})

    def test_2_refused_requests_count_against_the_minute_and_stop_the_next_connection(self):
        found = self.flood(100, "DELETE / HTTP/1.1")
        self.assertEqual(found["found"], {"403 request": 100})
        self.gateway.settle()
        told = [r for r in self.gateway.records() if r["kind"] == "egress" and r["detail"].get("refusal") == "request"]
        seconds = int(found["seconds"])
        self.assertGreaterEqual(len(told), 20)
        self.assertLessEqual(len(told), 30 * (1 + seconds // 60) + 1 + seconds // 10)
        self.assertEqual(self.site.requests, [])
        if seconds < 30:
            self.assertEqual(self.flood(1), {"refusal": "budget"})


if __name__ == "__main__":
    unittest.main()
