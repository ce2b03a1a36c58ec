"""What the gateway learned and counted outlives it; retention follows the configuration without a restart."""
import contextlib
import http.client
import json
import signal
import sqlite3
import time
import unittest

from people import CONSOLE, People

FIGURES = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 0s, expiry: 300s")
HELD = FIGURES.replace("hold: 0s", "hold: 60s")


class Learned(unittest.TestCase):
    def test_how_long_a_client_waits_outlives_a_restart_and_goes_with_its_credential(self):
        with People(HELD) as shop:
            self.go_away(shop, "bot")
            shop.wait_for(lambda: self.row(shop) == 1)
            for sign in (signal.SIGKILL, signal.SIGTERM):
                shop.stop(sign)
                shop.start()
                shop.wait_for_server("shop")
                began = time.monotonic()
                # Held for five seconds, the least there is, and not for sixty.
                self.assertIn("input_required", json.dumps(shop.call("destroy", {"name": f"held after {sign}"})))
                self.assertLess(time.monotonic() - began, 40)
                self.assertGreater(time.monotonic() - began, 4.5)
            token = next(t for t in json.loads(shop.run("tokens", "list", "--json").stdout) if t["owner"] == "bot")
            shop.run("tokens", "revoke", token["id"])
            shop.wait_for(lambda: self.row(shop) == 0)

    def go_away(self, shop, token):
        """A client that hangs up while its call is held."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "destroy", "arguments": {"name": "impatient"}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=60)
        connection.request("POST", "/mcp/shop", body, {
            "Authorization": f"Bearer {shop.secrets[token]}", "Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28",
            "Accept": "application/json, text/event-stream", "Mcp-Method": "tools/call", "Mcp-Name": "destroy"})
        shop.wait_for_question()
        connection.close()

    def row(self, shop):
        with contextlib.closing(sqlite3.connect(shop.folder / "state/log.db")) as database:
            return database.execute("SELECT count(*) FROM state WHERE kind = 'holds'").fetchone()[0]


class Figures(unittest.TestCase):
    def test_figures_of_people_and_plots_outlive_a_restart(self):
        with People(FIGURES) as gateway:
            client = gateway.log_in()
            for name, isYes in (("a", True), ("b", True), ("c", False)):
                gateway.call("destroy", {"name": name})
                question = next(q for q in gateway.waiting() if q["state"] == "waiting")
                client.post(f"/approvals/{question['ticket']}/answer", {"yes": isYes, "revision": question["revision"]})
            gateway.call("destroy", {"name": "over the restart"})
            question = next(q for q in gateway.waiting() if q["state"] == "waiting")
            before = client.get("/figures/answers")
            self.assertEqual([(row["agent"], row["asked"], row["yes"], row["no"]) for row in before["agents"]], [("main/bot", 4, 2, 1)])
            gateway.wait_for(lambda: sum(sample["asked"] for sample in client.get("/figures")["samples"]) == 4)
            shown = [s for s in client.get("/figures")["samples"] if s["asked"]]
            gateway.stop()
            gateway.start()
            gateway.wait_for_server("shop")
            client = gateway.log_in()
            self.assertEqual(client.get("/figures/answers"), before)
            self.assertEqual([s for s in client.get("/figures")["samples"] if s["asked"]], shown)
            version = self.version(gateway)
            # What was asked before the restart and is answered after it counts with its time.
            client.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]})
            # Within a second they are kept: a kill takes nothing back then.
            gateway.wait_for(lambda: self.version(gateway) > version)
            gateway.stop(signal.SIGKILL)
            gateway.start()
            gateway.wait_for_server("shop")
            after = gateway.log_in().get("/figures/answers")
            self.assertEqual([(row["asked"], row["yes"], row["no"], row["last_hour"]) for row in after["agents"] + after["causes"]],
                             [(4, 3, 1, 4)] * 2)
            self.assertEqual(after["since"], before["since"])

    def test_plots_lose_nothing_by_a_kill(self):
        """What was counted since the last look, seconds ago, is read out of the log."""
        with People(FIGURES) as gateway:
            for _ in range(2):
                gateway.call("peek", {"key": "x"})
                gateway.call("put", {"path": "/etc/passwd", "text": "x"})
                gateway.call("destroy", {"name": "asked"})
                gateway.settle()
                gateway.stop(signal.SIGKILL)
                gateway.start()
                gateway.wait_for_server("shop")
            shown = gateway.log_in().get("/figures")["samples"]
            kinds = [r["kind"] for r in gateway.records() if r.get("server") and r["kind"] in ("intent", "judged", "proposed")]
            self.assertEqual([sum(s[name] for s in shown) for name in ("allowed", "refused", "asked")],
                             [kinds.count(kind) for kind in ("intent", "judged", "proposed")])
            self.assertEqual(sum(s["allowed"] for s in shown), 2)

    def version(self, gateway):
        with contextlib.closing(sqlite3.connect(gateway.folder / "state/log.db")) as database:
            return database.execute("SELECT version FROM state WHERE kind = 'figures' AND name = 'agent/main/bot'").fetchone()[0]


if __name__ == "__main__":
    unittest.main()
