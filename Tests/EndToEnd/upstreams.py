"""The scripted servers of `fixtures/`, as a gateway's configuration names them."""
import json
import shutil
import sys
from pathlib import Path

from agents import MODERN, text_of
from harness import Gateway

FIXTURES = Path(__file__).resolve().parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
import scripted  # noqa: E402

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN)
NAMES = [json.loads(text)["name"] for text in scripted.TOOLS]


class ProtocolGateway(Gateway):
    """A gateway with the fixtures beside its configuration, readable for caged servers."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        shutil.copytree(FIXTURES, self.folder / "fixtures", ignore=shutil.ignore_patterns("__pycache__"))


def hosted(*arguments, **more):
    return {"command": ["/usr/bin/python3", "/fixtures/scripted.py", *arguments],
            "cage": {"read": {"/fixtures": "./fixtures"}}, "call_timeout": "20s", "start_timeout": "20s", **more}


def placed(*servers, names=NAMES):
    return [f"{server}.{name}" for server in servers for name in names]


def journal(agent):
    return json.loads(text_of(agent.call("journal", text="")))


def outcomes(gateway, tool):
    """The states of a tool's calls as the log has them."""
    records = [json.loads(line) for line in gateway.run("audit", "export").stdout.splitlines()]
    return [record for record in records if record["kind"] == "outcome" and record["tool"] == tool]


def remote(upstream, **more):
    return {"url": upstream.url, "call_timeout": "20s", "start_timeout": "20s", **more}


def absent(gateway):
    """What `tools list` says of servers that cannot be reached, by server; of those that are starting nothing is known."""
    rows = json.loads(gateway.run("tools", "list", "--json").stdout)
    return {row["server"]: row["reason"] for row in rows if row["state"] == "absent" and row["reason"] != "is starting"}


def hidden(gateway, server):
    rows = json.loads(gateway.run("tools", "list", "--json").stdout)
    return {row["tool"]: row["reason"] for row in rows if row["state"] == "hidden" and row["server"] == server}
