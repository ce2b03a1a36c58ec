"""Agents of each of the five revisions before servers of each: what is shown, answered and asked, cell by cell.

The servers send everything any revision has a word for; what becomes of it is the table in docs/protocol.md, written
here once more.
"""
import copy
import json
import unittest

from agents import MODERN, HTTPAgent, configuration, initialize, text_of
from test_protocol_kept_streams import events
from upstreams import REVISIONS, ProtocolGateway, hosted, journal

import offering  # noqa: E402 - of `fixtures`, where `upstreams` looks

TOOLS = [item["name"] for item in offering.TOOLS]
CAPABILITIES = {"elicitation": {"form": {}, "url": {}}, "sampling": {}}
ABLE = {"io.modelcontextprotocol/clientCapabilities": CAPABILITIES}
ACCEPT = {"action": "accept", "content": {"name": "Ada", "titled": "g", "many": ["q"]}}
LINK = {"type": "text", "text": "[A](note://a)"}
SOUND = {"type": "text", "text": "[sound, audio/wav, about 57 bytes]"}


class Able(HTTPAgent):
    """Declares everything that can be asked of it, whatever its revision."""

    def send(self, message, headers=None):
        if message.get("method") == "initialize":
            message = copy.deepcopy(message)
            message["params"] = {**initialize(self.revision), "capabilities": CAPABILITIES}
        return super().send(message, headers)

    def use(self, method, params, **more):
        headers = {"Mcp-Name": params["uri"]} if self.revision == MODERN and "uri" in params else None
        return self.request(method, params, headers, **more)


def definition(item, rank, kind="tool"):
    """A definition as an agent of the revision of that rank, 0 to 4, is shown it."""
    dropped = {"execution"}
    if rank < 3:
        dropped.add("icons")
    if rank < 2:
        dropped |= {"title", "outputSchema"}
    if rank < 1 and kind == "tool":
        dropped.add("annotations")
    if rank < 4 and item.get("outputSchema", {}).get("type") != "object":
        dropped.add("outputSchema")
    return {key: value for key, value in item.items() if key not in dropped}


def block(item, rank):
    if item["type"] == "resource_link" and rank < 2:
        return LINK
    return SOUND if item["type"] == "audio" and rank < 1 else item


def result(given, rank):
    """A tool's result, without what the gateway says of itself."""
    shown = {"content": [block(item, rank) for item in given["content"]]}
    value = given["structuredContent"]
    if rank == 4 or rank >= 2 and isinstance(value, dict):
        shown["structuredContent"] = value
    elif not any(item["type"] == "text" for item in given["content"]):
        shown["content"].append({"type": "text", "text": json.dumps(value)})
    return shown


