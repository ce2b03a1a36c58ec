"""Approvals, end to end: two clocks, tickets, two people, and everything read again before a call is sent."""
import contextlib
import json
import signal
import unittest
from concurrent.futures import ThreadPoolExecutor

from agents import MODERN, configuration
from harness import PASSPHRASE, WORKSHOP, Gateway
from upstreams import remote, scripted

# Each passphrase costs a second or, on a loaded machine, several: a question outlasts all that a test does with it.
QUICK = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 300ms, expiry: 300s")
OLD = "2025-06-18"
HTTPUpstream = scripted.HTTPUpstream


def text_of(result):
    return "\n".join(block["text"] for block in result["content"])


class Shop(Gateway):
    """A gateway before the workshop server, with the calls the tests make."""

    def call(self, tool, arguments, token="bot", server="shop"):
        _, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}", token=token)
        return answer["result"] if "result" in answer else answer

    def destroy(self, name, token="bot", **more):
        return self.call("destroy", {"name": name, **more}, token)

    def ticket(self, result):
        self_text = text_of(result)
        assert result["isError"] and "waiting for a person as ask-" in self_text, self_text
        return self_text.split("waiting for a person as ")[1].split()[0]

    def done(self):
        log = self.folder / "out/done.log"
        return log.read_text().splitlines() if log.exists() else []

    def vote(self, ticket, verb="approve", approver="ana", *options):
        return self.ask(["approvals", verb, ticket, "--approver", approver, *options],
                        [(f"passphrase of {approver}", PASSPHRASE)])

    def steps(self, ticket):
        return [(r["kind"], r["detail"].get("step")) for r in self.records() if r["kind"] != "intent" and r.get("detail", {}).get("approval") == ticket]

    def reload(self, old, new):
        file = self.folder / "gatehouse.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        before = self.log_text().count("reloaded")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.log_text().count("reloaded") > before)


