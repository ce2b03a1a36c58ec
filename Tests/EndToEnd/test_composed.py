"""Denied paths are not there either where this machine lays nothing over anything."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY, AsAnOrdinaryUser
from test_hidden import Filled
from test_servers import configuration

MINIMUM = "[namespaces, mounts, no-new-privs, seccomp, rlimits]"
SERVERS = f"""
  files:
    command: [/usr/bin/python3, "{{servers}}/intruder.py"]
    cage: {{{{ read: {{{{ /data/docs: ./docs }}}}, hide: [ "*.draft", "*.pem" ], minimum: {MINIMUM} }}}}
  strict:
    command: [/usr/bin/python3, "{{servers}}/intruder.py"]
    cage: {{{{ read: {{{{ /data/docs: ./docs }}}} }}}}
  desk:
    command: [/usr/bin/python3, "{{servers}}/intruder.py"]
    cage: {{{{ write: {{{{ /data/out: ./out }}}}, minimum: {MINIMUM} }}}}
"""
LOOK = """
answer = sorted(os.path.join(f, n)[11:] for f, ds, ns in os.walk('/data/docs') for n in ds + ns)
"""
# Overlays may be two deep: over these nothing more can be laid, as in a container within a container.
NOTHING_LAID_OVER = (
    "mount -t tmpfs none /mnt && mkdir /mnt/a /mnt/b && "
    "mount -t overlay -o lowerdir=/usr/bin:/mnt/a none /usr/bin && mount -t overlay -o lowerdir=/usr/bin:/mnt/b none /usr/bin && "
    "umount /mnt && exec \"$@\""
)


def without_overlays(user):
    command = ["unshare", "-m", "sh", "-c", NOTHING_LAID_OVER, "sh"]
    return command if user is None else [*command, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


# Cages with an overlay find no process to be made while the file is there: the machine can, and cannot now.
SHORT_OF_PROCESSES = """
cat > "$0/bwrap" <<END
#!/bin/sh
for hidden in /tmp/*.hidden; do
    if [ -e "\\$hidden" ] && [ -e "$0/busy" ]; then
        echo "bwrap: Can't fork for pid 1: Resource temporarily unavailable" >&2
        exit 1
    fi
done
exec "$0/real" "\\$@"
END
chmod 755 "$0/bwrap" && cp /usr/bin/bwrap "$0/real" && mount --bind "$0/bwrap" /usr/bin/bwrap && exec "$@"
"""


class WithoutOverlays(Filled):
    """Its gateway runs where overlays are two deep already."""

    def __init__(self, text, user=None, **more):
        super().__init__(text, user=user, **more)
        self.command = [*without_overlays(user), BINARY, "up"]
        (self.folder / "docs/plan.draft").write_text("TOP SECRET\n")

    def start(self):
        user, self.user = self.user, None  # it becomes its user by itself
        try:
            super().start()
        finally:
            self.user = user


class Composed:
    user = None

    @classmethod
    def setUpClass(cls):
        probe = subprocess.run([*without_overlays(cls.user), BINARY, "doctor", "--json"], capture_output=True, text=True, timeout=60)
        rows = {r["layer"]: r for r in json.loads(probe.stdout or '{"layers": []}')["layers"]}
        if "overlay" not in rows or rows["overlay"]["present"]:
            raise unittest.SkipTest(f"overlays cannot be two deep here: {probe.stderr}")
        cls.gateway = cls.enterClassContext(WithoutOverlays(
            configuration(SERVERS, {"files.run": "T0"}), accept=["files"], user=cls.user))

    def look(self, code=LOOK):
        said = self.gateway.call("files", "run", code=code)
        self.assertFalse(said["isError"], said["text"])
        return json.loads(said["text"])

    def test_the_rest_of_a_folder_is_shown_entry_by_entry(self):
        there = [".git", ".git/HEAD", "deep", "deep/note", "hello.txt"]
        self.assertEqual(self.look(), there)
        said = "answer = [attempt(open, '/data/docs/' + n) for n in ('alias', 'link', 'deep/note')]\n"
        self.assertEqual(self.look("\n" + said), ["ENOENT", "ENOENT", "ok"])
        said = "answer = [attempt(open, '/data/docs/' + n, 'w') for n in ('hello.txt', 'new', 'deep/note')]\n"
        self.assertEqual(self.look("\n" + said), ["EROFS"] * 3)
        # What is made beside them is not there before the next start.
        (self.gateway.folder / "docs/new.txt").write_text("made while it runs\n")
        self.assertEqual(self.look(), there)
        profile = " ".join(self.gateway.run("servers", "profile", "files").stdout.split())
        self.assertIn("MISSING overlay", profile)
        self.assertIn("denied entries are not there; ", profile)
        self.assertIn("shown one by one", profile)
        starts = self.gateway.server("files")["starts"]
        self.gateway.run("servers", "restart", "files")
        self.gateway.wait_for(lambda: self.gateway.server("files")["starts"] > starts)
        self.gateway.wait_for_state("files", "running")
        self.assertEqual(self.look(), sorted(there + ["new.txt"]))

    def test_nothing_is_less_than_what_is_written(self):
        for name, words in (("strict", "then a cage needs overlay"), ("desk", "only folders of `read` can be shown entry by entry")):
            self.gateway.wait_for_state(name, "refused")
            self.assertIn(words, self.gateway.server(name)["reason"])


@unittest.skipUnless(os.geteuid() == 0, "only root can put a program in the place of bubblewrap")
class Untried(unittest.TestCase):
    """A trial that could not be made says nothing of the machine, and is not kept."""

    def test_a_passing_lack_neither_composes_nor_refuses(self):
        place = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gatehouse-e2e-busy-", dir="/var/tmp")))
        place.chmod(0o755)
        gateway = Filled(configuration(SERVERS, {"files.run": "T0"}), accept=[])
        gateway.command = ["unshare", "-m", "sh", "-c", SHORT_OF_PROCESSES, str(place), BINARY, "up"]
        (place / "busy").touch()
        with gateway:
            for name in ("files", "strict"):
                gateway.wait_for(lambda: any(
                    f"server {name}: whether" in line and "could not be tried" in line for line in gateway.log_text().splitlines()))
                self.assertNotEqual(gateway.server(name)["state"], "refused")
                self.assertEqual(gateway.server(name)["starts"], 0)
            (place / "busy").unlink()
            gateway.run("servers", "restart", "files")
            gateway.wait_for_state("files", "running")
            profile = " ".join(gateway.run("servers", "profile", "files").stdout.split())
            self.assertNotIn("shown one by one", profile)
            self.assertIn("denied entries are not there", profile)


@unittest.skipUnless(os.geteuid() == 0, "only root can lay overlays over this machine's folders")
class ByThisUser(Composed, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Composed, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
