"""Starts real gateways for the end-to-end tests, and plays the person at the terminal."""
import atexit
import contextlib
import http.client
import itertools
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GATEHOUSE_BINARY", ROOT / ".build/release/gatehouse"))
PASSPHRASE = "correct horse battery"
START_LIMIT = 60.0
VENV = ROOT / ".venv"
# Nobody's: no file of this machine belongs to it.
ORDINARY = 54_321


def commands():
    """Every command by its name, with its summary, in the order and under the headings of `--help`."""
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=60).stdout
    return dict(re.findall(r"^  (\S+(?: \S+)?) {2,}(.*)$", text, re.MULTILINE))


def remove(folder):
    """Takes a folder away, also where a test or a server made parts of it unwritable."""
    for path, names, _ in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                if not os.path.islink(os.path.join(path, name)):
                    os.chmod(os.path.join(path, name), 0o700)
    shutil.rmtree(folder, ignore_errors=True)


class Ports:
    """Ports that nobody else is given meanwhile: a block for each process of tests, below those the
    system hands out, each of them once. An abstract socket says that a block is taken; it goes with its
    process."""

    FIRST, SIZE, COUNT = 10_000, 500, 45

    def __init__(self):
        for number in range(self.COUNT):
            self.taken = socket.socket(socket.AF_UNIX)
            try:
                self.taken.bind(f"\0gatehouse-test-ports-{number}")
            except OSError:
                self.taken.close()
                continue
            atexit.register(self.taken.close)
            begin = self.FIRST + number * self.SIZE
            self.left = itertools.cycle(range(begin, begin + self.SIZE))
            return
        raise RuntimeError("too many processes of tests")

    def next(self):
        for port in itertools.islice(self.left, self.SIZE):
            with socket.socket() as s, contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port
        raise RuntimeError("no port is free")


PORTS = Ports()


def free_port():
    return PORTS.next()


