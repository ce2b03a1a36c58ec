"""Gateways whose state lies on a disk of its own, which can be full or fail."""
import contextlib
import shutil
import subprocess
import unittest
from pathlib import Path


class SmallDisk:
    """Before a class of gateways: its state folder is a file system of its own, of 32 MiB."""

    def __init__(self, *arguments, **more):
        self.state = None
        super().__init__(*arguments, **more)
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


class FailingDisk(SmallDisk):
    """Its state folder is an ext4 in a file, which the kernel can be told has failed."""

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

    @contextlib.contextmanager
    def frozen(self):
        """Meanwhile every write and sync waits, as for a disk that hangs."""
        subprocess.run(["fsfreeze", "-f", str(self.state)], check=True)
        try:
            yield
        finally:
            subprocess.run(["fsfreeze", "-u", str(self.state)], check=True)

    def waits_for_disk(self):
        """The gateway's threads that wait where nothing interrupts them; its loop's is the process's first."""
        found = set()
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it ended
                if (task / "stat").read_text().rpartition(")")[2].split()[0] == "D":
                    found.add(int(task.name))
        return found

    def repair(self):
        """The disk is exchanged: its content goes to a new one. The failed one may live on for a while in mount
        namespaces that copied it (cages that are being taken down), and mounting it again would find it as it failed."""
        subprocess.run(["umount", str(self.state)], check=True)
        image = self.folder / "exchanged"
        shutil.copyfile(self.folder / "image", image)
        checked = subprocess.run(["fsck.ext4", "-p", str(image)], capture_output=True, text=True)
        if checked.returncode not in (0, 1):
            raise RuntimeError("the file system is broken: " + checked.stdout + checked.stderr)
        subprocess.run(["mount", "-o", "loop", str(image), str(self.state)], check=True)
