"""What cannot be recorded does not happen, on the way back either: no question is asked and no answer is told.

The disk fails while three calls are at a server: two are about to be asked about, one is being asked about.
"""
import copy
import json
import os
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from agents import META, MODERN, HTTPAgent, configuration, text_of
from disks import FailingDisk
from harness import free_port
from metrics import Metrics
from upstreams import ProtocolGateway, remote, scripted

ABLE = {"elicitation": {}, "sampling": {}}
FORM = {"method": "elicitation/create", "params": {"message": "which?", "requestedSchema": {
    "type": "object", "properties": {"color": {"type": "string"}}}}}
THINK = {"method": "sampling/createMessage", "params": {"messages": [{"role": "user", "content": {"type": "text", "text": "why?"}}], "maxTokens": 5}}
ANSWERS = {FORM["method"]: {"action": "accept", "content": {"color": "red"}},
           THINK["method"]: {"role": "assistant", "model": "m", "content": {"type": "text", "text": "because"}}}


class Gateway(FailingDisk, ProtocolGateway):
    """With a disk that can fail."""


class Asker(scripted.HTTPUpstream):
    """Asks about each call of `echo`: about those of a form when it is told to, about the others at once."""

    def __init__(self):
        super().__init__(MODERN)
        self.here, self.may_ask, self.told = threading.Semaphore(0), threading.Event(), []

    def answer(self, handler, message, headers, fields):
        params = message.get("params") or {}
        if message.get("method") != "tools/call":
            return super().answer(handler, message, headers, fields)
        kind = params["arguments"]["text"]
        if "inputResponses" in params:
            self.told.append((kind, params["inputResponses"]["q"]))
            return self.reply(handler, 200, self.script.text(message["id"], json.dumps(params["inputResponses"]["q"])).encode())
        if kind == "form":
            self.here.release()
            assert self.may_ask.wait(60)
        asks = {"resultType": "input_required", "inputRequests": {"q": FORM if kind == "form" else THINK}}
        self.reply(handler, 200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": asks}).encode())


class Able(HTTPAgent):
    """An agent of a handshake revision that can be asked, and answers when `may_answer` is set."""

    def __init__(self, *arguments):
        self.asked, self.is_asked, self.may_answer = [], threading.Event(), threading.Event()
        super().__init__(*arguments)

    def send(self, message, headers=None):
        if message.get("method") == "initialize":
            message = copy.deepcopy(message)
            message["params"]["capabilities"] = ABLE
        return super().send(message, headers)

    def ask(self, text):
        connection = self.start(self.message("tools/call", {"name": "echo", "arguments": {"text": text}}))
        for line in connection.getresponse():
            content = line.removeprefix(b"data:").strip()
            if not line.startswith((b"data:", b"{")) or not content:
                continue
            message = json.loads(content)
            if "method" not in message:
                connection.close()
                return message
            if message["method"] in ANSWERS:
                self.asked.append(message["method"])
                self.is_asked.set()
                assert self.may_answer.wait(60)
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": ANSWERS[message["method"]]})
        raise AssertionError("the stream ended")


@unittest.skipUnless(os.geteuid() == 0, "mounting a file system needs root")
class Unrecorded(unittest.TestCase):
    def test_nothing_is_asked_told_or_listed(self):
        control = free_port()
        with Asker() as server:
            servers = {"up": {**remote(server), "elicitation": ["form"], "sampling": {}}}
            listen = {"mcp": "127.0.0.1:PORT", "control": f"127.0.0.1:{control}"}
            text = configuration(servers, ["up.echo", "up.sampling/createMessage"], listen=listen)
            with Gateway(text, accept=["up"]) as gateway, ThreadPoolExecutor(3) as pool:
                self.check(gateway, server, Metrics, control, pool)

    def check(self, gateway, server, metrics, control, pool):
        modern = HTTPAgent(gateway, MODERN, "up")
        of_person, of_model = Able(gateway, "2025-11-25", "up"), Able(gateway, "2025-11-25", "up")
        meta = {"io.modelcontextprotocol/clientCapabilities": ABLE}
        calls = [pool.submit(modern.call, "echo", None, {**META, **meta}, text="form"), pool.submit(of_person.ask, "form"),
                 pool.submit(of_model.ask, "model")]
        for _ in range(2):
            self.assertTrue(server.here.acquire(timeout=60))
        self.assertTrue(of_model.is_asked.wait(60))
        gateway.fail()
        server.may_ask.set()
        of_model.may_answer.set()
        first, second, third = (call.result(60) for call in calls)
        # An agent of 2026-07-28 would be asked by the result: it is withheld.
        self.assertTrue(first["result"]["isError"], first)
        self.assertIn("cannot be recorded", text_of(first))
        self.assertNotIn("inputRequests", first["result"])
        # A session's person is not asked; the server hears that nobody answered.
        self.assertEqual((of_person.asked, server.told), ([], [("form", {"action": "cancel"})]), second)
        # What the model said before anyone could write it down, the server never hears.
        self.assertTrue(third["result"]["isError"], third)
        self.assertEqual(of_model.asked, [THINK["method"]])
        # Lists likewise; each refusal is counted.
        before = metrics(control)("gatehouse_refusals_total", code="evidence_unavailable")
        for method in ("tools/list", "prompts/list"):
            answer = modern.request(method)[-1]
            self.assertEqual(answer["error"]["code"], -31001, answer)
            self.assertIn("cannot be recorded", answer["error"]["message"])
        after = metrics(control)("gatehouse_refusals_total", code="evidence_unavailable")
        self.assertEqual(after - before, 2)


if __name__ == "__main__":
    unittest.main()
