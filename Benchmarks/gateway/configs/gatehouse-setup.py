#!/usr/bin/env python3
"""Makes what the measured gateway needs before its first start: an approver, a lock file with every tool's pin, and the tokens.

    gatehouse-setup.py RUN GATEHOUSE     in the run folder; the upstream answers already
"""
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

RUN, GATEHOUSE, TOKENS = Path(sys.argv[1]), sys.argv[2], 20
PASSPHRASE = "measured passphrase"
ENVIRONMENT = {**os.environ, "GATEHOUSE_STATE": os.environ.get("GATEHOUSE_STATE_FOLDER", str(RUN / "state"))}


def answer(*arguments, times=1):
    """Runs a command on a terminal of its own and types the passphrase when asked."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(RUN)
        os.execve(GATEHOUSE, [GATEHOUSE, *arguments], ENVIRONMENT)
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if times and seen.rstrip().endswith(b":") and (b"passphrase" in seen or b"once more" in seen):
            os.write(terminal, PASSPHRASE.encode() + b"\n")
            times, seen = times - 1, b""
    os.close(terminal)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit(f"{arguments}: {seen.decode(errors='replace')}")


answer("init", "ana", "--config", "full.yaml", times=2)
gateway = subprocess.Popen([GATEHOUSE, "up", "--config", "full.yaml", "--quiet"], cwd=RUN, env=ENVIRONMENT, stdin=subprocess.DEVNULL)
try:
    deadline = time.monotonic() + 30
    while '"echo"' not in subprocess.run([GATEHOUSE, "tools", "list", "--json"], cwd=RUN, env=ENVIRONMENT, capture_output=True, text=True).stdout:
        if gateway.poll() is not None or time.monotonic() > deadline:
            sys.exit("the gateway did not come up")
        time.sleep(0.05)
    answer("tools", "approve", "up", "--approver", "ana")
    lines = []
    for i in range(TOKENS):
        answer("tokens", "issue", f"agent-{i}", "--to", f"token-{i}", "--approver", "ana")
        lines.append("Authorization: Bearer " + (RUN / f"token-{i}").read_text().strip())
    (RUN / "headers").write_text(lines[0] + "\n")
    (RUN / "rotate").write_text("\n".join(lines) + "\n")
finally:
    gateway.terminate()
    gateway.wait()
