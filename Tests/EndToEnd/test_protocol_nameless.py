"""Errors of servers that say no id: what a request is answered whose id could not be read (JSON-RPC 2.0, section 5)."""
import json
import unittest

from agents import HTTPAgent, configuration, text_of
from upstreams import REVISIONS, ProtocolGateway, hosted, journal, placed, remote, scripted


class Nameless(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {f"n{number}": revision for number, revision in enumerate(REVISIONS, 1)}
        servers = {name: hosted(revision, "nameless") for name, revision in cls.servers.items()}
        servers |= {"words": hosted("2025-11-25", "answers-words")}
        cls.far = cls.enterClassContext(scripted.HTTPUpstream("2025-11-25"))
        servers["far"] = remote(cls.far)
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(servers, placed(*servers), limits=[]), accept=servers))

    def agent(self, server):
        agent = HTTPAgent(self.gateway, "2025-11-25", server)
        self.addCleanup(agent.close)
        return agent

    def test_it_is_the_answer_to_the_only_request(self):
        for server, revision in self.servers.items():
            with self.subTest(upstream=revision):
                result = self.agent(server).call("echo", text="yes")["result"]
                self.assertTrue(result["isError"], result)
                self.assertIn("not readable", json.dumps(result))

    def test_of_several_requests_it_is_nobodys_and_said(self):
        for server, revision in self.servers.items():
            with self.subTest(upstream=revision):
                agent, other = self.agent(server), self.agent(server)
                connection = other.start(other.message("tools/call", {"name": "wait", "arguments": {"text": ""}}, id="held"))
                self.addCleanup(connection.close)
                self.gateway.wait_for(lambda: any(
                    m.get("method") == "tools/call" and m["params"]["name"] == "wait" for m in journal(agent)["received"]))
                self.assertEqual(text_of(agent.call("echo", text="yes")), "yes")
                self.assertIn(f"server {server}: answered with an error (-32700) and did not say what", self.gateway.log_text())

    def test_a_server_that_answers_notifications_is_listed_and_called(self):
        agent = self.agent("words")
        for _ in range(3):
            self.assertEqual(json.loads(text_of(agent.call("echo", text="on"))), {"text": "on"})

    def test_on_a_requests_own_response_it_is_about_that_request(self):
        self.far.raw = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not readable"}}'
        self.addCleanup(setattr, self.far, "raw", None)
        result = self.agent("far").call("echo", text="yes")["result"]
        self.assertTrue(result["isError"], result)
        self.assertIn("not readable", json.dumps(result))

    def test_what_something_in_between_may_have_said_is_no_answer_of_the_server(self):
        self.far.raw = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"from in between"}}'
        self.addCleanup(setattr, self.far, "raw", None)
        self.addCleanup(setattr, self.far, "raw_status", 200)
        for status, said in ((499, "from in between"), (500, "gave no answer (fault)"), (502, "gave no answer (fault)"),
                             (401, "does not take the credential"), (403, "does not take the credential")):
            with self.subTest(status=status):
                self.far.raw_status = status
                text = json.dumps(self.agent("far").call("echo", text=f"{status}")["result"])
                self.assertIn(said, text)
                self.assertEqual("from in between" in text, said == "from in between")


if __name__ == "__main__":
    unittest.main()
