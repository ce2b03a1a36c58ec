"""Clients that others wrote: the official SDK in each of its modes, and its last handshake release."""
import asyncio
import contextlib
import json
import logging
import subprocess
import unittest
import warnings

from mcp import Client, MCPDeprecationWarning, MCPError, StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from agents import MODERN, HTTPAgent, configuration
from harness import BINARY, ROOT
from upstreams import FIXTURES, NAMES, REVISIONS, ProtocolGateway, hosted, journal, placed

MODES = {"auto": MODERN, "legacy": "2025-11-25", MODERN: MODERN}
# A page of ours holds 500 tools; `many` offers more than one.
MANY = 520


def text_of(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The client wonders about tools on pages it has not read, and about `ping`.
        logging.getLogger("client").setLevel(logging.ERROR)
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        servers = {"old": hosted("2024-11-05"), "new": hosted(MODERN), "many": hosted("2025-11-25", "many")}
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers)), accept=servers))

    @contextlib.asynccontextmanager
    async def client(self, mode, transport, server):
        token = self.gateway.secrets["bot"]
        if transport == "http":
            async with create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http:
                async with Client(streamable_http_client(self.gateway.url(server), http_client=http), mode=mode) as client:
                    yield client
            return
        arguments = ["connect"] + ([server] if server else []) + ["--token-file", str(self.gateway.folder / "bot.token")]
        async with Client(StdioServerParameters(command=str(BINARY), args=arguments, env={
                "GATEHOUSE_STATE": self.gateway.environment["GATEHOUSE_STATE"]}), mode=mode) as client:
            yield client

    def each_way(self, body, servers=("old", "new")):
        for mode in MODES:
            for transport in ("http", "connect"):
                for server in servers:
                    for prefix in ("", f"{server}__"):
                        with self.subTest(mode=mode, transport=transport, server=server, prefix=prefix):
                            async def run():
                                async with self.client(mode, transport, None if prefix else server) as client:
                                    await body(client, mode, prefix)
                            asyncio.run(asyncio.wait_for(run(), 60))

    def test_every_kind_of_result_progress_and_refusal(self):
        async def body(client, mode, prefix):
            self.assertEqual(client.protocol_version, MODES[mode])
            if mode != MODERN:  # Told to speak it, this client asks for no introduction.
                self.assertEqual(client.server_info.name, "gatehouse")
                self.assertIsNotNone(client.server_capabilities.tools)
                self.assertIsNone(client.server_capabilities.prompts)
            if mode == "legacy":
                await client.send_ping()

            async def call(name, **arguments):
                return await client.call_tool(prefix + name, arguments)
            self.assertEqual(json.loads(text_of(await call("echo", text="ü"))), {"text": "ü"})
            picture = (await call("picture", text="")).content
            self.assertEqual([block.type for block in picture], ["image", "audio", "resource"])
            self.assertEqual((await call("shape", text="")).structured_content, {"n": 1})
            failed = await call("fail", text="")
            self.assertTrue(failed.is_error)
            self.assertEqual(text_of(failed), "it failed")
            steps = []

            async def step(progress, total, message):
                steps.append((progress, total, message))
            done = await client.call_tool(prefix + "steps", {"count": 4}, progress_callback=step)
            self.assertEqual(text_of(done), "done")
            self.assertEqual(steps, [(n, 4, f"step {n}") for n in range(1, 5)])
            with self.assertRaises(MCPError) as caught:
                await call("nothing")
            self.assertEqual(caught.exception.error.code, -32602)
        self.each_way(body)

    def test_giving_up_reaches_the_server(self):
        async def body(client, mode, prefix):
            watcher = HTTPAgent(self.gateway, MODERN, "new")
            before = await asyncio.to_thread(journal, watcher)
            waiting = asyncio.create_task(client.call_tool(prefix + "wait", {"text": mode + prefix}))

            async def until(condition):
                while not condition(await asyncio.to_thread(journal, watcher)):
                    pass
            calls = lambda seen: [m for m in seen["received"] if m.get("params", {}).get("name") == "wait"]
            await until(lambda seen: len(calls(seen)) > len(calls(before)))
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            await until(lambda seen: len(seen["cancelled"]) > len(before["cancelled"]))
            after = await asyncio.to_thread(journal, watcher)
            self.assertEqual(after["cancelled"][-1], calls(after)[-1]["id"])
            self.assertEqual(text_of(await client.call_tool(prefix + "echo", {"text": "on"})), '{"text":"on"}')
        self.each_way(body, servers=("new",))

    def test_lists_of_many_pages(self):
        async def body(client, mode, prefix):
            names, cursor, pages = [], None, 0
            while True:
                page = await client.list_tools(cursor=cursor)
                names += [tool.name for tool in page.tools]
                cursor, pages = page.next_cursor, pages + 1
                if cursor is None:
                    break
            self.assertEqual(pages, 2)
            self.assertEqual(len(names), len(set(names)))
            offered = {f"{prefix}{name}" for name in NAMES} | {f"{prefix}tool{n}" for n in range(MANY)}
            self.assertLessEqual(offered, set(names))
        self.each_way(body, servers=("many",))

    def test_the_last_handshake_release(self):
        connect = ["connect", str(BINARY), "connect"]
        token = ["--token-file", str(self.gateway.folder / "bot.token")]
        for server in ("old", "new", "many"):
            for prefix in ("", f"{server}__"):
                for words in (["http", self.gateway.url(None if prefix else server), self.gateway.secrets["bot"]],
                              connect + ([] if prefix else [server]) + token):
                    with self.subTest(server=server, prefix=prefix, transport=words[0]):
                        done = subprocess.run(
                            [ROOT / ".venv/sdk1/bin/python", FIXTURES / "handshake_client.py", *words], capture_output=True, text=True,
                            timeout=120, env={**self.gateway.environment, "PREFIX": prefix}, cwd=self.gateway.folder)
                        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                        seen = json.loads(done.stdout)
                        total = (3 * len(NAMES) if prefix else len(NAMES)) + (MANY if prefix or server == "many" else 0)
                        self.assertEqual(seen, {
                            "revision": "2025-11-25", "tools": total, "pages": 1 + (total > 500), "echo": {"text": "ü"},
                            "kinds": ["image", "audio", "resource"], "structured": {"n": 1}, "failed": True,
                            "steps": [[n, 4, f"step {n}"] for n in range(1, 5)], "unknown": -32602, "called off": True})


if __name__ == "__main__":
    unittest.main()
