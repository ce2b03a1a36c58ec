"""Programs that know of no proxy: what they connect to and what they ask a resolver comes to the gateway."""
import json
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from test_egress import Outlet
from web import Site, certificate


def captures(gateway):
    return json.loads(gateway.run("doctor", "--json").stdout)["capture"]["present"]


def query(name, kind=1, extra=b"", options=True):
    """A question in hexadecimal, as glibc asks it."""
    labels = b"".join(bytes([len(part)]) + part for part in name.encode().split(b".") if part)
    head = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00" + bytes([options])
    tail = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00" if options else b""
    return (head + labels + b"\x00" + kind.to_bytes(2, "big") + b"\x00\x01" + tail + extra).hex()


def code(answer):
    return int(answer[6:8], 16) & 15


class Captured(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        chain, key = certificate(cls.folder / "site", "docs.example.com", "127.0.0.1")
        cls.site = cls.enterClassContext(Site(chain, key))
        cls.plain = cls.enterClassContext(Site())
        cls.gateway = cls.enterClassContext(Outlet(cls.site, cls.plain, chain, accept=["probe", "shut"]))
        if not captures(cls.gateway):
            raise unittest.SkipTest("this machine captures no connections: see `gatehouse doctor`")

    def reach(self, host, port=None, **more):
        return self.gateway.call("probe", "reach", host=host, port=port or self.site.port, **more)

    def ask(self, question, **more):
        return self.gateway.call("probe", "ask", question=question, **more)["answers"]

    def refused(self, **like):
        return [r["detail"] for r in self.gateway.egress_records(change="refused", **like)]

    def test_a_program_without_a_proxy_reaches_the_host_it_may(self):
        found = self.reach("docs.example.com", name="docs.example.com")
        self.assertIn("the words of the page", found["text"])
        self.assertEqual(found["place"], "127.0.0.1")  # the pinned address; the gateway is behind every one
        place = f"docs.example.com:{self.site.port}"
        opened = self.gateway.egress_records(change="opened", target=place, way="captured")
        self.assertEqual(opened[0]["detail"]["address"], f"127.0.0.1:{self.site.port}")
        # An address from elsewhere goes where the greeting says.
        self.assertIn("the words of the page", self.reach("192.0.2.7", name="docs.example.com")["text"])

    def test_addresses_and_unknown_hosts_are_decided_like_those_of_a_proxy(self):
        port, own = self.site.port, self.gateway.port
        for host, to, name, refusal in [
            ("127.0.0.1", port, "", "address-literal"), ("169.254.169.254", 80, "", "address-literal"),
            ("192.0.2.1", 443, "other.example.com", "unknown-host"), ("192.0.2.1", 443, "docs.example.com", "port"),
            ("docs.example.com", port, "evil.example.com", "unknown-host"), ("docs.example.com", port, "", "address-literal"),
            ("192.0.2.1", own, "gate.example.com", "gateway"),
        ]:
            before = len(self.refused(refusal=refusal, way="captured"))
            found = self.reach(host, to, name=name)
            self.assertIn("access denied", found["error"].lower(), (host, to, name))
            self.assertEqual(len(self.refused(refusal=refusal, way="captured")) - before, 1, (host, to, name))
        asked = [q["host"] for q in self.gateway.egress()["asked"]]
        self.assertIn("other.example.com:443", asked)

    def test_plain_requests_go_by_their_host_field(self):
        port, before = self.plain.port, len(self.plain.requests)
        head = f"GET /x?y=1 HTTP/1.1\r\nHost: plain.example.com:{port}\r\n"
        found = self.reach("plain.example.com", port, raw=head + "X-A: 1\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn("the words of the page", found["heard"])
        seen = self.plain.requests[before:]
        self.assertEqual([(r[1], r[2]["Host"], r[2]["X-A"]) for r in seen], [("/x?y=1", f"plain.example.com:{port}", "1")])
        for request, refusal in [
            (f"GET / HTTP/1.1\r\nHost: evil.example.com:{port}\r\n\r\n", "unknown-host"),
            (f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", "address-literal"),
            (f"GET / HTTP/1.1\r\nHost: 127.0.0.2:{port}\r\n\r\n", "other-host"),
            ("GET / HTTP/1.1\r\nHost: plain.example.com\r\n\r\n", "other-host"),
            (head + "Host: plain.example.com\r\n\r\n", "bad-request"), ("GET / HTTP/1.1\r\n\r\n", "bad-request"),
            (f"GET http://plain.example.com:{port}/ HTTP/1.1\r\nHost: plain.example.com:{port}\r\n\r\n", "bad-request"),
            (f"CONNECT plain.example.com:{port} HTTP/1.1\r\nHost: plain.example.com:{port}\r\n\r\n", "bad-request"),
        ]:
            found = self.reach("plain.example.com", port, raw=request)
            self.assertIn(f"X-Gatehouse-Refusal: {refusal}", found["heard"], request)
        self.assertEqual(len(self.plain.requests), before + 1)

    def test_what_is_neither_tls_nor_http_goes_nowhere(self):
        self.assertNotIn("words", self.reach("docs.example.com", raw="\x00\x00\x00\x08\x04\xd2\x16\x2f")["heard"])
        self.assertEqual(self.refused(refusal="not-tls", way="captured")[-1]["target"], f"127.0.0.1:{self.site.port}")

    def test_only_allowed_names_are_there(self):
        self.assertEqual(len(self.gateway.call("probe", "resolve", name="docs.example.com")["addresses"]), 1)
        self.assertIn("gaierror", self.gateway.call("probe", "resolve", name="secret-data.evil.example.com")["error"])
        records = self.refused(refusal="unknown-host", way="look-up", target="secret-data.evil.example.com:443")
        self.assertEqual(len(records), 1)  # A and AAAA were asked for, it is one name
        asked = [q for q in self.gateway.egress()["asked"] if q["host"] == "secret-data.evil.example.com:443"]
        self.assertEqual((asked[0]["reason"], asked[0]["waiting"]), ("unknown-host", 0))
        self.assertIn("gaierror", self.gateway.call("shut", "resolve", name="docs.example.com")["error"])

    def test_the_resolver_answers_strictly_on_datagrams_and_streams(self):
        good = query("DoCs.example.com")
        for stream in (False, True):
            answers = self.ask(good, stream=stream, count=3)
            self.assertEqual(len(set(answers)), 1)
            self.assertEqual((code(answers[0]), answers[0][12:16]), (0, "0001"))
            self.assertIn("446f43730765", answers[0])  # in the asker's own spelling
            for kind in (28, 16, 65, 255):
                answer = self.ask(query("docs.example.com", kind), stream=stream)[0]
                self.assertEqual((code(answer), answer[12:16]), (0, "0000"), kind)
            self.assertEqual(code(self.ask(query("tunnel.example.com", 16), stream=stream)[0]), 3)
            self.assertEqual(code(self.ask(query("docs.example.com", extra=b"x"), stream=stream)[0]), 1)
            self.assertEqual(code(self.ask("1234010000010000000000000000c00c00010001", stream=stream)[0]), 1)
            self.assertEqual(code(self.ask("1234280000010000000000000000010001", stream=stream)[0]), 4)
        self.assertEqual(code(self.ask("1234010000010000000000000161" + "00" * 600)[0]), 1)

    def test_words_in_names_get_nowhere(self):
        answers = [code(self.ask(query(f"{n:05}.{self._testMethodName[:20]}.example.org", 16))[0]) for n in range(120)]
        self.assertEqual(set(answers), {3, 5})  # first not there, then refused: 40 hosts a minute
        budget = self.refused(refusal="budget", way="look-up")
        self.assertLess(len(budget), 10)  # not one for each name
        self.assertTrue(budget)


class AskingCaptured(unittest.TestCase):
    def test_a_captured_connection_waits_for_a_person(self):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        self.addCleanup(shutil.rmtree, folder, True)
        chain, key = certificate(folder / "site", "127.0.0.1")
        # Nothing is looked up before the answer: the name stands for an address of nobody's.
        with Site(chain, key) as site, Site() as plain, \
                Outlet(site, plain, chain, ask="ask", accept=["probe"]) as gateway:
            if not captures(gateway):
                self.skipTest("this machine captures no connections")
            place, found = "waits.example.com:443", {}
            thread = threading.Thread(target=lambda: found.update(
                gateway.call("probe", "reach", host="waits.example.com", port=443, name="waits.example.com")))
            thread.start()
            gateway.wait_for(lambda: [q for q in gateway.egress()["asked"] if q["host"] == place and q["waiting"] == 1])
            self.assertEqual(gateway.run("egress", "refuse", "probe", place).returncode, 0)
            thread.join(60)
            self.assertIn("access denied", found["error"].lower())
            self.assertRegex(found["place"], r"^198\.1[89]\.")
            # Whose address it is says which name has to stand in the greeting.
            found = gateway.call("probe", "reach", host="waits.example.com", port=443, name="evil.example.com")
            self.assertIn("access denied", found["error"].lower())


if __name__ == "__main__":
    unittest.main()
