"""Servers of every revision, on standard input and output, called by agents of every revision."""
import json
import unittest

from agents import LEGACY, MODERN, HTTPAgent, LineAgent, all_tools, configuration, text_of
from upstreams import NAMES, REVISIONS, ProtocolGateway, hosted, journal, outcomes, placed, scripted


class HostedRevisions(unittest.TestCase):
    """Each revision alone, called by agents of each revision that is served."""

    @classmethod
    def setUpClass(cls):
        cls.servers = {f"r{number}": revision for number, revision in enumerate(REVISIONS, 1)}
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({name: hosted(revision) for name, revision in cls.servers.items()}, placed(*cls.servers)),
            accept=cls.servers))

        cls.agents = {(server, revision): HTTPAgent(cls.gateway, revision, server)
                      for server in cls.servers for revision in (*LEGACY, MODERN)}

    def each(self, body):
        """Runs `body` for each revision of a server with each of an agent."""
        for (server, revision), agent in self.agents.items():
            with self.subTest(upstream=self.servers[server], agent=revision):
                body(agent)

    def test_lists_all_pages_of_the_server(self):
        def body(agent):
            tools, _ = all_tools(agent)
            self.assertEqual(sorted(tool["name"] for tool in tools), sorted(NAMES))
        self.each(body)

    def test_definitions_are_what_the_server_wrote(self):
        def body(agent):
            self.assertIn(scripted.FAITHFUL, self.raw(agent))
        self.each(body)

    def raw(self, agent):
        connection = agent.start(agent.message("tools/list"))
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def test_results_of_every_kind_arrive_whole(self):
        def body(agent):
            self.assertEqual(json.loads(text_of(agent.call("echo", text="déjà ✓"))), {"text": "déjà ✓"})
            kinds = agent.call("picture", text="")["result"]["content"]
            self.assertEqual([block["type"] for block in kinds], ["image", "audio", "resource"])
            self.assertEqual(kinds[0]["data"], scripted.PIXEL)
            self.assertEqual(agent.call("shape", text="")["result"]["structuredContent"], {"n": 1})
            failed = agent.call("fail", text="")["result"]
            self.assertTrue(failed["isError"])
            self.assertEqual(failed["content"][0]["text"], "it failed")
            refused = agent.call("refuse", text="")["result"]
            self.assertTrue(refused["isError"])
            self.assertIn("private ground", refused["content"][0]["text"])
            self.assertEqual("resultType" in failed, agent.revision == MODERN)
        self.each(body)

    def test_progress_arrives_in_order_under_the_agents_token(self):
        def body(agent):
            for token in ("mine", 7):
                got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 5}}, meta={"progressToken": token})
                steps = [message["params"] for message in got[:-1]]
                self.assertEqual([step["progress"] for step in steps], [1, 2, 3, 4, 5])
                self.assertEqual({step["progressToken"] for step in steps}, {token})
                self.assertEqual(steps[0]["message"], "step 1")
                self.assertEqual(text_of(got[-1]), "done")
        self.each(body)

    def test_no_progress_without_a_token(self):
        def body(agent):
            self.assertEqual(len(agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}})), 1)
        self.each(body)

    def test_the_server_is_asked_with_fresh_ids_and_its_own_names(self):
        for server, revision in self.servers.items():
            with self.subTest(upstream=revision):
                agent = HTTPAgent(self.gateway, MODERN)
                for _ in range(2):
                    agent.request("tools/call", {"name": f"{server}__echo", "arguments": {"text": "x"}}, id="the agent's own")
                received = json.loads(text_of(agent.call(f"{server}__journal", text="")))["received"]
                ids = [message["id"] for message in received if "id" in message]
                self.assertEqual(len(ids), len(set(ids)))
                self.assertTrue(all(isinstance(id, int) for id in ids))
                self.assertIn("echo", {m["params"].get("name") for m in received if m.get("params")})
                for message in received:
                    meta = message.get("params", {}).get("_meta", {})
                    if revision == MODERN and "id" in message:
                        self.assertEqual(meta["io.modelcontextprotocol/protocolVersion"], MODERN)
                        self.assertEqual(meta["io.modelcontextprotocol/clientCapabilities"], {})
                        self.assertEqual(meta["io.modelcontextprotocol/clientInfo"]["name"], "gatehouse")
                    elif message.get("method") == "tools/call":
                        self.assertNotIn("io.modelcontextprotocol/protocolVersion", meta)

    def test_what_the_server_asks_is_refused_but_for_ping(self):
        for server, revision in self.servers.items():
            with self.subTest(upstream=revision):
                agent = HTTPAgent(self.gateway, MODERN, server)
                self.assertEqual(text_of(agent.call("ask", text=revision)), "asked")
                answers = {str(m["id"]): m for m in journal(agent)["received"] if "method" not in m}
                self.assertEqual(answers["q1"].get("result"), {})
                for id in ("q2", "3", "4"):
                    self.assertEqual(answers[id]["error"]["code"], -32601)

    def test_noise_wrong_ids_and_second_answers_change_nothing(self):
        def body(agent):
            self.assertEqual(text_of(agent.call("garbage", text=agent.revision)), "the answer")
            self.assertEqual(json.loads(text_of(agent.call("echo", text="still here"))), {"text": "still here"})
        self.each(body)

    def test_of_a_flood_of_notifications_little_is_passed_and_it_stops_nothing(self):
        for server, revision in self.servers.items():
            with self.subTest(upstream=revision):
                agent = HTTPAgent(self.gateway, "2025-11-25", server)
                got = agent.request("tools/call", {"name": "flood", "arguments": {"count": 2000}}, meta={"progressToken": 1})
                self.assertEqual([text_of(got[-1])], ["flooded"])
                # Log messages of the call that runs are passed while there is room for them.
                self.assertEqual({message["method"] for message in got[:-1]} - {"notifications/message"}, set())
                self.assertLess(len(got), 200)
                listings = sum(m.get("method") == "tools/list" for m in journal(agent)["received"])
                self.assertLess(listings, 100)

    def test_answers_that_are_none_fail_the_call_alone(self):
        def body(agent):
            broken = agent.call("broken", text=agent.revision)["result"]
            self.assertTrue(broken["isError"])
            strange = agent.call("strange", text=agent.revision)["result"]
            if agent.path == "/mcp/r5":
                # Nobody was offered to ask for input: what it says is no result.
                self.assertTrue(strange["isError"])
                self.assertNotIn("requestState", strange)
            self.assertEqual(json.loads(text_of(agent.call("echo", text="on"))), {"text": "on"})
        self.each(body)

    def test_a_trace_goes_on_with_the_call_as_its_span(self):
        trace, spans = "4bf92f3577b34da6a3ce929d0e0e4736", set()

        def sent(agent, **meta):
            agent.call("echo", meta=meta, text="traced")
            # The last that came is the question itself.
            return [m for m in journal(agent)["received"] if m.get("method") == "tools/call"][-2]["params"].get("_meta", {})

        def body(agent):
            meta = sent(agent, traceparent=f"00-{trace}-00f067aa0ba902b7-01", tracestate="a=b", baggage="c=d")
            spans.add(meta["traceparent"].split("-")[2])
            self.assertRegex(meta["traceparent"], f"^00-{trace}-[0-9a-f]{{16}}-01$")
            self.assertEqual({"tracestate", "baggage"} & set(meta), set())
            for none in (f"00-{trace}-00f067aa0ba902b7-01-more", "x", 7):
                self.assertNotIn("traceparent", sent(agent, traceparent=none))
        self.each(body)
        self.assertEqual(len(spans), len(self.agents))
        self.assertLessEqual(spans, self.gateway.known_calls())

    def test_an_agent_calls_off_and_the_server_is_told(self):
        for server, revision in self.servers.items():
            for kind in ("http", "line"):
                with self.subTest(upstream=revision, agent=kind):
                    agent = HTTPAgent(self.gateway, "2025-11-25", server) if kind == "http" else LineAgent(self.gateway, MODERN, server)
                    watcher = HTTPAgent(self.gateway, MODERN, server)
                    before = len(journal(watcher)["cancelled"])
                    message = agent.message("tools/call", {"name": "wait", "arguments": {"text": ""}}, id="long")
                    if kind == "http":
                        connection = agent.start(message)
                    else:
                        agent.write(json.dumps(message))
                    self.gateway.wait_for(lambda: any(
                        m.get("params", {}).get("name") == "wait" for m in journal(watcher)["received"][-3:]))
                    agent.notify("notifications/cancelled", {"requestId": "nobody's"})
                    agent.notify("notifications/cancelled", {"requestId": "long", "reason": "changed my mind"})
                    if kind == "http":
                        agent.finish(connection)
                    else:
                        agent.answer("long")
                    self.gateway.wait_for(lambda: len(journal(watcher)["cancelled"]) == before + 1)
                    waited = [m for m in journal(watcher)["received"] if m.get("params", {}).get("name") == "wait"][-1]
                    self.assertEqual(journal(watcher)["cancelled"][-1], waited["id"])
                    agent.close()
        states = {record["detail"]["status"] if "detail" in record else record["status"] for record in outcomes(self.gateway, "wait")}
        self.assertEqual(states, {"cancelled"})


if __name__ == "__main__":
    unittest.main()
