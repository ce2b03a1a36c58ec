#!/usr/bin/env python3
"""Calls a second and CPU a call over TLS, by HTTP/1.1 and HTTP/2, beside nginx as a proxy of the same MCP server.

    GATEHOUSE_BINARY=.build/release/gatehouse Benchmarks/tls/run.py [--rounds 3] [--seconds 3] [--connections 16]

Run it with a Python that has what Tests/EndToEnd needs; nginx and h2load (nghttp2-client) must be installed. nginx
passes bytes on; the gateway judges each call and has its intent on the disk before it is sent. Both have a CPU, the
load and the server the other. Prints one JSON line for each run, then the medians.
"""
import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))
from certificates import Authority  # noqa: E402
from harness import Gateway, free_port  # noqa: E402

PROTOCOLS = {"HTTP/1.1": ["--h1"], "HTTP/2": []}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
    "name": "echo", "arguments": {"text": "x" * 100},
    "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}}
FIELDS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
          "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}", hosts: [localhost], tls: {{ certificate: gate.pem, key: gate.key }} }}
servers:
  up: {{ url: "http://127.0.0.1:UPSTREAM/mcp" }}
tools:
  up.echo: {{ tier: T0 }}
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream mcp {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        ssl_certificate {folder}/gate.pem; ssl_certificate_key {folder}/gate.key;
        location / {{ proxy_pass http://mcp; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


def processor_seconds(pid):
    """Of a process with all its threads and children."""
    folder = Path(f"/proc/{pid}/task")
    own = sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in folder.iterdir()) / 1e9
    return own + sum(processor_seconds(int(child)) for task in folder.iterdir() for child in task.joinpath("children").read_text().split())


def pin(pid, cpu):
    for child in [pid, *(int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in task.joinpath("children").read_text().split())]:
        subprocess.run(["taskset", "-apc", str(cpu), str(child)], check=True, capture_output=True)


def load(port, protocol, fields, body, options):
    """Calls for so many seconds; how many were answered, and the rate."""
    words = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    streams = "1" if protocol == "HTTP/1.1" else "4"
    clients = options.connections if protocol == "HTTP/1.1" else max(1, options.connections // 4)
    done = subprocess.run(
        ["taskset", "-c", str(options.load_cpu), "h2load", *PROTOCOLS[protocol], "-c", str(clients), "-m", streams,
         "-D", str(options.seconds), *words, "-d", body, f"https://localhost:{port}/mcp{options.path}"],
        capture_output=True, text=True, timeout=options.seconds + 60)
    text = done.stdout
    counts = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if done.returncode or not counts or any(int(code) for code in codes.groups()[1:]) or int(counts[3]):
        sys.exit(f"the load failed: {text}{done.stderr}")
    return int(counts[1]), float(re.search(r"finished in [\d.]+\w*s, ([\d.]+) req/s", text)[1])


def check(port, path, fields, context):
    """The answer of one call is the server's."""
    request = urllib.request.Request(f"https://localhost:{port}/mcp{path}", json.dumps(CALL).encode(), fields)
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        text = answer.read().decode()
    if CALL["params"]["arguments"]["text"] not in text or '"isError":true' in text:
        sys.exit(f"no answer of the server's: {text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16, help="calls at once; over HTTP/2 four on each connection")
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    options.load_cpu, proxy_cpu = cpus[0], cpus[-1]
    rows = collections.defaultdict(list)
    gateway = Gateway(CONFIGURATION, accept=["up"])
    with tempfile.TemporaryDirectory(prefix="gatehouse-tls-") as folder:
        authority = Authority(gateway.folder)
        authority.issue("gate", "DNS:localhost,IP:127.0.0.1")
        for name in ("gate.pem", "gate.key"):
            Path(folder, name).write_bytes((gateway.folder / name).read_bytes())
        upstream, port = free_port(), free_port()
        (gateway.folder / "gatehouse.yaml").write_text(CONFIGURATION.replace("UPSTREAM", str(upstream)).format(port=gateway.port))
        subprocess.run(["cc", "-O2", "-o", f"{folder}/upstream", ROOT / "Benchmarks/gateway/src/upstream.c"], check=True)
        Path(folder, "nginx.conf").write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
        Path(folder, "call.json").write_text(json.dumps(CALL))
        server = subprocess.Popen(["taskset", "-c", str(options.load_cpu), f"{folder}/upstream", "--port", str(upstream)])
        nginx = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"])
        try:
            with gateway:
                measured = {"nginx": (nginx.pid, port, "", {}), "gatehouse": (
                    gateway.process.pid, gateway.port, "/up", {"Authorization": f"Bearer {gateway.secrets['bot']}"})}
                for pid, at, path, more in measured.values():
                    check(at, path, {**FIELDS, **more}, authority.client())
                    pin(pid, proxy_cpu)
                for number in range(options.rounds):
                    for protocol in PROTOCOLS:
                        for name, (pid, at, path, more) in measured.items():
                            options.path, before = path, processor_seconds(pid)
                            count, rate = load(at, protocol, {**FIELDS, **more}, f"{folder}/call.json", options)
                            row = {"proxy": name, "protocol": protocol, "round": number, "calls": count, "per_second": round(rate),
                                   "cpu_us": round((processor_seconds(pid) - before) / count * 1e6, 1)}
                            print(json.dumps(row), flush=True)
                            rows[name, protocol].append(row)
        finally:
            for process in (nginx, server):
                process.terminate()
                process.wait()
    for (name, protocol), found in rows.items():
        middle = {key: statistics.median(row[key] for row in found) for key in ("per_second", "cpu_us")}
        print(json.dumps({"proxy": name, "protocol": protocol, "median": middle}))


if __name__ == "__main__":
    main()
