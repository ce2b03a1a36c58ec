"""What servers ask the person behind an agent: shown with its origin, answered once, refused unless written.

Servers of both lines of the official SDK, behind pipes and HTTP, with agents of each revision.
"""
import copy
import json
import subprocess
import unittest

from agents import LEGACY, META, MODERN, HTTPAgent, LineAgent, configuration, text_of
from harness import free_port
from test_protocol_whole import OFFERED, python
from upstreams import FIXTURES, ProtocolGateway

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ABLE = {CAPABILITIES: {"elicitation": {"form": {}, "url": {}}}}
ASK = {"name": "ask", "arguments": {"question": "which color?"}}
ACCEPT = {"action": "accept", "content": {"color": "green"}}


class Asked(HTTPAgent):
    """An agent over HTTP whose person answers as the test says."""

    answer = ACCEPT

    def send(self, message, headers=None):
        if message.get("method") == "initialize":
            message = copy.deepcopy(message)
            message["params"]["capabilities"] = {"elicitation": {}}
        return super().send(message, headers)

    def ask(self, params=ASK, answer=ACCEPT):
        """One call; what was asked meanwhile, and the response."""
        connection = self.start(self.message("tools/call", params))
        response, asked = connection.getresponse(), []
        for line in response:
            # The answer alone comes without a stream around it.
            text = line.removeprefix(b"data:").strip()
            if not line.startswith((b"data:", b"{")) or not text:
                continue
            message = json.loads(text)
            if message.get("method") == "elicitation/create":
                asked.append(message["params"])
                reply = {"jsonrpc": "2.0", "id": message["id"], **({"error": answer} if "code" in answer else {"result": answer})}
                assert self.send(reply)[0] == 202
            elif "method" not in message:
                break
        else:
            raise AssertionError("the stream ended")
        connection.close()
        return asked, message


