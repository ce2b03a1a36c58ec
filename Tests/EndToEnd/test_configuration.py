"""The configuration: every kind of error with its place, the published schema, and reload as a whole."""
import contextlib
import copy
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import jsonschema
import yaml

from harness import BINARY, ROOT, WORKSHOP
from test_approvals import Shop, text_of

SCHEMA = ROOT / "docs/configuration.schema.json"

# Each line: what is wrong, the text, and the line and column where it is said to be.
ERRORS = [
    ("unknown key `serverz`", "gatehouse: 1\nserverz: {}\n", (2, 10)),
    ("unknown key `comand`", "gatehouse: 1\nservers:\n  a:\n    comand: [x]\n", (4, 13)),
    ("unknown key `teir`", "gatehouse: 1\nservers: { a: { command: [/bin/true] } }\ntools:\n  a.b: { teir: T0 }\n", (4, 16)),
    ("is given twice", "gatehouse: 1\nenvironment: a\nenvironment: b\n", (3, 1)),
    ("nothing is interpolated", "gatehouse: 1\nenvironment: ${HOME}\n", (2, 14)),
    ("nothing is interpolated", '{"mcpServers": { "a": { "command": "/bin/true",\n  "env": { "KEY": "${input:key}" } } } }', (2, 19)),
    ("anchors and aliases are not read", "gatehouse: 1\nservers: &x {}\n", (2, 10)),
    ("tags are not read", "gatehouse: !int 1\n", (1, 12)),
    ("merge keys are not read", "gatehouse: 1\nservers: { <<: {} }\n", (2, 12)),
    ("means different things to YAML readers", "gatehouse: 1\nself_approval: yes\n", (2, 16)),
    ("may be read as a number", "gatehouse: 1\nenvironment: 0o17\n", (2, 14)),
    ("one document per file", "gatehouse: 1\n---\ngatehouse: 1\n", (2, 1)),
    ("must be a mapping", "gatehouse: 1\nservers: [a]\n", (2, 10)),
    ("must be an integer from 1 to 1", "gatehouse: 2\n", (1, 12)),
    ("the key `gatehouse` is missing", "environment: a\n", (1, 1)),
    ("is not available", "gatehouse: 1\nservers: { a: { command: [/bin/true] } }\ntools:\n  a.b: { tier: T2, ask: unless-grounded }\n", (4, 25)),
    ("secret `none` is not defined", "gatehouse: 1\nservers:\n  a: { url: https://x.example/mcp, credential: none }\n", (3, 48)),
    ("no server", "gatehouse: 1\ntools:\n  ghost.b: { tier: T0 }\n", (3, 12)),
    ("must be a time such as", "gatehouse: 1\napprovals: { hold: 50 seconds }\n", (2, 20)),
    ("must not be longer than `expiry`", "gatehouse: 1\napprovals: { hold: 60s, expiry: 30s }\n", (2, 20)),
    ("no number is at least", "gatehouse: 1\nservers: { a: { command: [/bin/true] } }\nrules:\n  - name: n\n    tools: [a.b]\n"
     "    args: { /x: { min: 2, max: 1 } }\n    then: ask\n", (6, 17)),
    ("must be an integer from 1 to 100000", "gatehouse: 1\nlisten: { connections: 0 }\n", (2, 24)),
    ("must name exact tools", "gatehouse: 1\nservers: { a: { command: [/bin/true] } }\nrules:\n  - name: n\n    tools: [a.*]\n"
     "    args: { /x: { equals: 1 } }\n    then: allow\n", (5, 13)),
    ("limits nothing", "gatehouse: 1\nlimits:\n  - { per: agent }\n", (3, 5)),
    ("is not a folder inside the cage", "gatehouse: 1\nservers:\n  a: { command: [/bin/true], cage: { read: { data: . } } }\n", (3, 52)),
    ("unknown layer `wall`", "gatehouse: 1\nservers:\n  a: { command: [/bin/true], cage: { minimum: [wall] } }\n", (3, 48)),
    ("`main` is the tenant of everything outside", "gatehouse: 1\ntenants:\n  main: {}\n", (3, 9)),
    ("has no TLS", "gatehouse: 1\nlisten: { mcp: \"192.0.2.1:80\" }\n", (2, 16)),
    ("did not find expected", "gatehouse: 1\nservers: { a: [ }\n", (2, 17)),
    ("two servers are named `my-server`", '{"mcpServers": {\n  "My Server": {"command": "/bin/true"},\n  "my_server": {"command": "/bin/true"}}}', (3, 16)),
    ("key", '{"gatehouse": 1,\n "environment": "a", "environment": "b"}', (2, None)),
]

