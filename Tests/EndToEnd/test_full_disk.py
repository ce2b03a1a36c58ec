"""A disk that is full or read-only: calls end, evidence does not, and room brings them back."""
import json
import os
import signal
import socket
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

import disks
from harness import free_port
from ledger import LedgerGateway, number_of, text_of
from metrics import Metrics, get


class SmallDisk(disks.SmallDisk, LedgerGateway):
    def __init__(self, **more):
        self.control_port = free_port()
        super().__init__(listen=f", control: '127.0.0.1:{self.control_port}'", expiry="1h", **more)

    def ready(self):
        return get(self.control_port, "/readyz")


class HoldingDisk(SmallDisk):
    """One that holds calls until somebody answers."""

    def __init__(self):
        super().__init__(hold="120s")

    def post(self, *arguments, **more):
        status, headers, body = super().post(*arguments, **more)
        if isinstance(body, bytes) and b"data:" in body:  # it waited, and became a stream
            body = json.loads([line for line in body.split(b"\n") if line.startswith(b"data:")][-1][5:])
        return status, headers, body


class FailingDisk(disks.FailingDisk, SmallDisk):
    pass


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(unittest.TestCase):
    def test_calls_end_decisions_and_stops_are_recorded_and_room_brings_calls_back(self):
        with SmallDisk() as gateway:
            self.assertIn("waiting for a person", text_of(gateway.tool("strike", -1)))
            question = gateway.wait_for_question()["ticket"]
            gateway.fill()
            number = self.call_until_refused(gateway)
            # Whatever is refused now was not sent.
            done = gateway.done()
            for tool in ("look", "note", "strike"):
                result = gateway.tool(tool, number + 1)
                self.assertTrue(result.get("isError"))
                self.assertIn("cannot be recorded", text_of(result))
            self.assertEqual(gateway.done(), done)
            status, _, text = gateway.ready()
            self.assertEqual((status, text.splitlines()[0]), (503, "not ready"))
            self.assertIn("log: no room for calls", text)
            metrics = Metrics(gateway.control_port)
            self.assertEqual((metrics("gatehouse_ready"), metrics("gatehouse_log_writable")), (0, 0))
            self.assertGreaterEqual(metrics("gatehouse_refusals_total", code="evidence_unavailable"), 4)
            self.assertIn("log: no room", gateway.run("status").stdout)
            # The reserve: a decision and a stop.
            gateway.decide("approvals", "deny", question)
            self.assertEqual(gateway.run("lockdown", "server:ledger", "--reason", "full").returncode, 0)
            self.restart(gateway)
            gateway.ballast.unlink()
            gateway.wait_for(lambda: gateway.ready()[0] == 200)
            self.assertIn("a person has stopped", text_of(gateway.tool("look", number + 1)))
            gateway.decide("lockdown", "server:ledger", "--lift")
            self.assertIn("done", text_of(gateway.tool("look", number + 1)))
            gateway.stop()
            kinds = [record["kind"] for record in gateway.records()]
            self.assertEqual(kinds.count("denied"), 1)
            self.assertEqual(kinds.count("lockdown"), 2)
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def test_a_call_that_is_held_while_the_disk_fills_is_not_sent_and_its_yes_is_spent_once_later(self):
        with HoldingDisk() as gateway, ThreadPoolExecutor(2) as pool:
            held = {number: pool.submit(gateway.tool, "strike", number) for number in (-1, -2)}
            gateway.wait_for(lambda: len(gateway.waiting()) == 2)
            shown = [json.loads(gateway.run("approvals", "show", question["ticket"], "--json").stdout) for question in gateway.waiting()]
            tickets = {json.loads(question["arguments"])["n"]: question["ticket"] for question in shown}
            gateway.fill()
            self.call_until_refused(gateway)
            # The yes is recorded from the reserve; its call finds no room for its intent, and is not sent.
            gateway.decide("approvals", "approve", tickets[-1])
            result = held[-1].result(timeout=60)
            self.assertTrue(result["isError"])
            self.assertIn("cannot be recorded", text_of(result))
            # The no reaches the one that is held as ever.
            gateway.decide("approvals", "deny", tickets[-2], "--reason", "not today")
            self.assertIn("not today", text_of(held[-2].result(timeout=60)))
            self.assertEqual({call for call in gateway.done() if call[1] < 0}, set())
            # Neither does a restart on the full disk lose the yes, nor is a new question asked there.
            self.assertEqual([question["ticket"] for question in gateway.waiting()], [tickets[-1]])
            gateway.stop(signal.SIGKILL)
            gateway.start()
            gateway.wait_for_server("ledger")
            self.assertIn("cannot be recorded", text_of(gateway.tool("strike", -1)))
            self.assertIn("cannot be recorded", text_of(gateway.tool("strike", -3)))
            self.assertEqual([question["ticket"] for question in gateway.waiting()], [tickets[-1]])
            gateway.ballast.unlink()
            gateway.wait_for(lambda: gateway.ready()[0] == 200)
            self.assertIn("done", text_of(gateway.tool("strike", -1)))
            # Once: the next one asks anew.
            again = pool.submit(gateway.tool, "strike", -1)
            gateway.wait_for(lambda: gateway.waiting())
            self.assertNotEqual(gateway.waiting()[0]["ticket"], tickets[-1])
            gateway.decide("approvals", "deny", gateway.waiting()[0]["ticket"])
            again.result(timeout=60)
            self.assertEqual({call for call in gateway.done() if call[1] < 0}, {("strike", -1)})
            gateway.stop()
            calls = [number_of(record) for record in gateway.records() if record["kind"] == "intent" and number_of(record) < 0]
            self.assertEqual(calls, [-1])
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def call_until_refused(self, gateway):
        for number in range(1, 5000):
            result = gateway.tool("note", number)
            if result.get("isError"):
                self.assertIn("cannot be recorded", text_of(result))
                self.assertGreater(number, 10)
                return number
        self.fail("the disk was never full")

    def restart(self, gateway):
        """Killed and started on the full disk: it runs, takes no call, and knows what was decided."""
        gateway.stop(signal.SIGKILL)
        gateway.start()
        gateway.wait_for(lambda: gateway.ready()[0] == 503)
        self.assertIn("server:ledger", gateway.run("lockdown").stdout)

    def test_a_stop_that_came_while_the_disk_held_the_loop_holds_for_the_calls_it_held(self):
        with FailingDisk() as gateway, ThreadPoolExecutor(1) as pool:
            # Where the disk is quick the loop writes itself before long, and is held with its call.
            for attempt in range(1, 20):
                for number in range(10):
                    self.assertIn("done", text_of(gateway.tool("note", 100 * attempt + number)))
                if self.hold(gateway, pool, 100_000 + attempt):
                    break
            else:
                self.skipTest("the disk is too slow for the loop to write to it")

    def hold(self, gateway, pool, number):
        """One call while the disk hangs, and a stop; False where the writer's thread was held, and not the loop."""
        with socket.socket(socket.AF_UNIX) as stop:
            stop.settimeout(60)
            with gateway.frozen():
                held = pool.submit(gateway.tool, "note", number)
                gateway.wait_for(gateway.waits_for_disk)
                if gateway.process.pid not in gateway.waits_for_disk():
                    return False
                stop.connect(str(gateway.folder / "state/control.sock"))
                # The kernel has it before the disk goes on.
                stop.sendall(b'{"method":"lockdown.set","params":{"target":"all","reason":"hung"}}\n')
                self.assertFalse(held.done())
            result = held.result(timeout=60)
            self.assertIn("stopped", json.loads(stop.makefile().readline())["result"])
        self.assertIn("a person has stopped", text_of(result))
        self.assertNotIn(("note", number), gateway.done())
        gateway.stop()
        outcomes = [record for record in gateway.records() if record["kind"] == "outcome"]
        self.assertEqual(outcomes[-1]["detail"]["status"], "not-sent")
        self.assertEqual(gateway.run("audit", "verify").returncode, 0)
        return True

    def test_what_runs_at_a_server_is_stopped_while_the_disk_hangs(self):
        with FailingDisk() as gateway, ThreadPoolExecutor(3) as pool:
            for number in range(1, 40):
                self.assertIn("done", text_of(gateway.tool("note", number)))
            running = pool.submit(gateway.tool, "note", 100, hang=True)
            gateway.wait_for(lambda: ("note", 100) in gateway.done())
            with gateway.frozen():
                # A call is at its server: the loop leaves the disk to the writer, and goes on.
                held = pool.submit(gateway.tool, "note", 101)
                gateway.wait_for(gateway.waits_for_disk)
                stop = pool.submit(gateway.run, "lockdown", "all")
                self.assertIn("gave no answer (cancelled)", text_of(running.result(timeout=60)))
                self.assertNotIn(gateway.process.pid, gateway.waits_for_disk())
                self.assertFalse(held.done())
            self.assertIn("a person has stopped", text_of(held.result(timeout=60)))
            self.assertEqual(stop.result(timeout=60).returncode, 0)

    def test_a_disk_that_turns_read_only_ends_calls_and_a_stop_holds_nevertheless(self):
        with FailingDisk() as gateway:
            self.assertIn("done", text_of(gateway.tool("strike", 1)))
            gateway.fail()
            for tool in ("look", "note", "strike"):
                result = gateway.tool(tool, 2)
                self.assertTrue(result.get("isError"))
                self.assertIn("cannot be recorded", text_of(result))
            status, _, text = gateway.ready()
            self.assertEqual((status, text.splitlines()[0]), (503, "not ready"))
            self.assertIn("log: ", text)
            self.assertEqual(Metrics(gateway.control_port)("gatehouse_log_writable"), 0)
            # Nothing can be recorded: the stop is in force, and whoever made it is told the rest.
            done = gateway.run("lockdown", "server:ledger", "--reason", "failing")
            self.assertEqual(done.returncode, 1)
            self.assertIn("the stop is in force, but it could not be recorded", done.stderr)
            self.assertIn("server:ledger", gateway.run("lockdown").stdout)
            self.assertEqual({call for call in gateway.done() if call[1] == 2}, set())
            gateway.stop()
            gateway.repair()
            gateway.start()
            gateway.wait_for_server("ledger")
            gateway.wait_for(lambda: gateway.ready()[0] == 200)
            self.assertIn("done", text_of(gateway.tool("strike", 3)))
            gateway.stop()
            calls = [record for record in gateway.records() if record["kind"] == "intent"]
            self.assertEqual([number_of(record) for record in calls], [1, 3])
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def test_a_read_only_state_folder_does_not_start_and_says_why(self):
        with SmallDisk() as gateway:
            gateway.stop()
            state = str(gateway.folder / "state")
            subprocess.run(["mount", "-o", "remount,ro", state], check=True)
            done = gateway.run("up")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn("ead-only file system", done.stderr)
            self.assertIn("hint:", done.stderr)
            # Looking at the log needs no writing.
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)
            subprocess.run(["mount", "-o", "remount,rw", state], check=True)
            gateway.start()
            gateway.wait_for_server("ledger")
            self.assertIn("done", text_of(gateway.tool("look", 1)))


if __name__ == "__main__":
    unittest.main()
