"""Agents of the two oldest revisions: what they are shown, and batches, which one of them has."""
import json
import unittest

from agents import LEGACY, META, HTTPAgent, LineAgent, configuration
from refusal_words import BATCH, VERSION, told, unknown
from test_protocol_whole import OFFERED, python
from upstreams import ProtocolGateway

FIRST, SECOND = "2024-11-05", "2025-03-26"


class OldAgents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        servers = {"notes": {"command": [python("sdk"), "/fixtures/whole_server.py", "stdio"],
                             "cage": {"read": {"/fixtures": "./fixtures"}}}}
        tools = [f"notes.{name}" for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, tools), accept=servers))

    def agent(self, kind, revision):
        agent = kind(self.gateway, revision, "notes")
        self.addCleanup(agent.close)
        return agent

    def ask(self, agent, method, params=None):
        got = agent.request(method, params)
        return got[-1] if isinstance(got, list) else got

    def test_each_is_shown_what_its_revision_has_words_for(self):
        link = {"type": "text", "text": "[plain](note://plain)"}
        sound = {"type": "text", "text": "[sound, audio/wav, about 48 bytes]"}
        for kind in (HTTPAgent, LineAgent):
            for revision, gone in ((FIRST, (3, link)), (SECOND, (3, link))):
                with self.subTest(agent=revision, transport=kind.__name__):
                    agent = self.agent(kind, revision)
                    mixed = self.ask(agent, "tools/call", {"name": "mixed", "arguments": {"count": 1}})["result"]["content"]
                    self.assertEqual(mixed[gone[0]], gone[1])
                    self.assertEqual(mixed[2] == sound, revision == FIRST)
                    self.assertEqual([mixed[0]["type"], mixed[1]["type"], mixed[4]["type"]], ["text", "image", "resource"])
                    shaped = self.ask(agent, "tools/call", {"name": "structured", "arguments": {"x": 7}})["result"]
                    self.assertNotIn("structuredContent", shaped)
                    self.assertEqual(json.loads(shaped["content"][0]["text"]), {"x": 7, "y": None})
                    for tool in self.ask(agent, "tools/list")["result"]["tools"]:
                        self.assertFalse({"outputSchema", "title", "icons"} & tool.keys())
                    prompts = {p["name"]: p for p in self.ask(agent, "prompts/list")["result"]["prompts"]}
                    self.assertEqual(prompts.keys(), {"greet", "bare", "illustrated"})
                    self.assertNotIn("title", prompts["greet"])
                    read = self.ask(agent, "resources/read", {"uri": "note://plain"})["result"]["contents"]
                    self.assertEqual(read[0]["text"], "a plain note")

    BATCH = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/nothing"},
             {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "structured", "arguments": {"x": 2}}},
             {"jsonrpc": "2.0", "id": 3, "method": "nonsense"}, {"jsonrpc": "2.0", "id": 4, "method": "initialize", "params": {}}, 7]

    def check(self, answers):
        self.assertEqual([answer.get("id") for answer in answers], [1, "two", 3, 4, None])
        self.assertEqual(answers[0]["result"], {})
        self.assertIn('"x"', answers[1]["result"]["content"][0]["text"])
        self.assertEqual([(answer["error"]["code"], answer["error"]["message"]) for answer in answers[2:]], [
            (-32601, unknown("nonsense", SECOND)), (-32600, "`initialize` is in no batch; send it alone"), (-32600, "a message is a JSON object")])

    def test_a_batch_is_answered_as_one_each_member_judged(self):
        agent = self.agent(HTTPAgent, SECOND)
        headers = {"Mcp-Session-Id": agent.session}
        known = self.gateway.known_calls()
        status, _, text = self.gateway.post(self.BATCH, headers, path="/mcp/notes")
        self.assertEqual(status, 200)
        self.check(json.loads(text))
        self.gateway.wait_for(lambda: [
            r["kind"] for r in self.gateway.records_besides(known, "structured")] == ["intent", "outcome"])
        silent = self.gateway.post([self.BATCH[1]], headers, path="/mcp/notes")
        self.assertEqual((silent[0], silent[2]), (202, b""))
        for batch in ([], [self.BATCH[0]] * 65):
            status, _, answer = self.gateway.post(batch, headers, path="/mcp/notes")
            self.assertEqual((status, answer), (400, {
                "jsonrpc": "2.0", "error": {"code": -32600, "message": "a batch has 1 to 64 messages"}}))
            self.assertEqual(self.ask(agent, "ping")["result"], {})
        line = self.agent(LineAgent, SECOND)
        line.write(json.dumps(self.BATCH))
        self.check(line.read())

    def test_no_other_revision_has_batches(self):
        for revision in (FIRST, *LEGACY):
            agent = self.agent(HTTPAgent, revision)
            status, _, answer = self.gateway.post(self.BATCH, {"Mcp-Session-Id": agent.session}, path="/mcp/notes")
            self.assertEqual((status, answer["error"]), (400, {"code": -32600, "message": BATCH}), revision)
            self.assertEqual(self.ask(agent, "ping")["result"], {})

    def test_a_batch_is_its_sessions_alone_and_of_its_revision(self):
        agent = self.agent(HTTPAgent, SECOND)
        for version, code, words in (("2025-11-25", -32600, told("another revision than the session's", SECOND)),
                                     ("2031-01-01", -32022, VERSION)):
            status, _, answer = self.gateway.post(self.BATCH, {"Mcp-Session-Id": agent.session, "MCP-Protocol-Version": version}, path="/mcp/notes")
            self.assertEqual((status, answer["error"]["code"], answer["error"]["message"]), (400, code, words))
        # A member that says it is of another revision is refused alone; a word nobody waits for is dropped.
        modern = {"jsonrpc": "2.0", "id": "m", "method": "tools/list", "params": {"_meta": META}}
        status, _, text = self.gateway.post([modern, {"jsonrpc": "2.0", "id": "n", "method": "ping"}],
                                            {"Mcp-Session-Id": agent.session, "MCP-Protocol-Version": SECOND}, path="/mcp/notes")
        first, second = json.loads(text)
        self.assertEqual((status, first["id"], first["error"]["code"]), (200, "m", -32600))
        self.assertEqual(first["error"]["message"], "a batch is of its session's revision; send what names another alone")
        self.assertEqual(second, {"jsonrpc": "2.0", "id": "n", "result": {}})


if __name__ == "__main__":
    unittest.main()