# A configuration with every key, and what each change of it makes of schema and reader.
WHOLE = yaml.safe_load("""
gatehouse: 1
environment: staging
listen:
  mcp: 127.0.0.1:8930
  control: 127.0.0.1:8931
  control_from: [127.0.0.1]
  connections: 20000
  hosts: [gate.example]
  origins: ["https://gate.example"]
  open: false
  tls: { terminated_by: [127.0.0.1] }
servers:
  files:
    command: [/bin/true, x]
    env: { HOME: /home/mcp, KEY: { secret: token, expose: true } }
    folder: /home/mcp
    cage: { read: { /data/docs: ./docs }, write: { /data/out: ./out }, network: none, tmp: 64, minimum: [namespaces, seccomp] }
    root: /data
    call_timeout: 10s
    start_timeout: 10s
    idle_timeout: 1h
    revision: "2025-11-25"
  bare: { command: [/bin/true], cage: none }
  far: { url: "https://far.example/mcp", credential: token, ca: ./ca.pem, call_timeout: 1min }
secrets: { token: { file: ./token }, other: { env: OTHER } }
approvals: { hold: 1s, expiry: 1min, self_approval: false }
audit: { checkpoints: ./checkpoints, result_bytes: 100, bytes_per_day: 1048576, retention: { age: 30d, bytes: 1048576 } }
tools:
  files.write: { tier: T1, scope: { /path: { glob: "/data/out/**" } }, open: true, result: own, undo: easy }
  far.drop: { tier: T2, ask: always, result: directory }
rules:
  - name: a rule
    tools: [far.drop]
    args:
      /a: { equals: acme }
      /b: { one_of: [1, two, true, null] }
      /c: { host: "*.example.com" }
      /d: { pattern: "a+", maxLength: 10 }
      /e: { min: 1, max: 2.5 }
      /f: { absent: true }
      /g: { any_of: [ { equals: 1 }, { glob: "x/*" } ] }
    then: allow
    why: because
  - { name: another, tools: ["*.*"], args: { /x: { equals: 1 } }, then: refuse }
limits:
  - { per: agent, calls: 600/min }
  - { per: tenant+tool, tools: ["far.*"], args: { /q: { equals: 1 } }, identical: 5/h, concurrent: 2 }
deny_paths: ["*.pem", "secrets/"]
tenants:
  acme:
    servers: { theirs: { command: [/bin/true] } }
    tools: { theirs.read: { tier: T0 } }
    rules: [ { name: theirs, tools: [theirs.read], args: { /z: { equals: 1 } }, then: ask } ]
    limits: [ { per: tenant, concurrent: 5 } ]
    deny_paths: [private/]
""")
DROP = object()
# path, new value; True where both must take it, False where both must refuse it.
CHANGES = [
    ("environment", "a_b-c1", True), ("environment", "A", False), ("environment", "a__b", False), ("environment", "a_", False),
    ("environment", "-a", False), ("environment", "a" * 64, True), ("environment", "a" * 65, False), ("environment", 1, False),
    ("gatehouse", 2, False), ("gatehouse", DROP, False), ("extra", 1, False), ("servers", [], False), ("servers", DROP, None),
    ("listen/mcp", "none", True), ("listen/mcp", "[::1]:80", True), ("listen/mcp", "localhost:80", False), ("listen/mcp", 8930, False),
    ("listen/open", True, True), ("listen/open", "true", False), ("listen/hosts", "gate", False), ("listen/extra", 1, False),
    ("listen/http2", True, True), ("listen/http2", "yes", False), ("servers/far/http2", False, True),
    ("servers/far/http2", 1, False), ("servers/files/http2", True, False),
    ("listen/tls", {"terminated_by": ["proxy"]}, False), ("listen/tls", {"certificate": "x"}, False),
    ("listen/tls", {"certificate": "x", "key": "y"}, True), ("listen/tls", {"key": "y"}, False), ("listen/tls", {}, False),
    ("listen/tls", {"certificates": [{"certificate": "x", "key": "y"}]}, True), ("listen/tls", {"certificates": []}, False),
    ("listen/tls", {"certificates": [{"certificate": "x"}]}, False),
    ("listen/tls", {"certificate": "x", "key": "y", "clients": {"ca": "z", "required": True}}, True),
    ("listen/tls", {"certificate": "x", "key": "y", "clients": {"required": True}}, False),
    ("listen/tls", {"terminated_by": ["127.0.0.1"], "clients": {"ca": "z"}}, False), ("listen/tls", {"clients": {"ca": "z"}}, False),
    ("listen/allow_from", ["10.0.0.0/8"], True), ("listen/allow_from", ["10.0.0.1/8"], None), ("listen/allow_from", "10.0.0.1", False),
    ("listen/tls", {"certificate": "x", "key": "y", "terminated_by": ["127.0.0.1"]}, False),
    ("listen/tls", {"certificate": "x", "key": "y", "certificates": [{"certificate": "x", "key": "y"}]}, False),
    ("servers/files/command", [], False), ("servers/files/command", [""], False), ("servers/files/command", "x", False),
    ("servers/files/command", DROP, False), ("servers/files/url", "https://x.example", False), ("servers/Files", {"command": ["x"]}, False),
    ("servers/files/env", {"A-B": "x"}, False), ("servers/files/env", {"A": 1}, False), ("servers/files/env", {"A": {"secret": "token", "expose": True}}, True),
    ("servers/files/cage", "open", False), ("servers/files/cage", {}, True), ("servers/files/cage/network", "all", False),
    ("servers/files/cage/code", ["/opt/tools"], True), ("servers/files/cage/code", "/opt/tools", False),
    ("servers/files/cage/code", [1], False),
    ("servers/files/cage/tmp", 0, False), ("servers/files/cage/tmp", 16384, True), ("servers/files/cage/tmp", 16385, False),
    ("servers/files/cage/read", {"data": "."}, False), ("servers/files/cage/read", {"/a//b": "."}, False),
    ("servers/files/cage/hide", ["private/", "*.draft"], True), ("servers/files/cage/hide", "private/", False),
    ("servers/files/cage/hide", ["!private/"], False), ("servers/files/cage/hide", [""], False),
    ("servers/files/cage/minimum", ["landlock"], True), ("servers/files/cage/minimum", ["moat"], False),
    ("servers/files/root", "data", False), ("servers/files/call_timeout", 10, False), ("servers/files/call_timeout", "10m", False),
    ("servers/files/revision", "2025-01-01", False), ("servers/far/env", {}, False), ("servers/far/credential", 1, False),
    ("secrets/token", {}, False), ("secrets/token", {"file": "a", "env": "B"}, False), ("secrets/token", "plain", False),
    ("approvals/hold", "0s", True), ("approvals/hold", 50, False), ("approvals/self_approval", "no", False),
    ("audit/result_bytes", -1, False), ("audit/result_bytes", 65536, True), ("audit/result_bytes", 65537, False),
    ("audit/retention/age", "1d", True), ("audit/retention/bytes", 1048575, False), ("audit/retention", {}, False),
    ("audit/retention", {"bytes_after": "0s"}, False), ("audit/retention/bytes_after", "0s", True), ("audit/retention/bytes_after", "1w", False),
    ("audit/bytes_per_day", 1048575, False), ("audit/checkpoints", ["x"] * 8, True),
    ("audit/checkpoints", ["x"] * 9, False), ("audit/checkpoints", [1], False), ("audit/checkpoints", 1, False),
    ("tools/files.write/tier", "T4", False), ("tools/files.write/tier", DROP, False), ("tools/files.write/tier", "T2", False),
    ("tools/files.write/scope", {}, False), ("tools/files.write/scope", {"path": {"glob": "x"}}, False),
    ("tools/files.write/result", "mine", False), ("tools/files.write/undo", "maybe", False), ("tools/files.write/risk", 1, False),
    ("tools/far.drop/ask", "unless-grounded", False), ("tools/nodot", {"tier": "T0"}, False),
    ("rules/0/then", "permit", False), ("rules/0/name", DROP, False), ("rules/0/name", "two\nlines", False), ("rules/0/name", "x" * 121, False),
    ("rules/0/tools", [], False), ("rules/0/tools", ["far.*"], False), ("rules/0/args", DROP, False), ("rules/0/args", {}, False),
    ("rules/0/args/~1a", {}, False), ("rules/0/args/~1a", {"equals": [1]}, False), ("rules/0/args/~1a", {"like": "x"}, False),
    ("rules/0/args/~1f", {"absent": False}, False), ("rules/0/args/~1g", {"any_of": []}, False),
    ("rules/0/args/~1g", {"any_of": [{"any_of": [{"equals": 1}]}]}, False), ("rules/0/args/~1d", {"maxLength": -1}, False),
    ("rules/1/tools", ["*"], True), ("rules/1/tools", ["nodot"], False), ("rules/1/tools", ["a.[b]"], False),
    ("limits/0/per", "person", False), ("limits/0/calls", "600/m", False), ("limits/0/calls", "0/s", False), ("limits/0/calls", DROP, False),
    ("limits/1/concurrent", 0, False), ("limits/1/concurrent", 100001, False), ("limits/1/concurrent", 1.5, False),
    ("deny_paths", ["!x"], False), ("deny_paths", [""], False), ("deny_paths", "x", False), ("deny_paths", [], True),
    ("tenants/main", {}, False), ("tenants/acme/secrets", {}, False), ("tenants/acme/listen", {}, False), ("tenants/acme", {}, True),
]


