"""Calls that are given up: every way an agent may leave, to servers of every kind; and calls that last."""
import json
import signal
import socket
import unittest

from agents import LEGACY, MODERN, WAIT, HTTPAgent, LineAgent, configuration, text_of
from upstreams import REVISIONS, ProtocolGateway, hosted, journal, outcomes, placed, remote, scripted

CALL = {"name": "wait", "arguments": {"text": "long"}}


class GivingUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstreams = {"h4": cls.enterClassContext(scripted.HTTPUpstream("2025-11-25", "sse")),
                         "h5": cls.enterClassContext(scripted.HTTPUpstream(MODERN, "sse"))}
        servers = {**{f"r{number}": hosted(revision, call_timeout="60s") for number, revision in enumerate(REVISIONS, 1)},
                   **{name: remote(upstream, call_timeout="60s") for name, upstream in cls.upstreams.items()}}
        cls.servers = list(servers)
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers)), accept=servers))
        cls.watchers = {name: HTTPAgent(cls.gateway, MODERN, name) for name in servers}

    def waits(self, server):
        """The ids under which the server was asked to wait, in order."""
        if server in self.upstreams:
            return [message["id"] for message in self.upstreams[server].calls("wait")]
        return [m["id"] for m in journal(self.watchers[server])["received"] if m.get("params", {}).get("name") == "wait"]

    def told(self, server):
        """Which of them the server was told to give up; over modern HTTP a closed stream says it."""
        if server == "h5":
            return self.waits(server)[-1:] if self.upstreams[server].closed.is_set() else []
        if server in self.upstreams:
            return list(self.upstreams[server].script.cancelled)
        return journal(self.watchers[server])["cancelled"]

    def each(self, leave, revisions):
        """`leave` starts the call and returns what gives it up."""
        for server in self.servers:
            for revision in revisions:
                with self.subTest(server=server, agent=revision):
                    if server in self.upstreams:
                        self.upstreams[server].closed.clear()
                    before = len(self.waits(server))
                    give_up = leave(server, revision)
                    self.gateway.wait_for(lambda: len(self.waits(server)) > before)
                    give_up()
                    id = self.waits(server)[-1]
                    self.gateway.wait_for(lambda: id in self.told(server))
                    # A late answer, twice, is nobody's; the next one is the right one.
                    if server not in self.upstreams:
                        self.assertEqual(text_of(self.watchers[server].call("late", text="")), "on time")
                    self.assertEqual(text_of(self.watchers[server].call("echo", text="on")), '{"text":"on"}')

    def test_a_closed_stream_of_the_newest_revision(self):
        def leave(server, revision):
            agent = HTTPAgent(self.gateway, revision, server)
            return agent.start(agent.message("tools/call", CALL)).close
        self.each(leave, [MODERN])

    def test_a_closed_stream_that_carried_progress(self):
        """Once an event stream has begun, its end is a closed connection as well."""
        for server in ("r2", "r5"):
            before, agent = len(self.waits(server)), HTTPAgent(self.gateway, MODERN, server)
            connection = agent.start(agent.message("tools/call", CALL, meta={"progressToken": "p"}))
            self.gateway.wait_for(lambda: len(self.waits(server)) > before)
            connection.close()
            id = self.waits(server)[-1]
            self.gateway.wait_for(lambda: id in self.told(server))

    def test_a_word_in_the_session(self):
        def leave(server, revision):
            agent = HTTPAgent(self.gateway, revision, server)
            connection = agent.start(agent.message("tools/call", CALL, id="long"))

            def give_up():
                agent.notify("notifications/cancelled", {"requestId": "long"})
                self.assertTrue(agent.finish(connection)[2][-1]["result"]["isError"])
                agent.close()
            return give_up
        self.each(leave, LEGACY)

    def test_the_end_of_the_session(self):
        def leave(server, revision):
            agent = HTTPAgent(self.gateway, revision, server)
            connection = agent.start(agent.message("tools/call", CALL))

            def give_up():
                agent.close()
                agent.finish(connection)
            return give_up
        self.each(leave, ["2025-11-25"])

    def line(self, give_up):
        def leave(server, revision):
            agent = LineAgent(self.gateway, revision, server)
            agent.write(json.dumps(agent.message("tools/call", CALL, id=7)))
            return lambda: give_up(agent)
        return leave

    def test_a_word_on_the_line(self):
        def give_up(agent):
            agent.notify("notifications/cancelled", {"requestId": "7"})  # Another id: 7 is not "7".
            agent.notify("notifications/cancelled", {"requestId": 7})
            agent.answer(7)
            agent.close()
        self.each(self.line(give_up), ["2025-06-18", MODERN])

    def test_the_end_of_input(self):
        self.each(self.line(LineAgent.close), ["2025-11-25", MODERN])

    def test_a_pipe_that_is_killed(self):
        def give_up(agent):
            agent.process.kill()
            agent.close()
        self.each(self.line(give_up), [MODERN])

    def test_every_way_is_on_the_record(self):
        """All of these tests give up what the server was sent; each is a call that was called off."""
        before, known = len(self.waits("r4")), self.gateway.known_calls()
        agent = HTTPAgent(self.gateway, MODERN, "r4")
        connection = agent.start(agent.message("tools/call", CALL))
        self.gateway.wait_for(lambda: len(self.waits("r4")) > before)
        connection.close()
        self.gateway.wait_for(lambda: len(self.gateway.records_besides(known, "wait")) == 2)
        self.assertEqual({record["detail"]["status"] for record in outcomes(self.gateway, "wait")}, {"cancelled"})


