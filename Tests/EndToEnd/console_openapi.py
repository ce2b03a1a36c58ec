"""The control API as docs/openapi.json describes it, compared with a running gateway."""
import json
import unittest

import jsonschema

from harness import PASSPHRASE, ROOT
from people import API, CONSOLE, People

FILE = json.loads((ROOT / "docs/openapi.json").read_text())
PATIENT = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 120s, expiry: 300s").replace("    cage:\n", """    env: {{ API_TOKEN: {{ secret: token }} }}
    secrets: [ {{ secret: token, host: docs.example.com, methods: [GET] }} ]
    cage:
      network: {{ allow: [docs.example.com] }}
""") + """
secrets: {{ token: {{ file: ./token }} }}
rules:
  - {{ name: no-secrets, tools: [shop.peek], args: {{ /key: {{ equals: secret }} }}, then: refuse }}
"""


def schema_of(path, verb, status):
    operation = FILE["paths"]["/api/v1" + path][verb]
    answer = operation["responses"]["200"] if status == 200 else FILE["components"]["responses"]["Error"]
    schema = next(iter(answer["content"].values()))["schema"]
    return {**schema, "components": FILE["components"]}


class Copying(People):
    """A gateway whose server has a copy of the folder it writes in, for what is hidden there."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        (self.folder / "token").write_text("ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g\n")
        (self.folder / "token").chmod(0o600)
        (self.folder / "out/.env").write_text("hidden\n")


