"""What hiding denied paths costs a start: a server with a folder of 12,000 entries, beside one without.

    GATEHOUSE_BINARY=.build/release/gatehouse .venv/sdk/bin/python Benchmarks/hiding/run.py

Times from the log's records: from the start of the gateway, or from a restart, to the start of the process.
Prints JSON, milliseconds, medians.
"""
import json
import os
import statistics
import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))
from test_servers import Hosting, configuration, victim  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
FOLDERS, FILES = 2_200, 9_800


def fill(root):
    """12,000 entries, of which fifty folders hold something denied."""
    folders = [root / f"{top}/{middle}/{leaf}" for top in range(10) for middle in range(20) for leaf in range(10)]
    for index, folder in enumerate(folders):
        folder.mkdir(parents=True)
        if index % 40 == 0:
            (folder / ".env").write_text("KEY=value\n")
    for index in range(FILES):
        (folders[index % len(folders)] / f"file-{index}.txt").write_text("text\n")
    return sum(1 for _ in root.rglob("*"))


def milliseconds(record):
    return datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp() * 1000


def starts(gateway, known, begins, server):
    """Times from each later record that `begins` picks to the server's next start."""
    found, since = [], None
    for record in gateway.records()[known:]:
        if begins(record):
            since = milliseconds(record)
        elif since is not None and is_change(record, "started", server):
            found.append(milliseconds(record) - since)
            since = None
    return found


def is_change(record, change, server=None):
    return record.get("detail", {}).get("change") == change and record.get("server") == server


def main():
    text = configuration(victim("bare") + victim("full", cage="read: {{ /data/tree: ./tree }}"), {"bare.echo": "T0", "full.echo": "T0"})
    first, unchanged = {"bare": [], "full": []}, {"bare": [], "full": []}
    gateway = Hosting(text)
    entries = fill(gateway.folder / "tree")
    with gateway:
        for _ in range(ROUNDS):
            # A new process has looked at nothing yet, and nobody's passphrase is hashed beside it.
            gateway.stop()
            known = len(gateway.records())
            gateway.start()
            for name in ("bare", "full"):
                gateway.wait_for_state(name, "running")
                first[name] += starts(gateway, known, lambda r: is_change(r, "started"), name)
        known = len(gateway.records())
        for name in ("bare", "full"):
            for _ in range(ROUNDS):
                gateway.run("servers", "restart", name)
                gateway.wait_for_state(name, "running")
            unchanged[name] = starts(gateway, known, lambda r, name=name: is_change(r, "restart", name), name)
    rows = {"entries": entries, "rounds": ROUNDS}
    for name, times in (("first start", first), ("unchanged", unchanged)):
        middle = {server: round(statistics.median(values), 1) for server, values in times.items()}
        rows[name] = {**middle, "added": round(middle["full"] - middle["bare"], 1)}
    print(json.dumps(rows, indent=2))


main()
