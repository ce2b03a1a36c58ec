"""What an agent, a server or a process of the same user tries; each test is one attack."""
import json
import os
import select
import socket
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import PASSPHRASE, Gateway

SERVER = Path(__file__).with_name("attack_server.py")
TOOLS = ["echo", "fail", "die", "wait", "variable", "complain", "changed"]
ATTACKED = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
approvals: {{ hold: 20s, expiry: 60s }}
servers:
  box:
    command: [/usr/bin/python3, SERVER, FOLDER]
    cage: none
    env: {{ BOX_SECRET: {{ secret: box }} }}
secrets: {{ box: {{ file: ./box.secret }} }}
tools:
  box.echo: {{ tier: T0 }}
  box.fail: {{ tier: T0 }}
  box.die: {{ tier: T1, scope: {{ /text: {{ maxLength: 1000 }} }} }}
  box.wait: {{ tier: T0 }}
  box.variable: {{ tier: T0 }}
  box.complain: {{ tier: T0 }}
  box.changed: {{ tier: T0 }}
  box.write: {{ tier: T2 }}
"""


def definition(name, description="does it"):
    return {"name": name, "description": description, "inputSchema": {
        "type": "object", "properties": {"text": {"type": "string"}}}}


class Attacked(Gateway):
    """A gateway before the server above, which lists what `offer` says."""

    def __init__(self, configuration=ATTACKED, **more):
        super().__init__(configuration.replace("SERVER", str(SERVER)).replace("FOLDER", "@@"), accept=["box"], **more)
        file = self.folder / "gatehouse.yaml"
        # The server may run as a user of its own.
        self.box = self.folder / "box"
        self.box.mkdir()
        os.chmod(self.box, 0o777)
        file.write_text(file.read_text().replace("@@", str(self.box)))
        self.offer(*[definition(name) for name in [*TOOLS, "write"]])
        self.secret("a-first-secret-value-7Qz1")

    def offer(self, *tools):
        (self.box / "tools.json").write_text(json.dumps(tools))

    def secret(self, value):
        file = self.folder / "box.secret"
        file.write_text(value)
        os.chmod(file, 0o600)

    def call(self, tool, text="x", **more):
        return self.modern("tools/call", {"name": tool, "arguments": {"text": text}}, path="/mcp/box", **more)[2]

    def calls(self):
        file = self.box / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def words(answer):
    return " ".join(block.get("text", "") for block in answer["result"]["content"])


class Line:
    """An agent on the socket that `connect` uses."""

    def __init__(self, gateway, token, server="box"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(gateway.folder / "state/agents.sock"))
        self.file = self.socket.makefile("rwb")
        self.greeting = self.send({"token": gateway.secrets[token], "server": server})

    def send(self, message):
        self.file.write(json.dumps(message).encode() + b"\n")
        self.file.flush()
        line = self.file.readline()
        return json.loads(line) if line else None

    def call(self, tool, text="x"):
        return self.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": {"text": text}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}}}})

    def close(self):
        self.file.close()
        self.socket.close()


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Attacked(tokens=("bot", "short")))

    def test_a_revoked_token_ends_on_a_connection_it_began_before(self):
        line = Line(self.gateway, "short")
        self.addCleanup(line.close)
        self.assertIn("result", line.call("echo"))
        token = next(t for t in json.loads(self.gateway.run("tokens", "list", "--json").stdout) if t["owner"] == "short")
        self.assertEqual(self.gateway.run("tokens", "revoke", token["id"]).returncode, 0)
        before = len(self.gateway.calls())
        answer = line.call("echo")
        self.assertTrue(answer is None or "error" in answer, answer)
        self.assertEqual(len(self.gateway.calls()), before)


class Control(unittest.TestCase):
    def test_guesses_beside_one_another_are_counted_like_guesses_in_a_row(self):
        with Attacked(tokens=()) as gateway:
            def guess(name, number):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(gateway.folder / "state/control.sock"))
                    client.sendall(json.dumps({"method": "tokens.issue", "params": {"owner": "thief"}, "credential": {
                        "approver": name, "passphrase": f"guess number {number}"}}).encode() + b"\n")
                    return client.makefile().readline()
            for name in ("ana", "nobody{}"):
                with ThreadPoolExecutor(24) as pool:
                    answers = list(pool.map(lambda number: guess(name.format(number), number), range(24)))
                tried = [answer for answer in answers if "wrong" in answer]
                self.assertLessEqual(len(tried), 5, answers)
                self.assertEqual(len(answers) - len(tried), sum("too many" in answer for answer in answers))


if __name__ == "__main__":
    unittest.main()
