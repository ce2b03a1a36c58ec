"""What a cage is bounded by, who says so, and what is said of a server that ran into a bound."""
import json
import os
import unittest
from pathlib import Path

from harness import AsAnOrdinaryUser, own_groups
from test_servers import Hosting, configuration, tree

SERVERS = """
  small:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ memory: 96, cpu: 0.5, processes: 8, files: 40, file_size: 2, tmp: 8, seccomp: strict, write: {{ /data/out: ./out }} }}
  plain:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
"""
TOOLS = {"small.run": "T0", "plain.run": "T0"}


class Bounds:
    user = None

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Hosting(configuration(SERVERS, TOOLS), accept=["small", "plain"], user=cls.user))
        cls.layers = {row["layer"]: row for row in json.loads(cls.gateway.run("doctor", "--json").stdout)["layers"]}

    def run_in(self, server, code):
        said = self.gateway.call(server, "run", code=code)
        self.assertFalse(said["isError"], said["text"])
        return json.loads(said["text"])

    def test_memory_that_is_used_up_ends_the_tree_and_is_named(self):
        starts = self.gateway.server("small")["starts"]
        said = self.gateway.call("small", "run", code="""
import time
kept = []
for pid in range(3):
    if os.fork() == 0: break
for step in range(60):
    kept.append(bytearray(os.urandom(1 << 20)))  # three and one: 240 MiB where 96 are allowed
    time.sleep(0.02)
time.sleep(60)
""")
        self.assertTrue(said["isError"], said)
        self.gateway.wait_for(lambda: "(`memory`)" in self.gateway.log_text())
        self.gateway.wait_for(lambda: self.gateway.server("small")["starts"] > starts)
        self.gateway.wait_for_state("small", "running")
        self.assertEqual(self.run_in("small", "answer = 1 + 1"), 2)

    def test_a_file_over_its_size_is_named(self):
        starts = self.gateway.server("small")["starts"]
        said = self.gateway.call("small", "run", code="""
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
open('/data/out/big', 'wb').write(bytes(3 << 20))
""")
        self.assertTrue(said["isError"], said)
        self.gateway.wait_for(lambda: "more than 2 MiB (`file_size`)" in self.gateway.log_text())
        self.gateway.wait_for(lambda: self.gateway.server("small")["starts"] > starts)
        self.gateway.wait_for_state("small", "running")

    def test_what_is_written_is_what_is_set(self):
        seen = self.run_in("small", """
import resource
answer = {n: resource.getrlimit(getattr(resource, 'RLIMIT_' + n))[0] for n in ('NPROC', 'NOFILE', 'FSIZE', 'DATA')}
answer['tmp'] = os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize
answer['filters'] = next(l.split()[1] for l in open('/proc/self/status') if l.startswith('Seccomp_filters'))
""")
        data = seen.pop("DATA")
        self.assertEqual(seen, {"NPROC": 8, "NOFILE": 40, "FSIZE": 2 << 20, "tmp": 8 << 20, "filters": "2"})
        self.assertEqual(data == 192 << 20, not self.layers["cgroup"]["present"])

    def test_the_strict_filter_answers_what_it_does_not_list(self):
        rare = "answer = {n: call(*a) for n, a in {'msgget': (68, 1, 0), 'shmget': (29, 1, 4096, 0o1600), 'setxattr': " \
               "(188, b'/tmp', b'user.a', b'b', 1, 0), 'swapcontext': (444, 0, 0, 9), 'getpid': (39,)}.items()}"
        strict, standard = self.run_in("small", rare), self.run_in("plain", rare)
        self.assertEqual({strict[n] for n in ("msgget", "shmget", "setxattr")}, {"ENOSYS"})
        self.assertNotIn("ENOSYS", {standard[n] for n in ("msgget", "shmget", "setxattr")})
        self.assertEqual(strict["getpid"], "ok")

    def test_landlock_holds_where_the_kernel_has_it(self):
        if not self.layers["landlock"]["present"]:
            self.skipTest(self.layers["landlock"]["detail"])
        seen = self.run_in("plain", """
import socket
def tcp(port):
    with socket.socket() as s: s.bind(('127.0.0.1', port))
answer = {'signal': attempt(os.kill, 1, 0), 'listen': attempt(tcp, 0), 'dev': attempt(open, '/dev/planted', 'w'),
          'proc': attempt(open, '/proc/self/comm', 'w'), 'home': attempt(open, '/home/mcp/own', 'w'), 'list': attempt(os.listdir, '/')}
""")
        self.assertEqual(seen["proc"], "EACCES")
        self.assertIn(seen["dev"], ("EACCES", "EROFS"))
        self.assertEqual((seen["home"], seen["list"]), ("ok", "ok"))
        if "TCP" in self.layers["landlock"]["detail"]:
            self.assertEqual(seen["listen"], "EACCES")
        if "signals" in self.layers["landlock"]["detail"]:
            self.assertEqual(seen["signal"], "EPERM")

    def test_profile_says_what_holds_and_what_does_not(self):
        shown = self.gateway.run("servers", "profile", "small")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        rows = {row["layer"]: row for row in json.loads(self.gateway.run("servers", "profile", "small", "--json").stdout)["layers"]}
        self.assertEqual({n for n, row in rows.items() if row["holds"]}, {n for n, row in self.layers.items() if row["present"]})
        self.assertIn("no network", " ".join(rows["namespaces"]["details"]))
        self.assertIn("WRITABLE: /data/out", shown.stdout)
        self.assertIn("8 processes, 40 descriptors each, files of at most 2 MiB", shown.stdout)
        self.assertIn("strict: ", shown.stdout)
        if rows["cgroup"]["holds"]:
            self.assertIn("0.5 of a processor's time", shown.stdout)
        else:
            self.assertIn("MISSING cgroup", shown.stdout)
            self.assertIn("192 MiB of data for each process", shown.stdout)
        self.assertEqual(self.gateway.run("servers", "profile", "nobody").returncode, 1)


class ByThisUser(Bounds, unittest.TestCase):
    def test_its_processes_are_in_groups_that_go_with_them(self):
        if not self.layers["cgroup"]["present"]:
            self.skipTest(self.layers["cgroup"]["detail"])
        server = self.gateway.server("plain")
        inside = set()
        for line in Path(f"/proc/{tree(server['pid'])[-1]}/cgroup").read_text().splitlines():
            inside |= {part for part in line.rstrip().split("/") if part.startswith("gatehouse-")}
        self.assertEqual(len(inside), 1, inside)
        name = inside.pop()
        there = lambda: any((group / name).exists() for group in own_groups())
        self.assertTrue(there())
        self.assertEqual(self.gateway.run("servers", "restart", "plain").returncode, 0)
        self.gateway.wait_for(lambda: self.gateway.server("plain")["starts"] > server["starts"])
        self.gateway.wait_for(lambda: not there())


class BySomebodyElse(AsAnOrdinaryUser, Bounds, unittest.TestCase):
    pass


class Filters(unittest.TestCase):
    def test_each_rule_has_its_reason(self):
        with Hosting(configuration(SERVERS, TOOLS)) as gateway:
            for name in ("standard", "strict", "host-network"):
                told = json.loads(gateway.run("seccomp", name, "--json").stdout)
                self.assertGreater(told["instructions"], 200)
                self.assertTrue(all(row["reason"] and row["call"] and row["answer"] for row in told["rules"]))
            self.assertIn("ptrace -> notPermitted: ", gateway.run("seccomp").stdout)
            wrong = gateway.run("seccomp", "loose")
            self.assertEqual(wrong.returncode, 2)
            self.assertIn("standard, strict, host-network", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
