"""The wall clock jumps, either way: nothing that has an end lasts longer by it."""
import json
import mmap
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from people import CONSOLE
from test_approvals import QUICK, text_of
from test_egress import Outlet
from test_roles import People
from test_waiting import answer_of
from web import Site, certificate

DAY = 86_400
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
LONG = QUICK.replace("environment: staging", "environment: production").replace("expiry: 300s", "expiry: 1h, review: 1d")


class Clock:
    """Put before the class of a gateway, lets the test move its time of day; its monotonic clock and everybody else's stay."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        shim, file = self.folder / "clock.so", self.folder / "clock"
        source = Path(__file__).parent / "fixtures/clock.c"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", shim, source], check=True)
        file.write_bytes(struct.pack("q", 0))
        with open(file, "r+b") as opened:
            self.page = mmap.mmap(opened.fileno(), 8)
        # For the gateway alone: commands that only look at the clock go by this machine's.
        self.command = ["/usr/bin/env", f"LD_PRELOAD={shim}", f"TEST_CLOCK={file}", *self.command]

    def jump(self, seconds):
        self.page[:] = struct.pack("q", struct.unpack("q", self.page)[0] + seconds)


class Clocked(Clock, People):
    def granted(self, name, life):
        status, output = self.ask(["approvals", "grant", self.ticket(self.destroy(name, amount=1)), "--vary", "/name", "--for", life,
                                   "--approver", "ana"], [("passphrase of ana", "correct horse battery")])
        assert status == 0, output

    def glass(self, life):
        status, output = self.as_person("bob", "break-glass", "open", "--reason", "this is a drill", "--for", life,
                                        "--to", str(self.folder / f"glass-{life}"))
        assert status == 0, output
        return output.split(" is open until")[0].split()[-1]

    def glasses(self):
        return {glass["id"]: glass["open"] for glass in json.loads(self.run("break-glass", "list", "--json").stdout)}

    def status(self):
        return json.loads(self.run("status", "--json").stdout)


@unittest.skipUnless(COMPILER, "to move the clock needs a C compiler")
class Jumps(unittest.TestCase):
    """One gateway; each test begins where the one before left the clock."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Clocked(LONG, accept=["shop"], tokens=("bot",)))
        cls.gateway.add_approver("bob")

    def runs(self, name, amount=1, token="bot"):
        return not self.gateway.destroy(name, token=token, amount=amount).get("isError", False)

    def test_1_set_forward_everything_ends_early(self):
        gateway = self.gateway
        gateway.issue("brief", "--expires", "1h")
        waiting, approved = (gateway.ticket(gateway.destroy(name)) for name in ("forward", "approved"))
        self.assertEqual(gateway.vote(approved)[0], 0)
        gateway.granted("granted", "30min")
        glass = gateway.glass("30min")
        self.assertEqual(gateway.glasses(), {glass: True})
        self.assertTrue(self.runs("under the grant"))
        self.assertEqual(gateway.modern("tools/list", token="brief")[0], 200)
        gateway.jump(3600)
        self.assertEqual(gateway.modern("tools/list", token="brief")[0], 401)
        self.assertEqual(gateway.glasses(), {glass: False})
        status, output = gateway.vote(waiting)
        self.assertEqual((status, "no such question" in output), (1, True), output)
        # The yes is gone, and so is the standing one: the same calls ask anew.
        self.assertNotEqual(gateway.ticket(gateway.destroy("approved")), approved)
        self.assertFalse(self.runs("after the grant"))
        self.assertEqual(gateway.done().count("destroy approved"), 0)
        gateway.wait_for(lambda: ("expired", None) in gateway.steps(waiting))
        self.assertEqual(gateway.as_person("ana", "break-glass", "review", glass, "--comment", "seen")[0], 0)

    def test_2_set_back_nothing_lives_longer(self):
        """Each is made to live for seconds, and the clock goes back by a day right after it."""
        gateway = self.gateway
        gateway.issue("brief", "--expires", "4s", name="back")
        gateway.jump(-DAY)
        gateway.granted("granted back", "4s")
        gateway.jump(-DAY)
        glass = gateway.glass("4s")
        gateway.jump(-DAY)
        gateway.wait_for(lambda: gateway.modern("tools/list", token="back")[0] == 401)
        gateway.wait_for(lambda: not gateway.glasses()[glass])
        gateway.wait_for(lambda: not json.loads(gateway.run("grants", "list", "--json").stdout))
        self.assertFalse(self.runs("after the grant, back"))
        gateway.reload("expiry: 1h", "expiry: 4s")
        ticket = gateway.ticket(gateway.destroy("back"))
        gateway.jump(-DAY)
        gateway.wait_for(lambda: ticket not in [q["ticket"] for q in gateway.waiting()])
        gateway.wait_for(lambda: ("expired", None) in gateway.steps(ticket))
        gateway.jump(4 * DAY)
        self.assertEqual(gateway.as_person("ana", "break-glass", "review", glass, "--comment", "seen")[0], 0)

    def test_3_set_back_while_nothing_ran_what_had_an_end_is_over(self):
        """Nobody knows how long the gateway was away: closed is the safe side."""
        gateway = self.gateway
        file = gateway.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("expiry: 4s", "expiry: 1h"))
        gateway.stop()
        gateway.start()
        gateway.wait_for_server("shop")
        gateway.decide("check", "--accept")  # a longer expiry loosens
        approved = gateway.ticket(gateway.destroy("over night"))
        waiting = gateway.ticket(gateway.destroy("over night, too"))
        self.assertEqual(gateway.vote(approved)[0], 0)
        gateway.granted("over night", "8h")
        glass = gateway.glass("1h")
        self.assertEqual(gateway.run("lockdown", "tool:shop.wait").returncode, 0)
        self.assertNotIn("clock", "\n".join(gateway.status()["notes"]))
        gateway.stop()
        gateway.jump(-2 * DAY)
        gateway.start()
        gateway.wait_for_server("shop")
        self.assertEqual(gateway.waiting(), [])
        self.assertEqual(json.loads(gateway.run("grants", "list", "--json").stdout), [])
        self.assertEqual(gateway.glasses(), {glass: False})
        self.assertEqual(gateway.people()["bob"]["locked"], glass)
        for ticket in (approved, waiting):
            self.assertEqual(gateway.steps(ticket)[-1], ("expired", None))
        self.assertFalse(self.runs("under no grant"))
        self.assertNotIn("destroy over night", gateway.done())
        # What has no end stays, the operator is told, and it is told no more at the next start.
        self.assertIn("a person has stopped", text_of(gateway.call("wait", {"name": "x"})))
        self.assertIn("clock: at the start it was behind the last record", "\n".join(gateway.status()["notes"]))
        self.assertIn("clock: at the start", gateway.log_text())
        self.assertEqual(gateway.run("audit", "verify").returncode, 0)
        gateway.stop()
        gateway.start()
        self.assertNotIn("clock", "\n".join(gateway.status()["notes"]))
        self.assertEqual(gateway.as_person("ana", "break-glass", "review", glass, "--comment", "seen")[0], 0)


