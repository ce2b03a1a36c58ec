"""Roles per tenant, and answering alone in an emergency."""
import json
import unittest

from harness import PASSPHRASE
from test_approvals import QUICK, Shop, text_of


class People(Shop):
    def add(self, name, *options, by="ana"):
        return self.ask(["approvers", "add", name, *options, "--approver", by], [
            (f"passphrase of {by}", PASSPHRASE), ("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])

    def as_person(self, name, *arguments):
        return self.ask([*arguments, "--approver", name], [(f"passphrase of {name}", PASSPHRASE)])

    def execute(self, word, token="bot"):
        return self.call("execute", {"command": ["echo", word]}, token)

    def people(self):
        return {p["name"]: p for p in json.loads(self.run("approvers", "list", "--json").stdout)}


class Roles(unittest.TestCase):
    def test_who_may_do_what(self):
        text = QUICK + """
tenants:
  north:
    servers:
      shed:
        command: [/usr/bin/python3, "{servers}/workshop.py"]
        cage:
          read: {{ /data/docs: ./docs }}
          write: {{ /data/out: ./out }}
          minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]
"""
        with People(text, accept=["shop"]) as shop:
            for name, options in (("bob", ()), ("cy", ("--role", "admin")), ("dee", ("--role", "auditor")),
                                  ("eve", ("--tenant", "north")), ("kim", ("--role", "admin", "--tenant", "north"))):
                status, output = shop.add(name, *options)
                self.assertEqual(status, 0, output)
            found = {name: (p["roles"], p["tenants"]) for name, p in shop.people().items()}
            self.assertEqual(found, {
                "ana": (["admin", "approver"], None), "bob": (["approver"], None), "cy": (["admin"], None),
                "dee": (["auditor"], None), "eve": (["approver"], ["north"]), "kim": (["admin"], ["north"])})
            ticket = shop.ticket(shop.destroy("roles"))
            # Who has no role for it, or for another tenant, answers nothing.
            for name, words in (("cy", "has no role `approver`"), ("dee", "has no role `approver`"),
                                ("eve", "no question")):
                status, output = shop.vote(ticket, "approve", name)
                self.assertEqual((status, words in output), (1, True), output)
            self.assertEqual(shop.vote(ticket, "approve", "bob")[0], 0)
            # Approvers change nobody; admins do, within their tenants.
            for name, words in (("bob", "has no role `admin`"), ("dee", "has no role `admin`"),
                                ("kim", "this concerns every tenant")):
                status, output = shop.add("mole", by=name)
                self.assertEqual((status, words in output), (1, True), output)
            self.assertEqual(shop.add("lee", "--tenant", "north", by="kim")[0], 0)
            status, output = shop.as_person("kim", "tokens", "issue", "x", "--to", str(shop.folder / "x"))
            self.assertEqual((status, "no role for tenant `main`" in output), (1, True), output)
            status, output = shop.add("mole", "--role", "king")
            self.assertEqual((status, "is no role" in output), (2, True), output)
            # Somebody with every power stays.
            status, output = shop.as_person("ana", "approvers", "remove", "cy")
            self.assertEqual(status, 0, output)
            status, output = shop.as_person("ana", "approvers", "remove", "ana")
            self.assertEqual((status, "the last approver stays" in output), (1, True), output)
            status, output = shop.add("ana", "--role", "approver")
            self.assertEqual((status, "the last approver stays" in output), (1, True), output)
            # Roles outlive a restart.
            before = shop.people()
            shop.stop()
            shop.start()
            self.assertEqual(shop.people(), before)


class BreakGlass(unittest.TestCase):
    def open(self, shop, name, file, *options):
        return shop.as_person(name, "break-glass", "open", "--reason", "the database is gone, ticket 17",
                              "--to", str(shop.folder / file), *options)

    def test_one_person_answers_alone_in_front_of_everybody(self):
        text = QUICK.replace("environment: staging", "environment: production")
        with People(text, accept=["shop"], tokens=("bot",)) as shop:
            for name in ("bob", "cy"):
                self.assertEqual(shop.add(name)[0], 0)
            ticket = shop.ticket(shop.execute("one"))
            status, output = self.open(shop, "bob", "glass")
            self.assertEqual(status, 0, output)
            glass = output.split(" is open until")[0].split()[-1]
            self.assertEqual(oct((shop.folder / "glass").stat().st_mode & 0o777), "0o600")
            # Everybody hears of it.
            self.assertIn("BREAK-GLASS " + glass, shop.log())
            self.assertIn("break-glass: bob answers alone", shop.run("status").stdout)
            self.assertIn("the database is gone", shop.run("break-glass", "list").stdout)
            # Nobody else can use it, nor for what needs one person.
            status, output = shop.vote(ticket, "approve", "cy", "--break-glass", str(shop.folder / "glass"))
            self.assertEqual((status, "not yours" in output), (1, True), output)
            other = shop.ticket(shop.destroy("no-emergency"))
            status, output = shop.vote(other, "approve", "bob", "--break-glass", str(shop.folder / "glass"))
            self.assertEqual((status, "break-glass is for calls at T3" in output), (1, True), output)
            status, output = shop.vote(ticket, "approve", "bob", "--break-glass", str(shop.folder / "glass"))
            self.assertEqual((status, "approved" in output), (0, True), output)
            self.assertIn("one", text_of(shop.execute("one")))
            # A second one is refused while it is open; closing it ends the token, and leaves the debt.
            status, output = self.open(shop, "bob", "glass2")
            self.assertEqual((status, "is open already" in output), (1, True), output)
            self.assertEqual(shop.run("break-glass", "close", glass).returncode, 0)
            ticket = shop.ticket(shop.execute("two"))
            status, output = shop.vote(ticket, "approve", "bob", "--break-glass", str(shop.folder / "glass"))
            self.assertEqual((status, "this break-glass is over" in output), (1, True), output)
            # Kept over a restart; reviewed by another person only.
            shop.stop()
            shop.start()
            entry = json.loads(shop.run("break-glass", "list", "--json").stdout)[0]
            self.assertEqual((entry["by"], entry["open"], [u["tool"] for u in entry["uses"]]), ("bob", False, ["shop.execute"]))
            status, output = shop.as_person("bob", "break-glass", "review", glass, "--comment", "I was right")
            self.assertEqual((status, "another person reviews" in output), (1, True), output)
            status, output = shop.as_person("cy", "break-glass", "review", glass, "--comment", "one echo, fine")
            self.assertEqual(status, 0, output)
            self.assertEqual(shop.run("break-glass", "list").stdout.strip(), "no glass is broken")
            changes = [(r["detail"]["change"], r["detail"]["by"]) for r in shop.records() if r["kind"] == "break-glass"]
            self.assertEqual(changes[:2] + changes[-1:], [("opened", "bob"), ("used", "bob"), ("reviewed", "cy")])

    def test_a_debt_that_is_not_paid_locks_the_role(self):
        text = QUICK.replace("environment: staging", "environment: production").replace(
            "expiry: 300s", "expiry: 300s, review: 1s")
        shop = People(text, accept=["shop"])
        # For its sake the server writes to a copy of the folder, which somebody takes over or drops.
        (shop.folder / "out/.env").write_text("hidden\n")
        with shop:
            shop.add("bob")
            self.assertIn("written", text_of(shop.call("put", {"path": "/data/out/a", "text": "x"})))
            shop.add("dee", "--role", "auditor")
            self.assertEqual(self.open(shop, "bob", "glass", "--for", "1s")[0], 0)
            shop.wait_for(lambda: "locked" in shop.people()["bob"])
            ticket = shop.ticket(shop.destroy("locked"))
            status, output = shop.vote(ticket, "approve", "bob")
            self.assertEqual((status, "was not reviewed in time" in output), (1, True), output)
            self.assertIn("was not reviewed in time", self.open(shop, "bob", "more")[1])
            # What a server wrote is the person's yes as well.
            status, output = shop.as_person("bob", "servers", "changes", "shop", "--commit")
            self.assertEqual((status, "was not reviewed in time" in output), (1, True), output)
            self.assertEqual(shop.done(), [])
            # A no takes nothing from anybody.
            self.assertEqual(shop.vote(ticket, "deny", "bob")[0], 0)
            glass = json.loads(shop.run("break-glass", "list", "--json").stdout)[0]["id"]
            self.assertEqual(shop.as_person("dee", "break-glass", "review", glass, "--comment", "no use of it")[0], 0)
            ticket = shop.ticket(shop.destroy("free"))
            self.assertEqual(shop.vote(ticket, "approve", "bob")[0], 0)
            status, output = shop.as_person("bob", "servers", "changes", "shop", "--commit")
            self.assertEqual((status, shop.done()), (0, ["put /data/out/a"]), output)


if __name__ == "__main__":
    unittest.main()
