"""Denied paths are not there for a hosted server, and not in what it answers."""
import json
import os
import shutil
import signal
import unittest

from harness import AsAnOrdinaryUser
from test_servers import Hosting, configuration

SERVERS = """
  files:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ read: {{ /data/docs: ./docs }} }}
  clerk:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ read: {{ /data/docs: ./papers }}, hide: [ deep/, "*.txt" ] }}
  desk:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ write: {{ /data/out: ./out }} }}
deny_paths: [ "*.pem" ]
"""
LOOK = """
answer = sorted(os.path.join(f, n)[11:] for f, ds, ns in os.walk('/data/docs') for n in ds + ns)
"""


class Filled(Hosting):
    """The folder the server is given holds what it must not see."""

    def __init__(self, text, **more):
        super().__init__(text, **more)
        docs, out = self.folder / "docs", self.folder / "out"
        (out / ".env").write_text("TOP SECRET\n")
        (out / "plan.txt").write_text("old\n")
        os.chmod(out / "plan.txt", 0o666)
        for name in ("deep/.ssh/id", "deep/.env", "deep/key.pem", "deep/note", ".git/config", ".git/HEAD"):
            (docs / name).parent.mkdir(parents=True, exist_ok=True)
            (docs / name).write_text("TOP SECRET\n")
        shutil.copytree(docs, self.folder / "papers")
        os.link(docs / "deep/.env", docs / "alias")
        (docs / "link").symlink_to("deep/.env")
        if self.user is not None:
            for path in [*docs.rglob("*"), *out.rglob("*"), self.folder / "papers", *(self.folder / "papers").rglob("*")]:
                os.chown(path, self.user, self.user, follow_symlinks=False)


class Hidden:
    user = None

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Filled(configuration(SERVERS, {"files.run": "T0", "desk.run": "T0", "clerk.run": "T0"}), accept=["files", "desk", "clerk"], user=cls.user))

    def status(self):
        return json.loads(self.gateway.run("status", "--json").stdout)

    def look(self, code=LOOK, server="files"):
        said = self.gateway.call(server, "run", code=code)
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


    def test_what_is_written_beside_what_is_denied_waits_for_a_person(self):
        out = self.gateway.folder / "out"
        write = "open('/data/out/plan.txt', 'w').write('new'); open('/data/out/.env', 'w').write('mine'); answer = 1"
        self.assertEqual(self.look(write, "desk"), 1)
        self.assertEqual((out / "plan.txt").read_text(), "old\n")
        shown = json.loads(self.gateway.run("servers", "changes", "desk", "--json").stdout)
        self.assertEqual([(c["kind"], c["path"]) for c in shown[0]["changes"]], [("denied", ".env"), ("modified", "plan.txt")])
        self.assertIn("modified  plan.txt  3 bytes", self.gateway.run("servers", "changes", "desk").stdout)
        self.gateway.decide("servers", "changes", "desk", "--commit")
        self.assertEqual((out / "plan.txt").read_text(), "new")
        self.assertEqual((out / ".env").read_text(), "TOP SECRET\n")
        records = [r for r in self.gateway.records(kind="server") if r["detail"]["change"] == "changes committed"]
        self.assertEqual([(r["detail"]["by"], r["detail"]["digest"]) for r in records], [("ana", shown[0]["digest"])])
        self.gateway.wait_for_state("desk", "running")
        self.assertEqual(self.look("answer = open('/data/out/plan.txt').read()", "desk"), "new")
        self.look("open('/data/out/plan.txt', 'w').write('worse'); answer = 1", "desk")
        self.gateway.decide("servers", "changes", "desk", "--drop")
        self.gateway.wait_for_state("desk", "running")
        self.assertEqual(self.look("answer = open('/data/out/plan.txt').read()", "desk"), "new")
        self.assertEqual(json.loads(self.gateway.run("servers", "changes", "desk", "--json").stdout)[0]["changes"], [])


    def test_what_one_server_is_not_shown_is_not_there_for_it_alone(self):
        if not {r["layer"]: r for r in json.loads(self.gateway.run("doctor", "--json").stdout)["layers"]}["overlay"]["present"]:
            self.skipTest("this machine has no overlays for us")
        self.assertEqual(self.look(server="clerk"), [".git", ".git/HEAD"])
        self.assertIn("deep/note", self.look())
        # The door says the same of what is named in a call, and of this server alone.
        code = "deep/note"
        refused = self.gateway.call("clerk", "run", code=code)
        self.assertTrue(refused["isError"])
        self.assertIn("hide deep/", refused["text"])
        reached = self.gateway.call("files", "run", code=code)
        self.assertIn("NameError", reached["text"])
        profile = self.gateway.run("servers", "profile", "clerk").stdout
        self.assertIn("hidden from it beside deny_paths: deep/ *.txt", profile)
        self.assertIn("hide of clerk: deep/ *.txt", self.gateway.run("policy").stdout)
        # To show it again is for an approver.
        file = self.gateway.folder / "gatehouse.yaml"
        text = file.read_text()
        try:
            file.write_text(text.replace('hide: [ deep/, "*.txt" ]', 'hide: [ "*.txt" ]'))
            self.gateway.process.send_signal(signal.SIGHUP)
            self.gateway.wait_for(lambda: "server `clerk`: `deep/` not hidden any more" in self.gateway.log_text())
            self.assertIn("pending", self.status())
            self.assertEqual(self.look(server="clerk"), [".git", ".git/HEAD"])
        finally:
            file.write_text(text)
            self.gateway.process.send_signal(signal.SIGHUP)
            self.gateway.wait_for(lambda: "pending" not in self.status())


class ByThisUser(Hidden, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Hidden, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
