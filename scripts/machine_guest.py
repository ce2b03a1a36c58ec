"""What runs on the machine machine.py boots, as its first process: the gateway under a delegated group of cgroup v2, as root
and as an ordinary user, and what `doctor` and `prove` say of it. Each test is a line, `ok NAME` or `FAIL NAME: WHY`."""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / ".build/release/gatehouse"
GROUPS = Path("/sys/fs/cgroup")
START_LIMIT = 120.0  # seconds, on a machine that is emulated
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  shop:
    command: [/usr/bin/python3, {servers}/workshop.py]
    cage: {{ write: {{ /data/out: ./out }}, memory: 96, processes: 24, cpu: 0.5 }}
  # Runs in the delegated group itself when that is looked at, unless it is taken along.
  unbounded: {{ command: [/usr/bin/python3, {servers}/victim.py], cage: none }}
# A tool at T3 and no written `minimum`: it starts where every layer is, control groups among them.
tools: {{ shop.peek: {{ tier: T0 }}, shop.execute: {{ tier: T3 }} }}
"""


def mount(kind, place, options=""):
    os.makedirs(place, exist_ok=True)
    if ctypes.CDLL(None, use_errno=True).mount(kind.encode(), str(place).encode(), kind.encode(), 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {kind}")


class Gateway:
    """A gateway alone in a group that is its user's, as a unit with `Delegate=` has it."""

    def __init__(self, user):
        self.user, self.group = user, GROUPS / f"user-{user}"
        self.folder = Path(f"/tmp/{user}")
        for folder, mode in ((self.folder, 0o755), (self.folder / "out", 0o777), (self.folder / "state", 0o700)):
            folder.mkdir()
            folder.chmod(mode)
            os.chown(folder, user, user)
        (self.folder / "gatehouse.yaml").write_text(CONFIGURATION.format(port=8930, servers=ROOT / "Tests/EndToEnd/servers"))
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "GATEHOUSE_STATE": str(self.folder / "state")}
        self.delegate(self.group)

    def delegate(self, group):
        group.mkdir()
        for path in (group, *(group / name for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"))):
            os.chown(path, self.user, self.user)

    def become(self, group=None):
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))
        os.setgroups([])
        os.setgid(self.user)
        os.setuid(self.user)

    def run(self, *arguments, group=None, limit=START_LIMIT):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              timeout=limit, preexec_fn=lambda: self.become(group))

    def __enter__(self):
        self.log = open(self.folder / "log", "w+")
        self.process = subprocess.Popen([BINARY, "up"], cwd=self.folder, env=self.environment, stdout=self.log, stderr=self.log,
                                        preexec_fn=lambda: self.become(self.group))
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def server(self, name="shop"):
        rows = json.loads(self.run("servers", "list", "--json").stdout or "[]")
        return next((row for row in rows if row["server"] == name), {})

    def wait_for(self, condition):
        deadline = time.monotonic() + START_LIMIT
        while not condition():
            assert time.monotonic() < deadline, f"it did not come about: {(self.folder / 'log').read_text()[-2000:]}"
            time.sleep(0.5)

    def groups(self):
        return list(self.group.glob("gatehouse-*-*"))


def look(user):
    """The tests of one user, each with its name."""
    gateway = Gateway(user)
    trial = GROUPS / f"doctor-{user}"
    gateway.delegate(trial)

    def doctor():
        said = gateway.run("doctor", group=trial)
        assert f"yes cgroup        cgroup v2 in {trial}" in said.stdout, said.stdout + said.stderr

    yield "doctor finds the delegated group", doctor
    with gateway:
        def starts():
            gateway.wait_for(lambda: gateway.server().get("state") == "running")
            gateway.wait_for(lambda: gateway.server("unbounded").get("state") == "running")

        def bounds():
            [group] = gateway.groups()
            found = {name: (group / name).read_text().strip() for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max")}
            assert found["memory.max"] == str(96 << 20) and found["cpu.max"].startswith("50000 "), found
            # Bubblewrap and PID 1 are in the group, too.
            assert 24 <= int(found["pids.max"]) <= 32, found
            assert (group / "cgroup.procs").read_text().split(), "nobody is in it"

        def proves():
            said = gateway.run("prove", "shop", "--json", limit=900)
            report = json.loads(said.stdout)
            acts = report["acts"]
            through = [act for act in acts if act["result"] not in ("works", "stopped", "open")]
            assert said.returncode == 0 and not through, (said.returncode, through[:5], said.stderr[-500:])
            assert len(acts) >= 100, len(acts)
            held = [act["name"] for act in acts if act.get("layer") == "cgroup"]
            assert any("memory" in name for name in held), held
            print(f"machine: {len(acts)} acts as {user}, of which control groups stopped {held}", flush=True)

        yield "a server with a T3 tool starts with every layer", starts
        yield "its tree is bounded by its group", bounds
        yield "prove finds nothing that gets through", proves

    def leaves_nothing():
        left = {group.name: (group / "cgroup.procs").read_text() for group in gateway.groups()}
        assert not left, left

    yield "no group is left", leaves_nothing


def main():
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("cgroup2", GROUPS), ("securityfs", "/sys/kernel/security"),
                        ("tmpfs", "/dev/shm"), ("devpts", "/dev/pts"), ("tmpfs", "/run")):
        mount(kind, place)
    mount("tmpfs", "/tmp", "mode=1777")
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    (GROUPS / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    print(f"machine: Linux {os.uname().release}, {Path('/sys/kernel/security/lsm').read_text()}", flush=True)
    for user in (0, 1000):
        for name, test in look(user):
            try:
                test()
                print(f"ok as {user}: {name}", flush=True)
            except Exception:  # each is told, and the others go on
                print(f"FAIL as {user}: {name}: {traceback.format_exc(limit=2)}", flush=True)
    print("machine: done", flush=True)


if os.getpid() == 1:
    try:
        main()
    finally:
        sys.stdout.flush()
        Path("/proc/sysrq-trigger").write_text("o")
        time.sleep(60)
