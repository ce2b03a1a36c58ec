"""What an agent answers to a server's question is judged, shown, bound to its own yes and on the record.

The agent may be talked into anything, and nobody can tell what a person wrote from what a model made up.
"""
import json
import threading
import unittest

from agents import LEGACY, MODERN, HTTPAgent, configuration, text_of
from test_protocol_input import ABLE, ACCEPT, ASK, Asked
from test_protocol_whole import python
from upstreams import ProtocolGateway

FORBIDDEN = {"action": "accept", "content": {"color": "/etc/passwd"}}


class Held(threading.Thread):
    """One request that waits for a person meanwhile."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.result = work, None
        self.start()

    def run(self):
        self.result = self.work()

    def answer(self):
        self.join(timeout=60)
        assert self.result is not None, "no answer"
        return self.result


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lines = {release: {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                           "cage": {"read": {"/fixtures": "./fixtures"}}, "elicitation": ["form"]} for release in ("sdk", "sdk1")}
        servers = {"new": lines["sdk"], "old": lines["sdk1"], "free": lines["sdk"], "loose": lines["sdk1"]}
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, ["free.ask", "loose.ask"], approvals={"hold": "45s"}), accept=servers))

    def agent(self, kind, revision, server):
        agent = kind(self.gateway, revision, server)
        self.addCleanup(agent.close)
        return agent

    def send(self, agent, **more):
        return agent.request("tools/call", {**ASK, **more}, meta=ABLE)[-1]

    def decided(self, held, answer):
        """The whole question that waits, after it was answered."""
        ticket = self.gateway.wait_for_question()["ticket"]
        shown = self.gateway.run("approvals", "show", ticket, "--json")
        self.gateway.decide("approvals", answer, ticket)
        return json.loads(shown.stdout), held.answer()

    def asked(self, server):
        """A call that a person approved and whose server asks now."""
        agent = self.agent(HTTPAgent, MODERN, server)
        shown, first = self.decided(Held(lambda: self.send(agent)), "approve")
        self.assertNotIn("answers", [section["name"] for section in shown["sections"]])
        (key,) = first["result"]["inputRequests"]
        return agent, first["result"]["requestState"], key, shown

    def test_an_answer_needs_a_yes_of_its_own_that_shows_it(self):
        for server in ("new", "old"):
            with self.subTest(server=server):
                known = self.gateway.known_calls()
                agent, state, key, before = self.asked(server)
                held = Held(lambda: self.send(agent, requestState=state, inputResponses={key: ACCEPT}))
                shown, done = self.decided(held, "approve")
                self.assertNotEqual(shown["ticket"], before["ticket"])
                self.assertEqual(shown["call"], before["call"])
                (section,) = [section for section in shown["sections"] if section["name"] == "answers"]
                # What was asked stands beside what was answered, or nobody knows what the yes is to.
                both = json.loads("".join(line["text"] for line in section["lines"]))
                self.assertEqual(set(both), {"asked", "given"})
                self.assertIn("which color?", json.dumps(both["asked"]))
                self.assertIn("green", json.dumps(both["given"]))
                self.assertIn("accept: green", text_of(done))
                self.gateway.settle()
                intents = [r["detail"] for r in self.gateway.records_besides(known, "ask") if r["kind"] == "intent"]
                self.assertEqual(["green" in intent.get("answers", "") for intent in intents], [False, True])
                self.assertEqual([intent["approval"] for intent in intents], [before["ticket"], shown["ticket"]])
                self.assertEqual(len(intents[1]["answersCommitment"]), 64)

    def waiting(self, besides=()):
        """The one question that waits and is none of those, whole."""
        found = []
        self.gateway.wait_for(lambda: found.extend(
            q["ticket"] for q in self.gateway.waiting() if q["state"] == "waiting" and q["ticket"] not in besides) or found)
        (ticket,) = found
        return json.loads(self.gateway.run("approvals", "show", ticket, "--json").stdout)

    def test_a_yes_is_not_spent_for_another_question_with_the_same_answer(self):
        agent, state, key, _ = self.asked("new")
        answered = {"requestState": state, "inputResponses": {key: ACCEPT}}
        # The agent goes away before the yes, which waits for it.
        connection = agent.start(agent.message("tools/call", {**ASK, **answered}, meta=ABLE))
        old = self.waiting()
        connection.close()
        self.gateway.decide("approvals", "approve", old["ticket"])
        other = self.gateway.folder / "fixtures/asked.txt"
        other.write_text("erase everything?")
        self.addCleanup(other.unlink, True)
        held = Held(lambda: self.send(agent))
        self.gateway.decide("approvals", "approve", self.waiting()["ticket"])
        first = held.answer()["result"]
        self.assertIn("erase everything?", json.dumps(first["inputRequests"]))
        held = Held(lambda: self.send(agent, requestState=first["requestState"], inputResponses={key: ACCEPT}))
        shown = self.waiting()
        (section,) = [section for section in shown["sections"] if section["name"] == "answers"]
        self.assertIn("erase everything?", json.dumps(section["lines"]))
        self.assertNotEqual(shown["answers"], old["answers"])
        self.gateway.decide("approvals", "deny", shown["ticket"])
        self.assertTrue(held.answer()["result"]["isError"])
        # It is good for what it was given for, still.
        other.unlink()
        self.assertIn("accept: green", text_of(self.send(agent, **answered)))

    def test_a_no_to_the_answer_keeps_it_from_the_server(self):
        agent, state, key, _ = self.asked("old")
        red = {"action": "accept", "content": {"color": "red"}}
        held = Held(lambda: self.send(agent, requestState=state, inputResponses={key: red}))
        _, done = self.decided(held, "deny")
        self.assertIn("cancel: None", text_of(done))

    def test_answers_are_searched_for_denied_paths(self):
        agent = self.agent(HTTPAgent, MODERN, "free")
        first = self.send(agent)["result"]
        (key,) = first["inputRequests"]
        refused = self.send(agent, requestState=first["requestState"], inputResponses={key: FORBIDDEN})
        self.assertTrue(refused["result"]["isError"], refused)
        self.assertIn("deny_paths", text_of(refused))
        for server in ("free", "loose"):
            with self.subTest(server=server):
                _, done = self.agent(Asked, LEGACY[-1], server).ask(answer=FORBIDDEN)
                self.assertEqual(text_of(done), "cancel: None")

    def test_an_answer_holds_what_the_form_asks_for(self):
        agent = self.agent(HTTPAgent, MODERN, "free")
        first = self.send(agent)["result"]
        (key,) = first["inputRequests"]
        for content in ({}, {"color": 7}, {"color": "green", "path": "x"}, None):
            with self.subTest(content=content):
                answer = {"action": "accept", "content": content}
                got = self.send(agent, requestState=first["requestState"], inputResponses={key: answer})
                self.assertEqual(got["error"]["code"], -32602, got)


if __name__ == "__main__":
    unittest.main()
