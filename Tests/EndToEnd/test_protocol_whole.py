"""Everything but tools: prompts, resources, templates, completions, through the gateway as without it.

The fixture stands on the official SDK; what it answers when asked directly is compared, field by
field, with what comes through the gateway with a policy in force.
"""
import json
import subprocess
import unittest

from agents import LEGACY, META, MODERN, HTTPAgent, LineAgent, configuration
from harness import ROOT, free_port
from upstreams import FIXTURES, ProtocolGateway

RELEASES = ("sdk", "sdk1")
OFFERED = ["mixed", "structured", "fail", "chatter", "touch", "grow", "ask", "prompts/greet", "prompts/bare", "prompts/illustrated",
           "resources/read", "completion/complete"]


def python(release):
    return f"{ROOT}/.venv/{release}/bin/python"


class Direct:
    """An agent that speaks to the fixture itself, over standard input."""

    def __init__(self, release, revision):
        self.revision, self.next = revision, 0
        self.process = subprocess.Popen([python(release), FIXTURES / "whole_server.py", "stdio"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if revision != MODERN:
            self.opening = self.request("initialize", {"protocolVersion": revision, "capabilities": {},
                                                       "clientInfo": {"name": "direct", "version": "1"}})["result"]
            self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    message = HTTPAgent.message

    def write(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method, params=None):
        message = self.message(method, params)
        self.write(message)
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == message["id"]:
                return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.terminate()
        self.process.wait()


class Through(HTTPAgent):
    def request(self, method, params=None, headers=None, **more):
        # `Mcp-Name` mirrors a resource's URI as it does a name.
        if self.revision == MODERN and method == "resources/read":
            headers = {"Mcp-Name": params.get("uri")}
        return super().request(method, params, headers, **more)[-1]


def configured(servers, **top):
    """A configuration whose tools are placed as the test says."""
    text = json.dumps({"gatehouse": 1, "environment": "staging", "listen": {"mcp": "127.0.0.1:PORT"}, "servers": servers, **top})
    return text.replace("{", "{{").replace("}", "}}").replace("PORT", "{port}")


def bare(answer):
    """An answer without what each sender says of itself."""
    answer = {key: value for key, value in answer.items() if key not in ("id", "jsonrpc")}
    if "result" in answer:
        answer["result"] = {key: value for key, value in answer["result"].items()
                            if key not in ("_meta", "ttlMs", "cacheScope", "resultType") and value is not None}
        for member in ("tools", "prompts", "resources", "resourceTemplates"):
            if member in answer["result"]:
                answer["result"][member].sort(key=lambda item: item.get("name") + item.get("uri", ""))
    return answer


ASKED = [
    ("tools/list", {}), ("prompts/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
    ("prompts/get", {"name": "greet", "arguments": {"name": "Ada", "tone": "rude"}}),
    ("prompts/get", {"name": "bare"}), ("prompts/get", {"name": "illustrated"}),
    ("resources/read", {"uri": "note://plain"}), ("resources/read", {"uri": "note://binary"}),
    ("resources/read", {"uri": "note://by/ana/first"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "tone", "value": "ki"}}),
    ("completion/complete", {"ref": {"type": "ref/resource", "uri": "note://by/{author}/{title}"},
                             "argument": {"name": "title", "value": ""}, "context": {"arguments": {"author": "ana"}}}),
    ("tools/call", {"name": "mixed", "arguments": {"count": 1}}), ("tools/call", {"name": "structured", "arguments": {"x": 7}}),
    ("tools/call", {"name": "fail", "arguments": {"text": "on purpose"}}),
]


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for release in RELEASES:
            cls.servers[f"{release}-lines"] = {"command": [python(release), "/fixtures/whole_server.py", "stdio"],
                                               "cage": {"read": {"/fixtures": "./fixtures"}}}
            port = free_port()
            process = subprocess.Popen([python(release), FIXTURES / "whole_server.py", "http", str(port)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.terminate)
            cls.servers[f"{release}-http"] = {"url": f"http://127.0.0.1:{port}/mcp"}
        tools = [f"{server}.{name}" for server in cls.servers for name in OFFERED]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(cls.servers, tools), accept=cls.servers))

    def agent(self, kind, revision, server=None):
        agent = kind(self.gateway, revision, server)
        self.addCleanup(agent.close)
        return agent

    def test_each_answer_is_the_one_of_a_direct_connection(self):
        self.maxDiff = None
        for revision in (*LEGACY, MODERN):
            direct = {}
            for release in RELEASES:
                # The older release has no modern revision; translated, its answers are those of its newest.
                spoken = revision if release == "sdk" or revision != MODERN else LEGACY[-1]
                agent = Direct(release, spoken)
                self.addCleanup(agent.close)
                direct[release] = [bare(agent.request(method, params)) for method, params in ASKED]
            for server in self.servers:
                through = self.agent(Through, revision, server)
                for (method, params), wanted in zip(ASKED, direct[server.split("-")[0]]):
                    with self.subTest(server=server, agent=revision, method=method, params=params):
                        self.assertEqual(bare(through.request(method, params)), wanted)

    def test_what_is_offered_is_announced_and_nothing_else(self):
        wanted = {"tools", "prompts", "resources", "completions"}  # beside what only some servers announce
        for server in (*self.servers, None):
            with self.subTest(server=server):
                self.assertEqual(self.agent(Through, LEGACY[0], server).opening["capabilities"].keys(), wanted)
                found = self.agent(Through, MODERN, server).request("server/discover")["result"]
                self.assertEqual(found["capabilities"].keys(), wanted)
        self.gateway.issue("narrow", "--tool", "sdk-lines.mixed", name="narrow")
        narrow = Through(self.gateway, MODERN, "sdk-lines", token="narrow")
        self.assertEqual(narrow.request("server/discover")["result"]["capabilities"].keys(), {"tools"})
        for method, member in (("prompts/list", "prompts"), ("resources/list", "resources"),
                               ("resources/templates/list", "resourceTemplates")):
            self.assertEqual(narrow.request(method)["result"][member], [])
        # What it may not see answers like what is not there.
        for prompt in ("greet", "gone"):
            error = narrow.request("prompts/get", {"name": prompt})["error"]
            self.assertEqual((error["code"], error["message"]), (-32602, f"unknown prompt `{prompt}`"))
        self.assertEqual(narrow.request("resources/read", {"uri": "note://plain"})["error"]["code"], -32602)

    def test_all_servers_at_once_share_no_name(self):
        for kind in (Through, LineAgent):
            agent = self.agent(kind, LEGACY[-1])
            prompts = {item["name"] for item in agent.request("prompts/list")["result"]["prompts"]}
            self.assertEqual(prompts, {f"{server}__{name}" for server in self.servers for name in ("greet", "bare", "illustrated")})
            listed = [item["uri"] for item in agent.request("resources/list")["result"]["resources"]]
            self.assertEqual(len(listed), 2 * len(self.servers))
            for uri in listed:
                contents = agent.request("resources/read", {"uri": uri})["result"]["contents"]
                # It is read back under the name it was asked by.
                self.assertEqual([item["uri"] for item in contents], [uri])
            got = agent.request("prompts/get", {"name": "sdk1-lines__greet", "arguments": {"name": "Bo"}})["result"]
            self.assertEqual(got["messages"][0]["content"]["text"], "say something kind to Bo")
            mixed = agent.request("tools/call", {"name": "sdk-http__mixed", "arguments": {"count": 1}})["result"]["content"]
            self.assertEqual(mixed[3]["uri"], "gatehouse:sdk-http:note://plain")
            self.assertEqual(mixed[4]["resource"]["uri"], "gatehouse:sdk-http:note://embedded")
            templates = agent.request("resources/templates/list")["result"]["resourceTemplates"]
            template = next(item["uriTemplate"] for item in templates if "sdk-lines" in item["uriTemplate"])
            self.assertEqual(template, "gatehouse:sdk-lines:note://by/{author}/{title}")
            done = agent.request("completion/complete", {
                "ref": {"type": "ref/resource", "uri": template}, "argument": {"name": "title", "value": ""},
                "context": {"arguments": {"author": "ana"}}})["result"]
            self.assertEqual(done["completion"]["values"], ["first", "second"])
            for uri in ("note://plain", "gatehouse:nobody:note://plain", "gatehouse:"):
                self.assertEqual(agent.request("resources/read", {"uri": uri})["error"]["code"], -32002)

    def test_the_servers_error_comes_in_the_agents_revision(self):
        for server in self.servers:
            for revision, wanted in ((LEGACY[-1], {-32002, -32602, -32603}), (MODERN, {-32602, -32603})):
                with self.subTest(server=server, agent=revision):
                    error = self.agent(Through, revision, server).request("resources/read", {"uri": "note://nowhere"})["error"]
                    self.assertIn(error["code"], wanted)

    def test_each_is_recorded_like_a_call(self):
        agent = self.agent(Through, MODERN, "sdk-lines")
        known = self.gateway.known_calls()
        agent.request("resources/read", {"uri": "note://plain"})
        agent.request("prompts/get", {"name": "bare"})
        agent.request("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "tone", "value": ""}})
        agent.request("prompts/get", {"name": "bare", "arguments": {"surplus": "x"}})
        for name, wanted in (("resources/read", ["intent", "outcome"]), ("completion/complete", ["intent", "outcome"]),
                             ("prompts/bare", ["intent", "judged", "outcome"])):
            self.gateway.wait_for(lambda: sorted(r["kind"] for r in self.gateway.records_besides(known, name)) == wanted)


class Judged(unittest.TestCase):
    """Policy says no, asks, hides and marks what is no tool as it does tools."""

    @classmethod
    def setUpClass(cls):
        servers = {"notes": {"command": [python("sdk"), "/fixtures/whole_server.py", "stdio"],
                             "cage": {"read": {"/fixtures": "./fixtures"}}}}
        cls.gateway = cls.enterClassContext(ProtocolGateway(configured(
            servers, tools={"notes.resources/read": {"tier": "T0"}, "notes.prompts/greet": {"tier": "T0"},
                                "notes.prompts/bare": {"tier": "T2"}},
            rules=[{"name": "no-bytes", "tools": ["notes.resources/read"], "args": {"/uri": {"equals": "note://binary"}},
                    "then": "refuse"},
                   {"name": "no-pictures", "tools": ["notes.prompts/illustrated"], "then": "refuse"}],
            approvals={"hold": "20s", "expiry": "60s"})))
        cls.gateway.wait_for_server("notes")

    def test_1_nothing_is_offered_before_a_person_looked(self):
        agent = Through(self.gateway, MODERN, "notes")
        self.assertEqual(agent.request("server/discover")["result"]["capabilities"], {"tools": {"listChanged": True}})
        self.assertEqual(agent.request("prompts/list")["result"]["prompts"], [])
        self.assertEqual(agent.request("resources/list")["result"]["resources"], [])
        self.assertEqual(agent.request("resources/read", {"uri": "note://plain"})["error"]["code"], -32602)
        shown = self.gateway.run("tools", "approve", "notes", "--show").stdout
        for name in ("prompts/greet", "resources/note://plain", "templates/note://by/{author}/{title}", "resources/read"):
            self.assertIn(f"new  {name}", shown)
        self.gateway.decide("tools", "approve", "notes")
        self.assertIn("prompts/greet", (self.gateway.folder / "gatehouse.lock").read_text())

    def test_2_a_rule_refuses_and_hides(self):
        agent = Through(self.gateway, MODERN, "notes")
        self.assertEqual([r["uri"] for r in agent.request("resources/list")["result"]["resources"]], ["note://plain"])
        self.assertEqual([p["name"] for p in agent.request("prompts/list")["result"]["prompts"]], ["bare", "greet"])
        error = agent.request("resources/read", {"uri": "note://binary"})["error"]
        self.assertEqual(error["code"], -31001)
        self.assertIn("no-bytes", error["message"])
        self.assertRegex(error["data"]["dev.gatehouse/verdict"], "^[0-9a-f]{16}$")
        self.assertEqual(agent.request("prompts/get", {"name": "illustrated"})["error"]["code"], -32602)

    def test_3_what_nobody_vouches_for_is_marked(self):
        agent = Through(self.gateway, MODERN, "notes")
        read = agent.request("resources/read", {"uri": "note://plain"})["result"]
        self.assertEqual((read["ttlMs"], read["cacheScope"], read["resultType"]), (0, "private", "complete"))
        text = read["contents"][0]["text"]
        self.assertIn("notes.resources/read", text.split("\n")[0])
        self.assertEqual(text.split("\n")[1], "a plain note")
        got = agent.request("prompts/get", {"name": "greet", "arguments": {"name": "Ada"}})["result"]
        self.assertEqual(got["messages"][0]["content"]["text"].split("\n")[1], "say something kind to Ada")

    def test_4_a_person_is_asked_for_a_prompt_at_t2(self):
        agent = Through(self.gateway, LEGACY[-1], "notes")
        connection = agent.start(agent.message("prompts/get", {"name": "bare"}))
        question = self.gateway.wait_for_question()
        self.gateway.decide("approvals", "approve", question["ticket"])
        answer = agent.finish(connection)[2][-1]["result"]
        self.assertIn("only this", answer["messages"][0]["content"]["text"])

    def test_5_bad_parameters_are_refused_with_a_reason(self):
        agent = Through(self.gateway, LEGACY[-1], "notes")
        for method, params, code in (
                ("resources/read", {}, -32602), ("resources/read", {"uri": 7}, -32602), ("prompts/get", {}, -32602),
                ("prompts/get", {"name": "greet", "arguments": []}, -32602),
                ("prompts/get", {"name": "greet", "arguments": {}}, -31001),
                ("prompts/get", {"name": "greet", "arguments": {"name": 7}}, -31001),
                ("completion/complete", {"ref": {"type": "ref/other"}, "argument": {}}, -32602),
                ("completion/complete", {"ref": {"type": "ref/prompt", "name": "gone"},
                                         "argument": {"name": "a", "value": ""}}, -32602),
                ("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "a"}}, -31001),
                ("tools/call", {"name": "resources/read", "arguments": {"uri": "note://plain"}}, -32602),
                ("tools/call", {"name": "prompts/greet", "arguments": {"name": "x"}}, -32602),
                ("resources/list", {"cursor": "made-up"}, -32602)):
            with self.subTest(method=method, params=params):
                self.assertEqual(agent.request(method, params)["error"]["code"], code)


if __name__ == "__main__":
    unittest.main()
