"""What sections of the protocol refuse beside its envelopes: encoded headers, versions, verbs, lines of servers.

Each with status, code and body; and the process, other sessions and the server go on, the very same ones.
"""
import json
import unittest

from agents import LEGACY, META, MODERN, HTTPAgent, configuration, text_of
from refusal_words import GONE, VERSIONS, differs, told
from refusing import CALL, Refusing, changed, method, params
from upstreams import ProtocolGateway, hosted, placed

KEY = "io.modelcontextprotocol/protocolVersion"
# Values of headers (2026-07-28, basic/transports/streamable-http, "Value Encoding"), and what each method mirrors.
MIRRORS = [
    *((f"a name encoded as {value}", changed(), {"Mcp-Name": value}, 400, -32020, True) for value in (
        "=?base64?ZWNobw", "ZWNobw==?=", "=?BASE64?ZWNobw==?=", "=?base64?ZWNobw==", "=?base64?ZWN_bw==?=", "=?base64?ZW Nobw==?=",
        "=?base64??=", "=?base64?/w==?=", "", "ECHO", "echo,echo")),
    ("a prompt's name not mirrored", method("prompts/get", name="greet"), {"Mcp-Name": None}, 400, -32020, True),
    ("another prompt's name", method("prompts/get", name="greet"), {"Mcp-Name": "leave"}, 400, -32020, True),
    ("a resource not mirrored", method("resources/read", uri="note://x"), {}, 400, -32020, True),
    ("another resource", method("resources/read", uri="note://x"), {"Mcp-Name": "note://y"}, 400, -32020, True),
    ("a version that is no text", params(_meta={**META, KEY: 20260728}), {}, 400, -32602, True),
    ("the version in the header alone", params(_meta={}), {}, 400, -32602, True),
    ("versions that differ", params(_meta={**META, KEY: "2025-11-25"}), {}, 400, -32020, True),
    ("a modern body with a session", changed(), {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "0" * 32}, 400, -32020, True),
]
UNOPENED = [
    ("neither session nor version", changed(), {"Mcp-Session-Id": None, "MCP-Protocol-Version": None}, 400, -32600, True),
    ("an empty session", changed(), {"Mcp-Session-Id": ""}, 404, -32600, True),
    ("a session of other signs", changed(), {"Mcp-Session-Id": "caf\u00e9"}, 404, -32600, True),
    ("a session that is too long", changed(), {"Mcp-Session-Id": "a" * 4000}, 404, -32600, True),
    ("an empty version", changed(), {"MCP-Protocol-Version": ""}, 400, -32022, True),
]


class BadInput(Refusing, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({"up": hosted(MODERN), "noisy": hosted("2025-06-18")}, placed("up", "noisy")), accept=["up", "noisy"],
            tokens=("bot", "other")))
        # One that has a session, and one whose server is the process that answered before all of it.
        cls.bystander = HTTPAgent(cls.gateway, "2025-11-25", "up", token="other")
        cls.process, cls.server = cls.gateway.process.pid, cls.starts("up")
        assert cls.server == 1, cls.gateway.records()

    @classmethod
    def starts(cls, server):
        """How often the server was started, as the log has it."""
        cls.gateway.settle()
        return sum(r["kind"] == "server" and r.get("server") == server and r["detail"].get("change") == "started" for r in cls.gateway.records())

    def setUp(self):
        self.addCleanup(self.goes_on)

    def goes_on(self):
        self.assertEqual(text_of(self.bystander.call("echo", text="by")), '{"text":"by"}')
        self.assertEqual((self.gateway.process.poll(), self.gateway.process.pid, self.starts("up")), (None, self.process, self.server))

    def test_headers_that_do_not_mirror_the_body(self):
        self.check(HTTPAgent(self.gateway, MODERN, "up"), MIRRORS)

    def test_sessions_and_versions_that_are_none(self):
        for revision in LEGACY:
            self.check(HTTPAgent(self.gateway, revision, "up"), UNOPENED)

    def test_notifications_are_held_to_their_headers(self):
        agent = HTTPAgent(self.gateway, MODERN, "up")
        message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "_meta": META}}
        # It may come without the header that names its method, and never with another's.
        for headers, words in (({"Mcp-Method": "tools/call"}, differs("Mcp-Method")),
                               ({"MCP-Protocol-Version": None}, told("no version header", MODERN)),
                               ({"MCP-Protocol-Version": "2025-11-25"}, VERSIONS), ({"Mcp-Method": None}, None), ({}, None)):
            got, _, answer = agent.send(message, headers)
            if words is None:
                self.assertEqual((got, answer), (202, []), headers)
            else:
                self.assertEqual(got, 400, headers)
                self.assert_told(answer[-1], -32020, words)
            self.assert_goes_on(agent)

    def test_ids_come_back_with_their_type(self):
        for revision in (*LEGACY, MODERN):
            agent = HTTPAgent(self.gateway, revision, "up")
            for id in (1, "1", 0, -7, 9007199254740991, "", "ü"):
                for name in ("tools/call", "nonsense"):
                    answer = agent.send(agent.message(name, CALL, id=id))[2][-1]
                    self.assertEqual((answer["id"], type(answer["id"])), (id, type(id)), answer)

    def test_streams_that_nobody_may_have(self):
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        event = {"Accept": "text/event-stream"}
        accept, mine = "Accept must name text/event-stream", {"Mcp-Session-Id": agent.session}
        for headers, status, words in (
                (event, 405, "no session to stream for; use POST, or name one in Mcp-Session-Id, once"),
                ({**event, "MCP-Protocol-Version": MODERN}, 405, "no session to stream for; use POST, or name one in Mcp-Session-Id, once"),
                ({**mine, "Accept": "application/json"}, 406, accept), ({**mine, "Accept": None}, 406, accept),
                ({"Mcp-Session-Id": "0" * 32, **event}, 404, GONE),
                ({**mine, "Last-Event-ID": "nobody's", **event}, 400, "what came after this event is not kept; send the request again"),
                ({**mine, "MCP-Protocol-Version": "2025-06-18", **event}, 400, told("another revision than the session's", "2025-11-25"))):
            with self.subTest(headers=headers):
                fields = {"Authorization": f"Bearer {self.gateway.secrets['bot']}", **headers}
                got, answer = self.send_lines(agent, None, [item for item in fields.items() if item[1] is not None], "GET")
                self.assertEqual(got, status)
                self.assert_told(answer, -32600, words)
                self.assert_goes_on(agent)

    def test_a_body_that_is_too_long_is_said_to_be(self):
        connection = self.connect()
        connection.putrequest("POST", "/mcp/up")
        agent = HTTPAgent(self.gateway, MODERN, "up")
        for name, value in {**agent.headers(agent.message("tools/call", CALL)), "Content-Length": str((1 << 20) + 1)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        # HTTP itself refuses: nothing was read that could be answered in JSON-RPC.
        self.assertEqual((response.status, response.getheader("Content-Type")), (413, "text/plain; charset=utf-8"))
        self.assertRegex(text, "^error: .*1048576")

    def test_a_server_that_prints_what_is_no_message_is_ended_alone(self):
        agent = HTTPAgent(self.gateway, MODERN, "noisy")
        self.assertEqual(text_of(agent.call("echo", text="before")), '{"text":"before"}')
        result = agent.call("garbage", text="without end")
        self.assertTrue(result["result"]["isError"], result)
        self.assertIn("gave no answer", text_of(result))
        self.gateway.wait_for(lambda: any("is no message" in json.dumps(r) for r in self.gateway.records() if r.get("server") == "noisy"))



if __name__ == "__main__":
    unittest.main()
