"""A disk that is full or read-only: calls end, evidence does not, and room brings them back."""
import os
import signal
import subprocess
import unittest

from harness import free_port
from ledger import LedgerGateway, number_of, text_of
from metrics import Metrics, get


class SmallDisk(LedgerGateway):
    """A gateway whose state folder is a file system of its own, of 32 MiB."""

    def __init__(self):
        self.state = None
        self.control_port = free_port()
        super().__init__(listen=f", control: '127.0.0.1:{self.control_port}'", expiry="1h")
        state = self.folder / "state"
        state.mkdir(mode=0o700)
        try:
            self.mount(state)
        except BaseException:
            super().__exit__()
            raise
        self.state = state
        self.ballast = state / "ballast"

    def mount(self, state):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=0700", "gatehouse-test", str(state)], check=True)

    def __exit__(self, *_):
        self.stop()
        if self.state:
            subprocess.run(["umount", str(self.state)], check=True)
        super().__exit__()

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 65536) == 65536:
                    pass
                while file.write(b"\0"):
                    pass
            except OSError:
                return

    def ready(self):
        return get(self.control_port, "/readyz")


class FailingDisk(SmallDisk):
    """A gateway whose state folder is an ext4 in a file, which the kernel can be told has failed."""

    def mount(self, state):
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        if subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(image), str(state)]).returncode:
            raise unittest.SkipTest("this machine gives no loop device")
        state.chmod(0o700)

    def fail(self):
        """From here on every write is answered with EROFS, as after an error of the device."""
        subprocess.run(["mount", "-o", "remount,abort", str(self.state)], check=True)

    def repair(self):
        subprocess.run(["umount", str(self.state)], check=True)
        subprocess.run(["fsck.ext4", "-p", str(self.folder / "image")], stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop", str(self.folder / "image"), str(self.state)], check=True)


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(unittest.TestCase):
    def test_calls_end_decisions_and_stops_are_recorded_and_room_brings_calls_back(self):
        with SmallDisk() as gateway:
            self.assertIn("waiting for a person", text_of(gateway.tool("strike", -1)))
            question = gateway.wait_for_question()["ticket"]
            gateway.fill()
            number = self.call_until_refused(gateway)
            # Whatever is refused now was not sent.
            done = gateway.done()
            for tool in ("look", "note", "strike"):
                result = gateway.tool(tool, number + 1)
                self.assertTrue(result.get("isError"))
                self.assertIn("cannot be recorded", text_of(result))
            self.assertEqual(gateway.done(), done)
            status, _, text = gateway.ready()
            self.assertEqual((status, text.splitlines()[0]), (503, "not ready"))
            self.assertIn("log: no room for calls", text)
            metrics = Metrics(gateway.control_port)
            self.assertEqual((metrics("gatehouse_ready"), metrics("gatehouse_log_writable")), (0, 0))
            self.assertGreaterEqual(metrics("gatehouse_refusals_total", code="evidence_unavailable"), 4)
            self.assertIn("log: no room", gateway.run("status").stdout)
            # The reserve: a decision and a stop.
            gateway.decide("approvals", "deny", question)
            self.assertEqual(gateway.run("lockdown", "server:ledger", "--reason", "full").returncode, 0)
            self.restart(gateway)
            gateway.ballast.unlink()
            gateway.wait_for(lambda: gateway.ready()[0] == 200)
            self.assertIn("a person has stopped", text_of(gateway.tool("look", number + 1)))
            gateway.decide("lockdown", "server:ledger", "--lift")
            self.assertIn("done", text_of(gateway.tool("look", number + 1)))
            gateway.stop()
            kinds = [record["kind"] for record in gateway.records()]
            self.assertEqual(kinds.count("denied"), 1)
            self.assertEqual(kinds.count("lockdown"), 2)
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def call_until_refused(self, gateway):
        for number in range(1, 5000):
            result = gateway.tool("note", number)
            if result.get("isError"):
                self.assertIn("cannot be recorded", text_of(result))
                self.assertGreater(number, 10)
                return number
        self.fail("the disk was never full")

    def restart(self, gateway):
        """Killed and started on the full disk: it runs, takes no call, and knows what was decided."""
        gateway.stop(signal.SIGKILL)
        gateway.start()
        gateway.wait_for(lambda: gateway.ready()[0] == 503)
        self.assertIn("server:ledger", gateway.run("lockdown").stdout)

    def test_a_disk_that_turns_read_only_ends_calls_and_a_stop_holds_nevertheless(self):
        with FailingDisk() as gateway:
            self.assertIn("done", text_of(gateway.tool("strike", 1)))
            gateway.fail()
            for tool in ("look", "note", "strike"):
                result = gateway.tool(tool, 2)
                self.assertTrue(result.get("isError"))
                self.assertIn("cannot be recorded", text_of(result))
            status, _, text = gateway.ready()
            self.assertEqual((status, text.splitlines()[0]), (503, "not ready"))
            self.assertIn("log: ", text)
            self.assertEqual(Metrics(gateway.control_port)("gatehouse_log_writable"), 0)
            # Nothing can be recorded: the stop is in force, and whoever made it is told the rest.
            done = gateway.run("lockdown", "server:ledger", "--reason", "failing")
            self.assertEqual(done.returncode, 1)
            self.assertIn("the stop is in force, but it could not be recorded", done.stderr)
            self.assertIn("server:ledger", gateway.run("lockdown").stdout)
            self.assertEqual({call for call in gateway.done() if call[1] == 2}, set())
            gateway.stop()
            gateway.repair()
            gateway.start()
            gateway.wait_for_server("ledger")
            gateway.wait_for(lambda: gateway.ready()[0] == 200)
            self.assertIn("done", text_of(gateway.tool("strike", 3)))
            gateway.stop()
            calls = [record for record in gateway.records() if record["kind"] == "intent"]
            self.assertEqual([number_of(record) for record in calls], [1, 3])
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)

    def test_a_read_only_state_folder_does_not_start_and_says_why(self):
        with SmallDisk() as gateway:
            gateway.stop()
            state = str(gateway.folder / "state")
            subprocess.run(["mount", "-o", "remount,ro", state], check=True)
            done = gateway.run("up")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn("ead-only file system", done.stderr)
            self.assertIn("hint:", done.stderr)
            # Looking at the log needs no writing.
            self.assertEqual(gateway.run("audit", "verify").returncode, 0)
            subprocess.run(["mount", "-o", "remount,rw", state], check=True)
            gateway.start()
            gateway.wait_for_server("ledger")
            self.assertIn("done", text_of(gateway.tool("look", 1)))


if __name__ == "__main__":
    unittest.main()
