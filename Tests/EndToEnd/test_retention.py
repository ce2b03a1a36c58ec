"""The oldest records go where the configuration says so; the rest is evidence as before."""
import json
import shutil
import signal
import sqlite3
import unittest

from ledger import LedgerGateway
from test_evidence import script


class Retention(unittest.TestCase):
    """A log over its size with a question in its middle, and what is left of it after a restart."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = gateway = cls.enterClassContext(
            LedgerGateway(audit="audit: { retention: { age: 30d, bytes: 1048576, bytes_after: 0s } }", expiry="1h"))
        gateway.stop()
        cls.early = shutil.copy(gateway.folder / "state/checkpoint", gateway.folder / "early")
        gateway.start()
        gateway.wait_for_server("ledger")
        cls.fill(60)
        gateway.tool("strike", -1)
        cls.question = gateway.wait_for_question()["ticket"]
        cls.fill(90)
        cls.size = len(gateway.records())
        cls.restart()

    @classmethod
    def fill(cls, count):
        for _ in range(count):
            _, _, answer = cls.gateway.modern("tools/call", {
                "name": "note", "arguments": {"n": 7, "text": "x" * 20_000}}, path="/mcp/ledger")
            assert "done" in str(answer), answer

    @classmethod
    def restart(cls):
        """A start looks at once; every record has its checkpoint since the stop before it."""
        cls.gateway.stop()
        cls.gateway.start()
        cls.gateway.wait_for_server("ledger")

    def removed(self):
        done = self.gateway.run("audit", "verify", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)["removed"]

    def kinds(self):
        return [record["kind"] for record in self.gateway.records()]

    def test_1_what_waits_for_a_person_keeps_its_records(self):
        gateway = self.gateway
        # The row of the log it stands in may begin with records of the same moment.
        gateway.wait_for(lambda: "proposed" in self.kinds()[:8])
        begin = self.removed()
        self.assertGreater(begin, 100)
        self.assertEqual(self.kinds().count("proposed"), 1)
        steps = [r["detail"] for r in gateway.records() if r["detail"].get("change") == "removed"]
        self.assertEqual({detail["reason"] for detail in steps}, {"size"})
        self.assertEqual(steps[-1]["next"], begin)
        # It can be answered still, and then goes like the others.
        gateway.decide("approvals", "deny", self.question)
        self.restart()
        gateway.wait_for(lambda: "proposed" not in self.kinds())
        self.assertGreater(self.removed(), begin)
        self.assertIn("done", str(gateway.tool("look", 8)))

    def test_2_the_rest_convinces_a_stranger(self):
        gateway = self.gateway
        begin = self.removed()
        gateway.stop()
        key = gateway.run("audit", "key").stdout.strip()
        database = gateway.folder / "state/log.db"
        done = script("--key", key, database)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"the first {begin} records were removed", done.stdout)
        export, tombstone = gateway.folder / "log.jsonl", gateway.folder / "tombstone"
        export.write_text(gateway.run("audit", "export").stdout)
        tombstone.write_text(gateway.run("audit", "tombstone").stdout)
        note = gateway.folder / "state/checkpoint"
        done = script("--key", key, export, "--checkpoint", note, "--tombstone", tombstone)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(script("--key", key, export, "--checkpoint", note).returncode, 4)
        proof = gateway.folder / "proof"
        proof.write_text(gateway.run("audit", "prove", str(begin)).stdout)
        self.assertEqual(script("--key", key, "--evidence", proof).returncode, 0)
        for command in ("show", "prove"):
            done = gateway.run("audit", command, str(begin - 1))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"removed, with all before record {begin}", done.stderr)
        first = gateway.records()[0]
        self.assertEqual(json.loads(gateway.run("audit", "show", str(begin)).stdout), first)
        found = gateway.run("audit", "search", "--lines", "1000", "--json").stdout.splitlines()
        self.assertEqual(json.loads(found[0]), first)
        tail = gateway.run("audit", "tail", "--lines", "100000", "--json").stdout.splitlines()
        self.assertEqual(tail, found)

    def test_3_a_checkpoint_that_knows_less_than_was_removed_is_told(self):
        """Whoever has the key can sign a tombstone over anything: only what lies elsewhere tells."""
        gateway = self.gateway
        gateway.stop()
        key, state = gateway.run("audit", "key").stdout.strip(), gateway.folder / "state"
        done = gateway.run("audit", "verify", "--against", self.early)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("no checkpoint kept elsewhere covers them", done.stderr)
        done = script("--key", key, state / "log.db", "--checkpoint", self.early)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("no checkpoint kept elsewhere covers them", done.stdout)
        both = gateway.folder / "both"
        both.write_text(self.early.read_text() + "\n" + (state / "checkpoint").read_text())
        done = gateway.run("audit", "verify", "--against", both)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = script("--key", key, state / "log.db", "--checkpoint", both)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 checkpoints are of those alone", done.stdout)
        empty = gateway.folder / "empty"
        empty.touch()
        self.assertEqual(gateway.run("audit", "verify", "--against", empty).returncode, 2)
        self.assertEqual(script("--key", key, state / "log.db", "--checkpoint", empty).returncode, 2)

    def test_4_a_removal_without_its_tombstone_or_with_a_forged_one_is_found(self):
        gateway = self.gateway
        gateway.stop()
        key = gateway.run("audit", "key").stdout.strip()
        state, kept = gateway.folder / "state", gateway.folder / "kept"
        shutil.copytree(state, kept, ignore=shutil.ignore_patterns("*.sock", "control*"))
        for change in ("DELETE FROM meta WHERE name = 'tombstone'",
                       "DELETE FROM segment WHERE first = (SELECT min(first) FROM segment)",
                       "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), 'peak ', 'peak /') AS BLOB)"
                       " WHERE name = 'tombstone'"):
            with self.subTest(change):
                connection = sqlite3.connect(state / "log.db")
                with connection:
                    self.assertEqual(connection.execute(change).rowcount, 1)
                connection.close()
                self.assertEqual(gateway.run("audit", "verify").returncode, 4)
                self.assertEqual(script("--key", key, state / "log.db").returncode, 4)
                done = gateway.run("up")
                self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
                self.assertIn("does not continue what was signed", done.stderr)
                for name in ("log.db", "log.db-wal", "log.db-shm"):
                    (state / name).unlink(missing_ok=True)
                    if (kept / name).exists():
                        shutil.copy(kept / name, state / name)
        gateway.start()
        gateway.wait_for_server("ledger")
        self.assertIn("done", str(gateway.tool("look", 9)))

    def test_5_nothing_goes_while_nobody_may_decide(self):
        gateway, begin = self.gateway, self.removed()
        self.fill(60)
        gateway.stop()
        connection = sqlite3.connect(gateway.folder / "state/log.db")
        approver = "kind = 'approvers'"
        with connection:
            rows = connection.execute(f"SELECT * FROM state WHERE {approver}").fetchall()
            connection.execute(f"DELETE FROM state WHERE {approver}")
        self.assertEqual(len(rows), 1)
        gateway.start()
        gateway.wait_for(lambda: "the oldest records are not removed: nobody may decide yet" in gateway.log_text())
        gateway.stop()
        self.assertEqual(self.removed(), begin)
        with connection:
            connection.execute("INSERT INTO state VALUES(?, ?, ?, ?, ?, ?)", rows[0])
        connection.close()
        gateway.start()
        gateway.wait_for(lambda: self.removed() > begin)

    def test_6_what_the_configuration_says_now_holds_without_a_restart(self):
        gateway, file = self.gateway, self.gateway.folder / "gatehouse.yaml"
        with_retention = file.read_text()
        self.adopt(with_retention.replace("bytes: 1048576", "bytes: 107374182"))
        self.fill(60)
        # Every record has its checkpoint since, and none goes: there is room.
        begin = self.removed()
        self.restart()
        self.assertIn("done", str(gateway.tool("look", 10)))
        self.assertEqual(self.removed(), begin)
        self.adopt(with_retention)
        gateway.wait_for(lambda: self.removed() > begin)

    def adopt(self, text):
        """Writes the configuration, reloads it and accepts what it loosens."""
        (self.gateway.folder / "gatehouse.yaml").write_text(text)
        before = self.gateway.log_text().count("reloaded")
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_for(lambda: self.gateway.log_text().count("reloaded") > before)
        self.gateway.decide("check", "--accept")


if __name__ == "__main__":
    unittest.main()
