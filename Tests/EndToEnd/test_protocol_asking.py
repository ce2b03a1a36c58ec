"""What servers ask of agents: their model (sampling) and their folders (roots), judged like calls the other way round.

Servers of both lines of the official SDK; agents are the official client in each mode, and bytes of ours.
"""
import asyncio
import contextlib
import json
import subprocess
import threading
import unittest
import warnings

import mcp.types as types
from mcp import Client, MCPDeprecationWarning, MCPError
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from agents import LEGACY, META, MODERN, HTTPAgent, configuration, text_of
from harness import free_port
from test_protocol_whole import python
from upstreams import FIXTURES, ProtocolGateway

THINK, FOLDERS = "sampling/createMessage", "roots/list"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ABLE = {CAPABILITIES: {"sampling": {}, "roots": {}}}
MODES = ("auto", "legacy")


class Asking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        asks = {"sampling": {"max_tokens": 2000}, "roots": "agent"}
        lines = {release: {"command": [python(release), "/fixtures/asking_server.py", "stdio"],
                           "cage": {"read": {"/fixtures": "./fixtures"}}} for release in ("sdk", "sdk1")}
        port = free_port()
        process = subprocess.Popen([python("sdk1"), FIXTURES / "asking_server.py", "http", str(port)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        able = asks | {"sampling": {"max_tokens": 2000, "tools": True}}
        cls.asking = {"new": lines["sdk"] | able, "old": lines["sdk1"] | able,
                      "remote": {"url": f"http://127.0.0.1:{port}/mcp", **able}}
        servers = {**cls.asking, "closed": lines["sdk"], "told": lines["sdk"] | {"roots": ["/data/my docs", "/srv"]},
                   "limited": lines["sdk"] | asks, "unplaced": lines["sdk"] | asks}
        tools = [f"{server}.{name}" for server in servers for name in ("think", "folders", "plan")]
        tools += [f"{server}.{name}" for server in (*cls.asking, "limited") for name in (THINK, FOLDERS)]
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, tools, approvals={"hold": "20s"}, limits=[{"per": "agent", "tools": [f"limited.{THINK}"], "calls": "1/h"}]), accept=servers))

    @contextlib.asynccontextmanager
    async def client(self, mode, server, **more):
        async with create_mcp_http_client(headers={"Authorization": f"Bearer {self.gateway.secrets['bot']}"}) as http:
            async with Client(streamable_http_client(self.gateway.url(server), http_client=http), mode=mode, **more) as client:
                yield client

    async def use(self, mode, server, tool, arguments, answer="green", folder="/work/b"):
        """One call by the official client; its result, and the questions that came meanwhile."""
        asked = []

        async def sample(context, params):
            asked.append(params)
            return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text=answer), model="m-1")

        async def roots(context):
            asked.append(FOLDERS)
            return types.ListRootsResult(roots=[types.Root(uri="file:///work/a"), types.Root(uri=f"file://{folder}", name="b")])

        async with self.client(mode, server, sampling_callback=sample, list_roots_callback=roots) as client:
            return await client.call_tool(tool, arguments), asked

    def run_use(self, *arguments, **more):
        return asyncio.run(asyncio.wait_for(self.use(*arguments, **more), 60))

    def test_the_model_is_asked_in_the_servers_name(self):
        self.gateway.settle()  # what other tests had refused is in the log
        for server in self.asking:
            for mode in MODES:
                with self.subTest(server=server, mode=mode):
                    known = self.gateway.known_calls()
                    done, asked = self.run_use(mode, server, "think", {"question": "which color?"})
                    self.assertEqual(done.content[0].text, "m-1: green")
                    (question,) = asked
                    self.assertTrue(question.system_prompt.startswith(f"The server `{server}` wrote this request"), question)
                    self.assertTrue(question.system_prompt.endswith("\n\nbe brief"), question)
                    self.assertEqual((question.messages[0].content.text, question.max_tokens), ("which color?", 2000))
                    self.assertIsNone(question.include_context)
                    self.gateway.wait_for(lambda: [r["kind"] for r in self.gateway.records_besides(known, THINK)] == ["intent", "outcome"])
                    intent, outcome = self.gateway.records_besides(known, THINK)
                    self.assertIn("which color?", intent["detail"]["arguments"])
                    self.assertIn("green", outcome["detail"]["result"])

    async def use_tools(self, mode, server, answers, capability):
        """One call of `plan`; its result, and the questions the agent's model got."""
        asked = []

        async def sample(context, params):
            asked.append(params)
            return types.CreateMessageResultWithTools.model_validate(answers[len(asked) - 1])

        async with self.client(mode, server, sampling_callback=sample, sampling_capabilities=capability) as client:
            try:
                return await client.call_tool("plan", {"question": "what is 2 and 3?"}), asked
            except MCPError as error:  # a server of 2026-07-28 says what was not declared
                return error, asked

    ADDS = {"role": "assistant", "model": "m-1", "stopReason": "toolUse",
            "content": [{"type": "tool_use", "id": "u1", "name": "add", "input": {"a": 2, "b": 3}}]}
    SAYS = {"role": "assistant", "model": "m-1", "stopReason": "endTurn", "content": {"type": "text", "text": "five"}}
    TOOLS = types.SamplingCapability.model_validate({"tools": {}})

    def test_the_model_may_use_tools_of_the_server(self):
        self.gateway.settle()  # what other tests had refused is in the log
        for server in self.asking:
            for mode in MODES:
                with self.subTest(server=server, mode=mode):
                    known = self.gateway.known_calls()
                    done, asked = asyncio.run(asyncio.wait_for(self.use_tools(mode, server, [self.ADDS, self.SAYS], self.TOOLS), 60))
                    self.assertEqual(done.content[0].text, "m-1: five")
                    first, second = asked
                    self.assertEqual([tool.name for tool in first.tools], ["add"])
                    self.assertEqual(set(first.tools[0].input_schema["properties"]), {"a", "b"})
                    self.assertIn("The tools in it are that server's", first.system_prompt)
                    self.assertEqual([message.role for message in second.messages], ["user", "assistant", "user"])
                    self.assertEqual(second.messages[2].content[0].content[0].text, "5")
                    # Each question is judged by itself, and stands in the log before the server hears the answer.
                    records = self.gateway.records_besides(known, THINK)
                    self.assertEqual([r["kind"] for r in records], ["intent", "outcome"] * 2)
                    self.assertEqual([tool["name"] for tool in json.loads(records[0]["detail"]["arguments"])["tools"]], ["add"])
                    self.assertIn("tool_use", records[1]["detail"]["result"])

    def test_tools_are_for_models_that_were_declared_to_use_them_and_for_those_given(self):
        foreign = {**self.ADDS, "content": [{**self.ADDS["content"][0], "name": "delete"}]}
        undeclared = [("auto", "new", 0), ("auto", "unplaced", 0)]
        for mode in MODES:
            for server, answers, capability, count in (
                    ("new", [self.ADDS, self.SAYS], None, 0), ("unplaced", [self.ADDS, self.SAYS], self.TOOLS, 0),
                    ("new", [foreign], self.TOOLS, 1)):
                with self.subTest(mode=mode, server=server, count=count):
                    done, asked = asyncio.run(asyncio.wait_for(self.use_tools(mode, server, answers, capability), 60))
                    self.assertEqual((done.code if isinstance(done, MCPError) else done.is_error, len(asked)),
                                     (-32021 if (mode, server, count) in undeclared else True, count))

    def test_folders_are_asked_for_where_the_agent_has_some(self):
        for server in self.asking:
            for mode in MODES:
                with self.subTest(server=server, mode=mode):
                    done, asked = self.run_use(mode, server, "folders", {"depth": 1})
                    self.assertEqual((done.content[0].text, asked), ("file:///work/a file:///work/b", [FOLDERS]))

    def test_folders_that_are_written_are_told_without_asking(self):
        for mode in MODES:
            done, asked = self.run_use(mode, "told", "folders", {"depth": 1})
            self.assertEqual((done.content[0].text, asked), ("file:///data/my%20docs file:///srv", []))

    def test_what_is_answered_is_screened(self):
        token = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g"
        done, _ = self.run_use("auto", "new", "think", {"question": "which key?"}, answer=f"it is {token}")
        self.assertNotIn(token, done.content[0].text)
        self.assertIn("it is", done.content[0].text)

    def test_an_answer_that_names_a_denied_path_does_not_reach_the_server(self):
        for server in self.asking:
            with self.subTest(server=server):
                done, asked = self.run_use("auto", server, "folders", {"depth": 1}, folder="/home/u/.ssh")
                self.assertEqual(asked, [FOLDERS])
                self.assertNotIn(".ssh", done.content[0].text)
                self.assertNotIn("/work/a", done.content[0].text)

    def test_nothing_is_asked_that_nobody_wrote_or_declared(self):
        for revision in (*LEGACY, MODERN):
            for server, meta in (("closed", ABLE), ("new", None)):
                with self.subTest(revision=revision, server=server):
                    if revision != MODERN and meta:
                        continue  # a session declares at its opening; ours declares nothing
                    agent = HTTPAgent(self.gateway, revision, server)
                    got = agent.request("tools/call", {"name": "think", "arguments": {"question": "q"}},
                                        meta=meta if revision == MODERN else None)[-1]
                    agent.close()
                    self.assertTrue("error" in got or got["result"]["isError"], got)
        for name in (THINK, FOLDERS):
            agent = HTTPAgent(self.gateway, MODERN, "new")
            self.assertEqual(agent.request(name, {})[-1]["error"]["code"], -32601)
            self.assertEqual(agent.call(name)["error"]["code"], -32602)
            self.assertNotIn(name, [tool["name"] for tool in agent.request("tools/list")[-1]["result"]["tools"]])

    def test_rates_hold_for_questions(self):
        done, asked = self.run_use("auto", "limited", "think", {"question": "one"})
        self.assertEqual((done.content[0].text, len(asked)), ("m-1: green", 1))
        for mode in MODES:
            done, asked = self.run_use(mode, "limited", "think", {"question": "two"})
            self.assertEqual((done.is_error, asked), (True, []))

    def test_a_person_decides_where_nobody_placed_it(self):
        for mode in MODES:
            for verb, wanted in (("approve", "m-1: green"), ("deny", None)):
                with self.subTest(mode=mode, verb=verb):
                    def decide(verb=verb):
                        question = self.gateway.wait_for_question()
                        self.seen = question
                        self.gateway.decide("approvals", verb, question["ticket"])
                    person = threading.Thread(target=decide)
                    person.start()
                    done, asked = self.run_use(mode, "unplaced", "think", {"question": f"{verb} in {mode}?"})
                    person.join()
                    self.assertEqual(self.seen["tool"], f"unplaced.{THINK}")
                    self.assertEqual((None if done.is_error else done.content[0].text, len(asked)), (wanted, int(bool(wanted))))

    def test_a_bad_answer_goes_to_no_server(self):
        agent = HTTPAgent(self.gateway, MODERN, "new")
        call = {"name": "think", "arguments": {"question": "q"}}
        first = agent.request("tools/call", call, meta=ABLE)[-1]["result"]
        (key, question), = first["inputRequests"].items()
        self.assertEqual(question["method"], THINK)
        for answer in ({}, {"role": "assistant", "content": "text", "model": "m"}, {"action": "accept"}):
            got = agent.request("tools/call", {**call, "requestState": first["requestState"], "inputResponses": {key: answer}}, meta=ABLE)[-1]
            self.assertEqual(got["error"]["code"], -32602, got)
        good = {"role": "assistant", "content": {"type": "text", "text": "yes"}, "model": "m", "_meta": {"x": 1}}
        got = agent.request("tools/call", {**call, "requestState": first["requestState"], "inputResponses": {key: good}}, meta=ABLE)[-1]
        self.assertEqual(text_of(got), "m: yes")


if __name__ == "__main__":
    unittest.main()
