"""An agent that lost a stream of its session comes back to it: what it missed is told once, and to nobody else."""
import asyncio
import contextlib
import json
import socket
import threading
import unittest
import warnings

import mcp.types as types
from mcp import Client, MCPDeprecationWarning
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from agents import HTTPAgent, configuration, initialize, text_of
from refusal_words import GONE
from test_protocol_asking import THINK
from test_protocol_whole import OFFERED, python
from upstreams import ProtocolGateway

REVISION = "2025-11-25"
UNKEPT = {"code": -32600, "message": "what came after this event is not kept; send the request again"}
ANSWER = {"role": "assistant", "content": {"type": "text", "text": "green"}, "model": "m"}


class Able(HTTPAgent):
    """An agent with a model."""

    def send(self, message, headers=None):
        if message.get("method") == "initialize":
            message = {**message, "params": {**initialize(self.revision), "capabilities": {"sampling": {}}}}
        return super().send(message, headers)


def events(response, until):
    """Events of a stream as (id, message), up to the one that `until` accepts."""
    id, data, found = None, None, []
    for line in response:
        line = line.rstrip(b"\r\n")
        if line.startswith(b"id:"):
            id = line[3:].strip().decode()
        elif line.startswith(b"data:"):
            data = line[5:].strip()
        elif not line and data is not None:
            found.append((id, json.loads(data) if data else None))
            id, data = None, None
            if until(found[-1][1]):
                return found
    return found


class Cutting:
    """Stands between a client and the gateway, and cuts the first connection on which the server asks something."""

    def __init__(self, port):
        self.target, self.cuts, self.ends, self.pumps = port, 0, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pumps.append(threading.Thread(target=self.accept))
        self.pumps[0].start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.ends += [client, server]
            for pair in ((client, server, False), (server, client, True)):
                self.pumps.append(threading.Thread(target=self.pump, args=pair))
                self.pumps[-1].start()

    def pump(self, source, sink, mayCut):
        try:
            while piece := source.recv(1 << 16):
                sink.sendall(piece)
                if mayCut and not self.cuts and THINK.encode() in piece:
                    self.cuts += 1
                    break
        except OSError:
            pass
        self.end(source, sink)

    @staticmethod
    def end(*ends):
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.end(self.listener)
        self.pumps[0].join()
        self.end(*self.ends)
        for pump in self.pumps:
            pump.join()
        for end in (self.listener, *self.ends):
            end.close()


class Kept(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        server = lambda name: {"command": [python("sdk"), f"/fixtures/{name}_server.py", "stdio"], "cage": {"read": {"/fixtures": "./fixtures"}}}
        servers = {"asking": server("asking") | {"sampling": {}}, "whole": server("whole")}
        tools = ["asking.think", f"asking.{THINK}", *(f"whole.{name}" for name in OFFERED)]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, tools), accept=servers, tokens=("bot", "eve")))

    def agent(self, server="asking", **more):
        agent = Able(self.gateway, REVISION, server, **more)
        self.addCleanup(agent.close)
        return agent

    def get(self, agent, last=None):
        connection = agent.start({}, {"Last-Event-ID": last, "Accept": "text/event-stream"}, method="GET")
        self.addCleanup(connection.close)
        return connection, connection.getresponse()

    def lose(self, agent):
        """Begins a call, loses its stream after the question, and answers it; the ids of what came."""
        connection = agent.start(agent.message("tools/call", {"name": "think", "arguments": {"question": "q"}}, id="call"))
        came = events(connection.getresponse(), lambda message: message and message.get("method") == THINK)
        connection.close()
        self.assertIsNone(came[0][1], came)  # an id before the first message
        self.answered = {"jsonrpc": "2.0", "id": came[-1][1]["id"], "result": ANSWER}
        return [id for id, _ in came]

    def is_answer(self, message):
        return bool(message) and message.get("id") == "call"

    def test_the_answer_is_there_for_who_comes_back_before_or_after_it(self):
        for early in (True, False):
            with self.subTest(early=early):
                agent = self.agent()
                opening, question = self.lose(agent)
                if not early:
                    self.assertEqual(agent.send(self.answered)[0], 202)
                connection, response = self.get(agent, question)
                self.assertEqual(response.status, 200)
                if early:
                    self.assertEqual(agent.send(self.answered)[0], 202)
                came = events(response, self.is_answer)
                self.assertEqual([text_of(message) for _, message in came], ["m: green"])
                self.assertEqual(response.read(), b"")  # the stream ends with its answer
                # As often as it is lost, and from wherever.
                _, again = self.get(agent, opening)
                self.assertEqual([id for id, _ in events(again, self.is_answer)], [question, came[0][0]])

    def test_a_stream_is_its_sessions_alone(self):
        agent = self.agent()
        _, question = self.lose(agent)
        number, sequence = question.split("-")
        for case, who, last, status in (
                ("another session", self.agent(), question, 400), ("another agent", self.agent(token="eve"), question, 400),
                ("no such stream", agent, f"{int(number) + 1000}-{sequence}", 400), ("not yet sent", agent, f"{number}-99", 400),
                ("no id", agent, "x", 400), ("a sign", agent, f"+{question}", 400), ("too long", agent, "1" * 50, 400)):
            with self.subTest(case):
                response = self.get(who, last)[1]
                self.assertEqual((response.status, json.loads(response.read())["error"]), (status, UNKEPT))
        eve = self.agent(token="eve")
        eve.session, mine = agent.session, eve.session
        response = self.get(eve, question)[1]
        self.assertEqual((response.status, json.loads(response.read())["error"]), (404, {"code": -32600, "message": GONE}))
        eve.session = mine
        # Whoever tried, the stream is there for its own agent, and its call goes on.
        self.assertEqual(agent.send(self.answered)[0], 202)
        came = events(self.get(agent, question)[1], self.is_answer)
        self.assertEqual([text_of(message) for _, message in came], ["m: green"])
        agent.close()
        response = self.get(agent, question)[1]
        self.assertEqual((response.status, json.loads(response.read())["error"]), (404, {"code": -32600, "message": GONE}))
        self.assertEqual(eve.request("ping")[-1]["result"], {})

    def test_who_lost_the_sessions_stream_looks_again(self):
        agent = self.agent("whole")
        self.assertIn("result", agent.request("resources/subscribe", {"uri": "note://plain"})[-1])
        connection, response = self.get(agent)
        (opening, nothing), = events(response, lambda message: True)
        self.assertIsNone(nothing)
        response.close()
        connection.close()
        connection, response = self.get(agent, opening)
        came = events(response, lambda message: message and message["method"] == "notifications/resources/updated")
        self.assertEqual(came[-1][1]["params"]["uri"], "note://plain")
        response.close()

    def test_the_official_client_gets_its_answer_over_a_cut(self):
        cutting = Cutting(self.gateway.port)
        self.addCleanup(cutting.close)

        async def sample(context, params):
            return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="green"), model="m")

        async def use():
            headers = {"Authorization": f"Bearer {self.gateway.secrets['bot']}", "Host": f"127.0.0.1:{self.gateway.port}"}
            async with create_mcp_http_client(headers=headers) as http:
                transport = streamable_http_client(f"http://127.0.0.1:{cutting.port}/mcp/asking", http_client=http)
                async with Client(transport, mode="legacy", sampling_callback=sample) as client:
                    return await client.call_tool("think", {"question": "q"})

        done = asyncio.run(asyncio.wait_for(use(), 60))
        self.assertEqual((done.content[0].text, cutting.cuts), ("m: green", 1))


if __name__ == "__main__":
    unittest.main()
