"""What is refused before there is anything to judge stands in the log, too."""
import unittest

from harness import Gateway

SHOP = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  bulk: {{ command: [/usr/bin/python3, "{servers}/bulk.py"] }}
tools:
  bulk.bulk: {{ tier: T0 }}
"""
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


class Refused(unittest.TestCase):
    def test_calls_of_unknown_tools_and_callers_without_a_good_credential_are_recorded(self):
        with Gateway(SHOP, accept=["bulk"]) as gateway:
            self.call(gateway, {"name": "no_such", "arguments": {"key": SECRET}})
            for _ in range(3):
                self.assertEqual(gateway.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, token=None)[0], 401)
            gateway.secrets["guess"] = "gh_" + "x" * 40
            for _ in range(2):
                self.assertEqual(gateway.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, token="guess")[0], 401)

            gateway.wait_for(lambda: self.refused(gateway))
            judged = [record for record in gateway.records() if record["kind"] == "judged"]
            self.assertEqual(1, len(judged))
            detail = judged[0]["detail"]
            self.assertEqual(("refuse", "unknown_tool"), (detail["verdict"], detail["refusal"]))
            self.assertEqual("bot", judged[0]["principal"])
            self.assertIn("no_such", detail["reason"])
            self.assertIn("[REDACTED:", detail["arguments"])
            self.assertNotIn(SECRET, str(judged))
            self.assertEqual([("missing", 1)], self.refused(gateway), "the others are counted together")
            gateway.stop()
            gateway.start()
            self.assertEqual([("missing", 1), ("missing", 2), ("unknown", 2)], self.refused(gateway))

    def call(self, gateway, params):
        _, _, answer = gateway.modern("tools/call", params, path="/mcp/bulk")
        self.assertIn("unknown tool", answer["error"]["message"])

    def refused(self, gateway):
        return sorted((r["detail"]["credential"], r["detail"]["count"]) for r in gateway.records()
                      if r["kind"] == "login" and r["detail"].get("from") == "127.0.0.1")


if __name__ == "__main__":
    unittest.main()