def using(**keys):
    """A server with one secret bound as these keys say."""
    return {"command": ["/bin/true"], "cage": {"network": {"allow": ["a.example.com"]}},
            "secrets": [{"secret": "token", "host": "a.example.com", **keys}]}


CHANGES += [("servers/user", using(**keys), taken) for keys, taken in [
    ({}, True), ({"in": "header", "header": "x-key"}, True), ({"in": "query", "name": "key"}, True),
    ({"in": "body", "name": "/a~1b/0", "value": "v1 {secret}"}, True), ({"in": "query"}, False), ({"in": "cookie", "name": "k"}, False),
    ({"in": "query", "name": ""}, False), ({"in": "query", "name": "k" * 257}, False), ({"in": "body", "name": "k", "basic": "git"}, False),
    ({"in": "body", "name": "k", "header": "x-key"}, False), ({"name": "key"}, False), ({"in": "header", "name": "key"}, False),
    ({"in": "body", "name": "k", "value": "secret"}, False),
]]
# Mappings that take known keys only, and words of closed lists; each kind once.
CLOSED = [
    "", "listen", "listen/tls", "servers/files", "servers/far", "servers/files/env/KEY", "servers/files/cage", "secrets/token", "approvals",
    "audit", "tools/files.write", "rules/0", "rules/0/args/~1a", "limits/0", "tenants/acme",
]
WORDS = [
    "servers/files/cage/network", "servers/files/cage/minimum/0", "servers/files/revision", "tools/files.write/tier", "tools/files.write/result",
    "tools/files.write/undo", "tools/far.drop/ask", "rules/0/then", "limits/0/per",
]
# What only the reader can know: names that lead nowhere, ranges of times, rules without effect.
READER_ALONE = [
    ("servers/far/credential", "ghost"), ("tools/ghost.x", {"tier": "T0"}), ("approvals/hold", "11min"), ("servers/files/call_timeout", "1ms"),
    ("listen/mcp", "192.0.2.1:80000"), ("rules/0/args/~1e", {"min": 2, "max": 1}), ("rules/0/args/~1d", {"pattern": "("}),
    ("rules/1/then", "allow"), ("self_approval", True), ("servers/far/url", "http://far.example/mcp"), ("listen/origins", ["gate.example"]),
    ("servers/files/cage/write", {"/data/docs/out": "./out"}), ("tools/files.write/tier", "T0"),
]


