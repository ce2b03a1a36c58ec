"""The stop button: every command of docs/runbook.md, and that kill and rotate end what is in flight."""
import contextlib
import json
import os
import re
import shlex
import signal
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import BINARY, PASSPHRASE, ROOT, on_terminal
from test_approvals import QUICK, Shop, text_of
from test_control import SECOND


def blocks():
    text = (ROOT / "docs/runbook.md").read_text()
    return [line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


class Runbook(unittest.TestCase):
    def test_every_command_of_the_runbook_does_what_it_says(self):
        with Shop(QUICK, accept=["shop"], tokens=("bot",)) as shop:
            token = json.loads(shop.run("tokens", "list", "--json").stdout)[0]["id"]
            status, output = shop.ask(["approvals", "grant", shop.ticket(shop.destroy("a")), "--vary", "/name", "--approver", "ana"],
                                      [("passphrase of ana", PASSPHRASE)])
            self.assertEqual(status, 0, output)
            grant = output.split("granted: ")[1].split()[0]
            lines = blocks()
            self.assertGreater(len(lines), 15)
            # What a stop ends cannot be taken back afterwards: the grant is revoked first.
            lines.sort(key=lambda line: "grants" not in line)
            for line in lines:
                words = shlex.split(line.replace("TOKEN", token).replace("GRANT", grant))
                self.assertEqual(words[0], "gatehouse", line)
                with self.subTest(line):
                    if "--approver" in words:
                        status, output = shop.ask(words[1:], [("passphrase of ana", PASSPHRASE)])
                    else:
                        run = shop.run(*words[1:])
                        status, output = run.returncode, run.stdout + run.stderr
                    self.assertEqual(status, 0, output)
            self.assertEqual(json.loads(shop.run("lockdown", "--json").stdout), [])
            figures = json.loads(shop.run("approvals", "stats", "--json").stdout)
            agent = next(row for row in figures["agents"] if row["agent"] == "main/bot")
            self.assertEqual((agent["asked"], agent["yes"], agent["no"]), (1, 1, 0))
            self.assertEqual(figures["causes"][0]["cause"], "tier T2")
            self.assertEqual(figures["grants"]["live"], 0)
            self.assertIn("agent main/bot: asked 1", shop.run("approvals", "stats").stdout)


class FirstApprover(unittest.TestCase):
    def test_up_on_a_terminal_asks_who_decides_before_anything_listens(self):
        shop = Shop(QUICK)
        pid, terminal = on_terminal([BINARY, "up"], shop.environment, shop.folder)
        try:
            output, answers = b"", [(b"first approver", b"ana"), (b"new passphrase", PASSPHRASE.encode()), (b"once more", PASSPHRASE.encode())]
            while b"state folder:" not in output:
                output += os.read(terminal, 4096)
                if answers and answers[0][0] in output:
                    os.write(terminal, answers.pop(0)[1] + b"\n")
            self.assertEqual(answers, [])
            self.assertIn("ana  admin,approver", shop.run("approvers", "list").stdout)
        finally:
            os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(OSError):
                while os.read(terminal, 4096):
                    pass
            os.close(terminal)
            os.waitpid(pid, 0)
            shop.__exit__()


class InFlight(unittest.TestCase):
    def test_kill_ends_running_calls_and_the_process_and_keeps_both_down(self):
        with Shop(QUICK, accept=["shop"], tokens=("bot",)) as shop, ThreadPoolExecutor(1) as pool:
            running = pool.submit(shop.call, "wait", {"name": "long"})
            shop.wait_for(lambda: "wait long" in shop.done())
            began = time.monotonic()
            run = shop.run("kill", "shop", "--reason", "a drill")
            self.assertEqual((run.returncode, "1 running calls stopped" in run.stdout), (0, True), run.stdout + run.stderr)
            answer = running.result(timeout=30)
            slowest = time.monotonic() - began
            print(f"\nkill: the call in flight ended after {slowest:.3f} s", end=" ")
            self.assertLess(slowest, SECOND)
            self.assertTrue(answer.get("isError") or "code" in json.dumps(answer))
            self.assertIn("a person has stopped calls like this one", json.dumps(shop.call("peek", {"key": "k"})))
            server = json.loads(shop.run("servers", "list", "--json").stdout)[0]
            self.assertFalse(server.get("pid"), server)
            changes = [r["detail"].get("change") for r in shop.records() if r["kind"] == "server" and r.get("server") == "shop"]
            self.assertIn("killed", changes)
            # A gateway started anew starts it behind the lockdown; lifted, it works again.
            shop.stop()
            shop.start()
            shop.wait_for_server("shop")
            self.assertIn("a person has stopped calls", json.dumps(shop.call("peek", {"key": "k"})))
            shop.decide("lockdown", "server:shop", "--lift")
            self.assertIn("k", text_of(shop.call("peek", {"key": "k"})))
            self.assertNotIn("a person has stopped calls", json.dumps(shop.call("peek", {"key": "k"})))

    def test_rotate_ends_the_old_secret_with_what_it_runs(self):
        with Shop(QUICK, accept=["shop"], tokens=("bot",)) as shop, ThreadPoolExecutor(1) as pool:
            old = json.loads(shop.run("tokens", "list", "--json").stdout)[0]
            running = pool.submit(shop.call, "wait", {"name": "long"})
            shop.wait_for(lambda: "wait long" in shop.done())
            output = shop.decide("rotate", f"token:{old['id']}", "--to", str(shop.folder / "new.token"))
            self.assertIn("1 running calls stopped", output)
            running.result(timeout=30)
            self.assertEqual(shop.modern("tools/list", path="/mcp/shop")[0], 401)
            shop.secrets["bot"] = (shop.folder / "new.token").read_text().strip()
            self.assertIn("k", text_of(shop.call("peek", {"key": "k"})))
            new = json.loads(shop.run("tokens", "list", "--json").stdout)[0]
            same = ("owner", "tenant", "tier", "environment")
            self.assertEqual([new[k] for k in same], [old[k] for k in same])
            self.assertNotEqual((new["id"], new["run"]), (old["id"], old["run"]))
            self.assertEqual(shop.ask(["rotate", "agent:bot"], [])[0], 2)


if __name__ == "__main__":
    unittest.main()
