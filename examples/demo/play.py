"""Plays an agent with the official SDK, a person at a second terminal, and shows what Gatehouse says.

    scripts/demo                  play it; exit 1 when a step does not do what it says
    scripts/demo --config FILE    the same under another configuration, to see what that changes
"""
import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import string
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from mcp import Client, MCPError
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))
from harness import PASSPHRASE, Gateway  # noqa: E402

PERSON = "ana"
WAIT = 30.0
MAIL = "1  from bob@example.org  lunch on Friday?\n"


class StepFailed(Exception):
    """A step did not do what it says."""


def check(holds, what):
    if not holds:
        raise StepFailed(what)


class Page:
    """Plain text with a narrow margin; colour on a terminal only."""

    def __init__(self):
        self.colours = sys.stdout.isatty() and os.environ.get("NO_COLOR") is None
        self.width = min(120, shutil.get_terminal_size((100, 24)).columns)
        self.number = 0

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def title(self, text):
        print("\n" + self.paint("1", text) + "\n" + "=" * len(text))

    def step(self, text):
        self.number += 1
        print("\n" + self.paint("1", f"{self.number}. {text}"))

    def say(self, text):
        print(textwrap.fill(text, self.width, initial_indent="   ", subsequent_indent="   "))

    def lines(self, who, text, code="0", limit=24):
        """What somebody said, as it is, under their name."""
        lines = [line.rstrip() for line in text.strip().splitlines()]
        if len(lines) > limit:
            lines = lines[:limit] + [f"… {len(lines) - limit} more lines"]
        for line in lines:
            for piece in textwrap.wrap(line, self.width - 14, break_on_hyphens=False, drop_whitespace=False) or [""]:
                print(f"   {self.paint(code, f'{who:<8}')} | {piece}")
                who = ""

    def held(self, text):
        print("   " + self.paint("32", "ok: ") + text)

    def failed(self, text):
        print("   " + self.paint("31", "NOT AS IT SAYS: ") + text)


class DemoGateway(Gateway):
    """The demo's two servers and their files, in a folder of their own."""

    def __init__(self, configuration):
        text = configuration.replace("{", "{{").replace("}", "}}")
        text = text.replace("127.0.0.1:8930", "127.0.0.1:{port}").replace("../../.venv", "{venv}")
        super().__init__(text, accept=["files", "office"], tokens=("agent",))
        letters = random.SystemRandom()
        self.cloud_key = "AKIA" + "".join(letters.choices(string.ascii_uppercase + "234567", k=16))
        self.office_key = "".join(letters.choices(string.ascii_letters + string.digits, k=32))
        for name in ("mail", "release", "server"):
            (self.folder / name).mkdir()
        shutil.copy(HERE / "office.py", self.folder / "server")
        (self.folder / "release/version").write_text("1\n")
        self.inbox = self.folder / "mail/inbox"
        self.inbox.write_text(MAIL)
        for path, mode in (("docs", 0o777), ("mail", 0o777), ("mail/inbox", 0o666)):
            os.chmod(self.folder / path, mode)  # as root, each server has a uid of its own
        (self.folder / "docs/hello.txt").write_text("Hello from behind the gate.\n")
        (self.folder / "docs/deploy.txt").write_text(f"region = eu-1\naws_access_key_id = {self.cloud_key}\n")
        key = self.folder / "office.key"
        key.write_text(self.office_key + "\n")
        os.chmod(key, 0o600)


