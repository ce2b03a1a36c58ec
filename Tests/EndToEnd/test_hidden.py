"""Denied paths are not there for a hosted server, and not in what it answers."""
import json
import os
import unittest

from harness import AsAnOrdinaryUser
from test_servers import Hosting, configuration

SERVERS = """
  files:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ read: {{ /data/docs: ./docs }} }}
deny_paths: [ "*.pem" ]
"""
LOOK = """
answer = sorted(os.path.join(f, n)[11:] for f, ds, ns in os.walk('/data/docs') for n in ds + ns)
"""


class Filled(Hosting):
    """The folder the server is given holds what it must not see."""

    def __init__(self, text, **more):
        super().__init__(text, **more)
        docs = self.folder / "docs"
        for name in ("deep/.ssh/id", "deep/.env", "deep/key.pem", "deep/note", ".git/config", ".git/HEAD"):
            (docs / name).parent.mkdir(parents=True, exist_ok=True)
            (docs / name).write_text("TOP SECRET\n")
        os.link(docs / "deep/.env", docs / "alias")
        (docs / "link").symlink_to("deep/.env")
        if self.user is not None:
            for path in docs.rglob("*"):
                os.chown(path, self.user, self.user, follow_symlinks=False)


class Hidden:
    user = None

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Filled(configuration(SERVERS, {"files.run": "T0"}), accept=["files"], user=cls.user))

    def look(self, code=LOOK):
        said = self.gateway.call("files", "run", code=code)
        self.assertFalse(said["isError"], said["text"])
        return json.loads(said["text"])

    def test_what_is_denied_is_not_there_now_nor_when_it_is_made(self):
        if not {r["layer"]: r for r in json.loads(self.gateway.run("doctor", "--json").stdout)["layers"]}["overlay"]["present"]:
            self.skipTest("this machine has no overlays for us")
        there = [".git", ".git/HEAD", "deep", "deep/note", "hello.txt"]
        self.assertEqual(self.look(), there)
        (self.gateway.folder / "docs/.env").write_text("made while it runs\n")
        (self.gateway.folder / "docs/new.txt").write_text("made while it runs\n")
        self.assertEqual(self.look(), sorted(there + ["new.txt"]))
        said = "answer = [attempt(open, '/data/docs/' + n) for n in ('.env', 'alias', 'link', 'deep/key.pem', 'new.txt')]"
        self.assertEqual(self.look(said), ["ENOENT"] * 4 + ["ok"])
        profile = self.gateway.run("servers", "profile", "files").stdout
        self.assertIn("/data/docs: 7 denied entries are not there", " ".join(profile.split()))
        # The next start looks again.
        (self.gateway.folder / "docs/late.pem").write_text("x\n")
        starts = self.gateway.server("files")["starts"]
        self.gateway.run("servers", "restart", "files")
        self.gateway.wait_for(lambda: self.gateway.server("files")["starts"] > starts)
        self.gateway.wait_for_state("files", "running")
        self.assertEqual(self.look(), sorted(there + ["new.txt"]))


class ByThisUser(Hidden, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Hidden, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
