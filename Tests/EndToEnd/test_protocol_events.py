"""Servers of HTTP+SSE, the transport of 2024-11-05: one stream for everything, and a place to post to."""
import http.server
import json
import queue
import subprocess
import threading
import unittest

from agents import LEGACY, MODERN, HTTPAgent, LineAgent, all_tools, configuration, text_of
from harness import free_port
from test_protocol_input import ACCEPT, ASK, Asked
from test_protocol_whole import OFFERED, python
from upstreams import FIXTURES, NAMES, ProtocolGateway, absent, placed, scripted

FIRST = "2024-11-05"


class EventsUpstream:
    """A scripted server of that revision; streams are cut, and places named, as a test says."""

    def __init__(self, revision=FIRST, place="/messages?session=%d"):
        self.script, self.place, self.streams, self.posts, self.status = scripted.Scripted(revision), place, {}, [], 202
        self.gets, self.lock = [], threading.Lock()
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                upstream.get(self)

            def do_POST(self):
                upstream.post(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/sse"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()
        self.server.shutdown()
        self.server.server_close()

    def cut(self):
        """Ends every stream that is open."""
        for stream in self.streams.values():
            stream.put(None)

    def get(self, handler):
        number, stream = len(self.gets) + 1, queue.Queue()
        self.gets.append(dict(handler.headers))
        self.streams[number] = stream
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        place = self.place % number if "%d" in self.place else self.place
        handler.wfile.write(f"event: endpoint\r\ndata: {place}\r\n\r\n".encode())
        while (text := stream.get()) is not None:
            try:
                handler.wfile.write(f": ping\n\nevent: message\ndata: {text}\n\n".encode())
            except OSError:
                break
        handler.close_connection = True

    def post(self, handler):
        message = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        number = handler.path.rpartition("=")[2]
        stream = self.streams.get(int(number)) if number.isdigit() else None
        self.posts.append((handler.path, message))
        calls = message.get("method") == "tools/call"
        status = 405 if not stream else self.status if calls else 202
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        if status == 202:
            with self.lock:
                for text in self.script.handle(message):
                    stream.put(text)


class Scripted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstreams = {"first": cls.enterClassContext(EventsUpstream()),
                         "later": cls.enterClassContext(EventsUpstream("2025-06-18", "messages?session=%d"))}
        cls.away = cls.enterClassContext(EventsUpstream(place="https://elsewhere.example/messages"))
        servers = {name: {"url": upstream.url, "call_timeout": "5s"} for name, upstream in {**cls.upstreams, "away": cls.away}.items()}
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, placed(*cls.upstreams)), accept=cls.upstreams))

    def each(self, body):
        for name, upstream in self.upstreams.items():
            for revision in (*LEGACY, MODERN):
                with self.subTest(upstream=upstream.script.revision, agent=revision):
                    agent = HTTPAgent(self.gateway, revision, name)
                    body(agent, upstream)
                    agent.close()

    def test_lists_results_progress_and_questions_go_through(self):
        def body(agent, upstream):
            self.assertEqual(sorted(tool["name"] for tool in all_tools(agent)[0]), sorted(NAMES))
            self.assertEqual(json.loads(text_of(agent.call("echo", text="x"))), {"text": "x"})
            got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}}, meta={"progressToken": "mine"})
            self.assertEqual([m["params"]["progress"] for m in got[:-1]], [1, 2, 3])
            self.assertEqual(text_of(agent.call("ask", text="")), "asked")
            self.assertTrue(agent.call("fail", text="")["result"]["isError"])
        self.each(body)
        # One stream carried all of it, and what it was not asked for was refused.
        for upstream in self.upstreams.values():
            self.assertEqual(len(upstream.gets), 1)
            self.gateway.wait_for(lambda: {m["id"] for _, m in upstream.posts if "error" in m} == {"q2", 3, 4})

    def test_z_a_stream_that_ends_loses_its_calls_and_the_next_opens_another(self):
        upstream = self.upstreams["first"]
        for agent in (HTTPAgent(self.gateway, MODERN, "first"), LineAgent(self.gateway, LEGACY[-1], "first")):
            streams, waits = len(upstream.gets), len(upstream.script.waiting)
            message = agent.message("tools/call", {"name": "wait", "arguments": {"text": ""}})
            if isinstance(agent, HTTPAgent):
                connection = agent.start(message)
            else:
                agent.write(json.dumps(message))
            self.gateway.wait_for(lambda: len(upstream.script.waiting) > waits)
            upstream.cut()
            lost = agent.finish(connection)[2][-1] if isinstance(agent, HTTPAgent) else agent.answer(message["id"])
            self.assertIn("gave no answer (lost)", text_of(lost))
            self.assertIn("again", text_of(agent.call("echo", text="again")))
            self.assertEqual(len(upstream.gets), streams + 1)
            agent.close()

    def test_a_call_that_is_given_up_is_called_off(self):
        agent = HTTPAgent(self.gateway, MODERN, "later")
        upstream = self.upstreams["later"]
        self.assertIn("(timeout)", text_of(agent.call("wait", text="")))
        asked = next(m["id"] for _, m in upstream.posts if m.get("params", {}).get("name") == "wait")
        self.gateway.wait_for(lambda: upstream.script.cancelled == [asked])
        self.assertEqual(text_of(agent.call("late", text="")), "on time")

    def test_a_post_that_is_refused_was_not_done(self):
        upstream, agent = self.upstreams["first"], HTTPAgent(self.gateway, MODERN, "first")
        for status, word in ((400, "HTTP 400"), (500, "gave no answer")):
            upstream.status = status
            try:
                self.assertIn(word, text_of(agent.call("echo", text="x")))
            finally:
                upstream.status = 202
            self.assertIn("x", text_of(agent.call("echo", text="x")))

    def test_no_other_place_is_posted_to(self):
        self.gateway.wait_for(lambda: "away" in absent(self.gateway))
        self.assertIn("names another place", self.gateway.run("servers", "show", "away").stdout)
        self.assertEqual([m["method"] for path, m in self.away.posts if path != "/sse"], [])


class Official(unittest.TestCase):
    """The same transport of the official SDK, of both lines."""

    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for release in ("sdk", "sdk1"):
            port = free_port()
            process = subprocess.Popen([python(release), FIXTURES / "whole_server.py", "sse", str(port)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.terminate)
            cls.servers[release] = {"url": f"http://127.0.0.1:{port}/sse", "elicitation": ["form"]}
        tools = [f"{server}.{name}" for server in cls.servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(cls.servers, tools), accept=cls.servers))

    def test_what_it_offers_is_there_and_it_asks_people(self):
        for server in self.servers:
            with self.subTest(server):
                agent = Asked(self.gateway, LEGACY[-1], server)
                kinds = [block["type"] for block in agent.call("mixed", count=1)["result"]["content"]]
                self.assertEqual(kinds, ["text", "image", "audio", "resource_link", "resource"])
                read = agent.request("resources/read", {"uri": "note://plain"})[-1]
                self.assertIn("contents", read["result"], read)
                asked, done = agent.ask(ASK, ACCEPT)
                self.assertEqual((text_of(done), [q["message"] for q in asked]),
                                 ("accept: green", [f"The server `{server}` asks: which color?"]))
                agent.close()


if __name__ == "__main__":
    unittest.main()
