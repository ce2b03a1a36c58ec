"""What the tests of the console share: a gateway people log in to, and a client of its API."""
import datetime
import http.client
import json
import threading
import time

from harness import PASSPHRASE, WORKSHOP, Gateway

CONSOLE = WORKSHOP + '\nconsole: {{ listen: "127.0.0.1:{console}" }}\n'


class People(Gateway):
    """A gateway before the workshop server, with the console."""

    def __init__(self, configuration=CONSOLE, accept=("shop",), **more):
        super().__init__(configuration, accept=accept, **more)
        self.callers = []

    @property
    def site(self):
        return f"http://localhost:{self.console}"

    def call(self, tool, arguments, token="bot"):
        _, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path="/mcp/shop", token=token)
        if isinstance(answer, bytes):  # it waited, and became a stream: the answer is its last event
            answer = json.loads([line for line in answer.split(b"\n") if line.startswith(b"data:")][-1][5:])
        return answer.get("result", answer)

    def calling(self, tool, arguments, token="bot"):
        """A call that waits for a person; its answer is in `answers` once there is one."""
        caller = Caller(self, tool, arguments, token)
        self.callers.append(caller)
        caller.start()
        return caller

    def stop(self, *arguments):
        super().stop(*arguments)
        for caller in self.callers:
            caller.join(timeout=60)
        self.callers = []

    def stopped_at(self):
        """When the last lockdown was recorded, by the wall clock as `Caller.ended`: the way to the gateway is not in it."""
        last = [r for r in self.records() if r["kind"] == "lockdown"][-1]
        return datetime.datetime.fromisoformat(last["time"]).timestamp()

    def log_in(self, name="ana", passphrase=PASSPHRASE):
        client = API(self.console)
        client.log_in(name, passphrase)
        return client


class Caller(threading.Thread):
    def __init__(self, gateway, *call):
        super().__init__(daemon=True)
        self.gateway, self.arguments, self.result, self.ended = gateway, call, None, None

    def run(self):
        try:
            self.result = self.gateway.call(*self.arguments)
        except (OSError, http.client.HTTPException) as error:
            self.result = {"isError": True, "content": [{"type": "text", "text": f"no answer: {error}"}]}
        self.ended = time.time()

    def join(self, timeout=60):
        super().join(timeout)
        if self.is_alive():
            raise AssertionError(f"no answer to {self.arguments} after {timeout} s")

    def text(self):
        self.join()
        return "\n".join(block["text"] for block in self.result["content"])


class API:
    """A program that uses the control API as a person."""

    def __init__(self, port, host=None):
        self.port, self.host, self.cookie, self.token = port, host or f"localhost:{port}", None, None

    def send(self, method, path, body=None, headers=None):
        """(status, headers, body as JSON or text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {"Host": self.host}
        if self.cookie:
            fields["Cookie"] = self.cookie
        if self.token:
            fields["Gatehouse-Token"] = self.token
        if body is not None:
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        data = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in fields.items():
            if value is not None:
                connection.putheader(name, value)
        raw = data.encode() if isinstance(data, str) else data
        connection.putheader("Content-Length", str(len(raw or b"")))
        connection.endheaders(raw)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.headers.get("Content-Type", "") == "application/json":
            return response.status, response.headers, json.loads(text)
        return response.status, response.headers, text.decode(errors="replace")

    def log_in(self, name, passphrase):
        status, headers, body = self.send("POST", "/api/v1/session", {"name": name, "passphrase": passphrase})
        if status != 200:
            raise PermissionError(status, body["error"]["message"])
        self.cookie, self.token = headers["Set-Cookie"].split(";")[0], body["token"]

    def get(self, path, **more):
        return self.good("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.good("POST", path, body if body is not None else {}, **more)

    def good(self, method, path, body=None, **more):
        status, _, answer = self.send(method, "/api/v1" + path, body, **more)
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def fails(self, method, path, body=None, **more):
        """The status and code of an answer that is an error."""
        status, _, answer = self.send(method, "/api/v1" + path, body, **more)
        return status, answer["error"]["code"]
