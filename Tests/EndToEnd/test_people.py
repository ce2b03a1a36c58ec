"""What people see of a question, and who of them may answer which: lists, cards, watching, production, one's own agents."""
import json
import select
import subprocess
import time
import unittest

from harness import BINARY
from test_approvals import QUICK, Shop, text_of


class Seeing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(QUICK, accept=["shop"], tokens=("bot",)))

    def test_a_card_shows_the_call_exactly_and_nothing_hides_in_it(self):
        arguments = '{"name":"pay \u202eevil\u200b раураl\\u001b[2J","amount":9007199254740993}'
        _, _, answer = self.shop.post(
            ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"destroy","arguments":' + arguments +
             ',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}').encode(),
            {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "destroy"}, path="/mcp/shop")
        ticket = self.shop.ticket(answer["result"])
        card = self.shop.run("approvals", "show", ticket).stdout
        for words in (f"{ticket}  revision 1  waiting", "tool       shop.destroy  (T2)", "agent      bot, owned by bot, tenant main, staging",
                      "people     1 must say yes", "Because\n  tier T2", '"amount": 9007199254740993', "pay \\u{202e}evil\\u{200b} ",
                      "\\u001b[2J", "! written as \\u{…}", "a yes covers exactly this call, once"):
            self.assertIn(words, card)
        for hidden in ("\u202e", "\u200b", "\x1b", "раураl"):
            self.assertNotIn(hidden, card)
        rows = {q["ticket"]: q for q in self.shop.waiting()}
        self.assertEqual((rows[ticket]["tool"], rows[ticket]["tier"], rows[ticket]["principal"]), ("shop.destroy", "T2", "bot"))
        self.assertIn(f"{ticket}  T2  bot  shop.destroy  ", self.shop.run("approvals", "list").stdout)
        # The same is shown again before the passphrase is asked.
        status, output = self.shop.vote(ticket, "deny")
        self.assertEqual(status, 0, output)
        self.assertLess(output.index("9007199254740993"), output.index("passphrase of ana"))
        done = self.shop.run("approvals", "show", "ask-" + "0" * 32)
        self.assertEqual((done.returncode, "no question" in done.stderr), (1, True), done.stderr)

    def test_watching_shows_each_change_as_it_comes(self):
        watch = subprocess.Popen([BINARY, "approvals", "watch", "--json"], env=self.shop.environment, stdout=subprocess.PIPE)
        try:
            text = b""

            def tickets_until(condition):
                nonlocal text
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    *lines, text = text.split(b"\n")
                    for line in lines:
                        if condition({q["ticket"] for q in json.loads(line)["waiting"]}):
                            return
                    if select.select([watch.stdout], [], [], 1)[0]:
                        text += watch.stdout.read1(65536)
                self.fail("it was never shown")

            tickets_until(lambda seen: True)
            ticket = self.shop.ticket(self.shop.destroy("watched"))
            tickets_until(lambda seen: ticket in seen)
            self.shop.vote(ticket, "deny")
            tickets_until(lambda seen: ticket not in seen)
        finally:
            watch.terminate()
            watch.wait(timeout=30)
            watch.stdout.close()


class Production(unittest.TestCase):
    def test_two_people_execute_and_nobody_alone_for_their_own_agent(self):
        text = QUICK.replace("environment: staging", "environment: production") + "self_approval: true\n"
        with Shop(text, accept=["shop"], tokens=("bot", "ana")) as shop:
            def execute(token, word):
                return shop.call("execute", {"command": ["echo", word]}, token)

            self.assertIn("this call needs 2 people", text_of(execute("bot", "one")))
            shop.add_approver("bob")
            ticket = shop.ticket(execute("bot", "one"))
            self.assertEqual([(q["tier"], q["people"]) for q in shop.waiting()], [("T3", 2)])
            self.assertIn("1 more needed", shop.vote(ticket)[1])
            self.assertIn("approved", shop.vote(ticket, approver="bob")[1])
            self.assertIn("one", text_of(execute("bot", "one")))
            # `self_approval` lets ana answer for her agent at T2 and never at T3, where bob alone is left.
            ticket = shop.ticket(shop.destroy("own", "ana"))
            self.assertEqual(shop.vote(ticket)[0], 0)
            self.assertFalse(shop.destroy("own", "ana").get("isError", False))
            self.assertIn("beside the owner of this agent", text_of(execute("ana", "two")))
            shop.add_approver("cy")
            ticket = shop.ticket(execute("ana", "two"))
            status, output = shop.vote(ticket)
            self.assertEqual((status, "does not approve its calls" in output), (1, True), output)
            for name in ("bob", "cy"):
                self.assertEqual(shop.vote(ticket, approver=name)[0], 0)
            self.assertIn("two", text_of(execute("ana", "two")))
            self.assertEqual(shop.done(), ["execute", "destroy own", "execute"])


if __name__ == "__main__":
    unittest.main()
