"""`gatehouse check`: every mistake an operator plausibly makes, where it is, and what to do about it."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY

ZERO = "sha256:" + "0" * 64
LOCK = f"""gatehouse-lock: 1
tenants:
  main:
    pins:
      files:
        tools: {{ read_file: {ZERO}, write_file: {ZERO} }}
    tools: {{}}
"""
HEAD = """gatehouse: 1
servers:
  files: { command: [/bin/true], cage: { write: { /data/out: ./out } } }
"""
TAIL = "tools: { files.read_file: { tier: T0 } }\n"

# What is refused: what is said, what to do, the text, and its line and column.
REFUSED = [
    ("unknown key `enviroment`; did you mean `environment`?", "known here: ", "gatehouse: 1\nenviroment: a\n", (2, 13)),
    ("unknown key `comand`; did you mean `command`?", "known here: ", "gatehouse: 1\nservers:\n  a: { comand: [x] }\n", (3, 16)),
    ("unknown key `teir`; did you mean `tier`?", "use one of tier", HEAD + "tools:\n  files.x: { teir: T0 }\n", (5, 20)),
    ("unknown key `Equals`; did you mean `equals`?", "use one of", HEAD + "rules:\n  - { name: n, tools: [files.x], then: ask,\n      args: { /a: { Equals: 1 } } }\n", (6, 29)),
    ("unknown word `reject`; use one of allow, ask, ask-two, refuse", "", HEAD + "rules:\n  - { name: n, tools: [files.x],\n      then: reject }\n", (6, 13)),
    ("`network` is `hots`; did you mean `host`?", "use one of: none, host", "gatehouse: 1\nservers:\n  a: { command: [x], cage: { network: hots } }\n", (3, 39)),
    ("no server `fiels` is configured here; did you mean `files`?", "", HEAD + "tools: { fiels.read: { tier: T0 } }\n", (4, 22)),
    ("no server `file` is configured here; did you mean `files`?", "", HEAD + "rules:\n  - name: n\n    then: ask\n    tools: [files.a, file.b]\n", (7, 22)),
    ("secret `githb_token` is not defined; did you mean `github_token`?", "add it under `secrets`",
     "gatehouse: 1\nsecrets: { github_token: { file: ./token } }\nservers:\n  gh: { url: https://x.example/mcp, credential: githb_token }\n", (4, 49)),
    ("secret `nothing` is not defined", "add it under `secrets`", "gatehouse: 1\nservers:\n  a: { command: [x], env: { KEY: { secret: nothing } } }\n", (3, 34)),
    ("is no usable URL", "", "gatehouse: 1\nservers:\n  gh: { url: api.example.com/mcp }\n", (3, 14)),
    ("http is for loopback addresses only", "write `https://", "gatehouse: 1\nservers:\n  gh: { url: http://api.example.com/mcp }\n", (3, 14)),
    ("lie in one another; use siblings", "", "gatehouse: 1\nservers:\n  a: { command: [x], cage: { read: { /data: ./docs }, write: { /data/out: ./out } } }\n", (3, 75)),
    ("/etc is the cage's own", "", "gatehouse: 1\nservers:\n  a: { command: [x], cage: { read: { /etc/app: ./docs } } }\n", (3, 48)),
    ("is no host", "write a name or an address", "gatehouse: 1\nlisten: { hosts: [ok.example, \"https://gate.example\"] }\n", (2, 31)),
    ("is no origin a browser sends", "without a path", "gatehouse: 1\nlisten: { origins: [\"https://gate.example/\"] }\n", (2, 21)),
    ("is no origin a browser sends", "without a path", "gatehouse: 1\nlisten: { origins: [gate.example] }\n", (2, 21)),
    ("`self_approval` is given twice", "keep one", "gatehouse: 1\napprovals: { self_approval: false }\nself_approval: true\n", (3, 16)),
    ("rule `second` changes nothing: `first` already says `refuse`", "", HEAD + "rules:\n  - { name: first, tools: [\"files.*\"], then: refuse }\n"
     "  - { name: second, tools: [files.a], then: ask }\n", (6, 5)),
    ("rule `never` changes nothing: `all` already says `refuse`", "", HEAD + "rules:\n  - { name: all, tools: [\"*\"], then: refuse }\n"
     "  - { name: never, tools: [files.a], args: { /x: { equals: 1 } }, then: allow }\n", (6, 5)),
    ("is T0 and is allowed without this rule", "", HEAD + TAIL + "rules:\n  - name: n\n    args: { /x: { equals: 1 } }\n    then: allow\n    tools: [files.read_file]\n", (9, 13)),
    ("asks like this already by its tier", "", HEAD + "tools: { files.a: { tier: T2 } }\nrules:\n  - { name: n, tools: [files.a], then: ask }\n", (6, 5)),
    ("this limit stands here twice", "", HEAD + "limits:\n  - { per: agent, calls: 5/min }\n  - { per: agent, calls: 5/min }\n", (6, 5)),
]

# What is taken, with a warning: what is said, what to do, the text, line and column, and what else is done to the folder.
WARNED = [
    ("no tool `files.read_fle` was accepted; did you mean `files.read_file`?", "gatehouse tools list", HEAD + "tools:\n  files.read_fle: { tier: T0 }\n", (5, 19)),
    ("no tool `files.wirte_file` was accepted; did you mean `files.write_file`?", "gatehouse tools list",
     HEAD + TAIL + "rules:\n  - name: n\n    tools: [files.wirte_file]\n    then: refuse\n", (7, 13)),
    ("no accepted tool matches `files.delete*`", "gatehouse tools list", HEAD + TAIL + "rules:\n  - name: n\n    tools: [\"files.delete*\"]\n    then: refuse\n", (7, 13)),
    ("no tool `files.gone` was accepted", "gatehouse tools list", HEAD + TAIL + "limits:\n  - { per: agent, calls: 5/min, tools: [files.gone] }\n", (6, 41)),
    ("`files.read_file` is named by `files.*` already", "leave one of them out",
     HEAD + TAIL + "rules:\n  - name: n\n    tools: [\"files.*\", files.read_file]\n    then: ask-two\n", (7, 24)),
    ("this limit is never reached: the one in line 7 is tighter for all its calls", "leave one of them out",
     HEAD + TAIL + "limits:\n  - { per: agent, tools: [files.read_file], calls: 600/min }\n  - { per: agent, calls: 100/min }\n", (6, 5)),
    ("`.env` is always denied", "leave it out", HEAD + TAIL + "deny_paths: [ \"*.pem\", .env ]\n", (5, 24)),
    ("`*.pem` is denied already", "leave it out", HEAD + TAIL + "deny_paths: [ \"*.pem\", \"*.pem\" ]\n", (5, 24)),
    ("`*.pem` is denied already", "leave it out",
     "gatehouse: 1\nservers:\n  a: { command: [/bin/true], cage: { hide: [\"*.pem\"] } }\ndeny_paths: [\"*.pem\"]\n", (3, 45)),
    ("is T1 without a scope: every call asks", "write its `scope`", HEAD + "tools:\n  files.write_file: { tier: T1 }\n", (5, 21)),
    ("no `write` folder of its cage holds `/srv/out`", "name the folder under `cage", HEAD
     + "tools:\n  files.write_file: { tier: T1, scope: { /path: { glob: \"/srv/out/**\" } } }\n", (5, 49)),
    ("no `write` folder of its cage holds `{folder}/out/new`", "as the server sees it: `/data/out`", HEAD
     + "tools:\n  files.write_file: { tier: T1, scope: { /path: { glob: \"{folder}/out/new/*\" } } }\n", (5, 49)),
    ("secret `spare` is used by no server", "name it in `credential` or `env`", HEAD + TAIL + "secrets: { spare: { file: ./token } }\n", (5, 19)),
    ("the variable `GATEHOUSE_TEST_NOWHERE` is not set here", "must be set where", HEAD + TAIL + "secrets: { t: { env: GATEHOUSE_TEST_NOWHERE } }\n", (5, 15)),
    ("secret `t` cannot be read: ", "does not start without it", HEAD + TAIL + "secrets: { t: { file: ./nothing } }\n", (5, 15)),
    ("may be read by others; chmod 600 it", "does not start without it", HEAD + TAIL + "secrets: { t: { file: ./open } }\n", (5, 15)),
    ("is a symbolic link; name the file it leads to", "does not start without it", HEAD + TAIL + "secrets: { t: { file: ./link } }\n", (5, 15)),
    ("has fewer than 6 bytes", "use a longer one", HEAD + TAIL + "secrets: { t: { file: ./short } }\n", (5, 15)),
    ("cannot start: command `nothing-of-this-name` was not found", None, "gatehouse: 1\nservers:\n  a: { command: [nothing-of-this-name] }\n", (3, 17)),
    ("/nothing` cannot be shown in the cage: it does not exist; create it first", None,
     "gatehouse: 1\nservers:\n  a:\n    command: [/bin/true]\n    cage: { read: { /data: ./nothing } }\n", (5, 11)),
    ("which no cage may see", None, "gatehouse: 1\nservers:\n  a:\n    command: [/bin/true]\n    cage: { read: { /data: . } }\n", (5, 11)),
    ("downloads the server when it starts", None, "gatehouse: 1\nservers:\n  a: { command: [npx, -y, some-server] }\n", (3, 17)),
    ("holds no authorities", "certificates in PEM form", "gatehouse: 1\nservers:\n  far:\n    url: https://far.example/mcp\n    ca: ./token\n", (5, 9)),
    ("holds no authorities", "certificates in PEM form", "gatehouse: 1\nservers:\n  a:\n    command: [/bin/true]\n    cage:\n      network:\n        allow: [{ host: a.example.com, methods: [GET], ca: ./token }]\n", (7, 16)),
    ("the folder `{folder}/nothing` does not exist", "make it", HEAD + TAIL + "audit: { checkpoints: ./nothing/file }\n", (5, 23)),
    ("tenant `acme` has no servers", "never inherited", HEAD + TAIL + "tenants:\n  acme: { deny_paths: [x] }\n", (6, 9)),
    ("no tool of server `a` is accepted", "gatehouse tools approve a", "gatehouse: 1\nservers:\n  a: { command: [/bin/true] }\n", (3, 6)),
    ("no tool of server `b` is accepted", "gatehouse tools approve b --tenant acme", "gatehouse: 1\ntenants:\n  acme: { servers: { b: { command: [/bin/true] } } }\n", (3, 25)),
    ("runs without a cage", "under `cage` instead", "gatehouse: 1\nservers:\n  a: { command: [/bin/true], cage: none }\n", (3, 36)),
    ("has the host's network", "leave `network` out", "gatehouse: 1\nservers:\n  a: { command: [/bin/true], cage: { network: host } }\n", (3, 47)),
    ("is given a secret as `KEY`", "do no more than", "gatehouse: 1\nsecrets: { t: { file: ./token } }\nservers:\n  a: { command: [/bin/true], env: { KEY: { secret: t, expose: true } } }\n", (4, 42)),
    ("every process on this machine is the same agent", "gatehouse tokens issue", HEAD + TAIL + "listen: { open: true }\n", (5, 17)),
]


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gatehouse-e2e-")))
        for name in ("docs", "out"):
            (self.folder / name).mkdir()
        for name, mode, text in (("token", 0o600, "a secret of some length"), ("open", 0o644, "another secret"), ("short", 0o600, "abc")):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(mode)
        (self.folder / "link").symlink_to("token")
        (self.folder / "gatehouse.lock").write_text(LOCK)

    def check(self, text, *options, name="gatehouse.yaml"):
        file = self.folder / name
        file.write_text(text.replace("{folder}", str(self.folder)))
        environment = {**os.environ, "GATEHOUSE_STATE": str(self.folder / "state")}
        return subprocess.run([BINARY, "check", "--offline", "--config", name, *options], cwd=self.folder, env=environment,
                              capture_output=True, text=True, timeout=60)

    def warnings(self, text, **more):
        done = self.check(text, "--json", **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)["warnings"]

    def test_what_is_refused(self):
        for words, advice, text, place in REFUSED:
            with self.subTest(words, text=text):
                done = self.check(text)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertIn(words, done.stderr)
                self.assertIn(advice, done.stderr)
                self.assertIn(f"gatehouse.yaml:{place[0]}:{place[1]}: ", done.stderr)

    def test_what_is_most_likely_not_meant(self):
        for words, advice, text, place in WARNED:
            with self.subTest(words, text=text):
                found = self.warnings(text)
                mine = [w for w in found if words.replace("{folder}", str(self.folder)) in w["problem"]]
                self.assertEqual(len(mine), 1, found)
                self.assertEqual((mine[0]["line"], mine[0]["column"]), place, mine)
                self.assertTrue(mine[0]["file"].endswith("gatehouse.yaml"))
                if advice:
                    self.assertIn(advice, mine[0]["hint"])

    def test_nothing_is_said_where_nothing_is_wrong(self):
        done = self.check(HEAD + TAIL + "limits: [ { per: agent, calls: 600/min }, { per: agent, tools: [files.read_file], calls: 5/min } ]\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok: 1 server\n", ""))

    def test_strict_ends_with_one_where_something_is_said(self):
        text = HEAD + TAIL + "deny_paths: [ .env ]\n"
        self.assertEqual(self.check(text).returncode, 0)
        done = self.check(text, "--strict")
        self.assertEqual(done.returncode, 1)
        self.assertIn(":5:15: `.env` is always denied\nhint: leave it out\nok: 1 server, 1 warning\n", done.stdout)

    def test_all_of_a_policy_is_said_at_once(self):
        done = self.check(HEAD + "tools: { files.x: { tier: T9 } }\nlimits: [ { per: agent } ]\n", "--json")
        self.assertEqual(done.returncode, 2)
        self.assertEqual([(e["line"], e["column"]) for e in json.loads(done.stdout)["errors"]], [(4, 27), (5, 11)])

    def test_files_that_others_may_change(self):
        def said(name):
            return [(w["problem"], w["hint"]) for w in self.warnings(HEAD + TAIL) if w["file"].endswith(name)]

        self.check(HEAD + TAIL)
        self.assertEqual(said("gatehouse.yaml") + said("gatehouse.lock"), [])
        (self.folder / "gatehouse.lock").chmod(0o666)
        self.assertIn("others may write it (mode 0666)", said("gatehouse.lock")[0][0])
        (self.folder / "gatehouse.yaml").chmod(0o664)
        problem, hint = said("gatehouse.yaml")[0]
        self.assertIn("others may write it (mode 0664)", problem)
        self.assertIn("chmod go-w ", hint)
        self.folder.chmod(0o777)
        self.assertIn("others may write it (mode 0777)", said(self.folder.name)[0][0])
        (self.folder / "state").mkdir(mode=0o755)
        (self.folder / "state").chmod(0o755)
        self.assertIn("others may enter the state folder", said("state")[0][0])

    def test_a_clients_file_that_others_may_read(self):
        text = json.dumps({"mcpServers": {"a": {"command": "/bin/true", "env": {"API_KEY": "a value of some length"}}}})
        self.warnings(text, name="client.json")
        (self.folder / "client.json").chmod(0o644)
        self.assertTrue(any("others may read the secrets in it" in w["problem"] for w in self.warnings(text, name="client.json")))
        (self.folder / "client.json").chmod(0o600)
        self.assertFalse(any("others may read the secrets in it" in w["problem"] for w in self.warnings(text, name="client.json")))

    def test_a_lock_of_another_time(self):
        (self.folder / "gatehouse.lock").write_text(LOCK.replace("      files:", "      old: { tools: {} }\n      files:"))
        stale = [w for w in self.warnings(HEAD + TAIL) if w["file"].endswith("gatehouse.lock")]
        self.assertEqual([(w["line"], w["problem"]) for w in stale], [(5, "server `old` is not configured any more")])

    def test_what_is_wrong_in_the_lock_is_said_of_the_lock(self):
        (self.folder / "gatehouse.lock").write_text(
            LOCK.replace("    tools: {}\n", "    tools:\n      files.write_file: { tier: T1, scope: { /path: { pattern: \"(\" } } }\n"))
        done = self.check(HEAD)
        self.assertEqual(done.returncode, 2)
        self.assertIn("gatehouse.lock:8:", done.stderr)


if __name__ == "__main__":
    unittest.main()
