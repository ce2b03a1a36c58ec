#!/usr/bin/env python3
"""CPU per call of the HTTP layer beside nginx, as proxies of the same MCP server on loopback.

    GATEHOUSE_BENCH=1 swift build -c release --product http-bench
    Benchmarks/http/run.py [--connections 64] [--rounds 3] [--seconds 3] [--tools FOLDER]

FOLDER holds `mcpload.c` and `upstream.c` (default: Benchmarks/gateway/src, else
../shared/bench/src). Prints one JSON line per proxy and round, then the medians.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]

def cpu_seconds(process):
    """CPU time of a process and its children, from schedstat (nanoseconds) of each thread."""
    total = 0
    for pid in [process.pid] + children(process.pid):
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9

def user_seconds(process):
    """User time alone, from stat (ticks of 10 ms)."""
    total = 0
    for pid in [process.pid] + children(process.pid):
        total += int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1].split()[11])
    return total / os.sysconf("SC_CLK_TCK")

def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]

def wait_for(port):
    import socket
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"nothing listens on port {port}")

def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--size", type=int, default=0, help="extra bytes of text per call")
    arguments.add_argument("--port", type=int, default=18930)
    arguments.add_argument("--tools", type=pathlib.Path)
    options = arguments.parse_args()
    folders = [options.tools, ROOT / "Benchmarks/gateway/src", ROOT / "../shared/bench/src"]
    source = next(f for f in folders if f and (f / "mcpload.c").exists())
    work = pathlib.Path(tempfile.mkdtemp(prefix="http-bench-"))
    for program in ["mcpload", "upstream"]:
        subprocess.run(["cc", "-O2", "-o", work / program, source / f"{program}.c"], check=True)
    upstream, nginx, ours, direct = (options.port + i for i in range(4))
    configuration = f"""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off; client_body_temp_path {work}/body; proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
    keepalive_requests 100000000;
    upstream mcp {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{nginx} backlog=4096;
        location / {{ proxy_pass http://mcp; proxy_http_version 1.1;
                      proxy_set_header Connection ""; }}
    }}
}}
"""
    (work / "nginx.conf").write_text(configuration)
    bench = ROOT / ".build/release/http-bench"
    started = {
        "upstream": subprocess.Popen([work / "upstream", "--port", str(upstream)]),
        "nginx": subprocess.Popen(["nginx", "-p", work, "-c", work / "nginx.conf"]),
        "ours": subprocess.Popen([bench, "proxy", str(ours), str(upstream)]),
    }
    results = {"nginx": [], "ours": []}
    try:
        for port in [upstream, nginx, ours]:
            wait_for(port)
        for round in range(options.rounds):
            for name, port in [("nginx", nginx), ("ours", ours)]:
                load = [work / "mcpload", "--url", f"http://127.0.0.1:{port}/mcp",
                        "--connections", str(options.connections), "--size", str(options.size)]
                subprocess.run(load + ["--seconds", "0.5", "--warmup", "0"],
                               check=True, stdout=subprocess.DEVNULL)
                cpu, user = cpu_seconds(started[name]), user_seconds(started[name])
                output = subprocess.run(load + ["--seconds", str(options.seconds), "--warmup", "0"],
                                        check=True, capture_output=True, text=True).stdout
                cpu, user = cpu_seconds(started[name]) - cpu, user_seconds(started[name]) - user
                seen = json.loads(output)
                calls = seen["calls"]
                row = {"proxy": name, "round": round, "calls": calls,
                       "cpu_us": round_to(cpu / calls * 1e6), "user_us": round_to(user / calls * 1e6),
                       "load": {k: seen[k] for k in seen if k in
                                ("per_second", "mean_us", "p50_us", "p99_us", "errors", "reconnects", "first_error")}}
                print(json.dumps(row))
                results[name].append(row)
        for name, rows in results.items():
            print(name, "median CPU us/call", statistics.median(r["cpu_us"] for r in rows),
                  "user", statistics.median(r["user_us"] for r in rows))
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait()

def round_to(value):
    return round(value, 2)

if __name__ == "__main__":
    main()
