"""HTTP/2 on both sides: the official client over it, the same refusals as HTTP/1.1, an upstream that agrees on it."""
import asyncio
import json
import unittest

import httpx2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded
from harness import WORKSHOP, Gateway
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from test_mutual_tls import AGENT, MutualGateway
from test_tls import SecureGateway

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
FIELDS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json",
          "MCP-Protocol-Version": "2026-07-28"}


def message(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}


class Agents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = cls.enterClassContext(MutualGateway(accept=["shop"]))

    def clients(self, **more):
        """One client of each version, believing the authority."""
        for newer in (False, True):
            with httpx2.Client(verify=self.gate.client(more.get("certificate")), http1=not newer, http2=newer,
                               timeout=30) as http:
                yield "HTTP/2" if newer else "HTTP/1.1", http

    @property
    def url(self):
        return f"https://localhost:{self.gate.port}/mcp/shop"

    def authorized(self, **more):
        return {**FIELDS, "Authorization": f"Bearer {self.gate.secrets['bot']}", **more}

    def test_the_official_client_calls_tools_over_it_in_both_generations(self):
        async def go(**mode):
            versions = set()

            async def note(response):
                versions.add(response.http_version)
            fields = {"Authorization": f"Bearer {self.gate.secrets['bot']}"}
            async with httpx2.AsyncClient(verify=self.gate.client(), headers=fields, timeout=30, http1=False,
                                          http2=True, event_hooks={"response": [note]}) as http:
                async with Client(streamable_http_client(self.url, http_client=http), **mode) as client:
                    listed = [tool.name for tool in (await client.list_tools()).tools]
                    # Many calls at once share the connection.
                    results = await asyncio.gather(*(client.call_tool("peek", {"key": f"k{n}"}) for n in range(20)))
                    return versions, listed, results
        for mode in ({"mode": "legacy"}, {"mode": "auto"}):
            with self.subTest(mode):
                versions, listed, results = asyncio.run(go(**mode))
                self.assertEqual(versions, {"HTTP/2"})
                self.assertIn("peek", listed)
                for number, result in enumerate(results):
                    self.assertFalse(result.is_error)
                    self.assertIn(f"k{number}", str(result.content))

    def test_refusals_are_the_same_in_both_versions(self):
        listing = message("tools/list")
        cases = [
            (self.authorized(**{"Mcp-Method": "tools/list"}), listing, 200),
            ({**FIELDS, "Mcp-Method": "tools/list"}, listing, 401),
            (self.authorized(**{"Mcp-Method": "tools/list", "Authorization": "Bearer no"}), listing, 401),
            (self.authorized(**{"Mcp-Method": "tools/list", "Host": "other.example"}), listing, 421),
            (self.authorized(**{"Mcp-Method": "tools/list", "Origin": "https://evil.example"}), listing, 403),
            (self.authorized(**{"Mcp-Method": "tools/call"}), listing, 400),
            (self.authorized(**{"Content-Type": "text/plain"}), listing, 415),
            (self.authorized(**{"X-Long": "x" * (16 << 10)}), listing, 431),
            (self.authorized(), {"x": "y" * (1 << 20)}, 413),
        ]
        for fields, body, status in cases:
            answers = {}
            for version, http in self.clients():
                answer = http.post(self.url, headers=fields, json=body)
                self.assertEqual(answer.http_version, version)
                answers[version] = (answer.status_code, answer.headers.get("www-authenticate"),
                                    answer.headers.get("content-type"))
            with self.subTest(status=status, fields=str(fields)[:80]):
                self.assertEqual(answers["HTTP/2"], answers["HTTP/1.1"])
                self.assertEqual(answers["HTTP/2"][0], status)

    def test_a_certificate_is_the_credential_of_each_request_until_it_is_revoked(self):
        certificate = self.gate.agents.issue("two", AGENT.replace("/bot", "/two"))
        identity = self.gate.map("carl", "uri:spiffe://acme/two")
        fields = {**FIELDS, "Mcp-Method": "tools/list"}
        with httpx2.Client(verify=self.gate.client(certificate), http1=False, http2=True, timeout=30) as http:
            self.assertEqual(http.post(self.url, headers=fields, json=message("tools/list")).status_code, 200)
            self.gate.run("tokens", "revoke", identity)
            answer = http.post(self.url, headers=fields, json=message("tools/list"))
            self.assertEqual((answer.status_code, answer.http_version), (401, "HTTP/2"))

    def test_what_was_begun_is_answered_when_the_gateway_stops(self):
        gate = self.enterContext(SecureGateway(WORKSHOP.replace(
            'listen: {{ mcp: "127.0.0.1:{port}" }}',
            'listen: {{ mcp: "127.0.0.1:{port}", control: "127.0.0.1:{control}", '
            'tls: {{ certificate: pki/gate.pem, key: pki/gate.key }} }}'), accept=["shop"]))
        context = gate.authority.client()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with gate.handshake("localhost", context) as secure:
            self.assertEqual(secure.selected_alpn_protocol(), "h2")
            connection = H2Connection(H2Configuration())
            connection.initiate_connection()
            body = json.dumps(message("tools/list")).encode()
            connection.send_headers(1, [
                (":method", "POST"), (":scheme", "https"), (":path", "/mcp/shop"), (":authority", f"localhost:{gate.port}"),
                ("authorization", f"Bearer {gate.secrets['bot']}"), ("mcp-method", "tools/list"),
                *((name.lower(), value) for name, value in FIELDS.items())])
            # Half of the request is there when the signal comes, so that there is something to wait for.
            connection.send_data(1, body[:10])
            secure.sendall(connection.data_to_send())
            seen, stopping = [], False
            while piece := secure.recv(65536):
                seen += connection.receive_data(piece)
                if not stopping:
                    stopping = True
                    gate.process.terminate()
                if any(isinstance(event, ConnectionTerminated) for event in seen) and body:
                    connection.state_machine.state = connection.state_machine.state.__class__.CLIENT_OPEN
                    connection.send_data(1, body[10:], end_stream=True)
                    body = b""
                secure.sendall(connection.data_to_send())
        ended = [event for event in seen if isinstance(event, ConnectionTerminated)]
        self.assertEqual([(event.error_code, event.last_stream_id) for event in ended], [(0, 1)])
        heads = [event for event in seen if isinstance(event, ResponseReceived)]
        self.assertEqual(dict(heads[0].headers)[b":status"], b"200")
        self.assertTrue(any(isinstance(event, StreamEnded) for event in seen))
        data = b"".join(event.data for event in seen if isinstance(event, DataReceived))
        self.assertIn("peek", [tool["name"] for tool in json.loads(data)["result"]["tools"]])


