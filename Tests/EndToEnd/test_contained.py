"""Servers that do the worst: held or ended within seconds by the layers there are, the others unaffected, no child left."""
import threading
import time
import unittest

from harness import AsAnOrdinaryUser
from test_servers import Hosting, alive, configuration, tree, victim

LIMIT = 5.0
# What is tried, and what becomes of the server: it is ended, or goes on and was held.
ENDED = {
    "a line of 2 GB": ("endless_line", "2048", "a line of more than"),
    "bytes that are no text": ("binary", "100000", "no message"),
    "lines that are no messages": ("flood_lines", "100000", "no message"),
}
HELD = {
    "a fork bomb": ("fork_bomb", "", "EAGAIN"),
    "a full /tmp": ("fill", "/tmp", "ENOSPC"),
    "a full /dev/shm": ("fill", "/dev/shm", "ENOSPC"),
    "zombies": ("zombies", "20", "ok"),
    "orphans that ignore signals": ("orphans", "5", "ok"),
}
# It says nothing more: whoever called is answered when the call's time is over, and a restart ends it.
SILENT = {
    "a byte a second": ("drip", "20"),
}
CALL_TIMEOUT = 2.0


class Contained:
    user = None

    @classmethod
    def setUpClass(cls):
        if hasattr(super(), "setUpClass"):
            super().setUpClass()
        acts = {act for table in (ENDED, HELD, SILENT) for act, *_ in table.values()} | {"echo", "memory", "stop_itself"}
        text = configuration(
            victim("victim", f"    call_timeout: {CALL_TIMEOUT:.0f}s", "memory: 96, processes: 24, tmp: 8") + victim("bystander"),
            {f"{name}.{act}": "T0" for name in ("victim", "bystander") for act in acts})
        cls.gateway = cls.enterClassContext(Hosting(text, accept=["victim", "bystander"], user=cls.user))

    def setUp(self):
        self.gateway.wait_for_state("bystander", "running")
        self.bystander = self.gateway.server("bystander")["pid"]
        if self.gateway.servers()["victim"]["state"] != "running":
            self.revive()

    def revive(self):
        self.gateway.run("servers", "restart", "victim")
        self.gateway.wait_for(lambda: self.gateway.call("victim", "echo", "x")["text"] == "x")

    def unaffected(self):
        began = time.monotonic()
        self.assertEqual(self.gateway.call("bystander", "echo", "here")["text"], "here")
        self.assertLess(time.monotonic() - began, LIMIT)
        self.assertEqual(self.gateway.server("bystander")["pid"], self.bystander)

    def gone(self, children):
        """Within the limit, all that ran of it."""
        began = time.monotonic()
        self.gateway.wait_for(lambda: not any(alive(pid) for pid in children))
        self.assertLess(time.monotonic() - began, LIMIT)

    def test_what_cannot_be_held_is_ended(self):
        for what, (act, text, word) in ENDED.items():
            with self.subTest(what):
                children = tree(self.gateway.server("victim")["pid"])
                began = time.monotonic()
                thread = threading.Thread(target=self.gateway.call, args=("victim", act, text))
                thread.start()
                self.unaffected()
                self.gateway.wait_for(lambda: not any(alive(pid) for pid in children))
                self.assertLess(time.monotonic() - began, LIMIT)
                thread.join()
                self.gateway.wait_for_state("victim", "resting")
                self.assertIn(word, self.gateway.server("victim")["reason"])
                self.revive()

    def test_a_memory_hog_is_ended_or_given_no_more(self):
        """By its control group, or, where there is none, by what each of its processes may have."""
        children = tree(self.gateway.server("victim")["pid"])
        began = time.monotonic()
        answer = self.gateway.call("victim", "memory", "1000")
        self.assertLess(time.monotonic() - began, LIMIT)
        self.unaffected()
        if answer["isError"]:
            self.gone(children)
            # A process that nobody has reaped yet is gone for this test, and not for the gateway.
            self.gateway.wait_for(lambda: "(`memory`)" in self.gateway.log_text())
        else:
            self.assertIn("MemoryError", answer["text"])
            self.assertLessEqual(int(answer["text"].split()[0]), 2 * 96)

    def test_what_can_be_held_is_held(self):
        for what, (act, text, word) in HELD.items():
            with self.subTest(what):
                began = time.monotonic()
                answer = self.gateway.call("victim", act, text)
                self.assertLess(time.monotonic() - began, LIMIT)
                self.assertIn(word, answer["text"])
                self.unaffected()
                children = tree(self.gateway.server("victim")["pid"])
                self.revive()
                self.gone(children)

    def test_what_stops_itself_is_ended(self):
        children = tree(self.gateway.server("victim")["pid"])
        answer = self.gateway.call("victim", "stop_itself", "")
        self.assertTrue(answer["isError"])
        self.gone(children)
        # A process that nobody has reaped yet is gone for this test, and not for the gateway.
        self.gateway.wait_for(lambda: "it was stopped by signal 19" in self.gateway.log_text())
        self.unaffected()
        self.gateway.wait_for_state("victim", "running")

    def test_what_falls_silent_holds_up_nobody(self):
        for what, (act, text) in SILENT.items():
            with self.subTest(what):
                children = tree(self.gateway.server("victim")["pid"])
                answers = []
                thread = threading.Thread(target=lambda: answers.append(self.gateway.call("victim", act, text)))
                began = time.monotonic()
                thread.start()
                self.unaffected()
                thread.join()
                self.assertLess(time.monotonic() - began, CALL_TIMEOUT + LIMIT)
                self.assertTrue(answers[0]["isError"])
                self.assertIn("timeout", answers[0]["text"])
                self.gateway.run("servers", "restart", "victim")
                self.gone(children)
                self.revive()


class ByThisUser(Contained, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Contained, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
