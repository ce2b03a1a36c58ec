"""A configuration that must be signed: by a key beside it, in order, at a start and at a reload."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from harness import BINARY
from test_servers import Hosting, configuration, victim


class Trust(unittest.TestCase):
    """One gateway that began without a trust anchor, was signed, and goes on with one."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Hosting(configuration(victim("held"), {"held.echo": "T0"}), accept=["held"])
        cls.addClassCleanup(cls.gateway.__exit__)
        cls.gateway.__enter__()
        cls.gateway.stop()
        cls.files = [cls.gateway.folder / name for name in ("gatehouse.yaml", "gatehouse.lock", "gatehouse.sig")]
        cls.key = cls.gateway.run("config", "key", "signing.key").stdout.strip()
        cls.stranger = cls.gateway.run("config", "key", "strange.key").stdout.strip()

    def setUp(self):
        # Each test begins stopped, with files that are signed, and goes on in the order of serials.
        self.gateway.command = [BINARY, "up", "--trust", self.key]
        self.sign()
        self.saved = {file: file.read_bytes() for file in self.files}
        self.addCleanup(self.put_back)

    def put_back(self):
        self.gateway.stop()
        for file, data in self.saved.items():
            file.write_bytes(data)

    def sign(self, *more, key="signing.key"):
        done = self.gateway.run("config", "sign", "--key", key, "--json", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["serial"]

    def refused_start(self, text):
        with self.assertRaisesRegex(RuntimeError, "the gateway ended"):
            self.gateway.start()
        self.assertIn(text, self.gateway.log())

    def reload(self):
        """Asks for a reload; what the log said of it."""
        before = len(self.gateway.log_text())
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_for(lambda: "reloaded" in self.gateway.log_text()[before:])
        return self.gateway.log_text()[before:]

    def limit(self, count):
        """Changes the configuration in a way that loosens nothing."""
        yaml = self.files[0]
        lines = [line for line in yaml.read_text().splitlines() if not line.startswith("limits:")]
        yaml.write_text("\n".join([*lines, f"limits: [{{ per: agent, calls: {count}/h }}]"]) + "\n")

    def test_what_is_signed_is_taken_and_said(self):
        self.gateway.start()
        self.assertEqual(self.gateway.call("held", "echo", "one")["text"], "one")
        status = json.loads(self.gateway.run("status", "--json").stdout)
        self.assertEqual(status["trust"], self.key)
        self.assertIn(f"signed: by {self.key}, serial {status['serial']}", self.gateway.run("status").stdout)
        done = self.gateway.run("config", "verify", "--trust", self.key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"serial: {status['serial']}\n", done.stdout)
        kept = [r for r in self.gateway.records(kind="configuration") if "serial" in r["detail"]]
        self.assertEqual(kept[-1]["detail"]["serial"], status["serial"])

    def test_what_is_not_signed_does_not_start(self):
        yaml, lock, signature = self.files
        self.limit(70)
        self.refused_start("is of another configuration than the one that is there")
        yaml.write_bytes(self.saved[yaml])
        lock.write_bytes(self.saved[lock] + b"# a line more\n")
        self.refused_start("is of another `gatehouse.lock` than the one that is there")
        lock.unlink()
        self.refused_start("is of another `gatehouse.lock` than the one that is there")
        lock.write_bytes(self.saved[lock])
        signature.write_text(signature.read_text().replace("serial: ", "serial: 1"))
        self.refused_start("was not made with the key this gateway goes by")
        signature.unlink()
        self.refused_start("takes only what is signed by " + self.key)
        # Before anything of it is read: what is no configuration at all is answered no other way.
        yaml.write_text("no configuration: [")
        self.refused_start("takes only what is signed by")
        yaml.write_bytes(self.saved[yaml])
        self.sign(key="strange.key")
        self.refused_start("was not made with the key this gateway goes by")
        done = self.gateway.run("config", "verify", "--trust", self.key, "--json")
        self.assertEqual((done.returncode, "was not made with the key" in done.stderr), (1, True))
        self.assertEqual(self.gateway.run("config", "verify", "--trust", self.stranger).returncode, 0)

    def test_a_reload_takes_only_what_is_signed_and_newer(self):
        self.gateway.start()
        self.limit(60)
        self.assertIn("not reloaded: ", self.reload())
        self.assertIn("another configuration than the one", self.gateway.run("status").stdout)
        serial = self.sign()
        self.assertIn("reloaded " + str(self.files[0]), self.reload())
        self.assertEqual(json.loads(self.gateway.run("status", "--json").stdout)["serial"], serial)
        # What held before is signed as well, and does not come back.
        for file in self.files:
            file.write_bytes(self.saved[file])
        self.assertIn(f"its serial is {serial - 1}, and {serial} was accepted already", self.reload())
        self.gateway.stop()
        self.refused_start(f"its serial is {serial - 1}, and {serial} was accepted already")
        # Neither does another one under the same serial.
        self.limit(59)
        self.sign("--serial", str(serial))
        self.refused_start(f"another configuration was accepted with its serial, {serial}")
        self.sign("--serial", str(serial + 1))
        self.gateway.start()
        self.assertEqual(json.loads(self.gateway.run("status", "--json").stdout)["serial"], serial + 1)
        self.gateway.stop()
        self.saved = {file: file.read_bytes() for file in self.files}

    def begin(self, *more):
        """Starts one that may listen to nobody but its own commands."""
        gateway = self.gateway
        with open(gateway.folder / "log", "ab") as log:
            gateway.process = subprocess.Popen([BINARY, "up", *more], cwd=gateway.folder, env=gateway.environment,
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=log, **gateway.identity())
        gateway.wait_for(lambda: gateway.run("status").returncode == 0)
        return json.loads(gateway.run("status", "--json").stdout)

    def test_what_was_accepted_unsigned_holds_nothing_back(self):
        self.gateway.start()
        old = {file: file.read_bytes() for file in self.files}
        serial = self.sign()
        self.assertIn("reloaded " + str(self.files[0]), self.reload())
        self.gateway.stop()
        new = {file: file.read_bytes() for file in self.files}
        # Somebody has another one accepted where there is no trust anchor, with a server changed.
        self.limit(50)
        self.gateway.command = [BINARY, "up"]
        self.gateway.start()
        self.gateway.stop()
        # The serial is not forgotten over it.
        self.gateway.command = [BINARY, "up", "--trust", self.key]
        for file, data in old.items():
            file.write_bytes(data)
        self.refused_start(f"its serial is {serial - 1}, and {serial} was accepted already")
        # What is signed and lets more through waits, and what nobody signed does not serve meanwhile.
        for file, data in new.items():
            file.write_bytes(data)
        status = self.begin("--trust", self.key)
        self.assertIn(f"what was accepted before is not signed by {self.key}", status["pending"])
        self.assertEqual(status["servers"], {})
        self.assertFalse(status["ready"])
        self.assertEqual([note for note in status["notes"] if note.startswith("policy:")], [
            "policy: none is in force; the one found waits for an approver, and nothing that was accepted before counts"])
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", self.gateway.port), timeout=5)
        self.gateway.decide("check", "--accept")
        self.assertEqual(json.loads(self.gateway.run("status", "--json").stdout)["serial"], serial)
        self.gateway.stop()
        # Its program is the one that was known.
        self.gateway.start()
        self.gateway.wait_for_state("held", "running")
        self.assertEqual(self.gateway.call("held", "echo", "two")["text"], "two")
        self.saved = new

    def test_the_gateway_does_not_write_what_is_signed(self):
        self.gateway.start()
        self.gateway.wait_for_server("held")
        done, output = self.gateway.ask(["tools", "approve", "held", "--approver", "ana"],
                                        [("passphrase of ana", "correct horse battery")])
        self.assertEqual((done, self.files[1].read_bytes()), (0, self.saved[self.files[1]]), output)
        file = self.gateway.folder / "victim.py"
        before = file.read_text()
        file.write_text(before.replace('"processor", "identity"]', '"processor", "run_command"]'))
        self.assertEqual(self.gateway.run("servers", "restart", "held").returncode, 0)
        self.gateway.wait_for_state("held", "refused")
        # A program is this machine's and stands in the state; what it offers stands in the lock.
        self.gateway.decide("tools", "approve", "held")
        self.gateway.wait_for(lambda: "run_command" in self.gateway.run("tools", "list").stdout)
        done, output = self.gateway.ask(["tools", "approve", "held", "--approver", "ana"],
                                        [("passphrase of ana", "correct horse battery")])
        self.assertEqual(done, 1, output)
        self.assertIn("`gatehouse.lock` is signed here", output)
        self.assertEqual(self.files[1].read_bytes(), self.saved[self.files[1]])
        file.write_text(before)
        self.assertEqual(self.gateway.run("servers", "restart", "held").returncode, 0)
        self.gateway.wait_for_state("held", "refused")
        self.gateway.decide("tools", "approve", "held")


class Commands(unittest.TestCase):
    """What the commands refuse, without a gateway."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Hosting(configuration(victim("held"), {"held.echo": "T0"}))
        cls.addClassCleanup(cls.gateway.__exit__)

    def refused(self, *arguments, status, text):
        done = self.gateway.run(*arguments)
        self.assertEqual((done.returncode, text in done.stderr), (status, True), done.stderr)

    def test_keys(self):
        self.assertRegex(self.gateway.run("config", "key", "a.key").stdout, "^ed25519:[0-9a-f]{64}\n$")
        self.assertEqual(os.stat(self.gateway.folder / "a.key").st_mode & 0o777, 0o600)
        self.refused("config", "key", "a.key", status=2, text="exist")  # never over another
        self.refused("config", "sign", status=2, text="`--key` is missing")
        shutil.copy(self.gateway.folder / "a.key", self.gateway.folder / "open.key")
        os.chmod(self.gateway.folder / "open.key", 0o640)
        self.refused("config", "sign", "--key", "open.key", status=1, text="can be read by others than its owner")
        (self.gateway.folder / "no.key").write_text("abc\n")
        os.chmod(self.gateway.folder / "no.key", 0o600)
        self.refused("config", "sign", "--key", "no.key", status=1, text="is no signing key")
        for serial in ("0", "-1", "2147483648", "x"):
            self.refused("config", "sign", "--key", "a.key", f"--serial={serial}", status=2, text="takes a number from 1")
        self.refused("config", "verify", "--trust", "ed25519:00", status=2, text="is no public key")
        self.refused("up", "--trust", "abc", status=2, text="is no public key")

    def test_a_stranger_does_not_choose_the_serial(self):
        for name in ("own.key", "strange.key"):
            self.gateway.run("config", "key", name)
        sign = ("config", "sign", "--key")
        self.assertIn("serial: 1\n", self.gateway.run(*sign, "own.key", "--serial=1").stdout)
        self.assertIn("serial: 2\n", self.gateway.run(*sign, "own.key").stdout)
        # The last serial there is, by who may write the files and has no key that counts.
        self.gateway.run(*sign, "strange.key", "--serial=2147483646")
        self.refused(*sign, "own.key", status=1, text="was not made with this key for `staging`, so its serial does not count")
        file = self.gateway.folder / "gatehouse.sig"
        file.write_text(file.read_text().replace("signature: \"", "signature: \"00").replace("2147483646", "2147483647"))
        self.refused(*sign, "own.key", status=2, text="128 hexadecimal digits")
        self.assertIn("serial: 3\n", self.gateway.run(*sign, "own.key", "--serial=3").stdout)
        self.assertIn("serial: 4\n", self.gateway.run(*sign, "own.key").stdout)
        self.gateway.run(*sign, "own.key", "--serial=2147483647")
        self.refused(*sign, "own.key", status=1, text="there is no serial after 2147483647")
        file.unlink()

    def test_what_does_not_check_is_not_signed(self):
        other = self.gateway.folder / "other.yaml"
        other.write_text("gatehouse: 1\nunknown: 2\n")
        self.gateway.run("config", "key", "b.key")
        self.refused("config", "sign", "--config", "other.yaml", "--key", "b.key", status=2, text="unknown key")

    @unittest.skipUnless(os.geteuid() == 0, "only root can put a file of root's in a place of its own")
    def test_the_machines_anchor_is_found_and_never_quietly_left_out(self):
        """In a mount namespace of the test's own, whose /etc/gatehouse is there for it alone."""
        key = self.gateway.run("config", "key", "c.key").stdout.strip()
        self.gateway.run("config", "sign", "--key", "c.key")
        place = self.gateway.folder / "etc"
        script = (
            "mount -t tmpfs none /mnt && mkdir -p /mnt/up /mnt/work && "
            "mount -t overlay -o lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work none /etc && "
            "mkdir -p -m 755 /etc/gatehouse && printf '%s\\n' \"$1\" > /etc/gatehouse/trust.pub && "
            "chmod $2 /etc/gatehouse/trust.pub && shift 2 && exec \"$@\""
        )

        def verify(text, mode, *more):
            return subprocess.run(
                ["unshare", "-m", "sh", "-c", script, "sh", text, mode, BINARY, "config", "verify", *more],
                cwd=self.gateway.folder, env=self.gateway.environment, capture_output=True, text=True, timeout=60)

        if (probe := subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", "x", "644", "true"], capture_output=True)).returncode:
            self.skipTest(f"no overlay over /etc here: {probe.stderr}")
        self.assertEqual((done := verify(key, "644")).returncode, 0, done.stderr)
        self.assertIn("signed by " + key, done.stdout)
        for text, mode, more, said in [
            (key, "666", (), "that nobody else may write"),
            ("", "644", (), "is no public key"),
            (key, "644", ("--trust", "ed25519:" + "00" * 32), "names another key"),
        ]:
            done = verify(text, mode, *more)
            self.assertEqual((done.returncode, said in done.stderr), (2, True), done.stderr)
        self.assertFalse(place.exists())


if __name__ == "__main__":
    sys.exit(unittest.main())
