"""What `make run` starts: its printed command makes a first call, and it ends after its gateway."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, ROOT, VENV

# After the build: what `make run` has to do for a first governed call.
FIRST_CALL_SECONDS = 10


class Quickstart(unittest.TestCase):
    def setUp(self):
        """The parts of a clone that it needs, with a state of its own."""
        self.clone = Path(tempfile.mkdtemp(prefix="gatehouse-quickstart-"))
        self.addCleanup(shutil.rmtree, self.clone)
        (self.clone / ".build/release").mkdir(parents=True)
        (self.clone / ".build/release/gatehouse").symlink_to(BINARY)
        (self.clone / ".venv").symlink_to(VENV)
        shutil.copytree(ROOT / "examples", self.clone / "examples")
        (self.clone / "scripts").mkdir()
        for name in ("quickstart", "unroot"):
            shutil.copy(ROOT / "scripts" / name, self.clone / "scripts" / name)

    def start(self):
        """In a process group of its own; what it said up to its last word, and the gateway's process."""
        output = self.clone / "output"
        with open(output, "w") as file:
            runner = subprocess.Popen(["scripts/quickstart"], cwd=self.clone, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                      start_new_session=True)
        self.addCleanup(self.end, runner)
        while "Stop with Ctrl-C" not in output.read_text():
            with self.assertRaises(subprocess.TimeoutExpired, msg=output.read_text()):
                runner.wait(0.1)
        gateway, = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self.is_gateway(entry, runner.pid)]
        return runner, gateway, output.read_text()

    @staticmethod
    def is_gateway(entry, parent):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            return words[1:2] == [b"up"] and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
        except OSError:
            return False

    @staticmethod
    def end(runner):
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
            runner.wait()

    def test_its_command_makes_a_call_in_time_and_it_outlives_its_gateway_however_often_it_is_told_to_go(self):
        began = time.monotonic()
        runner, gateway, output = self.start()
        command = re.search(r"^  (\S+ call .*)$", output, re.M)[1]
        answer = subprocess.run(["bash", "-c", command], cwd=self.clone, capture_output=True, text=True, timeout=60)
        seconds = time.monotonic() - began
        self.assertIn("Hello from behind the gate.", answer.stdout, answer.stderr)
        print(f"\nfirst governed call after {seconds:.1f} s", flush=True)
        self.assertLessEqual(seconds, FIRST_CALL_SECONDS)
        # As `make` does with a signal that its whole group got: it passes it on once more.
        while runner.poll() is None:
            os.killpg(runner.pid, signal.SIGTERM)
            try:
                runner.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        self.assertFalse(Path("/proc", str(gateway)).exists(), "its gateway is left")


if __name__ == "__main__":
    unittest.main()
