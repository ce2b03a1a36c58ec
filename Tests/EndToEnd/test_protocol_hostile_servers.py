"""Remote servers that answer without an end, a byte at a time, or with more than fits: only their own call suffers."""
import contextlib
import threading
import time
import unittest

from agents import MODERN, HTTPAgent, configuration, text_of
from hostile import resident
from upstreams import ProtocolGateway, placed, remote, scripted

KIND = {"stream": b"Content-Type: text/event-stream\r\n", "body": b"Content-Type: application/json\r\n"}
CHUNK = b"x" * 65536
MEGABYTE = 1 << 20


class Hostile(scripted.HTTPUpstream):
    """Calls of `echo` are answered as their text says; `sent` is how many bytes the gateway took."""

    def __init__(self):
        super().__init__(MODERN)
        self.sent, self.ended = {}, {}

    def answer(self, handler, message, headers, fields):
        arguments = (message.get("params") or {}).get("arguments", {})
        act = getattr(self, arguments.get("text", "").replace(" ", "_"), None) if message.get("method") == "tools/call" else None
        if act is None:
            return super().answer(handler, message, headers, fields)
        name, handler.close_connection = arguments["text"], True
        self.sent[name], self.ended[name] = 0, threading.Event()
        # Whatever it does ends with the gateway's side of the connection.
        with contextlib.suppress(OSError):
            for piece in act():
                handler.connection.sendall(piece)
                self.sent[name] += len(piece)
        self.ended[name].set()

    @staticmethod
    def head(kind, more=b"Transfer-Encoding: chunked\r\n"):
        return b"HTTP/1.1 200 OK\r\n" + KIND[kind] + more + b"\r\n"

    @staticmethod
    def chunked(data):
        return b"%x\r\n%s\r\n" % (len(data), data)

    def drip(self, pieces):
        for piece in pieces:
            yield piece
            time.sleep(0.1)

    def endless_comments(self):
        yield self.head("stream")
        while True:
            yield self.chunked(b": still here\n\n" * 4096)

    def endless_messages(self):
        yield self.head("stream")
        event = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"more"}}\n\n'
        while True:
            yield self.chunked(event * 512)

    def a_byte_at_a_time(self):
        yield from self.drip([self.head("stream")] + [self.chunked(b":")] * 10_000)

    def a_body_a_byte_at_a_time(self):
        yield from self.drip([self.head("body", b"Content-Length: 10000\r\n")] + [b" "] * 10_000)

    def a_head_a_byte_at_a_time(self):
        yield from self.drip([b"HTTP/1.1 200 OK\r\nX-Slow: "] + [b"x"] * 10_000)

    def a_line_without_end(self):
        yield self.head("stream")
        yield self.chunked(b'data: {"jsonrpc":"2.0","id":1,"result":"')
        while True:
            yield self.chunked(CHUNK)

    def an_event_without_end(self):
        yield self.head("stream")
        while True:
            yield self.chunked(b"data: " + CHUNK + b"\n")

    def a_body_without_end(self):
        yield self.head("body")
        while True:
            yield self.chunked(CHUNK)

    def a_body_of_two_gigabytes(self):
        yield self.head("body", b"Content-Length: 2147483648\r\n")
        while True:
            yield CHUNK

    def a_head_without_end(self):
        yield b"HTTP/1.1 200 OK\r\nX-Long: "
        while True:
            yield CHUNK


class HostileServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hostile = cls.enterClassContext(Hostile())
        cls.calm = cls.enterClassContext(scripted.HTTPUpstream(MODERN))
        servers = {"hostile": remote(cls.hostile, call_timeout="2s"), "calm": remote(cls.calm)}
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers)), accept=servers))

    def suffers(self, name, *words):
        """One call, answered in time with an error; meanwhile others are served, and afterwards it is."""
        agent = HTTPAgent(self.gateway, MODERN, "hostile")
        before = resident(self.gateway)
        connection = agent.start(agent.message("tools/call", {"name": "echo", "arguments": {"text": name}}))
        self.gateway.wait_for(lambda: name in self.hostile.sent)
        self.assertIn("calm", text_of(HTTPAgent(self.gateway, MODERN, "calm").call("echo", text="calm")))
        result = agent.finish(connection)[2][-1]
        self.assertTrue(result["result"]["isError"], result)
        self.assertTrue(any(word in text_of(result) for word in words), result)
        self.assertTrue(self.hostile.ended[name].wait(30), "the gateway goes on reading")
        self.assertLess(resident(self.gateway) - before, 64 * MEGABYTE)
        self.assertIn("again", text_of(agent.call("echo", text="again")))
        return self.hostile.sent[name]

    def test_what_never_ends_is_ended_with_the_calls_time(self):
        for name in ("endless comments", "endless messages"):
            with self.subTest(name):
                self.suffers(name, "(timeout)")

    def test_what_comes_a_byte_at_a_time_gets_no_more_time(self):
        for name in ("a byte at a time", "a body a byte at a time", "a head a byte at a time"):
            with self.subTest(name):
                self.suffers(name, "(timeout)")

    def test_what_is_too_long_is_not_read(self):
        # What lies in the kernel's buffers was sent, and never read.
        for name, limit in (("a line without end", 16 * MEGABYTE), ("an event without end", 16 * MEGABYTE),
                            ("a body without end", 16 * MEGABYTE), ("a body of two gigabytes", 0), ("a head without end", 0)):
            with self.subTest(name):
                self.assertLess(self.suffers(name, "gave no answer"), limit + 12 * MEGABYTE)


if __name__ == "__main__":
    unittest.main()