class Input(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for release in ("sdk", "sdk1"):
            cls.servers[f"{release}-lines"] = {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                                               "cage": {"read": {"/fixtures": "./fixtures"}}, "elicitation": ["form"]}
            port = free_port()
            process = subprocess.Popen([python(release), FIXTURES / "whole_server.py", "http", str(port)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.terminate)
            cls.servers[f"{release}-http"] = {"url": f"http://127.0.0.1:{port}/mcp", "elicitation": ["form"]}
        cls.servers["closed"] = {key: value for key, value in cls.servers["sdk-lines"].items() if key != "elicitation"}
        tools = [f"{server}.{name}" for server in cls.servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(cls.servers, tools), accept=cls.servers))

    def agent(self, kind, revision, server=None):
        agent = kind(self.gateway, revision, server)
        self.addCleanup(agent.close)
        return agent

    def test_a_session_is_asked_on_the_stream_of_its_call(self):
        for server in ("sdk-lines", "sdk-http", "sdk1-lines", "sdk1-http"):
            for revision in LEGACY:
                for answer, wanted in ((ACCEPT, "accept: green"), ({"action": "decline"}, "decline: None"),
                                       ({"action": "cancel"}, "cancel: None"), ({"code": 1, "message": "x"}, "cancel: None")):
                    with self.subTest(server=server, agent=revision, answer=answer):
                        known = self.gateway.known_calls()
                        asked, done = self.agent(Asked, revision, server).ask(answer=answer)
                        self.assertEqual(text_of(done), wanted)
                        self.assertEqual([d["change"] for d in self.elicitations(known, "ask")], ["asked", "answered"])
                        self.assertEqual(self.elicitations(known, "ask")[1]["action"], answer.get("action", "none"))
                        self.assertNotIn("green", json.dumps(self.elicitations(known, "ask")))
                        self.assertEqual([q["message"] for q in asked], [f"The server `{server}` asks: which color?"])
                        self.assertEqual(asked[0]["requestedSchema"]["properties"]["color"]["type"], "string")

    def elicitations(self, known, tool):
        return [r["detail"] for r in self.gateway.records_besides(known, tool) if r["kind"] == "elicitation"]

    def required(self, agent, params=ASK, **more):
        return agent.request("tools/call", {**params, **more}, meta=ABLE)[-1]

    def test_a_request_of_its_own_is_told_what_to_bring(self):
        for server in ("sdk-lines", "sdk-http", "sdk1-lines", "sdk1-http"):
            with self.subTest(server=server):
                agent = self.agent(HTTPAgent, MODERN, server)
                known = self.gateway.known_calls()
                first = self.required(agent)["result"]
                self.assertEqual(first["resultType"], "input_required", first)
                (key, question), = first["inputRequests"].items()
                self.assertEqual(question["method"], "elicitation/create")
                self.assertEqual(question["params"]["message"], f"The server `{server}` asks: which color?")
                done = self.required(agent, requestState=first["requestState"], inputResponses={key: ACCEPT, "other": ACCEPT})
                self.assertEqual(text_of(done), "accept: green")
                # Each leg is a call of its own, and so is an answer to a server that waits during the one it has.
                wanted = (["intent", "elicitation", "elicitation", "intent", "outcome", "outcome"] if "sdk1" in server
                          else ["intent", "elicitation", "outcome"] + ["intent", "elicitation", "outcome"])
                self.gateway.wait_for(lambda: [r["kind"] for r in self.gateway.records_besides(known, "ask")] == wanted)
                self.assertEqual(self.elicitations(known, "ask"), [
                    {"change": "asked", "fields": ["color"], "message": f"The server `{server}` asks: which color?", "mode": "form"},
                    {"action": "accept", "change": "answered", "fields": ["color"]}])
                # What was answered is answered.
                again = self.required(agent, requestState=first["requestState"], inputResponses={key: ACCEPT})
                self.assertEqual("error" in again, "sdk1" in server)

    def test_a_state_is_good_for_the_same_request_of_the_same_agent_alone(self):
        agent = self.agent(HTTPAgent, MODERN, "sdk-lines")
        first = self.required(agent)["result"]
        state, (key,) = first["requestState"], first["inputRequests"]
        self.gateway.issue("eve")
        eve = HTTPAgent(self.gateway, MODERN, "sdk-lines", token="eve")
        other = {"name": "ask", "arguments": {"question": "which password?"}}
        for case, who, params, more in (
                ("other arguments", agent, other, {"requestState": state}),
                ("another tool", agent, {"name": "structured", "arguments": {"x": 1}}, {"requestState": state}),
                ("another agent", eve, ASK, {"requestState": state}),
                ("another endpoint", self.agent(HTTPAgent, MODERN), {**ASK, "name": "sdk-lines__ask"}, {"requestState": state}),
                ("one bit", agent, ASK, {"requestState": ("B" if state[40] == "A" else "A").join((state[:40], state[41:]))}),
                ("none", agent, ASK, {}), ("no text", agent, ASK, {"requestState": 7}), ("empty", agent, ASK, {"requestState": ""})):
            with self.subTest(case):
                error = self.required(who, params, inputResponses={key: ACCEPT}, **more)["error"]
                self.assertEqual((error["code"], error["message"]),
                                 (-32602, "the request state is unknown here; send the request without it"))
        for answer in (7, {}, {"action": "maybe"}, {"action": "accept", "content": 7}):
            with self.subTest(answer=answer):
                error = self.required(agent, requestState=state, inputResponses={key: answer})["error"]
                self.assertEqual(error["code"], -32602)

    def test_z_a_lockdown_holds_between_the_legs(self):
        for server in ("sdk-http", "sdk1-http"):
            with self.subTest(server=server):
                agent = self.agent(HTTPAgent, MODERN, server)
                first = self.required(agent)["result"]
                (key,) = first["inputRequests"]
                self.assertEqual(self.gateway.run("lockdown", f"server:{server}").returncode, 0)
                refused = self.required(agent, requestState=first["requestState"], inputResponses={key: ACCEPT})
                self.gateway.decide("lockdown", f"server:{server}", "--lift")
                self.assertNotIn("green", json.dumps(refused))
                self.assertTrue("error" in refused or refused["result"]["isError"], refused)

    def test_nothing_is_asked_that_nobody_wrote_or_declared(self):
        for server, meta in (("closed", ABLE), ("sdk-lines", None)):
            with self.subTest(server=server):
                got = self.agent(HTTPAgent, MODERN, server).request("tools/call", ASK, meta=meta)[-1]
                self.assertEqual(got["error"]["code"], -32021, got)
                self.assertIn("elicitation", got["error"]["data"]["requiredCapabilities"])
        asked, done = self.agent(Asked, LEGACY[-1], "closed").ask()
        self.assertEqual((asked, done["result"]["isError"]), ([], True))
        for revision in (LEGACY[-1], MODERN):
            for server in ("sdk1-lines", "sdk1-http"):
                got = self.agent(HTTPAgent, revision, server).request("tools/call", ASK)[-1]
                self.assertTrue(got["result"]["isError"], got)

    def test_pipes_carry_questions_too(self):
        agent = self.agent(LineAgent, MODERN, "sdk-lines")
        first = agent.request("tools/call", ASK, meta=ABLE)["result"]
        (key,) = first["inputRequests"]
        done = agent.request("tools/call", {**ASK, "requestState": first["requestState"], "inputResponses": {key: ACCEPT}}, meta=ABLE)
        self.assertEqual(text_of(done), "accept: green")


if __name__ == "__main__":
    unittest.main()
