"""How a gateway is set up: a client's own file, secrets from files and variables, the state folder, the command line."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import agents
from agents import MODERN, HTTPAgent, configuration
from harness import BINARY, ROOT, commands
from test_approvals import Shop, text_of
from upstreams import ProtocolGateway, placed, remote, scripted

SECRET = "a-value-nobody-should-see-71"


class FromAClientsFile(Shop):
    """A gateway over a client's `mcpServers` file and nothing else."""

    def __init__(self, document, **more):
        super().__init__("", **more)
        (self.folder / "gatehouse.yaml").unlink()
        file = self.folder / "client.json"
        file.write_text(json.dumps(document))
        file.chmod(0o600)
        self.command = [BINARY, "up", "--config", "client.json", "--listen", f"127.0.0.1:{self.port}"]

    def ask(self, arguments, answers):
        return super().ask([*arguments, "--config", "client.json"] if arguments[0] == "init" else arguments, answers)


class ClientFile(unittest.TestCase):
    def test_its_servers_run_closed_and_its_values_are_secrets(self):
        script = str(ROOT / "Tests/EndToEnd/servers/workshop.py")
        document = {"theme": "dark", "mcpServers": {
            "Work Shop": {"command": "/usr/bin/python3", "args": [script], "env": {"API_KEY": SECRET, "WORKSHOP_NAMES": '{"peek": "look_up"}'}, "type": "stdio", "alwaysAllow": ["execute"]},
            "off": {"command": "/nowhere", "disabled": True}}}
        with FromAClientsFile(document) as shop:
            shop.wait_for_server("work-shop")
            self.assertIn("given a secret as `API_KEY`: it can leak it", shop.log_text())
            rows = json.loads(shop.run("tools", "approve", "work-shop", "--show", "--json").stdout)
            tiers = {t["tool"]: t["tier"] for t in rows if "tier" in t}
            self.assertEqual((tiers["look_up"], tiers["execute"]), ("T0", "T3"))
            shop.decide("tools", "approve", "work-shop", "look_up")
            self.assertEqual({t["server"] for t in json.loads(shop.run("tools", "list", "--json").stdout)}, {"work-shop"})
            # What the client's file allows always, nobody here allowed.
            self.assertIn("unknown tool", str(shop.call("execute", {"command": ["id"]}, server="work-shop")))
            result = shop.call("look_up", {"key": f"it is {SECRET}."}, server="work-shop")
            self.assertNotIn(SECRET, json.dumps(result))
            self.assertIn("[REDACTED:", text_of(result))
            # Its cage is closed: none of the folders outside are there, and the value is in its own environment alone.
            self.assertNotIn(SECRET, shop.run("audit", "export").stdout + shop.log_text())
            self.assertTrue((shop.folder / "gatehouse.lock").exists())

    def test_one_that_cannot_be_taken_says_where(self):
        with tempfile.TemporaryDirectory(prefix="gatehouse-e2e-") as folder:
            file = Path(folder) / "client.json"
            for wrong, words, line in [
                ('"env": {\n"KEY": "${input:key}"}', "nothing is interpolated", 3),
                ('"env": {\n"LD_PRELOAD": "x"}', "changes what the server runs", 3),
                ('"args":\n "x"', "must be a list", 3),
            ]:
                file.write_text('{"mcpServers": {"a":\n{"command": "/bin/true", ' + wrong + '}}}')
                done = subprocess.run([BINARY, "check", "--config", file], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)
                self.assertIn(f"client.json:{line}:", done.stderr)


class StateFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gatehouse-e2e-")))
        (self.folder / "gatehouse.yaml").write_text('gatehouse: 1\nlisten: { mcp: none }\n')

    def up(self, *options, **variables):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("GATEHOUSE_", "XDG_"))}
        return subprocess.run([BINARY, "up", *options], cwd=self.folder, env={**environment, **variables},
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def test_a_folder_that_others_may_enter_is_refused(self):
        state = self.folder / "state"
        state.mkdir()
        for mode in (0o755, 0o750, 0o701):
            state.chmod(mode)
            done = self.up(GATEHOUSE_STATE=str(state))
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"run `chmod 700 {state}`", done.stderr)
        file = self.folder / "file"
        file.write_text("")
        self.assertEqual(self.up("--state", str(file)).returncode, 2)

    def test_where_it_is(self):
        for variables, words in [
            ({"GATEHOUSE_STATE": "relative/state"}, "must be an absolute path"),
            ({"XDG_STATE_HOME": "relative"}, "must be an absolute path"),
        ]:
            done = self.up(**variables)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
        # The first that is set counts; asking for status shows the place without making it.
        base = {k: v for k, v in os.environ.items() if not k.startswith(("GATEHOUSE_", "XDG_"))}
        for variables, place in [
            ({"XDG_STATE_HOME": "/nowhere/xdg"}, "/nowhere/xdg/gatehouse"),
            ({"XDG_STATE_HOME": "/nowhere/xdg", "GATEHOUSE_STATE": "/nowhere/own"}, "/nowhere/own"),
        ]:
            done = subprocess.run([BINARY, "status"], env={**base, **variables}, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, f"no gateway answers in {place}" in done.stderr), (3, True), done.stderr)

    def test_one_gateway_at_a_time(self):
        with Shop(FLAT) as shop:
            done = subprocess.run([BINARY, "up"], cwd=shop.folder, env=shop.environment, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("lock", done.stderr)
            # The first one goes on.
            self.assertEqual(shop.run("status").returncode, 0)
            self.assertEqual((shop.folder / "state").stat().st_mode & 0o777, 0o700)
            for key in ("signing.key", "sealing.key"):
                self.assertEqual((shop.folder / "state" / key).stat().st_mode & 0o777, 0o600)


FLAT = 'gatehouse: 1\nlisten: {{ mcp: "127.0.0.1:{port}" }}\n'


class Secrets(unittest.TestCase):
    def test_what_cannot_be_read_is_said_with_its_place_and_nothing_starts(self):
        with tempfile.TemporaryDirectory(prefix="gatehouse-e2e-") as folder:
            folder = Path(folder)
            for name, mode in (("open", 0o640), ("empty", 0o600)):
                (folder / name).write_text("" if name == "empty" else "something secret")
                (folder / name).chmod(mode)
            environment = {**os.environ, "GATEHOUSE_STATE": str(folder / "state")}
            for source, words in [("file: ./nowhere", "cannot be read"), ("file: ./open", "may be read by others; chmod 600 it"),
                                  ("file: ./empty", "it is empty"), ("env: GATEHOUSE_TEST_NOWHERE", "is not set")]:
                (folder / "gatehouse.yaml").write_text(f"gatehouse: 1\nlisten: {{ mcp: none }}\nsecrets:\n  key: {{ {source} }}\n")
                done = subprocess.run([BINARY, "up"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)
                self.assertIn("gatehouse.yaml:4:8: secret `key`", done.stderr)


    def test_a_variable_is_the_credential_of_an_upstream_and_stays_unseen(self):
        with scripted.HTTPUpstream(MODERN, "json") as upstream:
            upstream.bearer = SECRET
            gateway = ProtocolGateway(configuration(
                {"far": remote(upstream, credential="key")}, placed("far"), secrets={"key": {"env": "GATEHOUSE_TEST_KEY"}}), accept=["far"])
            gateway.environment["GATEHOUSE_TEST_KEY"] = SECRET
            with gateway:
                agent = HTTPAgent(gateway, MODERN, "far")
                self.assertIn("x", agents.text_of(agent.call("echo", text="x")))
                self.assertTrue(any("Bearer " + SECRET in str(headers) for _, headers, *_ in upstream.requests))
                self.assertNotIn(SECRET, json.dumps(agent.call("echo", text=f"say {SECRET}")))
                self.assertNotIn(SECRET, gateway.run("audit", "export").stdout + gateway.log_text())
                agent.close()


class CommandLine(unittest.TestCase):
    """docs/commands.md and `--help` name the same commands, arguments and options."""

    @staticmethod
    def say(*words):
        return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60)

    def test_the_manual_has_every_command_and_option(self):
        manual = (ROOT / "docs/commands.md").read_text()
        sections = dict(re.findall(r"^### `gatehouse ([^`]*)`\n(.*?)(?=^##|\Z)", manual, re.MULTILINE | re.DOTALL))
        usages, options, summaries = {}, {}, {}
        for usage, body in sections.items():
            name = re.match(r"[a-z-]+(?: [a-z]+)?(?![a-z:])", usage)[0]
            usages[name], summaries[name] = usage, body.strip().splitlines()[0]
            options[name] = {(o, v or None): s for o, v, s in re.findall(r"^\| `(--[a-z-]+)(?: ([^`]+))?` \| (.*) \|$", body, re.MULTILINE)}
        known = commands()
        self.assertEqual(list(usages), list(known))
        for name, summary in known.items():
            with self.subTest(name):
                page = self.say(*name.split(), "--help").stdout
                self.assertEqual(page.splitlines()[0], f"usage: gatehouse {usages[name]}")
                self.assertEqual(summaries[name], summary)
                found = {(o, v or None): s for o, v, s in re.findall(r"^  (--[a-z-]+)(?: (\S+))? {2,}(.*)$", page, re.MULTILINE)}
                common = {k: v for k, v in found.items() if k[0] in ("--state", "--json")}
                self.assertEqual(options[name], {k: v for k, v in found.items() if k not in common})
                self.assertEqual(("--state", "FOLDER") in common, "no `--state`" not in sections[usages[name]])
                self.assertEqual("--json" in str(common), "no `--json`" not in sections[usages[name]])

    def test_every_option_of_another_document_exists(self):
        every = set(re.findall(r"--[a-z-]+", "".join(self.say(*name.split(), "--help").stdout for name in commands())))
        for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
            for line in re.findall(r"gatehouse [a-z]+[^`\n]*", file.read_text()):
                for option in re.findall(r"(?<=\s)--[a-z-]+", line):
                    with self.subTest(file.name, line=line):
                        self.assertIn(option, every | {"--help", "--version"})

    def test_mistyped_words_are_refused_with_what_was_meant(self):
        for words, said, advice in [
            (["chek"], "unknown command `chek`; did you mean `check`?", "`gatehouse --help`"),
            (["approval", "list"], "unknown command `approval`; did you mean `approvals`?", "`gatehouse --help`"),
            (["approvals", "lst"], "unknown command `approvals lst`; did you mean `approvals list`?", "`approvals watch`"),
            (["check", "--confg", "x"], "unknown option `--confg`; did you mean `--config`?", "`gatehouse check --help`"),
            (["check", "--config"], "`--config` needs a value", None),
            (["check", "--config", "a", "--config", "b"], "`--config` is given twice", None),
            (["check", "--strict=yes"], "`--strict` takes no value", None),
        ]:
            with self.subTest(words):
                done = self.say(*words)
                self.assertEqual(done.returncode, 2)
                self.assertIn(said, done.stderr)
                self.assertIn(advice or "", done.stderr)
        group = self.say("approvals", "--help")
        self.assertEqual((group.returncode, "approvals watch" in group.stdout), (0, True))


if __name__ == "__main__":
    unittest.main()
