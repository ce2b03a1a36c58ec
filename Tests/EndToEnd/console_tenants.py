"""A person with roles for one tenant sees that tenant in the console, and nothing of others."""
import unittest

from harness import PASSPHRASE
from people import CONSOLE, People
from console_events import Stream

TENANTS = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 60s, expiry: 300s") + """
tenants:
  acme:
    servers:
      shed: {{ command: [/usr/bin/python3, "{servers}/workshop.py"], cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}, minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits] }} }}
    tools: {{ shed.destroy: {{ tier: T2 }}, shed.peek: {{ tier: T0 }} }}
"""


class Tenants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(TENANTS, tokens=("bot",)))
        status, output = cls.gateway.ask(["approvers", "add", "tom", "--tenant", "acme", "--approver", "ana"], [
            ("passphrase of ana", PASSPHRASE), ("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
        assert status == 0, output
        cls.ana, cls.tom = cls.gateway.log_in("ana"), cls.gateway.log_in("tom")

    def test_questions_calls_and_records_of_another_tenant_are_not_there(self):
        stream = Stream(self.tom, "?calls=1")
        self.assertEqual(stream.next("approvals")[1], [])
        caller = self.gateway.calling("destroy", {"name": "mine"})
        question = self.gateway.wait_for_question()
        self.assertEqual([q["ticket"] for q in self.ana.get("/approvals")], [question["ticket"]])
        self.assertEqual(self.tom.get("/approvals"), [])
        self.assertEqual(self.tom.fails("GET", f"/approvals/{question['ticket']}"), (409, "refused"))
        answer = {"yes": True, "revision": question["revision"]}
        self.assertEqual(self.tom.fails("POST", f"/approvals/{question['ticket']}/answer", answer), (409, "refused"))
        self.ana.post(f"/approvals/{question['ticket']}/answer", answer)
        self.assertIn("destroyed mine", caller.text())
        # What the stream says until a status that is later than the end: no question, and no row of a call.
        self.tom.post("/lockdowns", {"target": "agent:acme/nobody"})
        kinds = []
        while True:
            kind, data = stream.next()
            kinds.append(kind)
            if kind == "calls":
                self.assertEqual(data["rows"], [])
            if kind == "status":
                self.assertEqual((data["calls"]["approved"], data["waiting"]), (0, 0))
                if data["lockdowns"]:
                    break
        self.ana.post("/lockdowns/lift", {"target": "agent:acme/nobody"})
        self.assertNotIn("question", kinds)
        stream.close()
        found = self.tom.get("/audit")["records"]
        self.assertEqual({r["record"]["tenant"] for r in found} - {"acme"}, set())
        self.assertEqual(self.tom.fails("GET", "/audit?tenant=main"), (409, "refused"))
        number = self.ana.get("/audit?kind=intent")["records"][0]["index"]
        self.assertEqual(self.tom.fails("GET", f"/audit/records/{number}"), (409, "refused"))
        status, _, text = self.tom.send("GET", "/api/v1/audit/export.jsonl")
        self.assertEqual(status, 200)
        self.assertNotIn('"tenant":"main"', text)

    def test_what_concerns_everybody_is_not_for_who_has_one_tenant(self):
        for method, path, body in (("POST", "/tokens", {"owner": "x"}), ("POST", "/approvers", {"name": "x", "passphrase": "a long passphrase"}),
                                   ("DELETE", "/approvers/ana", None), ("POST", "/lockdowns/lift", {"target": "all"})):
            self.assertEqual(self.tom.fails(method, path, body), (409, "refused"), path)


if __name__ == "__main__":
    unittest.main()
