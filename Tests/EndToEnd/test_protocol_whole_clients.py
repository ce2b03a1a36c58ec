"""Clients that others wrote use everything there is: the official SDK in each mode, its last handshake release, fastmcp."""
import asyncio
import contextlib
import json
import logging
import subprocess
import unittest
import warnings

import mcp.types as types
from mcp import Client, MCPDeprecationWarning
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from agents import MODERN, configuration
from harness import ROOT
from test_protocol_whole import OFFERED, python
from upstreams import FIXTURES, ProtocolGateway

MODES = {"auto": MODERN, "legacy": "2025-11-25", MODERN: MODERN}
COLOR = "accept: green"


class WholeClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("client").setLevel(logging.ERROR)
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        servers = {release: {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                             "cage": {"read": {"/fixtures": "./fixtures"}}, "elicitation": ["form"]} for release in ("sdk", "sdk1")}
        tools = [f"{server}.{name}" for server in servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, tools), accept=servers))

    @contextlib.asynccontextmanager
    async def client(self, mode, server, **more):
        async with create_mcp_http_client(headers={"Authorization": f"Bearer {self.gateway.secrets['bot']}"}) as http:
            async with Client(streamable_http_client(self.gateway.url(server), http_client=http), mode=mode, **more) as client:
                yield client

    def test_the_official_client_in_each_mode(self):
        for mode, revision in MODES.items():
            for server in ("sdk", "sdk1"):
                with self.subTest(mode=mode, server=server):
                    asyncio.run(asyncio.wait_for(self.use(mode, server, revision), 60))

    async def use(self, mode, server, revision):
        asked, told = [], asyncio.Event()

        async def elicit(context, params):
            asked.append(params.message)
            return types.ElicitResult(action="accept", content={"color": "green"})

        async def heard(message):
            if isinstance(getattr(message, "root", message), types.ResourceUpdatedNotification):
                told.set()

        async with self.client(mode, server, elicitation_callback=elicit, message_handler=heard) as client:
            self.assertEqual(client.protocol_version, revision)
            self.assertEqual({p.name for p in (await client.list_prompts()).prompts}, {"greet", "bare", "illustrated"})
            got = await client.get_prompt("greet", {"name": "Ada"})
            self.assertEqual(got.messages[0].content.text, "say something kind to Ada")
            self.assertEqual({r.uri for r in (await client.list_resources()).resources}, {"note://plain", "note://binary"})
            self.assertEqual((await client.read_resource("note://plain")).contents[0].text, "a plain note")
            templates = (await client.list_resource_templates()).resource_templates
            self.assertEqual([t.uri_template for t in templates], ["note://by/{author}/{title}"])
            self.assertEqual((await client.read_resource("note://by/ana/first")).contents[0].text, "first by ana")
            done = await client.complete(types.PromptReference(type="ref/prompt", name="greet"), {"name": "tone", "value": "ki"})
            self.assertEqual(done.completion.values, ["kind", "kinder"])
            answer = await client.call_tool("ask", {"question": "which color?"})
            self.assertEqual(answer.content[0].text, COLOR)
            self.assertEqual(asked, [f"The server `{server}` asks: which color?"])
            if revision == MODERN:
                async with client.listen(resource_subscriptions=["note://plain"]) as heard:
                    await client.call_tool("touch", {"uri": "note://plain"})
                    async for event in heard:
                        self.assertEqual(event.uri, "note://plain")
                        break
            else:
                await client.subscribe_resource("note://plain")
                await client.call_tool("touch", {"uri": "note://plain"})
                await asyncio.wait_for(told.wait(), 30)

    def test_the_last_handshake_client(self):
        for server in ("sdk", "sdk1"):
            with self.subTest(server=server):
                done = subprocess.run([python("sdk1"), FIXTURES / "whole_client.py", self.gateway.url(server), self.gateway.secrets["bot"]],
                                      capture_output=True, text=True, timeout=90)
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                self.assertEqual(json.loads(done.stdout), {
                    "revision": "2025-11-25", "prompts": ["bare", "greet", "illustrated"], "prompt": "say something kind to Ada",
                    "resources": ["note://binary", "note://plain"], "read": "a plain note",
                    "templates": ["note://by/{author}/{title}"], "completion": ["kind", "kinder"], "logs": ["loud words"],
                    "asked": COLOR, "question": [f"The server `{server}` asks: which color?"], "updated": "note://plain"})

    def test_fastmcp(self):
        script = """
import asyncio, json, sys
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
async def main():
    async def elicit(message, response_type, params, context):
        return response_type(color="green")
    transport = StreamableHttpTransport(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
    async with Client(transport, elicitation_handler=elicit) as client:
        print(json.dumps({
            "prompts": sorted(p.name for p in await client.list_prompts()),
            "prompt": (await client.get_prompt("greet", {"name": "Ada"})).messages[0].content.text,
            "resources": sorted(str(r.uri) for r in await client.list_resources()),
            "read": (await client.read_resource("note://plain"))[0].text,
            "asked": (await client.call_tool("ask", {"question": "q"})).content[0].text}))
asyncio.run(main())
"""
        for server in ("sdk", "sdk1"):
            with self.subTest(server=server):
                done = subprocess.run([python("sdk"), "-c", script, self.gateway.url(server), self.gateway.secrets["bot"]],
                                      capture_output=True, text=True, timeout=90)
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                self.assertEqual(json.loads(done.stdout), {
                    "prompts": ["bare", "greet", "illustrated"], "prompt": "say something kind to Ada",
                    "resources": ["note://binary", "note://plain"], "read": "a plain note", "asked": COLOR})


if __name__ == "__main__":
    unittest.main()
