"""A hosted server tries everything through the gateway: it is held, the others do not notice."""
import json
import os
import signal
import socket
import threading
import time
import unittest

from harness import PASSPHRASE
from test_servers import Hosting, alive, configuration, tree, victim

ACTS = ["echo", "read", "write", "list", "connect", "resolve", "kill", "processes", "ptrace", "tiocsti", "mount", "fork_bomb",
        "fill", "orphans", "zombies", "ignore_terminate", "stop_itself", "leave", "environment", "flood_lines",
        "flood_messages", "flood_errors", "endless_line", "binary", "drip", "error_secret", "say", "change", "rename",
        "processor", "identity"]


def placed(*servers):
    return {f"{server}.{act}": "T0" for server in servers for act in ACTS}


class Attacks(unittest.TestCase):
    """One gateway, one victim that is told what to try, one bystander."""

    @classmethod
    def setUpClass(cls):
        text = configuration(
            victim("victim", "    call_timeout: 20s", "read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }}")
            + victim("bystander", "", "write: {{ /data/own: ./own }}"),
            placed("victim", "bystander"))
        gateway = Hosting(text, accept=["victim", "bystander"])
        own = gateway.folder / "own"
        own.mkdir()
        os.chmod(own, 0o777)
        (own / "private.txt").write_text("of the bystander")
        cls.gateway = cls.enterClassContext(gateway)

    def setUp(self):
        if self.gateway.servers()["victim"]["state"] != "running":
            self.revive()
        self.bystander = self.gateway.server("bystander")["pid"]

    def tearDown(self):
        """Whatever was tried: the other server is the same process and answers at once."""
        began = time.monotonic()
        self.assertEqual(self.gateway.call("bystander", "echo", "here")["text"], "here")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.gateway.server("bystander")["pid"], self.bystander)

    def act(self, name, text="x", server="victim"):
        return self.gateway.call(server, name, text)["text"]

    def revive(self):
        """The victim starts anew, and nothing of its earlier life is left."""
        old = self.gateway.server("victim").get("pid")
        self.assertEqual(self.gateway.run("servers", "restart", "victim").returncode, 0)
        self.gateway.wait_for_state("victim", "running")
        if old:
            self.gateway.wait_for(lambda: not alive(old))
        self.assertEqual(self.act("echo", "again"), "again")

    def test_files_of_the_machine_are_not_there(self):
        folder = self.gateway.folder
        state = folder / "state"
        for path in ("/etc/shadow", "/etc/hostname", "/root/.bashrc", "/var/log/dpkg.log", folder / "gatehouse.yaml",
                     folder / "gatehouse.lock", folder / "log", folder / "bot.token", state / "log.db", state / "signing.key",
                     state / "sealing.key", state / "server-users", folder / "own/private.txt", "/data/own/private.txt"):
            self.assertEqual(self.act("read", str(path)), "ENOENT", path)
        passwd = self.act("read", "/etc/hosts")
        self.assertIn("localhost sandbox", passwd)
        for folder in ("/run", "/sys/class", "/var/lib", "/home/mcp/..", str(state)):
            answer = self.act("list", folder)
            self.assertTrue(answer == "ENOENT" or answer in ("ok mcp",), f"{folder}: {answer}")

    def test_what_it_was_given_can_be_read_and_only_some_of_it_written(self):
        self.assertIn("hello from the docs", self.act("read", "/data/docs/hello.txt"))
        self.assertEqual(self.act("write", "/data/out/mine"), "ok")
        self.assertTrue((self.gateway.folder / "out/mine").exists())
        for path in ("/data/docs/planted", "/data/docs/hello.txt", "/usr/bin/planted", "/etc/planted", "/planted", "/data/planted",
                     "/gatehouse-init", "/proc/sys/kernel/core_pattern", "/dev/planted"):
            self.assertIn(self.act("write", path), ("EROFS", "EACCES", "ENOENT"), path)

    def test_other_processes_are_neither_seen_nor_touched(self):
        gateway = self.gateway.process.pid
        seen = self.act("processes").split()
        self.assertLess(len(seen), 5, seen)
        for pid in (gateway, self.bystander, 1):
            self.assertIn(self.act("read", f"/proc/{pid}/environ"), ("ENOENT", "EACCES", "EPERM"), pid)
            self.assertIn(self.act("read", f"/proc/{pid}/mem"), ("ENOENT", "EACCES", "EPERM"), pid)
        for pid in (gateway, self.bystander):
            self.assertEqual(self.act("kill", str(pid)), "ESRCH")
            self.assertIn(self.act("ptrace", str(pid)), ("EPERM", "ESRCH"))
        self.assertIn(self.act("kill", "1"), ("EPERM", "ok"))  # PID 1 drops the signal of its own namespace
        self.assertEqual(self.act("echo", "alive"), "alive")
        self.assertIsNone(self.gateway.process.poll())

    def test_it_learns_nothing_from_its_surroundings(self):
        environment = self.act("environment")
        self.assertNotIn("GATEHOUSE", environment)
        self.assertNotIn(PASSPHRASE, environment)
        identity = self.act("identity")
        self.assertTrue(identity.startswith("uid 1000 gid 1000"), identity)
        self.assertIn("core 0", identity)

    def test_no_socket_leads_out(self):
        state = self.gateway.folder / "state"
        for name in ("control.sock", "agents.sock"):
            self.assertTrue((state / name).exists())
            self.assertEqual(self.act("connect", f"unix:{state / name}"), "ENOENT")
        self.assertIn(self.act("connect", "unix:/run/dbus/system_bus_socket"), ("ENOENT", "EACCES"))
        for address in (f"127.0.0.1:{self.gateway.port}", "127.0.0.1:22", "192.0.2.1:80"):
            self.assertIn(self.act("connect", f"tcp:{address}"), ("EACCES", "ECONNREFUSED", "ENETUNREACH"), address)
        self.assertNotIn("ok", self.act("resolve", "localhost.example"))
        with socket.socket(socket.AF_UNIX) as abstract:  # the host's abstract names are of its network namespace
            abstract.bind("\0gatehouse-test-abstract")
            abstract.listen()
            self.assertIn(self.act("connect", "unix:\0gatehouse-test-abstract"), ("ECONNREFUSED", "ValueError"))

    def test_terminals_and_mounts_are_out_of_reach(self):
        self.assertIn(self.act("tiocsti"), ("EPERM", "ENOTTY"))
        self.assertEqual(self.act("mount", "/tmp"), "EPERM")

    def test_it_can_fill_only_what_is_its_own(self):
        count, reason = self.act("fill", "/tmp").split(" then ")
        self.assertEqual(reason, "ENOSPC")
        self.assertLessEqual(int(count), 64)
        count, reason = self.act("fill", "/dev/shm").split(" then ")
        self.assertEqual((reason, int(count) <= 16), ("ENOSPC", True))

    def test_it_can_make_only_so_many_processes(self):
        count, reason = self.act("fork_bomb").split(" then ")
        self.assertEqual(reason, "EAGAIN")
        self.assertLess(int(count), 64)

    def test_orphans_and_zombies_end_with_it(self):
        self.assertEqual(self.act("orphans", "5"), "ok")
        self.assertEqual(self.act("zombies", "20"), "ok")
        everything = tree(self.gateway.server("victim")["pid"])
        self.gateway.wait_for(lambda: len([p for p in tree(self.gateway.server("victim")["pid"]) if alive(p)]) >= 6)
        everything = tree(self.gateway.server("victim")["pid"])
        self.revive()
        self.gateway.wait_for(lambda: not any(alive(pid) for pid in everything))

    def test_it_is_ended_though_it_ignores_the_signal(self):
        self.assertEqual(self.act("ignore_terminate"), "ok")
        old = self.gateway.server("victim")["pid"]
        self.revive()
        self.assertFalse(alive(old))

    def test_it_is_ended_though_it_stopped_itself(self):
        old = self.gateway.server("victim")["pid"]
        lost = self.gateway.call("victim", "stop_itself", "")
        self.assertTrue(lost["isError"])
        self.gateway.wait_for(lambda: not alive(old))
        self.revive()

    def misbehaves(self, tool, text, *words):
        """It says what is no protocol: put to rest with the reason, calls are refused, a restart helps."""
        threading.Thread(target=self.act, args=(tool, text)).start()
        self.gateway.wait_for_state("victim", "resting")
        reason = self.gateway.server("victim")["reason"]
        for word in words:
            self.assertIn(word, reason)
        refused = self.gateway.call("victim", "echo", "x")
        self.assertTrue(refused["isError"])
        self.assertIn("not-sent", refused["text"])
        self.revive()

    def test_a_line_of_two_gigabytes_ends_it(self):
        before = memory(self.gateway.process.pid)
        self.misbehaves("endless_line", "2048", "a line of more than")
        self.assertLess(memory(self.gateway.process.pid) - before, 200 << 20)

    def test_lines_that_are_no_messages_end_it(self):
        self.misbehaves("flood_lines", "100000", "no message")

    def test_bytes_that_are_no_text_end_it(self):
        self.misbehaves("binary", "100000", "it ")

    def test_messages_without_end_do_not_stop_the_others(self):
        thread = threading.Thread(target=self.act, args=("flood_messages", "30000"))
        thread.start()
        for _ in range(5):
            began = time.monotonic()
            self.assertEqual(self.act("echo", "here", server="bystander"), "here")
            self.assertLess(time.monotonic() - began, 5)
        thread.join()
        self.assertEqual(self.act("echo", "still"), "still")

    def test_a_byte_a_second_holds_up_nobody(self):
        thread = threading.Thread(target=self.act, args=("drip", "20"))
        thread.start()
        self.assertEqual(self.act("echo", "here", server="bystander"), "here")
        self.revive()
        thread.join()

    def test_a_flood_of_errors_is_cut_and_counted(self):
        self.assertEqual(self.act("flood_errors", "5000"), "ok")
        self.gateway.wait_for(lambda: any("dropped" in line for line in self.gateway.server("victim")["errors"])
                              or "were dropped" in self.gateway.log_text() or self.act("say", "next line") == "")
        self.assertLess(os.path.getsize(self.gateway.folder / "log"), 1 << 20)
        self.assertLessEqual(len(self.gateway.server("victim")["errors"]), 20)

    def test_what_it_prints_steers_no_terminal(self):
        self.act("say", "\x1b]0;owned\x07\x1b[2J\u202e done")
        self.gateway.wait_for(lambda: any("done" in line for line in self.gateway.server("victim")["errors"]))
        shown = self.gateway.run("servers", "show", "victim").stdout
        self.assertNotIn("\x1b", shown + self.gateway.log_text())
        self.assertNotIn("\u202e", shown)