def changed(path, value):
    document = copy.deepcopy(WHOLE)
    *parents, last = [part.replace("~1", "/") for part in path.split("/")]
    place = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if isinstance(place, list):
        last = int(last)
    if value is DROP:
        del place[last]
    else:
        place[last] = value
    return document


class Reading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="gatehouse-e2e-")))
        cls.validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))

    def check(self, text, name="gatehouse.yaml"):
        (self.folder / name).write_text(text)
        done = subprocess.run([BINARY, "check", "--offline", "--config", name], cwd=self.folder, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stderr

    def test_every_kind_of_error_has_its_line_and_column(self):
        for words, text, (line, column) in ERRORS:
            with self.subTest(words, text=text):
                status, output = self.check(text)
                self.assertEqual(status, 2, output)
                self.assertIn(words, output)
                place = f"gatehouse.yaml:{line}:" + (f"{column}:" if column else "")
                self.assertIn(place, output)

    def test_the_schema_is_one_and_the_binary_prints_it(self):
        jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))
        printed = subprocess.run([BINARY, "check", "--schema"], capture_output=True, text=True, timeout=30).stdout
        self.assertEqual(printed, SCHEMA.read_text())

    def test_schema_and_reader_take_and_refuse_the_same(self):
        self.assertEqual(list(self.validator.iter_errors(WHOLE)), [])
        status, output = self.check(json.dumps(WHOLE))
        self.assertEqual(status, 0, output)
        self.assertEqual(self.check(yaml.safe_dump(WHOLE))[0], 0)
        for path, value, expected in CHANGES:
            if expected is None:
                continue
            with self.subTest(path, value="dropped" if value is DROP else value):
                document = changed(path, value)
                errors = [e.message for e in self.validator.iter_errors(document)]
                self.assertEqual(not errors, expected, errors)
                status, output = self.check(json.dumps(document))
                self.assertEqual(status == 0, expected, output)

    def schema_says(self, document, keyword):
        """What the schema knows where it refuses `zzz`."""
        waiting, found = list(self.validator.iter_errors(document)), []
        while waiting:
            error = waiting.pop()
            waiting += error.context
            if error.validator == keyword and "zzz" in json.dumps(error.instance):
                found.append(set(error.schema["properties"] if keyword == "additionalProperties" else error.schema["enum"]))
        return found

    def reader_says(self, document):
        status, output = self.check(json.dumps(document))
        self.assertEqual(status, 2)
        self.assertIn("`zzz`", output)
        return set(re.search(r"(?:known here|use one of):? (.*)", output)[1].split(", "))

    def test_schema_and_reader_know_the_same_keys_and_words(self):
        for path in CLOSED:
            with self.subTest(path):
                document = changed(f"{path}/zzz" if path else "zzz", 1)
                self.assertIn(self.reader_says(document), self.schema_says(document, "additionalProperties"))
        for path in WORDS:
            with self.subTest(path):
                document = changed(path, "zzz")
                # This word has a meaning of its own in the reader: it is refused as not available yet.
                self.assertIn(self.reader_says(document) - {"unless-grounded"}, self.schema_says(document, "enum"))

    def test_every_example_and_every_text_of_the_manual_is_taken_by_both(self):
        # The benchmark's file is written out with ports.
        texts = {str(f.relative_to(ROOT)): re.sub("@[A-Z_]+@", "8930", f.read_text()) for folder in ("examples", "Benchmarks/gateway/configs")
                 for f in (ROOT / folder).rglob("*.yaml") if f.read_text().find("\ngatehouse: 1") >= 0}
        for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
            for number, (kind, block) in enumerate(re.findall(r"```(yaml|json)\n(.*?)```", file.read_text(), re.DOTALL)):
                if re.search(r"^gatehouse: 1|\"mcpServers\"", block, re.MULTILINE):
                    texts[f"{file.relative_to(ROOT)} {number} {kind}"] = block
        self.assertGreaterEqual(len(texts), 5)
        for name, text in texts.items():
            with self.subTest(name):
                self.assertEqual(list(self.validator.iter_errors(yaml.safe_load(text))), [])
                status, output = self.check(text)
                self.assertEqual(status, 0, output)

    def test_what_the_schema_lets_through_the_reader_still_refuses(self):
        for path, value in READER_ALONE:
            with self.subTest(path, value=value):
                self.assertEqual(self.check(json.dumps(changed(path, value)))[0], 2)

    def test_a_clients_file_is_taken_as_it_is(self):
        document = {"mcpServers": {
            "My Files": {"command": "/bin/true", "args": ["-x"], "env": {"API_KEY": "value"}, "type": "stdio"},
            "far": {"url": "https://far.example/mcp", "headers": {"Authorization": "Bearer secret-value"}}}, "other": 1}
        self.assertEqual(list(self.validator.iter_errors(document)), [])
        status, output = self.check(json.dumps(document), "client.json")
        self.assertEqual(status, 0, output)
        for wrong in ({"args": []}, {"url": "https://x.example", "headers": {"X-Key": "v"}}):
            document = {"mcpServers": {"a": wrong}}
            self.assertNotEqual(list(self.validator.iter_errors(document)), [])
            self.assertEqual(self.check(json.dumps(document), "client.json")[0], 2)


