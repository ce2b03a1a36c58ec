"""Completion in shells: the scripts are run by the shells they are for."""
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY, commands

DRIVER = """
source <("$GATEHOUSE" completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_gatehouse
printf '%s\\n' "${COMPREPLY[@]}"
"""


def gatehouse(*words):
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60)


class Bash(unittest.TestCase):
    def complete(self, *words, folder="/"):
        """What bash offers for the last of the words."""
        answer = subprocess.run(["bash", "-c", DRIVER, "bash", "gatehouse", *words], capture_output=True, text=True,
                                timeout=60, cwd=folder, env={"GATEHOUSE": str(BINARY), "PATH": "/usr/bin:/bin"})
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        return sorted(answer.stdout.split())

    def test_every_command_is_offered_word_by_word(self):
        names = commands()
        firsts = {name.split()[0] for name in names}
        self.assertEqual(self.complete(""), sorted(firsts | {"--help", "--version"}))
        for first in sorted(firsts):
            seconds = sorted(name.split()[1] for name in names if name.startswith(first + " "))
            if seconds:
                with self.subTest(first):
                    self.assertEqual(self.complete(first, ""), seconds)
        self.assertEqual(self.complete("tok"), ["tokens"])
        self.assertEqual(self.complete("tokens", "is"), ["issue"])

    def test_every_option_is_offered_where_it_is_taken(self):
        for name in commands():
            page = gatehouse(*name.split(), "--help").stdout
            options = sorted({*re.findall(r"^  (--[a-z-]+)", page, re.MULTILINE), "--help"})
            with self.subTest(name):
                self.assertEqual(self.complete(*name.split(), "--"), options)
                # Also behind an argument, and behind an option with its value.
                self.assertEqual(self.complete(*name.split(), "x", "--he"), ["--help"])

    def test_values_are_files_folders_tiers_or_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a file").touch()
            (Path(folder) / "a folder").mkdir()
            self.assertEqual(self.complete("up", "--config", "a", folder=folder), ["a", "a", "file", "folder"])
            self.assertEqual(self.complete("status", "--state", "a", folder=folder), ["a", "folder"])
            self.assertEqual(self.complete("tokens", "issue", "x", "--tier", ""), ["T0", "T1", "T2", "T3"])
            self.assertEqual(self.complete("tokens", "issue", "x", "--tenant", "", folder=folder), [])
            self.assertEqual(self.complete("completion", ""), ["bash", "fish", "zsh"])
            self.assertEqual(self.complete("call", "", folder=folder), [])

    def test_nothing_comes_of_what_is_no_command(self):
        self.assertEqual(self.complete("nothing", ""), [])
        self.assertEqual(self.complete("nothing", "--"), [])


class Others(unittest.TestCase):
    def test_an_unknown_shell_is_refused(self):
        answer = gatehouse("completion", "fsh")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("did you mean `fish`?", answer.stderr)
        self.assertEqual(gatehouse("completion").returncode, 2)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_takes_its_script(self):
        script = gatehouse("completion", "zsh").stdout
        text = "autoload -Uz compinit; compinit -u -D\n" + script + "\nprint -r -- $_comps[gatehouse]\n"
        answer = subprocess.run(["zsh", "-f"], input=text, capture_output=True, text=True, timeout=60)
        self.assertEqual((answer.stdout, answer.stderr), ("_gatehouse\n", ""))

    @unittest.skipUnless(shutil.which("fish"), "fish is not here")
    def test_fish_offers_commands_options_and_values(self):
        script = gatehouse("completion", "fish").stdout
        for words, expected in (("gatehouse tok", {"tokens"}), ("gatehouse tokens is", {"issue"}),
                                ("gatehouse tokens issue x --ti", {"--tier"}),
                                ("gatehouse tokens issue x --tier ", {"T0", "T1", "T2", "T3"}),
                                ("gatehouse completion ", {"bash", "fish", "zsh"})):
            with self.subTest(words), tempfile.TemporaryDirectory() as home:
                text = script + f"\ncomplete -C '{words}'\n"
                answer = subprocess.run(["fish", "--no-config"], input=text, capture_output=True, text=True, timeout=60,
                                        env={"HOME": home, "PATH": "/usr/bin:/bin"})
                offered = {line.split("\t")[0] for line in answer.stdout.splitlines()}
                self.assertEqual((offered, answer.stderr), (expected, ""))


if __name__ == "__main__":
    unittest.main()
