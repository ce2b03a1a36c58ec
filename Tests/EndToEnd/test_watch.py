"""`approvals watch` on a terminal: the whole card, and the answer by one key."""
import fcntl
import json
import os
import re
import select
import struct
import termios
import time
import unittest

from harness import BINARY, PASSPHRASE, on_terminal
from people import CONSOLE, People

PATIENT = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 120s, expiry: 300s")
OWN = re.compile(rb"\r\x1b\[K")  # how a line is begun anew


class Watch:
    """A person at a terminal of that size."""

    def __init__(self, gateway, *options, rows=60, columns=120):
        self.pid, self.terminal = on_terminal([BINARY, "approvals", "watch", *options], gateway.environment, gateway.folder)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.raw, self.seen = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.close(self.terminal)
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)

    def text(self):
        return OWN.sub(b"", self.raw[self.seen:]).decode(errors="replace")

    def read(self, seconds):
        if select.select([self.terminal], [], [], seconds)[0]:
            try:
                self.raw += os.read(self.terminal, 65536)
            except OSError:  # it ended
                return False
        return True

    def until(self, *words, press=None):
        """Reads until one of these is shown; what came before it. Presses a key whenever nothing comes."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            text = self.text()
            for word in words:
                if word in text:  # what came after it is for the next look
                    self.seen = self.raw.find(word.encode(), self.seen) + len(word.encode())
                    return text
            before = len(self.raw)
            if not self.read(0.5):
                break
            if press and len(self.raw) == before:
                self.key(press)
        raise AssertionError(f"{words} did not appear in: {self.text()[-3000:]}")

    def key(self, key):
        os.write(self.terminal, key.encode())

    def answer(self, key, words):
        """Presses a key until it was not too early."""
        while True:
            self.key(key)
            text = self.until(words, "look first")
            if "look first" not in text:
                return text
            before = -1
            while before != len(self.raw):
                before = len(self.raw)
                self.read(0.5)

    def line(self, question, answer):
        self.until(question)
        self.key(answer + "\n")

    def ended(self):
        while self.read(1):
            pass
        os.close(self.terminal)
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)


class Watching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(PATIENT))

    def tearDown(self):
        for question in self.gateway.waiting():
            self.gateway.decide("approvals", "deny", question["ticket"])

    def watch(self, **more):
        watch = self.enterContext(Watch(self.gateway, "--approver", "ana", **more))
        watch.line("passphrase of ana: ", PASSPHRASE)
        watch.until("questions appear here")
        return watch

    def test_a_question_comes_whole_and_y_answers_it(self):
        watch = self.watch()
        watch.until("nothing waits")
        hostile = "x\x1b[2J\x1b]0;owned\x07\u202egpj.exe\u200b\r\ny yes\x08\x9b31m"
        caller = self.gateway.calling("destroy", {"name": hostile})
        card = watch.until("y yes  n no  e edit  g grant")
        for words in ("tool       shop.destroy  (T2)", "Unusual", "\\u{202e}gpj.exe\\u{200b}",
                      "\\u001b[2J", "a yes covers exactly this call, once", "[1 of 1  T2  shop.destroy]"):
            self.assertIn(words, card)
        for hidden in ("\u202e", "\u200b", "\x1b", "\x07", "\x08", "\x9b"):
            self.assertNotIn(hidden, card)
        watch.answer("y", "shop.destroy: approved")
        self.assertIn("destroyed x", caller.text())
        watch.until("nothing waits")
        watch.key("q")
        self.assertEqual(watch.ended(), 0)

    def test_n_says_no_with_a_reason_the_agent_reads(self):
        watch = self.watch()
        caller = self.gateway.calling("destroy", {"name": "beta"})
        watch.until('"name": "beta"')
        watch.until("y yes  n no")  # what is typed while a card comes up counts for nothing
        watch.key("n")
        watch.line("reason for the agent", "take the copy")
        watch.until("shop.destroy: denied")
        self.assertIn("take the copy", caller.text())

    def test_a_long_card_is_looked_at_to_its_end_before_a_yes_counts(self):
        watch = self.watch(rows=12, columns=80)
        caller = self.gateway.calling("destroy", {"name": "\n".join(f"line {n}" for n in range(40))})
        first = watch.until("more lines: space")
        self.assertNotIn("line 39", first)
        watch.key("y")
        watch.until("there is more of it")
        self.assertEqual(len(self.gateway.waiting()), 1)
        watch.until("y yes  n no", press=" ")
        watch.answer("y", "shop.destroy: approved")
        self.assertIn("destroyed", caller.text())

    def test_what_is_pasted_is_no_key_and_what_is_answered_elsewhere_goes(self):
        watch = self.watch()
        first = self.gateway.calling("destroy", {"name": "one"})
        watch.until('"name": "one"')
        second = self.gateway.calling("destroy", {"name": "two"})
        watch.until("[1 of 2")
        watch.key("yyyy")
        watch.key("\x1b[y")
        watch.until('"name": "two"', press="j")
        self.assertEqual(len(self.gateway.waiting()), 2)
        watch.until('"name": "one"', press="k")
        for question in self.gateway.waiting():
            self.gateway.decide("approvals", "deny", question["ticket"])
        watch.until("nothing waits")
        for caller in (first, second):
            self.assertIn("a person said no", caller.text())

    def test_an_edited_call_runs_and_a_grant_covers_the_next(self):
        watch = self.watch()
        caller = self.gateway.calling("destroy", {"name": "everything"})
        watch.until("g grant")
        watch.answer("e", "other arguments")
        watch.key('{"name": "a little"}\n')
        watch.until("shop.destroy: approved")
        self.assertIn("destroyed a little", caller.text())
        caller = self.gateway.calling("destroy", {"name": "first"})
        watch.until('"name": "first"')
        watch.until("g grant")
        watch.answer("g", "what may differ")
        watch.key("/name\n")
        watch.line("how many more calls", "2")
        watch.line("how long", "10min")
        self.assertIn("shop.destroy", watch.until("yes to that?"))
        watch.key("y\n")
        watch.until("shop.destroy: approved and granted")
        self.assertIn("destroyed first", caller.text())
        self.assertIn("destroyed second", json.dumps(self.gateway.call("destroy", {"name": "second"})))
        for grant in json.loads(self.gateway.run("grants", "list", "--json").stdout):
            self.gateway.run("grants", "revoke", grant["id"])

    def test_a_wrong_passphrase_answers_nothing_and_the_terminal_is_given_back(self):
        watch = self.enterContext(Watch(self.gateway))
        caller = self.gateway.calling("destroy", {"name": "delta"})
        watch.until("y yes  n no")
        self.assertFalse(termios.tcgetattr(watch.terminal)[3] & (termios.ICANON | termios.ECHO))
        watch.answer("y", "approver: ")
        watch.key("ana\n")
        watch.line("passphrase of ana: ", "not it")
        watch.until("the approver or the passphrase is wrong")
        self.assertEqual(len(self.gateway.waiting()), 1)
        watch.key("n")
        watch.line("reason", "")
        watch.line("approver: ", "ana")
        watch.line("passphrase of ana: ", PASSPHRASE)
        watch.until("shop.destroy: denied")
        self.assertIn("no", caller.text())
        watch.key("\x03")
        watch.read(1)
        self.gateway.wait_for(lambda: not watch.read(0) or termios.tcgetattr(watch.terminal)[3] & termios.ICANON)
        self.assertTrue(termios.tcgetattr(watch.terminal)[3] & termios.ECHO)
        self.assertEqual(watch.ended(), 0)


class Emergencies(unittest.TestCase):
    """Break-glass at the terminal: everybody hears of it, one answers alone, another reviews."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(PATIENT.replace("environment: staging", "environment: production")))
        cls.gateway.add_approver("ben")

    def watch(self, name):
        watch = self.enterContext(Watch(self.gateway, "--approver", name))
        watch.line(f"passphrase of {name}: ", PASSPHRASE)
        watch.until("questions appear here")
        watch.until("nothing waits")
        return watch

    def execute(self, word):
        return self.gateway.calling("execute", {"command": ["/bin/echo", word]})

    def test_one_breaks_the_glass_everybody_hears_of_it_and_another_reviews(self):
        ana, ben = self.watch("ana"), self.watch("ben")
        caller = self.execute("alone")
        for watch in (ana, ben):
            watch.until('"alone"')
            watch.until("b break the glass")
        # Without a glass nobody answers alone.
        ben.answer("a", "there is no break-glass of yours here")
        ana.key("b")
        ana.line("what is on fire (empty", "short")
        ana.line("how long", "10min")
        ana.until("the reason has 10 to 500 bytes")
        ana.key("b")
        ana.line("what is on fire (empty", "the database \u202e is gone, ticket 17")
        ana.line("how long", "10min")
        # What was refused was the reason: the passphrase is not asked again.
        self.assertNotIn("passphrase", ana.until("is open until"))
        for watch in (ana, ben):
            heard = watch.until("ticket 17")
            self.assertIn("\x07!! BREAK-GLASS glass-", heard)
            self.assertIn("by ana, tenant main, open until", heard)
            self.assertNotIn("\u202e", heard)
        # It is hers: it opens nothing for him.
        ben.answer("a", "there is no break-glass of yours here")
        self.assertIsNone(caller.result)
        ana.until("a alone")
        ana.answer("a", "shop.execute: approved")
        self.assertIn("alone", caller.text())
        heard = ben.until("used 1 times: the database")
        self.assertIn("\x07!! used for shop.execute: BREAK-GLASS", heard)
        # What needs one person is no emergency.
        caller = self.gateway.calling("destroy", {"name": "calm"})
        ana.until('"calm"')
        ana.until("g grant")
        ana.answer("a", "this needs no two people")
        ana.answer("y", "shop.destroy: approved")
        self.assertIn("destroyed calm", caller.text())
        ana.key("b")
        ana.line("close glass-", "y")
        self.assertIn("\x07!! over: BREAK-GLASS", ben.until("waits for review until"))
        # She does not review her own, he does.
        ana.until("waits for review until")
        ana.key("v")
        ana.until("no break-glass of another person waits for review")
        ben.key("v")
        self.assertIn("shop.execute", ben.until("what you found"))
        ben.key("one echo, fine\n")
        for watch in (ana, ben):
            self.assertIn("\x07!! reviewed: BREAK-GLASS", watch.until("used 1 times", "reviewed: BREAK-GLASS"))
        self.assertEqual(self.gateway.run("break-glass", "list").stdout.strip(), "no glass is broken")
        reviews = [r["detail"] for r in self.gateway.records() if r["kind"] == "break-glass" and r["detail"]["change"] == "reviewed"]
        self.assertEqual([(r["by"], r["of"], r["comment"]) for r in reviews], [("ben", "ana", "one echo, fine")])


if __name__ == "__main__":
    unittest.main()