class Described(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Copying(PATIENT, tokens=("bot",)))
        cls.gateway.add_approver("ben")
        cls.ana = cls.gateway.log_in()
        cls.tried = set()

    def send(self, verb, path, body=None, query="", **names):
        """One request that is checked against what the file says of its body and its answer."""
        operation = FILE["paths"]["/api/v1" + path][verb]
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            jsonschema.Draft202012Validator({**schema, "components": FILE["components"]}).validate(body)
        real = path
        for name, value in names.items():
            real = real.replace("{%s}" % name, value)
        self.assertNotIn("{", real)
        status, headers, answer = self.ana.send(verb.upper(), "/api/v1" + real + query, body)
        if headers["Content-Type"] == "application/json":
            jsonschema.Draft202012Validator(schema_of(path, verb, status)).validate(answer)
        self.tried.add((verb, path))
        return status, answer

    def good(self, *arguments, **more):
        status, answer = self.send(*arguments, **more)
        self.assertEqual(status, 200, answer)
        return answer

    def test_the_file_itself_is_sound(self):
        for operation in [o for verbs in FILE["paths"].values() for o in verbs.values()]:
            for content in [operation.get("requestBody", {}).get("content", {}), operation["responses"]["200"]["content"]]:
                for media in content.values():
                    jsonschema.Draft202012Validator.check_schema(media["schema"])
        names = [o["operationId"] for verbs in FILE["paths"].values() for o in verbs.values()]
        self.assertEqual(len(names), len(set(names)))

    def test_every_operation_answers_as_it_is_described(self):
        self.good("get", "/session")
        self.good("post", "/session/proof", {"passphrase": PASSPHRASE})
        for path in ("/status", "/servers", "/tools", "/tokens", "/approvers", "/policy", "/configuration/pending", "/figures", "/figures/answers"):
            self.good("get", path)
        self.good("get", "/servers/{server}", server="shop")
        proposals = self.good("get", "/servers/{server}/proposals", server="shop")
        self.good("get", "/servers/{server}/tools/{tool}", server="shop", tool="peek")
        self.good("post", "/servers/{server}/accept", {name + "s": {p["tool"]: p[name] for p in proposals if "tool" in p} for name in ("pin", "proposal")}, server="shop")
        self.good("post", "/tools/refresh", {})
        self.good("post", "/servers/{server}/restart", {}, server="shop")
        self.gateway.wait_for(lambda: "hello" in json.dumps(self.gateway.call("peek", {"key": "hello"})))
        self.good("post", "/policy/explain", {"tool": "shop.peek", "arguments": {"key": "secret"}})
        self.approve_and_grant()
        self.read_the_log()
        self.issue_and_stop()
        self.reach_out()
        self.settle_and_kill()
        self.assertEqual(self.send("post", "/configuration/accept", {"digest": "0" * 64})[0], 409)
        self.assertEqual(self.good("delete", "/session"), {})
        self.tried |= {("post", "/session"), ("get", "/events")}  # the login above; the stream in console_events
        described = {(verb, path.removeprefix("/api/v1")) for path, verbs in FILE["paths"].items() for verb in verbs}
        self.assertEqual(described - self.tried, set())

    def approve_and_grant(self):
        self.assertEqual(self.good("get", "/approvals"), [])
        caller = self.gateway.calling("destroy", {"name": "one"})
        ticket = self.gateway.wait_for_question()["ticket"]
        question = self.good("get", "/approvals/{ticket}", ticket=ticket)
        self.assertEqual(len(self.good("get", "/approvals")), 1)
        edited = {"arguments": {"name": "two"}, "revision": question["revision"]}
        self.good("post", "/approvals/{ticket}/edit", edited, ticket=ticket)
        self.assertIn("two", caller.text())
        caller = self.gateway.calling("destroy", {"name": "three"})
        question = self.gateway.wait_for_question()
        grant = {"vary": {"/name": True}, "uses": 5, "seconds": 600}
        sentence = self.good("post", "/approvals/{ticket}/preview", {"grant": grant}, ticket=question["ticket"])["sentence"]
        self.good("post", "/approvals/{ticket}/answer", {"yes": True, "revision": question["revision"], "grant": grant}, ticket=question["ticket"])
        self.assertIn("destroyed three", caller.text())
        grants = self.good("get", "/grants")
        # The time it ends is counted from the yes, not from the look before it.
        self.assertEqual([g["sentence"].split(" until ")[0] for g in grants], [sentence.split(" until ")[0]])
        self.assertIn("destroyed four", json.dumps(self.gateway.call("destroy", {"name": "four"})))
        self.good("post", "/grants/{id}/revoke", id=grants[0]["id"])

    def read_the_log(self):
        found = self.good("get", "/audit", query="?kind=intent&server=shop&limit=2")
        self.assertEqual([r["record"]["kind"] for r in found["records"]], ["intent", "intent"])
        older = self.good("get", "/audit", query=f"?kind=intent&server=shop&before={found['records'][-1]['index']}")
        self.assertLess(older["records"][0]["index"], found["records"][-1]["index"])
        self.assertEqual(self.good("get", "/audit", query="?words=destroy+three&kind=intent")["records"][0]["record"]["tool"], "destroy")
        number = str(found["records"][0]["index"])
        self.assertEqual(self.good("get", "/audit/records/{number}", number=number), found["records"][0]["record"])
        self.assertEqual(self.send("get", "/audit/records/{number}", number="99999999")[0], 409)
        self.assertEqual(self.send("get", "/audit", query="?kind=nothing")[0], 400)
        self.assertEqual(self.send("get", "/audit", query="?limit=x")[0], 400)
        lines = self.good("get", "/audit/export.jsonl", query="?kind=intent")
        wanted = [line for line in self.gateway.run("audit", "export").stdout.split("\n") if '"kind":"intent"' in line]
        self.assertEqual(sorted(lines.split("\n")[:-1]), sorted(wanted))
        self.assertTrue(self.good("get", "/audit/export.csv", query="?kind=intent").startswith("index,time,kind"))

    def issue_and_stop(self):
        issued = self.good("post", "/tokens", {"owner": "new", "tier": "T1", "seconds": 60})
        self.gateway.secrets["new"] = issued["token"]
        self.assertIn("hello", json.dumps(self.gateway.call("peek", {"key": "hello"}, token="new")))
        rotated = self.good("post", "/tokens/rotate", {"id": issued["id"]})
        self.good("post", "/tokens/revoke", {"id": rotated["id"]})
        self.good("post", "/approvers", {"name": "cem", "passphrase": "a long passphrase", "roles": ["auditor"]})
        self.good("delete", "/approvers/{name}", name="cem")
        self.assertEqual(self.good("get", "/emergencies"), [])
        opened = self.good("post", "/emergencies", {"reason": "the test is on fire", "seconds": 60})
        self.assertTrue(self.good("get", "/emergencies")[0]["open"])
        self.good("post", "/emergencies/{id}/close", id=opened["id"])
        # Nobody reviews what they did themselves.
        self.assertEqual(self.send("post", "/emergencies/{id}/review", {"comment": "all well"}, id=opened["id"])[0], 409)
        self.good("post", "/lockdowns", {"target": "tool:shop.peek", "reason": "a test"})
        self.assertIn("a person has stopped calls", json.dumps(self.gateway.call("peek", {"key": "x"})))
        self.assertEqual(self.good("get", "/lockdowns")[0]["target"], "tool:shop.peek")
        self.good("post", "/lockdowns/lift", {"target": "tool:shop.peek"})

    def reach_out(self):
        place = {"server": "shop", "host": "elsewhere.example.com"}
        self.assertIn("until", self.good("post", "/egress/allow", {**place, "milliseconds": 60000})["length"])
        rows = self.good("get", "/egress")["allowed"]
        self.assertEqual([(r["host"], r.get("by")) for r in rows], [("docs.example.com:443", None), ("elsewhere.example.com:443", "ana")])
        self.assertEqual(self.good("post", "/egress/refuse", place)["ended"], 1)
        self.assertEqual(self.send("post", "/egress/allow", {**place, "host": "*.com"})[0], 400)
        self.assertEqual(self.good("get", "/secrets")["secrets"][0]["bindings"][0]["host"], "docs.example.com:443")
        self.assertTrue(self.good("post", "/secrets/{name}/test", {}, name="token")["in_force"])
        self.assertFalse(self.good("post", "/secrets/{name}/rotate", {}, name="token")["changed"])

    def settle_and_kill(self):
        folder = self.good("get", "/servers/{server}/changes", server="shop")[0]
        self.assertEqual([c["path"] for c in folder["changes"]], ["done.log"])
        self.good("post", "/servers/{server}/changes/commit", {"digests": [folder["digest"]]}, server="shop")
        self.assertIn("destroy", (self.gateway.folder / "out/done.log").read_text())
        self.good("post", "/servers/{server}/changes/drop", {}, server="shop")
        self.good("post", "/servers/{server}/kill", {"reason": "a test"}, server="shop")


if __name__ == "__main__":
    unittest.main()
