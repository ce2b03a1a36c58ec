"""`gatehouse prove`: what a taken-over server tries in its real cage, which layer stops it, and the signed report."""
import json
import unittest

from harness import AsAnOrdinaryUser
from test_servers import Hosting, configuration

SERVERS = """
  given:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    env: {{ GIVEN: "to it" }}
    cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}, memory: 64, tmp: 8 }}
  wired:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ network: host }}
  bare:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: none
"""


class Proofs:
    user = None

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Hosting(configuration(SERVERS, {"given.run": "T0"}), user=cls.user))

    def prove(self, *words, code=0):
        done = self.gateway.run("prove", *words, "--json")
        reports = json.loads(done.stdout or "[]")
        for report in reports if isinstance(reports, list) else [reports]:
            done.stderr += str([act for act in report["acts"] if act["result"] not in ("works", "stopped", "open")])
        self.assertEqual(done.returncode, code, done.stderr)
        return reports

    def test_every_act_is_stopped_by_a_layer_this_machine_has(self):
        report = self.prove("given")
        acts = report["acts"]
        self.assertEqual({a["result"] for a in acts}, {"works", "stopped"}, [a for a in acts if a["result"] not in ("works", "stopped")])
        self.assertGreaterEqual(len([a for a in acts if a["result"] == "stopped"]), 100)
        self.assertEqual({a["group"] for a in acts}, {"works", "files", "listings", "links", "processes", "kernel", "network",
                                                      "secrets", "terminal", "exhaustion"})
        self.assertEqual(acts[0]["group"], "works")
        held = {a["layer"] for a in acts if a["result"] == "stopped"}
        self.assertLessEqual(held, set(report["layers"]))
        self.assertLessEqual({"namespaces", "mounts", "no-new-privs", "seccomp", "rlimits"}, held)
        stopped = {a["name"]: a.get("layer") for a in acts}
        self.assertEqual(stopped[f"open {self.gateway.folder}/state"], "mounts")
        self.assertEqual(stopped["use memory without end"], "cgroup" if "cgroup" in report["layers"] else "rlimits")
        self.assertEqual(list((self.gateway.folder / "out").iterdir()), [])

    def test_what_the_operator_opened_is_said(self):
        report = self.prove("wired")
        opened = {a["name"]: a["layer"] for a in report["acts"] if a["result"] == "open"}
        self.assertEqual(opened["connect to a service of the host's loopback"], "network: host")
        bare = self.gateway.run("prove", "bare")
        self.assertEqual(bare.returncode, 1)
        self.assertIn("cage: none", bare.stderr)
        self.assertEqual(len(self.prove()), 2)

    def test_a_report_is_signed_recorded_and_a_changed_one_refused(self):
        file = self.gateway.folder / "out/report"
        self.addCleanup(file.unlink, missing_ok=True)
        self.prove("given", "--report", str(file))
        self.assertEqual(self.gateway.run("prove", "--verify", str(file)).returncode, 0)
        text = file.read_text()
        file.write_text(text.replace('"result":"stopped"', '"result":"through"', 1))
        changed = self.gateway.run("prove", "--verify", str(file))
        self.assertEqual(changed.returncode, 4)
        self.assertIn("no report that this gateway signed", changed.stderr)
        # A checkpoint is signed by the same key and is no report.
        file.write_text((self.gateway.folder / "state/checkpoint").read_text())
        self.assertEqual(self.gateway.run("prove", "--verify", str(file)).returncode, 4)
        proofs = [r["detail"] for r in self.gateway.records(kind="server") if r["detail"]["change"] == "proof"]
        self.assertIn("proven", {p["result"] for p in proofs})


class ByThisUser(Proofs, unittest.TestCase):
    pass


class BySomebodyElse(AsAnOrdinaryUser, Proofs, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
