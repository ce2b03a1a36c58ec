"""What belongs to one tenant is neither seen nor stopped by people of another, though names are the same."""
import json
import unittest

from harness import PASSPHRASE
from people import CONSOLE, People

TWO = CONSOLE + """
tenants:
  acme:
    servers:
      shop: {{ command: [/usr/bin/python3, "{servers}/workshop.py"], cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}, minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits] }} }}
    tools: {{ shop.peek: {{ tier: T0 }} }}
    rules: [{{ name: acmes own, tools: [shop.put], then: refuse }}]
"""


class Scope(unittest.TestCase):
    """ana is for all tenants, tom for acme alone, max for main alone; both are approver and admin."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = gateway = cls.enterClassContext(People(TWO))
        for name, tenant in (("tom", "acme"), ("max", "main")):
            status, output = gateway.ask(
                ["approvers", "add", name, "--role", "approver", "--role", "admin", "--tenant", tenant, "--approver", "ana"], [
                    ("passphrase of ana", PASSPHRASE), ("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
            assert status == 0, output
        gateway.wait_for(lambda: any(t["tenant"] == "acme" and t["state"] == "hidden"
                                      for t in json.loads(gateway.run("tools", "list", "--json").stdout)))
        gateway.decide("tools", "approve", "shop", "--tenant", "acme")
        cls.theirs = gateway.issue("bot", "--tenant", "acme", name="acme-bot")
        cls.ours = next(t["id"] for t in json.loads(gateway.run("tokens", "list", "--json").stdout)
                        if t["tenant"] == "main")
        cls.ana, cls.tom, cls.max = (gateway.log_in(name) for name in ("ana", "tom", "max"))
        cls.peek()

    @classmethod
    def peek(cls, token="bot"):
        """Whether a call of that tenant's server goes through."""
        result = cls.gateway.call("peek", {"key": "x"}, token=token)
        return "content" in result and not result.get("isError")

    def command(self, *arguments, person="tom"):
        status, output = self.gateway.ask([*arguments, "--approver", person], [(f"passphrase of {person}", PASSPHRASE)])
        return status, output

    def refused(self, client, *requests):
        for method, path, body in requests:
            with self.subTest(path, body=body):
                self.assertEqual(client.fails(method, path, body), (409, "refused"))

    def test_status_says_nothing_of_others(self):
        whole, part = self.ana.get("/status"), self.tom.get("/status")
        self.assertEqual(set(whole["servers"]), {"shop", "acme/shop"})
        self.assertEqual(set(part["servers"]), {"acme/shop"})
        self.assertGreater(whole["calls"]["allowed"], part["calls"]["allowed"])
        for key in ("configuration", "warnings"):
            self.assertIn(key, whole)
            self.assertNotIn(key, part)

    def test_servers_are_ones_own(self):
        self.assertEqual({s["tenant"] for s in self.ana.get("/servers")}, {"main", "acme"})
        self.assertEqual({s["tenant"] for s in self.tom.get("/servers")}, {"acme"})
        self.assertEqual({t["tenant"] for t in self.tom.get("/tools")}, {"acme"})
        before = self.ana.get("/servers/shop")["starts"]
        self.refused(self.tom, ("GET", "/servers/shop", None), ("GET", "/servers/shop/proposals?tenant=main", None),
                     ("POST", "/servers/shop/restart", {}), ("POST", "/servers/shop/kill", {"tenant": "main"}),
                     ("GET", "/servers/shop/changes", None))
        self.assertEqual(self.tom.get("/servers/shop?tenant=acme")["tenant"], "acme")
        self.assertEqual(self.ana.get("/servers/shop")["starts"], before)
        status, output = self.command("tools", "approve", "shop")
        self.assertEqual((status, "no role for tenant `main`" in output), (1, True), output)

    def test_policy_people_and_figures_are_ones_own(self):
        self.assertEqual([t["tenant"] for t in self.ana.get("/policy")["tenants"]], ["acme", "main"])
        policy = self.tom.get("/policy")
        self.assertEqual([t["tenant"] for t in policy["tenants"]], ["acme"])
        self.assertEqual(set(policy["hits"]) - {"acme"}, set())
        self.assertNotIn("acmes own", json.dumps(self.max.get("/policy")))
        explain = {"tool": "shop.peek", "arguments": {"key": "x"}}
        self.refused(self.tom, ("POST", "/policy/explain", explain), ("POST", "/policy/explain", {**explain, "token": self.ours}),
                     ("GET", "/figures", None), ("GET", "/figures/answers", None),
                     ("POST", "/configuration/accept", {"digest": "0" * 64}))
        self.tom.post("/policy/explain", {**explain, "tenant": "acme"})
        self.assertEqual(self.tom.get("/configuration/pending"), {"digest": None, "loosens": []})
        self.assertEqual({p["name"] for p in self.tom.get("/approvers")}, {"ana", "tom"})
        self.assertEqual({p["name"] for p in self.ana.get("/approvers")}, {"ana", "tom", "max"})
        status, output = self.command("approvers", "remove", "max")
        self.assertEqual((status, "no role for tenant `main`" in output), (1, True), output)

    def test_tokens_are_ones_own(self):
        self.assertEqual({t["tenant"] for t in self.tom.get("/tokens")}, {"acme"})
        self.refused(self.tom, ("POST", "/tokens/revoke", {"id": self.ours}), ("POST", "/tokens/rotate", {"id": self.ours}),
                     ("POST", "/tokens/revoke", {"owner": "bot"}), ("POST", "/tokens", {"owner": "x"}))
        status, output = self.command("rotate", f"token:{self.ours}", "--to", str(self.gateway.folder / "x"))
        self.assertEqual((status, "no role for tenant `main`" in output), (1, True), output)
        self.assertTrue(self.peek())

    def test_a_stop_of_one_tenant_stops_nothing_of_another(self):
        self.refused(self.tom, *(("POST", "/lockdowns", {"target": target}) for target in (
            "all", "tenant:main", "server:shop", "agent:bot", "tool:shop.peek", "server:main/shop", "agent:main/bot",
            "tool:main/shop.peek")))
        self.assertTrue(self.peek())
        for target in ("server:acme/shop", "agent:acme/bot", "tool:acme/shop.peek", "tenant:acme"):
            with self.subTest(target):
                self.tom.post("/lockdowns", {"target": target, "reason": "a test"})
                self.assertEqual((self.peek(), self.peek("acme-bot")), (True, False))
                self.assertEqual([row["target"] for row in self.tom.get("/lockdowns")], [target])
                self.assertEqual(self.tom.get("/status")["lockdowns"], [target])
                self.assertEqual((self.max.get("/lockdowns"), self.max.get("/status")["lockdowns"]), ([], []))
                self.refused(self.max, ("POST", "/lockdowns/lift", {"target": target}))
                status, output = self.command("lockdown", target, "--lift", person="max")
                self.assertEqual((status, "no role for tenant `acme`" in output), (1, True), output)
                self.tom.post("/lockdowns/lift", {"target": target})
                self.assertTrue(self.peek("acme-bot"))
                # Its record is the tenant's.
                self.assertEqual(self.tom.get("/audit?kind=lockdown&limit=1")["records"][0]["record"]["detail"]["target"], target)
        # One of every tenant is seen by all; without the tenant's name it is lifted by who has them all.
        self.ana.post("/lockdowns", {"target": "server:shop"})
        self.assertEqual((self.peek(), self.peek("acme-bot")), (False, False))
        self.assertEqual([row["target"] for row in self.tom.get("/lockdowns")], ["server:shop"])
        self.refused(self.tom, ("POST", "/lockdowns/lift", {"target": "server:shop"}))
        self.ana.post("/lockdowns/lift", {"target": "server:shop"})

    def test_what_is_killed_in_one_tenant_lives_on_in_another(self):
        # The last one: what was killed stays down while its gateway runs.
        self.tom.post("/servers/shop/kill", {"tenant": "acme", "reason": "a test"})
        self.assertEqual((self.peek(), self.peek("acme-bot")), (True, False))
        self.assertEqual([row["target"] for row in self.tom.get("/lockdowns")], ["server:acme/shop"])
        # A name without its tenant is lifted wherever it is locked.
        self.gateway.decide("lockdown", "server:shop", "--lift")
        self.assertEqual(self.tom.get("/lockdowns"), [])


if __name__ == "__main__":
    unittest.main()