class Reloading(unittest.TestCase):
    def test_a_reload_takes_all_or_nothing(self):
        quick = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 200ms, expiry: 60s")
        with Shop(quick, accept=["shop"]) as shop:
            ticket = shop.ticket(shop.destroy("waits"))
            before = json.loads(shop.run("policy", "--json").stdout)["digest"]
            file = shop.folder / "gatehouse.yaml"
            kept = file.read_text()
            # The first half tightens, the second does not check: nothing of it holds.
            file.write_text(kept.replace("shop.peek: { tier: T0 }", "shop.peek: { tier: T3 }") + "rules: [ { name: broken } ]\n")
            shop.process.send_signal(signal.SIGHUP)
            shop.wait_for(lambda: "not reloaded" in shop.log())
            self.assertRegex(shop.log(), r"gatehouse\.yaml:\d+:\d+")
            self.assertFalse(shop.call("peek", {"key": "x"}).get("isError", False))
            self.assertEqual(json.loads(shop.run("policy", "--json").stdout)["digest"], before)
            self.assertEqual([(q["ticket"], q["revision"]) for q in shop.waiting()], [(ticket, 1)])
            # Without the broken half it holds at once, for what waits too.
            file.write_text(kept)
            shop.reload("shop.peek: { tier: T0 }", "shop.peek: { tier: T3 }")
            self.assertTrue(shop.call("peek", {"key": "x"})["isError"])
            shop.reload("shop.destroy: { tier: T2 }", "shop.destroy: { tier: T3 }")
            waiting = {q["ticket"]: (q["tier"], q["revision"]) for q in shop.waiting()}
            self.assertEqual(waiting[ticket], ("T3", 2))
            self.assertNotEqual(json.loads(shop.run("policy", "--json").stdout)["digest"], before)

    def test_signals_during_a_reload_lead_to_one_more(self):
        with tempfile.TemporaryDirectory(prefix="gatehouse-e2e-") as folder:
            # A source that says when it is read, and, while `hold` is there, waits to be let go.
            runs, hold, gate, program = (Path(folder) / name for name in ("runs", "hold", "gate", "program"))
            os.mkfifo(gate)
            program.write_text(f"#!/bin/sh\necho >> {runs}\n[ ! -e {hold} ] || read line < {gate}\necho a-value-of-sixteen\n")
            program.chmod(0o700)
            with Shop(WORKSHOP + f"secrets: {{{{ slow: {{{{ command: [{program}] }}}} }}}}\n") as shop:
                def count():
                    return len(runs.read_text()), shop.log_text().count("reloaded ")

                def let_go():
                    found = []

                    def is_read():
                        with contextlib.suppress(OSError):
                            found.append(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
                        return found
                    shop.wait_for(is_read)
                    os.write(found[0], b"\n")
                    os.close(found[0])

                hold.touch()
                first, said = count()
                shop.process.send_signal(signal.SIGHUP)
                shop.wait_for(lambda: count()[0] == first + 1)
                shop.process.send_signal(signal.SIGHUP)
                shop.wait_for(lambda: "one more follows it" in shop.log_text())
                for _ in range(5):
                    shop.process.send_signal(signal.SIGHUP)
                self.assertEqual(shop.log_text().count("one more follows it"), 1)
                self.assertEqual(count(), (first + 1, said))
                let_go()
                shop.wait_for(lambda: count() == (first + 2, said + 1))
                let_go()
                shop.wait_for(lambda: count()[1] == said + 2)
                # Nothing was left over: the next one is the next.
                hold.unlink()
                shop.process.send_signal(signal.SIGHUP)
                shop.wait_for(lambda: count()[1] == said + 3)
                self.assertEqual(count()[0], first + 3)


if __name__ == "__main__":
    unittest.main()
