"""Calls that come before their server has said what it offers: they wait, and are never called unknown."""
import json
import select
import unittest

from agents import MODERN, HTTPAgent, text_of
from ledger import LedgerGateway


class EarlyCalls(unittest.TestCase):
    def setUp(self):
        self.gateway = self.enterContext(LedgerGateway(tokens=("bot",)))
        self.gateway.issue("narrow", "--tool", "ledger.look")
        self.hold = self.gateway.folder / "out/hold"
        self.gateway.stop()
        self.hold.touch()
        self.gateway.start()
        self.gateway.wait_for(lambda: self.standing() == "is starting")

    def standing(self):
        rows = json.loads(self.gateway.run("tools", "list", "--json").stdout or "[]")
        return next((row["reason"] for row in rows if row["state"] == "absent"), None)

    def start(self, name, number, server="ledger", token="bot"):
        agent = HTTPAgent(self.gateway, MODERN, server, token=token)
        return agent.start(agent.message("tools/call", {"name": name, "arguments": {"n": number}}))

    def answer(self, connection):
        return HTTPAgent.finish(connection)[2][-1]

    def explain(self, tool, *more):
        answer = json.loads(self.gateway.run("policy", "explain", f"ledger.{tool}", '{"n": 1}', *more, "--json").stdout)
        return answer["answer"], answer["text"], answer["live"]

    def test_explaining_says_what_is_known_of_it(self):
        self.assertEqual(self.explain("look"), ("wait", "the server `ledger` is starting: nothing is known yet of what it offers, and calls wait for it", True))
        narrow = next(t["id"] for t in json.loads(self.gateway.run("tokens", "list", "--json").stdout) if t["owner"] == "narrow")
        self.assertEqual(self.explain("note", "--token", narrow)[0], "unknown tool")
        self.hold.unlink()
        self.gateway.wait_for(lambda: self.standing() is None)
        self.assertEqual(self.explain("look"), ("allow", None, True))
        self.assertEqual(self.explain("nothing"), ("unknown tool", "the server `ledger` does not list it", True))

    def test_they_wait_for_it_and_a_stop_is_told_at_once(self):
        early = [self.start("look", 1), self.start("ledger__look", 2, server=None), self.start("nothing", 3)]
        # What the credential itself does not reach is told like what does not exist.
        self.assertIn("unknown tool `note`", self.answer(self.start("note", 4, token="narrow"))["error"]["message"])
        self.assertIn("unknown tool", self.answer(self.start("elsewhere__look", 5, server=None))["error"]["message"])
        self.assertEqual(self.standing(), "is starting")
        self.assertEqual(self.gateway.run("lockdown", "server:ledger").returncode, 0)
        for connection in (*early, self.start("look", 6)):
            self.assertIn("a person has stopped", text_of(self.answer(connection)))
        self.assertEqual(self.standing(), "is starting")
        self.gateway.decide("lockdown", "server:ledger", "--lift")
        look, joined, nothing = self.start("look", 7), self.start("ledger__look", 8, server=None), self.start("nothing", 9)
        revoked = self.start("look", 10, token="narrow")
        narrow = next(t["id"] for t in json.loads(self.gateway.run("tokens", "list", "--json").stdout) if t["owner"] == "narrow")
        self.assertEqual(self.gateway.run("tokens", "revoke", narrow).returncode, 0)
        self.assertIn("revoked", text_of(self.answer(revoked)))
        self.assertEqual(self.standing(), "is starting")
        self.hold.unlink()
        self.assertIn("look 7 done", text_of(self.answer(look)))
        self.assertIn("look 8 done", text_of(self.answer(joined)))
        self.assertIn("unknown tool `nothing`", self.answer(nothing)["error"]["message"])
        self.assertEqual({number for _, number in self.gateway.done()}, {7, 8})
        wanted = ["lockdown"] * 4 + ["revoked"] + ["unknown_tool"] * 3
        self.gateway.wait_for(lambda: wanted == sorted(
            r["detail"]["refusal"] for r in self.gateway.records() if r["kind"] == "judged"))

    def test_those_beyond_the_limit_are_refused_at_once(self):
        waiting = [self.start("look", number) for number in range(65)]
        # The last of them that came is one too many; which one that is, the machine decides.
        answered, _, _ = select.select([c.sock for c in waiting], [], [], 30)
        connection, = [c for c in waiting if c.sock in answered]
        self.assertIn("the server `ledger` is starting", text_of(self.answer(connection)))
        self.hold.unlink()
        for other in waiting:
            if other is not connection:
                self.assertIn("done", text_of(self.answer(other)))


if __name__ == "__main__":
    unittest.main()
