"""Servers with a process that the kernel does not let end: a frozen one stands for one whose disk does not answer."""
import json
import os
import signal
import threading
import unittest
from pathlib import Path

from agents import MODERN, WAIT, HTTPAgent, text_of
from harness import Gateway, own_groups
from test_replaced import CONFIGURATION, digest

CAGED = CONFIGURATION.replace("secrets:\n  word: {{ file: ./word }}\n", "")
BARE = CAGED.replace("cage: {{ write: {{ /data/out: ./out }}, network: none }}", "cage: none")
FREEZER = Path("/sys/fs/cgroup/freezer")
CAN_FREEZE = os.geteuid() == 0 and os.access(FREEZER / "cgroup.procs", os.W_OK)
HAS_GROUPS = CAN_FREEZE and all(os.access(group / "cgroup.procs", os.W_OK) for group in own_groups())


def server_below(process):
    """The innermost of a tree of processes, each of which has one child at most."""
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        process = int(children[0])
    return process


@unittest.skipUnless(CAN_FREEZE, "only root can freeze processes, and only with version 1 of control groups")
class Outlived(unittest.TestCase):
    def start(self, text):
        self.gateway = self.enterContext(Gateway(text, accept=["slow"]))
        self.assertEqual(self.told(), digest("first"))

    def told(self):
        return text_of(HTTPAgent(self.gateway, MODERN, "slow").call("tell"))

    def row(self):
        return json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]

    def freeze(self):
        """Has the kernel hold the server's process, whatever it is sent, until the test ends; its id."""
        process = server_below(self.row()["pid"])
        group = FREEZER / f"gatehouse-test-{os.getpid()}"
        group.mkdir()
        self.addCleanup(group.rmdir)
        self.addCleanup(self.gateway.wait_for, lambda: not (group / "cgroup.procs").read_text())
        (group / "cgroup.procs").write_text(str(process))
        self.state = group / "freezer.state"
        self.addCleanup(self.thaw)
        self.state.write_text("FROZEN")
        self.gateway.wait_for(lambda: self.state.read_text() == "FROZEN\n")
        return process

    def thaw(self):
        self.state.write_text("THAWED")

    def replace(self):
        """Has another server take its place; returns when that has been decided."""
        file = self.gateway.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("WORD: first", "WORD: second"))
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_for(lambda: "not reloaded, it loosens" in self.gateway.log_text())
        change = threading.Thread(target=self.gateway.decide, args=("check", "--accept"))
        change.start()
        self.addCleanup(change.join)

    def check_successor(self, text):
        self.start(text)
        process = self.freeze()
        self.replace()
        words = f"process {process} was killed and does not end"
        self.gateway.wait_for(lambda: f"not started: {words}" in self.gateway.log_text())
        self.assertIn(words, self.row()["reason"])
        self.assertNotIn("pid", self.row())
        self.assertNotIn(digest("second"), str(HTTPAgent(self.gateway, MODERN, "slow").call("tell")))
        self.thaw()
        # By itself, before anybody calls it.
        self.gateway.wait_for(lambda: self.row()["state"] == "running")
        self.assertEqual(self.told(), digest("second"))

    def test_nothing_starts_beside_a_process_that_does_not_end(self):
        self.check_successor(BARE)

    @unittest.skipUnless(HAS_GROUPS, "no control groups")
    def test_nothing_starts_beside_a_process_that_does_not_end_in_its_cage(self):
        self.check_successor(CAGED)

    def check_stop(self, text):
        self.start(text)
        process = self.freeze()
        self.gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.gateway.process.wait(timeout=WAIT), 0)
        words = f"server main/slow: process {process} was killed and does not end; the gateway stops without its end"
        self.assertIn(words, self.gateway.log_text())
        self.thaw()

    def test_a_gateway_stops_without_the_end_of_such_a_process(self):
        self.check_stop(BARE)

    @unittest.skipUnless(HAS_GROUPS, "no control groups")
    def test_a_gateway_stops_without_the_end_of_such_a_process_in_its_cage(self):
        self.check_stop(CAGED)


if __name__ == "__main__":
    unittest.main()
