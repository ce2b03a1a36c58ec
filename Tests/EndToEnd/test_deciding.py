"""Every verb that decides, tried by who is nobody: a process of the gateway's own user, and a hosted server."""
import json
import os
import shutil
import signal
import subprocess
import unittest

from deciding import verbs
from harness import BINARY, PASSPHRASE, WORKSHOP
from test_approvals import Shop, text_of
from test_control import AGENT_USER, ROOT_RUNS_THIS

# `desk` has a copy of a folder where the machine has overlays: something denied lies in it.
SERVERS = """  net:
    command: [/usr/bin/python3, "{servers}/workshop.py"]
    cage: {{ read: {{ /data/bin: ./bin }}, write: {{ /data/out: ./net }}, network: host }}
  desk:
    command: [/usr/bin/python3, "{servers}/workshop.py"]
    cage: {{ write: {{ /data/out: ./desk }} }}
tools:
"""
CONFIGURATION = (
    WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 200ms, expiry: 300s")
    .replace("read: {{ /data/docs: ./docs }}", "read: {{ /data/docs: ./docs, /data/bin: ./bin }}")
    .replace("tools:\n", SERVERS, 1)
    .replace("shop.execute: {{ tier: T3 }}", "shop.execute: {{ tier: T0 }}\n  net.execute: {{ tier: T0 }}"))

# How a command ends that is not there, may not be run, lacks its libraries (a debug build's are not in
# the cage), or finds no gateway.
NOT_THERE, NOT_ALLOWED, NOT_LOADED, NOT_REACHABLE = 102, 103, 127, 3

# Sends each request to the socket, and runs each command on a terminal of its own; says what came of it.
INSIDE = """
import json, os, pty, socket
def send(request):
    try:
        s = socket.socket(socket.AF_UNIX); s.connect({control!r})
        s.sendall(json.dumps(request).encode() + b"\\n")
        return "answered"
    except OSError as error:
        return type(error).__name__
def run(command):
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execv(command[0], command)
        except OSError as error:
            os._exit(102 if isinstance(error, FileNotFoundError) else 103)
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()
print(json.dumps([[send(r) for r in {requests!r}], [run(c) for c in {commands!r}]]))
"""


