"""A server's cage as an OCI bundle, and runtimes that run it where this machine has them."""
import json
import os
import stat
import subprocess
import unittest

from harness import ORDINARY, AsAnOrdinaryUser, usable
from test_servers import Hosting, configuration, victim

TOOLS = {"held.echo": "T0"}
READ_ONLY = ("EROFS", "EACCES")  # gVisor looks at the mode first
# A bundle cannot say these; each refusal names what to write instead.
REFUSED = {
    "out": (victim("out", cage="network: {{ allow: [api.example] }}"), "write `network: none`"),
    "strict": (victim("strict", cage="seccomp: strict"), "write `seccomp: standard`"),
    "hiding": (victim("hiding", cage="read: {{ /data/x: ./private }}"), "holds what is denied"),
    "holder": (victim("holder") + '    env: {{ KEY: {{ secret: token, expose: true }} }}\n', "is given a secret as `KEY`"),
    "bare": ("\n  bare: {{ command: [/usr/bin/python3, ./victim.py], cage: none }}\n", "cage: none"),
}


class Bundles:
    user = None
    runtimes = None

    @classmethod
    def setUpClass(cls):
        if hasattr(super(), "setUpClass"):
            super().setUpClass()
        text = configuration(
            victim("held", cage="memory: 96, processes: 200, tmp: 8, read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}")
            + "".join(text for text, _ in REFUSED.values()), TOOLS)
        text = text.replace("servers:\n", "secrets: {{ token: {{ file: ./token }} }}\nservers:\n")
        gateway = Hosting(text, user=cls.user)
        (gateway.folder / "token").write_text("a value that no file may hold")
        os.chmod(gateway.folder / "token", 0o600)
        private = gateway.folder / "private"
        private.mkdir()
        os.chmod(private, 0o755)
        (private / ".env").write_text("KEY=1")
        if cls.user is not None:
            for path in (gateway.folder / "token", private, private / ".env"):
                os.chown(path, cls.user, cls.user)
        cls.gateway = cls.enterClassContext(gateway)
        cls.gateway.wait_for_state("held", "running")
        cls.folder = gateway.folder / "bundle"
        done = gateway.run("servers", "bundle", "held", str(cls.folder))
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.said, cls.config = done.stdout, json.loads((cls.folder / "config.json").read_text())

    def test_it_says_what_the_cage_is(self):
        config, root = self.config, self.folder / "rootfs"
        self.assertEqual(config["ociVersion"], "1.0.2")
        self.assertEqual(config["root"], {"path": "rootfs", "readonly": True})
        process = config["process"]
        self.assertTrue(process["noNewPrivileges"])
        self.assertEqual(set(map(tuple, process["capabilities"].values())), {()})
        self.assertEqual(process["args"][0], "/usr/bin/python3")
        self.assertEqual([v for v in process["env"] if v.startswith(("GATEHOUSE", "SSH"))], [])
        self.assertEqual({row["type"]: row["hard"] for row in process["rlimits"]}["RLIMIT_NPROC"], 200)
        mounts = {row["destination"]: row for row in config["mounts"]}
        self.assertIn("ro", mounts["/data/docs"]["options"])
        self.assertIn("rw", mounts["/data/out"]["options"])
        self.assertIn(f"size={8 << 20}", mounts["/tmp"]["options"])
        writable = {place for place, row in mounts.items() if row["type"] == "bind" and "ro" not in row["options"]}
        self.assertEqual(writable, {"/data/out"})
        kinds = {row["type"] for row in config["linux"]["namespaces"]}
        self.assertLessEqual({"pid", "ipc", "uts", "mount", "network", "cgroup"}, kinds)
        # The same denials as the filter every cage has.
        rules = json.loads(self.gateway.run("seccomp", "--json").stdout)["rules"]
        calls = {row["call"].partition("(")[0] for row in rules if not row["call"].startswith("calls above")}
        self.assertEqual({name for row in config["linux"]["seccomp"]["syscalls"] for name in row["names"]}, calls)
        if self.user is None and os.getuid() == 0:
            self.assertEqual(config["linux"]["resources"]["memory"], {"limit": 96 << 20, "swap": 96 << 20})
            self.assertEqual(config["linux"]["resources"]["pids"], {"limit": 200})
            self.assertNotIn(process["user"]["uid"], (0, os.getuid()))
        else:
            self.assertIn("user", kinds)
        # What the operator wrote in the environment is nobody else's to read; what is inside is the server's.
        self.assertEqual((stat.S_IMODE(self.folder.stat().st_mode), stat.S_IMODE(root.stat().st_mode)), (0o700, 0o755))
        self.assertIn("Landlock", self.said)
        state = str(self.gateway.folder / "state")
        self.assertFalse([row for row in config["mounts"] if row["source"].startswith(state)])

    def test_it_is_written_over_nothing(self):
        again = self.gateway.run("servers", "bundle", "held", str(self.folder))
        self.assertEqual((again.returncode, "is not an empty folder" in again.stderr), (1, True), again.stderr)

    def test_what_it_cannot_say_it_does_not_leave_out(self):
        for name, (_, words) in REFUSED.items():
            place = self.gateway.folder / f"bundle-{name}"
            done = self.gateway.run("servers", "bundle", name, str(place))
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(words, done.stderr, name)
            self.assertFalse(place.exists(), name)

    # Runtimes

    def serve(self, *command, identity):
        """Has a runtime run the bundle, and the server in it try things; its answers by their ids."""
        acts = [("echo", "here"), ("read", "/etc/shadow"), ("read", "/data/docs/hello.txt"), ("write", "/data/docs/planted"),
                ("write", "/data/out/bundled"), ("write", "/usr/bin/planted"), ("mount", "/tmp"), ("processes", ""),
                ("identity", ""), ("list", "/"), ("read", "/proc/kcore"), ("connect", "tcp:127.0.0.1:22"), ("fill", "/tmp")]
        messages = [{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}},
            {"jsonrpc": "2.0", "method": "notifications/initialized"}]
        messages += [{"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": {"text": text}}}
                     for number, (name, text) in enumerate(acts, 1)]
        done = subprocess.run(command, input="".join(json.dumps(m) + "\n" for m in messages), capture_output=True, text=True,
                              timeout=60, **identity)
        answers = {m["id"]: m for m in map(json.loads, done.stdout.splitlines()) if "id" in m}
        self.assertIn(len(acts), answers, done.stderr[-2000:])
        return {act: answers[number]["result"]["content"][0]["text"] for number, act in enumerate(acts, 1)}

    def check(self, said):
        self.assertEqual(said["echo", "here"], "here")
        self.assertEqual(said["read", "/etc/shadow"], "ENOENT")
        self.assertIn("hello from the docs", said["read", "/data/docs/hello.txt"])
        self.assertIn(said["write", "/data/docs/planted"], READ_ONLY)
        self.assertEqual(said["write", "/data/out/bundled"], "ok")
        self.assertTrue((self.gateway.folder / "out/bundled").exists())
        (self.gateway.folder / "out/bundled").unlink()
        self.assertIn(said["write", "/usr/bin/planted"], READ_ONLY)
        self.assertEqual(said["mount", "/tmp"], "EPERM")
        self.assertLess(len(said["processes", ""].split()), 4)
        self.assertIn("core 0", said["identity", ""])
        self.assertLessEqual(set(said["list", "/"].split()) - {"ok"}, {
            "bin", "data", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "tmp", "usr",
            self.gateway.folder.parts[1], "var"})
        self.assertIn(said["read", "/proc/kcore"], ("ok ", "EACCES", "ENOENT"))
        self.assertIn(said["connect", "tcp:127.0.0.1:22"], ("ECONNREFUSED", "ENETUNREACH", "EPERM"))
        count, reason = said["fill", "/tmp"].split(" then ")
        self.assertEqual((reason, int(count) <= 8), ("ENOSPC", True))

    def run_by(self, name, *options, within=()):
        identity = {} if within else self.gateway.identity()
        self.check(self.serve(*within, name, "--root", str(self.gateway.folder / name), *options, "run", "--bundle", str(self.folder),
                              f"gatehouse-test-{name}-{os.getpid()}", identity=identity))

    def doctor(self, name):
        """What it says of a runtime, as this user; it was tried with a bundle of its own making.

        Asked once: each time it starts every runtime."""
        if self.runtimes is None:
            rows = json.loads(self.gateway.run("doctor", "--json").stdout)["runtimes"]
            type(self).runtimes = {row["runtime"]: row for row in rows}
        row = self.runtimes[name]
        if "not installed" in row["detail"]:
            self.skipTest(f"{name} is not installed")
        return row

    def test_runc_runs_it(self):
        row = self.doctor("runc")
        if not row["works"]:
            self.skipTest(row["detail"])
        self.run_by("runc")

    def test_crun_runs_it(self):
        """Where control groups of both versions are mounted it refuses every bundle; then where version 2 stands alone."""
        row = self.doctor("crun")
        if row["works"]:
            return self.run_by("crun")
        if "hybrid" not in row["detail"] or os.getuid() != 0:
            self.skipTest(row["detail"])
        alone = ["unshare", "-m", "sh", "-c", "mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh"]
        if self.gateway.user is not None:
            user = self.gateway.user
            alone += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        self.run_by("crun", "--cgroup-manager=disabled", within=alone)

    def test_runsc_runs_it(self):
        row = self.doctor("runsc")
        if not row["works"]:
            self.skipTest(row["detail"])
        self.run_by("runsc", "--network=none")


class ByThisUser(Bundles, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Bundles, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
