"""What the hosted servers of one tenant may use together."""
import json
import os
import signal
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import free_port
from metrics import Metrics
from test_servers import Hosting, alive, configuration, victim

NAMES = ("one", "two", "three")
ACTS = ("echo", "processor", "drip")


class Rooms(unittest.TestCase):
    """Three servers, and room for two of them."""

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        text = configuration("".join(victim(name) for name in NAMES), {f"{name}.{act}": "T0" for name in NAMES for act in ACTS})
        text = text.replace('listen: {{ mcp: "127.0.0.1:{port}" }}',
                            f'listen: {{{{ mcp: "127.0.0.1:{{port}}", control: "127.0.0.1:{cls.port}" }}}}\n'
                            'hosting: {{ servers: 2, processes: 192, memory: 1280 }}')
        cls.gateway = cls.enterClassContext(Hosting(text, accept=NAMES))

    def running(self):
        return {name: row["pid"] for name, row in self.gateway.servers().items() if "pid" in row}

    def count(self, server):
        return Metrics(self.port)("gatehouse_server_postponed_total", server=server)

    def test_a_server_nobody_calls_makes_room_for_one_that_is_called(self):
        # All three were asked at the start what they offer, two at a time.
        for name in NAMES * 2:
            before = self.running()
            self.assertEqual(self.gateway.call(name, "echo", f"hello {name}")["text"], f"hello {name}")
            self.assertIn(name, self.running())
            self.assertLessEqual(len(self.running()), 2)
            for other, pid in before.items():
                if other not in self.running():
                    self.assertFalse(alive(pid))

    def test_while_all_are_busy_an_agent_is_told_to_come_again(self):
        with ThreadPoolExecutor(2) as pool:
            busy = [pool.submit(self.gateway.call, name, "drip", "1") for name in NAMES[:2]]
            # Both calls are there, and not only the servers that they go to.
            self.gateway.wait_for(lambda: len(self.gateway.records(kind="intent", tool="drip")) == 2)
            self.gateway.wait_for(lambda: set(self.running()) == set(NAMES[:2]))
            held = dict(self.running())
            postponed = self.count("three")
            began = time.monotonic()
            status, _, answer = self.gateway.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}}, path="/mcp/three")
            self.assertLess(time.monotonic() - began, 10)
            result = answer["result"]
            self.assertTrue(result["isError"])
            text = result["content"][0]["text"]
            self.assertIn("other servers of its tenant use all they may use together", text)
            self.assertIn("try again in 10 seconds", text)
            self.assertEqual(self.running(), held)  # nobody who is called was ended for it
            # People see why, and what is taken; agents are told no figures.
            row = self.gateway.servers()["three"]
            self.assertEqual((row["state"], row["reason"]), ("idle", "not started when it was last called: 2 of 2 servers run (`hosting`)"))
            listed = self.gateway.run("servers", "list").stdout
            row = json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]
            self.assertEqual(row["hosting"], {"servers": {"taken": 2, "cap": 2}, "processes": {"taken": 128, "cap": 192},
                                              "memory_bytes": {"taken": 1024 << 20, "cap": 1280 << 20}})
            self.assertIn("tenant main: 2 of 2 servers, 128 of 192 processes, 1024 of 1280 MiB of memory taken (`hosting`)", listed)
            self.assertNotIn("2 of 2", text)
            self.assertEqual(self.count("three"), postponed + 1)
            metrics = Metrics(self.port)
            self.assertEqual(metrics("gatehouse_hosting_taken", tenant="main", kind="servers"), 2)
            self.assertEqual(metrics("gatehouse_hosting_cap", tenant="main", kind="memory_bytes"), 1280 << 20)
            self.gateway.settle()
            outcomes = [r["detail"] for r in self.gateway.records() if r["kind"] == "outcome" and r["server"] == "three"]
            self.assertEqual(outcomes[-1]["status"], "not-sent")
            self.assertIn("2 of 2 servers run", outcomes[-1]["error"])
            for name in NAMES[:2]:
                self.assertEqual(self.gateway.run("servers", "restart", name).returncode, 0)
            for call in busy:
                self.assertTrue(call.result(timeout=60)["isError"])
        # As it was told: later, when those that were restarted are idle.
        self.gateway.wait_for(lambda: self.gateway.call("three", "echo", "now")["text"] == "now")
        self.assertNotIn("reason", self.gateway.servers()["three"])

    def test_room_is_given_back_however_a_server_ends(self):
        for _ in range(3):
            self.assertEqual(self.gateway.call("one", "echo", "x")["text"], "x")
            pid = self.running()["one"]
            os.kill(pid, signal.SIGKILL)
            self.gateway.wait_for(lambda: self.running().get("one") != pid)
        for name in ("two", "three", "one"):
            self.assertEqual(self.gateway.call(name, "echo", "y")["text"], "y")
        self.gateway.wait_for(lambda: Metrics(self.port)("gatehouse_hosting_taken", tenant="main", kind="servers") == len(self.running()))

    def test_higher_caps_wait_for_an_approver_and_lower_ones_do_not(self):
        file = self.gateway.folder / "gatehouse.yaml"
        before = file.read_text()
        try:
            file.write_text(before.replace("servers: 2, processes", "servers: 3, processes"))
            self.gateway.process.send_signal(signal.SIGHUP)
            self.gateway.wait_for(lambda: "hosting.servers" in self.gateway.run("status").stdout)
            file.write_text(before.replace("memory: 1280", "memory: 600"))
            self.gateway.process.send_signal(signal.SIGHUP)
            self.gateway.wait_for(lambda: "600 MiB" in self.gateway.run("servers", "list").stdout)
            # Two shares no longer fit: one after another does.
            for name in NAMES:
                self.gateway.wait_for(lambda: self.gateway.call(name, "echo", "z")["text"] == "z")
        finally:
            file.write_text(before)
            self.gateway.process.send_signal(signal.SIGHUP)
            self.gateway.wait_for(lambda: "hosting.memory" in self.gateway.run("status").stdout)
            self.gateway.decide("check", "--accept")


if __name__ == "__main__":
    unittest.main()
