"""The log as evidence: what it holds of a call, how it is searched, proved, sent away and defended."""
import csv
import hashlib
import hmac
import io
import json
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY, ROOT, free_port
from ledger import LedgerGateway, number_of, text_of
from metrics import Metrics, get


def script(*arguments):
    """`scripts/verify-log.py`, which shares no code with the gateway."""
    return subprocess.run(["/usr/bin/python3", str(ROOT / "scripts/verify-log.py"), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


def mac(salt, text):
    return hmac.new(bytes.fromhex(salt), text.encode(), hashlib.sha256).hexdigest()


class Records(unittest.TestCase):
    """One gateway; three calls of three tools by two agents, one of them refused."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(LedgerGateway(tokens=("bot", "other")))
        for tool, number in (("look", 11), ("note", 12), ("strike", 13), ("note", -14)):
            cls.gateway.tool(tool, number)
        secret = cls.gateway.secrets["bot"]
        cls.gateway.secrets["bot"] = cls.gateway.secrets["other"]
        cls.gateway.tool("look", 15)
        cls.gateway.secrets["bot"] = secret
        cls.key = cls.gateway.run("audit", "key").stdout.strip()
        # Nothing is recorded any more while tests look: the question of the refused one ends by itself.
        wanted = {"expired": 1, "outcome": 4}
        cls.gateway.wait_for(lambda: wanted == {
            kind: [r["kind"] for r in cls.gateway.records()].count(kind) for kind in wanted})

    def audit(self, *arguments):
        """Records a command prints with `--json`."""
        done = self.gateway.run("audit", *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def proof(self, place, *options):
        """The evidence of one record, as soon as a checkpoint covers it."""
        self.gateway.wait_for(lambda: self.gateway.run("audit", "prove", str(place)).returncode == 0)
        return json.loads(self.gateway.run("audit", "prove", str(place), *options).stdout)

    def place(self, kind, tool, number):
        """The index of a call's record of that kind."""
        records = self.gateway.records()
        call = next(r["call"] for r in records if r["kind"] == "intent" and r["tool"] == tool and number_of(r) == number)
        return next(i for i, r in enumerate(records) if r["kind"] == kind and r.get("call") == call)

    def test_commitments_open_with_the_salt_and_with_nothing_else(self):
        proof = self.proof(self.place("intent", "note", 12), "--open")
        detail = json.loads(proof["record"])["detail"]
        self.assertEqual(detail["commitment"], mac(proof["salt"], '{"n":12}'))
        self.assertNotEqual(detail["commitment"], mac(proof["salt"], '{"n":13}'))
        place = self.place("outcome", "note", 12)
        proof = self.proof(place, "--open")
        detail = json.loads(proof["record"])["detail"]
        # The server's own bytes, as json.dumps writes them; and what the agent got instead of them.
        came = json.dumps({"content": [{"type": "text", "text": "note 12 done"}]})
        self.assertEqual(detail["commitmentReceived"], mac(proof["salt"], came))
        self.assertEqual(detail["bytesReceived"], len(came))
        self.assertIn("UNTRUSTED_EXTERNAL_DATA", detail["result"])
        self.assertEqual(detail["commitmentGiven"], mac(proof["salt"], detail["result"]))
        self.assertEqual(detail["bytesGiven"], len(detail["result"].encode()))
        self.assertNotIn("resultCut", detail)
        self.assertNotIn("salt", self.proof(place))

    def test_a_proof_convinces_a_stranger_and_a_changed_one_does_not(self):
        proof = self.proof(self.place("intent", "strike", 13))
        file = self.gateway.folder / "proof"
        file.write_text(json.dumps(proof))
        done = script("--key", self.key, "--evidence", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for change in ({"record": proof["record"].replace("13", "14")}, {"index": proof["index"] + 1},
                       {"checkpoint": proof["checkpoint"].replace(f"\n{proof['size']}\n", f"\n{proof['size'] + 1}\n")}):
            file.write_text(json.dumps({**proof, **change}))
            self.assertEqual(script("--key", self.key, "--evidence", file).returncode, 4)

    def test_a_search_finds_by_words_fields_and_time(self):
        both = self.audit("search", "13", "--tool", "ledger.strike")
        self.assertEqual([record["kind"] for record in both], ["intent", "outcome"])
        self.assertEqual(self.audit("search", "--call", both[0]["call"]), both)
        mine = self.audit("search", "--principal", "other", "--kind", "intent")
        self.assertEqual([number_of(record) for record in mine], [15])
        self.assertEqual(self.audit("search", "--kind", "proposed")[0]["tool"], "note")
        everything = self.audit("search", "--lines", "1000")
        self.assertEqual(everything, self.gateway.records())
        time = both[0]["time"]
        self.assertEqual(self.audit("search", "--until", time, "--lines", "1000"),
                         [record for record in everything if record["time"] <= time])
        self.assertEqual(self.audit("search", "--since", "1h", "--until", time, "--server", "ledger", "--lines", "1000"),
                         [r for r in everything if r["time"] <= time and r.get("server") == "ledger"])
        self.assertEqual(self.audit("search", "nowhere"), [])
        for wrong in (("--kind", "nothing"), ("--since", "yesterday"), ("--tool", "ledger"), ("--lines", "0")):
            self.assertEqual(self.gateway.run("audit", "search", *wrong).returncode, 2, wrong)

    def test_a_search_needs_no_index_that_was_kept(self):
        wanted = self.audit("search", "note", "--kind", "outcome")
        self.assertTrue(wanted)
        index = self.gateway.folder / "state/search.db"
        for spoil in (index.unlink, lambda: index.write_bytes(b"spoilt" * 1000)):
            spoil()
            self.assertEqual(self.audit("search", "note", "--kind", "outcome"), wanted)
        # A place where no file can be made: the answer is the same, and says so.
        alone = self.files_alone()
        (alone / "search.db").mkdir()
        done = self.gateway.run("audit", "search", "note", "--kind", "outcome", "--json", "--state", alone)
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], wanted)
        self.assertIn("note: `search.db` of the state folder cannot be written", done.stderr)

    def folder_of(self, *names):
        """A folder in which those names of the state folder stand, and nothing else."""
        folder = Path(tempfile.mkdtemp(dir=self.gateway.folder))
        for name in names:
            (folder / name).symlink_to(self.gateway.folder / "state" / name)
        return folder

    def files_alone(self):
        """As if no gateway ran."""
        return self.folder_of("log.db", "checkpoint")

    def test_a_question_is_answered_alike_by_the_gateway_and_from_the_files(self):
        gateway_alone, files_alone = self.folder_of("control.sock"), self.files_alone()
        questions = [
            (), ("--json",), ("note", "--json"), ("13", "--tool", "ledger.strike"), ("--principal", "other", "--lines", "2", "--json"),
            ("--kind", "outcome", "--since", "1h", "--server", "ledger"), ("--lines", "1000", "--json"), ("nowhere",),
        ]
        for words in [("search", *question) for question in questions]:
            asked, read = (self.gateway.run("audit", *words, "--state", folder) for folder in (gateway_alone, files_alone))
            self.assertEqual((asked.returncode, asked.stdout, asked.stderr), (0, read.stdout, ""), words)
            self.assertEqual(read.returncode, 0, words)
        self.assertEqual(self.gateway.run("audit", "tail", "--state", gateway_alone).returncode, 3)
        for words in (("--kind", "outcome", "--lines", "2"), ("--principal", "other", "--json"), ("--tenant", "nobody")):
            both = [self.gateway.run("audit", "tail", *words, "--state", folder).stdout
                    for folder in (self.gateway.folder / "state", files_alone)]
            self.assertEqual(*both, words)

    def test_whatever_answers_badly_for_a_gateway_is_passed_over(self):
        wanted = self.gateway.run("audit", "search", "note", "--json").stdout
        record = b'{"index":0,"record":{"kind":"forged"}}\n'
        for said in (b"", b"nonsense\n", record, record + b'{"error":{"code":1,"message":"no"}}\n', b'{"index":-1}\n{"result":{}}\n'):
            with self.subTest(said=said):
                folder = self.files_alone()
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(str(folder / "control.sock"))
                    listener.listen()
                    listener.settimeout(60)
                    command = subprocess.Popen([BINARY, "audit", "search", "note", "--json", "--state", folder],
                                               env=self.gateway.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                    peer, _ = listener.accept()
                    peer.settimeout(60)
                    self.assertEqual(json.loads(peer.makefile().readline())["params"], {"words": "note", "limit": 100})
                    peer.sendall(said)
                    # The one that says nothing stays open, like a gateway that was stopped on the way.
                    if said:
                        peer.close()
                    self.assertEqual(command.communicate(timeout=60)[0].decode(), wanted)
                    peer.close()

    def test_tail_shows_the_last_that_match_and_follows_until_its_reader_leaves(self):
        everything = self.gateway.records()
        self.assertEqual(json.loads(self.gateway.run("audit", "show", "5").stdout), everything[5])
        self.assertEqual(self.gateway.run("audit", "show", str(len(everything) + 1000)).returncode, 1)
        self.assertEqual(self.audit("tail", "--lines", "3"), everything[-3:])
        outcomes = [record for record in everything if record["kind"] == "outcome"]
        self.assertEqual(self.audit("tail", "--lines", "2", "--kind", "outcome"), outcomes[-2:])
        with subprocess.Popen([BINARY, "audit", "tail", "-f", "--lines", "1", "--kind", "outcome", "--json"],
                              cwd=self.gateway.folder, env=self.gateway.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as tail:
            self.assertEqual(json.loads(tail.stdout.readline()), outcomes[-1])
            self.gateway.tool("look", 16)
            self.assertIn("look 16 done", json.loads(tail.stdout.readline())["detail"]["result"])
            tail.stdout.close()
            self.gateway.tool("look", 17)
            tail.wait(timeout=60)

    def test_exports_are_the_log_itself_or_a_table(self):
        export = self.gateway.folder / "log.jsonl"
        export.write_text(self.gateway.run("audit", "export", "--jsonl").stdout)
        note = self.gateway.folder / "note"
        note.write_text(self.proof(self.place("outcome", "look", 11))["checkpoint"])
        done = script("--key", self.key, export, "--checkpoint", note)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        export.write_text(export.read_text().replace('\\"n\\":12', '\\"n\\":21'))
        self.assertEqual(script("--key", self.key, export, "--checkpoint", note).returncode, 4)
        records = self.gateway.records()
        table = list(csv.DictReader(io.StringIO(self.gateway.run("audit", "export", "--csv").stdout)))
        self.assertEqual([(row["kind"], row["time"], row["call"]) for row in table],
                         [(r["kind"], r["time"], r.get("call", "")) for r in records])
        table = list(csv.DictReader(io.StringIO(self.gateway.run("audit", "export", "--csv", "--kind", "intent").stdout)))
        self.assertIn('{"n":12}', [row["arguments"] for row in table])
        self.assertEqual(len(table), sum(r["kind"] == "intent" for r in records))


class Checkpoints(unittest.TestCase):
    def test_they_are_sent_to_every_file_and_one_that_cannot_be_written_is_told(self):
        port = free_port()
        with LedgerGateway(listen=f", control: '127.0.0.1:{port}'",
                           audit="audit: { checkpoints: [./sent, ./gone/sent] }") as gateway:
            gateway.tool("note", 1)
            gateway.wait_for(lambda: "checkpoint could not be kept" in get(port, "/readyz")[2])
            self.assertEqual(get(port, "/readyz")[0], 200)
            self.assertEqual(Metrics(port)("gatehouse_log_checkpoint_kept"), 0)
            (gateway.folder / "gone").mkdir()
            gateway.tool("note", 2)
            gateway.wait_for(lambda: "checkpoint" not in get(port, "/readyz")[2])
            gateway.tool("note", 3)
            gateway.stop()
            key = gateway.run("audit", "key").stdout.strip()
            for name in ("sent", "gone/sent"):
                file = gateway.folder / name
                self.assertGreater(file.read_text().count(key.split("+")[0] + "\n"), 0)
                done = gateway.run("audit", "verify", "--key", key, "--against", str(file))
                self.assertEqual(done.returncode, 0, done.stderr)
                done = script("--key", key, gateway.folder / "state/log.db", "--checkpoint", file)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.roll_back_whole(gateway)

    def roll_back_whole(self, gateway):
        """An older copy of the whole state folder holds in itself; what was sent away tells."""
        state, old = gateway.folder / "state", gateway.folder / "old"
        shutil.copytree(state, old, ignore=shutil.ignore_patterns("*.sock", "control*"))
        gateway.start()
        gateway.wait_for_server("ledger")
        gateway.tool("strike", 4)
        gateway.stop()
        for file in old.iterdir():
            if file.is_file():
                shutil.copy(file, state / file.name)
        self.assertEqual(gateway.run("audit", "verify").returncode, 0)
        self.assertEqual(gateway.run("audit", "verify", "--against", str(gateway.folder / "sent")).returncode, 4)
        done = gateway.run("up")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("/sent` covers", done.stderr)


class Budget(unittest.TestCase):
    def test_a_spent_day_ends_calls_and_not_what_decides_or_stops(self):
        with LedgerGateway(audit="audit: { bytes_per_day: 1048576, result_bytes: 65536 }", expiry="1h") as gateway:
            self.assertIn("waiting for a person", text_of(gateway.tool("strike", -1)))
            question = gateway.wait_for_question()["ticket"]
            long = 60_000
            for number in range(100):
                result = self.note(gateway, number, long)
                if result.get("isError"):
                    break
            self.assertIn("cannot be recorded", text_of(result))
            self.assertGreater(number, 5)
            done = gateway.done()
            self.assertNotIn(("note", number), done)
            # Less would fit; a restart forgets nothing of it.
            gateway.stop()
            gateway.start()
            gateway.wait_for_server("ledger")
            self.assertTrue(self.note(gateway, number, long).get("isError"))
            gateway.decide("approvals", "deny", question)
            self.assertEqual(gateway.run("lockdown", "server:ledger", "--reason", "spent").returncode, 0)
            shown = self.lists_until_refused(gateway)
            records = gateway.records()
            # Shown is what is on the record: of the list that did not fit nothing was told.
            self.assertEqual([r["kind"] for r in records].count("listed"), shown)
            # `result_bytes` decides how much of a result is kept, up to its greatest value.
            kept = [r["detail"] for r in records if r["kind"] == "outcome"][-1]
            self.assertEqual((len(kept["result"].encode()), "resultCut" in kept), (kept["bytesGiven"], False))
            self.assertGreater(kept["bytesGiven"], long)
            kinds = [record["kind"] for record in records]
            self.assertEqual((kinds.count("denied"), kinds.count("lockdown")), (1, 1))
            self.assertEqual(kinds.count("intent"), kinds.count("outcome"))
            self.assertEqual(gateway.done(), done)
            gateway.stop()
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def lists_until_refused(self, gateway):
        """How many lists of tools were shown until there was no room for one more on the record."""
        for long in (6000, 600, 0):
            for number in range(100, 200):
                if "cannot be recorded" in text_of(self.note(gateway, number, long)):
                    break
        for shown in range(50):
            _, _, answer = gateway.modern("tools/list", {}, path="/mcp/ledger")
            if "error" in answer:
                break
        self.assertIn("cannot be recorded", answer["error"]["message"])
        return shown

    def note(self, gateway, number, long):
        _, _, answer = gateway.modern("tools/call", {
            "name": "note", "arguments": {"n": number, "text": "x" * long}}, path="/mcp/ledger")
        return answer["result"]


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
