"""Answers that a remote server has fetched later, or that broke: by their last event id, and never called twice."""
import unittest

from agents import LEGACY, MODERN, HTTPAgent, configuration, text_of
from upstreams import ProtocolGateway, placed, remote, scripted


class Interrupting(scripted.HTTPUpstream):
    """Gives an id, then ends the stream of a call as the text of `echo` says."""

    def __init__(self, revision):
        super().__init__(revision)
        self.left, self.fetched, self.busy = [], [], 0

    def answer(self, handler, message, headers, fields):
        text = (message.get("params") or {}).get("arguments", {}).get("text", "")
        if message.get("method") != "tools/call" or not text.startswith("fetch"):
            return super().answer(handler, message, headers, fields)
        self.left = list(self.script.handle(message, {}))
        self.busy = 2 if "busy" in text else 0
        self.stream(handler, b"id: s1-0\nretry: 50\ndata:\n\n" if "nothing" not in text else b": no id\n\n", breaks="breaks" in text)

    def stream(self, handler, body, breaks=False):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", str(len(body) + (100 if breaks else 0)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    def get(self, handler):
        last = handler.headers.get("Last-Event-ID")
        if last is None:
            return self.reply(handler, 405)
        self.fetched.append((last, handler.headers.get("Mcp-Session-Id")))
        if self.busy:
            self.busy -= 1
            return self.reply(handler, 503)
        if last == "s1-0":  # half of it, once more interrupted
            return self.stream(handler, b"id: s1-1\nretry: 10\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n")
        self.stream(handler, b"".join(b"id: s1-2\ndata: %s\n\n" % text.encode() for text in self.left))


class Resuming(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstreams = {"r2": cls.enterClassContext(Interrupting("2025-03-26")), "r4": cls.enterClassContext(Interrupting("2025-11-25")),
                         "r5": cls.enterClassContext(Interrupting(MODERN))}
        servers = {name: remote(upstream) for name, upstream in cls.upstreams.items()}
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers)), accept=servers))

    def test_the_rest_is_fetched_and_the_call_was_made_once(self):
        for name in ("r2", "r4"):
            upstream = self.upstreams[name]
            for number, text in enumerate(("fetch", "fetch what breaks", "fetch when busy")):
                with self.subTest(server=name, text=text):
                    upstream.fetched.clear()
                    agent = HTTPAgent(self.gateway, (MODERN, *LEGACY)[number], name)
                    self.assertIn(text, text_of(agent.call("echo", text=text)))
                    self.assertEqual([last for last, _ in upstream.fetched], ["s1-0"] * (3 if "busy" in text else 1) + ["s1-1"])
                    self.assertTrue(all(session for _, session in upstream.fetched))
                    self.assertEqual([c["params"]["arguments"]["text"] for c in upstream.calls("echo")].count(text), 1)

    def test_what_has_no_id_is_lost(self):
        for name, text in (("r4", "fetch nothing"), ("r5", "fetch")):
            upstream = self.upstreams[name]
            upstream.fetched.clear()
            agent = HTTPAgent(self.gateway, MODERN, name)
            self.assertIn("gave no answer (lost)", text_of(agent.call("echo", text=text)))
            self.assertEqual(upstream.fetched, [])
            self.assertIn("on", text_of(agent.call("echo", text="on")))


if __name__ == "__main__":
    unittest.main()
