"""Agents that say exactly what a test wants said, byte for byte, over HTTP and over `connect`."""
import http.client
import json
import queue
import subprocess
import threading

from harness import BINARY

MODERN = "2026-07-28"
LEGACY = ("2025-06-18", "2025-11-25")
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
WAIT = 30.0


def configuration(servers, tools=(), **top):
    """A configuration as JSON, which is YAML too, with braces doubled for the harness.

    `tools` are placed at T0, so that no call of a protocol test waits for a person.
    """
    text = json.dumps({"gatehouse": 1, "environment": "staging", "listen": {"mcp": "127.0.0.1:PORT"}, "servers": servers,
                       "tools": {name: {"tier": "T0", "result": "own"} for name in tools}, **top})
    return text.replace("{", "{{").replace("}", "}}").replace("127.0.0.1:PORT", "127.0.0.1:{port}")


def initialize(revision):
    return {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def messages_of(headers, body):
    """What a response carries: one JSON message, or the events of a stream."""
    if not headers.get("Content-Type", "").startswith("text/event-stream"):
        return [json.loads(body)] if body else []
    events = body.replace(b"\r\n", b"\n").split(b"\n\n")
    data = (b"\n".join(line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")) for event in events)
    return [json.loads(text) for text in data if text]


class HTTPAgent:
    """One agent over HTTP, of one revision; legacy ones open a session first."""

    def __init__(self, gateway, revision, server=None, token="bot"):
        self.gateway, self.revision, self.token = gateway, revision, token
        self.path = "/mcp" + (f"/{server}" if server else "")
        self.session, self.next = None, 0
        if revision != MODERN:
            status, headers, answer = self.send({"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": initialize(revision)})
            assert status == 200, answer
            self.session, self.opening = headers["Mcp-Session-Id"], answer[0]["result"]
            assert self.opening["protocolVersion"] == revision, self.opening
            assert self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})[0] == 202

    def message(self, method, params=None, id=None, meta=None):
        if id is None:
            self.next += 1
            id = self.next
        params = dict(params or {})
        meta = {**(META if self.revision == MODERN else {}), **(meta or {})}
        if meta:
            params["_meta"] = meta
        return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}

    def headers(self, message):
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                  "Authorization": f"Bearer {self.gateway.secrets[self.token]}"}
        if self.revision == MODERN:
            fields |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": message.get("method", "")}
            if "name" in message.get("params", {}):
                fields["Mcp-Name"] = message["params"]["name"]
        elif self.session:
            fields |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.revision}
        return fields

    def start(self, message, headers=None, method="POST"):
        """Sends and does not wait; the connection, for `finish` or to be dropped."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=WAIT)
        fields = {**self.headers(message), **(headers or {})}
        body = json.dumps(message)
        connection.request(method, self.path, body, {k: v for k, v in fields.items() if v is not None})
        return connection

    @staticmethod
    def finish(connection):
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, response.headers, messages_of(response.headers, body)

    def send(self, message, headers=None):
        return self.finish(self.start(message, headers))

    def request(self, method, params=None, headers=None, **more):
        """The messages of one request, its response last."""
        return self.send(self.message(method, params, **more), headers)[2]

    def call(self, name, headers=None, meta=None, **arguments):
        return self.request("tools/call", {"name": name, "arguments": arguments}, headers, meta=meta)[-1]

    def notify(self, method, params):
        return self.send({"jsonrpc": "2.0", "method": method, "params": params})[0]

    def close(self):
        if self.session:
            self.gateway.post(None, {"Mcp-Session-Id": self.session}, path=self.path, token=self.token, method="DELETE")


class LineAgent:
    """One agent over `gatehouse connect`."""

    def __init__(self, gateway, revision, server=None, token="bot"):
        self.revision, self.next, self.kept = revision, 0, []
        arguments = [str(BINARY), "connect"] + ([server] if server else [])
        self.process = subprocess.Popen(
            [*arguments, "--token-file", str(gateway.folder / f"{token}.token")], cwd=gateway.folder,
            env=gateway.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = queue.Queue()
        # Ends with the process's output.
        self.reader = threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True)
        self.reader.start()
        if revision != MODERN:
            self.opening = self.request("initialize", initialize(revision))["result"]
            assert self.opening["protocolVersion"] == revision, self.opening
            self.notify("notifications/initialized", {})

    message = HTTPAgent.message

    def write(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.lines.get(timeout=WAIT))

    def answer(self, id):
        """The response to `id`; what comes before it is kept."""
        while True:
            message = self.read()
            if "method" not in message and message.get("id") == id:
                return message
            self.kept.append(message)

    def request(self, method, params=None, **more):
        message = self.message(method, params, **more)
        self.write(json.dumps(message))
        return self.answer(message["id"])

    def call(self, name, meta=None, **arguments):
        return self.request("tools/call", {"name": name, "arguments": arguments}, meta=meta)

    def notify(self, method, params):
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=WAIT)
        self.reader.join(timeout=WAIT)
        self.process.stdout.close()
        self.process.stderr.close()


def text_of(answer):
    return "\n".join(block["text"] for block in answer["result"]["content"] if block["type"] == "text")


def all_tools(agent):
    """Every tool over all pages, and the `_meta` of the last."""
    tools, cursor = [], None
    while True:
        answer = agent.request("tools/list", {} if cursor is None else {"cursor": cursor})
        result = (answer[-1] if isinstance(answer, list) else answer)["result"]
        tools += result["tools"]
        cursor = result.get("nextCursor")
        if cursor is None:
            return tools, result.get("_meta", {})