class Translation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maxDiff = None
        cls.servers = {f"r{number}": revision for number, revision in enumerate(REVISIONS, 1)}
        judged = [*TOOLS, "prompts/greet", "resources/read", "completion/complete", "sampling/createMessage"]
        cls.gateway = cls.enterClassContext(ProtocolGateway(configuration(
            {name: {**hosted(revision), "command": ["/usr/bin/python3", "/fixtures/offering.py", revision],
                    "elicitation": ["form", "url"], "sampling": {}} for name, revision in cls.servers.items()},
            [f"{server}.{name}" for server in cls.servers for name in judged]), accept=cls.servers))
        cls.agents = {(server, rank): Able(cls.gateway, revision, server)
                      for server in cls.servers for rank, revision in enumerate(REVISIONS)}

    def each(self, body):
        for (server, rank), agent in self.agents.items():
            with self.subTest(server=self.servers[server], agent=agent.revision):
                body(agent, rank, server)

    def bare(self, agent, answer):
        """The result without the members of 2026-07-28, which are looked at here."""
        self.assertIn("result", answer, answer)
        found = dict(answer["result"])
        meta = found.pop("_meta", {})
        if agent.revision == MODERN:
            self.assertEqual(found.pop("resultType"), "complete")
            self.assertEqual(meta["io.modelcontextprotocol/serverInfo"]["name"], "gatehouse")
        self.assertNotIn("resultType", found)
        return found

    def hinted(self, agent, answer):
        """The same, of what may be kept for a while."""
        found = self.bare(agent, answer)
        if agent.revision == MODERN:
            self.assertEqual((found.pop("ttlMs"), found.pop("cacheScope")), (0, "private"))
        self.assertFalse({"ttlMs", "cacheScope"} & found.keys())
        return found

    def test_definitions(self):
        def body(agent, rank, _):
            shown = self.hinted(agent, agent.use("tools/list", {})[-1])["tools"]
            self.assertEqual({item["name"]: item for item in shown}, {item["name"]: definition(item, rank) for item in offering.TOOLS})
            for method, member, item in (("prompts/list", "prompts", offering.PROMPT), ("resources/list", "resources", offering.RESOURCE),
                                         ("resources/templates/list", "resourceTemplates", offering.TEMPLATE)):
                self.assertEqual(self.hinted(agent, agent.use(method, {})[-1]), {member: [definition(item, rank, method)]})
        self.each(body)

    def test_results(self):
        def body(agent, rank, _):
            for name, given in offering.RESULTS.items():
                self.assertEqual(self.bare(agent, agent.call(name, text="")), result(given, rank), name)
            got = self.bare(agent, agent.use("prompts/get", {"name": "greet", "arguments": {"who": "you"}})[-1])
            given = offering.OFFERS["prompts/get"]
            self.assertEqual(got, {**given, "messages": [{**m, "content": block(m["content"], rank)} for m in given["messages"]]})
            got = self.hinted(agent, agent.use("resources/read", {"uri": "note://a"})[-1])
            self.assertEqual(got, {"contents": offering.CONTENTS})
            done = agent.use("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "who", "value": "x"}})
            self.assertEqual(self.bare(agent, done[-1]), offering.OFFERS["completion/complete"])
        self.each(body)

    def test_progress(self):
        def body(agent, rank, _):
            got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 2}}, meta={"progressToken": "t"})
            steps = [{"progressToken": "t", "progress": n, "total": 2, "message": f"step {n}"} for n in (1, 2)]
            if rank < 1:
                steps = [{key: value for key, value in step.items() if key != "message"} for step in steps]
            self.assertEqual([m["params"] for m in got[:-1]], steps)
            self.assertEqual(text_of(got[-1]), "done")
        self.each(body)

    def asked(self, agent, tool, reply):
        """One call during which the agent is asked; the question's parameters, and what the server heard."""
        call = {"name": tool, "arguments": {"text": "x"}}
        if agent.revision == MODERN:
            first = agent.request("tools/call", call, meta=ABLE)[-1]
            if first["result"]["resultType"] != "input_required":
                return None, first
            (key, question), = first["result"]["inputRequests"].items()
            more = {"requestState": first["result"]["requestState"], "inputResponses": {key: reply}}
            return question["params"], agent.request("tools/call", {**call, **more}, meta=ABLE)[-1]
        message = agent.message("tools/call", call)
        connection = agent.start(message)
        response = connection.getresponse()
        if not response.headers["Content-Type"].startswith("text/event-stream"):
            answer = json.loads(response.read())
            connection.close()
            return None, answer
        came = [m for _, m in events(response, lambda m: m and ("id" in m))]
        question = came[-1]
        if "method" not in question:
            return None, question
        self.assertEqual(agent.send({"jsonrpc": "2.0", "id": question["id"], "result": reply})[0], 202)
        answer = events(response, lambda m: m and m.get("id") == message["id"])[-1][1]
        connection.close()
        return question["params"], answer

    def heard(self, answer):
        """What the server was told; it repeats that as its result."""
        said = json.loads(text_of(answer))
        if isinstance(said, dict) and "state" in said:
            self.assertEqual(said["state"], offering.STATE)
            return said["a key"]
        return said

    def test_forms(self):
        def body(agent, rank, server):
            question, answer = self.asked(agent, "form", ACCEPT)
            if rank < 2:  # no such word: nobody is asked, whatever was declared
                self.assertIsNone(question)
                self.assertNotIn("Ada", text_of(answer) if "result" in answer else "")
                return
            self.assertEqual(question["requestedSchema"], offering.FORM)
            self.assertEqual(question["message"], f"The server `{server}` asks: who?")
            self.assertEqual(self.heard(answer), ACCEPT)
        self.each(body)

    def test_pages(self):
        def body(agent, rank, server):
            question, answer = self.asked(agent, "page", {"action": "accept"})
            if rank < 3:
                self.assertIsNone(question)
                return
            self.assertEqual((question["mode"], question["url"]), ("url", "https://example.com/in?x=1"))
            self.assertIn(f"The server `{server}` asks you to open a page of example.com", question["message"])
            self.assertEqual(self.heard(answer), {"action": "accept"})
        self.each(body)

    def test_models(self):
        reply = {"role": "assistant", "content": {"type": "text", "text": "green"}, "model": "m"}

        def body(agent, rank, server):
            question, answer = self.asked(agent, "think", reply)
            self.assertEqual(question["messages"], offering.ASKED["think"][1]["messages"])
            self.assertEqual(self.heard(answer), reply)
        self.each(body)

    def test_retries_have_ids_of_their_own(self):
        agent = self.agents["r5", 4]
        self.asked(agent, "form", ACCEPT)
        legs = [m for m in journal(agent)["received"] if m.get("params", {}).get("name") == "form"][-2:]
        self.assertNotEqual(legs[0]["id"], legs[1]["id"])
        self.assertEqual([m["params"]["arguments"] for m in legs], [{"text": "x"}] * 2)
        self.assertEqual((legs[1]["params"]["requestState"], legs[1]["params"]["inputResponses"]), (offering.STATE, {"a key": ACCEPT}))


if __name__ == "__main__":
    unittest.main()
