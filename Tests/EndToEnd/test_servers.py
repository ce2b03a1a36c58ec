"""What hosted servers are, how their lives go, and how all of it is shown."""
import contextlib
import json
import os
import shutil
import signal
import unittest
from pathlib import Path

from harness import ORDINARY, Gateway, usable

VICTIM = Path(__file__).resolve().parent / "servers/victim.py"
HEAD = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
tools:
{tools}
servers:
"""


def configuration(servers, tools):
    """A configuration text for the harness; `tools` maps `server.tool` to a tier."""
    rows = "\n".join(f"  {name}: {{{{ tier: {tier} }}}}" for name, tier in tools.items())
    return HEAD.replace("{tools}", rows) + servers


def alive(pid):
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def tree(pid):
    """A process and all below it, as the host sees them."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            for child in task.read_text().split():
                found += tree(int(child))
    return found


class Hosting(Gateway):
    """A gateway whose hosted servers are looked at and made to act."""

    def __init__(self, text, **more):
        super().__init__(text, **more)
        shutil.copy(VICTIM, self.folder / "victim.py")
        os.chmod(self.folder / "victim.py", 0o644)

    def servers(self):
        return {s["server"]: s for s in json.loads(self.run("servers", "list", "--json").stdout)}

    def server(self, name):
        return json.loads(self.run("servers", "show", name, "--json").stdout)

    def wait_for_state(self, name, *states):
        self.wait_for(lambda: self.servers()[name]["state"] in states)

    def call(self, server, tool, text="", **arguments):
        """The result of one call; its text without the marks around it."""
        arguments = arguments or {"text": text}
        status, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}")
        if "result" not in answer:
            return {"isError": True, "text": answer["error"]["message"]}
        result = answer["result"]
        lines = "\n".join(c.get("text", "") for c in result["content"])
        lines = [line for line in lines.split("\n") if "UNTRUSTED_EXTERNAL_DATA" not in line]
        return {"isError": result.get("isError", False), "text": "\n".join(lines).strip()}

    def records(self, **like):
        lines = self.run("audit", "export").stdout.splitlines()
        return [r for r in map(json.loads, lines) if all(r.get(k) == v for k, v in like.items())]


def victim(name, more="", cage="", arguments=""):
    return f"""
  {name}:
    command: [/usr/bin/python3, ./victim.py{arguments}]
    cage: {{{{ {cage} }}}}
{more}"""


