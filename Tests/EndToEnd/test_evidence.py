"""The log as evidence: what it holds of a call, how it is searched, proved, sent away and defended."""
import csv
import hashlib
import hmac
import io
import json
import shutil
import sqlite3
import subprocess
import unittest

from harness import ROOT
from ledger import LedgerGateway, text_of


def script(*arguments):
    return subprocess.run(["/usr/bin/python3", str(ROOT / "scripts/verify-log.py"), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


class Rollback(unittest.TestCase):
    def test_an_older_copy_of_the_database_does_not_start_and_says_what_to_do(self):
        with LedgerGateway() as gateway:
            gateway.tool("look", 1)
            gateway.stop()
            state = gateway.folder / "state"
            for name in ("log.db", "log.db-wal"):
                if (state / name).exists():
                    shutil.copy(state / name, gateway.folder / name)
            gateway.start()
            gateway.wait_for_server("ledger")
            gateway.tool("strike", 2)
            gateway.stop()
            newest = gateway.folder / "newest"
            newest.mkdir()
            for name in ("log.db", "log.db-wal"):
                shutil.move(state / name, newest / name)
                if (gateway.folder / name).exists():
                    shutil.copy(gateway.folder / name, state / name)
            (state / "log.db-shm").unlink(missing_ok=True)
            done = gateway.run("up")
            self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
            self.assertIn("does not continue what was signed", done.stderr)
            self.assertIn("hint: keep the folder as it is", done.stderr)
            # The older log holds by itself; the checkpoint beside it tells.
            self.assertEqual(gateway.run("audit", "verify").returncode, 4)
            for name in ("log.db", "log.db-wal"):
                shutil.move(newest / name, state / name)
            (state / "log.db-shm").unlink(missing_ok=True)
            gateway.start()
            gateway.wait_for_server("ledger")
            self.assertIn("done", text_of(gateway.tool("look", 3)))


if __name__ == "__main__":
    unittest.main()
