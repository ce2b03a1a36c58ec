"""No call reaches a server before the disk has said that its intent is there: seen by `strace`.

The test of the test runs the same with `synchronous=OFF`, which only a debug build can be told, by
`GATEHOUSE_TEST_SYNCHRONOUS=off`; a release build does not know the variable, and runs with it set.
"""
import os
import re
import shutil
import signal
import unittest
from pathlib import Path

from harness import BINARY, ROOT
from ledger import LedgerGateway, text_of

CALLS = 50
FIRST = 77_000_001
DEBUG = ROOT / ".build/debug/gatehouse"
LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((\d+)<(.*?)>(.*))$")


class TracedGateway(LedgerGateway):
    """A gateway whose writes and syncs are written to `trace`, in the order of the kernel."""

    def begin_trace(self, binary, more):
        """Starts it anew under strace."""
        self.stop()
        self.trace = self.folder / "trace"
        self.environment.update(more)
        self.command = ["strace", "-f", "-y", "-s", "300000", "-o", str(self.trace),
                        "-e", "trace=write,writev,pwrite64,sendmsg,sendto,fdatasync,fsync", str(binary), "up"]
        self.start()
        self.wait_for_server("ledger")

    def stop(self, sign=signal.SIGTERM):
        if self.command[0] == "strace" and self.process and self.process.poll() is None:
            # The one child of strace is the gateway; strace ends with it.
            for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                os.kill(int(child), sign)
            self.process.wait(timeout=60)
            self.process = None
        super().stop(sign)


class Call:
    """One system call: where its entry and its return stand in the trace."""

    def __init__(self, at, name, path, text):
        self.entry, self.exit, self.name, self.path, self.text = at, at, name, path, text


def calls_of(trace):
    calls, open_calls = [], {}
    for at, line in enumerate(trace.read_text(errors="replace").splitlines()):
        found = LINE.match(line)
        if not found:
            continue
        thread = found[1]
        if found[2]:
            if call := open_calls.pop((thread, found[2]), None):
                call.exit = at
                call.text += found[3]
            continue
        call = Call(at, found[4], found[6], found[7])
        calls.append(call)
        if line.endswith("<unfinished ...>"):
            open_calls[thread, found[4]] = call
    return calls


def violations(trace):
    """What went to the server before a sync covered it: [(number, reason)]."""
    calls, found = calls_of(trace), []
    syncs = [c for c in calls if c.name in ("fdatasync", "fsync") and c.path.endswith("log.db-wal")]
    for number in range(FIRST, FIRST + CALLS):
        text = str(number)
        # The answer to the agent and the log have it, too: the server's pipe is the third.
        sent = [c for c in calls if "pipe:" in c.path and text in c.text and "tools/call" in c.text]
        written = [c for c in calls if c.path.endswith("log.db-wal") and text in c.text]
        if len(sent) != 1 or not written:
            raise RuntimeError(f"{number}: sent {len(sent)} times, written {len(written)} times")
        covering = [s for s in syncs if s.entry > written[0].exit]
        if not covering or min(s.exit for s in covering) >= sent[0].entry:
            found.append((number, f"intent at {written[0].entry}, sent at {sent[0].entry}"))
    return found


@unittest.skipUnless(shutil.which("strace"), "strace is not here (scripts/setup test)")
@unittest.skipUnless(os.geteuid() == 0, "the gateway hides its memory: only root's strace reads what it writes")
class SyncOrder(unittest.TestCase):
    def run_traced(self, binary, **more):
        with TracedGateway() as gateway:
            gateway.begin_trace(binary, more)
            for number in range(FIRST, FIRST + CALLS):
                tool = ("look", "note", "strike")[number % 3]
                self.assertIn("done", text_of(gateway.tool(tool, number)))
            gateway.stop()
            self.assertEqual(len(gateway.done()), CALLS)
            return violations(gateway.trace)

    def test_no_call_is_sent_before_the_sync_that_covers_its_intent(self):
        # A release build does not know the variable: with it set, all the more.
        more = {} if BINARY.resolve() == DEBUG.resolve() else {"GATEHOUSE_TEST_SYNCHRONOUS": "off"}
        self.assertEqual(self.run_traced(BINARY, **more), [])

    def test_without_syncs_the_same_look_finds_every_call(self):
        if not DEBUG.exists():
            self.skipTest("needs a debug build, which can be told not to sync (make debug)")
        self.assertEqual(len(self.run_traced(DEBUG, GATEHOUSE_TEST_SYNCHRONOUS="off")), CALLS)


if __name__ == "__main__":
    unittest.main()
