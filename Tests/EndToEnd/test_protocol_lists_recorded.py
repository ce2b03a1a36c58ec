"""Lists go through the door too: each page is on the record."""
import unittest

from agents import LEGACY, MODERN, HTTPAgent, LineAgent, configuration
from test_protocol_whole import OFFERED, python
from upstreams import ProtocolGateway

METHODS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
MEMBERS = ("tools", "prompts", "resources", "resourceTemplates")


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = {"command": [python("sdk"), "/fixtures/whole_server.py", "stdio"], "cage": {"read": {"/fixtures": "./fixtures"}}}
        tools = [f"whole.{name}" for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration({"whole": server}, tools), accept=["whole"]))

    def listed(self, principal):
        self.gateway.settle()
        return [(r["detail"], r.get("server")) for r in self.gateway.records() if r["kind"] == "listed" and r["principal"] == principal]

    def test_each_list_is_on_the_record(self):
        for kind, revision, server in ((HTTPAgent, MODERN, "whole"), (HTTPAgent, LEGACY[-1], None), (LineAgent, MODERN, "whole")):
            with self.subTest(kind=kind.__name__, revision=revision):
                before, agent = len(self.listed("bot")), kind(self.gateway, revision, server)
                shown = []
                for method, member in zip(METHODS, MEMBERS):
                    answer = agent.request(method)
                    shown.append(len((answer[-1] if isinstance(answer, list) else answer)["result"][member]))
                agent.close()
                self.assertEqual(self.listed("bot")[before:], [
                    ({"first": 0, "method": method, "shown": count}, server) for method, count in zip(METHODS, shown)])


if __name__ == "__main__":
    unittest.main()
