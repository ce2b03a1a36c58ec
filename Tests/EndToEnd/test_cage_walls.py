"""What a hosted server that was taken over can do to its cage: as many servers as there are kinds of cages, each told the
same code to run, by a gateway of root and by one of an ordinary user."""
import json
import os
import socket
import textwrap
import unittest

from harness import BINARY, ROOT, AsAnOrdinaryUser
from test_servers import Hosting, configuration

INTRUDER = ROOT / "Tests/EndToEnd/servers/intruder.py"
SERVERS = """
  walled:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    env: {{ GIVEN: "to it" }}
    cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }} }}
  wired:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ network: host }}
"""
# Numbers of x86-64; the arguments are such that a kernel that let the call through would answer otherwise.
REFUSED = {
    "EPERM": {
        "ptrace": (101, 16, 1, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0), "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
        "kcmp": (312, 1, 1, 0, 0, 0), "pidfd_getfd": (438, 0, 0, 0), "perf_event_open": (298, 0, 0, -1, -1, 0), "bpf": (321, 0, 0, 0),
        "userfaultfd": (323, 1), "add_key": (248, b"user", b"name", b"value", 5, -4), "request_key": (249, b"user", b"name", 0, -4),
        "keyctl": (250, 0, -3, 0), "keyctl new session": (250, 1, 0), "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "umount2": (166, b"/tmp", 2), "pivot_root": (155, b"/tmp", b"/tmp"), "chroot": (161, b"/tmp"), "setns": (308, 0, 0),
        "unshare user": (272, 0x10000000), "unshare mounts": (272, 0x20000), "unshare net": (272, 0x40000000),
        "clone user": (56, 0x10000000 | 17, 0, 0, 0, 0), "clone pid": (56, 0x20000000 | 17, 0, 0, 0, 0),
        "personality": (135, 0x0040000), "init_module": (175, 0, 0, b""), "finit_module": (313, 0, b"", 0), "delete_module": (176, b"x", 0),
        "kexec_load": (246, 0, 0, 0, 0), "reboot": (169, 0, 0, 0, 0), "swapon": (167, b"/tmp/x", 0), "iopl": (172, 3), "ioperm": (173, 0, 1, 1),
        "syslog": (103, 3, 0, 0), "sethostname": (170, b"x", 1), "settimeofday": (164, 0, 0), "clock_settime": (227, 0, 0),
        "open_by_handle_at": (304, -100, 0, 0), "name_to_handle_at": (303, -100, b"/tmp", 0, 0, 0), "fanotify_init": (300, 0, 0),
        "move_pages": (279, 0, 0, 0, 0, 0, 0), "modify_ldt": (154, 0, 0, 0), "quotactl": (179, 0, 0, 0, 0), "acct": (163, 0),
        "TIOCSTI": (16, 0, 0x5412, b"x"), "TIOCSTI with a high bit": (16, 0, 0x100005412, b"x"), "TIOCLINUX": (16, 0, 0x541c, b"x"),
        "a raw socket": (41, 2, 3, 1), "a netlink audit socket": (41, 16, 3, 9),
    },
    "ENOSYS": {
        "clone3": (435, 0, 0), "io_uring_setup": (425, 1, 0), "io_uring_enter": (426, 0, 0, 0, 0, 0), "open_tree": (428, -100, b"/", 0),
        "move_mount": (429, -100, b"/", -100, b"/tmp", 0), "fsopen": (430, b"tmpfs", 0), "mount_setattr": (442, -100, b"/", 0, 0, 0),
        "memfd_secret": (447, 0), "one nobody knows yet": (471, 0),
    },
    "EAFNOSUPPORT": {family: (41, number, 1, 0) for family, number in {
        "vsock": 40, "vsock with a high bit": 0x100000000 | 40, "packet": 17, "alg": 38, "xdp": 44, "bluetooth": 31, "rds": 21,
        "tipc": 30, "can": 29}.items()},
}


