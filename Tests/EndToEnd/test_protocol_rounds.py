"""`input_required` in every way a server of 2026-07-28 may say it, through the gateway: what is asked and what the server
hears are what a direct connection has, whichever revision the agent speaks."""
import json
import signal
import unittest

from agents import MODERN, configuration, text_of
from test_protocol_kept_streams import events
from test_protocol_translation import ABLE, Able
from upstreams import ProtocolGateway, hosted, journal, outcomes

import rounds  # noqa: E402 - of `fixtures`, where `upstreams` looks

SESSION = "2025-11-25"


class Rounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = {**hosted(MODERN), "command": ["/usr/bin/python3", "/fixtures/rounds.py"], "elicitation": ["form"]}
        judged = [*rounds.NAMES, "prompts/greet", "resources/read", "completion/complete"]
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({"rounds": server}, [f"rounds.{name}" for name in judged]), accept=["rounds"]))

    @staticmethod
    def answer(question):
        """What the person says: the question itself, to be found again."""
        return {"action": "accept", "content": {"name": question["params"]["message"].rpartition(": ")[2]}}

    def legs(self, method, params, leaves=lambda key: False):
        """A call by an agent of 2026-07-28 to its end; what was asked in each round, and the result."""
        agent = Able(self.gateway, MODERN, "rounds")
        more, asked = {}, []
        while len(asked) < 12:
            result = agent.use(method, {**params, **more}, meta=ABLE)[-1]["result"]
            if result["resultType"] != "input_required":
                return asked, result
            asked.append(result.get("inputRequests", {}))
            answers = {key: self.answer(question) for key, question in asked[-1].items() if not (len(asked) == 1 and leaves(key))}
            more = {"requestState": result["requestState"], **({"inputResponses": answers} if asked[-1] else {})}
        raise AssertionError(asked)

    def session(self, method, params):
        """The same by an agent of a handshake revision, which is asked on the stream of its call."""
        agent = Able(self.gateway, SESSION, "rounds")
        self.addCleanup(agent.close)
        message, asked = agent.message(method, params), []
        connection = agent.start(message)
        response = connection.getresponse()
        if not response.headers["Content-Type"].startswith("text/event-stream"):
            answer = json.loads(response.read())
        else:
            while True:
                came = events(response, lambda m: m and "id" in m)[-1][1]
                if "method" not in came:
                    answer = came
                    break
                asked.append(came["params"]["message"].rpartition(": ")[2])
                self.assertEqual(agent.send({"jsonrpc": "2.0", "id": came["id"], "result": self.answer(came)})[0], 202)
        connection.close()
        return asked, answer

    def sent(self, name):
        """What the server was sent of that tool, in order."""
        agent = Able(self.gateway, MODERN, "rounds")
        return [m for m in journal(agent)["received"] if m.get("params", {}).get("name") == name]

    @staticmethod
    def accepted(**said):
        return {key: {"action": "accept", "content": {"name": value}} for key, value in said.items()}

    def test_several_things_are_asked_at_once_and_told_together(self):
        wanted = {"inputResponses": self.accepted(one="first?", two="second?", three="third?"), "requestState": "s"}
        call = {"name": "several", "arguments": {"text": "x"}}
        asked, result = self.legs("tools/call", call)
        self.assertEqual([set(round) for round in asked], [{"one", "two", "three"}])
        self.assertEqual(json.loads(text_of({"result": result})), wanted)
        asked, answer = self.session("tools/call", call)
        self.assertEqual(asked, ["first?", "second?", "third?"])
        self.assertEqual(json.loads(text_of(answer)), wanted)

    def test_round_after_round_each_with_its_own_state_and_id(self):
        call = {"name": "rounds", "arguments": {"text": "x"}}
        wanted = {"inputResponses": self.accepted(q3="round 3?"), "requestState": "3"}
        for way in (self.legs, self.session):
            before = len(self.sent("rounds"))
            asked, answer = way("tools/call", call)
            self.assertEqual(len(asked), 3)
            self.assertEqual(json.loads(text_of(answer if "result" in answer else {"result": answer})), wanted)
            legs = self.sent("rounds")[before:]
            self.assertEqual([leg["params"].get("requestState") for leg in legs], [None, "1", "2", "3"])
            self.assertEqual(len({leg["id"] for leg in legs}), 4)
            self.assertEqual([leg["params"]["arguments"] for leg in legs], [{"text": "x"}] * 4)

    def test_what_was_not_answered_is_asked_again(self):
        asked, result = self.legs("tools/call", {"name": "partial", "arguments": {"text": "x"}}, leaves=lambda key: key == "two")
        self.assertEqual([set(round) for round in asked], [{"one", "two"}, {"two"}])
        self.assertEqual(json.loads(text_of({"result": result})), {"inputResponses": self.accepted(two="two?"), "requestState": "one"})

    def test_a_server_that_only_wants_to_be_asked_again_is(self):
        call = {"name": "later", "arguments": {"text": "x"}}
        asked, result = self.legs("tools/call", call)
        self.assertEqual(asked, [{}] * 3)
        self.assertEqual(json.loads(text_of({"result": result})), {"inputResponses": None, "requestState": "3"})
        # For an agent that has no word for it the gateway asks, and takes its time.
        asked, answer = self.session("tools/call", call)
        self.assertEqual((asked, json.loads(text_of(answer))), ([], {"inputResponses": None, "requestState": "3"}))

    def test_prompts_and_resources_ask_too(self):
        for method, params in (("prompts/get", {"name": "greet"}), ("resources/read", {"uri": "note://a"})):
            with self.subTest(method=method):
                asked, result = self.legs(method, params)
                self.assertEqual([set(round) for round in asked], [{"who"}])
                text = result["messages"][0]["content"]["text"] if method == "prompts/get" else result["contents"][0]["text"]
                self.assertEqual(json.loads(text), self.accepted(who="who?"))
                asked, answer = self.session(method, params)
                self.assertEqual(asked, ["who?"])
                self.assertIn("who?", json.dumps(answer["result"]))

    def test_what_may_not_ask_or_asks_nothing_has_no_answer(self):
        agent = Able(self.gateway, MODERN, "rounds")
        got = agent.use("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "a", "value": "x"}}, meta=ABLE)[-1]
        self.assertIn("error", got)
        self.assertNotIn("inputRequests", json.dumps(got))
        got = agent.use("tools/call", {"name": "forgetful", "arguments": {"text": "x"}}, meta=ABLE)[-1]
        self.assertTrue(got["result"]["isError"], got)
        # Neither ended anything.
        self.assertEqual(len(self.legs("tools/call", {"name": "rounds", "arguments": {"text": "x"}})[0]), 3)

    def test_what_cannot_go_on_after_its_first_round_is_not_said_to_be_unsent(self):
        server = {**hosted(MODERN), "command": ["/usr/bin/python3", "/fixtures/rounds.py"], "elicitation": ["form"]}
        with ProtocolGateway(configuration({"rounds": server}, ["rounds.rounds"]), accept=["rounds"]) as gateway:
            agent = Able(gateway, SESSION, "rounds")
            connection = agent.start(agent.message("tools/call", {"name": "rounds", "arguments": {"text": "x"}}))
            response = connection.getresponse()
            asked = events(response, lambda m: m and "id" in m)[-1][1]
            # The rules change while the person thinks: the answer may not go to the server.
            file = gateway.folder / "gatehouse.yaml"
            file.write_text(file.read_text().replace('"tier": "T0"', '"tier": "T2"'))
            gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_for(lambda: "reloaded" in gateway.log_text())
            self.assertEqual(agent.send({"jsonrpc": "2.0", "id": asked["id"], "result": self.answer(asked)})[0], 202)
            answer = events(response, lambda m: m and "id" in m)[-1][1]
            self.assertTrue(answer["result"]["isError"], answer)
            connection.close()
            agent.close()
            gateway.settle()
            # The question has an outcome of its own, before.
            self.assertEqual(outcomes(gateway, "rounds")[-1]["detail"]["status"], "lost")


if __name__ == "__main__":
    unittest.main()