class Holding(unittest.TestCase):
    """A call that waits for a person: a word withdraws the question, a closed stream leaves a ticket."""

    @classmethod
    def setUpClass(cls):
        text = configuration({"up": hosted("2025-11-25")}, placed("up"), approvals={"hold": "60s", "expiry": "120s"})
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            text.replace('"up.echo": {{"tier": "T0"', '"up.echo": {{"tier": "T2"'), accept=["up"]))

    def ask(self, agent, text):
        """Sends a call that waits; the ticket of its question."""
        message = agent.message("tools/call", {"name": "echo", "arguments": {"text": text}}, id="held")
        if isinstance(agent, HTTPAgent):
            self.connection = agent.start(message)
        else:
            agent.write(json.dumps(message))
        return self.gateway.wait_for_question()["ticket"]

    def echoed(self):
        return [m["params"]["arguments"]["text"] for m in journal(HTTPAgent(self.gateway, MODERN, "up"))["received"]
                if m.get("params", {}).get("name") == "echo"]

    def test_a_word_withdraws_it(self):
        for kind, revision in (("http", "2025-06-18"), ("http", "2025-11-25"), ("line", "2025-11-25"), ("line", MODERN)):
            with self.subTest(agent=kind, revision=revision):
                agent = (HTTPAgent if kind == "http" else LineAgent)(self.gateway, revision, "up")
                self.ask(agent, f"withdrawn {kind} {revision}")
                agent.notify("notifications/cancelled", {"requestId": "held"})
                answer = agent.finish(self.connection)[2][-1] if kind == "http" else agent.answer("held")
                self.assertIn("called off", text_of(answer))
                self.assertEqual(self.gateway.waiting(), [])
                agent.close()
        self.assertFalse([text for text in self.echoed() if text.startswith("withdrawn")])

    def test_a_closed_stream_leaves_it_for_the_same_call_to_collect(self):
        for kind in ("closed stream", "killed pipe"):
            with self.subTest(kind):
                agent = (HTTPAgent if kind == "closed stream" else LineAgent)(self.gateway, MODERN, "up")
                ticket = self.ask(agent, kind)
                if kind == "closed stream":
                    self.connection.close()
                else:
                    agent.process.kill()
                    agent.close()
                self.gateway.decide("approvals", "approve", ticket)
                again = HTTPAgent(self.gateway, MODERN, "up")
                self.assertEqual(json.loads(text_of(again.call("echo", text=kind))), {"text": kind})
                self.assertEqual(self.echoed().count(kind), 1)


class Lasting(unittest.TestCase):
    """What happens to a call that takes long, and to agents whose gateway goes away meanwhile."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration({"up": hosted("2025-11-25", call_timeout="120s")}, placed("up")), accept=["up"]))

    def test_a_quiet_call_is_kept_awake_and_still_answered(self):
        agent = HTTPAgent(self.gateway, "2025-11-25", "up")
        message = agent.message("tools/call", CALL, id="long")
        body = json.dumps(message).encode()
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=60) as connection:
            head = "".join(f"{name}: {value}\r\n" for name, value in {
                **agent.headers(message), "Host": f"127.0.0.1:{self.gateway.port}", "Content-Length": len(body)}.items())
            connection.sendall(f"POST /mcp/up HTTP/1.1\r\n{head}\r\n".encode() + body)
            seen = b""
            while b"\n:" not in seen:
                seen += connection.recv(4096)
            self.assertIn(b"text/event-stream", seen)
            self.assertIn(b"X-Accel-Buffering: no", seen)
            self.assertNotIn(b"data: {", seen)  # an event with an id and nothing in it, at most
            agent.notify("notifications/cancelled", {"requestId": "long"})
            while b"data: {" not in seen or not seen.endswith(b"0\r\n\r\n"):
                seen += connection.recv(4096)
            self.assertIn(b'"id":"long"', seen)

    def test_a_gateway_that_ends_ends_its_pipes_and_the_next_one_takes_new_ones(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=how):
                agent = LineAgent(self.gateway, "2025-11-25", "up")
                agent.write(json.dumps(agent.message("tools/call", CALL, id=1)))
                watcher = HTTPAgent(self.gateway, MODERN, "up")
                self.gateway.wait_for(lambda: '"wait"' in text_of(watcher.call("journal", text="")))
                self.gateway.stop(how)
                self.assertEqual(agent.process.wait(timeout=WAIT), 3)
                self.assertIn(b"the gateway closed the connection", agent.process.stderr.read())
                self.gateway.start()
                self.gateway.wait_for_server("up")
                agent.close()
                again = LineAgent(self.gateway, "2025-11-25", "up")
                self.assertEqual(text_of(again.call("echo", text="again")), '{"text":"again"}')
                again.close()


if __name__ == "__main__":
    unittest.main()