class Listing(unittest.TestCase):
    """Nobody can overlook what a server is held by, and what not."""

    def test_a_listing_says_what_holds_each_server_and_what_does_not(self):
        text = configuration(
            victim("held") + victim("open", cage="network: host") + """
  bare:
    command: [/usr/bin/python3, ./victim.py]
    cage: none
""", {"held.echo": "T0"})
        with Hosting(text, accept=["held"]) as gateway:
            for name in ("held", "open", "bare"):
                gateway.wait_for_state(name, "running")
            held = gateway.server("held")
            self.assertEqual((held["revision"], held["restarts"], held["crashes"]), ("2025-11-25", 0, 0))
            self.assertTrue(alive(held["pid"]))
            owner = os.stat(f"/proc/{tree(held['pid'])[-1]}").st_uid
            self.assertEqual(held["cage"]["uid"], owner)
            for layer in ("namespaces", "mounts", "no-new-privs", "seccomp", "rlimits"):
                self.assertEqual((held["cage"]["layers"][layer]["required"], held["cage"]["layers"][layer]["present"]),
                                 (True, True), layer)
            there = {name for name, layer in held["cage"]["layers"].items() if layer["present"]}
            self.assertEqual(set(held["cage"]["lacks"]), set(held["cage"]["layers"]) - there)
            doctor = json.loads(gateway.run("doctor", "--json").stdout)
            self.assertEqual({row["layer"] for row in doctor["layers"] if row["present"]}, there)
            self.assertEqual(held["pinned"]["echo"], "T0")
            self.assertEqual(held["program"]["state"], "accepted")
            self.assertGreater(min(held["use"][name] for name in ("memory_bytes", "processes")), 0)
            self.assertIn(" MiB of memory, ", gateway.run("servers", "show", "held").stdout)
            self.assertEqual((held["cage"]["network"], gateway.server("open")["cage"]["network"]), ("none", "host"))
            self.assertEqual(gateway.server("bare")["cage"]["kind"], "none")
            for command in (["servers", "list"], ["servers", "show", "open"], ["servers", "show", "bare"]):
                shown = gateway.run(*command)
                self.assertEqual(shown.returncode, 0, shown.stderr)
                if "held" not in command:
                    self.assertTrue("NETWORK: HOST" in shown.stdout or "NO CAGE" in shown.stdout, shown.stdout)

            def started():
                return {r["server"]: r["detail"] for r in gateway.records(kind="server") if r["detail"]["change"] == "started"}
            # A process runs before its start is on the disk.
            gateway.wait_for(lambda: {"held", "open", "bare"} <= started().keys())
            starts = started()
            self.assertEqual((starts["bare"]["cage"], starts["open"]["network"]), ("none", "host"))
            missing = gateway.run("servers", "show", "nobody")
            self.assertEqual(missing.returncode, 1)
            self.assertIn("servers list", missing.stderr)

    def test_a_restart_gives_a_new_process_and_is_recorded(self):
        with Hosting(configuration(victim("held"), {"held.echo": "T0"}), accept=["held"]) as gateway:
            before = gateway.server("held")
            self.assertEqual(gateway.run("servers", "restart", "held").returncode, 0)
            gateway.wait_for(lambda: gateway.server("held")["starts"] == 2)
            self.assertEqual(gateway.call("held", "echo", "again")["text"], "again")
            after = gateway.server("held")
            self.assertNotEqual(before["pid"], after["pid"])
            self.assertFalse(alive(before["pid"]))
            self.assertEqual(after["restarts"], 1)
            asked = [r for r in gateway.records(kind="server") if r["detail"]["change"] == "restart"]
            self.assertEqual([r["detail"]["by"] for r in asked], [f"uid {os.getuid()}"])


