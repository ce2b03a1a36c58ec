#!/usr/bin/env python3
"""One event loop against several, in the HTTP layer as a plain proxy: CPU a call, calls a second, latencies.

    GATEHOUSE_BENCH=1 swift build -c release --product http-bench
    Benchmarks/http/loops.py [--loops 1,2] [--connections 16,64] [--behind 0,40] [--rounds 3] [--seconds 2]

Connections are dealt out to the loops in turns: framing, TLS and HTTP happen there. What stands behind (the client to
the server, and `--behind` microseconds of work for what a gateway does with a call) is on the first loop, as the door,
the log and the servers are in the gateway. Plain HTTP/1.1 and TLS, all combinations in turns within a round.

A machine of two cores carries the load and the server, too, so each is measured in two places: `apart` gives all loops
one CPU and load and server the other, which compares what a call costs; `shared` leaves both CPUs to all, which is
what a second loop could win here. h2load (nghttp2-client) and openssl must be installed. Prints one JSON line for each
run, then the medians.
"""
import argparse
import collections
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))
sys.path.insert(0, str(ROOT / "Benchmarks/http"))
from certificates import Authority  # noqa: E402
from harness import free_port  # noqa: E402
from run import cpu_seconds, wait_for  # noqa: E402

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "x" * 100}}}
FIELDS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
WHERE = ("apart", "shared")


class Proxy:
    """One http-bench, with so many loops and so much work behind them, in the clear or by TLS."""

    def __init__(self, folder, upstream, loops, behind, is_secure):
        self.key = {"loops": loops, "behind_us": behind, "tls": is_secure}
        self.port, self.folder = free_port(), folder
        words = ["--loops", str(loops), "--behind", str(behind)]
        if is_secure:
            words += ["--tls", f"{folder}/gate.pem", f"{folder}/gate.key"]
        self.process = subprocess.Popen([ROOT / ".build/release/http-bench", "proxy", str(self.port), str(upstream), *words])
        self.url = f"{'https' if is_secure else 'http'}://localhost:{self.port}/mcp"

    def measure(self, where, connections, seconds, cpus):
        place(self.process.pid, cpus[-1:] if where == "apart" else cpus)
        mine = cpus[:1] if where == "apart" else cpus
        before = cpu_seconds(self.process)
        count, rate, times = self.load(connections, seconds, mine)
        used = cpu_seconds(self.process) - before
        return {**self.key, "where": where, "connections": connections, "calls": count, "per_second": round(rate),
                "cpu_us": round(used / count * 1e6, 1), "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}

    def load(self, connections, seconds, cpus):
        log = Path(self.folder, "times")
        log.unlink(missing_ok=True)
        fields = [word for name, value in FIELDS.items() for word in ("-H", f"{name}: {value}")]
        done = subprocess.run(
            ["taskset", "-c", ",".join(map(str, cpus)), "h2load", "--h1", "-c", str(connections), "-D", str(seconds),
             "--log-file", str(log), *fields, "-d", f"{self.folder}/call.json", self.url],
            capture_output=True, text=True, timeout=seconds + 60)
        counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
        codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
        if done.returncode or not counts or int(counts[3]) or any(map(int, codes.groups()[1:])) or not int(codes[1]):
            sys.exit(f"the load failed: {done.stdout}{done.stderr}")
        rate = float(re.search(r"finished in [\d.]+\w*s, ([\d.]+) req/s", done.stdout)[1])
        return int(counts[1]), rate, sorted(int(line.split()[2]) for line in log.read_text().splitlines())


def place(pid, cpus):
    subprocess.run(["taskset", "-apc", ",".join(map(str, cpus)), str(pid)], check=True, capture_output=True)


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=numbers, default=[1, 2])
    parser.add_argument("--connections", type=numbers, default=[16, 64])
    parser.add_argument("--behind", type=numbers, default=[0, 40], help="microseconds of work behind each call")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    rows, started = collections.defaultdict(list), []
    with tempfile.TemporaryDirectory(prefix="gatehouse-loops-") as folder:
        Authority(folder).issue("gate", "DNS:localhost,IP:127.0.0.1")
        Path(folder, "call.json").write_text(json.dumps(CALL))
        subprocess.run(["cc", "-O2", "-o", f"{folder}/upstream", ROOT / "Benchmarks/gateway/src/upstream.c"], check=True)
        upstream = free_port()
        try:
            started.append(subprocess.Popen([f"{folder}/upstream", "--port", str(upstream)]))
            proxies = []
            for behind, is_secure, loops in itertools.product(options.behind, (False, True), options.loops):
                proxies.append(Proxy(folder, upstream, loops, behind, is_secure))
                started.append(proxies[-1].process)
            for port in (upstream, *(proxy.port for proxy in proxies)):
                wait_for(port)
            for _, where, connections in itertools.product(range(options.rounds), WHERE, options.connections):
                place(started[0].pid, cpus[:1] if where == "apart" else cpus)
                for proxy in proxies:
                    row = proxy.measure(where, connections, options.seconds, cpus)
                    print(json.dumps(row), flush=True)
                    rows[tuple(row[name] for name in ("where", "behind_us", "tls", "connections", "loops"))].append(row)
        finally:
            for process in started:
                process.terminate()
                process.wait()
    for key, found in sorted(rows.items()):
        middle = {name: statistics.median(row[name] for row in found) for name in ("cpu_us", "per_second", "p50_us", "p99_us")}
        print(json.dumps(dict(zip(("where", "behind_us", "tls", "connections", "loops"), key)) | {"median": middle}))


if __name__ == "__main__":
    main()