class Walls:
    """What holds whoever runs the gateway."""

    user = None

    @classmethod
    def setUpClass(cls):
        text = configuration(SERVERS, {"walled.run": "T0", "wired.run": "T0"})
        gateway = Hosting(text, accept=["walled", "wired"], user=cls.user)
        (gateway.folder / "docs/inner").mkdir()
        (gateway.folder / "beside").mkdir()
        (gateway.folder / "beside/theirs").write_text("not for it")
        if cls.user is None:
            # A careless script leaves descriptors open when it starts the gateway.
            gateway.command = ["/bin/bash", "-c", 'exec 9</etc/passwd 251</etc/passwd; exec "$0" up', str(BINARY)]
        cls.gateway = cls.enterClassContext(gateway)

    def attack(self, code, server="walled", failed=False):
        status, _, answer = self.gateway.modern(
            "tools/call", {"name": "run", "arguments": {"code": textwrap.dedent(code)}}, path=f"/mcp/{server}")
        result = answer["result"]
        text = "\n".join(c["text"] for c in result["content"])
        text = "\n".join(line for line in text.split("\n") if "UNTRUSTED_EXTERNAL_DATA" not in line)
        self.assertEqual(result.get("isError", False), failed, text)
        return text if failed else json.loads(text)

    def has(self, layer, server="walled"):
        return self.gateway.server(server)["cage"]["layers"][layer]["present"]

    def test_no_call_of_an_intruder_reaches_the_kernel(self):
        for answer, calls in REFUSED.items():
            seen = self.attack("answer = {n: call(*a) for n, a in %r.items()}" % calls)
            self.assertEqual(seen, {name: answer for name in calls})
        # The table is no accident: what a server needs is let through by the same function.
        self.assertEqual(self.attack("answer = [call(39), call(41, 1, 1, 0), call(41, 2, 1, 0), call(16, 0, 0x5401, bytes(64)), "
                                     "call(3, 3), call(3, 4)]"), ["ok", "ok", "ok", "ENOTTY", "ok", "ok"])

    def test_a_foreign_architecture_ends_the_process_that_tries(self):
        # int 0x80 with the number of getpid of 32 bits, in a child.
        status = self.attack("""
            import ctypes, mmap
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
            entry = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
            child = os.fork()
            if child == 0:
                entry()
                os._exit(0)
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            """)
        self.assertEqual(status, -31)  # SIGSYS

    def test_it_has_no_powers_and_gains_none(self):
        status = dict(self.attack("answer = [l.rstrip().partition(':\\t')[::2] for l in open('/proc/self/status')]"))
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(status["Uid"].split(), ["1000"] * 4)
        # Neither to root nor to anybody; a setuid program of the system gives nothing either.
        self.assertEqual(set(self.attack(
            "answer = [attempt(os.setuid, 0), attempt(os.setuid, 1), attempt(os.setgid, 0), attempt(os.setgroups, [0])]"))
            - {"EPERM", "EINVAL"}, set())
        self.assertEqual(self.attack("""
            import subprocess
            found = [p for p in ('/usr/bin/su', '/usr/bin/mount', '/usr/bin/passwd', '/usr/bin/newgrp') if os.path.exists(p)]
            mounts = [l.split() for l in open('/proc/self/mountinfo')]
            # bubblewrap's own file systems hold no setuid file; everything that comes from the host is nosuid.
            answer = [m[4] for m in mounts if 'nosuid' not in m[5].split(',')]
            """), [])

    def test_init_is_neither_read_nor_stopped(self):
        seen = self.attack("""
            import signal
            answer = {p: attempt(open, f'/proc/1/{p}', 'rb') for p in ('environ', 'mem', 'maps', 'auxv', 'stack', 'syscall', 'io')}
            answer['fd'] = attempt(os.listdir, '/proc/1/fd')
            answer['exe'] = attempt(os.readlink, '/proc/1/exe')
            answer['root'] = attempt(os.listdir, '/proc/1/root/')
            # What can be caught it passes on to the server: whoever sends that ends himself.
            for s in (signal.SIGKILL, signal.SIGSTOP):
                attempt(os.kill, 1, s)
            answer['parent'] = os.getppid()
            """)
        self.assertEqual(seen.pop("parent"), 1)
        # `syscall` and `stack` open and refuse to be read on some kernels: what counts is in the others.
        for path in ("environ", "mem", "maps", "auxv", "io", "fd", "exe", "root"):
            self.assertIn(seen[path], ("EACCES", "EPERM"), path)
        self.assertEqual(self.attack("answer = os.getppid()"), 1)  # still there, still the parent

    def test_only_its_own_processes_and_nothing_of_the_gateway_is_there(self):
        seen = self.attack("""
            pids = [p for p in os.listdir('/proc') if p.isdigit()]
            answer = [open(f'/proc/{p}/cmdline', 'rb').read().decode(errors='replace') for p in pids]
            def leads(n):
                try: return os.readlink(f'/proc/self/fd/{n}')
                except FileNotFoundError: return 'the listing itself'
            answer = [pids, answer, {n: leads(n) for n in os.listdir('/proc/self/fd')}, dict(os.environ)]
            """)
        pids, commands, descriptors, environment = seen
        self.assertEqual(len(pids), 2, commands)  # PID 1 and itself
        self.assertNotIn(str(self.gateway.folder), " ".join(commands))
        # libffi keeps memory of its own open; the rest is standard input, output, error and the folder being listed.
        own = {int(n): place for n, place in descriptors.items() if not place.startswith("/memfd:libffi")}
        self.assertEqual(sorted(own)[:3], [0, 1, 2])
        self.assertEqual({place for n, place in own.items() if n > 2}, {"the listing itself"}, own)
        self.assertEqual(environment, {
            "GIVEN": "to it", "HOME": "/home/mcp", "LANG": "C.UTF-8", "LOGNAME": "mcp", "PATH": "/usr/local/bin:/usr/bin:/bin",
            "SHELL": "/bin/sh", "TMPDIR": "/tmp", "USER": "mcp"})
        kinds = self.attack("answer = [os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(3)]")
        self.assertEqual(set(kinds) - {"pipe", "socket"}, set())

    def test_there_is_no_network_and_with_the_hosts_no_unix_sockets(self):
        code = """
            import socket
            def there(port):
                with socket.create_connection(('127.0.0.1', port), timeout=10): pass
            answer = [sorted(n for _, n in socket.if_nameindex()), attempt(there, %d),
                      attempt(lambda: socket.socket(socket.AF_UNIX).close())]
            """
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.assertEqual(self.attack(code % port), [["lo"], "EACCES" if self.has("landlock") else "ECONNREFUSED", "ok"])
            interfaces, connected, unix = self.attack(code % port, server="wired")
            self.assertEqual((connected, unix), ("ok", "EPERM"))
            self.assertEqual(interfaces, sorted(name for _, name in socket.if_nameindex()))

    def test_links_out_of_a_folder_it_may_write_lead_nowhere(self):
        folder = self.gateway.folder
        (folder / "out/there").symlink_to(folder / "beside/theirs")  # made outside, to a place that exists there
        (folder / "out/up").symlink_to("../beside/theirs")
        seen = self.attack("""
            out = '/data/out/'
            def reads(path): open(path).read()
            def writes(path): open(path, 'w').write('x')
            os.symlink('/etc/shadow', out + 'shadow'); os.symlink('%(folder)s/gatehouse.yaml', out + 'policy')
            os.symlink('/data/docs/planted', out + 'docs'); os.symlink('/proc/1/root/etc/shadow', out + 'root')
            answer = {'outside': attempt(reads, out + 'there'), 'up': attempt(reads, out + 'up'), 'shadow': attempt(reads, out + 'shadow'),
                      'policy': attempt(writes, out + 'policy'), 'docs': attempt(writes, out + 'docs'), 'root': attempt(reads, out + 'root'),
                      'above': attempt(reads, out + '../../%(folder)s/gatehouse.yaml'),
                      'hard docs': attempt(os.link, '/data/docs/hello.txt', out + 'hello'),
                      'hard usr': attempt(os.link, '/usr/bin/env', out + 'env'),
                      'moved': attempt(os.rename, '/data/docs/hello.txt', out + 'hello'),
                      'its place': attempt(os.rename, '/data/out', '/data/else'), 'removed': attempt(os.rmdir, '/data/out'),
                      'device': attempt(os.mknod, out + 'null', 0o20666, os.makedev(1, 3))}
            """ % {"folder": folder})
        self.assertEqual(seen.pop("hard docs"), "EXDEV")
        self.assertEqual(seen.pop("hard usr"), "EXDEV")
        self.assertIn(seen.pop("moved"), ("EXDEV", "EROFS"))
        self.assertIn(seen.pop("its place"), ("EBUSY", "EROFS"))
        self.assertIn(seen.pop("removed"), ("EBUSY", "EROFS"))
        self.assertIn(seen.pop("device"), ("EPERM", "EACCES"))
        self.assertEqual(seen.pop("docs"), "EROFS")
        self.assertEqual(seen.pop("root"), "EACCES")
        self.assertEqual(set(seen.values()), {"ENOENT"}, seen)
        self.assertEqual((folder / "beside/theirs").read_text(), "not for it")

    def test_what_is_shown_read_only_cannot_be_changed_in_any_way(self):
        seen = self.attack("""
            path = '/data/docs/hello.txt'
            answer = {'open': attempt(open, path, 'r+'), 'truncate': attempt(os.truncate, path, 0), 'mode': attempt(os.chmod, path, 0o777),
                      'times': attempt(os.utime, path, (0, 0)), 'owner': attempt(os.chown, path, 1000, 1000), 'remove': attempt(os.unlink, path),
                      'make': attempt(os.mkdir, '/data/docs/new'), 'attribute': attempt(os.setxattr, path, 'user.a', b'b'),
                      'usr': attempt(open, '/usr/lib/planted', 'w'), 'code': attempt(open, %r, 'a'),
                      'init': attempt(open, '/gatehouse-init', 'ab'), 'hosts': attempt(open, '/etc/hosts', 'a'),
                      'sysctl': attempt(open, '/proc/sys/kernel/core_pattern', 'w'), 'root': attempt(os.mkdir, '/new')}
            """ % str(INTRUDER))
        self.assertEqual(set(seen.values()) - {"EROFS", "EACCES", "EPERM"}, set(), seen)
        for act in ("open", "truncate", "remove", "make", "usr", "root"):
            self.assertIn(seen[act], ("EROFS", "EACCES"), act)
        self.assertEqual((self.gateway.folder / "docs/hello.txt").read_text(), "hello from the docs\n")

    def test_its_limits_are_set_and_cannot_be_raised(self):
        limits = self.attack("""
            import resource
            names = ['CORE', 'NOFILE', 'NPROC', 'FSIZE', 'MSGQUEUE', 'MEMLOCK']
            answer = {n: resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in names}
            def raises(n): resource.setrlimit(getattr(resource, 'RLIMIT_' + n), [v + 1 for v in answer[n]])
            def tried(n):
                try: return attempt(raises, n)
                except ValueError: return 'EPERM'  # Python's word for it
            answer = [answer, {n: tried(n) for n in names}]
            """)
        self.assertEqual(limits[0], {"CORE": [0, 0], "NOFILE": [256, 256], "NPROC": [64, 64], "FSIZE": [32 << 20, 32 << 20],
                                     "MSGQUEUE": [0, 0], "MEMLOCK": [0, 0]})
        self.assertEqual(set(limits[1].values()), {"EPERM"})

    def test_each_server_is_a_user_of_its_own_where_the_gateway_may_give_one(self):
        # The file that a server makes shows outside who it is.
        self.assertEqual(self.attack("answer = attempt(open, '/data/out/mark', 'w')"), "ok")
        owner = os.stat(self.gateway.folder / "out/mark").st_uid
        gateway = os.stat(f"/proc/{self.gateway.process.pid}").st_uid
        servers = self.gateway.servers()
        self.assertEqual(owner, servers["walled"]["cage"]["uid"])
        if gateway == 0:
            self.assertEqual(len({owner, servers["wired"]["cage"]["uid"], 0}), 3)
        else:
            self.assertEqual({owner, servers["wired"]["cage"]["uid"]}, {gateway})

    def test_what_a_listing_says_is_what_the_server_has(self):
        shown = self.gateway.run("servers", "list").stdout
        rows = {line.split()[0]: line for line in shown.splitlines() if not line.startswith(" ")}
        self.assertIn("NETWORK: HOST", rows["wired"])
        self.assertNotIn("NETWORK", rows["walled"])
        for command in (["status"], ["check", "--config", str(self.gateway.folder / "gatehouse.yaml")]):
            said = self.gateway.run(*command)
            self.assertIn("`wired`", said.stdout + said.stderr)


