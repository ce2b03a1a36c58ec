"""The stop button through the control API: what is in flight and what waits ends within a second."""
import json
import time
import unittest

from people import CONSOLE, People
from test_control import SECOND

PATIENT = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 120s, expiry: 300s")


class Stops(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(PATIENT))
        cls.ana = cls.gateway.log_in()

    def stopped(self, name, path, body, token="bot"):
        """A call in flight and one that waits for a person, and the time from the stop to the end of both."""
        done = self.gateway.folder / "out/done.log"
        callers = [self.gateway.calling(tool, {"name": name}, token) for tool in ("wait", "destroy")]
        self.gateway.wait_for(lambda: done.exists() and f"wait {name}" in done.read_text().splitlines())
        self.gateway.wait_for(lambda: len(self.ana.get("/approvals")) == 1)
        began = time.time()
        answer = self.ana.post(path, body)
        for caller in callers:
            caller.join(timeout=60)
        # The record of a token may be later than the end of what ran under it.
        slowest = max(caller.ended for caller in callers) - (began if path.startswith("/tokens") else self.gateway.stopped_at())
        print(f"\n{path}: all ended after {slowest * 1000:.0f} ms", end=" ")
        self.assertLess(slowest, SECOND)
        for caller in callers:
            self.assertTrue(caller.result.get("isError") or "code" in json.dumps(caller.result), caller.result)
        self.assertEqual(self.ana.get("/approvals"), [])
        self.assertNotIn(f"destroy {name}", done.read_text())
        return answer

    def test_1_lockdown_of_each_kind(self):
        for target in ("all", "tenant:main", "agent:bot", "server:shop"):
            with self.subTest(target):
                self.stopped(target.replace(":", "-"), "/lockdowns", {"target": target, "reason": "a drill"})
                self.assertIn("a person has stopped", json.dumps(self.gateway.call("peek", {"key": "x"})))
                self.ana.post("/lockdowns/lift", {"target": target})

    def test_2_tokens_that_are_revoked_or_get_another_secret(self):
        for verb, field in (("revoke", "owner"), ("rotate", "id")):
            token = self.gateway.issue(verb)
            self.stopped(verb, f"/tokens/{verb}", {field: token if field == "id" else verb}, token=verb)
            self.assertEqual(self.gateway.modern("tools/list", token=verb)[0], 401)

    def test_3_a_server_that_is_killed(self):
        self.stopped("kill", "/servers/shop/kill", {"tenant": "main", "reason": "a drill"})
        self.assertFalse(self.ana.get("/servers/shop").get("pid"))
        kinds = [(r["kind"], r["detail"].get("change")) for r in self.gateway.records()]
        self.assertIn(("server", "killed"), kinds)
        self.assertEqual([kind for kind, _ in kinds].count("lockdown"), 9)


if __name__ == "__main__":
    unittest.main()
