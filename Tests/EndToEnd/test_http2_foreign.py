"""HTTP/2 with others' programs: curl, nghttp and h2load as clients, a server on Python's h2 as upstream; and what
becomes of requests and connections when either side goes away."""
import json
import shutil
import socket
import ssl
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import httpx2
from agents import MODERN, HTTPAgent, all_tools, text_of
from certificates import Authority
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, ResponseReceived, StreamEnded, StreamReset
from harness import WORKSHOP, Gateway
from test_http2 import FIELDS, message
from test_tls import TLS, SecureGateway
from upstreams import NAMES, scripted

PEEK = message("tools/call", name="peek", arguments={"key": "plans"})
MIRRORS = {"Mcp-Method": "tools/call", "Mcp-Name": "peek"}


def has(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = cls.enterClassContext(SecureGateway(TLS, accept=["shop"]))
        cls.body = cls.gate.folder / "peek.json"
        cls.body.write_text(json.dumps(PEEK))
        cls.url = f"https://localhost:{cls.gate.port}/mcp/shop"

    def fields(self, flag, gate=None):
        gate = gate or self.gate
        fields = {**FIELDS, **MIRRORS, "Authorization": f"Bearer {gate.secrets['bot']}"}
        return [word for name, value in fields.items() for word in (flag, f"{name}: {value}")]

    def run_program(self, *words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check(self, text):
        answer = json.loads(text)
        self.assertEqual(answer["id"], 1)
        self.assertFalse(answer["result"].get("isError", False), answer)
        self.assertIn("plans", text)

    @has("curl")
    def test_curl_agrees_on_it(self):
        said = self.run_program("curl", "-sS", "--http2", "--cacert", self.gate.authority.file, *self.fields("-H"),
                                "--data-binary", f"@{self.body}", "-w", "\n%{http_version} %{http_code}", self.url)
        text, _, last = said.rpartition("\n")
        self.assertEqual(last, "2 200")
        self.check(text)

    @has("curl")
    def test_curl_begins_with_it_at_a_loopback_address(self):
        with Gateway(WORKSHOP.replace('listen: {{ mcp: "127.0.0.1:{port}"', 'listen: {{ http2: true, mcp: "127.0.0.1:{port}"'),
                     accept=["shop"]) as gate:
            said = self.run_program("curl", "-sS", "--http2-prior-knowledge", *self.fields("-H", gate),
                                    "--data-binary", f"@{self.body}", "-w", "\n%{http_version} %{http_code}",
                                    f"http://127.0.0.1:{gate.port}/mcp/shop")
        text, _, last = said.rpartition("\n")
        self.assertEqual(last, "2 200")
        self.check(text)

    @has("nghttp")
    def test_nghttp(self):
        self.check(self.run_program("nghttp", "--no-verify-peer", *self.fields("-H"), "-d", str(self.body), self.url))

    @has("h2load")
    def test_h2load(self):
        said = self.run_program("h2load", "-n", "200", "-c", "4", "-m", "10", *self.fields("-H"), "-d", str(self.body), self.url)
        self.assertIn("Application protocol: h2", said)
        self.assertIn("200 succeeded, 0 failed, 0 errored, 0 timeout", said)
        self.assertIn("status codes: 200 2xx", said)


class Renewing(unittest.TestCase):
    """A new certificate reaches clients that keep their connection."""

    def setUp(self):
        self.gate = self.enterContext(SecureGateway(TLS, accept=["shop"]))

    def renew(self):
        self.gate.authority.issue("gate", "DNS:localhost,DNS:new.test", days=90)
        self.gate.hang_up("certificate pki/gate.pem: CN=gate, until")

    def test_a_reload_says_goaway_and_answers_what_was_begun(self):
        context = self.gate.authority.client()
        context.set_alpn_protocols(["h2"])
        body, seen = json.dumps(message("tools/list")).encode(), []
        with self.gate.handshake("localhost", context) as secure:
            connection = H2Connection(H2Configuration())
            connection.initiate_connection()
            fields = {**FIELDS, "Mcp-Method": "tools/list", "Authorization": f"Bearer {self.gate.secrets['bot']}"}
            head = [(":method", "POST"), (":scheme", "https"), (":path", "/mcp/shop"), (":authority", f"localhost:{self.gate.port}")]
            connection.send_headers(1, head + [(name.lower(), value) for name, value in fields.items()])
            connection.send_data(1, body[:10])
            secure.sendall(connection.data_to_send())
            while not seen:  # the server's settings
                seen += connection.receive_data(secure.recv(65536))
            self.renew()
            while piece := secure.recv(65536):
                seen += connection.receive_data(piece)
                if body and any(isinstance(event, ConnectionTerminated) for event in seen):
                    # This library takes nothing more after GOAWAY; RFC 9113 section 6.8 lets streams end.
                    connection.state_machine.state = connection.state_machine.state.__class__.CLIENT_OPEN
                    connection.send_data(1, body[10:], end_stream=True)
                    body = b""
                secure.sendall(connection.data_to_send())
        going = [(event.error_code, event.last_stream_id) for event in seen if isinstance(event, ConnectionTerminated)]
        self.assertEqual(going, [(ErrorCodes.NO_ERROR, 1)])
        head = next(event for event in seen if isinstance(event, ResponseReceived))
        self.assertEqual(dict(head.headers)[b":status"], b"200")
        data = b"".join(event.data for event in seen if isinstance(event, DataReceived))
        self.assertIn("peek", [tool["name"] for tool in json.loads(data)["result"]["tools"]])

    def test_a_client_that_kept_its_connection_is_served_over_a_new_one(self):
        url = f"https://localhost:{self.gate.port}/mcp/shop"
        fields = {**FIELDS, **MIRRORS, "Authorization": f"Bearer {self.gate.secrets['bot']}"}
        with httpx2.Client(verify=self.gate.authority.client(), http1=False, http2=True, timeout=30) as http:
            made = self.gate.handshakes("completed")
            for _ in range(3):
                self.assertEqual(http.post(url, headers=fields, json=PEEK).status_code, 200)
            self.assertEqual(self.gate.handshakes("completed"), made + 1)
            self.renew()
            for _ in range(3):
                self.assertEqual(http.post(url, headers=fields, json=PEEK).status_code, 200)
            self.assertEqual(self.gate.handshakes("completed"), made + 2)
        self.assertEqual(self.gate.names_shown("localhost"), {"localhost", "new.test"})


class Upstream:
    """A scripted server over HTTP/2 alone, by Python's h2.

    The text of `echo` says what becomes of the call: `refused N` resets its stream N times as not worked on, `going`
    says once that the connection ends before it, `broken` resets it as failed, `half` ends the connection in the answer.
    """

    def __init__(self, folder):
        authority = Authority(folder)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(*authority.issue("upstream", "DNS:localhost,IP:127.0.0.1"))
        self.context.set_alpn_protocols(["h2"])
        self.script, self.lock = scripted.Scripted(MODERN), threading.Lock()
        self.connections, self.tries, self.threads, self.open = 0, {}, [], set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads.append(threading.Thread(target=self.accept))
        self.threads[0].start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        for one in list(self.open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads[1:]:
            thread.join()
        self.listener.close()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.serve, args=(plain,)))
            self.threads[-1].start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as secure:
                self.open.add(secure)
                self.talk(secure)
                self.open.discard(secure)
        except OSError:
            plain.close()

    def talk(self, secure):
        self.connections += 1
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        secure.sendall(connection.data_to_send())
        heads, bodies = {}, {}
        while piece := secure.recv(65536):
            for event in connection.receive_data(piece):
                if isinstance(event, RequestReceived):
                    heads[event.stream_id], bodies[event.stream_id] = dict(event.headers), b""
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    stays = self.answer(connection, event.stream_id, heads.pop(event.stream_id), bodies.pop(event.stream_id))
                    secure.sendall(connection.data_to_send())
                    if not stays:
                        return
                elif isinstance(event, (StreamReset, ConnectionTerminated)):
                    pass
            secure.sendall(connection.data_to_send())

    def answer(self, connection, stream, head, body):
        """False where the connection ends with it."""
        asked = json.loads(body)
        text = str(asked.get("params", {}).get("arguments", {}).get("text", ""))
        with self.lock:
            attempt = self.tries[text] = self.tries.get(text, 0) + 1
            fault, _, number = text.partition(" ")
            if fault == "refused" and attempt <= int(number):
                connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
                return True
            if fault == "going" and attempt == 1:
                connection.close_connection(ErrorCodes.NO_ERROR, last_stream_id=stream - 2)
                return False
            if fault == "broken":
                connection.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
                return True
            answers = list(self.script.handle(asked, {name.decode(): value.decode() for name, value in head.items()
                                                      if name.startswith(b"mcp-")}))
        if "id" not in asked:
            connection.send_headers(stream, [(":status", "202")], end_stream=True)
            return True
        streams = asked["method"] == "tools/call"
        kind = "text/event-stream" if streams else "application/json"
        connection.send_headers(stream, [(":status", "200"), ("content-type", kind)])
        if fault == "half":
            connection.send_data(stream, b'data: {"jsonrpc"')
            return False
        for number, said in enumerate(answers):
            last = number == len(answers) - 1
            data = f"data: {said}\n\n".encode() if streams else said.encode()
            for at in range(0, len(data), 1000):
                connection.send_data(stream, data[at:at + 1000], end_stream=last and at + 1000 >= len(data))
        return True


OUTER = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  far: {{ url: "https://localhost:INNER/mcp", ca: ca.pem }}
tools:
"""


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tools = "".join(f"  far.{name}: {{{{ tier: T0, result: own }}}}\n" for name in NAMES)
        cls.gateway = Gateway(OUTER + tools, accept=["far"])
        cls.upstream = Upstream(cls.gateway.folder)
        cls.addClassCleanup(cls.upstream.close)
        text = (OUTER + tools).replace("INNER", str(cls.upstream.port))
        (cls.gateway.folder / "gatehouse.yaml").write_text(text.format(port=cls.gateway.port))
        cls.enterClassContext(cls.gateway)
        cls.agent = HTTPAgent(cls.gateway, MODERN, "far")

    def call(self, text):
        return HTTPAgent(self.gateway, MODERN, "far").call("echo", text=text)

    def test_calls_and_events_share_one_connection(self):
        self.assertEqual(sorted(tool["name"] for tool in all_tools(self.agent)[0]), sorted(NAMES))
        self.call("first")
        before = self.upstream.connections
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(self.call, [f"call {number}" for number in range(30)]))
        self.assertEqual([json.loads(text_of(answer))["text"] for answer in answers], [f"call {number}" for number in range(30)])
        got = self.agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}}, meta={"progressToken": "p"})
        self.assertEqual([step["params"]["progress"] for step in got[:-1]], [1, 2, 3])
        self.assertEqual(self.upstream.connections, before)

    def test_what_was_certainly_not_worked_on_is_sent_again(self):
        for text, tries in (("refused 1", 2), ("refused 2", 3), ("going", 2)):
            with self.subTest(text):
                self.assertEqual(json.loads(text_of(self.call(text)))["text"], text)
                self.assertEqual(self.upstream.tries[text], tries)

    def test_and_not_without_end(self):
        answer = self.call("refused 9")
        self.assertTrue(answer["result"]["isError"], answer)
        self.assertEqual(self.upstream.tries["refused 9"], 3)
        self.assertEqual(json.loads(text_of(self.call("after")))["text"], "after")

    def test_what_may_have_been_worked_on_is_sent_once(self):
        for text in ("broken", "half"):
            with self.subTest(text):
                answer = self.call(text)
                self.assertTrue(answer["result"]["isError"], answer)
                self.assertIn("gave no answer (lost)", text_of(answer))
                self.assertEqual(self.upstream.tries[text], 1)
                self.assertEqual(json.loads(text_of(self.call(f"after {text}")))["text"], f"after {text}")


if __name__ == "__main__":
    unittest.main()
