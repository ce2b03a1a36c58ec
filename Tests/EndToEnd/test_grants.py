"""Answers beside yes and no: standing yeses for calls of one shape, and calls a person changed."""
import json
import unittest

from harness import PASSPHRASE
from test_approvals import QUICK, Shop, text_of


RULES = QUICK + """
rules:
  - {{ name: two for the vault, tools: [shop.destroy], args: {{ /name: {{ equals: vault }} }}, then: ask-two }}
  - {{ name: never the safe, tools: [shop.destroy], args: {{ /name: {{ equals: safe }} }}, then: refuse }}
"""


class Grants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(RULES, accept=["shop"], tokens=("bot", "other")))
        cls.shop.add_approver("bob")

    def setUp(self):
        # An agent of its own for each test: ten questions of one may wait.
        self.bot = self.id().rsplit(".", 1)[1][-20:].strip("_")
        self.shop.issue(self.bot)

    def grant(self, ticket, *options):
        return self.shop.ask(["approvals", "grant", ticket, "--approver", "ana", *options],
                             [("passphrase of ana", PASSPHRASE)])

    def granted(self, *options, **call):
        """Asks with that call and answers with a grant; its name."""
        status, output = self.grant(self.shop.ticket(self.shop.call("destroy", call, self.bot)), *options)
        self.assertEqual((status, "approved and granted: " in output), (0, True), output)
        return output.split("granted: ")[1].split()[0]

    def runs(self, token=None, **call):
        return not self.shop.call("destroy", call, token or self.bot).get("isError", False)

    def listed(self):
        return json.loads(self.shop.run("grants", "list", "--json").stdout)

    def test_a_grant_covers_its_shape_and_nothing_else_so_many_times(self):
        grant = self.granted("--vary", "/name", "--uses", "2", name="g1", amount=1)
        self.assertTrue(self.runs(name="g1", amount=1))  # the call itself, by its own yes
        self.assertFalse(self.runs(name="g2", amount=2))  # another amount
        self.assertFalse(self.runs(name="g2"))  # an absent key
        self.assertFalse(self.runs(name="g2", amount=1, token="other"))
        self.assertTrue(self.runs(name="g2", amount=1))
        entry = next(g for g in self.listed() if g["id"] == grant)
        self.assertEqual((entry["uses"], entry["used"], entry["by"]), (2, 1, "ana"))
        self.assertIn(f"{self.bot} may call shop.destroy 2 times until", entry["sentence"])
        self.assertIn("with /name any text, and everything else as shown", entry["sentence"])
        self.assertTrue(self.runs(name="g3", amount=1.0))  # one number in another spelling
        self.assertNotIn(grant, [g["id"] for g in self.listed()])
        self.assertFalse(self.runs(name="g4", amount=1))
        records = self.shop.records()
        intents = [r for r in records if r["kind"] == "intent" and r["detail"].get("approval") == grant]
        self.assertEqual(len(intents), 2)
        changes = [r["detail"]["change"] for r in records if r["kind"] == "grant" and r["detail"]["grant"] == grant]
        self.assertEqual(changes, ["given", "used up"])

    def test_what_may_vary_is_held_to_what_was_demanded(self):
        self.granted("--vary", '/name={"one_of": ["red", "blue"]}', "--vary", '/amount={"max": 10}', name="red", amount=3)
        self.assertTrue(self.runs(name="blue", amount=10))
        self.assertFalse(self.runs(name="green", amount=1))
        self.assertFalse(self.runs(name="blue", amount=10.5))

    def test_paths_are_compared_by_what_they_lead_to(self):
        self.granted("--vary", '/name={"glob": "/data/out/**"}', name="/data/out/a")
        self.assertTrue(self.runs(name="/data/out/./deep//b"))
        for name in ("/data/out/../secret", "/data/docs/a", "data/out/a", "/data/out/%2e%2e/x"):
            self.assertFalse(self.runs(name=name), name)
        self.granted("--vary", "/amount", name="/srv/fixed/file", amount=1)
        self.assertTrue(self.runs(name="/srv//fixed/./file", amount=2))
        self.assertFalse(self.runs(name="//srv/fixed/file", amount=2))
        self.assertFalse(self.runs(name="/srv/x/../fixed/file", amount=2))

    def test_what_cannot_be_granted_is_refused_and_approves_nothing(self):
        ticket = self.shop.ticket(self.shop.destroy("refused", self.bot))
        for options, words in (
                (["--vary", "/nowhere"], "has no argument `/nowhere`"),
                (["--vary", '/name={"glob": "/etc/**"}'], "shown value of `/name` is not what you would allow"),
                (["--vary", '/name={"glob": "relative/*"}'], "must be true, or an object of"),
                (["--for", "9h"], "`--for` takes a time"),
                (["--uses", "1001"], "`--uses` takes a number")):
            status, output = self.grant(ticket, *options)
            self.assertNotEqual(status, 0)
            self.assertIn(words, output)
        self.assertEqual([q["state"] for q in self.shop.waiting() if q["ticket"] == ticket], ["waiting"])
        # What executes is never granted beforehand.
        status, output = self.grant(self.shop.ticket(self.shop.call("execute", {"command": ["id"]}, self.bot)), "--vary", "/command/0")
        self.assertEqual((status, "a call at T3 is never granted" in output), (1, True), output)

    def test_each_use_is_judged_by_all_other_rules(self):
        self.granted("--vary", "/name", name="judged1", amount=6)
        self.assertTrue(self.runs(name="judged2", amount=6))
        # Covered by its shape, and refused, or asked of two, by what holds besides.
        self.assertIn("never the safe", text_of(self.shop.call("destroy", {"name": "safe", "amount": 6}, self.bot)))
        self.shop.ticket(self.shop.call("destroy", {"name": "vault", "amount": 6}, self.bot))
        self.shop.run("lockdown", "tool:shop.put")
        self.assertTrue(self.runs(name="judged3", amount=6))
        self.assertEqual([grant["used"] for grant in self.listed() if grant["principal"] == self.bot], [2])

    def test_a_grant_is_taken_back_without_a_passphrase(self):
        grant = self.granted("--vary", "/name", name="back1", amount=5)
        self.assertTrue(self.runs(name="back2", amount=5))
        self.assertEqual(self.shop.run("grants", "revoke", grant).returncode, 0)
        self.assertFalse(self.runs(name="back3", amount=5))
        self.assertEqual(self.shop.run("grants", "revoke", grant).returncode, 1)


