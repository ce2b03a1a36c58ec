"""Calls to servers that fall over in the middle of them, all at once, and again."""
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import free_port
from metrics import Metrics
from test_servers import Hosting, alive, configuration, tree, victim


def lives(*servers, tiers=None, more=""):
    tools = {f"{name}.{act}": "T0" for name in servers for act in ("echo", "leave", "orphans", "processor", "change", "say")}
    tools.update(tiers or {})
    return configuration("".join(victim(name, more) for name in servers), tools)


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Hosting(lives("one", "two", tiers={"one.kill": "T1"}).replace(
            "one.kill: {{ tier: T1 }}", 'one.kill: {{ tier: T1, scope: {{ /text: {{ pattern: ".*" }} }} }}'), accept=["one", "two"]))

    def refusal(self, tool, text):
        """What a model reads of a call that failed, and the outcomes that were recorded meanwhile."""
        known = self.gateway.known_calls()
        _, _, answer = self.gateway.modern("tools/call", {"name": tool, "arguments": {"text": text}}, path="/mcp/one")
        result = answer["result"]
        self.assertTrue(result["isError"], result)

        def outcomes():
            return [r["detail"]["status"] for r in self.gateway.records_besides(known, tool) if r["kind"] == "outcome"]
        self.gateway.wait_for(outcomes)
        return result["content"][0]["text"], outcomes()

    def test_a_read_that_was_lost_may_be_called_again(self):
        pid = self.gateway.server("one")["pid"]
        text, outcomes = self.refusal("leave", "7")
        self.assertEqual(outcomes, ["lost"])
        self.assertIn("the server `one` gave no answer (lost); try again later", text)
        # The process that the next call goes to is another one.
        self.assertEqual(self.gateway.call("one", "echo", "after")["text"], "after")
        after = self.gateway.server("one")
        self.assertNotEqual(after["pid"], pid)
        self.assertFalse(alive(pid))

    def test_a_write_that_was_lost_asks_before_it_is_done_again(self):
        # Process 2 is the server itself.
        text, outcomes = self.refusal("kill", "2")
        self.assertEqual(outcomes, ["lost"])
        self.assertIn("whether the call was done", text)
        self.assertIn("look before you call again", text)
        self.assertEqual(self.gateway.call("one", "echo", "after")["text"], "after")

    def test_calls_in_flight_are_all_answered_when_the_process_ends(self):
        with ThreadPoolExecutor(8) as pool:
            slow = [pool.submit(self.gateway.call, "one", "processor", "2") for _ in range(1)]
            self.gateway.wait_for(lambda: self.gateway.server("one")["state"] == "running")
            slow += [pool.submit(self.gateway.call, "one", "echo", str(n)) for n in range(6)]
            pid = self.gateway.server("one")["pid"]
            self.assertEqual(self.gateway.run("servers", "restart", "one").returncode, 0)
            answers = [future.result(timeout=60) for future in slow]
        # Each of them was answered: done before the end, done by the next process, or lost and said so.
        for number, answer in enumerate(answers):
            self.assertTrue(answer["isError"] or answer["text"] in ("ok", str(number - 1)), answer)
        self.gateway.wait_for(lambda: not alive(pid))
        self.assertEqual(self.gateway.call("one", "echo", "after")["text"], "after")

    def test_answers_go_to_who_asked_however_many_ask(self):
        def ask(number):
            server = ("one", "two")[number % 2]
            return self.gateway.call(server, "echo", f"{server} {number}")["text"] == f"{server} {number}"
        for name in ("one", "two"):
            self.assertEqual(self.gateway.call(name, "echo", "there")["text"], "there")
        before = {name: self.gateway.server(name)["starts"] for name in ("one", "two")}
        with ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(ask, range(200))), [True] * 200)
        # However many wait, a server is one process.
        self.assertEqual({name: self.gateway.server(name)["starts"] for name in ("one", "two")}, before)

    def test_a_server_that_is_busy_holds_up_no_other(self):
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(self.gateway.call, "one", "processor", "3")
            while not busy.done():
                self.assertEqual(self.gateway.call("two", "echo", "here")["text"], "here")
            self.assertEqual(busy.result()["text"], "ok")


