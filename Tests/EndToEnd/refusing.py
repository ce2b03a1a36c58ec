"""Messages that are not taken: how they are made, sent and looked at."""
import http.client
import json

from agents import META, MODERN, HTTPAgent, text_of
from refusal_words import told

CALL = {"name": "echo", "arguments": {"text": "x"}}
KEYS = ("io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities")


def meta_without(key):
    return {name: value for name, value in META.items() if name != key}


def changed(**members):
    """A sound modern call with some members of the envelope replaced, or left out when None."""
    def make(agent):
        message = {**agent.message("tools/call", CALL), **members}
        return {key: value for key, value in message.items() if value is not ...}
    return make


def params(**members):
    def make(agent):
        message = agent.message("tools/call", CALL)
        message["params"] = {key: value for key, value in {**message["params"], **members}.items() if value is not ...}
        return message
    return make


def method(name, /, **given):
    return lambda agent: agent.message(name, given)


def raw(text):
    return lambda agent: text


class Refusing:
    """For a test case with a `gateway` whose server `up` is scripted, and tokens `bot` and `other`."""

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)

    def exchange(self, connection, agent, message, headers):
        """One request on a connection that is kept."""
        body = message if isinstance(message, (bytes, str)) else json.dumps(message)
        fields = agent.headers(message if isinstance(message, dict) else {"method": "ping"})
        if isinstance(message, dict) and not isinstance(message.get("params"), dict):
            fields = agent.headers({"method": "tools/call", "params": CALL})
        fields = {key: value for key, value in {**fields, **headers}.items() if value is not None}
        fields = {key: str(value).encode() for key, value in fields.items()}
        connection.request("POST", agent.path, body.encode() if isinstance(body, str) else body, fields)
        response = connection.getresponse()
        text = response.read()
        return response, json.loads(text) if text else None

    def check(self, agent, cases):
        connection = self.connect()
        bystander = HTTPAgent(self.gateway, "2025-11-25", "up", token="other")
        for name, make, headers, status, code, tells in cases:
            with self.subTest(agent=agent.revision, case=name):
                message = make(agent)
                if isinstance(message, dict) and "id" not in message:
                    message["id"] = 1
                response, answer = self.exchange(connection, agent, message, headers)
                self.assertEqual((response.status, answer["error"]["code"]), (status, code), answer)
                self.assertEqual(response.getheader("Content-Type"), "application/json")
                self.assertEqual(answer["jsonrpc"], "2.0")
                # Before 2025-11-25 an error has an id in any case: null where none could be read.
                has = {"id"} if tells or agent.revision == "2025-06-18" else set()
                self.assertEqual(set(answer) - {"jsonrpc", "error"}, has, answer)
                if tells or has:
                    self.assertEqual(answer["id"], message["id"] if tells else None)
                if tells:
                    self.assertEqual(answer["id"], message["id"])
                self.assertEqual(answer["error"]["message"], told(name, agent.revision))
                if code == -32022:
                    self.assertEqual(answer["error"]["data"]["supported"], ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN])
                    self.assertEqual(answer["error"]["data"]["requested"],
                                     headers["MCP-Protocol-Version"])
                # The same connection takes the next sound request, and so does everybody else.
                _, sound = self.exchange(connection, agent, agent.message("tools/call", CALL), {})
                self.assertEqual(text_of(sound), '{"text":"x"}')
        self.assertEqual(text_of(bystander.call("echo", text="by")), '{"text":"by"}')
        connection.close()

    def send_lines(self, agent, message, lines, verb="POST"):
        """A request whose head is given line by line; status and answer."""
        connection = self.connect()
        connection.putrequest(verb, agent.path)
        body = b"" if message is None else json.dumps(message).encode()
        for name, value in [*lines, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text.startswith(b"{") else None

    def assert_told(self, answer, code, words, id=None):
        """A refusal in JSON-RPC, whole: nothing but its code, what its caller can do, and the id where one was read."""
        self.assertEqual({key: value for key, value in answer.items() if value is not None},
                         {"jsonrpc": "2.0", "error": {"code": code, "message": words}, **({} if id is None else {"id": id})})

    def assert_goes_on(self, agent):
        self.assertEqual(text_of(agent.call("echo", text="on")), '{"text":"on"}')
