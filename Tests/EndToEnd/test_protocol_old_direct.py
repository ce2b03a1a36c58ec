"""The two oldest revisions through the gateway and without it, field by field, over pipes and over HTTP+SSE.

Servers of the official SDK send to an agent of 2024-11-05 what its revision has no word for; a strict agent refuses
that. So through the gateway each answer is the direct one less those members, and nothing else is different.
"""
import http.client
import json
import subprocess
import unittest

from agents import HTTPAgent, LineAgent, configuration, initialize
from harness import free_port
from test_protocol_whole import ASKED, OFFERED, Direct, Through, bare, python
from upstreams import FIXTURES, ProtocolGateway

FIRST, SECOND = "2024-11-05", "2025-03-26"


class DirectEvents:
    """An agent of HTTP+SSE that speaks to the fixture itself: one stream for all answers, and a place to post to."""

    def __init__(self, port, revision):
        self.revision, self.next, self.port = revision, 0, port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", "/sse", headers={"Accept": "text/event-stream"})
        self.stream = self.connection.getresponse()
        name, self.place = self.event()
        assert name == "endpoint", name
        self.opening = self.request("initialize", initialize(revision))["result"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    message = HTTPAgent.message

    def event(self):
        fields = {}
        while (line := self.stream.readline().decode().rstrip("\r\n")) or not fields:
            name, _, value = line.partition(":")
            if name:  # a comment has none
                fields[name] = value.lstrip()
        return fields.get("event"), fields.get("data")

    def post(self, message):
        poster = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        poster.request("POST", self.place, json.dumps(message), {"Content-Type": "application/json"})
        assert poster.getresponse().status == 202
        poster.close()

    def request(self, method, params=None):
        message = self.message(method, params)
        self.post(message)
        while True:
            name, data = self.event()
            answer = json.loads(data) if name == "message" else {}
            if answer.get("id") == message["id"]:
                return answer

    def close(self):
        self.stream.close()
        self.connection.close()


def lowered(answer, revision):
    """What is left of an answer for that revision, by the table of docs/protocol.md."""
    result = answer.get("result", {})
    for member in ("tools", "prompts", "resources", "resourceTemplates"):
        for item in result.get(member, []):
            for gone in ("title", "icons", "outputSchema", "execution", *(["annotations"] if revision == FIRST and member == "tools" else [])):
                item.pop(gone, None)
    result.pop("structuredContent", None)
    if "content" in result:
        result["content"] = [block(content, revision) for content in result["content"]]
    return answer


def block(content, revision):
    if content["type"] == "resource_link":
        return {"type": "text", "text": f"[{content['name']}]({content['uri']})"}
    if content["type"] == "audio" and revision == FIRST:
        return {"type": "text", "text": f"[sound, {content['mimeType']}, about {len(content['data']) * 3 // 4} bytes]"}
    return content


class OldDirect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        process = subprocess.Popen([python("sdk1"), FIXTURES / "whole_server.py", "sse", str(cls.port)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        cls.servers = {f"{release}-lines": {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                                            "cage": {"read": {"/fixtures": "./fixtures"}}} for release in ("sdk", "sdk1")}
        cls.servers["sdk1-events"] = {"url": f"http://127.0.0.1:{cls.port}/sse"}
        tools = [f"{server}.{name}" for server in cls.servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(cls.servers, tools), accept=cls.servers))

    def direct(self, server, revision):
        agent = DirectEvents(self.port, revision) if server == "sdk1-events" else Direct(server.split("-")[0], revision)
        self.addCleanup(agent.close)
        self.assertEqual(agent.opening["protocolVersion"], revision)
        return agent

    def test_each_answer_is_the_direct_one_less_what_the_revision_has_no_word_for(self):
        self.maxDiff = None
        for revision in (FIRST, SECOND):
            for server in self.servers:
                direct = self.direct(server, revision)
                sent = [bare(direct.request(method, params)) for method, params in ASKED]
                wanted = [lowered(json.loads(json.dumps(answer)), revision) for answer in sent]
                # The servers do send it: what follows compares something.
                self.assertNotEqual(sent, wanted)
                for kind in (Through, LineAgent):
                    agent = kind(self.gateway, revision, server)
                    self.addCleanup(agent.close)
                    for (method, params), answer in zip(ASKED, wanted):
                        with self.subTest(server=server, agent=revision, transport=kind.__name__, method=method, params=params):
                            self.assertEqual(bare(agent.request(method, params)), answer)

    def test_what_is_an_error_directly_is_one_through_the_gateway(self):
        asked = [("resources/read", {"uri": "note://nowhere"}), ("prompts/get", {"name": "greet", "arguments": {}}),
                 ("prompts/get", {"name": "nothing"}), ("nonsense", {})]
        for revision in (FIRST, SECOND):
            for server in self.servers:
                direct, agent = self.direct(server, revision), Through(self.gateway, revision, server)
                self.addCleanup(agent.close)
                for method, params in asked:
                    with self.subTest(server=server, agent=revision, method=method):
                        self.assertIn("error", direct.request(method, params))
                        self.assertIn("error", agent.request(method, params))


if __name__ == "__main__":
    unittest.main()