class Waking(unittest.TestCase):
    """Calls wake a server that sleeps, and the metrics tell its life."""

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        text = configuration(victim("sleepy", "    idle_timeout: 1s") + victim("held"), {
            f"{name}.{act}": "T0" for name in ("sleepy", "held") for act in ("echo", "leave", "orphans")})
        text = text.replace('listen: {{ mcp: "127.0.0.1:{port}" }}',
                            f'listen: {{{{ mcp: "127.0.0.1:{{port}}", control: "127.0.0.1:{cls.port}" }}}}')
        cls.gateway = cls.enterClassContext(Hosting(text, accept=["sleepy", "held"]))

    def state(self, server, name):
        return Metrics(self.port)("gatehouse_server_state", server=server, state=name)

    def count(self, what, server):
        return Metrics(self.port)(f"gatehouse_server_{what}_total", server=server)

    def test_many_calls_at_once_wake_it(self):
        self.gateway.wait_for(lambda: self.state("sleepy", "idle") == 1)
        self.assertEqual(self.state("sleepy", "running"), 0)
        starts = self.count("starts", "sleepy")
        with ThreadPoolExecutor(12) as pool:
            said = list(pool.map(lambda n: self.gateway.call("sleepy", "echo", str(n))["text"], range(12)))
        self.assertEqual(said, [str(n) for n in range(12)])
        self.assertGreater(self.count("starts", "sleepy"), starts)
        self.assertEqual(self.count("failures", "sleepy"), 0)
        self.gateway.wait_for(lambda: self.state("sleepy", "idle") == 1)

    def test_what_a_server_left_running_ends_with_it(self):
        self.assertEqual(self.gateway.call("held", "orphans", "3")["text"], "ok")
        self.gateway.wait_for(lambda: len(tree(self.gateway.server("held")["pid"])) >= 5)
        everything = tree(self.gateway.server("held")["pid"])
        failures, starts = self.count("failures", "held"), self.count("starts", "held")
        self.gateway.call("held", "leave", "9")
        self.gateway.wait_for(lambda: not any(alive(pid) for pid in everything))
        self.gateway.wait_for(lambda: self.count("failures", "held") == failures + 1)
        self.assertEqual(self.gateway.call("held", "echo", "again")["text"], "again")
        self.assertEqual(self.count("starts", "held"), starts + 1)
        self.assertEqual(self.state("held", "running"), 1)


class Backoff(unittest.TestCase):
    def test_each_pause_is_longer_and_then_it_rests(self):
        with Hosting(configuration(victim("falling", arguments=", crash"), {"falling.echo": "T0"})) as gateway:
            gateway.wait_for_state("falling", "resting")

            def told():
                return [r["detail"] for r in gateway.records(kind="server", server="falling")]
            # It rests before that is on the disk.
            gateway.wait_for(lambda: any(r["change"] == "resting" for r in told()))
            records = told()
            pauses = [r["restartsInMilliseconds"] for r in records if r["change"] == "crashed"]
            # From half of 500, 1000, 2000, 4000 ms to the whole: chance is in it, so that not all come back at once.
            for pause, most in zip(pauses, (500, 1000, 2000, 4000), strict=True):
                self.assertTrue(most / 2 <= pause <= most, pauses)
            resting = next(r for r in records if r["change"] == "resting")
            self.assertEqual(resting["restsForMilliseconds"], 300_000)
            began = time.monotonic()
            refused = gateway.call("falling", "echo", "x")
            self.assertTrue(refused["isError"])
            self.assertIn("the server `falling` cannot be reached", refused["text"])
            self.assertLess(time.monotonic() - began, 5)  # nobody waits for one that rests
            self.assertEqual(gateway.server("falling")["starts"], 5)
            self.assertIn("servers restart", gateway.log_text())


if __name__ == "__main__":
    unittest.main()