class Minimum(unittest.TestCase):
    """A server with a tool that executes starts only where the machine holds it, or somebody wrote what its cage must have."""

    BASIC = "minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]"
    # An ordinary user has no control groups of v1, and none of v2 that were not delegated.
    user = ORDINARY if os.getuid() == 0 else None

    @classmethod
    def setUpClass(cls):
        if cls.user and (reason := usable(cls.user)):
            raise unittest.SkipTest(reason)

    def hosting(self, text, **more):
        gateway = Hosting(text, user=self.user, **more)
        self.addCleanup(gateway.__exit__)
        gateway.__enter__()
        layers = json.loads(gateway.run("doctor", "--json").stdout)["layers"]
        missing = [row["layer"] for row in layers if not row["present"] and row["layer"] in ("landlock", "cgroup")]
        if not missing:
            self.skipTest("this user has every layer")
        return gateway, missing

    def test_a_t3_tool_needs_a_written_minimum(self):
        tools = {"plain.echo": "T3", "written.echo": "T3", "quiet.echo": "T0", "demanding.echo": "T0"}
        gateway, missing = self.hosting(configuration(
            victim("plain") + victim("written", cage=self.BASIC) + victim("quiet")
            + victim("demanding", cage="minimum: [landlock, cgroup]"), tools))
        for name in ("written", "quiet"):
            gateway.wait_for_state(name, "running")
        for name in ("plain", "demanding"):
            gateway.wait_for_state(name, "refused")
            self.assertNotIn("pid", gateway.server(name))
        self.assertIn("minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]", gateway.server("plain")["reason"])
        reason = gateway.server("demanding")["reason"]
        for layer in missing:
            self.assertIn(layer, reason)
        self.assertIn(f"T3 WITHOUT {', '.join(missing).upper()}", gateway.run("servers", "list").stdout)
        warnings = gateway.run("status").stdout
        for name in ("plain", "written"):
            self.assertIn(f"server `{name}` has a T3 tool", warnings)
        self.assertNotIn("`quiet`", warnings)

    def test_a_tool_that_is_accepted_at_t3_stops_the_server_it_is_of(self):
        gateway, _ = self.hosting(configuration(victim("held"), {"held.echo": "T0"}), accept=["held"])
        self.assertEqual(gateway.server("held")["state"], "running")
        file = gateway.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("tier: T0", "tier: T3"))
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_for_state("held", "refused")

    @unittest.skipUnless(os.getuid() == 0, "only root is sure to have every layer")
    def test_where_every_layer_holds_a_t3_tool_needs_nothing_written(self):
        with Hosting(configuration(victim("plain"), {"plain.echo": "T3"})) as gateway:
            gateway.wait_for(lambda: "layers" in gateway.server("plain")["cage"])
            layers = gateway.server("plain")["cage"]["layers"]
            expected = "running" if all(row["present"] for row in layers.values()) else "refused"
            gateway.wait_for_state("plain", expected)

    def test_accepting_a_tool_as_t3_says_what_its_server_then_needs(self):
        """`run_command` is proposed at T3: whoever accepts it learns that its server stops."""
        gateway, _ = self.hosting(configuration(victim("held"), {"held.echo": "T0"}))
        gateway.wait_for_state("held", "running")  # its program is known
        file = gateway.folder / "victim.py"
        file.write_text(file.read_text().replace('"processor", "identity"]', '"processor", "run_command"]'))
        self.assertEqual(gateway.run("servers", "restart", "held").returncode, 0)
        gateway.wait_for_state("held", "refused")  # it is another program
        gateway.decide("tools", "approve", "held")
        gateway.wait_for(lambda: "run_command" in gateway.run("tools", "list").stdout)
        gateway.wait_for_state("held", "running")
        self.assertIn("has a T3 tool: without a written `minimum`", gateway.decide("tools", "approve", "held"))
        gateway.wait_for_state("held", "refused")
        gateway.wait_for(lambda: "minimum: [namespaces" in gateway.log_text())

    def test_an_unknown_layer_is_refused_with_its_place(self):
        with Hosting(configuration(victim("held"), {"held.echo": "T0"})) as gateway:
            file = gateway.folder / "other.yaml"
            file.write_text((gateway.folder / "gatehouse.yaml").read_text().replace("cage: {", "cage: { minimum: [walls],"))
            done = gateway.run("check", "--config", str(file))
            self.assertEqual(done.returncode, 2)
            self.assertIn("unknown layer `walls`", done.stderr)


