"""Methods and paths of a place: each request is looked at, in plain http and inside TLS that the gateway ends."""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from test_egress import Outlet
from web import Site, certificate

PLACE = '{{ host: "docs.example.com:TLS", addresses: [127.0.0.1] }}'
LIMITED = """{{ host: "docs.example.com:TLS", addresses: [127.0.0.1], methods: [GET], paths: [/v1/**], ca: ./certs/site.pem }}
          - {{ host: "docs.example.com:TLS", addresses: [127.0.0.1], methods: [POST], paths: [/v1/items] }}"""
PLAIN = '{{ host: "plain.example.com:PLAIN", addresses: [127.0.0.1] }}'
LIMITED_PLAIN = '{{ host: "plain.example.com:PLAIN", addresses: [127.0.0.1], methods: [GET], paths: [/open/*] }}'


class Limited(Outlet):
    @staticmethod
    def change(text):
        before, probe = text.split("  probe:\n", 1)
        return before + "  probe:\n" + probe.replace(PLACE, LIMITED).replace(PLAIN, LIMITED_PLAIN)


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        chain, key = certificate(cls.folder / "site", "docs.example.com")
        cls.site = cls.enterClassContext(Site(chain, key))
        cls.plain = cls.enterClassContext(Site())
        cls.gateway = cls.enterClassContext(Limited(cls.site, cls.plain, chain, accept=["probe"]))
        cls.url = f"https://docs.example.com:{cls.site.port}"

    def get(self, path, **more):
        return self.gateway.call("probe", "get", url=self.url + path, **more)

    def test_requests_that_are_named_go_through(self):
        for path, more in (("/v1/a?x=1", {}), ("/v1/a/b", {}), ("/v1/items", {"method": "POST", "body": "abc"})):
            found = self.get(path, **more)
            self.assertEqual((found.get("status"), "the words of the page" in found.get("text", "")), (200, True), (path, found))
            self.assertEqual(self.site.requests[-1][1], path)
        self.assertEqual(self.site.requests[-1][3], b"abc")

    def test_all_others_are_refused_and_recorded(self):
        before = len(self.site.requests)
        tries = [("/v2", {}), ("/v1/items/1", {"method": "POST", "body": "x"}), ("/v1/a", {"method": "DELETE"}),
                 ("/v1/a", {"headers": {"X-HTTP-Method-Override": "DELETE"}}), ("/v1/%2e%2e/admin", {}), ("/v1/a%2fb", {}), ("/v1//a", {})]
        for path, more in tries:
            found = self.get(path, **more)
            self.assertEqual((found["status"], found["headers"].get("x-gatehouse-refusal")), (403, "request"), (path, found))
        self.assertEqual(len(self.site.requests), before)
        records = [r["detail"] for r in self.gateway.egress_records(change="refused", refusal="request")]
        self.assertIn("`POST /v1/items/1` may not be sent", " ".join(r["reason"] for r in records))

    def test_plain_requests_are_held_to_the_same(self):
        port = self.plain.port
        found = self.gateway.call("probe", "get", url=f"http://plain.example.com:{port}/open/x")
        self.assertEqual(found["status"], 200)
        before = len(self.plain.requests)
        for line in (f"GET http://plain.example.com:{port}/shut", f"POST http://plain.example.com:{port}/open/x",
                     f"GET http://plain.example.com:{port}/open/../shut"):
            found = self.gateway.call("probe", "plain", request=f"{line} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual((found["status"], found["refusal"]), (403, "request"), line)
        if json.loads(self.gateway.run("doctor", "--json").stdout)["capture"]["present"]:
            raw = f"GET /shut HTTP/1.1\r\nHost: plain.example.com:{port}\r\n\r\n"
            found = self.gateway.call("probe", "reach", host="plain.example.com", port=port, raw=raw)
            self.assertIn("X-Gatehouse-Refusal: request", found["heard"])
        self.assertEqual(len(self.plain.requests), before)

    def test_who_is_captured_is_held_to_the_same(self):
        if not json.loads(self.gateway.run("doctor", "--json").stdout)["capture"]["present"]:
            self.skipTest("this machine captures no connections")
        before = len(self.site.requests)
        # It asks for `/` with another Host: TLS is ended here, so both are seen.
        found = self.gateway.call("probe", "reach", host="docs.example.com", port=self.site.port, name="docs.example.com")
        self.assertIn("the Host field must name", found["text"])
        self.assertEqual(len(self.site.requests), before)

    def test_listings_say_which_requests(self):
        shown = self.gateway.run("servers", "show", "probe").stdout
        self.assertIn(f"may connect to docs.example.com:{self.site.port} GET /v1/**", shown)

    def test_what_cannot_be_held_is_not_taken(self):
        source = (self.gateway.folder / "gatehouse.yaml").read_text()
        place = f'host: "plain.example.com:{self.plain.port}", addresses: [127.0.0.1], methods: [GET]'
        self.assertIn(place, source)
        for change, words in [
            ("host: 192.0.2.1, methods: [GET]", "need a name"), ("host: a.example.com, methods: [HEAD]", "is not carried"),
            ("host: a.example.com, methods: [GET], paths: [/a/../b]", "is no path"), ("host: a.example.com, ca: x.pem", "`ca` is for hosts"),
            (f'host: "docs.example.com:{self.site.port}", methods: [GET]', "is named twice"),
        ]:
            path = self.gateway.folder / "other.yaml"
            path.write_text(source.replace(place + ", paths: [/open/*]", change))
            run = self.gateway.run("check", "--config", str(path))
            self.assertNotEqual(run.returncode, 0, change)
            self.assertIn(words, run.stdout + run.stderr, change)


if __name__ == "__main__":
    unittest.main()
