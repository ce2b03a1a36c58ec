"""Every message that is not taken: HTTP status, JSON-RPC code, id and body; and the others go on."""
import json
import unittest

from agents import LEGACY, META, MODERN, HTTPAgent, configuration, initialize, text_of
from refusal_words import ACCEPT, CREDENTIAL, GONE, repeated, told
from refusing import CALL, KEYS, Refusing, changed, meta_without, method, params, raw
from upstreams import ProtocolGateway, hosted, placed

OLD = ("2024-11-05", "2025-03-26")
NESTED = "[" * 100 + "]" * 100
# What every revision refuses in the same way: name, message, headers, status, code, whether the id is told.
ALWAYS = [
    ("no JSON", raw("{"), {}, 400, -32700, False),
    ("nothing", raw(""), {}, 400, -32700, False),
    ("cut short", raw('{"jsonrpc":"2.0","id":1,"method":"pi'), {}, 400, -32700, False),
    ("two values", raw('{"jsonrpc":"2.0","id":1,"method":"ping"} {}'), {}, 400, -32700, False),
    ("a byte order mark", raw('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}'), {}, 400, -32700, False),
    ("invalid UTF-8", raw(b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}'), {}, 400, -32700, False),
    ("a lone surrogate", raw('{"jsonrpc":"2.0","id":1,"method":"\\ud800"}'), {}, 400, -32700, False),
    ("a duplicate key", raw('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'), {}, 400, -32700, False),
    ("a duplicate key by escape", raw('{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"x"}'), {}, 400, -32700, False),
    ("a duplicate key deep inside", raw('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[{"b":1,"b":2}]}}'), {}, 400, -32700, False),
    ("too deep", raw('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":%s}}' % NESTED), {}, 400, -32700, False),
    ("a batch", raw('[{"jsonrpc":"2.0","id":1,"method":"ping"}]'), {}, 400, -32600, False),
    ("an empty batch", raw("[]"), {}, 400, -32600, False),
    ("a number", raw("7"), {}, 400, -32600, False),
    ("no version", changed(jsonrpc=...), {}, 400, -32600, True),
    ("JSON-RPC 1.0", changed(jsonrpc="1.0"), {}, 400, -32600, True),
    ("a null id", changed(id=None), {}, 400, -32600, False),
    ("a fraction as id", changed(id=1.5), {}, 400, -32600, False),
    ("an id too long", changed(id="x" * 257), {}, 400, -32600, False),
    ("an object as id", changed(id={}), {}, 400, -32600, False),
    ("an id beyond 64 bits", changed(id=1 << 63), {}, 400, -32600, False),
    ("params as array", changed(params=[]), {}, 400, -32600, True),
    ("a number as method", changed(method=7), {}, 400, -32600, True),
    ("an empty method", changed(method=""), {}, 400, -32600, True),
    ("a method too long", changed(method="m" * 129), {}, 400, -32600, True),
    ("both method and result", changed(result={}), {}, 400, -32600, True),
    ("both method and error", changed(error={"code": 1, "message": "x"}), {}, 400, -32600, True),
    ("neither", changed(method=...), {}, 400, -32600, True),
    ("both result and error", changed(method=..., result={}, error={"code": 1, "message": "x"}), {}, 400, -32600, True),
    ("an error without a code", changed(method=..., error={"message": "x"}), {}, 400, -32600, True),
    ("nothing but a version", raw('{"jsonrpc":"2.0"}'), {}, 400, -32600, False),
    ("a form as content", changed(), {"Content-Type": "application/x-www-form-urlencoded"}, 415, -32600, False),
    ("text as content", changed(), {"Content-Type": "text/plain"}, 415, -32600, False),
    ("no content type", changed(), {"Content-Type": None}, 415, -32600, False),
    ("Accept without streams", changed(), {"Accept": "application/json"}, 406, -32600, False),
    ("Accept without JSON", changed(), {"Accept": "text/event-stream"}, 406, -32600, False),
    ("no Accept", changed(), {"Accept": None}, 406, -32600, False),
    ("a foreign origin", changed(), {"Origin": "https://evil.example"}, 403, -32600, False),
    ("a null origin", changed(), {"Origin": "null"}, 403, -32600, False),
    ("a foreign host", changed(), {"Host": "evil.example"}, 421, -32600, False),
    ("no credential", changed(), {"Authorization": None}, 401, -32600, False),
    ("another scheme", changed(), {"Authorization": "Basic Ym90OmJvdA=="}, 400, -32600, False),
    ("a wrong credential", changed(), {"Authorization": "Bearer gh_wrong"}, 401, -32600, False),
    ("no tool", params(name="nothing"), {"Mcp-Name": "nothing"}, 200, -32602, True),
    ("another server's name", params(name="up__echo"), {"Mcp-Name": "up__echo"}, 200, -32602, True),
    ("arguments that are no object", params(arguments=[]), {}, 200, -32602, True),
    ("a cursor nobody sealed", method("tools/list", cursor="MTI"), {"Mcp-Name": None}, 200, -32602, True),
    ("a cursor that is no text", method("tools/list", cursor=1), {"Mcp-Name": None}, 200, -32602, True),
]
SELF_CONTAINED = [
    *((f"unknown {name}", method(name), {}, 404, -32601, True) for name in (
        "nonsense", "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
        "sampling/createMessage", "roots/list", "elicitation/create", "tasks/get", "Tools/List")),
    ("no version header", changed(), {"MCP-Protocol-Version": None}, 400, -32020, True),
    ("another version header", changed(), {"MCP-Protocol-Version": "2025-11-25"}, 400, -32020, True),
    ("no method header", changed(), {"Mcp-Method": None}, 400, -32020, True),
    ("another method header", changed(), {"Mcp-Method": "tools/list"}, 400, -32020, True),
    ("the method header in capitals", changed(), {"Mcp-Method": "TOOLS/CALL"}, 400, -32020, True),
    ("no name header", changed(), {"Mcp-Name": None}, 400, -32020, True),
    ("another name header", changed(), {"Mcp-Name": "fail"}, 400, -32020, True),
    ("a broken name header", changed(), {"Mcp-Name": "=?base64?ZWNobw?="}, 400, -32020, True),
    ("a name header with bare UTF-8", params(name="größe"), {"Mcp-Name": "größe"}, 400, -32020, True),
    ("an argument too much in headers", params(name="region", arguments={"region": "eu"}), {"Mcp-Name": "region"}, 400, -32020, True),
    ("no _meta", params(_meta=...), {}, 400, -32602, True),
    ("_meta that is no object", params(_meta=7), {}, 400, -32602, True),
    ("no version in _meta", params(_meta=meta_without(KEYS[0])), {}, 400, -32602, True),
    ("no capabilities in _meta", params(_meta=meta_without(KEYS[1])), {}, 400, -32602, True),
    ("capabilities that are no object", params(_meta={**META, KEYS[1]: []}), {}, 400, -32602, True),
    ("a version nobody serves", params(_meta={**META, KEYS[0]: "2031-01-01"}), {"MCP-Protocol-Version": "2031-01-01"}, 400, -32022, True),
    ("an old version in _meta", params(_meta={**META, KEYS[0]: "2025-11-25"}), {"MCP-Protocol-Version": "2025-11-25"}, 400, -32022, True),
    ("a response", raw('{"jsonrpc":"2.0","id":1,"result":{}}'), {}, 400, -32600, False),
    ("no tool name", params(name=...), {"Mcp-Name": "x"}, 400, -32020, True),
]
WITH_SESSIONS = [
    *((f"unknown {name}", method(name), {}, 200, -32601, True) for name in (
        "nonsense", "server/discover", "subscriptions/listen", "sampling/createMessage", "roots/list", "tasks/list")),
    ("no session", changed(), {"Mcp-Session-Id": None}, 400, -32600, True),
    ("an unknown session", changed(), {"Mcp-Session-Id": "0" * 32}, 404, -32600, True),
    ("another revision than the session's", changed(), {"MCP-Protocol-Version": "2025-03-26"}, 400, -32600, True),
    ("an unknown version", changed(), {"MCP-Protocol-Version": "1999-01-01"}, 400, -32022, True),
    ("the modern version without _meta", changed(), {"MCP-Protocol-Version": MODERN}, 400, -32602, True),
    ("no tool name in a session", params(name=...), {}, 200, -32602, True),
    ("initialize without a version", method("initialize"), {"Mcp-Session-Id": None, "MCP-Protocol-Version": None}, 400, -32602, True),
]


class Refusals(Refusing, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({"up": hosted(MODERN)}, placed("up")), accept=["up"], tokens=("bot", "other")))

    def test_what_every_revision_refuses(self):
        for revision in (*LEGACY, MODERN):
            self.check(HTTPAgent(self.gateway, revision, "up"), ALWAYS)

    def test_what_the_self_contained_revision_refuses(self):
        self.check(HTTPAgent(self.gateway, MODERN, "up"), SELF_CONTAINED)

    def test_what_revisions_with_sessions_refuse(self):
        for revision in LEGACY:
            self.check(HTTPAgent(self.gateway, revision, "up"), WITH_SESSIONS)

    def test_a_body_over_the_limit_is_refused_before_it_is_read(self):
        agent = HTTPAgent(self.gateway, MODERN, "up")
        connection = self.connect()
        connection.putrequest("POST", "/mcp/up")
        for name, value in {**agent.headers(agent.message("tools/call", CALL)), "Content-Length": str((1 << 20) + 1)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        self.assertEqual((response.status, response.getheader("Content-Type")), (413, "text/plain; charset=utf-8"))
        self.assertRegex(response.read().decode(), "^error: .*1048576")
        connection.close()
        # One byte less is read; that it is blank is another matter.
        message = json.dumps(agent.message("tools/call", CALL))
        connection = self.connect()
        response, answer = self.exchange(connection, agent, message + " " * ((1 << 20) - len(message)), {
            "Mcp-Method": "tools/call", "Mcp-Name": "echo"})
        connection.close()
        self.assertEqual((response.status, text_of(answer)), (200, '{"text":"x"}'))

    def test_repeated_headers_that_decide_are_refused(self):
        agent = HTTPAgent(self.gateway, MODERN, "up")
        message = agent.message("tools/call", {"name": "region", "arguments": {"region": "eu"}})
        fields = {**agent.headers(message), "Mcp-Param-Region": "eu"}
        for name in ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region", "Authorization"):
            with self.subTest(header=name):
                connection = self.connect()
                connection.putrequest("POST", "/mcp/up")
                body = json.dumps(message).encode()
                for field, value in [*fields.items(), (name, fields[name]), ("Content-Length", str(len(body)))]:
                    connection.putheader(field, value)
                connection.endheaders(body)
                response = connection.getresponse()
                answer = json.loads(response.read())
                connection.close()
                self.assertEqual(response.status, 400)
                if name == "Authorization":
                    self.assertEqual(response.getheader("WWW-Authenticate"), 'Bearer error="invalid_request"')
                    self.assert_told(answer, -32600, told("another scheme", MODERN))
                else:
                    words = "an Mcp-Param header is repeated; send each once" if name.startswith("Mcp-Param") else repeated(name)
                    self.assert_told(answer, -32020, words, message["id"])
                self.assertEqual(agent.send(message, {"Mcp-Param-Region": "eu"})[0], 200)

    def test_a_session_named_twice_is_no_session(self):
        for revision in LEGACY:
            agent = HTTPAgent(self.gateway, revision, "up")
            message = agent.message("tools/call", CALL)
            for name in ("Mcp-Session-Id", "MCP-Protocol-Version"):
                lines = [*agent.headers(message).items(), (name, agent.headers(message)[name])]
                status, answer = self.send_lines(agent, message, lines)
                self.assertEqual(status, 400)
                self.assert_told(answer, -32600, repeated(name), message["id"])
            lines = [*agent.headers(message).items(), ("Mcp-Session-Id", agent.session)]
            for verb, words in (("DELETE", "no session to end; name it in Mcp-Session-Id, once"),
                                ("GET", "no session to stream for; use POST, or name one in Mcp-Session-Id, once")):
                status, answer = self.send_lines(agent, None, lines, verb)
                self.assertEqual(status, 405)
                self.assert_told(answer, -32600, words)
            self.assert_goes_on(agent)

    def test_no_verb_takes_another_version_than_the_sessions(self):
        for revision in (*OLD, *LEGACY):
            agent = HTTPAgent(self.gateway, revision, "up")
            for verb in ("GET", "DELETE", "POST"):
                body = agent.message("ping") if verb == "POST" else None
                id = body and body["id"]
                fields = {**agent.headers(agent.message("ping")), "Accept": "application/json, text/event-stream"}
                other = "2025-11-25" if revision != "2025-11-25" else "2025-06-18"
                status, answer = self.send_lines(agent, body, [*{**fields, "MCP-Protocol-Version": other}.items()], verb)
                self.assertEqual(status, 400)
                self.assertEqual(answer["error"], {"code": -32600, "message": told("another revision than the session's", revision)})
                self.assertEqual(answer.get("id"), id)
                status, answer = self.send_lines(agent, body, [*{**fields, "MCP-Protocol-Version": "1999-01-01"}.items()], verb)
                self.assertEqual((status, answer["error"]["code"], answer["error"]["message"]), (400, -32022, told("an unknown version", revision)))
                status, answer = self.send_lines(agent, body, [*fields.items(), ("MCP-Protocol-Version", fields["MCP-Protocol-Version"])], verb)
                self.assertEqual((status, answer["error"]), (400, {"code": -32600, "message": repeated("MCP-Protocol-Version")}))
                # The session is as it was.
                self.assert_goes_on(agent)

    def test_no_verb_goes_without_a_credential(self):
        for revision in (*OLD, *LEGACY):
            agent = HTTPAgent(self.gateway, revision, "up")
            fields = {**agent.headers(agent.message("ping")), "Accept": "application/json, text/event-stream"}
            for verb in ("GET", "DELETE", "POST", "PUT"):
                for given, challenge, words in ((None, "Bearer", told("no credential", revision)),
                                                ("Bearer gh_wrong", 'Bearer error="invalid_token"', CREDENTIAL)):
                    status, headers, answer = agent.finish(agent.start(agent.message("ping"), {**fields, "Authorization": given}, verb))
                    self.assertEqual((status, headers["WWW-Authenticate"]), (401, challenge))
                    self.assert_told(answer[-1], -32600, words)
            self.assert_goes_on(agent)

    def test_a_list_may_come_in_several_header_lines(self):
        """Accept is a list (RFC 9110, 5.3): in one line or in many it says the same."""
        for revision in (*LEGACY, MODERN):
            agent = HTTPAgent(self.gateway, revision, "up")
            message = agent.message("tools/call", CALL)
            fields = [(name, value) for name, value in agent.headers(message).items() if name != "Accept"]
            for accepted, status in ((["application/json", "text/event-stream"], 200), (["text/html", "text/event-stream", "application/*"], 200),
                                     (["application/json", "text/html"], 406), (["text/event-stream", ""], 406)):
                got, answer = self.send_lines(agent, message, fields + [("Accept", value) for value in accepted])
                self.assertEqual(got, status, accepted)
                if status == 406:
                    self.assert_told(answer, -32600, ACCEPT)
                else:
                    self.assertEqual(text_of(answer), '{"text":"x"}')
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        connection = self.connect()
        connection.putrequest("GET", agent.path)
        for name, value in {**agent.headers({}), "Accept": "text/html"}.items():
            connection.putheader(name, value)
        connection.putheader("Accept", "text/event-stream")
        connection.endheaders()
        response = connection.getresponse()
        self.assertEqual((response.status, response.getheader("Content-Type")), (200, "text/event-stream"))
        response.close()
        connection.close()

    def test_a_credential_in_the_target_is_none(self):
        agent = HTTPAgent(self.gateway, MODERN, "up")
        for name in ("token", "access_token", "authorization"):
            agent.path = f"/mcp/up?{name}={self.gateway.secrets['bot']}"
            status, headers, answer = agent.send(agent.message("tools/list"), {"Authorization": None})
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))
            self.assert_told(answer[-1], -32600, told("no credential", MODERN))
            self.assert_goes_on(agent)

    def test_values_are_trimmed_and_names_have_no_case(self):
        agent = HTTPAgent(self.gateway, MODERN, "up")
        message = agent.message("tools/call", CALL)
        for headers in ({"Mcp-Method": "  tools/call\t"}, {"Mcp-Method": None, "MCP-METHOD": "tools/call"},
                        {"Mcp-Name": "=?base64?ZWNobw==?="}, {"Accept": "*/*"}, {"Accept": "application/*, text/*;q=0.5"},
                        {"Content-Type": "application/json; charset=utf-8"}, {"Mcp-Session-Id": "ignored"}, {"Last-Event-ID": "7"}):
            status, fields, answer = agent.send(message, headers)
            self.assertEqual((status, text_of(answer[-1])), (200, '{"text":"x"}'), headers)
            self.assertIsNone(fields["Mcp-Session-Id"])

    def test_other_verbs_and_paths(self):
        for revision in (*LEGACY, MODERN):
            agent = HTTPAgent(self.gateway, revision, "up")
            message = agent.message("ping")
            # A live session has a stream of its own: test_protocol_told.
            for verb, headers, status in (("PUT", {}, 405), ("PATCH", {}, 405),
                                          ("DELETE", {"Mcp-Session-Id": None}, 405), ("GET", {"Mcp-Session-Id": None}, 405)):
                with self.subTest(agent=revision, verb=verb):
                    got = agent.finish(agent.start(message, {**headers, "Accept": "text/event-stream"}, verb))
                    self.assertEqual(got[0], status)
                    self.assertIn("POST", got[1]["Allow"])
                    self.assertIn("use POST" if verb != "DELETE" else "no session to end", got[2][-1]["error"]["message"])
                    self.assert_told(got[2][-1], -32600, got[2][-1]["error"]["message"])
                    self.assert_goes_on(agent)
        for path in ("/", "/mcp/", "/mcp/nowhere", "/mcp/up/more", "/sse", "/mcpup", "/mcp/%75p"):
            agent = HTTPAgent(self.gateway, MODERN, "up")
            agent.path = path
            status, _, answer = agent.send(agent.message("tools/list"))
            self.assertEqual(status, 404, path)
            known = path in ("/mcp/nowhere",)
            self.assert_told(answer[-1], -32600, "no such server for this credential; /mcp has all it may use" if known
                             else "no such path; agents use /mcp or /mcp/SERVER")

    def test_sessions_are_their_credentials_and_their_endpoints_alone(self):
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        self.assertRegex(agent.session, r"^[\x21-\x7e]{22,}$")
        thief = HTTPAgent(self.gateway, "2025-11-25", "up", token="other")
        self.assertNotEqual(thief.session, agent.session)
        for token, path, status in (("other", "/mcp/up", 404), ("bot", "/mcp", 404), ("bot", "/mcp/up", 200)):
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            got, _, answer = self.gateway.post(ping, {"Mcp-Session-Id": agent.session}, path=path, token=token)
            self.assertEqual(got, status)
            if status == 404:
                self.assert_told(answer, -32600, GONE, 1)
                got, _, answer = self.gateway.post(None, {"Mcp-Session-Id": agent.session}, path=path, token=token, method="DELETE")
                self.assertEqual(got, 404)
                self.assert_told(answer, -32600, "no such session; it is over already")
        # A foreign word calls nothing off.
        got, _, answer = self.gateway.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
                                           {"Mcp-Session-Id": agent.session}, path="/mcp/up", token="other")
        self.assertEqual(got, 404)
        self.assert_told(answer, -32600, GONE)
        self.assert_goes_on(agent)
        self.assert_goes_on(thief)
        agent.close()
        ping = agent.message("ping")
        status, _, answer = agent.send(ping)
        self.assertEqual(status, 404)
        self.assert_told(answer[-1], -32600, GONE, ping["id"])
        self.assert_goes_on(thief)

    def test_every_legacy_revision_asked_for_gets_one_that_is_served(self):
        for asked, granted in (("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2024-11-05", "2024-11-05"),
                               ("2025-03-26", "2025-03-26"), (MODERN, "2025-11-25"), ("nonsense", "2025-11-25")):
            _, headers, answer = self.gateway.post(
                {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize(asked)}, path="/mcp/up")
            self.assertEqual(answer["result"]["protocolVersion"], granted, asked)
            self.assertEqual(answer["result"]["capabilities"], {"tools": {"listChanged": True}})
            self.assertEqual(answer["id"], 0)

    def test_notifications_are_accepted_without_a_word(self):
        for revision in (*LEGACY, MODERN):
            agent = HTTPAgent(self.gateway, revision, "up")
            for name in ("notifications/cancelled", "notifications/progress", "notifications/nonsense", "tools/call"):
                status, _, answer = agent.send({"jsonrpc": "2.0", "method": name, "params": {"requestId": "none"}})
                self.assertEqual((status, answer), (202, []), name)
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        self.assertEqual(agent.send({"jsonrpc": "2.0", "id": 9, "result": {}})[0], 202)

    def test_two_agents_of_one_credential_may_use_one_id_at_once(self):
        agents = [HTTPAgent(self.gateway, MODERN, "up") for _ in range(4)]
        waiting = [agent.start(agent.message("tools/call", CALL, id=1)) for agent in agents]
        for agent, connection in zip(agents, waiting):
            self.assertEqual(text_of(agent.finish(connection)[2][-1]), '{"text":"x"}')

    def test_one_agent_may_not_use_an_id_twice_at_once(self):
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        wait = agent.message("tools/call", {"name": "wait", "arguments": {"text": ""}}, id="same")
        first = agent.start(wait)
        watcher = HTTPAgent(self.gateway, MODERN, "up")
        self.gateway.wait_for(lambda: '"wait"' in text_of(watcher.call("journal", text="")))
        status, _, answer = agent.send(agent.message("tools/call", CALL, id="same"))
        self.assertEqual(status, 400)
        self.assert_told(answer[-1], -32600, "this id is in use by a running request; take another", "same")
        self.assert_goes_on(agent)
        agent.notify("notifications/cancelled", {"requestId": "same"})
        self.assertTrue(agent.finish(first)[2][-1]["result"]["isError"])



if __name__ == "__main__":
    unittest.main()