class ByThisUser(Walls, unittest.TestCase):
    pass


class ByAnOrdinaryUser(AsAnOrdinaryUser, Walls, unittest.TestCase):
    pass


class WithoutWalls(unittest.TestCase):
    """A machine that cannot make the cage: the server does not start, and the reason says what to do."""

    def refused(self, preparation, *words):
        gateway = Hosting(configuration(SERVERS, {"walled.run": "T0"}))
        gateway.command = ["/usr/bin/unshare", "-rm", "/bin/sh", "-c", f'{preparation} && exec "$0" up', str(BINARY)]
        with gateway:
            gateway.wait_for_state("walled", "refused")
            walled = gateway.server("walled")
            for word in words:
                self.assertIn(word, walled["reason"])
            self.assertNotIn("pid", walled)
            self.assertEqual(walled["starts"], 0)
            for layer in ("namespaces", "mounts", "no-new-privs", "seccomp", "rlimits"):
                self.assertEqual([walled["cage"]["layers"][layer][key] for key in ("required", "present")], [True, False], layer)
            self.assertTrue(gateway.call("walled", "run", code="answer = 1")["isError"])
            self.assertIn(words[0], gateway.run("servers", "list").stdout)
            self.assertIn(words[0], gateway.log_text())

    def test_without_bubblewrap(self):
        self.refused("mount --bind /dev/null /usr/bin/bwrap", "apt-get install bubblewrap")

    def test_without_user_namespaces(self):
        self.refused("echo 0 > /proc/sys/user/max_user_namespaces", "sysctl user.max_user_namespaces=10000")


if __name__ == "__main__":
    unittest.main()
