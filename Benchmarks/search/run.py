#!/usr/bin/python3
"""How long a question to a log of a million records takes for a person: through the control API, by the command, which asks
the gateway, and by the command from the log's files alone.

    GATEHOUSE_BINARY=… SEARCH_BENCH=… Benchmarks/search/run.py [--records 1000000]

Fills the log of a gateway with `search-bench`, which also asks the code itself; starts the gateway, waits until it has
indexed the log in the background, and asks forty of each kind of question. Prints a JSON object per line.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))
from people import People  # noqa: E402

KINDS = {
    "a word few records say": lambda n: {"words": f"ORD-{100_000 + 20_011 * n}"},
    "a word nobody says": lambda n: {"words": f"nowhere{n}"},
    "words everybody says": lambda n: {"words": "sandboxes"},
    "a tool": lambda n: {"server": ("files", "mail", "tickets")[n % 3], "tool": ("read_file", "list_page")[n % 2]},
    "an agent's refusals": lambda n: {"principal": f"agent-{n}", "kind": "judged"},
    "a tenant": lambda n: {"tenant": ("main", "acme", "globex")[n % 3]},
    "a word of a day": lambda n: {"words": "example", "since": f"2026-08-{n % 28 + 2:02}", "until": f"2026-08-{n % 28 + 3:02}"},
}


def spread(name, times):
    times = sorted(times)
    at = lambda share: round(1000 * times[min(len(times) - 1, int(len(times) * share))], 1)
    print(json.dumps({"step": name, "p50_ms": at(0.5), "p95_ms": at(0.95), "max_ms": at(1)}), flush=True)


def ask(kinds, name, question):
    everything = []
    for kind, parts in kinds.items():
        times = []
        for number in range(40):
            began = time.monotonic()
            question(parts(number))
            times.append(time.monotonic() - began)
        spread(f"{name}: {kind}", times)
        everything += times
    spread(f"{name}: all", everything)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    with People(accept=(), tokens=()) as gateway:
        gateway.stop()
        state = gateway.folder / "state"
        subprocess.run([os.environ["SEARCH_BENCH"], state, str(options.records)], check=True)
        (state / "search.db").unlink()
        began = time.monotonic()
        gateway.start()
        # The console listens a little after the agents' port.
        gateway.wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", gateway.console)))
        client = gateway.log_in()
        # The file stops growing when all of it is indexed.
        size, still = -1, 0
        while still < 50:
            now = (state / "search.db").stat().st_size if (state / "search.db").exists() else 0
            size, still = now, still + 1 if now == size and now > 0 else 0
            time.sleep(0.1)
        print(json.dumps({"step": "indexed in the background", "s": round(time.monotonic() - began - 5, 1),
                          "bytes": size}), flush=True)

        def api(parts):
            status, _, answer = client.send("GET", "/api/v1/audit?" + urllib.parse.urlencode(parts))
            assert status == 200 and answer["indexed"] == answer["size"], answer

        # As if no gateway ran.
        files = gateway.folder / "files"
        files.mkdir()
        for name in ("log.db", "search.db", "checkpoint"):
            (files / name).symlink_to(state / name)

        def command(parts, *state):
            options = [word for name, value in parts.items() if name not in ("words", "tool") for word in (f"--{name}", value)]
            if "tool" in parts:
                options += ["--tool", f"{parts['server']}.{parts['tool']}"]
            done = gateway.run("audit", "search", *parts.get("words", "").split(), *options, *state)
            assert done.returncode == 0, done.stderr

        ask(KINDS, "API", api)
        ask(KINDS, "command", command)
        ask(KINDS, "command, files alone", lambda parts: command(parts, "--state", str(files)))


if __name__ == "__main__":
    main()
