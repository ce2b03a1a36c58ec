"""What agents hear without asking: changed lists, updated resources, log messages.

The fixture stands on the official SDK of both lines, behind pipes and HTTP; agents of each revision
listen over HTTP and over `connect`.
"""
import contextlib
import http.client
import json
import queue
import socket
import subprocess
import threading
import unittest

from agents import LEGACY, META, MODERN, WAIT, HTTPAgent, LineAgent, configuration
from harness import free_port
from test_protocol_whole import OFFERED, python
from upstreams import FIXTURES, ProtocolGateway

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


class Events:
    """An event stream that is read beside the test; its messages in order."""

    def __init__(self, response):
        self.response, self.messages = response, queue.Queue()
        # Ends with the stream.
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.response:
                if line.startswith(b"data:") and line[5:].strip():
                    self.messages.put(json.loads(line[5:]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.messages.put(None)

    def next(self, method):
        """The next message of that method; others before it are passed over."""
        while (message := self.messages.get(timeout=WAIT)) is not None:
            if message.get("method") == method:
                return message
        raise AssertionError(f"the stream ended before {method}")


class Told(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for release in ("sdk", "sdk1"):
            cls.servers[f"{release}-lines"] = {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                                               "cage": {"read": {"/fixtures": "./fixtures"}}}
            port = free_port()
            process = subprocess.Popen([python(release), FIXTURES / "whole_server.py", "http", str(port)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.terminate)
            cls.servers[f"{release}-http"] = {"url": f"http://127.0.0.1:{port}/mcp"}
        tools = [f"{server}.{name}" for server in cls.servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(cls.servers, tools), accept=cls.servers))

    def agent(self, kind, revision, server=None):
        agent = kind(self.gateway, revision, server)
        self.addCleanup(agent.close)
        return agent

    def drop(self, connection):
        """Ends it when the test does; a reader that waits would hold `close` up."""
        def end(sock=connection.sock):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.addCleanup(connection.close)
        self.addCleanup(end)

    def stream(self, agent):
        """The session's own stream, or a listening request's response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=WAIT)
        connection.request("GET", agent.path, headers={**agent.headers({}), "Accept": "text/event-stream"})
        self.drop(connection)
        response = connection.getresponse()
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
        return Events(response)

    def listen(self, agent, **filter):
        message = agent.message("subscriptions/listen", {"notifications": filter}, id="ears")
        connection = agent.start(message)
        self.drop(connection)
        events = Events(connection.getresponse())
        return events, events.next("notifications/subscriptions/acknowledged")["params"]

    def test_a_session_hears_on_its_stream_what_it_subscribed_to(self):
        for revision in LEGACY:
            for server in self.servers:
                with self.subTest(agent=revision, server=server):
                    agent = self.agent(HTTPAgent, revision, server)
                    self.assertEqual(agent.opening["capabilities"]["resources"], {"listChanged": True, "subscribe": True})
                    events = self.stream(agent)
                    for uri in ("note://plain", "note://binary"):
                        self.assertEqual(agent.request("resources/subscribe", {"uri": uri})[-1]["result"], {})
                    self.assertEqual(agent.request("resources/unsubscribe", {"uri": "note://binary"})[-1]["result"], {})
                    agent.call("touch", uri="note://binary")
                    agent.call("touch", uri="note://plain")
                    told = events.next("notifications/resources/updated")
                    self.assertEqual(told["params"], {"uri": "note://plain"})

    def test_a_listening_request_hears_what_was_acknowledged(self):
        for server in self.servers:
            with self.subTest(server=server):
                agent = self.agent(HTTPAgent, MODERN, server)
                events, said = self.listen(agent, resourceSubscriptions=["note://plain", 7], toolsListChanged=True, other=True)
                self.assertEqual(said["notifications"], {"toolsListChanged": True, "resourceSubscriptions": ["note://plain"]})
                self.assertEqual(said["_meta"], {SUBSCRIPTION: "ears"})
                agent.call("touch", uri="note://binary")
                agent.call("touch", uri="note://plain")
                told = events.next("notifications/resources/updated")["params"]
                self.assertEqual(told, {"uri": "note://plain", "_meta": {SUBSCRIPTION: "ears"}})

    def test_agents_on_pipes_hear_it_between_the_lines(self):
        agent = self.agent(LineAgent, LEGACY[-1])
        uri = "gatehouse:sdk1-lines:note://plain"
        agent.request("resources/subscribe", {"uri": uri})
        agent.call("sdk1-lines__touch", uri="note://plain")
        while not any(m.get("method") == "notifications/resources/updated" for m in agent.kept):
            agent.kept.append(agent.read())
        told = next(m for m in agent.kept if m["method"] == "notifications/resources/updated")
        self.assertEqual(told["params"], {"uri": uri})
        modern = self.agent(LineAgent, MODERN)
        modern.write(json.dumps(modern.message("subscriptions/listen", {"notifications": {"resourceSubscriptions": [uri]}}, id=77)))
        self.assertEqual(modern.read()["params"]["_meta"], {SUBSCRIPTION: 77})
        modern.call("sdk1-lines__touch", uri="note://plain")
        while not any(m["method"] == "notifications/resources/updated" for m in modern.kept):
            modern.kept.append(modern.read())
        self.assertEqual(modern.kept[-1]["params"]["uri"], uri)
        # Called off, it says nothing more; the line stays open.
        modern.notify("notifications/cancelled", {"requestId": 77, "_meta": META})
        self.assertEqual(modern.request("tools/list")["result"]["resultType"], "complete")

    def test_log_messages_come_from_the_level_asked_for(self):
        words = {"debug": "quiet words", "info": "plain words", "error": "loud words"}
        for server in self.servers:
            for revision, kind in ((LEGACY[-1], HTTPAgent), (LEGACY[0], LineAgent), (MODERN, HTTPAgent)):
                for level, wanted in (("info", ["info", "error"]), ("error", ["error"]), ("debug", ["debug", "info", "error"])):
                    with self.subTest(server=server, agent=revision, level=level):
                        agent = self.agent(kind, revision, server)
                        meta = {"io.modelcontextprotocol/logLevel": level} if revision == MODERN else None
                        if revision != MODERN:
                            got = agent.request("logging/setLevel", {"level": level})
                            self.assertEqual((got[-1] if kind is HTTPAgent else got)["result"], {})
                        got = agent.request("tools/call", {"name": "chatter", "arguments": {"times": 1}}, meta=meta)
                        heard = got[:-1] if kind is HTTPAgent else agent.kept
                        heard = [(m["params"]["level"], m["params"]["data"]) for m in heard if m["method"] == "notifications/message"]
                        self.assertEqual(heard, [(level, words[level]) for level in wanted])
        silent = self.agent(HTTPAgent, MODERN, "sdk-http").request("tools/call", {"name": "chatter", "arguments": {"times": 1}})
        self.assertEqual(len(silent), 1)

    def test_what_is_no_stream_level_or_resource_is_refused(self):
        agent = self.agent(HTTPAgent, LEGACY[-1], "sdk-lines")
        for method, params, code in (
                ("logging/setLevel", {"level": "loud"}, -32602), ("logging/setLevel", {}, -32602),
                ("resources/subscribe", {}, -32602), ("resources/subscribe", {"uri": 7}, -32602),
                ("subscriptions/listen", {"notifications": {}}, -32601)):
            with self.subTest(method=method, params=params):
                self.assertEqual(agent.request(method, params)[-1]["error"]["code"], code)
        everything = self.agent(HTTPAgent, LEGACY[-1])
        self.assertEqual(everything.request("resources/subscribe", {"uri": "note://plain"})[-1]["error"]["code"], -32002)
        modern = self.agent(HTTPAgent, MODERN, "sdk-lines")
        self.assertEqual(modern.request("subscriptions/listen", {})[-1]["error"]["code"], -32602)
        event = {"Accept": "text/event-stream"}
        for headers, status in (({}, 405), ({"Mcp-Session-Id": "0" * 32, **event}, 404),
                                ({"Mcp-Session-Id": agent.session, "Accept": "application/json"}, 406),
                                ({"Mcp-Session-Id": agent.session, "MCP-Protocol-Version": LEGACY[0], **event}, 400)):
            with self.subTest(headers=headers):
                self.assertEqual(self.gateway.post(None, headers, path="/mcp/sdk-lines", method="GET")[0], status)

    def test_a_stream_ends_with_its_session_and_with_the_next_stream(self):
        agent = self.agent(HTTPAgent, LEGACY[-1], "sdk-lines")
        first = self.stream(agent)
        second = self.stream(agent)
        self.assertIsNone(first.messages.get(timeout=WAIT))
        agent.close()
        self.assertIsNone(second.messages.get(timeout=WAIT))
        agent.session = None

    def test_a_stream_ends_with_its_credential(self):
        token = self.gateway.issue("leaver")
        streams = []
        for owner in ("leaver", "passer"):
            if owner == "passer":
                self.gateway.issue("passer", "--expires", "8s")
            agent = HTTPAgent(self.gateway, LEGACY[-1], "sdk-lines", token=owner)
            self.assertEqual(agent.request("resources/subscribe", {"uri": "note://plain"})[-1]["result"], {})
            streams.append(self.stream(agent))
            streams.append(self.listen(HTTPAgent(self.gateway, MODERN, "sdk-lines", token=owner), toolsListChanged=True)[0])
        self.assertEqual(self.gateway.run("tokens", "revoke", token).returncode, 0)
        for events in streams:
            # What comes before the end is the end of a listening request, never an update.
            while (message := events.messages.get(timeout=WAIT)) is not None:
                self.assertNotIn("method", message)

    def test_z_a_changed_list_is_told_when_a_person_accepted_it(self):
        for server in self.servers:
            with self.subTest(server=server):
                legacy, modern = self.agent(HTTPAgent, LEGACY[-1], server), self.agent(HTTPAgent, MODERN, server)
                stream, (events, _) = self.stream(legacy), self.listen(modern, toolsListChanged=True)
                legacy.call("grow", size=1)
                self.gateway.wait_for(lambda: any(
                    t["server"] == server and t.get("tool") == "sprout"
                    for t in json.loads(self.gateway.run("tools", "list", "--json").stdout)))
                # It is hidden until somebody looks, so that no agent's view changed.
                names = {t["name"] for t in legacy.request("tools/list")[-1]["result"]["tools"]}
                self.assertNotIn("sprout", names)
                self.gateway.decide("tools", "approve", server, "sprout")
                stream.next("notifications/tools/list_changed")
                told = events.next("notifications/tools/list_changed")
                self.assertEqual(told["params"]["_meta"], {SUBSCRIPTION: "ears"})
                names = {t["name"] for t in legacy.request("tools/list")[-1]["result"]["tools"]}
                self.assertIn("sprout", names)

    def test_zz_streams_end_in_order_when_the_gateway_stops(self):
        modern = self.agent(HTTPAgent, MODERN)
        connection = modern.start(modern.message("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="ears"))
        response = connection.getresponse()
        self.gateway.stop()
        last = [json.loads(line[5:]) for line in response.read().split(b"\n") if line.startswith(b"data:")][-1]
        self.assertEqual((last["id"], last["result"]["_meta"][SUBSCRIPTION]), ("ears", "ears"))
        connection.close()
        self.gateway.start()


if __name__ == "__main__":
    unittest.main()
