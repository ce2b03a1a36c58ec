"""The demo does what it says, and says so when it does not."""
import os
import subprocess
import tempfile
import unittest

from harness import ROOT, on_terminal

DEMO = ROOT / "scripts/demo"
CONFIGURATION = ROOT / "examples/demo/gatehouse.yaml"


class Demo(unittest.TestCase):
    def test_every_step_does_what_it_says(self):
        done = subprocess.run([DEMO], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("7 of 7 steps did what they say", done.stdout)
        self.assertIn("a yes covers exactly this call, once", done.stdout)
        self.assertNotIn("\x1b", done.stdout, "colour is for terminals")

    def test_a_policy_that_lets_too_much_through_fails_it(self):
        loose = CONFIGURATION.read_text() + """
  - name: the mailbox may be emptied
    tools: [office.empty_mailbox]
    args: { /mailbox: { equals: inbox } }
    then: allow
"""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(loose)
            file.flush()
            status, output = self.on_a_terminal([DEMO, "--config", file.name])
        self.assertEqual(status, 1, output)
        self.assertIn("the call passed although nobody said yes", output)
        self.assertIn("the log says that the mailbox was emptied", output)
        self.assertIn("5 of 7 steps did what they say", output)
        self.assertIn("\x1b[31mNOT AS IT SAYS", output)

    def on_a_terminal(self, command):
        pid, terminal = on_terminal(command, {**os.environ, "TERM": "xterm"})
        output = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            output += piece
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode(errors="replace")


if __name__ == "__main__":
    unittest.main()
