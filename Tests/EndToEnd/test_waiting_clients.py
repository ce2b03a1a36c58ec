"""The official SDK's clients wait for a person: in legs, by way of a page, and by the old ticket."""
import asyncio
import contextlib
import datetime
import logging
import subprocess
import unittest
import warnings

import mcp.types as types
from mcp import Client, MCPDeprecationWarning
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from agents import MODERN
from harness import VENV
from people import CONSOLE, People

# The shortest hold that makes legs, and shorter than a person takes below.
BRIEF = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 5s, expiry: 300s")
OLD = """
import asyncio, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
async def main(url, token, name):
    async with streamablehttp_client(url, headers={"Authorization": "Bearer " + token}) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            for line in sys.stdin:
                result = await session.call_tool("destroy", {"name": name})
                print(repr("".join(block.text for block in result.content)), flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("client").setLevel(logging.ERROR)
        cls.enterClassContext(warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning))
        cls.gateway = cls.enterClassContext(People(BRIEF))

    def tearDown(self):
        for question in self.gateway.waiting():
            self.gateway.decide("approvals", "deny", question["ticket"])

    @contextlib.asynccontextmanager
    async def client(self, **more):
        async with create_mcp_http_client(headers={"Authorization": f"Bearer {self.gateway.secrets['bot']}"}) as http:
            async with Client(streamable_http_client(self.gateway.url("shop"), http_client=http), mode=MODERN, **more) as client:
                yield client

    def done(self, name):
        log = self.gateway.folder / "out/done.log"
        return log.read_text().splitlines().count(f"destroy {name}") if log.exists() else 0

    def text(self, result):
        return "\n".join(block.text for block in result.content)

    def test_a_client_of_2026_07_28_goes_from_leg_to_leg_until_a_person_answered(self):
        async def run():
            async with self.client() as client:
                call = asyncio.create_task(client.call_tool("destroy", {"name": "legs"}))
                question = await asyncio.to_thread(self.gateway.wait_for_question)
                # Longer than the first hold: the client is in its second leg.
                asked = datetime.datetime.fromisoformat(question["asked"])
                now = lambda: datetime.datetime.now(datetime.UTC)
                await asyncio.to_thread(self.gateway.wait_for, lambda: (now() - asked).total_seconds() > 6)
                self.assertEqual((self.done("legs"), call.done()), (0, False))
                await asyncio.to_thread(self.gateway.decide, "approvals", "approve", question["ticket"])
                return await call
        self.assertIn("destroyed legs", self.text(asyncio.run(asyncio.wait_for(run(), 60))))
        self.assertEqual(self.done("legs"), 1)

    def test_a_client_that_can_open_pages_is_led_to_the_question_and_its_yes_is_none(self):
        pages = []

        async def open_page(context, params):
            pages.append(params)
            return types.ElicitResult(action="accept")

        async def run():
            async with self.client(elicitation_callback=open_page) as client:
                call = asyncio.create_task(client.call_tool("destroy", {"name": "page"}))
                question = await asyncio.to_thread(self.gateway.wait_for_question)
                await asyncio.to_thread(self.gateway.wait_for, lambda: pages)
                self.assertEqual(pages[0].url, f"{self.gateway.site}/#/approvals/{question['ticket']}")
                self.assertEqual((self.done("page"), call.done()), (0, False))
                await asyncio.to_thread(self.gateway.decide, "approvals", "approve", question["ticket"])
                return await call
        self.assertIn("destroyed page", self.text(asyncio.run(asyncio.wait_for(run(), 60))))
        self.assertEqual((self.done("page"), len(pages)), (1, 1))

    def test_the_last_handshake_client_is_given_a_ticket_and_calls_again(self):
        old = subprocess.Popen([VENV / "sdk1/bin/python", "-c", OLD, self.gateway.url("shop"), self.gateway.secrets["bot"], "old"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.gateway.environment)
        try:
            def call():
                old.stdin.write("\n")
                old.stdin.flush()
                return old.stdout.readline()
            first = call()
            ticket = self.gateway.wait_for_question()["ticket"]
            self.assertIn(ticket, first)
            self.gateway.decide("approvals", "approve", ticket)
            self.assertEqual(self.done("old"), 0)
            self.assertIn("destroyed old", call())
            self.assertEqual(self.done("old"), 1)
        finally:
            old.stdin.close()
            old.terminate()
            old.wait(timeout=30)
            old.stdout.close()


if __name__ == "__main__":
    unittest.main()
