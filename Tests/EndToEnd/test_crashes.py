"""`kill -9` under load: what was answered is recorded, what was sent is known to have been sent."""
import http.client
import os
import random
import signal
import subprocess
import threading
import unittest

from harness import ROOT
from ledger import LedgerGateway, by_call, text_of

KILLS = int(os.environ.get("GATEHOUSE_GATEWAY_KILLS", "20"))


class Load:
    """Agents that call until the gateway is gone, and remember what they were answered."""

    def __init__(self, gateway, first, agents=4):
        self.gateway, self.answered, self.lock = gateway, [], threading.Lock()
        self.next, self.enough, self.want = first, threading.Event(), 0
        self.threads = [threading.Thread(target=self.work) for _ in range(agents)]

    def work(self):
        try:
            while True:
                with self.lock:
                    number, self.next = self.next, self.next + 1
                tool = ("look", "note", "strike")[number % 3]
                result = self.gateway.tool(tool, number)
                with self.lock:
                    self.answered.append((tool, number, result.get("isError", False), text_of(result)))
                    if len(self.answered) >= self.want:
                        self.enough.set()
        except (OSError, http.client.HTTPException, ValueError):
            self.enough.set()  # the gateway is gone, in the middle of an answer perhaps

    def run_until(self, answers):
        self.want = answers
        for thread in self.threads:
            thread.start()
        if not self.enough.wait(60):
            raise RuntimeError("no answers: " + self.gateway.log())

    def join(self):
        for thread in self.threads:
            thread.join()


class Kills(unittest.TestCase):
    def test_a_kill_leaves_no_answered_call_without_evidence_and_no_blind_retry(self):
        seed = int(os.environ.get("GATEHOUSE_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        unknown_count = 0
        with self.subTest(seed=seed), LedgerGateway() as gateway:
            first, seen, answered = 0, 0, {}
            for _ in range(KILLS):
                load = Load(gateway, first)
                load.run_until(chance.randrange(1, 40))
                gateway.stop(signal.SIGKILL)
                load.join()
                first = load.next
                for tool, number, failed, text in load.answered:
                    self.assertFalse(failed, text)
                    answered[tool, number] = True
                gateway.start()
                gateway.wait_for_server("ledger")
                records = gateway.records()
                unknown = self.check(gateway, records, seen, answered)
                unknown_count += len(unknown)
                seen = len(records)
                self.retry(gateway, unknown[:3])
            gateway.stop()
            self.verify(gateway)
        print(f"\n{KILLS} kills, {len(answered)} calls answered, {unknown_count} left unknown (seed {seed})")

    def check(self, gateway, records, seen, answered):
        """The log holds after this kill; the calls it left unknown, (tool, number)."""
        done = gateway.run("audit", "verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        calls = by_call(records)
        intended = {(tool, number): kinds for tool, number, kinds in calls.values() if "intent" in kinds}
        for tool, number, kinds in calls.values():
            self.assertLessEqual(kinds.count("intent"), 1)
            self.assertEqual(kinds.count("outcome") + kinds.count("unknown"), kinds.count("intent"), (tool, number))
        for call in gateway.done():
            self.assertIn(call, intended, "it was done and nobody knows")
        for tool, number in answered:
            self.assertIn((tool, number), intended)
            # The reply waits for the outcome's record at T2; below, the outcome follows within 5 ms.
            if tool == "strike":
                self.assertIn("outcome", intended[tool, number])
        fresh = by_call(records[seen:])
        return [(tool, calls[call][1]) for call, (tool, _, kinds) in fresh.items() if "unknown" in kinds]

    def retry(self, gateway, unknown):
        """The same call is not simply sent again; another one is."""
        before = gateway.done()
        for tool, number in unknown:
            result = gateway.tool(tool, number)
            if tool == "look":
                self.assertFalse(result.get("isError", False), text_of(result))
                continue
            self.assertTrue(result.get("isError"), text_of(result))
            self.assertNotIn("done", text_of(result))
            self.assertEqual({c for c in gateway.done() if c[0] != "look"}, {c for c in before if c[0] != "look"})

    def verify(self, gateway):
        key = gateway.run("audit", "key").stdout.strip()
        script = subprocess.run(
            ["/usr/bin/python3", str(ROOT / "scripts/verify-log.py"), "--key", key, str(gateway.folder / "state/log.db")],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(script.returncode, 0, script.stdout + script.stderr)


class Unknown(unittest.TestCase):
    """A call that was sent and never answered is asked about, whatever happens in between."""

    def test_it_asks_after_a_kill_and_after_the_restart_that_follows(self):
        with LedgerGateway() as gateway:
            for tool in ("note", "strike"):
                thread = threading.Thread(target=self.hang, args=(gateway, tool))
                thread.start()
                gateway.wait_for(lambda: (tool, 7) in gateway.done())
                gateway.stop(signal.SIGKILL)
                thread.join()
                gateway.start()
                gateway.wait_for_server("ledger")
            self.asks(gateway)
            for sign in (signal.SIGTERM, signal.SIGKILL):
                gateway.stop(sign)
                gateway.start()
                gateway.wait_for_server("ledger")
                self.asks(gateway)

    def asks(self, gateway):
        for tool in ("note", "strike"):
            result = gateway.tool(tool, 7, hang=True)
            self.assertTrue(result.get("isError"))
            self.assertIn("waiting for a person", text_of(result))
            # Another call, even of the same tool, is nobody's retry.
            self.assertFalse(gateway.tool(tool, 8).get("isError", False))

    def hang(self, gateway, tool):
        try:
            gateway.tool(tool, 7, hang=True)
        except (OSError, http.client.HTTPException, ValueError):
            pass


if __name__ == "__main__":
    unittest.main()
