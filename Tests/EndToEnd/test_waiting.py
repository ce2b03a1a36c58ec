"""What an agent is told when a person takes longer than its call may be held."""
import json
import subprocess
import unittest

from harness import BINARY
from people import CONSOLE, People

BRIEF = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 5s, expiry: 300s")


def answer_of(reply):
    """The answer itself: a call that waited became a stream, whose last event it is."""
    if isinstance(reply, bytes):
        reply = json.loads([line for line in reply.split(b"\n") if line.startswith(b"data:")][-1][5:])
    return reply


class Waiting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(BRIEF, tokens=("bot", "other")))

    def destroy(self, name, token="bot", capabilities=None, **more):
        """A call of 2026-07-28; `more` stands beside its arguments."""
        _, _, reply = self.gateway.post(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "destroy", "arguments": {"name": name}, **more, "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": capabilities or {}}}},
            {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "destroy"},
            path="/mcp/shop", token=token)
        return answer_of(reply)

    def done(self, name):
        log = self.gateway.folder / "out/done.log"
        return log.read_text().splitlines().count(f"destroy {name}") if log.exists() else 0

    def test_a_call_goes_on_waiting_in_legs_and_runs_once(self):
        leg = self.destroy("leg", capabilities={"elicitation": {"url": {}}})["result"]
        self.assertEqual(leg["resultType"], "input_required")
        page = leg["inputRequests"]["approval"]["params"]
        ticket = self.gateway.wait_for_question()["ticket"]
        self.assertEqual((page["mode"], page["url"]), ("url", f"{self.gateway.site}/#/approvals/{ticket}"))
        state = leg["requestState"]
        # The state is of one principal and one call.
        self.assertEqual(self.destroy("leg", token="other", requestState=state)["error"]["code"], -32602)
        self.assertEqual(self.destroy("another", requestState=state)["error"]["code"], -32602)
        # That the person behind the agent opened the page is no yes.
        accepted = {"requestState": state, "inputResponses": {"approval": {"action": "accept"}}}
        second = self.destroy("leg", **accepted)["result"]
        self.assertEqual((second["resultType"], "inputRequests" in second), ("input_required", False))
        self.assertEqual(self.done("leg"), 0)
        self.gateway.decide("approvals", "approve", ticket)
        third = self.destroy("leg", requestState=second["requestState"])["result"]
        self.assertIn("destroyed leg", third["content"][-1]["text"])
        self.assertEqual(self.done("leg"), 1)

    def test_the_command_waits_on_and_says_so(self):
        for name, answer, status, words in (("yes", "approve", 0, "destroyed yes"), ("no", "deny", 1, "a person said no")):
            before = {question["ticket"] for question in self.gateway.waiting()}
            command = subprocess.Popen(
                [BINARY, "call", "--token-file", self.gateway.token_file("bot"), "shop", "destroy", json.dumps({"name": name})],
                cwd=self.gateway.folder, env=self.gateway.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)
            self.addCleanup(command.kill)
            self.assertEqual(command.stderr.readline(), "note: waiting for a person's answer\n")
            [ticket] = {question["ticket"] for question in self.gateway.waiting()} - before
            self.assertIn("sent again to wait on", command.stderr.readline())
            self.gateway.decide("approvals", answer, ticket)
            output, errors = command.communicate(timeout=60)
            self.assertEqual(command.returncode, status, output + errors)
            self.assertIn(words, output)

    def test_an_agent_of_2025_11_25_hears_progress_and_is_led_to_the_page(self):
        _, headers, _ = self.gateway.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {"elicitation": {"url": {}}}, "clientInfo": {"name": "t", "version": "1"}}},
            path="/mcp/shop", token="other")
        fields = {"Mcp-Session-Id": headers["Mcp-Session-Id"], "MCP-Protocol-Version": "2025-11-25"}
        _, _, reply = self.gateway.post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "destroy", "arguments": {"name": "page"}, "_meta": {"progressToken": "p"}}}, fields, path="/mcp/shop", token="other")
        self.assertIn(b"waiting for a person's answer", reply)
        error = answer_of(reply)["error"]
        self.assertEqual(error["code"], -32042)
        [page] = error["data"]["elicitations"]
        self.assertEqual(page["mode"], "url")
        self.assertEqual(page["url"], f"{self.gateway.site}/#/approvals/{page['elicitationId']}")
        self.assertEqual(self.done("page"), 0)
