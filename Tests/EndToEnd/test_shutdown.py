"""SIGTERM: what runs is answered, what waits for a person gets its ticket, what comes is refused, and all of it ends."""
import json
import signal
import socket
import unittest

from agents import MODERN, WAIT, HTTPAgent, LineAgent, text_of
from harness import WORKSHOP, Gateway
from ledger import LedgerGateway

PATIENT = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 300s, expiry: 600s")


class Shutdown(unittest.TestCase):
    def setUp(self):
        self.shop = self.enterContext(Gateway(PATIENT, accept=["shop"]))
        self.out = self.shop.folder / "out"

    def begin(self, *names):
        """Waits until the server was told of each of these calls."""
        done = self.out / "done.log"
        self.shop.wait_for(lambda: done.exists() and {f"wait {name}" for name in names} <= set(done.read_text().splitlines()))

    def terminate(self):
        """Tells the gateway to stop and waits until it takes no connection any more."""
        self.shop.process.send_signal(signal.SIGTERM)
        self.shop.wait_for(lambda: not self.is_open())

    def is_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.shop.port), timeout=WAIT).close()
        except ConnectionError:
            return False
        return True

    def outcomes(self):
        return [record["detail"]["status"] for record in self.shop.records() if record["kind"] == "outcome"]

    def test_running_calls_are_answered_and_new_ones_refused(self):
        agent, line, idle = HTTPAgent(self.shop, MODERN, "shop"), LineAgent(self.shop, MODERN, "shop"), LineAgent(self.shop, MODERN)
        self.assertEqual(text_of(idle.call("shop__peek", key="here")).splitlines()[1], "here")
        over_http = agent.start(agent.message("tools/call", {"name": "wait", "arguments": {"name": "a"}}))
        over_line = line.message("tools/call", {"name": "wait", "arguments": {"name": "b"}})
        line.write(json.dumps(over_line))
        self.begin("a", "b")
        self.terminate()
        late = line.request("tools/call", {"name": "peek", "arguments": {"key": "late"}})
        self.assertIn("the gateway is stopping", late["error"]["message"])
        idle.reader.join(timeout=WAIT)
        self.assertFalse(idle.reader.is_alive(), "an idle agent was not let go")
        for name in "ab":
            (self.out / f"{name}.go").touch()
        status, _, answers = agent.finish(over_http)
        self.assertEqual((status, text_of(answers[-1]).splitlines()[1]), (200, "waited"))
        self.assertEqual(text_of(line.answer(over_line["id"])).splitlines()[1], "waited")
        self.assertEqual(self.shop.process.wait(timeout=WAIT), 0)
        idle.close()
        line.close()
        self.shop.start()
        self.assertEqual(self.outcomes(), ["ok", "ok", "ok"])

    def test_a_held_call_gets_its_ticket_at_once_and_its_question_waits_on(self):
        agent = HTTPAgent(self.shop, MODERN, "shop")
        held = agent.start(agent.message("tools/call", {"name": "destroy", "arguments": {"name": "x"}}))
        ticket = self.shop.wait_for_question()["ticket"]
        self.terminate()
        self.assertIn(ticket, text_of(agent.finish(held)[2][-1]))
        self.assertEqual(self.shop.process.wait(timeout=WAIT), 0)
        self.shop.start()
        self.assertEqual([question["ticket"] for question in self.shop.waiting()], [ticket])

    def test_what_does_not_end_is_cut_off_like_a_call_whose_agent_left(self):
        agent = HTTPAgent(self.shop, MODERN, "shop")
        endless = agent.start(agent.message("tools/call", {"name": "wait", "arguments": {"name": "c"}}))
        self.begin("c")
        self.terminate()
        self.assertEqual(self.shop.process.wait(timeout=WAIT), 0)
        endless.close()
        self.shop.start()
        self.assertEqual(self.shop.run("audit", "verify").returncode, 0)
        steps = [(record["kind"], record["detail"].get("status")) for record in self.shop.records()
                 if record.get("tool") == "wait" and record["kind"] != "tool"]
        self.assertEqual(steps, [("intent", None), ("outcome", "cancelled")])


class WhileAServerStarts(unittest.TestCase):
    """One that takes minutes to answer holds up nobody who wants to stop."""

    def setUp(self):
        gateway = LedgerGateway(tokens=("bot",))
        file = gateway.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("    call_timeout:", "    start_timeout: 300s\n    call_timeout:"))
        self.gateway = self.enterContext(gateway)
        self.hold = self.gateway.folder / "out/hold"

    def ends(self):
        self.gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.gateway.process.wait(timeout=WAIT), 0)

    def test_at_the_start(self):
        self.gateway.stop()
        self.hold.touch()
        self.gateway.start()
        self.gateway.wait_for(lambda: "is starting" in self.gateway.run("tools", "list").stdout)
        self.ends()

    def test_at_a_reload(self):
        self.hold.touch()
        self.assertEqual(self.gateway.run("servers", "restart", "ledger").returncode, 0)
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_for(lambda: "reloaded" in self.gateway.log_text())
        self.ends()


if __name__ == "__main__":
    unittest.main()
