"""Logs that somebody forged, with and without the log's key: both verifiers find each of them."""
import base64
import hashlib
import importlib.util
import json
import shutil
import sqlite3
import struct
import unittest

from harness import ROOT
from ledger import LedgerGateway
from test_evidence import script

READER = importlib.util.spec_from_file_location("verify_log", ROOT / "scripts/verify-log.py")
OURS = importlib.util.module_from_spec(READER)
READER.loader.exec_module(OURS)


class Signer:
    """Ed25519 (RFC 8032, 5.1.6) and C2SP notes, for whoever holds that seed."""

    def __init__(self, seed, name):
        digest = hashlib.sha512(seed).digest()
        self.scalar = (int.from_bytes(digest[:32], "little") & ((1 << 254) - 8)) | (1 << 254)
        self.prefix, self.name = digest[32:], name
        self.public = self.point(self.scalar)

    @staticmethod
    def point(scalar):
        x, y, z, _ = OURS.multiply(scalar % OURS.L, OURS.BASE)
        inverse = pow(z, OURS.P - 2, OURS.P)
        return ((y * inverse % OURS.P) | (x * inverse % OURS.P & 1) << 255).to_bytes(32, "little")

    def note(self, text):
        data = text.encode()

        def number(*parts):
            return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % OURS.L
        r = number(self.prefix, data)
        first = self.point(r)
        signature = first + ((r + number(first, self.public, data) * self.scalar) % OURS.L).to_bytes(32, "little")
        key_id = hashlib.sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]
        return f"{text}\n\u2014 {self.name} {base64.b64encode(key_id + signature).decode()}\n"

    def checkpoint(self, records, start=None):
        tree = start or OURS.Tree()
        for record in records:
            tree.append(record)
        return self.note(f"{self.name}\n{tree.size}\n{base64.b64encode(tree.root()).decode()}\n")

    def tombstone(self, records):
        tree = OURS.Tree()
        for record in records:
            tree.append(record)
        lines = ["gatehouse/tombstone/1", self.name, str(tree.size), "2026-08-01T12:00:00.000Z"]
        return self.note("\n".join(lines + ["peak " + base64.b64encode(root).decode() for _, root in tree.peaks]) + "\n")


