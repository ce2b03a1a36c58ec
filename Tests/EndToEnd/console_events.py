"""The console's stream of events, and what reaches the console that should not."""
import http.client
import json
import socket
import time
import unittest

from harness import PASSPHRASE
from people import API, CONSOLE, People

PATIENT = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 60s, expiry: 300s")


class TooLarge(Exception):
    """The answer was 413."""


class Stream:
    """One page's stream; `next` waits for an event of a type."""

    def __init__(self, client, query=""):
        self.connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
        self.connection.request("GET", "/api/v1/events" + query, headers={
            "Host": client.host, "Cookie": client.cookie, "Gatehouse-Token": client.token})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status

    def next(self, *types):
        kind, deadline = None, time.monotonic() + 60
        # The stream is never silent for long: a comment comes every few seconds.
        while line := self.response.readline().decode():
            if time.monotonic() > deadline:
                raise AssertionError(f"none of {types} came")
            if line.startswith("event: "):
                kind = line[7:].strip()
            elif line.startswith("data: ") and (not types or kind in types):
                return kind, json.loads(line[6:])
        return None, None

    def close(self):
        self.connection.close()


class Tickets(unittest.TestCase):
    """Calls that are not held: a yes waits for its agent to come back."""

    def test_what_has_its_yes_waits_for_nobody(self):
        with People(CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 1s, expiry: 300s"), tokens=("bot",)) as gateway:
            ana = gateway.log_in()
            gateway.call("destroy", {"name": "one"})
            question = ana.get("/approvals")[0]
            self.assertEqual(ana.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]}),
                             {"answer": "approved"})
            stream = Stream(ana)
            self.assertEqual(stream.next(), ("approvals", []))
            self.assertEqual(stream.next("status")[1]["waiting"], 0)
            stream.close()
            # The list has it still, and says that it is approved.
            self.assertEqual([row["state"] for row in ana.get("/approvals")], ["approved"])
            self.assertTrue(gateway.run("approvals", "list").stdout.endswith("  approved\n"))


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(PATIENT, tokens=("bot",)))
        cls.ana = cls.gateway.log_in()

    def test_a_page_is_told_what_waits_what_comes_and_what_goes(self):
        stream = Stream(self.ana)
        self.assertEqual(stream.next(), ("approvals", []))
        self.assertEqual(stream.next("status")[1]["waiting"], 0)
        caller = self.gateway.calling("destroy", {"name": "one"})
        question = stream.next("question")[1]
        self.assertEqual((question["tool"], question["tier"]), ("shop.destroy", "T2"))
        late = Stream(self.ana)
        self.assertEqual([q["ticket"] for q in late.next("approvals")[1]], [question["ticket"]])
        self.ana.post(f"/approvals/{question['ticket']}/answer", {"yes": False, "revision": question["revision"]})
        self.assertEqual(stream.next("closed")[1], {"ticket": question["ticket"]})
        self.assertEqual(late.next("closed")[1], {"ticket": question["ticket"]})
        caller.join(timeout=60)
        stream.close()
        late.close()

    def test_calls_come_to_the_pages_that_follow_them_without_what_turns_text(self):
        self.gateway.call("peek", {"key": "before \u202e"})
        stream = Stream(self.ana, "?calls=1")
        rows = stream.next("calls")[1]["rows"]
        self.assertIn("before \\u{202e}", [r.get("arguments") for r in rows if r["kind"] == "intent"][-1])
        self.gateway.call("peek", {"key": "after"})
        seen = []
        while not any("after" in str(row.get("arguments")) for row in seen):
            seen += stream.next("calls")[1]["rows"]
        stream.close()
        self.assertEqual(self.ana.fails("GET", "/events?everything=1"), (400, "usage"))

    def test_logging_out_ends_the_stream(self):
        client = self.gateway.log_in()
        stream = Stream(client)
        self.assertEqual(stream.next("approvals")[0], "approvals")
        client.send("DELETE", "/api/v1/session")
        self.assertEqual(stream.next("end"), ("end", {}))
        self.assertEqual(stream.next(), (None, None))
        stream.close()

    def test_the_stream_of_who_is_no_approver_any_more_ends_though_much_is_going_on(self):
        self.gateway.add_approver("dan")
        stream = Stream(self.gateway.log_in("dan"))
        self.assertEqual(stream.next("approvals")[0], "approvals")
        self.gateway.decide("approvers", "remove", "dan")
        self.assertEqual(stream.next("end"), ("end", {}))
        stream.close()

    def test_a_stream_needs_the_session_and_its_token(self):
        thief = API(self.gateway.console)
        thief.cookie = self.ana.cookie
        self.assertEqual(thief.fails("GET", "/events"), (403, "foreign"))


class Attackers(unittest.TestCase):
    """What is not a person's browser gets nothing, wherever it runs."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(PATIENT, tokens=("bot",)))
        cls.ana = cls.gateway.log_in()

    def test_nothing_of_a_session_lies_in_the_state_folder(self):
        """Another process of the same user finds no session there to use."""
        secrets = [self.ana.token.encode(), self.ana.cookie.split("=")[1].encode(), PASSPHRASE.encode()]
        for path in [p for p in (self.gateway.folder / "state").rglob("*") if p.is_file()]:
            data = path.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret, data, path)
        for secret in secrets:
            self.assertNotIn(secret.decode(), self.gateway.log_text() + json.dumps(self.gateway.records()))

    def test_a_hosted_server_does_not_reach_the_console(self):
        script = ("import socket,sys\ntry:\n s=socket.create_connection(('127.0.0.1',%d),timeout=5); print('reached')\n"
                  "except OSError as e: print('not reached', e.errno)") % self.gateway.console
        caller = self.gateway.calling("execute", {"command": ["/usr/bin/python3", "-c", script]})
        question = self.gateway.wait_for_question()
        self.ana.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]})
        self.assertIn("not reached", caller.text())

    def test_an_argument_of_five_megabytes_becomes_no_question(self):
        # The listener answers 413 and closes before all of it is sent; a client in the middle of sending may see only that.
        with self.assertRaises((BrokenPipeError, ConnectionResetError, TooLarge)):
            if self.gateway.post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                    "name": "destroy", "arguments": {"name": "x" * (5 << 20)}}}), path="/mcp/shop")[0] == 413:
                raise TooLarge
        with self.assertRaises((BrokenPipeError, ConnectionResetError, TooLarge)):
            if self.ana.send("POST", "/api/v1/policy/explain", json.dumps({"tool": "x" * (5 << 20)}))[0] == 413:
                raise TooLarge
        result = self.gateway.call("destroy", {"name": "x" * (65 << 10)})
        self.assertIn("review", json.dumps(result))
        self.assertEqual(self.ana.get("/approvals"), [])

    def test_a_slow_or_silent_peer_holds_nobody_up(self):
        peers = [socket.create_connection(("127.0.0.1", self.gateway.console)) for _ in range(20)]
        for peer in peers:
            peer.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        self.assertTrue(self.ana.get("/status")["ready"])
        for peer in peers:
            peer.close()

    def test_what_is_no_json_never_reaches_a_command(self):
        for body in ("", "{", "[1]", '"x"', '{"yes": true, "revision": 1, "revision": 2}', "\u202e", '{"target": "all"} {}', b"\xff\xfe", b"\x00"):
            status, _, answer = self.ana.send("POST", "/api/v1/lockdowns", body)
            self.assertEqual((status, answer["error"]["code"]), (400, "usage"), body)
        self.assertEqual(self.ana.get("/lockdowns"), [])


if __name__ == "__main__":
    unittest.main()
