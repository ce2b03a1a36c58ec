"""A gateway in front of the ledger server, and what the tests of evidence ask of both."""
import json
import re

from harness import PASSPHRASE, ROOT, Gateway

CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}"%LISTEN% }}
approvals: {{ hold: %HOLD%, expiry: %EXPIRY% }}
%AUDIT%
servers:
  ledger:
    command: [/usr/bin/python3, ledger.py]
    call_timeout: 20s
    cage: {{ write: {{ /data/out: ./out }}, network: none }}
tools:
  ledger.look: {{ tier: T0 }}
  ledger.note: {{ tier: T1, scope: {{ /n: {{ min: 0 }} }} }}
  ledger.strike: {{ tier: T2 }}
rules:
  - name: numbers are counted from zero
    tools: [ledger.strike]
    args: {{ /n: {{ min: 0 }} }}
    then: allow
"""


class LedgerGateway(Gateway):
    """`listen` and `audit` are put into the configuration as they are."""

    def __init__(self, listen="", audit="", expiry="1s", hold="0s", accept=("ledger",), tokens=("bot",)):
        audit = audit.replace("{", "{{").replace("}", "}}")
        text = CONFIGURATION.replace("%LISTEN%", listen).replace("%AUDIT%", audit).replace("%EXPIRY%", expiry).replace("%HOLD%", hold)
        super().__init__(text, accept, tokens)
        (self.folder / "ledger.py").write_bytes((ROOT / "Tests/EndToEnd/servers/ledger.py").read_bytes())

    def tool(self, name, number, hang=False):
        """The result of one call; its text says how it ended."""
        arguments = {"n": number, "hang": True} if hang else {"n": number}
        _, _, answer = self.modern("tools/call", {"name": name, "arguments": arguments}, path="/mcp/ledger")
        if "result" not in answer:
            raise RuntimeError(f"{name} {number}: {answer}")
        return answer["result"]

    def done(self):
        """What the server was told to do: (tool, number)."""
        file = self.folder / "out/ledger"
        lines = file.read_text().splitlines() if file.exists() else []
        return {(name, int(number)) for name, number in (line.split() for line in lines)}

    def records(self):
        done = self.run("audit", "export")
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


def text_of(result):
    return "".join(block.get("text", "") for block in result["content"])


def number_of(record):
    """The number a recorded call was about."""
    return int(re.search(r'"n":(-?\d+)', record["detail"]["arguments"])[1])


def by_call(records):
    """Kinds of each call's records, and what it was: {call: (tool, number, [kinds])}."""
    calls = {}
    for record in records:
        if record.get("call") is None:
            continue
        tool, number, kinds = calls.setdefault(record["call"], [record["tool"], None, []])
        kinds.append(record["kind"])
        if "arguments" in record["detail"]:
            calls[record["call"]][1] = number_of(record)
    return calls