class Tickets(unittest.TestCase):
    """Calls are held for 300 ms here: each becomes a ticket, and is sent again."""

    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(QUICK, accept=["shop"], tokens=("bot", "other")))

    def test_a_held_call_gets_a_ticket_and_the_same_call_collects_the_yes_once(self):
        ticket = self.shop.ticket(self.shop.destroy("once"))
        # Waiting on is the same question.
        self.assertEqual(self.shop.ticket(self.shop.destroy("once")), ticket)
        status, output = self.shop.vote(ticket)
        self.assertEqual((status, "approved" in output), (0, True), output)
        # Sent again by two at once, in another spelling: one of them runs.
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda name: self.shop.destroy(name), ["once"] * 4))
        ran = [r for r in results if not r.get("isError")]
        self.assertEqual(len(ran), 1, [text_of(r) for r in results])
        self.assertEqual(self.shop.done().count("destroy once"), 1)
        self.assertEqual(self.shop.steps(ticket), [("proposed", None), ("approved", "yes"), ("approved", "approved")])
        intents = [r for r in self.shop.records() if r["kind"] == "intent" and r["detail"].get("approval") == ticket]
        self.assertEqual(len(intents), 1)

    def test_every_revision_gets_its_ticket_as_the_text_of_a_result(self):
        for revision in (OLD, "2025-11-25"):
            with self.subTest(revision):
                _, headers, _ = self.shop.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                    "protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},
                    path="/mcp/shop")
                fields = {"Mcp-Session-Id": headers["Mcp-Session-Id"], "MCP-Protocol-Version": revision}
                _, _, answer = self.shop.post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
                    "name": "destroy", "arguments": {"name": revision}}}, fields, path="/mcp/shop")
                if isinstance(answer, bytes):  # a stream, because the call waited
                    answer = json.loads([line for line in answer.decode().splitlines() if line.startswith("data: {")][-1][6:])
                self.shop.ticket(answer["result"])

    def test_other_arguments_are_another_question(self):
        first = self.shop.ticket(self.shop.destroy("a", amount=1))
        second = self.shop.ticket(self.shop.destroy("a", amount=2))
        self.assertNotEqual(first, second)
        # 1.0 and 1 are one number, and key order is none of a call's meaning: the same call form.
        status, _, answer = self.shop.post(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"amount":1.0,"name":"a"},"name":"destroy",'
            '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}',
            {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "destroy"}, path="/mcp/shop")
        self.assertEqual(self.shop.ticket(answer["result"]), first)
        # The yes for 2 runs 2 and nothing else.
        self.shop.vote(second)
        self.assertTrue(self.shop.destroy("a", amount=1)["isError"])
        self.assertFalse(self.shop.destroy("a", amount=2).get("isError", False))

    def test_a_ticket_is_useless_to_another_principal(self):
        ticket = self.shop.ticket(self.shop.destroy("mine"))
        self.shop.vote(ticket)
        # The same call of another agent is another question, and learns nothing of the first.
        theirs = self.shop.destroy("mine", token="other")
        self.assertNotEqual(self.shop.ticket(theirs), ticket)
        self.assertNotIn(ticket, text_of(theirs))
        # Another credential of the same owner is another principal as well.
        self.shop.issue("bot", name="bot2")
        self.assertNotEqual(self.shop.ticket(self.shop.destroy("mine", token="bot2")), ticket)
        self.assertNotIn("destroy mine", self.shop.done())
        self.assertFalse(self.shop.destroy("mine").get("isError", False))

    def test_a_no_with_its_reason_reaches_the_model_and_holds(self):
        ticket = self.shop.ticket(self.shop.destroy("never"))
        status, output = self.shop.vote(ticket, "deny", "ana", "--reason", "ask the owner of the shop first")
        self.assertEqual(status, 0, output)
        for _ in range(2):
            self.assertIn("and says: ask the owner of the shop first", text_of(self.shop.destroy("never")))
        status, output = self.shop.vote(ticket)
        self.assertEqual((status, "no question" in output), (1, True), output)
        denied = [r for r in self.shop.records() if r["kind"] == "denied"]
        self.assertIn("ask the owner of the shop first", [r["detail"].get("reason") for r in denied])

    def test_a_second_yes_of_the_same_person_changes_nothing(self):
        ticket = self.shop.ticket(self.shop.destroy("double"))
        self.assertEqual(self.shop.vote(ticket)[0], 0)
        status, output = self.shop.vote(ticket)
        self.assertEqual((status, "closed" in output), (1, True), output)
        self.assertFalse(self.shop.destroy("double").get("isError", False))
        status, output = self.shop.vote(ticket)
        self.assertEqual(status, 1, output)
        self.assertEqual(self.shop.done().count("destroy double"), 1)

    def test_the_eleventh_question_of_an_agent_is_refused(self):
        self.shop.issue("flood")
        with ThreadPoolExecutor(10) as pool:
            results = list(pool.map(lambda n: self.shop.destroy(f"f{n}", token="flood"), range(10)))
        self.assertEqual(len({self.shop.ticket(r) for r in results}), 10)
        self.assertIn("too many calls of this agent wait", text_of(self.shop.destroy("f10", token="flood")))
        # Another credential of the same owner is counted with it, another owner's is not.
        self.shop.issue("flood", name="flood2")
        self.assertIn("too many calls", text_of(self.shop.destroy("f11", token="flood2")))
        self.shop.ticket(self.shop.destroy("unhindered", token="other"))

    def test_what_nobody_can_review_is_refused(self):
        # {"name":"…"} around it is 11 bytes.
        self.shop.ticket(self.shop.destroy("x" * (64 * 1024 - 11)))
        self.assertIn("too long for a person to review", text_of(self.shop.destroy("x" * (64 * 1024 - 10))))