class Forged(unittest.TestCase):
    """One log of three calls. `early` is a checkpoint that left the machine in the middle of it."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = gateway = cls.enterClassContext(LedgerGateway())
        gateway.tool("strike", 1)
        gateway.stop()
        cls.early = shutil.copy(gateway.folder / "state/checkpoint", gateway.folder / "early")
        gateway.start()
        gateway.wait_for_server("ledger")
        for number in (2, 3):
            gateway.tool("strike", number)
        gateway.stop()
        cls.key = gateway.run("audit", "key").stdout.strip()
        cls.database = gateway.folder / "state/log.db"
        with sqlite3.connect(cls.database) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        cls.beside = gateway.folder / "state/checkpoint"
        cls.kept = {file: file.read_bytes() for file in (cls.database, cls.beside)}
        cls.records = [record.encode() for record in gateway.run("audit", "export").stdout.split("\n") if record]
        seed = (gateway.folder / "state/signing.key").read_bytes()
        cls.owner = Signer(seed, cls.key.split("+")[0])
        cls.stranger = Signer(b"\x07" * 32, cls.key.split("+")[0])
        # The tests sign as the gateway does.
        assert base64.b64encode(b"\x01" + cls.owner.public).decode() == cls.key.split("+", 2)[2], cls.key

    def setUp(self):
        for file, data in self.kept.items():
            file.write_bytes(data)
        for name in ("log.db-wal", "log.db-shm"):
            (self.gateway.folder / "state" / name).unlink(missing_ok=True)

    tearDown = setUp

    def verdicts(self, *outside):
        """What both say of the database: 0 it holds, 4 it does not."""
        theirs = script("--key", self.key, self.database, *[word for file in outside for word in ("--checkpoint", file)])
        own = self.gateway.run("audit", "verify", "--key", self.key, *[word for file in outside for word in ("--against", str(file))])
        self.said = theirs.stdout + theirs.stderr + own.stdout + own.stderr
        return theirs.returncode, own.returncode

    def found(self, *outside):
        self.assertEqual(self.verdicts(*outside), (4, 4), self.said)

    def rows(self):
        connection = sqlite3.connect(self.database)
        found = connection.execute("SELECT first, count, records FROM segment ORDER BY first").fetchall()
        connection.close()
        return found

    def write(self, records, first=0, notes=None, tombstone=None):
        """Puts these records in the place of all, one a row, and these notes in that of all checkpoints."""
        connection = sqlite3.connect(self.database)
        with connection:
            connection.execute("DELETE FROM segment")
            connection.executemany("INSERT INTO segment VALUES(?, 1, ?)", (
                (first + place, struct.pack("<I", len(record)) + record) for place, record in enumerate(records)))
            connection.execute("DELETE FROM tile")
            if tombstone is not None:
                connection.execute("INSERT OR REPLACE INTO meta VALUES('tombstone', ?)", (tombstone.encode(),))
            if notes is not None:
                connection.execute("DELETE FROM checkpoint")
                connection.executemany("INSERT INTO checkpoint VALUES(?, ?)", (
                    (int(note.split("\n")[1]), note) for note in notes))
        connection.close()
        if notes is not None:
            self.beside.write_text(notes[-1])

    def changed(self):
        """Another amount in a call that was recorded, as canonical as before."""
        place = next(i for i, record in enumerate(self.records) if b'\\"n\\":2' in record)
        return [record.replace(b'\\"n\\":2', b'\\"n\\":9') if i == place else record for i, record in enumerate(self.records)]

    def test_the_log_itself_holds(self):
        self.assertEqual(self.verdicts(), (0, 0), self.said)
        self.assertEqual(self.verdicts(self.early), (0, 0), self.said)
        self.write(self.records)
        self.assertEqual(self.verdicts(self.early), (0, 0), self.said)

    def test_a_record_that_was_changed(self):
        self.write(self.changed())
        self.found()

    def test_a_record_that_was_left_out_put_in_or_moved(self):
        middle = len(self.records) // 2
        for records in (self.records[:middle] + self.records[middle + 1:], self.records[:middle] + self.records[middle - 1:],
                        self.records[:middle] + [self.records[middle + 1], self.records[middle]] + self.records[middle + 2:]):
            self.write(records)
            self.found()

    def test_a_log_that_was_cut_at_its_end(self):
        for left in (1, len(self.records) // 2, len(self.records) - 1):
            self.write(self.records[:left])
            self.found()
        # With its last checkpoints gone, too, only what left the machine tells.
        self.write(self.records[:3], notes=[self.owner.checkpoint(self.records[:3])])
        self.assertEqual(self.verdicts(), (0, 0), self.said)
        self.found(self.early)

    def test_rows_that_do_not_add_up(self):
        first, count, blob = self.rows()[-1]
        for change in (("UPDATE segment SET count = count + 1 WHERE first = ?", first), ("UPDATE segment SET first = first + 1 WHERE first = ?", first),
                       ("UPDATE segment SET records = substr(records, 1, length(records) - 1) WHERE first = ?", first),
                       ("UPDATE segment SET records = X'FFFFFFFF' || records WHERE first = ?", first)):
            with self.subTest(change[0]):
                self.setUp()
                connection = sqlite3.connect(self.database)
                with connection:
                    self.assertEqual(connection.execute(change[0], change[1:]).rowcount, 1)
                connection.close()
                theirs, own = self.verdicts()
                self.assertNotIn(0, (theirs, own), self.said)

    def test_a_checkpoint_that_was_changed_or_is_a_strangers(self):
        genuine = self.beside.read_text()
        size = genuine.split("\n")[1]
        for note in (genuine.replace(f"\n{size}\n", f"\n{int(size) - 1}\n"), self.stranger.checkpoint(self.records)):
            self.write(self.records, notes=[note])
            self.found()

    def test_whoever_holds_the_key_cannot_change_what_left_the_machine(self):
        changed = self.changed()
        self.write(changed, notes=[self.owner.checkpoint(changed)])
        # The log is one the key signed from end to end; it is another one than was sent away.
        self.assertEqual(self.verdicts(), (0, 0), self.said)
        late = self.gateway.folder / "late"
        late.write_bytes(self.kept[self.beside])
        self.found(late)
        # What was changed after the checkpoint that was kept is what nobody can tell.
        self.assertEqual(self.verdicts(self.early), (0, 0), self.said)

    def test_a_tombstone_that_was_forged(self):
        half = len(self.records) // 2
        outside = self.gateway.folder / "outside"
        outside.write_bytes(self.kept[self.beside])
        genuine = [self.owner.checkpoint(self.records)]
        # One the key did not sign, over the very records; one it did sign is as good as a removal.
        self.write(self.records[half:], half, genuine, self.stranger.tombstone(self.records[:half]))
        self.found()
        self.write(self.records[half:], half, genuine, self.owner.tombstone(self.records[:half]))
        self.assertEqual(self.verdicts(outside), (0, 0), self.said)
        # Over another beginning than was signed, or over more than is gone.
        lied = self.changed()[:half] if self.changed()[:half] != self.records[:half] else [b"{}"] * half
        self.write(self.records[half:], half, genuine, self.owner.tombstone(lied))
        self.found()
        self.write(self.records[half:], half, genuine, self.owner.tombstone(self.records[:half + 1]))
        self.found()
        # Over records that never were, with a log of the forger's own behind it.
        made_up = [b"{}"] * (len(self.records) + 5)
        tree = OURS.Tree()
        for record in made_up:
            tree.append(record)
        self.write(self.records[:1], len(made_up), [self.owner.checkpoint(self.records[:1], tree)], self.owner.tombstone(made_up))
        self.found(outside)
        # As a file beside exported lines.
        lines, file, note = (self.gateway.folder / name for name in ("half.jsonl", "tombstone", "note"))
        lines.write_bytes(b"\n".join(self.records[half:]) + b"\n")
        note.write_text(genuine[0])
        for tombstone, status in ((self.owner.tombstone(self.records[:half]), 0), (self.stranger.tombstone(self.records[:half]), 4),
                                  (self.owner.tombstone(lied), 4), (self.owner.tombstone(self.records[:half]).replace("peak ", "pique "), 4)):
            file.write_text(tombstone)
            done = script("--key", self.key, lines, "--checkpoint", note, "--tombstone", file)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)

    def test_lines_that_were_forged(self):
        lines = self.gateway.folder / "log.jsonl"
        note = self.gateway.folder / "note"
        note.write_bytes(self.kept[self.beside])
        spaced = [json.dumps(json.loads(record)).encode() for record in self.records]
        for records, status in ((self.records, 0), (self.changed(), 4), (self.records[1:], 4), (self.records[:-1], 4), (spaced, 4),
                                (self.records + [b"{}"], 4), ([b"\xff"] + self.records, 4), ([], 4)):
            lines.write_bytes(b"".join(record + b"\n" for record in records))
            done = script("--key", self.key, lines, "--checkpoint", note)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        lines.write_bytes(b"".join(record + b"\n" for record in self.records))
        other = f"{self.key.split('+')[0]}+00000000+{self.key.split('+', 2)[2]}"
        self.assertEqual(script("--key", other, lines, "--checkpoint", note).returncode, 2)


if __name__ == "__main__":
    unittest.main()