def usable(user):
    """Why that user cannot run the gateway and the servers, or None."""
    for path in (BINARY, VENV / "sdk/bin/python", VENV / "sdk1/bin/python"):
        if subprocess.run(["/usr/bin/setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "test", "-x", path]).returncode:
            return f"uid {user} cannot execute {path}"
    return None


class AsAnOrdinaryUser:
    """Put before the base class of a suite, runs it with a gateway of an ordinary user; only root can."""

    user = ORDINARY

    @classmethod
    def setUpClass(cls):
        if os.getuid() != 0:
            raise unittest.SkipTest("only root can become another user")
        if reason := usable(ORDINARY):
            raise unittest.SkipTest(reason)
        super().setUpClass()


def own_groups():
    """The folders of this process's control groups, v1 or v2."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.rstrip().split(":", 2)
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            if kind == ("cgroup" if names else "cgroup2") and set(names.split(",")) <= set(options) | {""}:
                yield Path(mount[4]) / path.lstrip("/")


def on_terminal(command, environment, folder=None, user=None):
    """Starts a command on a terminal of its own; its process id, and our end of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            if folder is not None:
                os.chdir(folder)
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.execve(command[0], [str(word) for word in command], environment)
        finally:
            os._exit(127)  # never a second runner of the same tests
    return pid, terminal


class Gateway:
    """One gateway with a folder, an approver and a token of its own."""

    def __init__(self, configuration, accept=(), tokens=("bot",), user=None):
        # Under /var/tmp or /tmp, readable for the users that caged servers run as.
        self.folder = Path(tempfile.mkdtemp(prefix="gatehouse-e2e-"))
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.environment = {**os.environ, "GATEHOUSE_STATE": str(self.folder / "state")}
        self.process, self.command = None, [BINARY, "up"]
        for name in ("docs", "out"):
            (self.folder / name).mkdir()
        os.chmod(self.folder / "out", 0o777)
        (self.folder / "docs/hello.txt").write_text("hello from the docs\n")
        self.user = user  # of the gateway and its commands; None is who runs the test
        if user is not None:
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, user, user)
        self.console = free_port()
        text = configuration.format(port=self.port, console=self.console, venv=ROOT / ".venv",
                                    servers=ROOT / "Tests/EndToEnd/servers")
        (self.folder / "gatehouse.yaml").write_text(text)
        self.accept, self.tokens, self.secrets = accept, tokens, {}

    def __enter__(self):
        try:
            # The first token comes with the state: each decision of a person costs a second of scrypt.
            first = ["--owner", self.tokens[0], "--token-to", self.token_file(self.tokens[0])] if self.tokens else []
            status, output = self.ask(["init", "ana", *first], [("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
            if status:
                raise RuntimeError(f"init failed: {output}")
            self.start()
            for server in self.accept:
                self.wait_for_server(server)
                self.decide("tools", "approve", server)
            for owner in self.tokens[1:]:
                self.decide("tokens", "issue", owner, "--to", self.token_file(owner))
            for owner in self.tokens:
                self.secrets[owner] = Path(self.token_file(owner)).read_text().strip()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.stop()
        remove(self.folder)
        # A gateway that was killed leaves its cages' groups to the next one, which here is none.
        for group in own_groups():
            for left in group.glob("gatehouse-*-*"):
                pid = left.name.split("-")[1]
                if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                    with contextlib.suppress(OSError):
                        left.rmdir()

    def token_file(self, name):
        return str(self.folder / f"{name}.token")

    # The process

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.identity())
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("the gateway ended: " + self.log())
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            select.select([], [], [], 0.05)  # nothing to wait on before the socket exists
        raise RuntimeError("the gateway did not listen: " + self.log())

    def identity(self):
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}

    def stop(self, sign=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def log(self):
        return self.log_text()[-4000:]

    def log_text(self):
        return (self.folder / "log").read_text()

    def wait_for(self, condition):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if condition():
                return
            select.select([], [], [], 0.05)
        raise RuntimeError("it did not come about: " + self.log())

    def wait_for_server(self, server):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            tools = json.loads(self.run("tools", "list", "--json").stdout or "[]")
            if any(t.get("server") == server and t["state"] != "absent" for t in tools):
                return
            select.select([], [], [], 0.1)
        raise RuntimeError(f"server {server} did not come up: " + self.log())

    # Commands

    def run(self, *arguments):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, start_new_session=True,
                              **self.identity())

    def ask(self, arguments, answers):
        """Runs a command on a terminal of its own and answers its questions."""
        pid, terminal = on_terminal([BINARY, *arguments], self.environment, self.folder, self.user)
        output, seen, answers = b"", 0, list(answers)
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            output += piece
            if answers and answers[0][0].encode() in output[seen:]:
                seen = len(output)
                os.write(terminal, answers.pop(0)[1].encode() + b"\n")
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), output.decode(errors="replace")

    def decide(self, *arguments, approver="ana"):
        """Runs a command that needs the approver's passphrase."""
        status, output = self.ask([*arguments, "--approver", approver], [(f"passphrase of {approver}", PASSPHRASE)])
        if status:
            raise RuntimeError(f"{arguments}: {output}")
        return output

    def add_approver(self, name):
        status, output = self.ask(["approvers", "add", name, "--approver", "ana"], [
            ("passphrase of ana", PASSPHRASE), ("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
        if status:
            raise RuntimeError(f"approvers add {name}: {output}")

    def issue(self, owner, *options, name=None):
        """Issues a token under a name of the test's choosing; its id."""
        file = self.token_file(name or owner)
        output = self.decide("tokens", "issue", owner, "--to", file, *options)
        self.secrets[name or owner] = Path(file).read_text().strip()
        return output.split("token ")[1].split()[0]

    def records(self):
        return [json.loads(line) for line in self.run("audit", "export").stdout.split("\n") if line]

    def known_calls(self):
        """The calls the log has now, for `records_besides`."""
        return {record["call"] for record in self.records() if record.get("call")}

    def records_besides(self, known, tool):
        """Records of later calls of that tool: not the outcome of an earlier one, which may come late."""
        return [r for r in self.records() if r.get("tool") == tool and r.get("call") not in {None, *known}]

    def settle(self):
        """Puts up a stop that stops nobody: it is committed, and with it all that was recorded before."""
        done = self.run("lockdown", "agent:nobody", "--reason", "so that what was before it is in the log")
        if done.returncode:
            raise RuntimeError(done.stderr)

    def waiting(self):
        return json.loads(self.run("approvals", "list", "--json").stdout)

    def wait_for_question(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if questions := self.waiting():
                return questions[0]
            select.select([], [], [], 0.05)
        raise RuntimeError("nobody asked")

    # Agents

    def url(self, server=None):
        return f"http://127.0.0.1:{self.port}/mcp" + (f"/{server}" if server else "")

    def post(self, body, headers=None, path="/mcp", token="bot", method="POST"):
        """One HTTP request as bytes; (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if token:
            fields["Authorization"] = f"Bearer {self.secrets[token]}"
        fields.update(headers or {})
        fields = {key: value for key, value in fields.items() if value is not None}
        data = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        connection.request(method, path, data, fields)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, response.headers, json.loads(text) if text.startswith(b"{") else text

    def modern(self, method, params=None, **more):
        """A self-contained request of 2026-07-28."""
        params = {**(params or {}), "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}}
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        headers.update(more.pop("headers", {}))
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers, **more)


FILES = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
approvals: {{ hold: 20s, expiry: 30s }}
servers:
  files:
    command: ["{venv}/quickstart/bin/filesystem-mcp", /data/docs, /data/out]
    cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}, network: none }}
tools:
  files.write_file: {{ tier: T1, scope: {{ /path: {{ glob: "/data/out/**" }} }} }}
"""

# A server of ours that reads, writes, destroys, waits and executes; see servers/workshop.py.
WORKSHOP = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
approvals: {{ hold: 20s, expiry: 30s }}
servers:
  shop:
    command: [/usr/bin/python3, "{servers}/workshop.py"]
    cage:
      read: {{ /data/docs: ./docs }}
      write: {{ /data/out: ./out }}
      minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]
tools:
  shop.peek: {{ tier: T0 }}
  shop.put: {{ tier: T1, scope: {{ /path: {{ glob: "/data/out/**" }} }} }}
  shop.destroy: {{ tier: T2 }}
  shop.wait: {{ tier: T0 }}
  shop.execute: {{ tier: T3 }}
"""