@unittest.skipUnless(COMPILER, "to move the clock needs a C compiler")
class Legs(unittest.TestCase):
    def test_what_continues_a_call_is_over_when_the_clock_is_set_forward_and_not_when_it_is_set_back(self):
        """That it lives no longer in a clock that was set back is RequestStatesTests' to show: ten minutes are too long here."""
        with Clocked(CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 5s, expiry: 300s"), accept=["shop"], tokens=("bot",)) as gateway:
            first = self.leg(gateway)["result"]
            gateway.jump(-DAY)
            second = self.leg(gateway, requestState=first["requestState"])["result"]
            self.assertEqual(second["resultType"], "input_required")
            gateway.jump(660)
            for state in (first["requestState"], second["requestState"]):
                # The first one's end is a day away by its clock, the second one's is past.
                answer = self.leg(gateway, requestState=state)
                self.assertEqual("error" in answer, state == second["requestState"], answer)
            self.assertEqual(answer["error"]["code"], -32602)
            self.assertEqual(gateway.done(), [])

    def leg(self, gateway, **more):
        _, _, reply = gateway.modern("tools/call", {"name": "destroy", "arguments": {"name": "leg"}, **more}, path="/mcp/shop")
        return answer_of(reply)


class Outside(Clock, Outlet):
    """A gateway whose servers have ways out."""


@unittest.skipUnless(COMPILER, "to move the clock needs a C compiler")
class WaysOut(unittest.TestCase):
    def test_a_way_out_for_a_time_is_over_by_either_clock_and_after_a_night_nobody_measured(self):
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-web-"))
        self.addCleanup(shutil.rmtree, folder, True)
        chain, key = certificate(folder / "site", "127.0.0.1")
        with Site(chain, key) as site, Site() as plain, Outside(site, plain, chain, accept=["probe"]) as gateway:
            place = f"127.0.0.1:{site.port}"

            def allow(life):
                self.assertIn("until ", gateway.decide("egress", "allow", "probe", place, "--for", life))
                self.assertTrue(is_open())

            def is_open():
                found = gateway.call("probe", "tunnel", target=place)
                self.assertIn(found.get("refusal"), (None, "address-literal"), found)
                return "the words of the page" in found.get("text", "")

            self.assertFalse(is_open())
            allow("1h")
            gateway.jump(3600)
            self.assertFalse(is_open())
            allow("10s")
            gateway.jump(-DAY)
            gateway.wait_for(lambda: not is_open())
            gateway.jump(DAY)
            allow("8h")
            gateway.stop()
            gateway.jump(-2 * DAY)
            gateway.start()
            gateway.wait_for_server("probe")
            self.assertFalse(is_open())
            self.assertEqual([row for row in gateway.egress()["allowed"] if row["host"] == place], [])


if __name__ == "__main__":
    unittest.main()
