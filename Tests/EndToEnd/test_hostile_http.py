"""Clients that are slow, silent or greedy: they hold little, are ended in time, and others are served meanwhile."""
import json
import os
import re
import socket
import time
import unittest

from harness import free_port
from hostile import HostileGateway, Sockets, resident
from metrics import Metrics
from test_tls import TLS, SecureGateway

# What an ordinary call may take beside them: a loaded machine and a build without optimisation are slow.
PATIENCE = 15.0
# `make test-long` comes near the 10,000 a listener takes.
CROWD = int(os.environ.get("GATEHOUSE_CROWD", "2000"))


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = free_port()
        cls.gate = cls.enterClassContext(HostileGateway(cls.control))
        cls.gate.call()

    def connections(self):
        return Metrics(self.control)("gatehouse_connections")

    def hold(self, count):
        sockets = Sockets(self.gate.port, count)
        self.addCleanup(sockets.close)
        return sockets

    def test_heads_that_come_a_byte_at_a_time_end_with_408_however_long_they_drip(self):
        drip = b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 1000
        sockets = self.hold(300)
        began = time.monotonic()
        for at in range(len(drip)):
            sockets.send(drip[at:at + 1])
            sockets.read(0.25)
            if len(sockets.ended) == 300 or time.monotonic() - began > 60:
                break
            if at % 20 == 10:
                self.assertLess(self.gate.call(), PATIENCE)
        self.assertEqual(sockets.statuses(), {408: 300})
        self.assertEqual({answer.split(b"\r\n\r\n")[1] for answer in sockets.answers.values()},
                         {b"error: the head of the request did not come in time\n"})
        # A head has ten seconds from its first byte on, not from its last.
        self.assertGreater(time.monotonic() - began, 9)

    def test_thousands_of_half_requests_hold_little_and_nobody_up(self):
        self.gate.call()
        before = resident(self.gate)
        sockets = self.hold(5000)
        body = b'{"jsonrpc": "2.0", "id": 1, '
        self.assertEqual(sockets.send(self.gate.head(1 << 20) + body), 5000)
        self.gate.wait_for(lambda: self.connections() >= 5000)
        self.assertLess(self.gate.call(), PATIENCE)
        # A megabyte was announced by each; what came is all that is held.
        each = (resident(self.gate) - before) / 5000
        self.assertLess(each, 32 << 10)
        print(f"\n5,000 half requests: {each / 1024:.1f} KiB each", flush=True)
        sockets.close()
        self.gate.wait_for(lambda: self.connections() < 50)
        self.assertLess(self.gate.call(), PATIENCE)

    def test_a_stranger_makes_the_gateway_hold_no_body(self):
        before = resident(self.gate)
        sockets = self.hold(200)
        stranger = self.gate.head(1 << 20).replace(self.gate.secrets["bot"].encode(), b"gh_nobody")
        sockets.send(stranger + b"x" * 1000)
        sockets.read(30)
        # Answered before the body is there, and the connection ends with the answer.
        self.assertEqual(sockets.statuses(), {401: 200})
        self.assertEqual({json.loads(answer.split(b"\r\n\r\n")[1])["error"]["message"] for answer in sockets.answers.values()},
                         {"the credential is not valid here; ask the operator for one"})
        self.assertEqual(len(sockets.ended), 200)
        self.assertLess(resident(self.gate) - before, 64 << 20)

    def test_a_client_that_never_reads_holds_its_own_answers_and_no_more(self):
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "bulk", "arguments": {"bytes": 1_000_000}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}}}}).encode()
        head = self.gate.head(len(request)).replace(
            b"\r\n\r\n", b"\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: bulk\r\n\r\n")
        calls = Metrics(self.control)("gatehouse_calls_total", verdict="allowed")
        before = resident(self.gate)
        sockets = []
        for _ in range(4):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(30)
            one.connect(("127.0.0.1", self.gate.port))
            self.addCleanup(one.close)
            # Fifty requests behind one another, none of whose answers is ever read.
            one.setblocking(False)
            one.send((head + request) * 50)
            sockets.append(one)
        self.gate.wait_for(lambda: Metrics(self.control)("gatehouse_calls_total", verdict="allowed") >= calls + 4)
        self.assertLess(self.gate.call(), PATIENCE)
        # The next request of a connection is taken up when the answer before it is.
        done = Metrics(self.control)("gatehouse_calls_total", verdict="allowed") - calls - 1
        self.assertLess(done, 4 * 10)
        self.assertLess(resident(self.gate) - before, 128 << 20)

    def test_endless_heads_targets_and_lines_are_refused_at_their_limit(self):
        end = b" HTTP/1.1\r\nHost: x\r\n\r\n"
        large = "a head of more than 16384 bytes"
        for start, status, words in (
                (b"GET /" + b"a" * 9000 + end, 414, "a request target of more than 8192 bytes"),
                (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431, "more than 64 header fields"),
                (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000, 431, large),
                (self.gate.head(2 << 20), 413, "a body of more than 1048576 bytes"), (b"a" * 20000, 431, large),
                (b"a" * 20 + end, 400, "error: ")):
            with self.subTest(start=start[:30]):
                sockets = self.hold(1)
                sockets.send(start)
                sockets.read(30)
                self.assertEqual((sockets.statuses(), len(sockets.ended)), ({status: 1}, 1))
                # HTTP itself refuses, in a text, and ends the connection.
                head, _, body = next(iter(sockets.answers.values())).decode().partition("\r\n\r\n")
                self.assertIn("text/plain; charset=utf-8", head)
                self.assertRegex(body, "^error: .*\n$")
                self.assertIn(words, body)
        self.assertLess(self.gate.call(), PATIENCE)

    def test_thousands_of_silent_connections_are_ended(self):
        before = resident(self.gate)
        sockets = self.hold(CROWD)
        self.gate.wait_for(lambda: self.connections() >= CROWD)
        each = (resident(self.gate) - before) / CROWD
        print(f"\n{CROWD:,} silent connections: {each / 1024:.1f} KiB each", flush=True)
        self.assertLess(each, 16 << 10)
        self.assertLess(self.gate.call(), PATIENCE)
        sockets.read(60)
        # Nobody asked anything: they are closed without a word.
        self.assertEqual(sockets.statuses(), {None: CROWD})
        self.gate.wait_for(lambda: self.connections() < 50)

    def test_two_thousand_sessions_hold_less_than_eight_kilobytes_each(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}}).encode()
        sessions = set()
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=30) as one:
            def open_session():
                one.sendall(self.gate.head(len(body)) + body)
                answer = b""
                while not (found := re.search(rb"mcp-session-id: (\S+)", answer, re.I)) or b"}\n" not in answer + b"\n":
                    answer += one.recv(65536)
                sessions.add(found[1])
            for _ in range(100):
                open_session()
            before = resident(self.gate)
            for _ in range(2000):
                open_session()
            each = (resident(self.gate) - before) / 2000
        self.assertEqual(len(sessions), 2100)
        self.assertGreaterEqual(Metrics(self.control)("gatehouse_sessions"), 2100)
        print(f"\n2,000 sessions: {each / 1024:.1f} KiB each", flush=True)
        self.assertLess(each, 8 << 10)


class HalfHandshakes(unittest.TestCase):
    def test_handshakes_that_are_begun_and_left_are_ended_while_others_are_served(self):
        with SecureGateway(TLS) as gate:
            # The first bytes of a ClientHello that never comes whole.
            sockets = Sockets(gate.port, 1000)
            try:
                self.assertEqual(sockets.send(bytes.fromhex("160301020001000201fc0303")), 1000)
                began = time.monotonic()
                with gate.handshake("localhost") as secure:
                    self.assertEqual(gate.request(secure), 401)
                self.assertLess(time.monotonic() - began, PATIENCE)
                sockets.read(60)
                self.assertEqual(len(sockets.ended), 1000)
            finally:
                sockets.close()
            gate.wait_for(lambda: gate.handshakes("timed_out") == 1000)
            # A thousand failures are one line of the log.
            self.assertLessEqual(gate.log_text().count("no TLS with"), 2)


if __name__ == "__main__":
    unittest.main()
