"""Runs the modules of one suite of Python tests, two at a time, each in a process of its own."""
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

MODULE_LIMIT = 600.0  # seconds
# What measures memory or times, or loads the machine on purpose: nothing else runs beside it.
ALONE = {"test_hostile_http", "test_memory", "test_soak"}
# These take longest, as seen; begun first, they leave no core idle at the end.
LONGEST = [
    "test_attacks", "test_approvals", "test_protocol_cancel", "test_clock", "test_evidence", "test_narrow_gate",
    "test_health", "test_kept", "test_grants", "test_hosted_programs", "test_cage_attacks", "test_control",
    "test_contained", "test_roles",
]


class Running:
    """A module under way; what it says is kept until it has ended, so that nothing is mixed."""

    def __init__(self, python, folder, name, limit):
        self.name, self.began, self.limit = name, time.monotonic(), limit
        # Not where TMPDIR says: that is looked at once in a process, and each suite has its own.
        self.output = tempfile.TemporaryFile(dir="/tmp")
        # A module that is ended for its time shows where it stood.
        self.process = subprocess.Popen([python, "-X", "faulthandler", "-m", "unittest", "-v", name], cwd=folder,
                                        stdout=self.output, stderr=subprocess.STDOUT)
        self.descriptor = os.pidfd_open(self.process.pid)

    @property
    def seconds(self):
        return time.monotonic() - self.began

    def end_if_too_long(self):
        if self.seconds > self.limit:
            self.process.send_signal(signal.SIGABRT)
            self.limit = float("inf")

    def finish(self):
        """Its status and everything it said."""
        os.close(self.descriptor)
        status = self.process.wait()
        self.output.seek(0)
        with self.output:
            return status, self.output.read().decode(errors="replace")


class Outcome:
    """How many tests of a module passed, failed and were left out, and which failed."""

    def __init__(self, name, status, said):
        ran = re.search(r"^Ran (\d+) tests?", said, re.M)
        counts = {key: int(value) for key, value in re.findall(r"(failures|errors|skipped)=(\d+)", said.rpartition("\nRan ")[2])}
        self.failures = [f"{name}: {line}" for line in re.findall(r"^(?:FAIL|ERROR): (.*)$", said, re.M)]
        self.skipped = counts.get("skipped", 0)
        self.failed = counts.get("failures", 0) + counts.get("errors", 0)
        total = int(ran[1]) if ran else 0
        if status != 0 and self.failed == 0:  # it ended before its tests did
            self.failed, total = 1, total + 1
            self.failures.append(f"{name}: ended with status {status}")
        self.passed = total - self.failed - self.skipped


def run(python, folder, names, heard, limit=MODULE_LIMIT):
    """Runs each module; `heard` gets every line. (passed, failed, skipped) and what failed."""
    together = [name for name in sorted(names, key=order) if not is_alone(name)]
    alone = sorted(filter(is_alone, names))
    outcomes, running = [], []
    try:
        while together or alone or running:
            while together and len(running) < 2:
                running.append(Running(python, folder, together.pop(0), limit))
            if not running:
                running.append(Running(python, folder, alone.pop(0), limit))
            ended, _, _ = select.select([module.descriptor for module in running], [], [], 1)
            for module in [module for module in running if module.descriptor in ended]:
                running.remove(module)
                seconds = module.seconds
                status, said = module.finish()
                print(f"-- {module.name} ({seconds:.0f} s)", flush=True)
                for line in said.splitlines():
                    heard(line)
                sys.stdout.write(said)
                sys.stdout.flush()
                outcomes.append(Outcome(module.name, status, said))
            for module in running:
                module.end_if_too_long()
    finally:
        for module in running:
            module.process.kill()
            module.finish()
    counts = tuple(sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed", "skipped"))
    return counts, [line for outcome in outcomes for line in outcome.failures]


def is_alone(name):
    return name in ALONE or name.startswith("browser_")  # one browser is load enough


def order(name):
    return (LONGEST.index(name) if name in LONGEST else len(LONGEST), name)
