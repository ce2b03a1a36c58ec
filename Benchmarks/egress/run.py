"""What the way out of a cage costs: HTTPS from inside it, beside the same program outside.

    GATEHOUSE_BINARY=.build/release/gatehouse .venv/sdk/bin/python Benchmarks/egress/run.py

The server is a Python one of the tests' on the same machine. Prints JSON, times in microseconds.
"""
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"),
                str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd/servers")]
import prober  # noqa: E402
from test_egress import Outlet  # noqa: E402
from web import Site, certificate  # noqa: E402

COUNT = int(os.environ.get("COUNT", "300"))


def row(times):
    ordered = sorted(times)
    return {"p50": round(statistics.median(ordered)), "p99": round(ordered[int(len(ordered) * 0.99)])}


def main():
    with tempfile.TemporaryDirectory(prefix="gatehouse-web-") as folder:
        chain, key = certificate(Path(folder) / "site", "docs.example.com", "127.0.0.1")
        os.environ["SSL_CERT_FILE"] = str(chain)
        with Site(chain, key) as site, Site() as plain, Outlet(site, plain, chain, accept=["probe"], budget=100_000) as gateway:
            target = f"docs.example.com:{site.port}"
            result = {"count": COUNT}
            for name, keep in (("new connection", False), ("open connection", True)):
                direct = prober.timing(target, "docs.example.com", COUNT, keep, ("127.0.0.1", site.port))
                through = gateway.call("probe", "timing", target=target, name="docs.example.com", count=COUNT, keep=keep)
                # A program that knows of no proxy: it looks the name up in its cage, and connects to what it is told.
                captured = gateway.call("probe", "timing", target=target, name="docs.example.com", count=COUNT, keep=keep,
                                        direct=["docs.example.com", site.port])
                again = prober.timing(target, "docs.example.com", COUNT, keep, ("127.0.0.1", site.port))
                outside = row(direct["microseconds"] + again["microseconds"])
                inside = row(through["microseconds"])
                caught = row(captured["microseconds"])
                result[name] = {"direct": outside, "through": inside, "added p50": inside["p50"] - outside["p50"],
                                "captured": caught, "added p50 captured": caught["p50"] - outside["p50"]}
            print(json.dumps(result, indent=2))


main()