class Deciding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Shop(CONFIGURATION, accept=["shop", "net"], user=AGENT_USER)
        for name in ("net", "desk", "bin"):
            (cls.shop.folder / name).mkdir()
            os.chmod(cls.shop.folder / name, 0o777 if name != "bin" else 0o755)
        (cls.shop.folder / "desk/.env").write_text("KEY=1\n")
        shutil.copy(BINARY, cls.shop.folder / "bin/gatehouse")
        if AGENT_USER:
            for path in ("net", "desk", "desk/.env", "bin", "bin/gatehouse"):
                os.chown(cls.shop.folder / path, AGENT_USER, AGENT_USER)
        cls.enterClassContext(cls.shop)
        layers = {row["layer"]: row for row in json.loads(cls.shop.run("doctor", "--json").stdout)["layers"]}
        if layers["overlay"]["present"]:
            cls.shop.wait_for_server("desk")
        cls.verbs = cls.prepared(cls.shop)

    @classmethod
    def prepared(cls, shop):
        """Something of each kind that could be decided; the verbs that would."""
        ticket = shop.ticket(shop.destroy("wanted"))
        shop.run("lockdown", "tool:shop.put")
        file = shop.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("expiry: 300s", "expiry: 301s"))
        shop.process.send_signal(signal.SIGHUP)
        shop.wait_for(lambda: json.loads(shop.run("status", "--json").stdout)["pending"])
        token, = [t["id"] for t in json.loads(shop.run("tokens", "list", "--json").stdout)]
        pending, = cls.control(shop, {"method": "configuration.pending"})
        shop.settle()
        return verbs(shop, ticket, token, pending["result"]["digest"])

    @staticmethod
    def control(shop, *requests):
        """Lines on the control socket, sent by a child that is the gateway's user; their answers."""
        script = ("import json, socket, sys\n"
                  "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rw')\n"
                  "for line in sys.stdin:\n"
                  "    f.write(line); f.flush(); print(f.readline(), end='')\n")
        done = subprocess.run(["/usr/bin/python3", "-c", script, str(shop.folder / "state/control.sock")], text=True,
                              input="".join(json.dumps(r) + "\n" for r in requests), capture_output=True, timeout=120,
                              **shop.identity())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def setUp(self):
        self.before = self.standing()
        self.known = len(self.shop.records())

    def tearDown(self):
        """Nothing came of it, whatever was tried: what can be decided stands as it did, and no other record says otherwise."""
        self.assertEqual(self.standing(), self.before)
        kinds = {record["kind"] for record in self.shop.records()[self.known:]}
        # A hosted server tries by calls of its tool.
        self.assertLessEqual(kinds, {"login", "intent", "outcome"})
        self.assertFalse((self.shop.folder / "glass.token").exists())

    def standing(self):
        """All that a verb could change, as the lists show it."""
        lists = (["approvers", "list"], ["tokens", "list"], ["lockdown"], ["secrets", "list"], ["break-glass", "list"],
                 ["grants", "list"], ["servers", "changes", "desk"], ["egress", "list"], ["tools", "list"])
        shown = {" ".join(words): self.shop.run(*words, "--json").stdout for words in lists}
        status = json.loads(self.shop.run("status", "--json").stdout)
        return {**shown, "questions": [(q["ticket"], q["yes"]) for q in self.shop.waiting()], "pending": status["pending"]}

    def test_1_no_command_decides_without_the_passphrase(self):
        commands = [command for _, commands in self.verbs.values() for command in commands]
        for command in commands:
            with self.subTest(command):
                # Without a terminal there is nobody to ask; with one of its own, nobody who knows.
                done = self.shop.run(*command, "--approver", "ana")
                self.assertEqual((done.returncode, "which is asked on a terminal" in done.stderr), (1, True), done.stderr)
                status, output = self.shop.ask([*command, "--approver", "ana"], [
                    ("passphrase of ana", "let me in"), ("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
                self.assertEqual(status, 1, output)
                self.assertRegex(output, "passphrase is wrong|too many failures")
        status, output = self.shop.ask(["init", "mallory"], [("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
        self.assertNotEqual(status, 0, output)
        if AGENT_USER or not ROOT_RUNS_THIS:
            status, output = self.shop.ask(["approvers", "reset", "mallory"], [("new passphrase", PASSPHRASE), ("once more", PASSPHRASE)])
            self.assertEqual((status, "as root only" in output), (1, True), output)
        # Each guess that was looked at is in the log, and after five the name is locked for a while.
        guesses = [r["detail"] for r in self.shop.records() if r["kind"] == "login"]
        self.assertGreaterEqual(len(guesses), 5)
        self.assertLess(len(guesses), len(commands))
        self.assertEqual({g["approver"] for g in guesses}, {"ana"})

    def test_2_no_line_on_the_socket_decides(self):
        credentials = [None, {"approver": "", "passphrase": ""}, {"approver": "?", "passphrase": PASSPHRASE},
                       {"approver": "ana\u0000", "passphrase": PASSPHRASE}, {"approver": "ana", "passphrase": "let me in"},
                       {"approver": "ana"}, "ana", True]
        requests = [{"method": method, "params": params, **({"credential": c} if c is not None else {})}
                    for method, (params, _) in self.verbs.items() for c in credentials]
        requests.append({"method": "approvers.reset", "params": {"name": "mallory", "passphrase": PASSPHRASE}})
        answers = self.control(self.shop, *requests)
        self.assertEqual(len(answers), len(requests))
        # It is the person that is missing, whatever else may be wrong.
        missing = "needs an approver's passphrase|passphrase is wrong|too many failures|a credential has|as root only"
        for request, answer in zip(requests, answers):
            self.assertRegex(answer.get("error", {}).get("message", ""), missing, request)

    def test_3_no_hosted_server_decides(self):
        state = str(self.shop.folder / "state")
        requests = [{"method": method, "params": params, "credential": {"approver": "ana", "passphrase": PASSPHRASE}}
                    for method, (params, _) in self.verbs.items()]
        words = [command for _, commands in self.verbs.values() for command in commands]
        for server in ("shop", "net"):
            for binary, ends in ((BINARY, {NOT_THERE, NOT_ALLOWED}), ("/data/bin/gatehouse", {NOT_REACHABLE, NOT_LOADED})):
                with self.subTest(server, binary=binary):
                    commands = [[str(binary), *command, "--approver", "ana", "--state", state] for command in words]
                    script = INSIDE.format(control=state + "/control.sock", requests=requests, commands=commands)
                    said = text_of(self.shop.call("execute", {"command": ["/usr/bin/python3", "-c", script]}, server=server))
                    sent, ran = json.loads(next(line for line in said.splitlines() if line.startswith("[[")))
                    self.assertEqual(len(sent), len(requests))
                    self.assertLessEqual(set(sent), {"FileNotFoundError", "PermissionError", "OSError"})
                    self.assertEqual(len(ran), len(commands))
                    self.assertLessEqual({status for status, _ in ran}, ends, ran)
                    for _, output in ran:
                        self.assertNotIn("passphrase", output)


if __name__ == "__main__":
    unittest.main()
