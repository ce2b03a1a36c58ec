"""Servers that open strangely, list without end, offer what cannot be used, die, and answer late."""
import json
import unittest

from agents import MODERN, HTTPAgent, LineAgent, all_tools, configuration, text_of
from upstreams import NAMES, REVISIONS, ProtocolGateway, absent, hidden, hosted, journal, outcomes, placed

BAD = ["bad_pattern", "bad_dialect", "bad_tuple", "bad_reference", "bad_network", "bad_mirror", "bad_task", "bad_root", "bad_twin"]


class Openings(unittest.TestCase):
    """However a server begins, it is reached, or its absence is said; the others are there."""

    @classmethod
    def setUpClass(cls):
        cls.reached = {
            "silent": hosted("2025-03-26", "silent", start_timeout="6s"),
            "noisy": hosted("2025-11-25", "noisy"),
            "strict": hosted("2024-11-05", "strict"),
            "dying": hosted("2025-06-18", "dies-when-probed"),
            "pinned": hosted("2024-11-05", "dies-when-probed", revision="2024-11-05"),
            "bad-tools": hosted("2025-11-25", "bad-tools"),
        }
        cls.lost = {
            "endless": hosted(MODERN, "endless"), "circle": hosted("2025-11-25", "circle"),
            "wrong-pin": hosted("2025-11-25", revision="2025-06-18"), "downgrade": hosted("2025-06-18", revision=MODERN),
            "wordless": {**hosted(MODERN), "command": ["/usr/bin/sleep", "600"], "start_timeout": "2s"},
            "gone": {**hosted(MODERN), "command": ["/usr/bin/false"], "start_timeout": "2s"},
        }
        text = configuration({**cls.reached, **cls.lost}, placed(*cls.reached, names=NAMES) + placed("bad-tools", names=BAD))
        cls.gateway = cls.enterClassContext(ProtocolGateway(text, accept=cls.reached))

    def test_every_server_that_can_be_reached_is(self):
        for server in self.reached:
            with self.subTest(server=server):
                agent = HTTPAgent(self.gateway, MODERN, server)
                self.assertEqual(text_of(agent.call("echo", text=server)), json.dumps({"text": server}).replace(" ", ""))

    def test_a_server_that_did_not_answer_the_probe_hears_nothing_but_the_handshake(self):
        seen = journal(HTTPAgent(self.gateway, MODERN, "silent"))
        self.assertEqual([m["method"] for m in seen["received"][:2]], ["initialize", "notifications/initialized"])
        self.assertEqual(seen["cancelled"], [])

    def test_the_absence_of_the_others_is_said_to_agents_and_operators(self):
        self.gateway.wait_for(lambda: set(absent(self.gateway)) == set(self.lost))
        tools, meta = all_tools(HTTPAgent(self.gateway, "2025-11-25"))
        self.assertEqual({tool["name"].split("__")[0] for tool in tools}, set(self.reached))
        self.assertEqual({line.split(":")[0] for line in meta["dev.gatehouse/absent"]}, set(self.lost))
        servers = json.loads(self.gateway.run("status", "--json").stdout)["servers"]
        for server, words in {"endless": "pages", "circle": "repeats a cursor", "wrong-pin": "2025-06-18 is pinned",
                              "downgrade": "pinned revision"}.items():
            self.assertIn(words, servers[server]["absent"])

    def test_a_tool_that_cannot_be_used_hides_itself_alone_and_says_why(self):
        tools, _ = all_tools(HTTPAgent(self.gateway, MODERN, "bad-tools"))
        self.assertEqual(sorted(tool["name"] for tool in tools), sorted(NAMES))
        reasons = hidden(self.gateway, "bad-tools")
        self.assertEqual(sorted(reasons), sorted([*BAD, "bad\\u{7}name"]))
        for name, words in {"bad_pattern": "pattern", "bad_dialect": "urn:no-such-dialect", "bad_reference": "nowhere",
                            "bad_network": "schemas.example", "bad_tuple": "items", "bad_mirror": "x-mcp-header", "bad_task": "task",
                            "bad_root": "inputSchema", "bad_twin": "two tools"}.items():
            self.assertIn(words, reasons[name], name)
        self.assertIn("name` is not offered", self.gateway.log_text())
        agent = HTTPAgent(self.gateway, MODERN, "bad-tools")
        for name in BAD:
            self.assertEqual(agent.call(name, text="x")["error"]["code"], -32602)