class Unsent(unittest.TestCase):
    """What becomes of a yes whose call cannot be sent."""

    def outcomes(self, shop, tool):
        shop.settle()
        return [r["detail"]["status"] for r in shop.records() if r["kind"] == "outcome" and r["tool"] == tool]

    def test_a_yes_is_not_spent_on_a_server_that_does_not_start(self):
        with Shop(QUICK, accept=["shop"]) as shop:
            def state():
                return json.loads(shop.run("servers", "list", "--json").stdout)[0]["state"]

            ticket = shop.ticket(shop.destroy("unsent"))
            status, output = shop.vote(ticket)
            self.assertEqual(status, 0, output)
            # Its cage has nothing to show any more.
            docs, away = shop.folder / "docs", shop.folder / "away"
            docs.rename(away)
            shop.run("servers", "restart", "shop")
            shop.wait_for(lambda: state() not in ("running", "starting", "stopping"))
            for _ in range(2):
                self.assertIn("the approval of this call was not used", text_of(shop.destroy("unsent")))
            # Nothing was about to be sent.
            self.assertEqual(self.outcomes(shop, "destroy"), [])
            away.rename(docs)
            shop.run("servers", "restart", "shop")
            shop.wait_for(lambda: state() == "running")
            # As it was told: the same call needs no other yes, and this one covers it once.
            self.assertFalse(shop.destroy("unsent").get("isError"))
            self.assertEqual(self.outcomes(shop, "destroy"), ["ok"])
            self.assertEqual(len(shop.done()), 1)
            self.assertNotEqual(shop.ticket(shop.destroy("unsent")), ticket)

    def test_a_yes_whose_call_was_not_sent_is_gone_and_its_agent_hears_so(self):
        with contextlib.ExitStack() as stack:
            upstream = stack.enter_context(HTTPUpstream(MODERN))
            # Each request has a connection of its own, so that a later one finds nobody there.
            upstream.server.RequestHandlerClass.protocol_version = "HTTP/1.0"
            text = configuration({"far": remote(upstream)}, ["far.echo"], approvals={"hold": "300ms", "expiry": "300s"})
            with Shop(text.replace('"tier": "T0"', '"tier": "T2"'), accept=["far"]) as shop:
                def echo():
                    return shop.call("echo", {"text": "unsent"}, server="far")

                ticket = shop.ticket(echo())
                status, output = shop.vote(ticket)
                self.assertEqual(status, 0, output)
                stack.close()
                self.assertIn("the approval of this call is used up, sent again it asks a person anew", text_of(echo()))
                self.assertEqual(self.outcomes(shop, "echo"), ["not-sent"])
                # As it was told: the same call is another question.
                self.assertNotEqual(shop.ticket(echo()), ticket)


class Time(unittest.TestCase):
    def test_nobody_answers_in_time_and_a_late_yes_revives_nothing(self):
        brief = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 200ms, expiry: 4s")
        with Shop(brief, accept=["shop"]) as shop:
            ticket = shop.ticket(shop.destroy("late"))
            shop.wait_for(lambda: not shop.waiting())
            status, output = shop.vote(ticket)
            self.assertEqual((status, "no question" in output), (1, True), output)
            # The same call is a new question with a new ticket.
            asked = [ticket]

            def answered_in_time():
                asked.append(shop.ticket(shop.destroy("late")))
                return shop.vote(asked[-1])[0] == 0
            # A yes that nobody collects expires too; a machine that is slow may need a second try to give one.
            shop.wait_for(answered_in_time)
            shop.wait_for(lambda: not shop.waiting())
            self.assertEqual(shop.steps(asked[-1])[:2], [("proposed", None), ("approved", "yes")])
            asked.append(shop.ticket(shop.destroy("late")))
            self.assertEqual(len(set(asked)), len(asked))
            self.assertEqual(shop.done(), [])
            self.assertIn(("expired", None), shop.steps(ticket))

    def test_a_held_call_hears_its_expiry_as_a_refusal(self):
        equal = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 1s, expiry: 1s")
        with Shop(equal, accept=["shop"]) as shop:
            self.assertIn("nobody answered in time, so the answer is no", text_of(shop.destroy("held")))


