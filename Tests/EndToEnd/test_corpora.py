"""Test data of others is fetched as it is locked, or not at all."""
import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import ROOT

SCRIPT = ROOT / "scripts/corpora"
GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "uploadpack.allowAnySHA1InWant=true"]


class Corpora(unittest.TestCase):
    """The repositories are folders of this machine; the script is a copy in a clone of its own."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gatehouse-corpora-")))
        (self.folder / "clone/scripts").mkdir(parents=True)
        self.script = self.folder / "clone/scripts/corpora"
        self.script.write_text(SCRIPT.read_text())
        work = self.folder / "hub/them/data"
        (work / "cases/deep").mkdir(parents=True)
        (work / "cases/deep/b.json").write_text("[]")
        (work / "cases/a.json").write_text("{}")
        (work / "other").write_text("not taken")
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "data"]):
            subprocess.run([*GIT, *words], cwd=work, check=True)
        self.commit = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=work, check=True, capture_output=True, text=True).stdout.strip()

    def run_script(self, *arguments, sha256=None):
        lines = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n"
                        for name, text in (("a.json", b"{}"), ("deep/b.json", b"[]")))
        sha256 = sha256 or hashlib.sha256(lines.encode()).hexdigest()
        lock = self.folder / "lock"
        lock.write_text(f'[data]\nused-by = "a suite"\nsha256 = "{sha256}"\n[[data.from]]\nrepository = "them/data"\n'
                        f'commit = "{self.commit}"\nlicence = "MIT"\n[data.from.take]\n"cases/" = ""\n')
        environment = {key: value for key, value in os.environ.items() if key != "GATEHOUSE_CORPORA"}
        return subprocess.run(
            ["/usr/bin/python3", self.script, *arguments, "--lock", lock], capture_output=True, text=True, timeout=60,
            env={**environment, "GATEHOUSE_CORPORA_FROM": f"file://{self.folder}/hub/"})

    def test_what_is_not_here_is_named_and_then_fetched(self):
        self.assertIn("absent   data: a suite", self.run_script().stdout)
        done = self.run_script("fetch")
        self.assertEqual((done.returncode, done.stdout), (0, "fetched  data\n"), done.stderr)
        self.assertEqual((self.folder / "clone/.build/corpora/data/deep/b.json").read_text(), "[]")
        self.assertFalse((self.folder / "clone/.build/corpora/data/other").exists())
        self.assertIn("present  data", self.run_script().stdout)

    def test_other_bytes_than_locked_are_not_taken(self):
        done = self.run_script("fetch", sha256="0" * 64)
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed   data: what came has", done.stdout)
        self.assertEqual(list((self.folder / "clone/.build/corpora").iterdir()), [])

    def test_a_changed_corpus_is_shown(self):
        self.run_script("fetch")
        (self.folder / "clone/.build/corpora/data/a.json").write_text("{ }")
        done = self.run_script()
        self.assertEqual(done.returncode, 1)
        self.assertIn("differs  data", done.stdout)

    def test_a_repository_that_cannot_be_reached_is_said(self):
        self.commit = "0" * 40
        done = self.run_script("fetch")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed   data: ", done.stdout)


if __name__ == "__main__":
    unittest.main()
