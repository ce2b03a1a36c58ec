"""Lines that are not taken: what `connect` answers to each message that HTTP refuses, and to lines of its own kind."""
import json
import unittest

from agents import LEGACY, MODERN, HTTPAgent, LineAgent, configuration, initialize, text_of
from refusal_words import told
from refusing import CALL, Refusing
from test_protocol_refusals import ALWAYS, SELF_CONTAINED, WITH_SESSIONS
from upstreams import ProtocolGateway, hosted, placed

# What lines cannot say, or say otherwise: there are no headers, and without `_meta` a line is of an
# older revision.
UNLIKE_LINES = {
    "nothing", "invalid UTF-8", "a response", "no tool name", "no name header", "another name header", "a broken name header",
    "a name header with bare UTF-8",
    "an argument too much in headers", "no _meta", "_meta that is no object", "no version in _meta", "unknown server/discover"}


class Lines(Refusing, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({"up": hosted(MODERN)}, placed("up")), accept=["up"], tokens=("bot", "other")))
        # Another's session, to see that it goes on.
        cls.bystander = HTTPAgent(cls.gateway, "2025-11-25", "up", token="other")

    def setUp(self):
        self.addCleanup(self.assert_goes_on, self.bystander)

    def test_lines_are_refused_as_messages_are(self):
        """Over `connect` there is no status; codes and ids are the same, and the line stays open."""
        for revision in (*LEGACY, MODERN):
            agent = LineAgent(self.gateway, revision, "up")
            agent.gateway, agent.token = self.gateway, "bot"
            for name, make, headers, _, code, tells in ALWAYS + (WITH_SESSIONS if revision != MODERN else SELF_CONTAINED):
                if headers.keys() - {"Mcp-Name"} or name in UNLIKE_LINES:
                    continue
                with self.subTest(agent=revision, case=name):
                    message = make(agent)
                    if name == "a cursor nobody sealed":
                        message["id"] = "cursor"
                    agent.write(message if isinstance(message, str) else json.dumps(message))
                    answer = agent.read()
                    self.assertEqual(answer["error"]["code"], code, answer)
                    self.assertEqual(answer["error"]["message"], told(name, revision))
                    self.assertEqual(answer.get("id"), message["id"] if tells else None)
                    self.assertEqual(text_of(agent.call("echo", text="on")), '{"text":"on"}')
            agent.close()

    def test_a_line_over_the_limit_is_refused_and_the_next_is_taken(self):
        for revision in (*LEGACY, MODERN):
            agent = LineAgent(self.gateway, revision, "up")
            message = json.dumps(agent.message("tools/call", CALL, id="big"))
            for size in ((1 << 20) + 1, (1 << 20) + 70_000, 5 << 20):
                agent.write(message + " " * (size - len(message)))
                answer = agent.read()
                self.assert_told(answer, -32600, "a message has at most 1048576 bytes; send a shorter one")
                self.assertEqual(text_of(agent.call("echo", text="on")), '{"text":"on"}')
            agent.write(message + " " * ((1 << 20) - len(message)))
            self.assertEqual(text_of(agent.answer("big")), '{"text":"x"}')
            agent.close()

    def test_a_line_before_its_opening_is_refused(self):
        agent = LineAgent(self.gateway, MODERN, "up")
        for name, code, words in (("tools/list", -32600, "send `initialize` first"), ("ping", -32600, "send `initialize` first"),
                                  ("server/discover", -32602, told("no _meta", MODERN))):
            agent.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": name}))
            self.assert_told(agent.read(), code, words, 1)
        # What is answered by nobody is taken without a word.
        agent.notify("notifications/initialized", {})
        agent.notify("notifications/cancelled", {"requestId": 1})
        # Both eras may be spoken on one line.
        agent.write(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": initialize("2025-06-18")}))
        self.assertEqual(agent.read()["result"]["protocolVersion"], "2025-06-18")
        agent.write('{"jsonrpc":"2.0","id":3,"method":"ping"}')
        self.assertEqual(agent.read(), {"jsonrpc": "2.0", "id": 3, "result": {}})
        self.assertEqual(agent.request("server/discover")["result"]["supportedVersions"], [MODERN])
        agent.close()


if __name__ == "__main__":
    unittest.main()