class People(unittest.TestCase):
    """Who may answer: two different persons, never the owner of the agent."""

    @classmethod
    def setUpClass(cls):
        rules = QUICK + """
rules:
  - {{ name: two for the vault, tools: [shop.destroy], args: {{ /name: {{ equals: vault }} }}, then: ask-two }}
"""
        cls.shop = cls.enterClassContext(Shop(rules, accept=["shop"], tokens=("bot", "ana")))

    def test_people(self):
        # Two are needed and there is one.
        self.assertIn("not enough approvers", text_of(self.shop.destroy("vault")))
        # The owner of an agent does not approve its calls, so that nobody can.
        self.assertIn("beside the owner of this agent", text_of(self.shop.destroy("own", token="ana")))
        self.shop.add_approver("bob")
        ticket = self.shop.ticket(self.shop.destroy("own", token="ana"))
        status, output = self.shop.vote(ticket)
        self.assertEqual((status, "does not approve its calls" in output), (1, True), output)
        self.assertEqual(self.shop.vote(ticket, approver="bob")[0], 0)
        self.assertFalse(self.shop.destroy("own", token="ana").get("isError", False))
        # Two yeses of one person are one; the second person makes it two.
        ticket = self.shop.ticket(self.shop.destroy("vault"))
        self.assertIn("1 more needed", self.shop.vote(ticket)[1])
        self.assertIn("answered this already", self.shop.vote(ticket)[1])
        self.shop.ticket(self.shop.destroy("vault"))
        self.assertEqual(self.shop.done().count("destroy vault"), 0)
        # Half a yes survives a kill; the other half comes after it.
        self.shop.stop(signal.SIGKILL)
        self.shop.start()
        self.shop.wait_for_server("shop")
        self.assertEqual([(q["ticket"], q["yes"]) for q in self.shop.waiting()], [(ticket, 1)])
        self.assertIn("approved", self.shop.vote(ticket, approver="bob")[1])
        self.assertFalse(self.shop.destroy("vault").get("isError", False))
        self.assertEqual(self.shop.done().count("destroy vault"), 1)

    def test_the_yes_of_who_is_no_approver_any_more_does_not_count(self):
        self.shop.add_approver("cy")
        ticket = self.shop.ticket(self.shop.destroy("fired"))
        self.assertEqual(self.shop.vote(ticket, approver="cy")[0], 0)
        self.shop.decide("approvers", "remove", "cy")
        self.assertEqual(self.shop.ticket(self.shop.destroy("fired")), ticket)
        self.assertNotIn("destroy fired", self.shop.done())


