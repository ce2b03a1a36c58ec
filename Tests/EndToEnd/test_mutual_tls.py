"""Client certificates as credentials, and who may connect at all; every allow has its deny."""
import asyncio
import hashlib
import json
import socket
import ssl
import unittest

import httpx2
from certificates import Authority
from harness import WORKSHOP
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from metrics import Metrics
from test_tls import SecureGateway

LISTEN = """listen:
  mcp: "127.0.0.1:{port}"
  control: "127.0.0.1:{control}"
  tls: {{ certificate: pki/gate.pem, key: pki/gate.key, clients: {{ ca: pki/agents.pem }} }}
"""
MUTUAL = WORKSHOP.replace('listen: {{ mcp: "127.0.0.1:{port}" }}\n', LISTEN) + """
tenants:
  acme:
    servers:
      acmeshop:
        command: [/usr/bin/python3, "{servers}/workshop.py"]
        cage: {{ minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits] }}
    tools:
      acmeshop.peek: {{ tier: T0 }}
"""
AGENT = "URI:spiffe://acme/bot,DNS:bot.acme.test,email:bot@acme.test"


class MutualGateway(SecureGateway):
    def __init__(self, configuration=MUTUAL, **more):
        super().__init__(configuration, **more)
        self.agents = Authority(self.folder / "pki", "agents")

    def client(self, certificate=None):
        return self.authority.client(certificate)

    def tools(self, certificate=None, token=None, server=None):
        """The names of what is listed, or the status of the refusal."""
        fields = {"Authorization": f"Bearer {self.secrets[token]}"} if token else {}
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        path = f"/mcp/{server}" if server else "/mcp"
        with httpx2.Client(verify=self.client(certificate), timeout=30) as http:
            answer = http.post(f"https://localhost:{self.port}{path}", json=body, headers={
                "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "tools/list", **fields})
        if answer.status_code != 200:
            return answer.status_code
        return sorted(tool["name"] for tool in answer.json()["result"]["tools"])

    def map(self, owner, name, *options):
        output = self.decide("tokens", "issue", owner, "--certificate", name, *options)
        return output.split("token ")[1].split(":")[0]


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = cls.enterClassContext(MutualGateway(accept=["shop"]))
        cls.gate.wait_for(lambda: any(t["tenant"] == "acme" and t["state"] == "hidden"
                                      for t in json.loads(cls.gate.run("tools", "list", "--json").stdout)))
        cls.gate.decide("tools", "approve", "acmeshop", "--tenant", "acme")

    def issue(self, name, names=AGENT, **more):
        return self.gate.agents.issue(name, names, **more)

    def refused_to_issue(self, reason, name, *options):
        status, output = self.gate.ask(["tokens", "issue", "x", "--certificate", name, "--approver", "ana", *options],
                                       [("passphrase of ana", "correct horse battery")])
        self.assertNotEqual(status, 0)
        self.assertIn(reason, output)

    def test_a_certificate_is_the_credential_that_names_it(self):
        bot = self.issue("bot", "URI:spiffe://acme/one")
        self.assertEqual(self.gate.tools(bot), 401)
        token = self.gate.map("robot", "uri:spiffe://acme/one")
        self.assertIn("shop__peek", self.gate.tools(bot))

        async def call():
            async with httpx2.AsyncClient(verify=self.gate.client(bot), timeout=30) as http:
                url = f"https://localhost:{self.gate.port}/mcp/shop"
                async with Client(streamable_http_client(url, http_client=http)) as client:
                    return await client.call_tool("peek", {"key": "plans"})
        self.assertFalse(asyncio.run(call()).is_error)
        intents = [r for r in self.gate.records() if r["kind"] == "intent" and r.get("principal") == "robot"]
        self.assertEqual(len(intents), 1)
        issued = [r for r in self.gate.records() if r["kind"] == "token" and r["detail"].get("id") == token]
        self.assertEqual([r["detail"]["certificate"] for r in issued], ["uri:spiffe://acme/one"])
        self.gate.run("tokens", "revoke", token)
        self.assertEqual(self.gate.tools(bot), 401)

    def test_each_kind_of_name_counts_exactly(self):
        cases = {"dns:two.acme.test": "DNS:two.acme.test", "email:two@acme.test": "email:two@acme.test",
                 "subject:CN=two,O=Acme": "URI:x:y"}
        for number, (name, names) in enumerate(cases.items()):
            with self.subTest(name):
                mine = self.issue(f"mine{number}", names, subject="/O=Acme/CN=two" if "subject" in name else None)
                near = self.issue(f"near{number}", names.replace("two", "TWO").replace("x:y", "x:z"))
                token = self.gate.map("two", name)
                self.assertIn("shop__peek", self.gate.tools(mine))
                self.assertEqual(self.gate.tools(near), 401)
                self.gate.run("tokens", "revoke", token)
        mine = self.issue("whole", "DNS:whole.test")
        again = self.issue("again", "DNS:whole.test")
        der = ssl.PEM_cert_to_DER_cert(mine[0].read_text())
        self.gate.map("whole", "sha256:" + hashlib.sha256(der).hexdigest())
        self.assertIn("shop__peek", self.gate.tools(mine))
        self.assertEqual(self.gate.tools(again), 401)

    def test_the_tenant_is_the_credentials_whatever_the_certificate_says(self):
        ours = self.issue("ours", "DNS:ours.test", subject="/O=acme/CN=acme")
        theirs = self.issue("theirs", "DNS:theirs.test", subject="/O=main/CN=main")
        self.gate.map("ours", "dns:ours.test")
        self.gate.map("theirs", "dns:theirs.test", "--tenant", "acme")
        self.assertEqual({n.split("__")[0] for n in self.gate.tools(ours)}, {"shop"})
        self.assertEqual({n.split("__")[0] for n in self.gate.tools(theirs)}, {"acmeshop"})
        self.assertEqual(self.gate.tools(theirs, server="shop"), 404)

    def test_what_else_a_credential_says_holds(self):
        reader = self.issue("reader", "DNS:reader.test")
        self.gate.map("reader", "dns:reader.test", "--tier", "T0", "--allow-from", "127.0.0.0/8", "--server", "shop")
        self.assertEqual(self.gate.tools(reader), ["shop__peek", "shop__wait"])
        far = self.issue("far", "DNS:far.test")
        self.gate.map("far", "dns:far.test", "--allow-from", "192.0.2.0/24")
        self.assertEqual(self.gate.tools(far), 401)

    def test_a_token_goes_before_a_certificate(self):
        named = self.issue("named", "DNS:named.test")
        self.gate.map("named", "dns:named.test", "--tier", "T0")
        self.assertIn("shop__destroy", self.gate.tools(named, token="bot"))
        self.gate.secrets["wrong"] = "gh_wrong"
        self.assertEqual(self.gate.tools(named, token="wrong"), 401)

    def test_names_of_several_credentials_are_nobody(self):
        both = self.issue("both", "DNS:both-a.test,DNS:both-b.test")
        token = self.gate.map("a", "dns:both-a.test")
        self.assertIn("shop__peek", self.gate.tools(both))
        self.gate.map("b", "dns:both-b.test")
        self.assertEqual(self.gate.tools(both), 401)
        self.gate.run("tokens", "revoke", token)
        self.assertIn("shop__peek", self.gate.tools(both))

    def test_certificates_of_others_and_old_ones_end_in_the_handshake(self):
        stranger = Authority(self.gate.folder / "pki", "strangers").issue("stranger", AGENT)
        # The gateway's own authority signs servers, not agents.
        own = self.gate.authority.issue("own", AGENT)
        for certificate in (stranger, own, self.issue("old", AGENT, days=-1)):
            with self.subTest(certificate[0].name), self.assertRaises((httpx2.TransportError, ssl.SSLError)):
                self.gate.tools(certificate)

    def test_without_a_certificate_a_token_is_needed_and_enough(self):
        self.assertEqual(self.gate.tools(), 401)
        self.assertIn("shop__peek", self.gate.tools(token="bot"))

    def test_what_cannot_be_mapped(self):
        for name in ("bot", "cn:bot", "dns:", "sha256:00", "sha256:" + "A" * 64, "uri:spiffe://acme/\u00e4"):
            self.refused_to_issue("names no certificate", name)
        self.gate.map("twice", "dns:twice.test")
        self.refused_to_issue("is the credential of `twice` already", "dns:twice.test")
        self.refused_to_issue("a credential without a secret", "dns:x.test", "--to", "/tmp/x")

    def test_the_list_shows_the_name_and_no_secret(self):
        self.gate.map("listed", "dns:listed.test")
        found = [t for t in json.loads(self.gate.run("tokens", "list", "--json").stdout) if t["owner"] == "listed"]
        self.assertEqual([t["certificate"] for t in found], ["dns:listed.test"])
        self.assertIsNone(found[0]["hash"])


class Required(unittest.TestCase):
    def test_a_required_certificate_comes_before_any_token(self):
        text = MUTUAL.replace("ca: pki/agents.pem", "ca: pki/agents.pem, required: true")
        with MutualGateway(text, accept=["shop"]) as gate:
            with self.assertRaises((httpx2.TransportError, ssl.SSLError)):
                gate.tools(token="bot")
            certificate = gate.agents.issue("bot", AGENT)
            self.assertEqual(gate.tools(certificate), 401)
            self.assertIn("shop__peek", gate.tools(certificate, token="bot"))
            gate.map("robot", "uri:spiffe://acme/bot")
            # Mapped names are still there after a restart, and new authorities only then.
            gate.stop()
            gate.start()
            gate.wait_for_server("shop")
            self.assertIn("shop__peek", gate.tools(certificate))
            others = Authority(gate.folder / "pki", "others")
            gate.agents.file.write_text(others.file.read_text())
            gate.hang_up("the authorities of client certificates changed on the disk")
            self.assertIn("shop__peek", gate.tools(certificate))
            with self.assertRaises((httpx2.TransportError, ssl.SSLError)):
                gate.tools(others.issue("other", AGENT))


class Addresses(unittest.TestCase):
    def gateway(self, sources):
        return SecureGateway(MUTUAL.replace(", clients: {{ ca: pki/agents.pem }}", "")
                             .replace("  control:", f"  allow_from: [{sources}]\n  control:"))

    def test_a_listener_serves_the_addresses_it_may(self):
        with self.gateway('"127.0.0.0/8"') as gate, gate.handshake("localhost") as secure:
            self.assertEqual(gate.request(secure), 401)

    def test_everybody_else_is_cut_off_before_the_first_byte(self):
        with self.gateway('192.0.2.7, "10.0.0.0/8"') as gate:
            before = Metrics(gate.control)("gatehouse_connections_refused_total", reason="address")
            with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as plain:
                self.assertEqual(plain.recv(1), b"")
            self.assertEqual(Metrics(gate.control)("gatehouse_connections_refused_total", reason="address"), before + 1)
            self.assertEqual(gate.handshakes("left") + gate.handshakes("failed"), 0)

    def test_a_certificate_is_no_credential_where_nobody_asks_for_one(self):
        with self.gateway('"127.0.0.1"') as gate:
            status, output = gate.ask(["tokens", "issue", "x", "--certificate", "dns:x.test", "--approver", "ana"],
                                      [("passphrase of ana", "correct horse battery")])
            self.assertNotEqual(status, 0)
            self.assertIn("asks nobody for a certificate", output)


if __name__ == "__main__":
    unittest.main()
