#!/usr/bin/env python3
"""Measures MCP gateways side by side. See README.md.

    bench.py measure [--runs N] [--only NAME,NAME] [--quick]   results go to $BENCH_OUT
    bench.py beside NAME,NAME [--turns N]                      short turns, each compared with nginx's of the same turn
    bench.py table                                             medians as a Markdown table
    bench.py check NAME                                        start one peer, make one call, show its log
    bench.py profile FILE                                      what a counting gateway counted; profile.sh builds it
"""
import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("BENCH_BUILD", HERE / "build"))
OUT = Path(os.environ.get("BENCH_OUT", HERE / "out"))
PEERS = Path(os.environ.get("BENCH_PEERS", HERE / "peers"))
GATEHOUSE = Path(os.environ.get("GATEHOUSE_BINARY", HERE.parents[1] / ".build/release/gatehouse"))
LOCK = os.environ.get("BENCH_LOCK")
LOAD_CPU, GATEWAY_CPU = os.environ.get("BENCH_CPUS", "0,1").split(",")
TICK = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGESIZE") // 1024


@contextlib.contextmanager
def machine():
    """Holds the lock that keeps two benchmarks from running at once."""
    if not LOCK:
        yield
        return
    with open(LOCK, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_priority(pid):
    """Puts the session of a measured process before whatever else the machine runs."""
    with contextlib.suppress(OSError):  # needs root and a kernel with autogroups
        Path(f"/proc/{pid}/autogroup").write_text("-20")


@contextlib.contextmanager
def realtime(*sessions):
    """Runs those sessions' threads as real-time while it lasts: a latency must
    not be the time that another program on the machine kept the CPU."""
    def schedule(policy, priority):
        for pid in [p for s in sessions for p in processes_of(s)]:
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    os.sched_setscheduler(int(task), policy, os.sched_param(priority))
    schedule(os.SCHED_RR, 10)
    try:
        yield
    finally:
        schedule(os.SCHED_OTHER, 0)


def processes_of(session):
    """The ids of all processes in that session: a peer and its children."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(int(entry))
    return found


def cpu_seconds(session):
    total = 0.0
    for pid in processes_of(session):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks = sum(int(f) for f in fields[11:13]) / TICK
            children = sum(int(f) for f in fields[13:15]) / TICK
            exact = 0.0  # the same time in nanoseconds, where the kernel keeps it
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    exact += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0]) / 1e9
            total += max(ticks, exact) + children
    return total


def memory_mb(session):
    """(RSS, PSS) of the process tree; PSS counts a shared page once."""
    rss = pss = 0
    for pid in processes_of(session):
        with contextlib.suppress(OSError, IndexError):
            rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB
            pss += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
    return round(rss / 1024, 1), round(pss / 1024, 1)


class Peer:
    def __init__(self, settings):
        self.name = settings["name"]
        self.settings = settings
        self.process = None
        self.upstream = None
        self.run = OUT / "run" / self.name
        self.ports = {}

    def fill(self, text):
        words = {"RUN": self.run, "PEERS": PEERS, "BUILD": BUILD, "BENCH": HERE, "GATEHOUSE": GATEHOUSE, **self.ports}
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    def prepare(self):
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(parents=True)
        self.ports = {"PORT": free_port(), "ADMIN_PORT": free_port(), "UPSTREAM_PORT": free_port()}
        for name in self.settings.get("configs", []):
            (self.run / name).write_text(self.fill((HERE / "configs" / name).read_text()))
        self.upstream = subprocess.Popen(
            ["taskset", "-c", LOAD_CPU, BUILD / "upstream", "--port", str(self.ports["UPSTREAM_PORT"])])
        if "before" in self.settings:  # what must be there before the first start
            subprocess.run(["bash", "-c", self.fill(self.settings["before"])], cwd=self.run, check=True, timeout=120,
                           stdout=open(self.run / "setup.log", "w"), stderr=subprocess.STDOUT)
        self.start()
        if "setup" in self.settings:  # the first start only makes the state
            try:
                self.first_call(60, must_work=False)
                subprocess.run(["bash", "-c", self.fill(self.settings["setup"])], cwd=self.run, check=True, env=self.environment(),
                               stdout=open(self.run / "setup.log", "w"), stderr=subprocess.STDOUT, timeout=120)
                self.first_call(60)
            finally:
                self.stop()
        else:
            self.first_call(60)
            self.stop()

    def environment(self):
        return {**os.environ, **{k: self.fill(v) for k, v in self.settings.get("environment", {}).items()}}

    def start(self):
        if "start" not in self.settings:
            return
        prefix = f"ulimit -n $(ulimit -Hn); exec taskset -c {GATEWAY_CPU} "
        self.process = subprocess.Popen(
            ["bash", "-c", prefix + self.fill(self.settings["start"])], cwd=self.run, start_new_session=True,
            env=self.environment(), stdin=subprocess.DEVNULL, stdout=open(self.run / "log", "a"), stderr=subprocess.STDOUT)
        raise_priority(self.process.pid)

    def stop(self):
        if not self.process:
            return
        session = self.process.pid
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in processes_of(session):
                with contextlib.suppress(OSError):
                    os.kill(pid, sign)
            for _ in range(40):
                self.process.poll()
                if not processes_of(session):
                    break
                time.sleep(0.05)
        self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        if self.upstream:
            self.upstream.kill()
            self.upstream.wait()
            self.upstream = None
        if "after" in self.settings:  # what lies outside the run folder
            subprocess.run(["bash", "-c", self.fill(self.settings["after"])], check=False)

    def load_command(self, *options, kind="echo"):
        s = self.settings
        tool = s.get("tool_name", "{}").format(kind)
        headers = list(s.get("headers", []))
        extra, rotated = self.run / "headers", self.run / "rotate"  # what the set-up step found out, one header a line
        if rotated.exists() and "--idle" not in options:
            options = ("--rotate", rotated, *options)
        elif extra.exists():
            headers += extra.read_text().splitlines()
        if s.get("wrapped"):
            options = ("--wrapped", *options)
        url = self.fill(s["url"])
        if (self.run / "url").exists():
            url = (self.run / "url").read_text().strip()
        command = ["taskset", "-c", LOAD_CPU, BUILD / "mcpload", "--url", url, "--protocol", s.get("protocol", "2025-11-25"),
                   "--tool", tool, "--kind", kind, *map(str, options)]
        for header in headers:
            command += ["--header", header]
        return command

    def load(self, *options, kind="echo", timeout=150):
        done = subprocess.run(self.load_command(*options, kind=kind), capture_output=True, text=True, timeout=timeout)
        if not done.stdout.strip():
            raise RuntimeError(f"mcpload failed: {done.stderr}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def first_call(self, seconds, must_work=True):
        result = self.load("--first-call", seconds if must_work else 15)
        if must_work and not result["ok"]:
            raise RuntimeError(f"{self.name}: no successful call: {result['first_error']}")
        return result

    def session(self):
        return self.process.pid if self.process else 0

    def load_with_cpu(self, *options, **more):
        before = cpu_seconds(self.session()) if self.process else 0
        result = self.load(*options, **more)
        if self.process and result["calls"]:
            # The warm-up's calls are in the CPU time too, so count them in.
            warm = 1 + float(options[options.index("--warmup") + 1]) / result["seconds"] if result["seconds"] else 1
            result["cpu_us_per_call"] = round((cpu_seconds(self.session()) - before) * 1e6 / (result["calls"] * warm), 1)
        return result


def measure(peer, seconds, with_idle):
    """One run of all measurements for one peer."""
    result = {"name": peer.name, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    peer.prepare()
    with machine():
        if "start" in peer.settings:
            begin = time.monotonic()
            peer.start()
            peer.first_call(60)
            result["cold_start_ms"] = round((time.monotonic() - begin) * 1000, 1)
            time.sleep(2)
            result["idle_rss_mb"], result["idle_pss_mb"] = memory_mb(peer.session())
        peer.load("--connections", 4, "--seconds", 2, "--warmup", 0)
    for connections in (1, 16, 64):
        with machine():
            result[f"closed_{connections}"] = peer.load_with_cpu("--connections", connections, "--seconds", seconds, "--warmup", 1)
    if peer.process:
        result["load_rss_mb"], result["load_pss_mb"] = memory_mb(peer.session())
    if "connect" in peer.settings:
        with machine():
            result["connect"] = connect_over_stdio(peer, seconds)
            # At once after it, so that both saw the same machine.
            result["connect_beside"] = peer.load("--connections", 1, "--seconds", seconds, "--warmup", 1)
    capacity = result["closed_16"]["per_second"]
    for rate in (50, 500):
        if capacity < rate * 1.4:
            continue
        with machine(), realtime(os.getsid(0), *([peer.session()] if peer.process else [])):
            result["fdatasync_us"] = sync_us(peer.run)
            result[f"rate_{rate}"] = peer.load_with_cpu("--connections", 16, "--rate", rate, "--seconds", seconds + 2, "--warmup", 1)
    with machine():
        result["megabyte"] = peer.load("--size", 1 << 20, "--calls", 20, "--seconds", 20, "--warmup", 0, kind="payload")
    if with_idle and peer.process:
        with machine():
            result["idle"] = hold_idle(peer, peer.settings.get("idle_connections", 2000))
            if peer.settings.get("sse"):
                result["idle_sse"] = hold_idle(peer, peer.settings.get("idle_connections", 2000), "--sse")
    peer.close()
    return result


def sync_us(folder, count=300):
    """The median time of an fdatasync of 4 KiB in a file that has its room already."""
    taken, page = [], b"x" * 4096
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, 64 * len(page))
        for number in range(count):
            os.pwrite(file.fileno(), page, number % 64 * len(page))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    return round(statistics.median(taken), 1)


def connect_over_stdio(peer, seconds):
    """One call at a time through the gateway's own pipe for agents that start their servers."""
    command = ["taskset", "-c", LOAD_CPU, BUILD / "mcpload", "--stdio", *(["--wrapped"] if peer.settings.get("wrapped") else []),
               "--protocol", peer.settings.get("protocol", "2025-11-25"), "--seconds", str(seconds), "--warmup", "1",
               "--", "bash", "-c", "exec " + peer.fill(peer.settings["connect"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=peer.run, env=peer.environment(),
                          stdin=subprocess.DEVNULL)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def hold_idle(peer, count, *more):
    """Memory that idle sessions take (with --sse: each with an open event stream too), in a fresh process."""
    peer.stop()
    peer.start()
    peer.first_call(60)
    time.sleep(1)
    before = memory_mb(peer.session())[1]
    with subprocess.Popen(peer.load_command("--idle", count, "--seconds", 3, *more), stdout=subprocess.PIPE, text=True) as holder:
        killer = threading.Timer(90, holder.kill)
        killer.start()
        try:
            ready = holder.stdout.readline()
            time.sleep(1)
            after = memory_mb(peer.session())[1]
            last = holder.stdout.readline()
        finally:
            killer.cancel()
    if not ready:
        return {"ready": 0, "note": "set-up took more than 90 s"}
    outcome = json.loads(last or ready)
    return {**outcome, "before_mb": before, "after_mb": after,
            "kb_each": round((after - before) * 1024 / max(outcome["ready"], 1), 1)}


def measure_stdio(settings, seconds):
    """Per-call overhead of a stdio wrapper: one call at a time through its stdio."""
    peer = Peer(settings)
    peer.run.mkdir(parents=True, exist_ok=True)
    for name in settings.get("configs", []):
        (peer.run / name).write_text(peer.fill((HERE / "configs" / name).read_text()))
    with machine():
        done = subprocess.run(
            ["taskset", "-c", GATEWAY_CPU, BUILD / "mcpload", "--stdio", "--tool", settings.get("tool_name", "{}").format("echo"),
             "--seconds", str(seconds), "--warmup", "1", "--", "bash", "-c", "exec " + peer.fill(settings["stdio"])],
            capture_output=True, text=True, timeout=120, cwd=peer.run, stdin=subprocess.DEVNULL)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr)
    result = json.loads(done.stdout)
    first = re.search(r"first call after ([\d.]+) ms", done.stderr)
    if first:
        result["cold_start_ms"] = float(first[1])
    (peer.run / "stderr").write_text(done.stderr)
    return {"name": settings["name"], "stdio": result}


def read_peers(only, every=False):
    peers = tomllib.loads((HERE / "peers.toml").read_text())["peer"]
    if only:
        unknown = set(only) - {p["name"] for p in peers}
        if unknown:
            sys.exit(f"no such peer: {', '.join(sorted(unknown))}")
        return [p for p in peers if p["name"] in only]
    return [p for p in peers if every or not p.get("off")]


def run_all(runs, only, quick):
    with contextlib.suppress(OSError):
        os.setsid()
    raise_priority(os.getpid())  # upstream and mcpload share this session
    (OUT / "results").mkdir(parents=True, exist_ok=True)
    seconds = 1 if quick else 3
    for run in range(1, runs + 1):
        for settings in read_peers(only):
            began = time.monotonic()
            peer = None
            try:
                if "stdio" in settings:
                    result = measure_stdio(settings, seconds)
                else:
                    peer = Peer(settings)
                    result = measure(peer, seconds, with_idle=run == 1)
            except Exception as problem:  # one peer's failure must not end the others' runs
                result = {"name": settings["name"], "failed": str(problem)}
            finally:
                if peer:
                    peer.close()
            with open(OUT / "results" / f"{settings['name']}.jsonl", "a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"run {run} {settings['name']}: {time.monotonic() - began:.0f} s", result.get("failed", "ok"), flush=True)


def beside(names, turns):
    """Peers that run side by side and are loaded one after the other in short turns, compared turn by turn with nginx.

    What a machine shared with others takes from all of them for minutes is in both sides of such a comparison.
    """
    with contextlib.suppress(OSError):
        os.setsid()
    raise_priority(os.getpid())
    others = [n for n in names if n not in ("direct", "nginx")]
    peers = {name: Peer(read_peers([name])[0]) for name in ("direct", "nginx", *others)}
    ratios = {name: {} for name in others}

    def note(name, what, value):
        ratios[name].setdefault(what, []).append(value)

    try:
        for peer in peers.values():
            peer.prepare()
            peer.start()
            peer.first_call(60)
            peer.load("--connections", 4, "--seconds", 1, "--warmup", 0)
        for turn in range(turns):
            order = list(peers.items()) if turn % 2 == 0 else list(peers.items())[::-1]
            for connections in (16, 64):
                with machine():
                    seen = {name: peer.load_with_cpu("--connections", connections, "--seconds", 0.6, "--warmup", 0.3)
                            for name, peer in order if name != "direct"}
                for name in others:
                    for what, key in (("CPU a call", "cpu_us_per_call"), ("calls/s", "per_second")):
                        note(name, f"{what}, {connections} connections", seen[name][key] / seen["nginx"][key])
                    note(name, "errors", seen[name]["errors"])
            seen = {}
            for name, peer in order:
                with machine(), realtime(os.getsid(0), *([peer.session()] if peer.process else [])):
                    seen[name] = peer.load("--connections", 16, "--rate", 500, "--seconds", 1, "--warmup", 0.5)
            sync = sync_us(OUT)
            added = {name: value["p50_us"] - seen["direct"]["p50_us"] for name, value in seen.items()}
            for name in others:
                note(name, "errors", seen[name]["errors"])
                note(name, "added p50 at 500/s", added[name] / added["nginx"])
                # What one sync more, of the same disk at the same time, may add.
                note(name, "the same, of nginx's and one fdatasync", added[name] / (added["nginx"] + sync))
    finally:
        for peer in peers.values():
            peer.close()
    for name in others:
        print(f"{name}, {turns} turns, times nginx's of the same turn: median (quartiles)")
        for what, values in ratios[name].items():
            if what == "errors":
                print(f"  {what}: {sum(values)}")
            else:
                low, middle, high = statistics.quantiles(values, n=4)
                print(f"  {what}: {middle:.2f} ({low:.2f} to {high:.2f})")


def median(results, *path):
    values = []
    for value in results:
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            values.append(value)
    return statistics.median(values) if values else None


def show(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def minus(value, base):
    return None if value is None or base is None else value - base


def table():
    files = sorted((OUT / "results").glob("*.jsonl"))
    every = {f.stem: [r for r in map(json.loads, f.read_text().splitlines()) if "failed" not in r] for f in files}
    direct = every.get("direct", [])
    print("| peer | runs | calls/s 1 / 16 / 64 conn | errors | CPU µs/call (16 conn) | CPU µs/call (500/s; 50/s) "
          "| added p50 / p99 µs at 50/s | added p50 / p99 µs at 500/s | memory idle / loaded MB, RSS (PSS) | cold start ms | 1 MB result ms | KB per idle session (with SSE) |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for settings in read_peers(None, every=True):
        results = every.get(settings["name"])
        if not results or "stdio" in settings:
            continue
        errors = sum(v.get("errors", 0) for r in results for v in r.values() if isinstance(v, dict))
        cells = [settings["name"], str(len(results)),
                 " / ".join(show(median(results, f"closed_{c}", "per_second")) for c in (1, 16, 64)), str(errors),
                 show(median(results, "closed_16", "cpu_us_per_call")),
                 show(median(results, "rate_500", "cpu_us_per_call")) + "; " + show(median(results, "rate_50", "cpu_us_per_call"))]
        for rate in ("rate_50", "rate_500"):
            cells.append(" / ".join(show(minus(median(results, rate, p), median(direct, rate, p))) for p in ("p50_us", "p99_us"))
                         if settings["name"] != "direct" else
                         " / ".join("(" + show(median(results, rate, p)) + ")" for p in ("p50_us", "p99_us")))
        cells += [" / ".join(f"{show(median(results, f'{when}_rss_mb'))} ({show(median(results, f'{when}_pss_mb'))})" for when in ("idle", "load")),
                  show(median(results, "cold_start_ms")),
                  show((median(results, "megabyte", "p50_us") or 0) / 1000, 2), show(median(results, "idle", "kb_each"), 1) + (f" ({sse:,.1f})" if (sse := median(results, "idle_sse", "kb_each")) is not None else "")]
        print("| " + " | ".join(cells) + " |")
    for name, results in every.items():
        if (sync := median(results, "fdatasync_us")) is not None and "gatehouse" in name:
            print(f"\n{name}: fdatasync of 4 KiB: {show(sync)} µs at the median", end="")
        if (over := minus(median(results, "connect", "p50_us"), median(results, "connect_beside", "p50_us"))) is not None:
            print(f"; `connect` adds {show(over)} µs to the median of one call at a time over HTTP", end="")
    print("\n\n| stdio | runs | p50 µs | p99 µs | calls/s | errors | CPU µs/call (tree) | RSS MB (tree) | first call ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for settings in read_peers(None, every=True):
        results = every.get(settings["name"])
        if results and "stdio" in settings:
            get = lambda key: median(results, "stdio", key)
            print("| " + " | ".join([settings["name"], str(len(results)), show(get("p50_us")), show(get("p99_us")), show(get("per_second")),
                  str(sum(r["stdio"]["errors"] for r in results)), show(get("cpu_us_per_call"), 1), show((get("rss_kb") or 0) / 1024), show(get("cold_start_ms"))]) + " |")


def check(name):
    settings = read_peers([name])[0]
    if "stdio" in settings:
        print(json.dumps(measure_stdio(settings, 1), indent=1))
        return
    peer = Peer(settings)
    try:
        peer.prepare()
        peer.start()
        print(peer.first_call(60))
        print(peer.load("--connections", 4, "--seconds", 1, "--warmup", 0))
    finally:
        peer.close()
        for log in ("setup.log", "log"):
            if (peer.run / log).exists():
                print(f"--- {log}\n" + (peer.run / log).read_text()[-3000:])


def profile(file):
    """Calls through a gateway that counts its branches, as the measured ones are, and what it counted."""
    peer = Peer(read_peers(["gatehouse"])[0])
    counts = OUT / "counts"
    shutil.rmtree(counts, ignore_errors=True)
    try:
        peer.prepare()
        os.environ["LLVM_PROFILE_FILE"] = str(counts / "%p.profraw")
        peer.start()
        peer.first_call(60)
        for connections in (1, 16, 64):
            result = peer.load("--connections", connections, "--calls", 10_000, "--seconds", 100, "--warmup", 0)
            if result["errors"]:
                sys.exit(f"wrong answers: {result}")
        peer.load("--size", 1 << 20, "--calls", 5, "--seconds", 20, "--warmup", 0, kind="payload")
    finally:
        peer.close()
    # Sparse: what was never run has no counts, and is compiled as without a profile.
    subprocess.run([os.environ["LLVM_PROFDATA"], "merge", "-sparse", "-o", file, *counts.glob("*.profraw")], check=True, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "table", "check", "beside", "profile"])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.what == "check" and options.name is None:
        parser.error("check needs the NAME of a peer in peers.toml")
    if options.what == "profile" and options.name is None:
        parser.error("profile needs the FILE to write")
    if options.what == "beside" and (options.name is None or options.turns < 2):
        parser.error("beside needs NAME,NAME of peers in peers.toml and two turns at least")
    if options.what == "table":
        table()
    elif options.what == "profile":
        profile(options.name)
    elif options.what == "check":
        check(options.name)
    elif options.what == "beside":
        beside(options.name.split(","), options.turns)
    else:
        run_all(options.runs, [n for n in options.only.split(",") if n], options.quick)


if __name__ == "__main__":
    main()
