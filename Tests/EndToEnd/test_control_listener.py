"""The control listener: is it alive, does it take calls, what has it done."""
import http.client
import json
import os
import signal
import socket
import unittest

from harness import free_port
from ledger import LedgerGateway, text_of
from metrics import Broken, Metrics, get, parse


def listening(more=""):
    port = free_port()
    return port, LedgerGateway(listen=f", control: '127.0.0.1:{port}'{more}")


class Reader(unittest.TestCase):
    def test_the_strict_reader_refuses_what_is_not_the_format(self):
        good = "# HELP a_total b\n# TYPE a_total counter\na_total{x=\"1\"} 1\n"
        parse(good)
        for bad in (good[:-1], good + "a_total{x=\"1\"} 2\n", good.replace("counter", "summary"), good.replace("a_total{", "b{"),
                    good.replace("\"1\"", "1"), good.replace(" 1\n", " one\n"), good.replace("# HELP a_total b\n", ""),
                    good.replace("a_total", "a"), good + good):
            with self.assertRaises((Broken, ValueError), msg=bad):
                parse(bad)


class Control(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port, gateway = listening()
        cls.gateway = cls.enterClassContext(gateway)

    def test_it_is_alive_and_ready(self):
        self.assertEqual(get(self.port, "/healthz")[::2], (200, "ok\n"))
        self.assertEqual(get(self.port, "/readyz"), (200, "text/plain; charset=utf-8", "ready\n"))
        self.assertEqual(get(self.port, "/readyz", method="HEAD")[::2], (200, ""))
        self.assertIn(f"control: http://127.0.0.1:{self.port}/metrics", self.gateway.run("status").stdout)

    def test_calls_are_counted_by_verdict_tier_and_outcome(self):
        before = Metrics(self.port)
        self.assertEqual(before.media_type, "text/plain; version=0.0.4; charset=utf-8")
        for number in range(3):
            self.assertFalse(self.gateway.tool("look", number).get("isError", False))
        self.assertFalse(self.gateway.tool("strike", 1).get("isError", False))
        self.assertIn("waiting for a person", text_of(self.gateway.tool("strike", -1)))
        self.assertIn("do not fit", text_of(self.gateway.tool("look", "x")))
        after = Metrics(self.port)

        def grown(name, **labels):
            return after(name, **labels) - before(name, **labels)
        self.assertEqual(grown("gatehouse_calls_total", server="ledger", tier="T0", verdict="allowed"), 3)
        self.assertEqual(grown("gatehouse_calls_total", server="ledger", tier="T2", verdict="allowed"), 1)
        self.assertEqual(grown("gatehouse_calls_total", server="ledger", tier="T2", verdict="waiting"), 1)
        self.assertEqual(grown("gatehouse_calls_total", verdict="refused"), 1)
        self.assertEqual(grown("gatehouse_refusals_total", code="invalid_arguments"), 1)
        self.assertEqual(grown("gatehouse_refusals_total"), 1)
        self.assertEqual(grown("gatehouse_outcomes_total", server="ledger", status="ok"), 4)
        self.assertEqual(grown("gatehouse_upstream_seconds_count", server="ledger"), 4)
        # The one that asked a person is left out.
        self.assertEqual(grown("gatehouse_call_own_seconds_count"), 5)
        self.assertGreater(grown("gatehouse_log_records_total"), 8)
        self.assertGreater(grown("gatehouse_log_commit_seconds_count"), 0)
        self.assertGreater(grown("gatehouse_log_day_bytes", tenant="main"), 0)
        self.assertEqual(after("gatehouse_calls_running"), 0)
        self.assertIn("calls: ", self.gateway.run("status").stdout)

    def test_what_is_now_is_there(self):
        self.gateway.tool("look", 0)
        self.gateway.wait_for(lambda: Metrics(self.port)("gatehouse_loop_lag_seconds_count") > 0)
        metrics = Metrics(self.port)
        self.assertEqual(metrics("gatehouse_ready"), 1)
        self.assertEqual(metrics("gatehouse_log_writable"), 1)
        self.assertEqual(metrics("gatehouse_server_state", server="ledger", state="running"), 1)
        self.assertEqual(metrics("gatehouse_server_state", server="ledger"), 1)
        self.assertEqual(metrics("gatehouse_server_reachable", server="ledger"), 1)
        self.assertEqual(metrics("gatehouse_tools", server="ledger", state="offered"), 3)
        self.assertGreater(metrics("gatehouse_log_file_bytes", file="log.db-wal"), 0)
        self.assertGreater(metrics("gatehouse_log_free_bytes"), 0)
        self.assertGreater(metrics("process_resident_memory_bytes"), 1 << 20)
        self.assertGreater(metrics("process_cpu_seconds_total"), 0)
        self.assertGreater(metrics("process_open_fds"), 5)

    def test_nothing_an_agent_sends_makes_it_grow_or_shows_in_it(self):
        self.gateway.tool("look", 4)
        before = len(Metrics(self.port).text.splitlines())
        for name in ("nothing", "look2", "x" * 100):
            self.gateway.modern("tools/call", {"name": name, "arguments": {}}, path="/mcp/ledger")
        self.gateway.tool("look", 424242424242)
        text = Metrics(self.port).text
        self.assertEqual(len(text.splitlines()), before)
        for word in ("424242424242", "strike", "bot", self.gateway.secrets["bot"], "look2"):
            self.assertNotIn(word, text)

    def test_only_whoever_operates_it_is_answered(self):
        self.assertEqual(get(self.port, "/mcp")[0], 404)
        self.assertEqual(get(self.port, "/metrics", method="DELETE")[0], 405)
        self.assertEqual(get(self.port, "/metrics", headers={"Host": "evil.example"})[0], 421)
        self.assertEqual(get(self.port, "/metrics", headers={"Origin": "http://localhost"})[0], 403)
        # A body has no place here.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/healthz", b"x" * 10)
        self.assertEqual(connection.getresponse().status, 413)
        connection.close()

    def test_a_crash_is_counted_and_shown(self):
        before = Metrics(self.port)
        pid = json.loads(self.gateway.run("status", "--json").stdout)["servers"]["ledger"]["pid"]
        os.kill(pid, signal.SIGKILL)
        self.gateway.wait_for(lambda: Metrics(self.port)("gatehouse_server_failures_total", server="ledger")
                              > before("gatehouse_server_failures_total", server="ledger"))
        self.gateway.wait_for(lambda: not self.gateway.tool("look", 9).get("isError", False))
        after = Metrics(self.port)
        self.assertEqual(after("gatehouse_server_starts_total", server="ledger"),
                         before("gatehouse_server_starts_total", server="ledger") + 1)


class Readiness(unittest.TestCase):
    def test_it_says_which_configuration_it_runs_under(self):
        port, gateway = listening()
        with gateway:
            file = gateway.folder / "gatehouse.yaml"
            good = file.read_text()
            file.write_text(good.replace("tier: T2", "tier: T1"))
            gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_for(lambda: "waits for an approver" in get(port, "/readyz")[2])
            self.assertEqual(get(port, "/readyz")[0], 200)
            self.assertEqual(Metrics(port)("gatehouse_configuration_pending"), 1)
            file.write_text(good + "nonsense: 1\n")
            gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_for(lambda: "was not taken" in get(port, "/readyz")[2])
            self.assertEqual(Metrics(port)("gatehouse_configuration_refused"), 1)
            self.assertIn("nonsense", gateway.run("status").stdout)
            file.write_text(good)
            gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_for(lambda: get(port, "/readyz")[2] == "ready\n")

    def test_another_address_needs_to_be_told_who_may_ask(self):
        own = own_address()
        if own is None:
            self.skipTest("this machine has no address but loopback")
        port = free_port()
        with LedgerGateway(accept=(), tokens=()) as gateway:
            file = gateway.folder / "gatehouse.yaml"
            text = file.read_text()
            for more, status, words in (
                    ("", 2, "not a loopback address"), (", control_from: [10.0.0.1/8]", 2, "no range"),
                    (", control_from: [203.0.113.0/24]", 0, "")):
                file.write_text(text.replace('" }', f'", control: "{own}:{port}"{more} }}', 1))
                done = gateway.run("check")
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
                self.assertIn(words, done.stderr)
        for source, status in (("203.0.113.0/24", 403), (own, 200)):
            port = free_port()
            with LedgerGateway(listen=f", control: '{own}:{port}', control_from: ['{source}']", accept=(), tokens=()):
                self.assertEqual(get(port, "/healthz", host=own)[0], status)


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing: it only asks the routing table
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


if __name__ == "__main__":
    unittest.main()
