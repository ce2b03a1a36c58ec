"""Where secrets come from: the embedded store, programs, variables, and a vault."""
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import PASSPHRASE, Gateway
from test_egress import PROBER
from test_secrets import echo
from web import Site, certificate

CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
secrets:
  kept: {{ stored: true }}
  printed: {{ command: [/bin/cat, FOLDER/printed] }}
  named: {{ env: E2E_NAMED_SECRET }}
  far: {{ vault: {{ url: "https://127.0.0.1:VAULT", path: apps/forge, key: token, token: {{ file: ./vault-token }}, ca: ./certs/site.pem }} }}
  gone: {{ vault: {{ url: "https://127.0.0.1:VAULT", path: apps/none, token: {{ file: ./vault-token }}, ca: ./certs/site.pem }} }}
servers:
  probe:
    command: [/usr/bin/python3, ./prober.py]
    env: {{ KEPT: {{ secret: kept }}, FAR: {{ secret: far }} }}
    secrets:
      - {{ secret: kept, host: "api.example.com:TLS", ca: ./certs/site.pem }}
      - {{ secret: far, host: "api.example.com:TLS", header: x-api-key, value: "{{secret}}", ca: ./certs/site.pem }}
    cage: {{ network: {{ allow: [{{ host: "api.example.com:TLS", addresses: [127.0.0.1] }}] }} }}
tools:
  probe.get: {{ tier: T0 }}
  probe.environment: {{ tier: T0 }}
