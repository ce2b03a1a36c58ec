#!/usr/bin/env python3
"""Counts the instructions of user code that one call takes, whatever else the machine runs. See README.md.

    count.py [--calls N] [--connections C] [--top N] [--caches] [--keep FILE]

The gateway runs under callgrind with the configuration of the benchmark. What the calls take is counted between two
looks at the counters, after as many calls to warm it up. callgrind knows no instructions for digests, so that their
code is another than outside of it: `besides hashing` leaves OpenSSL's library out. With --caches it also models those of a
processor, of 32 KiB for code and 48 KiB for data, with 1 MiB behind both, and counts what they did not hold.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import bench

CACHES = "--cache-sim=yes --I1=32768,8,64 --D1=49152,12,64 --LL=1048576,16,64"


def control(*arguments, pid):
    done = subprocess.run(["callgrind_control", *arguments, str(pid)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        sys.exit(f"callgrind_control {' '.join(arguments)}: {done.stderr or done.stdout}")


class Profile:
    """One dump of callgrind, of all threads together."""

    def __init__(self, file):
        names, objects, events = {}, {}, []
        self.cost, self.cost_of_object, self.calls, self.events = {}, {}, {}, {}
        function = callee = place = None
        is_call = False
        for line in file.read_text(errors="replace").splitlines():
            if match := re.match(r"(c?)(ob|fn)=(\(\d+\))(?: (.*))?", line):
                is_callee, kind, number, text = match.groups()
                known = objects if kind == "ob" else names
                if text:
                    known[number] = re.sub(r"'\d+$", "", text)  # 'N: called by itself
                if kind == "ob" and not is_callee:
                    place = known[number]
                elif kind == "fn" and is_callee:
                    callee = known[number]
                elif kind == "fn":
                    function = known[number]
            elif line.startswith("events: "):
                events = line.split()[1:]
            elif line.startswith("calls="):
                self.add(self.calls, callee, int(line[6:].split()[0]))
                is_call = True
            elif line and line[0] in "0123456789+-*":
                if not is_call:
                    counts = line.split()[1:] or ["0"]  # zeros at the end are left out
                    for event, count in zip(events, map(int, counts)):
                        self.add(self.events, event, count)
                    self.add(self.cost, function, int(counts[0]))
                    self.add(self.cost_of_object, place, int(counts[0]))
                is_call = False

    @staticmethod
    def add(counts, key, count):
        counts[key] = counts.get(key, 0) + count

    def report(self, calls, top):
        total = sum(self.cost.values())
        hashing = sum(cost for place, cost in self.cost_of_object.items() if "libcrypto" in place)
        print(f"instructions a call: {total / calls:,.0f}, besides hashing {(total - hashing) / calls:,.0f}")
        for title, name in (("switches of a task", "swift_task_switch"), ("allocations", "malloc")):
            print(f"{title}: {self.calls.get(name, 0) / calls:.1f} a call")
        if "I1mr" in self.events:
            code, behind = (self.events[name] / calls for name in ("I1mr", "ILmr"))
            data = (self.events["D1mr"] + self.events["D1mw"]) / calls
            print(f"lines of code not in the first cache: {code:,.0f} a call, in none: {behind:,.0f}; of data: {data:,.0f}")
        for name, cost in sorted(self.cost.items(), key=lambda item: -item[1])[:top]:
            print(f"{cost / calls:10,.0f}  {name[:150]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--top", type=int, default=0, help="how many functions to name, by their own instructions")
    parser.add_argument("--caches", action="store_true", help="count what a model of the processor's caches misses")
    parser.add_argument("--keep", type=Path, help="where callgrind's file goes, for callgrind_annotate")
    options = parser.parse_args()
    settings = bench.read_peers(["gatehouse"])[0]
    peer = bench.Peer(settings)
    load = ("--connections", options.connections, "--calls", options.calls, "--seconds", 100, "--warmup", 0)
    try:
        peer.prepare()
        dump, stripped = peer.run / "callgrind.out", peer.run / "counted"
        # valgrind gives up at Swift's debug information; the names of functions are elsewhere.
        subprocess.run(["objcopy", "--strip-debug", bench.GATEHOUSE, stripped], check=True, timeout=60)
        valgrind = f"valgrind --tool=callgrind {CACHES if options.caches else ''} --callgrind-out-file={dump}"
        script = (bench.HERE / "configs/gatehouse-start.sh").read_text().replace('exec "$2"', f'exec {valgrind} "$2"')
        (peer.run / "start.sh").write_text(script)
        settings["start"] = f"bash @RUN@/start.sh @RUN@ {stripped}"
        peer.start()
        peer.first_call(60)
        peer.load(*load)
        pid = peer.session()
        control("-z", pid=pid)
        result = peer.load(*load)
        control("-d", pid=pid)
        found = sorted(peer.run.glob("callgrind.out*"), key=lambda file: file.stat().st_mtime)[-1]
    finally:
        peer.close()
    if result["errors"]:
        sys.exit(f"wrong answers: {result}")
    print(f"{result['calls']} calls at {options.connections} connections")
    Profile(found).report(result["calls"], options.top)
    if options.keep:
        options.keep.write_bytes(found.read_bytes())


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    main()
