"""TLS at the agents' listener: certificates by name, reload, refusals, and the official client over https."""
import asyncio
import json
import re
import shutil
import signal
import socket
import ssl
import unittest
import warnings

import httpx2
from certificates import Authority
from harness import Gateway, free_port
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from metrics import Metrics, get

TLS = """
gatehouse: 1
environment: staging
listen:
  mcp: "0.0.0.0:{port}"
  control: "127.0.0.1:{control}"
  hosts: [127.0.0.1, localhost, other.test]
  tls:
    certificates:
      - {{ certificate: pki/gate.pem, key: pki/gate.key }}
      - {{ certificate: pki/other.pem, key: pki/other.key }}
servers:
  shop:
    command: [/usr/bin/python3, "{servers}/workshop.py"]
    cage:
      read: {{ /data/docs: ./docs }}
      write: {{ /data/out: ./out }}
      minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]
tools:
  shop.peek: {{ tier: T0 }}
"""


class SecureGateway(Gateway):
    """A gateway with an authority of its own, whose certificates lie in `pki`."""

    def __init__(self, configuration, **more):
        self.control = free_port()
        super().__init__(configuration.replace("{control}", str(self.control)), **more)
        (self.folder / "pki").mkdir()
        self.authority = Authority(self.folder / "pki")
        self.authority.issue("gate", "DNS:localhost,IP:127.0.0.1")
        self.authority.issue("other", "DNS:other.test", kind="rsa")

    def handshake(self, name=None, context=None, **more):
        """A TLS connection; asks for `name` and believes the authority."""
        context = context or self.authority.client()
        if name is None:
            context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        try:
            return context.wrap_socket(plain, server_hostname=name, **more)
        except BaseException:
            plain.close()
            raise

    def names_shown(self, name=None):
        with self.handshake(name) as secure:
            return {value for _, value in secure.getpeercert()["subjectAltName"]}

    def request(self, secure, token=None, body=b"", host="localhost"):
        """One request on an open connection; the status."""
        fields = [f"Host: {host}", f"Content-Length: {len(body)}", "Content-Type: application/json",
                  "Accept: application/json, text/event-stream"]
        if token:
            fields.append(f"Authorization: Bearer {self.secrets[token]}")
        secure.sendall(("POST /mcp HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = secure.recv(65536)
            if not piece:
                break
            answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        wanted = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        while len(rest) < wanted:
            rest += secure.recv(65536)
        return int(head.split(b" ")[1])

    def handshakes(self, result):
        return Metrics(self.control)("gatehouse_tls_handshakes_total", result=result)

    def hang_up(self, line):
        """SIGHUP, and the line of the log that says what came of it."""
        seen = self.log_text().count(line)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.log_text().count(line) > seen)


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = cls.enterClassContext(SecureGateway(TLS, accept=["shop"]))

    def test_the_official_client_calls_a_tool_over_https_with_a_custom_authority(self):
        async def go():
            context = self.gate.authority.client()
            fields = {"Authorization": f"Bearer {self.gate.secrets['bot']}"}
            async with httpx2.AsyncClient(verify=context, headers=fields, timeout=30) as http:
                url = f"https://localhost:{self.gate.port}/mcp/shop"
                async with Client(streamable_http_client(url, http_client=http)) as client:
                    listed = [tool.name for tool in (await client.list_tools()).tools]
                    result = await client.call_tool("peek", {"key": "plans"})
                    return listed, result
        listed, result = asyncio.run(go())
        self.assertIn("peek", listed)
        self.assertFalse(result.is_error)
        self.assertIn("plans", str(result.content))

    def test_a_client_that_does_not_know_the_authority_refuses(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.gate.handshake("localhost", ssl.create_default_context())

    def test_each_name_is_shown_its_certificate_and_others_the_first(self):
        self.assertEqual(self.gate.names_shown("localhost"), {"localhost", "127.0.0.1"})
        self.assertEqual(self.gate.names_shown("other.test"), {"other.test"})
        self.assertEqual(self.gate.names_shown(None), {"localhost", "127.0.0.1"})
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.gate.handshake("nobody.test")

    def test_requests_to_each_name_are_served_with_a_credential_alone(self):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
        for name in ("localhost", "other.test"):
            with self.gate.handshake(name) as secure:
                self.assertEqual(self.gate.request(secure, None, body, name), 401)
                self.assertEqual(self.gate.request(secure, "bot", body, "nobody.test"), 421)
                # Without a session the message is refused, by what comes behind the credential.
                self.assertEqual(self.gate.request(secure, "bot", body, name), 400)

    def test_what_is_agreed_on(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.gate.authority.client()
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["http/1.1"])
            with self.gate.handshake("localhost", context) as secure:
                self.assertEqual(secure.version(), version.name.replace("_", "."))
                self.assertEqual(secure.selected_alpn_protocol(), "http/1.1")
                self.assertRegex(secure.cipher()[0], "GCM|CHACHA20")

    def test_what_is_not_agreed_on(self):
        def old(context):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")

        def weak(context):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:AES128-SHA256")
        for change, reason in ((old, "version"), (weak, "handshake failure"),
                               (lambda c: c.set_alpn_protocols(["spdy/1"]), "no application protocol")):
            context = self.gate.authority.client()
            with self.subTest(reason), warnings.catch_warnings(action="ignore"):
                change(context)
                with self.assertRaises(ssl.SSLError) as raised:
                    self.gate.handshake("localhost", context)
                self.assertIn(reason, str(raised.exception).lower().replace("_", " "))

    def test_plain_http_is_no_tls(self):
        before = self.gate.handshakes("failed")
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            try:
                while piece := plain.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
        self.assertNotIn(b"HTTP/1.1 200", answer)
        self.gate.wait_for(lambda: self.gate.handshakes("failed") > before)
        self.assertIn("no TLS with 127.0.0.1:", self.gate.log_text())

    def test_a_client_that_leaves_early_is_counted_and_not_spoken_of(self):
        before = self.gate.handshakes("left")
        socket.create_connection(("127.0.0.1", self.gate.port), timeout=30).close()
        self.gate.wait_for(lambda: self.gate.handshakes("left") > before)

    def test_status_and_the_address_file_say_https(self):
        wanted = f"https://0.0.0.0:{self.gate.port}/mcp"
        self.assertEqual(json.loads(self.gate.run("status", "--json").stdout)["mcp"], wanted)
        self.assertEqual((self.gate.folder / "state/address").read_text(), wanted + "\n")


class Reloading(unittest.TestCase):
    def setUp(self):
        self.gate = self.enterContext(SecureGateway(TLS))
        self.body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()

    def expiry(self, file="pki/gate.pem"):
        return Metrics(self.gate.control)("gatehouse_tls_certificate_expiry_seconds", file=file)

    def test_a_new_certificate_is_taken_over_and_connections_go_on(self):
        with self.gate.handshake("localhost") as old:
            self.assertEqual(self.gate.request(old, "bot", self.body), 400)
            before = self.expiry()
            self.gate.authority.issue("gate", "DNS:localhost,DNS:new.test", days=90)
            self.gate.hang_up("certificate pki/gate.pem: CN=gate, until")
            self.assertEqual(self.gate.names_shown("localhost"), {"localhost", "new.test"})
            self.assertGreater(self.expiry(), before + 80 * 86400)
            self.assertEqual(self.gate.request(old, "bot", self.body), 400)

    def test_a_broken_new_certificate_keeps_the_old_and_says_so(self):
        gate, pki = self.gate, self.gate.folder / "pki"
        good = (pki / "gate.key").read_bytes()

        def mismatch():
            shutil.copy(pki / "other.key", pki / "gate.key")

        def open_to_others():
            (pki / "gate.key").write_bytes(good)
            (pki / "gate.key").chmod(0o640)

        def no_certificate():
            (pki / "gate.key").chmod(0o600)
            (pki / "gate.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n")
        def missing():
            gate.authority.issue("gate", "DNS:localhost")
            (pki / "other.pem").unlink()
        for change, reason in ((mismatch, "its key is not the certificate's"), (open_to_others, "the key may be read by others"),
                               (no_certificate, "it is no certificate in PEM form"),
                               (missing, "pki/other.pem`: ")):
            with self.subTest(reason):
                change()
                gate.hang_up("certificates not reloaded, the old ones stay")
                self.assertIn(reason, gate.log_text().rsplit("the old ones stay", 1)[1])
                self.assertEqual(gate.names_shown("localhost"), {"localhost", "127.0.0.1"})
                self.assertEqual(Metrics(gate.control)("gatehouse_tls_certificates_refused"), 1)
                self.assertIn("tls: the certificates on the disk were not taken", get(gate.control, "/readyz")[2])
        gate.authority.issue("gate", "DNS:localhost")
        gate.authority.issue("other", "DNS:other.test")
        gate.hang_up("certificate pki/other.pem: CN=other, until 20")
        self.assertEqual(Metrics(gate.control)("gatehouse_tls_certificates_refused"), 0)
        self.assertEqual(gate.names_shown("localhost"), {"localhost"})


class Starting(unittest.TestCase):
    """What `check` says of certificates, and what keeps a gateway from starting."""

    def setUp(self):
        self.gate = SecureGateway(TLS)
        self.addCleanup(self.gate.__exit__)

    def warnings(self):
        answer = json.loads(self.gate.run("check", "--json").stdout)
        return [w["problem"] + " | " + w.get("hint", "") for w in answer["warnings"] if "ertificate" in w["problem"]]

    def test_check_is_content_with_good_ones(self):
        self.gate.authority.issue("gate", "DNS:localhost,IP:127.0.0.1", days=90)
        self.gate.authority.issue("other", "DNS:other.test", days=90)
        self.assertEqual(self.said([]), [])

    def said(self, expected):
        found = self.warnings()
        self.assertEqual(len(found), len(expected), found)
        for text in expected:
            self.assertTrue(any(text in line for line in found), (text, found))
        return found

    def test_check_warns_of_the_end(self):
        self.gate.authority.issue("gate", "DNS:localhost,IP:127.0.0.1", days=20)
        self.gate.authority.issue("other", "DNS:other.test", days=-1)
        self.said(["certificate `pki/gate.pem` expires in 19 days", "certificate `pki/other.pem` expired at 20"])

    def test_check_warns_of_names(self):
        self.gate.authority.issue("gate", "DNS:localhost,DNS:stray.test,DNS:*.wild.test", days=90)
        self.gate.authority.issue("other", "DNS:other.test", days=90)
        self.said(["no certificate is for `127.0.0.1`", "a certificate is for `stray.test`, which `hosts` does not name"])

    def test_check_warns_of_a_key_that_does_not_fit_and_the_gateway_does_not_start(self):
        pki = self.gate.folder / "pki"
        shutil.copy(pki / "other.key", pki / "gate.key")
        self.said(["its key is not the certificate's; they do not belong together; the gateway does not start"])
        self.refused("its key is not the certificate's")

    def test_of_the_authorities_of_clients_all_count_or_the_gateway_does_not_start(self):
        file = self.gate.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("  tls:\n", "  tls:\n    clients: { ca: pki/agents.pem }\n"))
        agents = self.gate.folder / "pki/agents.pem"
        good = (self.gate.folder / "pki/ca.pem").read_text()
        block = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
        agents.write_text(good * 256)
        self.assertNotIn("agents.pem", " ".join(self.warnings()))
        for text, said in ((good * 257, "it holds more than 256 certificates"),
                           (good + block + good, "a certificate in it cannot be read (bad base64 decode); none of it is used")):
            agents.write_text(text)
            self.said([f"certificate `pki/agents.pem`: {said}; the gateway does not start"])
            self.refused(said)

    def test_a_key_that_others_may_read_is_refused(self):
        (self.gate.folder / "pki/gate.key").chmod(0o604)
        self.said(["the key may be read by others; the gateway does not start | chmod 600 pki/gate.key"])
        self.refused("the key may be read by others")

    def test_a_key_behind_a_link_is_the_file_it_leads_to(self):
        pki = self.gate.folder / "pki"
        (pki / "gate.key").rename(pki / "gate-1.key")
        (pki / "gate.key").symlink_to("gate-1.key")
        self.assertNotIn("key", " ".join(self.warnings()))
        (pki / "gate-1.key").chmod(0o644)
        self.refused("the key may be read by others")

    def test_what_a_listener_for_others_needs(self):
        file = self.gate.folder / "gatehouse.yaml"
        text = file.read_text()
        start, end = text.index("  tls:"), text.index("servers:")
        for tls, said in ((text[:start] + text[end:], "is not a loopback address and has no TLS"),
                          (text[:start] + "  open: true\n" + text[start:], "`open: true` is for loopback addresses only"),
                          (text[:start] + "  tls: { certificate: a.pem }\n" + text[end:], "`certificate` and `key` go together"),
                          (text[:start] + "  tls: {}\n" + text[end:], "`tls` says nothing"),
                          (text[:start] + "  tls: { certificate: a, key: b, terminated_by: [127.0.0.1] }\n" + text[end:],
                           "either the gateway speaks TLS or a proxy"),
                          (text[:start] + "  tls: { certificates: [] }\n" + text[end:], "must have 1 to 64 entries")):
            with self.subTest(said):
                file.write_text(tls)
                self.refused(said)

    def refused(self, text):
        answer = self.gate.run("up", "--listen", f"0.0.0.0:{self.gate.port}")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn(text, answer.stderr)


if __name__ == "__main__":
    unittest.main()
