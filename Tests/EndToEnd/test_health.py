"""A hosted server that says nothing any more is found out between calls, and one that stops at once."""
import time
import unittest

from harness import AsAnOrdinaryUser, free_port
from metrics import Metrics
from test_servers import Hosting, alive, configuration, victim

OFTEN = "    health: {{ every: 1s, timeout: 4s }}\n"
SERVERS = (victim("probed", OFTEN) + victim("busy", OFTEN) + victim("sleepy", OFTEN + "    idle_timeout: 2s\n")
           + victim("never", "    health: none\n") + victim("mute", "    health: {{ every: 1s, timeout: 1s }}\n", arguments=", mute"))
TOOLS = {f"{name}.{act}": "T0" for name, acts in {
    "probed": ["echo", "hang_later"], "busy": ["echo", "work"], "sleepy": ["echo"], "never": ["echo", "stop_later"],
    "mute": ["echo"]}.items() for act in acts}


class Health:
    user = None

    @classmethod
    def setUpClass(cls):
        if hasattr(super(), "setUpClass"):
            super().setUpClass()
        cls.port = free_port()
        text = configuration(SERVERS, TOOLS).replace("listen: {{ ", f"listen: {{{{ control: \"127.0.0.1:{cls.port}\", ")
        cls.gateway = cls.enterClassContext(Hosting(text, accept=["probed", "busy", "sleepy", "never", "mute"], user=cls.user))

    def health(self, name):
        return self.gateway.server(name)["health"]

    def ended(self, name, act, *words):
        """It answers, then says nothing more: ended, counted, said, and there again without anybody's help."""
        self.assertEqual(self.gateway.call(name, "echo", "here")["text"], "here")
        pid, starts = self.gateway.server(name)["pid"], self.gateway.server(name)["starts"]
        self.assertEqual(self.gateway.call(name, act, "")["text"], "ok")
        self.gateway.wait_for(lambda: not alive(pid))
        self.gateway.wait_for(lambda: self.gateway.server(name)["starts"] > starts)
        self.assertEqual(self.gateway.call(name, "echo", "again")["text"], "again")
        for word in words:
            self.assertIn(word, self.gateway.log_text())
        self.assertEqual(self.health(name)["ended"], 1)
        self.assertIn("unresponsive 1", self.gateway.run("servers", "show", name).stdout)
        self.assertEqual(Metrics(self.port)("gatehouse_server_unresponsive_total", server=name), 1)

    def test_what_stops_is_ended_at_once_though_it_is_never_asked(self):
        self.assertEqual(self.health("never"), {"probed": False, "ended": 0})
        self.ended("never", "stop_later", "server never: it was stopped by signal 19")


class ByThisUser(Health, unittest.TestCase):
    def test_what_hangs_between_calls_is_ended_and_started_anew(self):
        self.gateway.wait_for(lambda: "answered_ms_ago" in self.health("probed"))
        self.ended("probed", "hang_later", "server probed: it did not answer within 4000 ms (`health`)")

    def test_what_drops_the_probe_is_left_alone(self):
        self.gateway.wait_for(lambda: "probed" in self.health("mute"))
        self.assertIn("server mute: it did not answer a probe within 1000 ms and never did", self.gateway.log_text())
        server = self.gateway.server("mute")
        self.assertEqual((server["state"], server["starts"], server["health"]["ended"]), ("running", 1, 0))
        self.assertEqual(self.gateway.call("mute", "echo", "here")["text"], "here")

    def test_what_works_on_a_call_is_not_asked(self):
        pid = self.gateway.server("busy")["pid"]
        began = time.monotonic()
        self.assertEqual(self.gateway.call("busy", "work", "6")["text"], "ok")
        self.assertGreater(time.monotonic() - began, 5.5)
        self.assertEqual((self.gateway.server("busy")["pid"], self.health("busy")["ended"]), (pid, 0))

    def test_to_be_asked_keeps_none_awake_and_wakes_none(self):
        self.assertEqual(self.gateway.call("sleepy", "echo", "here")["text"], "here")
        self.gateway.wait_for_state("sleepy", "idle")
        starts = self.gateway.server("sleepy")["starts"]
        # Another one is asked three times meanwhile.
        for _ in range(3):
            self.gateway.wait_for(lambda: self.health("busy").get("answered_ms_ago", 1000) > 500)
            self.gateway.wait_for(lambda: self.health("busy").get("answered_ms_ago", 1000) < 500)
        self.assertEqual((self.gateway.server("sleepy")["state"], self.gateway.server("sleepy")["starts"]), ("idle", starts))


class ByAnOrdinaryUser(AsAnOrdinaryUser, Health, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
