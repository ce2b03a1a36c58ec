"""The command line itself: what it takes, what it refuses, and what it prints for programs."""
import json
import subprocess
import unittest

from harness import BINARY, PASSPHRASE, WORKSHOP, Gateway, commands

WITHOUT_JSON = {"up", "connect", "completion"}  # they have no output of their own, or a script for a shell


def run(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


class Words(unittest.TestCase):
    def test_every_command_explains_itself_and_refuses_what_it_does_not_know(self):
        found = commands()
        self.assertGreater(len(found), 50)
        for name in found:
            with self.subTest(command=name):
                page = run(*name.split(), "--help")
                self.assertEqual(page.returncode, 0)
                self.assertTrue(page.stdout.startswith(f"usage: gatehouse {name}"))
                self.assertEqual("--json" in page.stdout, name not in WITHOUT_JSON)
                unknown = run(*name.split(), "--no-such-option")
                self.assertEqual(unknown.returncode, 2)
                self.assertIn(f"`gatehouse {name} --help` lists the options", unknown.stderr)
                if "…" not in page.stdout.splitlines()[0]:
                    many = run(*name.split(), *["word"] * 4)
                    self.assertEqual(many.returncode, 2)
                    self.assertIn("is one word too many", many.stderr)

    def test_half_a_command_hears_the_other_halves(self):
        self.assertIn("`tokens issue`, `tokens list`, `tokens revoke`", run("tokens").stderr)
        self.assertIn("`gatehouse --help` lists the commands", run("frobnicate").stderr)
        self.assertIn("usage: gatehouse audit show NUMBER", run("audit", "show").stderr)


class ForPrograms(unittest.TestCase):
    def test_what_is_printed_as_json_is_json(self):
        with Gateway(WORKSHOP, accept=["shop"]) as gateway:
            gateway.modern("tools/call", {"name": "peek", "arguments": {"key": "here"}}, path="/mcp/shop")
            for words in ("status", "check", "policy", "policy explain shop.peek", "tools list", "tools show shop peek",
                          "approvals list", "approvers list", "tokens list", "audit tail", "audit search peek", "audit show 0",
                          "audit export", "audit verify", "audit key", "lockdown tool:shop.execute", "lockdown", "revoke agent:bot"):
                with self.subTest(command=words):
                    done = gateway.run(*words.split(), "--json")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue([json.loads(line) for line in done.stdout.splitlines()])
            verified = json.loads(gateway.run("audit", "verify", "--json").stdout)
            self.assertEqual((verified["holds"], verified["findings"]), (True, []))
            self.assertGreater(verified["records"], 5)
            status, output = gateway.ask(["approvers", "remove", "nobody", "--json", "--approver", "ana"], [("passphrase", PASSPHRASE)])
            self.assertEqual(status, 1)
            self.assertIn("no approver `nobody`", output)
            # What a secret was written to is told, never the secret; the terminal shows what went to standard error, too.
            file = gateway.token_file("program")
            told = json.loads(gateway.decide("tokens", "issue", "program", "--to", file, "--json").splitlines()[-1])
            self.assertEqual(told, {"id": told["id"], "file": file})
            told = json.loads(gateway.decide("rotate", f"token:{told['id']}", "--to", file + ".new", "--json").splitlines()[-1])
            self.assertEqual(told, {"id": told["id"], "file": file + ".new", "stopped": 0})

    def test_a_gateway_nobody_decides_for_says_so(self):
        with Gateway(WORKSHOP, tokens=()) as gateway:
            self.assertNotIn("nobody may decide", gateway.log_text())
            gateway.stop()
            gateway.environment["GATEHOUSE_STATE"] = str(gateway.folder / "another")
            gateway.start()
            gateway.wait_for(lambda: "nobody may decide yet" in gateway.log_text())


if __name__ == "__main__":
    unittest.main()