"""


class Vault(Site):
    """The KV engine, version 2, as its HTTP API describes it."""

    def __init__(self, chain, key, token):
        self.token, self.data, self.is_sealed = token, {}, False
        super().__init__(chain, key, answer=self.answer)

    def answer(self, handler, _):
        status, body = 404, {"errors": []}
        if self.is_sealed:
            status, body = 503, {"errors": ["Vault is sealed"]}
        elif handler.headers.get("X-Vault-Token") != self.token or handler.headers.get("X-Vault-Request") != "true":
            status, body = 403, {"errors": ["permission denied"]}
        elif (found := self.data.get(handler.path)) is not None:
            status, body = 200, {"request_id": "1", "data": {"data": found, "metadata": {"version": 3, "destroyed": False}}}
        handler.reply(status, json.dumps(body).encode(), type="application/json")


class Sources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        chain, key = certificate(cls.folder / "site", "api.example.com", "127.0.0.1")
        cls.vault = cls.enterClassContext(Vault(chain, key, "hvs.the-token"))
        cls.site = cls.enterClassContext(Site(chain, key, answer=echo))
        cls.vault.data = {"/v1/secret/data/apps/forge": {"token": "far-secret-value-1"},
                          "/v1/secret/data/apps/none": {"value": "present-at-first"}}
        gateway = Gateway("gatehouse: 1\n", tokens=["bot"])
        text = CONFIGURATION.format(port=gateway.port, venv="", servers="")
        for word, value in (("VAULT", cls.vault.port), ("TLS", cls.site.port), ("FOLDER", gateway.folder)):
            text = text.replace(word, str(value))
        (gateway.folder / "gatehouse.yaml").write_text(text)
        shutil.copy(PROBER, gateway.folder / "prober.py")
        os.chmod(gateway.folder / "prober.py", 0o644)
        (gateway.folder / "certs").mkdir()
        shutil.copy(chain, gateway.folder / "certs/site.pem")
        for name, value in (("vault-token", "hvs.the-token"), ("printed", "printed-secret-value")):
            (gateway.folder / name).write_text(value + "\n")
            os.chmod(gateway.folder / name, 0o600)
        gateway.environment["E2E_NAMED_SECRET"] = "named-secret-value"
        cls.gateway = cls.enterClassContext(gateway)

    def set(self, name, value):
        return self.gateway.ask(["secrets", "set", name, "--approver", "ana"],
                                [(f"value of {name}", value), ("passphrase of ana", PASSPHRASE)])

    def told(self, name):
        return json.loads(self.gateway.run("secrets", "test", name, "--json").stdout)

    def call(self, tool, **arguments):
        _, _, answer = self.gateway.modern("tools/call", {"name": tool, "arguments": arguments}, path="/mcp/probe")
        lines = "\n".join(c.get("text", "") for c in answer["result"]["content"]).split("\n")
        return json.loads("\n".join(line for line in lines if "UNTRUSTED_EXTERNAL_DATA" not in line))

    def sent(self, header, variable):
        value = f"<{variable}>"
        self.call("get", url=f"https://api.example.com:{self.site.port}/",
                  headers={header: f"Bearer {value}" if header == "Authorization" else value})
        return {k.lower(): v for k, v in self.site.requests[-1][2].items()}[header.lower()]

    def test_1_a_server_whose_secret_is_not_stored_yet_does_not_start_and_says_which(self):
        self.gateway.wait_for(lambda: "secret `kept` has no value yet" in self.gateway.log_text())
        self.assertEqual(self.told("kept")["ok"], False)
        status, output = self.set("kept", "kept-secret-value-1")
        self.assertEqual(status, 0, output)
        self.assertNotIn("kept-secret-value-1", output)
        self.gateway.run("servers", "restart", "probe")
        self.gateway.wait_for_server("probe")
        self.gateway.decide("tools", "approve", "probe")
        self.assertEqual(self.sent("Authorization", "KEPT"), "Bearer kept-secret-value-1")

    def test_2_what_is_stored_is_sealed(self):
        state = self.gateway.folder / "state"
        for path in state.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"kept-secret-value-1", path.read_bytes(), path)
        self.assertEqual((state / "secrets.sealed").stat().st_mode & 0o777, 0o600)
        self.assertEqual((state / "secrets.key").stat().st_mode & 0o777, 0o600)
        sealed = json.loads((state / "secrets.sealed").read_text())
        self.assertRegex(sealed["secrets"]["kept"]["sealed"], r"^[A-Za-z0-9+/=]{40,}$")

    def test_3_each_source_is_read_and_said_without_its_value(self):
        for name, source in (("kept", "stored"), ("printed", "command"), ("named", "env"), ("far", "vault")):
            found = self.told(name)
            self.assertEqual((found["ok"], found["source"], found["in_force"]), (True, source, True), name)
        output = self.gateway.run("secrets", "list").stdout
        self.assertRegex(output, r"far  vault  used by probe")
        self.assertNotRegex(output, "secret-value")
        self.assertEqual(self.gateway.run("secrets", "test", "nothing").returncode, 1)

    def test_4_a_new_value_is_in_force_without_a_restart(self):
        pid = json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]["pid"]
        self.assertEqual(self.sent("X-Api-Key", "FAR"), "far-secret-value-1")
        self.vault.data["/v1/secret/data/apps/forge"] = {"token": "far-secret-value-2"}
        self.assertEqual(self.told("far")["in_force"], False)
        self.assertIn("in force", self.gateway.decide("secrets", "rotate", "far"))
        self.assertEqual(self.sent("X-Api-Key", "FAR"), "far-secret-value-2")
        self.assertEqual(self.set("kept", "kept-secret-value-2")[0], 0)
        self.assertEqual(self.sent("Authorization", "KEPT"), "Bearer kept-secret-value-2")
        self.assertEqual(json.loads(self.gateway.run("servers", "list", "--json").stdout)[0]["pid"], pid)
        changes = [r["detail"]["change"] for r in self.gateway.records() if r["kind"] == "configuration" and "secret" in r["detail"]]
        self.assertEqual(changes, ["secret-set", "secret-rotated", "secret-set"])

    def test_5_what_a_vault_refuses_is_said(self):
        self.vault.data.pop("/v1/secret/data/apps/none")
        self.assertIn("nothing at `secret/apps/none`", self.told("gone")["reason"])
        self.vault.is_sealed = True
        self.assertIn("sealed", self.told("far")["reason"])
        status, output = self.gateway.ask(["secrets", "rotate", "far", "--approver", "ana"], [("passphrase of ana", PASSPHRASE)])
        self.assertNotEqual(status, 0)
        self.vault.is_sealed = False
        (self.gateway.folder / "vault-token").write_text("another")
        self.assertIn("does not let this token read", self.told("far")["reason"])
        self.assertEqual(self.sent("X-Api-Key", "FAR"), "far-secret-value-2")

    def test_6_what_is_in_use_is_not_removed(self):
        status, output = self.gateway.ask(["secrets", "remove", "kept", "--approver", "ana"], [("passphrase of ana", PASSPHRASE)])
        self.assertEqual((status, "is in use" in output), (1, True), output)
        self.assertEqual(self.set("spare", "spare-secret-value")[0], 0)
        self.assertIn("removed spare", self.gateway.decide("secrets", "remove", "spare"))
        self.assertNotRegex(self.gateway.run("secrets", "list").stdout, "spare")
        self.assertNotEqual(self.gateway.run("secrets", "set", "kept", "--from", "/etc/hostname").returncode, 0)


if __name__ == "__main__":
    unittest.main()