class Demo:
    def __init__(self, gateway, page, client):
        self.gateway, self.page, self.client = gateway, page, client

    async def call(self, tool, **arguments):
        """One call by the agent; (did it pass, what the agent got to read)."""
        self.page.lines("agent", f"{tool.replace('__', '.')} {json.dumps(arguments)}", "36")
        try:
            result = await self.client.call_tool(tool, arguments)
        except MCPError as error:
            passed, text = False, str(error)
        else:
            passed, text = not result.is_error, "\n".join(b.text for b in result.content if b.type == "text")
        self.page.lines("gate", text, "33")
        return passed, text

    async def names(self):
        return {tool.name for tool in (await self.client.list_tools()).tools}

    async def terminal(self, *command):
        """A person runs a command on a terminal of their own and gives their passphrase."""
        status, output = await asyncio.to_thread(
            self.gateway.ask, [*command, "--approver", PERSON], [(f"passphrase of {PERSON}", PASSPHRASE)])
        self.page.lines(PERSON, f"$ gatehouse {' '.join(command)} --approver {PERSON}\n{output}", "35", limit=40)
        return status

    def shell(self, *command):
        done = self.gateway.run(*command)
        self.page.lines("shell", f"$ gatehouse {' '.join(command)}\n{done.stdout}{done.stderr}", "35")
        return done

    def shorten_questions(self):
        file, gateway = self.gateway.folder / "gatehouse.yaml", self.gateway
        text = file.read_text()
        short = text.replace("{ hold: 50s, expiry: 60s }", "{ hold: 8s, expiry: 8s }")
        check(short != text, "the configuration says something else of approvals")
        file.write_text(short)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_for(lambda: f"reloaded {file}" in gateway.log_text())

    # The story

    async def read(self):
        """A read passes."""
        self.page.say("The tool is T0: it only reads. Nobody has to say anything. The result comes back between "
                      "marks, for nobody vouches for what stands in a file.")
        passed, text = await self.call("files__read_file", path="/data/docs/hello.txt")
        check(passed and "Hello from behind the gate" in text, "the read did not bring the file")
        check("[UNTRUSTED_EXTERNAL_DATA" in text, "the result came back without marks")
        return "allowed, and marked as what a stranger wrote"

    async def scoped_write(self):
        """A write inside its scope passes."""
        self.page.say("write_file is T1, with a scope that a person wrote down: /data/out/**.")
        passed, text = await self.call("files__write_file", path="/data/out/note.txt", content="kept")
        check(passed, f"the write was not let through: {text}")
        check((self.gateway.folder / "out/note.txt").read_text() == "kept", "the file is not there")
        return "allowed; the file is there"

    async def asked_write(self):
        """A write outside its scope asks, and a person says yes."""
        self.page.say("The same tool, another folder. The call is held while a person is asked, who sees the exact "
                      "arguments at a second terminal. The agent has no way to answer: deciding takes a passphrase "
                      "that it does not have.")
        file = self.gateway.folder / "docs/plan.txt"
        held = asyncio.create_task(self.call("files__write_file", path="/data/docs/plan.txt", content="step one"))
        question = await asyncio.to_thread(self.gateway.wait_for_question)
        check(not file.exists(), "the file was written before anybody answered")
        status = await self.terminal("approvals", "approve", question["ticket"])
        passed, text = await held
        check(status == 0, "the approval did not go through")
        check(passed and file.read_text() == "step one", f"the approved write did not happen: {text}")
        return "held, shown, approved, sent; a yes covers this one call"

    async def destructive(self):
        """A destructive call that nobody answers is a no."""
        self.page.say("empty_mailbox is T2. Nobody is at the terminal. So that nobody watches a clock, the "
                      "configuration now lets questions expire after 8 seconds, and the gateway has read it again.")
        self.shorten_questions()
        began = time.monotonic()
        passed, text = await self.call("office__empty_mailbox", mailbox="inbox")
        waited = time.monotonic() - began
        check(not passed, "the call passed although nobody said yes")
        check("nobody answered" in text or "expired" in text, f"it was refused for another reason: {text}")
        check(waited > 5, f"it did not wait for a person: {waited:.1f} s")
        return f"refused after {waited:.0f} s; silence is a no"

    async def drift(self):
        """A tool that changed after it was accepted is hidden."""
        self.page.say("The office ships an update. From now on the description of send_mail tells every model to "
                      "copy all mail to a stranger. The server says that its tools changed; the gate compares each "
                      "with what a person accepted.")
        check("office__send_mail" in await self.names(), "send_mail is not offered to begin with")
        passed, _ = await self.call("office__send_mail", to="bob@example.org", text="see you")
        check(passed, "send_mail does not work to begin with")
        (self.gateway.folder / "release/version").write_text("2\n")
        await self.call("office__list_mails", mailbox="inbox")
        deadline = time.monotonic() + WAIT
        while "office__send_mail" in (names := await self.names()):
            check(time.monotonic() < deadline, "the changed tool is still offered")
            await asyncio.sleep(0.1)
        check("office__list_mails" in names, "tools that did not change went with it")
        passed, text = await self.call("office__send_mail", to="bob@example.org", text="see you")
        check(not passed, "the changed tool still works")
        shown = self.shell("tools", "list").stdout
        line = next((line for line in shown.splitlines() if "office.send_mail" in line), "")
        check("hidden" in line, "the listing does not show it as hidden")
        return "hidden alone, until a person looks at it"

    async def redaction(self):
        """A secret in a result does not reach the model."""
        self.page.say("A file with a cloud key in it, and a server that prints the key it was started with. The "
                      "first is known by its shape, the second because the gate handed it out itself.")
        _, file = await self.call("files__read_file", path="/data/docs/deploy.txt")
        _, settings = await self.call("office__diagnose", verbose=True)
        check("region = eu-1" in file and "mailboxes: 1" in settings, "the rest of the results is missing")
        log = self.gateway.run("audit", "export").stdout
        for key in (self.gateway.cloud_key, self.gateway.office_key):
            check(key not in file + settings, "a key reached the agent")
            check(key not in log, "a key stands in the log")
        check("[REDACTED:" in file and "[REDACTED:" in settings, "nothing says that something was taken out")
        return "taken out, by shape and by value; the log does not have them either"

    async def evidence(self):
        """All of it is in the log, and the log can be checked by somebody else."""
        self.gateway.stop()
        self.page.say("The gateway is stopped. Its log is read by its own verifier, then by a second one in another "
                      "language that shares no code with it.")
        check(self.shell("audit", "verify").returncode == 0, "the log does not verify")
        key = self.gateway.run("audit", "key").stdout.strip()
        script = subprocess.run(
            ["/usr/bin/python3", str(ROOT / "scripts/verify-log.py"), "--key", key, str(self.gateway.folder / "state/log.db")],
            capture_output=True, text=True, timeout=120)
        self.page.lines("shell", f"$ scripts/verify-log.py --key {key} log.db\n{script.stdout}{script.stderr}", "35")
        check(script.returncode == 0, "the second verifier finds fault")
        records = [json.loads(line) for line in self.gateway.run("audit", "export").stdout.split("\n") if line]
        asked = [r for r in records if r["kind"] == "proposed" and r["tool"] == "write_file"]
        check(len(asked) == 1, f"the log has {len(asked)} questions about write_file, not one")
        intents = [r["tool"] for r in records if r["kind"] == "intent"]
        check("empty_mailbox" not in intents, "the log says that the mailbox was emptied")
        check(self.gateway.inbox.read_text() == MAIL, "the mailbox was emptied")
        return f"{len(records)} records hold, {len(intents)} calls were sent and the mailbox still stands"


