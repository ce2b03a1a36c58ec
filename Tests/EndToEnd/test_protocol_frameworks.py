"""Frameworks that agents are built with: FastMCP's client, Pydantic AI's toolset, LangChain's adapters."""
import asyncio
import json
import logging
import subprocess
import unittest
import warnings

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp import MCPDeprecationWarning, MCPError
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

from agents import MODERN, configuration
from harness import BINARY, ROOT
from upstreams import FIXTURES, NAMES, ProtocolGateway, hosted, placed

SERVERS = {"old": "2024-11-05", "new": MODERN}


class Frameworks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("client").setLevel(logging.ERROR)
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        servers = {name: hosted(revision) for name, revision in SERVERS.items()}
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers)), accept=servers))

    def transport(self, kind, server):
        """The way to one server, or to all of them."""
        if kind == "http":
            return StreamableHttpTransport(self.gateway.url(server), headers={"Authorization": f"Bearer {self.gateway.secrets['bot']}"})
        words = ["connect"] + ([server] if server else []) + ["--token-file", str(self.gateway.folder / "bot.token")]
        return StdioTransport(str(BINARY), words, env={"GATEHOUSE_STATE": self.gateway.environment["GATEHOUSE_STATE"]}, keep_alive=False)

    def ways(self):
        for kind in ("http", "connect"):
            for server in SERVERS:
                for prefix in ("", f"{server}__"):
                    yield kind, server, prefix

    def test_fastmcp(self):
        async def use(client, prefix):
            async with client:
                names = {tool.name for tool in await client.list_tools()}
                self.assertLessEqual({prefix + name for name in NAMES}, names)
                self.assertEqual(len(names), len(NAMES) * (2 if prefix else 1))
                echoed = await client.call_tool(prefix + "echo", {"text": "ü"})
                self.assertEqual(json.loads(echoed.content[0].text), {"text": "ü"})
                self.assertEqual((await client.call_tool(prefix + "shape", {"text": ""})).structured_content, {"n": 1})
                kinds = [block.type for block in (await client.call_tool(prefix + "picture", {"text": ""})).content]
                self.assertEqual(kinds, ["image", "audio", "resource"])
                with self.assertRaisesRegex(ToolError, "it failed"):
                    await client.call_tool(prefix + "fail", {"text": ""})
                steps = []

                async def step(progress, total, message):
                    steps.append((progress, total, message))
                await client.call_tool(prefix + "steps", {"count": 3}, progress_handler=step)
                self.assertEqual(steps, [(n, 3, f"step {n}") for n in (1, 2, 3)])
                with self.assertRaises(MCPError):
                    await client.call_tool(prefix + "nothing", {})
        for mode in ("auto", "legacy", MODERN):
            for kind, server, prefix in self.ways():
                with self.subTest(mode=mode, transport=kind, server=server, prefix=prefix):
                    client = Client(self.transport(kind, None if prefix else server), mode=mode)
                    asyncio.run(asyncio.wait_for(use(client, prefix), 60))

    def test_pydantic_ai(self):
        """An agent whose model is a script: it calls two tools, one of which fails, and reads what they say."""
        async def use(client, prefix):
            toolset = MCPToolset(client)
            seen = []

            def model(messages, info):
                seen.append({tool.name for tool in info.function_tools})
                if len(messages) == 1:
                    return ModelResponse([ToolCallPart(prefix + "echo", {"text": "ü"}), ToolCallPart(prefix + "shape", {"text": ""})])
                returned = {part.tool_name: part.content for part in messages[-1].parts if isinstance(part, ToolReturnPart)}
                return ModelResponse([TextPart(json.dumps(returned, default=str, sort_keys=True))])
            async with toolset:
                result = await Agent(FunctionModel(model), toolsets=[toolset]).run("use the tools")
                said = json.loads(result.output)
                self.assertEqual(said[prefix + "echo"], {"text": "ü"})
                self.assertEqual(said[prefix + "shape"], {"n": 1})
                self.assertLessEqual({prefix + name for name in NAMES}, seen[0])
                with self.assertRaisesRegex(ModelRetry, "it failed"):
                    await toolset.direct_call_tool(prefix + "fail", {"text": ""})
        for kind, server, prefix in self.ways():
            with self.subTest(transport=kind, server=server, prefix=prefix):
                asyncio.run(asyncio.wait_for(use(self.transport(kind, None if prefix else server), prefix), 60))

    def test_langchain(self):
        """It lives in the environment of the last handshake release."""
        token = ["--token-file", str(self.gateway.folder / "bot.token")]
        for kind, server, prefix in self.ways():
            with self.subTest(transport=kind, server=server, prefix=prefix):
                way = None if prefix else server
                words = ["http", self.gateway.url(way), self.gateway.secrets["bot"]] if kind == "http" else \
                    ["connect", str(BINARY), "connect", *([way] if way else []), *token]
                done = subprocess.run([ROOT / ".venv/sdk1/bin/python", FIXTURES / "langchain_client.py", *words],
                                      capture_output=True, text=True, timeout=120, cwd=self.gateway.folder,
                                      env={**self.gateway.environment, "PREFIX": prefix})
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                self.assertEqual(json.loads(done.stdout), {
                    "tools": len(NAMES) * (2 if prefix else 1), "echo": {"text": "ü"}, "structured": {"n": 1}, "failed": True})


if __name__ == "__main__":
    unittest.main()
