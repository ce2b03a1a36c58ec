"""Hosted servers that crash, hang, leak, fork, flood and ignore signals, over and over: the others answer, and in the end
nothing is left of any of them.

`GATEHOUSE_SOAK_SECONDS` says how long; `make soak MINUTES=n`.
"""
import collections
import itertools
import os
import re
import sys
import threading
import time
import unittest
from pathlib import Path

from harness import own_groups
from test_servers import Hosting, alive, configuration, tree, victim
from test_soak import Size

SECONDS = float(os.environ.get("GATEHOUSE_SOAK_SECONDS", "6"))
MEMORY_GROWTH_MB = 16
# What each server does when it is called, in turn.
DEEDS = {
    "crashing": [("leave", "3"), ("echo", "x"), ("kill", "2")],
    "hanging": [("stop_itself", ""), ("drip", "5"), ("processor", "3")],
    "leaking": [("memory", "400"), ("fill", "/tmp"), ("fill", "/dev/shm")],
    "forking": [("fork_bomb", ""), ("orphans", "5"), ("zombies", "20")],
    "flooding": [("flood_lines", "20000"), ("flood_messages", "3000"), ("flood_errors", "3000"), ("endless_line", "64"), ("binary", "20000")],
    "deaf": [("ignore_terminate", ""), ("orphans", "3"), ("echo", "x")],
}
CALM = "calm"


def left_of(folder):
    """Processes of servers that were started from that folder, with their states."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / "victim.py").encode() in (place / "cmdline").read_bytes():
                found[int(place.name)] = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            pass
    return found


class Soak(unittest.TestCase):
    def test_servers_that_do_all_that_is_bad_leave_nothing_behind(self):
        names = [*DEEDS, CALM]
        tools = {f"{name}.{act}": "T0" for name, acts in DEEDS.items() for act, _ in acts} | {f"{CALM}.echo": "T0"}
        text = configuration("".join(victim(name, "    call_timeout: 2s\n    start_timeout: 20s", "memory: 96, processes: 24")
                                     for name in names), tools)
        with Hosting(text, accept=names) as gateway:
            self.gateway, self.counts, self.faults = gateway, collections.Counter(), []
            self.over, self.slowest, self.seen = threading.Event(), 0.0, set()
            self.go_on(SECONDS / 4)
            first = self.at_rest()
            self.go_on(SECONDS * 3 / 4)
            last = self.at_rest()
            self.assertEqual([], self.faults[:3])
            print(f"soak of servers: {SECONDS:.0f} s, {sum(self.counts.values())} deeds, {dict(self.counts)}; slowest answer of the calm "
                  f"one {self.slowest:.1f} s; memory {first.megabytes:.1f} to {last.megabytes:.1f} MB, descriptors {first.descriptors} "
                  f"to {last.descriptors}, threads {first.threads} to {last.threads}, {len(self.seen)} processes seen", file=sys.stderr)
            # What they are says what leaked.
            more = collections.Counter(last.opened) - collections.Counter(first.opened)
            self.assertLessEqual(last.descriptors, first.descriptors, dict(more))
            self.assertLess(last.megabytes - first.megabytes, MEMORY_GROWTH_MB)
            self.assertLessEqual(last.threads, first.threads + 2)
            gateway_pid = gateway.process.pid
            gateway.stop()
            gateway.wait_for(lambda: not left_of(gateway.folder))
            self.assertEqual([], [pid for pid in self.seen if alive(pid) and pid in left_of(gateway.folder)])
            for group in own_groups():
                gateway.wait_for(lambda: not list(group.glob(f"gatehouse-{gateway_pid}-*")))

    def at_rest(self):
        """What the gateway holds when every server was started anew and nobody calls."""
        for name in [*DEEDS, CALM]:
            self.gateway.run("servers", "restart", name)
        for name in [*DEEDS, CALM]:
            self.gateway.wait_for_state(name, "running")
        gateway = self.gateway.process.pid
        # One process of Python a server, and nothing of earlier lives; none that ended and was not waited for.
        self.gateway.wait_for(lambda: len(left_of(self.gateway.folder)) == len(DEEDS) + 1)
        self.gateway.wait_for(lambda: "Z" not in [state_of(pid) for pid in tree(gateway)])
        # Connections of commands are closed a moment after their answers: the least of a while is what is held.
        sizes = []
        for _ in range(20):
            self.over.wait(0.1)
            sizes.append(Size(gateway))
            # The search index opens the log and its own file while it catches up, for as long as that takes.
            sizes[-1].opened = [path for path in opened(gateway) if not re.search(r"/state/\w+\.db", path)]
            sizes[-1].descriptors = len(sizes[-1].opened)
        return min(sizes, key=lambda size: size.descriptors)

    def go_on(self, seconds):
        self.over.clear()
        threads = [threading.Thread(target=self.misbehave, args=(name,)) for name in DEEDS]
        threads.append(threading.Thread(target=self.stay_calm))
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        self.over.clear()

    def misbehave(self, name):
        try:
            for act, text in itertools.cycle(DEEDS[name]):
                if self.over.is_set():
                    return
                began = time.monotonic()
                self.gateway.call(name, act, text)
                # No call hangs: it is answered, lost or out of time.
                if time.monotonic() - began > 40:
                    raise AssertionError(f"{name} {act}: {time.monotonic() - began:.0f} s")
                self.counts[act] += 1
                row = self.gateway.servers()[name]
                if "pid" in row:
                    self.seen.update(tree(row["pid"]))
                if row["state"] != "running" or name in ("deaf", "hanging"):
                    self.gateway.run("servers", "restart", name)
        except Exception as error:  # one fault is enough; the others end as well
            self.faults.append(repr(error))
            self.over.set()

    def stay_calm(self):
        """One that does nothing bad is answered all the while, by the same process."""
        try:
            pid = self.gateway.server(CALM)["pid"]
            while not self.over.wait(0.05):
                began = time.monotonic()
                answer = self.gateway.call(CALM, "echo", "here")["text"]
                self.slowest = max(self.slowest, time.monotonic() - began)
                if answer != "here" or not alive(pid):
                    raise AssertionError(f"{CALM}: {answer}")
        except Exception as error:
            self.faults.append(repr(error))
            self.over.set()


def opened(process):
    """What a process holds open, without numbers that differ from one to the next."""
    found = []
    for place in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.append(re.sub(r"\d{2,}", "N", os.readlink(place)))
        except OSError:
            pass
    return found


def state_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


if __name__ == "__main__":
    unittest.main()