async def play(configuration, page):
    failures = 0
    with DemoGateway(configuration) as gateway:
        page.say(f"It listens on {gateway.url()}; {PERSON} accepted the tools of both servers, and the "
                 "agent got a token.")
        async with contextlib.AsyncExitStack() as stack:
            headers = {"Authorization": f"Bearer {gateway.secrets['agent']}"}
            http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            client = await stack.enter_async_context(Client(streamable_http_client(gateway.url(), http_client=http)))
            demo = Demo(gateway, page, client)
            for step in (demo.read, demo.scoped_write, demo.asked_write, demo.destructive, demo.drift, demo.redaction):
                failures += await run(step, page)
        failures += await run(demo.evidence, page)
    return page.number, failures


async def run(step, page):
    page.step(step.__doc__)
    try:
        page.held(await asyncio.wait_for(step(), 2 * WAIT))
        return 0
    except (StepFailed, RuntimeError, OSError, asyncio.TimeoutError) as problem:
        page.failed(str(problem) or "it took too long")
        return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "gatehouse.yaml", metavar="FILE")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    page, began = Page(), time.monotonic()
    page.title("Gatehouse: an agent, two tool servers, a person, and a gate between them")
    page.say("A gateway starts in a folder of its own.")
    try:
        steps, failures = asyncio.run(play(options.config.read_text(), page))
    except RuntimeError as problem:
        page.failed(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{steps - failures} of {steps} steps did what they say, in {time.monotonic() - began:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
