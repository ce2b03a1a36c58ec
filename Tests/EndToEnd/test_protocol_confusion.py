"""Nobody gets what is another's: agents with the same ids and tokens at once, servers that answer out of order, twice and
unasked, words about what does not exist, and batches and sessions in which nothing can be asked."""
import concurrent.futures
import json
import unittest

from agents import MODERN, HTTPAgent, LineAgent, configuration, initialize, text_of
from test_protocol_whole import python
from upstreams import REVISIONS, ProtocolGateway, hosted, journal, placed

OLD = REVISIONS[:-1]
THINK = "sampling/createMessage"
SAMPLING = {"capabilities": {"sampling": {}}}


def confusing(revision):
    return hosted(revision) | {"command": ["/usr/bin/python3", "/fixtures/confusing.py", revision]}


class Confusion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {f"c{number}": revision for number, revision in enumerate(REVISIONS, 1)}
        servers = {name: confusing(revision) for name, revision in cls.servers.items()}
        servers["plain"] = hosted("2025-11-25")
        servers["asking"] = {"command": [python("sdk"), "/fixtures/asking_server.py", "stdio"],
                             "cage": {"read": {"/fixtures": "./fixtures"}}, "sampling": {}}
        tools = [*(f"{name}.echo" for name in cls.servers), *placed("plain"), "asking.think", f"asking.{THINK}"]
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, tools, limits=[]), accept=servers, tokens=("bot", "other")))

    def agent(self, kind, revision, server, **more):
        agent = kind(self.gateway, revision, server, **more)
        self.addCleanup(agent.close)
        return agent

    @staticmethod
    def call(agent, words):
        """One call under an id and a token that every agent uses; the progress that came with it, and its answer."""
        message = agent.message("tools/call", {"name": "echo", "arguments": {"text": words}}, id=1, meta={"progressToken": "agent"})
        if isinstance(agent, HTTPAgent):
            *before, answer = agent.send(message)[2]
        else:
            agent.kept = []
            agent.write(json.dumps(message))
            answer = agent.answer(1)
            before = [m for m in agent.kept if m.get("method") == "notifications/progress"]
        return before, answer

    def talk(self, agent, name, count):
        for number in range(count):
            words = f"{name} {number}"
            before, answer = self.call(agent, words)
            if text_of(answer) != words or answer["id"] != 1:
                return words, answer
            for message in before:
                params = message["params"]
                if (params["progressToken"], params["progress"]) != ("agent", 1) or params.get("message", words) != words:
                    return words, message
        return None

    def test_every_agent_gets_its_own_answers_whatever_its_server_says_besides(self):
        for server, revision in self.servers.items():
            with self.subTest(server=revision):
                agents = {f"{kind.__name__} {mine} {number}": self.agent(kind, mine, server, token=("bot", "other")[number])
                          for kind in (HTTPAgent, LineAgent) for mine in REVISIONS for number in range(2)}
                with concurrent.futures.ThreadPoolExecutor(len(agents)) as pool:
                    wrong = [got for got in pool.map(lambda item: self.talk(item[1], item[0], 5), agents.items()) if got]
                self.assertEqual(wrong, [])
        starts = [r for r in self.records_of("server") if r["detail"].get("change") == "started" and r.get("server") in self.servers]
        self.assertEqual(len(starts), len(self.servers))

    def records_of(self, kind):
        self.gateway.settle()
        return [r for r in self.gateway.records() if r["kind"] == kind]

    def test_a_server_that_asks_while_it_is_greeted_hears_no_and_is_greeted(self):
        for server, revision in self.servers.items():
            if revision == MODERN:
                continue
            with self.subTest(server=revision):
                _, answer = self.call(self.agent(HTTPAgent, MODERN, server), "heard")
                heard = dict(json.loads(text_of(answer)))
                self.assertEqual(heard, {"early 0": "result", **{f"early {number}": -32601 for number in range(1, 5)}})

    def test_nobody_calls_off_what_is_anothers(self):
        first, watcher = self.agent(HTTPAgent, "2025-11-25", "plain"), HTTPAgent(self.gateway, MODERN, "plain")
        held = first.start(first.message("tools/call", {"name": "wait", "arguments": {"text": ""}}, id=7))
        self.gateway.wait_for(lambda: any(m.get("params", {}).get("name") == "wait" for m in journal(watcher)["received"]))
        others = [self.agent(HTTPAgent, revision, "plain", token=token) for revision in OLD for token in ("bot", "other")]
        for agent in [*others, watcher]:
            for id in (7, "7", 1, -1, 1 << 62, None, {}, [7]):
                message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}
                status = agent.send(message)[0]
                self.assertEqual(status, 202)
        line = self.agent(LineAgent, "2025-11-25", "plain")
        line.notify("notifications/cancelled", {"requestId": 7})
        self.assertEqual(text_of(line.call("echo", text="on")), '{"text":"on"}')
        # Its own session has other ids, and the right one of the wrong kind.
        for id in ("7", 8, 7.5):
            first.notify("notifications/cancelled", {"requestId": id})
        self.assertEqual(journal(watcher)["cancelled"], [])
        first.notify("notifications/cancelled", {"requestId": 7})
        self.assertTrue(first.finish(held)[2][-1]["result"]["isError"])
        self.gateway.wait_for(lambda: journal(watcher)["cancelled"])
        self.assertEqual(len(journal(watcher)["cancelled"]), 1)

    def open(self, revision, isReady=True):
        """A session of an agent with a model, which says that it is ready, or does not."""
        _, headers, answer = self.gateway.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            **initialize(revision), **SAMPLING}}, path="/mcp/asking")
        self.assertEqual(answer["result"]["protocolVersion"], revision)
        headers = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
        if isReady:
            self.assertEqual(self.gateway.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers, path="/mcp/asking")[0], 202)
        return headers

    def test_where_nothing_can_be_asked_the_server_hears_so_at_once(self):
        think = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "think", "arguments": {"question": "q"}}}
        # A batch is answered whole: there is no stream for a question.
        status, _, text = self.gateway.post([think, {"jsonrpc": "2.0", "id": 2, "method": "ping"}], self.open("2025-03-26"), path="/mcp/asking")
        answer, pong = json.loads(text)
        self.assertEqual((status, answer["id"], pong), (200, 1, {"jsonrpc": "2.0", "id": 2, "result": {}}))
        self.assertTrue("error" in answer or answer["result"]["isError"], answer)
        # Nothing is asked of an agent that did not say yet that it is ready.
        for revision in OLD:
            status, _, answer = self.gateway.post(think, self.open(revision, isReady=False), path="/mcp/asking")
            self.assertEqual(status, 200)
            self.assertTrue("error" in answer or answer["result"]["isError"], answer)

    def test_words_before_a_session_are_nobodys(self):
        for name in ("notifications/initialized", "notifications/cancelled", "notifications/roots/list_changed"):
            status, _, answer = self.gateway.post({"jsonrpc": "2.0", "method": name, "params": {"requestId": 1}}, path="/mcp/plain")
            self.assertEqual((status, answer["error"]["code"]), (400, -32600), name)
            self.assertNotIn("id", answer)


if __name__ == "__main__":
    unittest.main()
