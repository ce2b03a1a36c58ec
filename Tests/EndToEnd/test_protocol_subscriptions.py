"""Subscriptions are judged like reads: on the record, under rates and stops."""
import json
import unittest

from agents import LEGACY, MODERN, HTTPAgent, configuration, text_of
from test_protocol_told import Events
from test_protocol_whole import OFFERED, python
from upstreams import ProtocolGateway, hosted, journal, placed, remote, scripted

READING = "whole.resources/read"


class Subscriptions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        servers = {"whole": {"command": [python("sdk1"), "/fixtures/whole_server.py", "stdio"],
                             "cage": {"read": {"/fixtures": "./fixtures"}}}}
        text = configuration(servers, [f"whole.{name}" for name in OFFERED],
                             limits=[{"per": "agent+tool", "tools": [READING], "calls": "4/h"}],
                             rules=[{"name": "binaries are asked for", "tools": [READING], "args": {"/uri": {"equals": "note://binary"}},
                                     "then": "ask", "why": "a test"}])
        cls.gateway = cls.enterClassContext(ProtocolGateway(text, accept=servers, tokens=("bot", "other", "third")))

    def subscribe(self, agent, uri):
        return agent.request("resources/subscribe", {"uri": uri})[-1]

    def kinds(self, known):
        return sorted((r["kind"], r["detail"].get("refusal")) for r in self.gateway.records_besides(known, "resources/read"))

    def test_each_is_on_the_record_and_counted_and_again_is_free(self):
        agent, known = HTTPAgent(self.gateway, LEGACY[-1], "whole"), self.gateway.known_calls()
        for _ in range(8):
            self.assertEqual(self.subscribe(agent, "note://plain"), {"jsonrpc": "2.0", "id": agent.next, "result": {}})
        self.gateway.wait_for(lambda: self.kinds(known) == [("intent", None), ("outcome", None)])
        outcome = next(r for r in self.gateway.records_besides(known, "resources/read") if r["kind"] == "outcome")
        self.assertIn("subscribed", outcome["detail"]["result"])
        other = HTTPAgent(self.gateway, LEGACY[-1], "whole")
        for number in range(3):
            self.assertIn("result", self.subscribe(other, f"note://n{number}"))
        refused = self.subscribe(other, "note://more")["error"]
        self.assertEqual(refused["code"], -31001)
        self.assertIn("limit 4", refused["message"])
        self.gateway.wait_for(lambda: ("judged", "rate_limited") in self.kinds(known))
        for session in (agent, other):
            session.close()

    def test_what_a_person_would_approve_and_what_is_stopped_is_refused(self):
        agent = HTTPAgent(self.gateway, LEGACY[-1], "whole", token="other")
        self.assertIn("unknown resource", self.subscribe(agent, "note://binary")["error"]["message"])
        self.assertEqual(self.gateway.run("lockdown", f"tool:{READING}").returncode, 0)
        try:
            stopped = self.subscribe(agent, "note://plain")["error"]
            self.assertEqual(stopped["code"], -31001)
            self.assertIn("a person has stopped", stopped["message"])
        finally:
            self.gateway.decide("lockdown", f"tool:{READING}", "--lift")
        self.assertIn("result", self.subscribe(agent, "note://plain"))
        agent.close()

    def test_a_listening_request_is_acknowledged_what_was_let_in(self):
        agent, known = HTTPAgent(self.gateway, MODERN, "whole", token="third"), self.gateway.known_calls()
        uris = ["note://plain", "note://plain", "note://binary", *(f"note://n{n}" for n in range(5))]
        connection = agent.start(agent.message("subscriptions/listen", {"notifications": {"resourceSubscriptions": uris}}, id="ears"))
        said = Events(connection.getresponse()).next("notifications/subscriptions/acknowledged")["params"]
        self.assertEqual(said["notifications"]["resourceSubscriptions"], ["note://n0", "note://n1", "note://n2", "note://plain"])
        self.gateway.wait_for(lambda: [kind for kind, _ in self.kinds(known)] == ["intent"] * 4 + ["judged"] * 2 + ["outcome"] * 4)
        connection.sock.close() if connection.sock else connection.close()


QUIRKS = {"answer": "stops-listening", "word": "stops-listening-word", "later": "stops-listening-later",
          "no": "stops-listening-no", "never": "stops-listening-never"}


def shown(gateway, name):
    return json.loads(gateway.run("servers", "show", name, "--json").stdout)


class Listening(unittest.TestCase):
    def test_a_server_that_ends_our_listening_request_is_asked_again(self):
        """Over pipes no stream ends with it: by its answer or its word (2026-07-28, basic/patterns/subscriptions)."""
        servers = {name: hosted(MODERN, quirk) for name, quirk in QUIRKS.items()}
        with ProtocolGateway(configuration(servers, placed(*servers)), accept=servers) as gateway:
            agents = {name: HTTPAgent(gateway, MODERN, name) for name in servers}

            def listens(name):
                return [m for m in journal(agents[name])["received"] if m.get("method") == "subscriptions/listen"]
            for name in ("answer", "word", "later", "no"):
                gateway.wait_for(lambda: len(listens(name)) >= 2)
                first, second = listens(name)[:2]
                self.assertNotEqual(first["id"], second["id"])
                self.assertEqual(first["params"]["notifications"], second["params"]["notifications"])
                self.assertEqual(text_of(agents[name].call("echo", text="on")), '{"text":"on"}')
            # Who has no such request was asked once, while others were asked again.
            gateway.wait_for(lambda: listens("never"))
            self.assertEqual(len(listens("never")), 1)
            # An operator reads what is not heard, as long as it is so.
            gateway.wait_for(lambda: "unheard" not in shown(gateway, "later"))
            for name, code in (("no", -32603), ("never", -32601)):
                self.assertIn(f"({code})", shown(gateway, name)["unheard"])
                said = [line for line in gateway.log_text().splitlines() if f"server {name}: it answers `subscriptions/listen`" in line]
                self.assertTrue(said)
            for name in ("answer", "word"):
                self.assertNotIn("unheard", shown(gateway, name))

    def test_a_remote_server_that_refuses_our_listening_request_is_asked_again(self):
        with scripted.HTTPUpstream(MODERN, quirk="stops-listening-no") as no, scripted.HTTPUpstream(MODERN, quirk="stops-listening-never") as never:
            upstreams = {"no": no, "never": never}
            servers = {name: remote(upstream) for name, upstream in upstreams.items()}
            with ProtocolGateway(configuration(servers, placed(*servers)), accept=servers) as gateway:
                def listens(name):
                    return [m for m in upstreams[name].script.received if m.get("method") == "subscriptions/listen"]
                gateway.wait_for(lambda: listens("never"))
                gateway.wait_for(lambda: len(listens("no")) >= 2)
                self.assertEqual(len(listens("never")), 1)
                for name in upstreams:
                    self.assertIn("answers `subscriptions/listen` with an error", shown(gateway, name)["unheard"])


if __name__ == "__main__":
    unittest.main()