class ReadAgain(unittest.TestCase):
    """A yes covers what was shown; what changes between it and the dispatch ends it."""

    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(QUICK, accept=["shop"], tokens=("bot", "short")))

    def yes(self, name, token="bot"):
        ticket = self.shop.ticket(self.shop.destroy(name, token))
        self.assertEqual(self.shop.vote(ticket)[0], 0)
        return ticket

    def test_1_a_changed_policy(self):
        ticket = self.yes("policy")
        waiting = self.shop.ticket(self.shop.destroy("still asking"))
        self.shop.reload("rules:" if "rules:" in (self.shop.folder / "gatehouse.yaml").read_text() else "tools:\n",
                         "limits: [ { per: agent, calls: 5000/min } ]\ntools:\n")
        # Judged anew: the question that waits is shown again, and the yes was for the old policy.
        self.assertEqual({q["ticket"]: (q["revision"], q["yes"]) for q in self.shop.waiting()},
                         {ticket: (2, 0), waiting: (2, 0)})
        self.assertEqual(self.shop.ticket(self.shop.destroy("policy")), ticket)
        self.assertNotIn("destroy policy", self.shop.done())
        self.assertIn(("proposed", "judged anew"), self.shop.steps(ticket))

    def test_2_a_policy_that_refuses_ends_the_question_at_once(self):
        ticket = self.yes("forbidden")
        self.shop.reload("limits:", "rules: [ { name: closed, tools: [shop.destroy], args: { /name: { equals: forbidden } }, "
                                    "then: refuse } ]\nlimits:")
        self.assertNotIn(ticket, [q["ticket"] for q in self.shop.waiting()])
        self.assertIn("rule closed", text_of(self.shop.destroy("forbidden")))

    def test_3_a_revoked_token(self):
        ticket = self.yes("revoked", "short")
        token = next(t for t in json.loads(self.shop.run("tokens", "list", "--json").stdout) if t["owner"] == "short")
        self.shop.run("tokens", "revoke", token["id"])
        self.assertNotIn(ticket, [q["ticket"] for q in self.shop.waiting()])
        self.assertEqual(self.shop.modern("tools/list", token="short")[0], 401)

    def test_4_a_lockdown(self):
        ticket = self.yes("locked")
        self.assertEqual(self.shop.run("lockdown", "tool:shop.destroy").returncode, 0)
        self.assertNotIn(ticket, [q["ticket"] for q in self.shop.waiting()])
        self.assertIn("a person has stopped", text_of(self.shop.destroy("locked")))
        self.shop.decide("lockdown", "tool:shop.destroy", "--lift")
        self.shop.ticket(self.shop.destroy("locked"))

    def test_5_a_drifted_pin(self):
        self.yes("drifted")
        (self.shop.folder / "docs/description.txt").write_text("Now it does something else.")
        self.shop.run("tools", "list", "--refresh")
        answer = self.shop.destroy("drifted")
        self.assertEqual(answer["error"]["code"], -32602, answer)
        # Accepted anew it is another definition: the old yes is gone.
        self.shop.decide("tools", "approve", "shop")
        self.shop.ticket(self.shop.destroy("drifted"))
        self.assertNotIn("destroy drifted", self.shop.done())

    def test_6_a_restart_keeps_the_yes_and_spends_it_once(self):
        ticket = self.yes("restart")
        open_question = self.shop.ticket(self.shop.destroy("nobody-reads-this"))
        self.shop.stop(signal.SIGKILL)
        self.shop.start()
        self.shop.wait_for_server("shop")
        waiting = {q["ticket"] for q in self.shop.waiting()}
        self.assertLessEqual({ticket, open_question}, waiting)
        # The approver sees the arguments as they were, though the disk holds them sealed only.
        self.assertIn('"name": "nobody-reads-this"', self.shop.run("approvals", "show", open_question).stdout)
        for file in (self.shop.folder / "state").iterdir():
            with contextlib.suppress(FileNotFoundError):  # one that went meanwhile, such as a journal
                if file.is_file():
                    self.assertNotIn(b"nobody-reads-this", file.read_bytes(), file)
        self.assertFalse(self.shop.destroy("restart").get("isError", False))
        self.shop.ticket(self.shop.destroy("restart"))
        self.assertEqual(self.shop.done().count("destroy restart"), 1)


class WrongPassphrases(unittest.TestCase):
    def test_five_failures_lock_the_name_whoever_then_knows_the_passphrase(self):
        with Shop(QUICK, accept=["shop"]) as shop:
            ticket = shop.ticket(shop.destroy("guarded"))
            for _ in range(5):
                status, output = shop.ask(["approvals", "approve", ticket, "--approver", "ana"], [("passphrase of ana", "guess")])
                self.assertIn("the passphrase is wrong", output)
            status, output = shop.vote(ticket)
            self.assertEqual((status, "too many failures" in output), (1, True), output)
            # To stop things needs nobody, and each wrong guess is in the log.
            self.assertEqual(shop.run("lockdown", "all").returncode, 0)
            self.assertEqual(shop.waiting(), [])
            failures = [r["detail"] for r in shop.records() if r["kind"] == "login"]
            self.assertEqual([(f["approver"], f["verb"]) for f in failures], [("ana", "approvals.vote")] * 5)


if __name__ == "__main__":
    unittest.main()
