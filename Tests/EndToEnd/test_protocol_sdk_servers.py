"""Servers that others wrote: the official SDK of today and its last handshake release, both ways."""
import subprocess
import unittest

from agents import LEGACY, MODERN, HTTPAgent, LineAgent, configuration, text_of
from harness import ROOT, free_port
from upstreams import FIXTURES, ProtocolGateway, placed

TOOLS = ["add", "picture", "fail", "steps"]


class SDKServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        servers = {}
        for release in ("sdk", "sdk1"):
            python = f"{ROOT}/.venv/{release}/bin/python"
            servers[f"{release}-lines"] = {"command": [python, "/fixtures/sdk_server.py", "stdio"],
                                           "cage": {"read": {"/fixtures": "./fixtures"}}}
            for answers in ("sse", "json"):
                port = free_port()
                process = subprocess.Popen([python, FIXTURES / "sdk_server.py", "http", str(port), answers],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                cls.addClassCleanup(process.wait)
                cls.addClassCleanup(process.terminate)
                servers[f"{release}-{answers}"] = {"url": f"http://127.0.0.1:{port}/mcp"}
        # Those over HTTP may come up after the gateway: they are asked again until they are there.
        cls.servers = servers
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, placed(*servers, names=TOOLS)), accept=servers))

    def test_each_is_called_by_agents_of_each_revision(self):
        for server in self.servers:
            for revision in (*LEGACY, MODERN):
                for kind in (HTTPAgent, LineAgent):
                    with self.subTest(server=server, agent=revision, transport=kind.__name__):
                        agent = kind(self.gateway, revision, server)
                        added = agent.call("add", a=2, b=40)["result"]
                        self.assertEqual(added["structuredContent"], {"total": 42})
                        self.assertIn("42", added["content"][0]["text"])
                        self.assertEqual(agent.call("picture", size=9)["result"]["content"][0]["type"], "image")
                        failed = agent.call("fail", text="on purpose")["result"]
                        self.assertTrue(failed["isError"])
                        self.assertIn("Error executing tool fail", failed["content"][0]["text"])
                        got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}}, meta={"progressToken": "t"})
                        steps, done = (got[:-1], got[-1]) if kind is HTTPAgent else (agent.kept, got)
                        self.assertEqual(text_of(done), "done")
                        # Answers as JSON have no room for progress.
                        wanted = [] if server.endswith("json") else [1, 2, 3]
                        self.assertEqual([step["params"]["progress"] for step in steps], wanted)
                        agent.close()


if __name__ == "__main__":
    unittest.main()
