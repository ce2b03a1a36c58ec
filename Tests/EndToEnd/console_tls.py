"""The console beyond loopback: its own TLS, a name, and a cookie no plain connection carries."""
import http.client
import json
import ssl
import unittest

from certificates import Authority
from harness import PASSPHRASE
from people import CONSOLE, People

SECURE = CONSOLE.replace('listen: "127.0.0.1:{console}"', 'listen: "127.0.0.1:{console}", hosts: [gate.test], '
                         'tls: {{ certificate: console.pem, key: console.key }}')


class Secure(People):
    def __enter__(self):
        self.certify("gate.test")
        return super().__enter__()

    def certify(self, name):
        self.authority = Authority(self.folder)
        self.authority.issue("console", f"DNS:{name}")

    def send(self, method, path, body=None, headers=None, host="gate.test", name="gate.test"):
        context = self.authority.client()
        connection = http.client.HTTPSConnection("127.0.0.1", self.console, timeout=30, context=context)
        connection.connect = lambda: connect(connection, context, name)
        fields = {"Host": f"{host}:{self.console}", **(headers or {})}
        if body is not None:
            fields["Content-Type"] = "application/json"
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, response.headers, text.decode()


def connect(connection, context, name):
    http.client.HTTPConnection.connect(connection)
    connection.sock = context.wrap_socket(connection.sock, server_hostname=name)


class TLS(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Secure(SECURE, tokens=()))

    def test_the_cookie_is_for_this_host_and_https_alone(self):
        status, headers, body = self.gateway.send("POST", "/api/v1/session", {"name": "ana", "passphrase": PASSPHRASE})
        self.assertEqual(status, 200, body)
        name, *words = headers["Set-Cookie"].split("; ")
        self.assertTrue(name.startswith("__Host-gatehouse="))
        self.assertEqual(words, ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"])
        self.assertEqual(headers["Strict-Transport-Security"], "max-age=31536000")
        own = {"Cookie": name, "Gatehouse-Token": json.loads(body)["token"], "Origin": f"https://gate.test:{self.gateway.console}"}
        self.assertEqual(self.gateway.send("GET", "/api/v1/status", headers=own)[0], 200)
        self.assertEqual(self.gateway.send("GET", "/api/v1/status", headers={**own, "Origin": f"http://gate.test:{self.gateway.console}"})[0], 403)
        # A cookie of the name plain HTTP has is none here.
        plain = name.replace("__Host-", "")
        self.assertEqual(self.gateway.send("GET", "/api/v1/status", headers={**own, "Cookie": plain})[0], 401)

    def test_only_the_written_names_are_served(self):
        self.assertEqual(self.gateway.send("GET", "/")[0], 200)
        self.assertEqual(self.gateway.send("GET", "/", host="evil.example")[0], 421)
        self.assertIn(f"https://gate.test:{self.gateway.console}/", self.gateway.run("status", "--json").stdout)

    def test_plain_http_gets_no_answer(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.console, timeout=30)
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            connection.request("GET", "/")
            connection.getresponse()
        connection.close()

    def test_a_renewed_certificate_is_taken_at_a_reload(self):
        before = (self.gateway.folder / "console.pem").read_text()
        self.gateway.certify("gate.test")
        self.assertNotEqual(before, (self.gateway.folder / "console.pem").read_text())
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.gateway.send("GET", "/")
        self.gateway.process.send_signal(1)

        def is_taken():
            try:
                return self.gateway.send("GET", "/")[0] == 200
            except ssl.SSLCertVerificationError:
                return False
        self.gateway.wait_for(is_taken)

    def test_what_others_can_reach_needs_tls_and_a_name(self):
        file = self.gateway.folder / "gatehouse.yaml"
        text = file.read_text()
        for console, problem in (('{ listen: "0.0.0.0:8931" }', "a passphrase would travel in the clear"),
                                 ('{ listen: "0.0.0.0:8931", tls: { certificate: console.pem, key: console.key } }', "the console has no name"),
                                 ('{ listen: "0.0.0.0:8931", hosts: [gate.test], tls: { terminated_by: [10.0.0.1] } }', "speaks TLS itself")):
            other = self.gateway.folder / "other.yaml"
            other.write_text(text.split("\nconsole:")[0] + f"\nconsole: {console}\n")
            said = self.gateway.run("check", "--config", "other.yaml")
            self.assertEqual(said.returncode, 2, said.stdout + said.stderr)
            self.assertIn(problem, said.stdout + said.stderr)


if __name__ == "__main__":
    unittest.main()