def memory(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Lives(unittest.TestCase):
    """How processes are started, watched, put to sleep and ended."""

    def test_crashes_end_in_rest_and_agents_are_told(self):
        text = configuration(victim("falling", arguments=", crash") + victim("bystander"), placed("falling", "bystander"))
        with Hosting(text, accept=["bystander"]) as gateway:
            gateway.wait_for_state("falling", "resting")
            falling = gateway.server("falling")
            self.assertEqual((falling["crashes"], falling["starts"]), (5, 5))
            self.assertIn("exit code 3", falling["reason"])
            self.assertIn("cannot go on", falling["errors"])
            self.assertEqual(gateway.call("bystander", "echo", "here")["text"], "here")

            def told():
                return [r["detail"]["change"] for r in gateway.records(kind="server", server="falling")]
            # It rests before that is on the disk.
            gateway.wait_for(lambda: "resting" in told())
            changes = told()
            self.assertEqual((changes.count("crashed"), changes.count("resting")), (4, 1), changes)
            notes = json.loads(gateway.run("status", "--json").stdout)["notes"]
            self.assertTrue(any("`main/falling` fails again and again" in note for note in notes), notes)

    def test_one_that_never_answers_is_ended_in_time_and_one_that_is_idle_sleeps(self):
        text = configuration(
            victim("silent", "    start_timeout: 1s", arguments=", silent") + victim("sleepy", "    idle_timeout: 1s"),
            placed("silent", "sleepy"))
        with Hosting(text, accept=["sleepy"]) as gateway:
            gateway.wait_for(lambda: gateway.server("silent")["crashes"] >= 1)
            self.assertIn("no answer within the time to start", gateway.log_text())
            first = gateway.servers()["sleepy"].get("pid")
            gateway.wait_for_state("sleepy", "idle")
            self.assertNotIn("pid", gateway.servers()["sleepy"])
            self.assertFalse(first and alive(first))
            began = time.monotonic()
            self.assertEqual(gateway.call("sleepy", "echo", "awake")["text"], "awake")
            print(f"\nan idle server is woken and answers in {(time.monotonic() - began) * 1000:.0f} ms")
            self.assertGreaterEqual(gateway.servers()["sleepy"]["starts"], 2)

    def test_the_whole_tree_ends_with_the_gateway_however_it_ends(self):
        with Hosting(configuration(victim("held"), placed("held")), accept=["held"]) as gateway:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                gateway.wait_for_state("held", "running")
                self.assertEqual(gateway.call("held", "orphans", "3")["text"], "ok")
                gateway.wait_for(lambda: len(tree(gateway.server("held")["pid"])) >= 5)
                everything = tree(gateway.server("held")["pid"])
                gateway.stop(sign)
                gateway.wait_for(lambda: not any(alive(pid) for pid in everything))
                gateway.start()

    def test_a_tool_that_changes_or_is_renamed_is_hidden_alone_and_recorded(self):
        with Hosting(configuration(victim("held"), placed("held")), accept=["held"]) as gateway:
            gateway.call("held", "change", "say")
            gateway.wait_for(lambda: "say" in gateway.server("held")["hidden"])
            gateway.call("held", "rename", "environment surroundings")
            gateway.wait_for(lambda: "surroundings" in gateway.server("held")["hidden"])
            held = gateway.server("held")
            self.assertIn("changed since it was accepted", held["hidden"]["say"])
            self.assertIn("was `environment`", held["hidden"]["surroundings"])
            self.assertEqual((held["tools"]["drifted"], held["restarts"]), (2, 0))
            self.assertIn("DRIFTED 2", gateway.run("servers", "list").stdout)
            self.assertTrue(gateway.call("held", "say", "x")["isError"])
            self.assertEqual(gateway.call("held", "echo", "others go on")["text"], "others go on")

            def drift():
                return {(r["tool"], r["detail"]["change"]) for r in gateway.records(kind="tool") if "reason" in r["detail"]}
            gateway.wait_for(lambda: len(drift()) == 2)
            self.assertEqual(drift(), {("say", "changed"), ("surroundings", "renamed")})


class Secrets(unittest.TestCase):
    """A secret that a server is given is warned of, and goes nowhere from there in plain."""

    TEXT = configuration(victim("held", """    env: {{ API_KEY: {{ secret: key, expose: true }} }}
"""), placed("held")) + """
secrets:
  key: {{ file: ./secrets/key }}
rules:
  - {{ name: let it, tools: [held.environment, held.error_secret], args: {{ /unused: {{ absent: true }} }}, then: allow }}
"""

    def gateway(self, text, **more):
        gateway = Hosting(text, **more)
        folder = gateway.folder / "secrets"
        folder.mkdir()
        for name in ("key", "other"):
            (folder / name).write_text("correct-horse-7f3a9c\n")
            os.chmod(folder / name, 0o600)
        return gateway

    def test_it_is_warned_of_and_redacted_everywhere(self):
        with self.gateway(self.TEXT, accept=["held"]) as gateway:
            self.assertIn("is given a secret as `API_KEY`", gateway.run("status").stdout)
            answer = gateway.call("held", "environment")["text"]
            self.assertNotIn("correct-horse-7f3a9c", answer)
            self.assertIn("REDACTED", answer)
            gateway.call("held", "error_secret", "API_KEY")
            gateway.wait_for(lambda: any("the secret is" in line for line in gateway.server("held")["errors"]))
            everywhere = gateway.log_text() + gateway.run("servers", "show", "held", "--json").stdout
            everywhere += gateway.run("audit", "export").stdout
            self.assertNotIn("correct-horse-7f3a9c", everywhere)

    def test_no_cage_shows_what_no_cage_may(self):
        """Not the state, not the configuration, not a secret's file, and not one of another tenant."""
        folders = {"itself": ".", "secret": "./secrets", "state": "./state", "above": ".."}
        servers = "".join(victim(name, cage=f"read: {{{{ /data/x: {outside} }}}}") for name, outside in folders.items())
        servers += """
tenants:
  red:
    servers:
      hers:
        command: [/usr/bin/python3, ./victim.py]
        env: {{ API_KEY: {{ secret: other, expose: true }} }}
        cage: {{ read: {{ /data/x: ./secrets }} }}
secrets:
  key: {{ file: ./secrets/key }}
  other: {{ file: ./secrets/other }}
"""
        with self.gateway(configuration(servers, placed("itself"))) as gateway:
            for name in folders:
                gateway.wait_for_state(name, "refused")
                self.assertIn("no cage may see", gateway.server(name)["reason"])
            gateway.wait_for_state("hers", "refused")
            self.assertIn("no cage may see", gateway.servers()["hers"]["reason"])


if __name__ == "__main__":
    unittest.main()