class Schemas(unittest.TestCase):
    """Definitions are read as 2020-12 in every revision where they do not say otherwise, closed unless the operator opens them."""

    def test_arguments_are_checked_by_what_the_schema_says(self):
        servers = {f"r{number}": hosted(revision) for number, revision in enumerate(REVISIONS, 1)}
        text = json.loads(configuration(servers, placed(*servers)).replace("{{", "{").replace("}}", "}").replace("{port}", "PORT"))
        for server in servers:
            text["tools"][f"{server}.shape"]["open"] = True
        text = json.dumps(text).replace("{", "{{").replace("}", "}}").replace("PORT", "{port}")
        with ProtocolGateway(text, accept=servers) as gateway:
            for server in servers:
                agent = HTTPAgent(gateway, MODERN, server)
                with self.subTest(server=servers[server]["command"][2]):
                    # `$anchor`, `if` and `maximum` are of 2020-12 and need no `$schema` to count.
                    self.assertIn("text", text_of(agent.call("faithful", text="x", n=100)))
                    self.assertIn("do not fit", text_of(agent.call("faithful", text="x", n=100.5)))
                    self.assertIn("do not fit", text_of(agent.call("faithful", text=1)))
                    self.assertIn("do not fit", text_of(agent.call("echo", text="x", more=1)))
                    # A schema that names draft-07 is read so, with or without the empty fragment.
                    for name in ("pair", "pair_bare"):
                        self.assertEqual(text_of(agent.call(name, text=["a", 1])), '{"text":["a",1]}')
                        for wrong in (["a", "b"], ["a", 1, 2], "a"):
                            self.assertIn("do not fit", text_of(agent.call(name, text=wrong)))
                    self.assertFalse(agent.call("shape", text="x", more=1)["result"].get("isError", False))


class Deaths(unittest.TestCase):
    def test_a_death_during_a_call_is_an_unknown_outcome_and_the_next_call_finds_a_new_process(self):
        with ProtocolGateway(configuration({"mortal": hosted("2025-06-18"), "other": hosted(MODERN)},
                                           placed("mortal", "other")), accept=["mortal", "other"]) as gateway:
            agent = HTTPAgent(gateway, MODERN)
            waiting = agent.start(agent.message("tools/call", {"name": "mortal__wait", "arguments": {"text": ""}}))
            gateway.wait_for(lambda: any(m.get("params", {}).get("name") == "wait" for m in
                                         json.loads(text_of(agent.call("mortal__journal", text="")))["received"]))
            died = agent.call("mortal__die", text="")["result"]
            self.assertTrue(died["isError"])
            self.assertIn("gave no answer (lost)", died["content"][0]["text"])
            _, _, answers = agent.finish(waiting)
            self.assertIn("lost", text_of(answers[-1]))
            self.assertEqual(text_of(agent.call("other__echo", text="on")), '{"text":"on"}')
            self.assertEqual(text_of(agent.call("mortal__echo", text="again")), '{"text":"again"}')
            self.assertEqual({record["detail"]["status"] if "detail" in record else record["status"]
                              for record in outcomes(gateway, "die")}, {"lost"})

    def test_time_runs_out_the_server_is_told_and_a_late_answer_reaches_nobody(self):
        with ProtocolGateway(configuration({"slow": hosted("2025-11-25", call_timeout="3s")}, placed("slow")),
                             accept=["slow"]) as gateway:
            agent = LineAgent(gateway, "2025-11-25", "slow")
            timed = agent.call("wait", text="")["result"]
            self.assertTrue(timed["isError"])
            self.assertIn("gave no answer (timeout)", timed["content"][0]["text"])
            seen = json.loads(text_of(agent.call("journal", text="")))
            waited = next(m for m in seen["received"] if m.get("params", {}).get("name") == "wait")
            self.assertEqual(seen["cancelled"], [waited["id"]])
            self.assertEqual(text_of(agent.call("late", text="")), "on time")
            self.assertEqual(text_of(agent.call("echo", text="on")), '{"text":"on"}')
            self.assertEqual(agent.kept, [])
            self.assertIn("after it was given up", gateway.log_text())
            self.assertEqual({record["detail"]["status"] if "detail" in record else record["status"]
                              for record in outcomes(gateway, "wait")}, {"timeout"})
            agent.close()


if __name__ == "__main__":
    unittest.main()
