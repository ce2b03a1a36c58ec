"""Boots another kernel, Debian's own with cgroup v2 alone, and has machine_guest.py look at the gateway on it.

The machine is emulated by qemu in software, so that nothing of the host is needed for it, nor changed: its root is the
host's file system read-only (9p) with a layer in memory over it, and it has no network.
"""
import gzip
import io
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build/machine"
LIMIT = 1500.0  # seconds; a boot takes ten, the acts of `prove` minutes
# In the order in which they are put into the kernel.
MODULES = [
    "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "fs/netfs/netfs", "fs/fscache/fscache",
    "net/9p/9pnet", "net/9p/9pnet_virtio", "fs/9p/9p", "fs/overlayfs/overlay",
]
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in {modules}; do /bin/busybox insmod /$module.ko; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /lower
/bin/busybox mount -t tmpfs -o size=2g tmpfs /upper
/bin/busybox mkdir /upper/changes /upper/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /new
/bin/busybox mount --move /dev /new/dev
exec /bin/busybox switch_root /new /usr/bin/python3 {guest}
"""


def missing():
    """What this suite needs and is not there, with what to do; nothing is installed for it by itself."""
    packages = {"qemu-system-x86": "qemu-system-x86_64", "busybox-static": "busybox", "dpkg": "dpkg-deb"}
    absent = [package for package, program in packages.items() if not shutil.which(program)]
    return f"apt-get install {' '.join(absent)}" if absent else None


def kernel():
    """Debian's kernel and its modules, unpacked here and not installed: (image, folder of modules)."""
    unpacked = FOLDER / "kernel"
    if not list(unpacked.glob("boot/vmlinuz-*")):
        unpacked.mkdir(parents=True, exist_ok=True)
        said = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True).stdout
        package = re.search(r"Depends: (linux-image-\S+)", said)[1]
        subprocess.run(["apt-get", "download", package], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
        archive = next(FOLDER.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
        archive.unlink()
    image = next(unpacked.glob("boot/vmlinuz-*"))
    return image, next(unpacked.glob("lib/modules/*")) / "kernel"


def archive(files):
    """A file system in memory for the kernel: cpio in its newc form (Linux, Documentation/driver-api/early-userspace)."""
    out = io.BytesIO()
    for number, (name, mode, content) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0")
        out.write(b"\0" * (-out.tell() % 4) + content)
        out.write(b"\0" * (-out.tell() % 4))
    return gzip.compress(out.getvalue(), 1)


def initial(modules):
    folders = [(name, 0o040755, b"") for name in ("bin", "dev", "lower", "upper", "new")]
    init = INIT.format(modules=" ".join(Path(m).name for m in MODULES), guest=ROOT / "scripts/machine_guest.py")
    files = [("init", 0o100755, init.encode()), ("bin/busybox", 0o100755, Path(shutil.which("busybox")).read_bytes())]
    return archive(folders + files + [(f"{Path(m).name}.ko", 0o100644, (modules / f"{m}.ko").read_bytes()) for m in MODULES])


def run():
    """(passed, failed, skipped) of what runs there; each test of the guest is a line `ok NAME` or `FAIL NAME: WHY`."""
    image, modules = kernel()
    memory = FOLDER / "initrd.gz"
    memory.write_bytes(initial(modules))
    command = ["timeout", str(LIMIT), "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "4096", "-smp", "2",
               "-nographic", "-no-reboot", "-nic", "none", "-kernel", image, "-initrd", memory,
               "-append", "console=ttyS0 quiet panic=-1",
               "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    passed = failed = 0
    ended = False
    for line in process.stdout:
        line = line.rstrip()
        print(line, flush=True)
        passed += line.startswith("ok ")
        failed += line.startswith("FAIL ")
        ended |= line == "machine: done"
    process.wait()
    return passed, failed + (not ended), 0
