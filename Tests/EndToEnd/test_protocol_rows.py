"""Rows of the table in docs/protocol.md that no other test shows: sessions of each revision, streams beside one
another, tasks that nobody has, a server whose revisions are all unknown."""
import json
import unittest

from agents import MODERN, HTTPAgent, configuration, initialize, text_of
from upstreams import REVISIONS, ProtocolGateway, absent, hosted, journal, placed, remote, scripted

OLD = REVISIONS[:-1]
TASKS = {"io.modelcontextprotocol/tasks": {}}


class Future(scripted.HTTPUpstream):
    """Speaks a revision nobody knows yet, and says so."""

    def check(self, message, headers):
        error = self.script.error(message.get("id"), -32022, "unsupported", {"supported": ["2031-01-01"]})
        return (400, error.encode()), {}


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.future = cls.enterClassContext(Future(MODERN))
        servers = {"old": hosted("2025-11-25"), "new": hosted(MODERN)}
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({**servers, "future": remote(cls.future)}, placed(*servers)), accept=servers))

    def test_a_session_begins_lives_and_ends_in_each_revision_that_has_one(self):
        for revision in OLD:
            with self.subTest(revision=revision):
                agent = HTTPAgent(self.gateway, revision, "old")  # `initialized` is answered 202
                self.assertRegex(agent.session, r"^[\x21-\x7e]{32,}$")
                self.assertEqual(agent.opening["serverInfo"]["name"], "gatehouse")
                self.assertEqual(agent.request("ping"), [{"jsonrpc": "2.0", "id": 1, "result": {}}])
                self.assertEqual(text_of(agent.call("echo", text="x")), '{"text":"x"}')
                self.assertEqual(agent.finish(agent.start({}, method="DELETE"))[::2], (204, []))
                status, _, answer = agent.send(agent.message("ping"))
                self.assertEqual((status, answer[0]["error"]["code"], answer[0]["id"]), (404, -32600, agent.next))
                for verb in ("GET", "DELETE"):
                    self.assertEqual(agent.finish(agent.start({}, {"Accept": "text/event-stream"}, verb))[0], 404)

    def test_streams_of_one_agent_carry_their_own_messages_alone(self):
        for server, revision in (("old", "2025-11-25"), ("new", "2025-03-26"), ("new", MODERN)):
            with self.subTest(server=server, agent=revision):
                agent, watcher = HTTPAgent(self.gateway, revision, server), HTTPAgent(self.gateway, MODERN, server)
                held = [agent.start(agent.message("tools/call", {"name": "wait", "arguments": {"text": str(n)}},
                                                  id=f"held {n}", meta={"progressToken": f"held {n}"})) for n in range(2)]
                self.gateway.wait_for(lambda: sum(
                    m.get("params", {}).get("name") == "wait" for m in journal(watcher)["received"]) >= 2)
                for token in ("a", "b"):
                    got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}}, meta={"progressToken": token})
                    self.assertEqual([m["params"]["progressToken"] for m in got[:-1]], [token] * 3)
                    self.assertEqual((text_of(got[-1]), got[-1]["id"]), ("done", agent.next))
                for number, connection in enumerate(held):
                    if revision == MODERN:
                        connection.close()
                        continue
                    agent.notify("notifications/cancelled", {"requestId": f"held {number}"})
                    heard = agent.finish(connection)[2]
                    self.assertEqual([m.get("id") for m in heard if m.get("method") != "notifications/progress"], [f"held {number}"])
                    self.assertEqual({m["params"]["progressToken"] for m in heard if "method" in m} - {f"held {number}"}, set())
                agent.close()

    def test_nobody_has_tasks_whatever_is_declared(self):
        modern = HTTPAgent(self.gateway, MODERN, "old")
        declared = {"io.modelcontextprotocol/clientCapabilities": {"extensions": TASKS}}
        for name in ("tasks/get", "tasks/update", "tasks/cancel", "tasks/list", "tasks/result"):
            status, _, answer = modern.send(modern.message(name, {"taskId": "t"}, meta=declared), {"Mcp-Name": "t"})
            self.assertEqual((status, answer[-1]["error"]["code"]), (404, -32601), name)
        self.assertNotIn("extensions", modern.request("server/discover", meta=declared)[-1]["result"]["capabilities"])
        got = modern.request("tools/call", {"name": "echo", "arguments": {"text": "x"}}, meta=declared)[-1]["result"]
        self.assertEqual((got["resultType"], got["content"][0]["text"]), ("complete", '{"text":"x"}'))
        _, headers, opened = self.gateway.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            **initialize("2025-11-25"), "capabilities": {"tasks": {"list": {}, "requests": {}}}}}, path="/mcp/old")
        self.assertNotIn("tasks", opened["result"]["capabilities"])
        legacy = HTTPAgent(self.gateway, "2025-11-25", "old")
        for name in ("tasks/get", "tasks/result", "tasks/list", "tasks/cancel"):
            self.assertEqual(legacy.request(name, {"taskId": "t"})[-1]["error"]["code"], -32601, name)
        # One that asks for a task is answered at once, as by who never offered any (2025-11-25, basic/utilities/tasks).
        asked = legacy.request("tools/call", {"name": "echo", "arguments": {"text": "x"}, "task": {"ttl": 1000}})[-1]
        self.assertEqual(text_of(asked), '{"text":"x"}')
        sent = [m for m in journal(legacy)["received"] if m.get("params", {}).get("name") == "echo"][-1]
        self.assertNotIn("task", sent["params"])

    def test_a_server_of_other_revisions_is_absent_and_hears_no_handshake(self):
        self.gateway.wait_for(lambda: "future" in absent(self.gateway))
        status = json.loads(self.gateway.run("status", "--json").stdout)
        self.assertIn("speaks no revision", status["servers"]["future"]["absent"])
        sent = [json.loads(body)["method"] for verb, _, body in (r for r in self.future.requests if r[0] == "POST")]
        self.assertEqual(set(sent), {"server/discover"})


if __name__ == "__main__":
    unittest.main()