class Programs(unittest.TestCase):
    """Pins stand under the program they were accepted with."""

    def test_a_changed_program_hides_its_tools_until_a_person_accepts_it(self):
        with Hosting(configuration(victim("held", "    idle_timeout: 1s"), {"held.echo": "T0"}), accept=["held"]) as gateway:
            self.assertEqual(gateway.call("held", "echo", "one")["text"], "one")
            accepted = gateway.server("held")["program"]["digest"]
            with open(gateway.folder / "victim.py", "a") as file:
                file.write("# the same tools, other code\n")
            gateway.wait_for_state("held", "idle")
            # The first call that wakes it finds other code behind the same definitions: nothing is sent.
            self.assertTrue(gateway.call("held", "echo", "two")["isError"])
            gateway.wait_for(lambda: gateway.server("held").get("program", {}).get("state") == "changed")
            held = gateway.server("held")
            self.assertEqual((held["program"]["accepted"], held["tools"]["offered"]), (accepted, 0))
            self.assertIn("its program changed", held["hidden"]["echo"])
            self.assertIn("its program changed", gateway.run("tools", "list").stdout)
            self.assertIn("PROGRAM CHANGED", gateway.run("servers", "list").stdout)
            # Not one tool of it, and not without being shown.
            status, output = gateway.ask(["tools", "approve", "held", "echo", "--approver", "ana"],
                                         [("passphrase of ana", "correct horse battery")])
            self.assertEqual(status, 1, output)
            self.assertIn("the program behind these tools changed", gateway.decide("tools", "approve", "held"))
            self.assertEqual(gateway.call("held", "echo", "three")["text"], "three")
            changes = [r["detail"]["change"] for r in gateway.records(kind="server")]
            self.assertEqual([c for c in changes if c.startswith("program")][:2], ["program-first-seen", "program-changed"])
            self.assertIn("program-accepted", changes)

    def test_a_changed_program_is_not_started(self):
        """Nothing of it runs, not even to say what it offers, until a person accepts it."""
        with Hosting(configuration(victim("held", cage="write: {{ /data/out: ./out }}"), {"held.echo": "T0"}), accept=["held"]) as gateway:
            gateway.stop()
            file, trace = gateway.folder / "victim.py", gateway.folder / "out/ran"
            file.write_text(f"open('/data/out/ran', 'w').close()\n{file.read_text()}")
            gateway.start()
            gateway.wait_for_state("held", "refused")
            self.assertIn("is not started; run `gatehouse tools approve`", gateway.run("servers", "show", "held").stdout)
            self.assertFalse(trace.exists())
            shown = json.loads(gateway.run("tools", "approve", "held", "--show", "--json").stdout)
            self.assertEqual([row["state"] for row in shown], ["program"])
            self.assertNotEqual(shown[0]["program"], shown[0]["program_accepted"])
            # Not a part of it, and not another one than was shown.
            status, output = gateway.ask(["tools", "approve", "held", "echo", "--approver", "ana"],
                                         [("passphrase of ana", "correct horse battery")])
            self.assertEqual((status, trace.exists()), (1, False), output)
            output = gateway.decide("tools", "approve", "held")
            self.assertIn(shown[0]["program"], output)
            self.assertIn("accepted the program", output)
            self.assertEqual(gateway.call("held", "echo", "again")["text"], "again")
            self.assertTrue(trace.exists())

    def test_what_was_looked_at_is_executed(self):
        """Whoever puts another file in the place of the program between look and start, starts the first."""
        text = configuration(victim("held"), {"held.echo": "T0"})
        with Hosting(text, accept=["held"]) as gateway:
            file = gateway.folder / "victim.py"
            inode = file.stat().st_ino
            pid = gateway.server("held")["pid"]
            # Where the host's root is not theirs; bubblewrap's own process stands outside.
            host = os.stat("/")
            inside = [p for p in tree(pid) if os.path.exists(f"/proc/{p}/root{file}") and not os.path.samestat(os.stat(f"/proc/{p}/root"), host)]
            self.assertTrue(inside)
            self.assertEqual({os.stat(f"/proc/{p}/root{file}").st_ino for p in inside}, {inode})
            other = gateway.folder / "other.py"
            other.write_text("raise SystemExit(3)\n")
            os.replace(other, file)
            # Outside there is another one now; inside is still what was looked at.
            self.assertNotEqual(file.stat().st_ino, inode)
            self.assertEqual({os.stat(f"/proc/{p}/root{file}").st_ino for p in inside}, {inode})

    def test_a_lock_is_taken_to_another_machine(self):
        """What is found first under an accepted lock is accepted: paths and interpreters differ."""
        text = configuration(victim("held"), {"held.echo": "T0"})
        with Hosting(text, accept=["held"]) as first, Hosting(text) as second:
            shutil.copy(first.folder / "gatehouse.lock", second.folder / "gatehouse.lock")
            second.process.send_signal(signal.SIGHUP)
            second.wait_for(lambda: "accepted anew" in second.run("status").stdout)
            second.decide("check", "--accept")
            self.assertEqual(second.call("held", "echo", "here")["text"], "here")


if __name__ == "__main__":
    unittest.main()