OUTER = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
secrets: {{ key: {{ file: ./key }} }}
servers:
  newer: {{ url: "https://localhost:INNER/mcp/shop", credential: key, ca: ca.pem }}
  older: {{ url: "https://localhost:INNER/mcp/shop", credential: key, ca: ca.pem, http2: false }}
tools:
  newer.peek: {{ tier: T0 }}
  older.peek: {{ tier: T0 }}
"""


class Upstreams(unittest.TestCase):
    def test_a_server_that_agrees_on_it_gets_all_calls_on_one_connection(self):
        inner = self.enterContext(MutualGateway(accept=["shop"]))
        outer = Gateway(OUTER.replace("INNER", str(inner.port)), accept=["newer", "older"])
        (outer.folder / "key").write_text(inner.secrets["bot"])
        (outer.folder / "key").chmod(0o600)
        (outer.folder / "ca.pem").write_bytes(inner.authority.file.read_bytes())
        outer = self.enterContext(outer)

        async def calls(server, count):
            fields = {"Authorization": f"Bearer {outer.secrets['bot']}"}
            async with httpx2.AsyncClient(headers=fields, timeout=60) as http:
                async with Client(streamable_http_client(outer.url(server), http_client=http)) as client:
                    return await asyncio.gather(*(client.call_tool("peek", {"key": f"k{n}"}) for n in range(count)))
        made = {}
        for server in ("newer", "older"):
            before = inner.handshakes("completed")
            results = asyncio.run(calls(server, 30))
            made[server] = inner.handshakes("completed") - before
            for number, result in enumerate(results):
                self.assertFalse(result.is_error, result)
                self.assertIn(f"k{number}", str(result.content))
        # The connection of the start carries them all, or one other where that was idle for too long.
        self.assertLessEqual(made["newer"], 1)


if __name__ == "__main__":
    unittest.main()