class GrantsEnd(unittest.TestCase):
    """What a grant is bound to: the definition, the policy, the credential; each change ends it for good."""

    def test_what_ends_a_grant(self):
        with Shop(QUICK, accept=["shop"], tokens=("bot",)) as shop:
            def granted(name):
                status, output = shop.ask(
                    ["approvals", "grant", shop.ticket(shop.destroy(name, amount=1)), "--vary", "/name", "--for", "1h",
                     "--approver", "ana"], [("passphrase of ana", PASSPHRASE)])
                self.assertEqual(status, 0, output)

            def last():
                return [r["detail"].get("reason") for r in shop.records() if r["kind"] == "grant"][-1]

            granted("a")
            # A restart keeps it, with its count.
            self.assertFalse(shop.destroy("b", amount=1).get("isError", False))
            shop.stop()
            shop.start()
            shop.wait_for_server("shop")
            self.assertFalse(shop.destroy("c", amount=1).get("isError", False))
            self.assertEqual(json.loads(shop.run("grants", "list", "--json").stdout)[0]["used"], 2)
            # A stricter policy for the tool ends it, and so it stays when the policy comes back.
            rule = "\nrules:\n  - {name: never x, tools: [shop.destroy], args: {/name: {equals: x}}, then: refuse}\n"
            shop.reload("  shop.execute: { tier: T3 }\n", "  shop.execute: { tier: T3 }\n" + rule)
            self.assertEqual(last(), "the policy changed")
            self.assertIn("waiting for a person", text_of(shop.destroy("d", amount=1)))
            # Drift of the definition ends it.
            granted("e")
            (shop.folder / "docs/description.txt").write_text("another tool altogether")
            shop.run("servers", "restart", "shop")
            shop.wait_for(lambda: not json.loads(shop.run("grants", "list", "--json").stdout))
            # What has ended is listed no more before its end is on the disk.
            shop.wait_for(lambda: last() in ("the tool is not offered", "the definition changed"))
            (shop.folder / "docs/description.txt").unlink()
            shop.run("servers", "restart", "shop")
            shop.wait_for(lambda: "waiting for a person" in json.dumps(shop.destroy("f", amount=1)))
            # Revoking the credential and stopping its agent end it too.
            granted("g")
            shop.run("lockdown", "agent:bot")
            self.assertEqual(last(), "access was revoked")
            shop.decide("lockdown", "agent:bot", "--lift")
            self.assertIn("waiting for a person", text_of(shop.destroy("h", amount=1)))


class Edits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(RULES, accept=["shop"]))
        cls.shop.add_approver("bob")

    def edit(self, ticket, arguments, approver="ana"):
        return self.shop.ask(["approvals", "edit", ticket, json.dumps(arguments), "--approver", approver],
                             [(f"passphrase of {approver}", PASSPHRASE)])

    def test_an_edited_call_runs_instead_and_is_returned_as_such(self):
        ticket = self.shop.ticket(self.shop.destroy("everything"))
        status, output = self.edit(ticket, {"name": "one-thing"})
        self.assertEqual((status, "approved" in output), (0, True), output)
        result = self.shop.destroy("everything")
        self.assertFalse(result.get("isError", False), text_of(result))
        note, *rest = [block["text"] for block in result["content"]]
        self.assertEqual(
            note, 'a person changed the arguments of this call; this is the answer to the call with: {"name":"one-thing"}')
        self.assertIn("destroyed one-thing", "".join(rest))
        self.assertIn("destroy one-thing", self.shop.done())
        self.assertNotIn("destroy everything", self.shop.done())
        # It ran once; the next one is a question again.
        self.assertNotEqual(self.shop.ticket(self.shop.destroy("everything")), ticket)
        intent = next(r for r in self.shop.records() if r["kind"] == "intent" and r["detail"].get("approval") == ticket)
        self.assertIn("one-thing", intent["detail"]["arguments"])
        self.assertIn(("approved", "edited"), self.shop.steps(ticket))

    def test_an_edited_call_is_judged_like_any_other(self):
        ticket = self.shop.ticket(self.shop.destroy("judged"))
        for arguments, words in (({"name": "safe"}, "never the safe"), ({"name": 7}, "do not fit the tool's schema"),
                                 ({"name": "judged"}, "these are the arguments that were asked about")):
            status, output = self.edit(ticket, arguments)
            self.assertEqual((status, words in output), (1, True), output)
        # Where the edited call needs two people, the editor is one of them.
        status, output = self.edit(ticket, {"name": "vault"})
        self.assertEqual((status, "yes counted; 1 more needed" in output), (0, True), output)
        self.assertEqual(self.shop.ticket(self.shop.destroy("judged")), ticket)
        self.assertIn("vault", json.loads(self.shop.run("approvals", "show", ticket, "--json").stdout)["arguments"])
        status, output = self.shop.vote(ticket, approver="bob")
        self.assertEqual(status, 0, output)
        self.assertIn("destroyed vault", text_of(self.shop.destroy("judged")))


if __name__ == "__main__":
    unittest.main()
