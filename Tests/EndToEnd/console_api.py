"""The control API, as programs use it and as attackers try to."""
import socket
import unittest

from harness import PASSPHRASE
from people import API, CONSOLE, People


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(tokens=("bot",)))
        cls.ana = cls.gateway.log_in()

    def test_nothing_is_told_without_a_session(self):
        stranger = API(self.gateway.console)
        for path in ("/session", "/status", "/approvals", "/tools", "/tokens", "/policy", "/events", "/nothing"):
            self.assertEqual(stranger.fails("GET", path), (401, "login"), path)
        self.assertEqual(stranger.fails("POST", "/lockdowns", {"target": "all"}), (401, "login"))
        self.assertEqual(self.ana.get("/lockdowns"), [])

    def test_a_cookie_without_the_token_is_worth_nothing(self):
        thief = API(self.gateway.console)
        thief.cookie = self.ana.cookie
        self.assertEqual(thief.fails("GET", "/status"), (403, "foreign"))
        self.assertEqual(thief.fails("POST", "/lockdowns", {"target": "all"}), (403, "foreign"))
        thief.token = self.ana.token[:-1] + ("A" if self.ana.token[-1] != "A" else "B")
        self.assertEqual(thief.fails("GET", "/status"), (403, "foreign"))
        other = API(self.gateway.console)
        other.token = self.ana.token
        self.assertEqual(other.fails("GET", "/status"), (401, "login"))

    def test_the_cookie_is_for_this_host_alone_and_no_script(self):
        status, headers, body = API(self.gateway.console).send("POST", "/api/v1/session", {"name": "ana", "passphrase": PASSPHRASE})
        self.assertEqual(status, 200)
        words = headers["Set-Cookie"].split("; ")
        self.assertEqual(words[1:], ["Path=/", "HttpOnly", "SameSite=Strict"])
        self.assertNotIn(body["token"], headers["Set-Cookie"])
        self.assertEqual(headers["Cache-Control"], "no-store")

    def test_a_session_that_is_brought_along_is_over_after_a_login(self):
        first = self.gateway.log_in()
        again = API(self.gateway.console)
        again.cookie = first.cookie
        again.log_in("ana", PASSPHRASE)
        self.assertNotEqual(again.cookie, first.cookie)
        self.assertEqual(first.fails("GET", "/status"), (401, "login"))
        self.assertEqual(again.get("/session")["approver"], "ana")
        # A name of the attacker's choosing never becomes a session.
        fixed = API(self.gateway.console)
        fixed.cookie = "gatehouse=" + "A" * 43
        fixed.log_in("ana", PASSPHRASE)
        self.assertNotEqual(fixed.cookie, "gatehouse=" + "A" * 43)

    def test_logging_out_ends_the_session_for_everybody_who_holds_it(self):
        client = self.gateway.log_in()
        status, headers, _ = client.send("DELETE", "/api/v1/session")
        self.assertEqual(status, 200)
        self.assertIn("Max-Age=0", headers["Set-Cookie"])
        self.assertEqual(client.fails("GET", "/status"), (401, "login"))

    def test_another_host_or_origin_is_turned_away_before_anything_else(self):
        for host in ("evil.example", f"evil.example:{self.gateway.console}", "localhost:1", "localhost.evil.example"):
            client = API(self.gateway.console, host=host)
            client.cookie, client.token = self.ana.cookie, self.ana.token
            self.assertEqual(client.fails("GET", "/status"), (421, "foreign"), host)
            self.assertEqual(client.send("GET", "/")[0], 421)
        for origin in ("http://evil.example", "null", f"https://localhost:{self.gateway.console}", "http://localhost:1",
                       f"http://127.0.0.1:{self.gateway.console}"):
            self.assertEqual(self.ana.fails("POST", "/lockdowns", {"target": "all"}, headers={"Origin": origin}), (403, "foreign"), origin)
            self.assertEqual(self.ana.fails("POST", "/session", {"name": "ana", "passphrase": PASSPHRASE}, headers={"Origin": origin}), (403, "foreign"))
        for site in ("cross-site", "same-site", "none"):
            self.assertEqual(self.ana.fails("GET", "/status", headers={"Sec-Fetch-Site": site}), (403, "foreign"), site)
        self.assertEqual(self.ana.get("/lockdowns"), [])
        own = {"Origin": f"http://localhost:{self.gateway.console}", "Sec-Fetch-Site": "same-origin"}
        self.assertTrue(self.ana.get("/status", headers=own)["ready"])

    def test_a_form_of_another_page_cannot_be_read(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
            status, _, answer = self.ana.send("POST", "/api/v1/lockdowns", '{"target": "all"}', headers={"Content-Type": kind})
            self.assertEqual((status, answer["error"]["code"]), (415, "usage"), kind)
        self.assertEqual(self.ana.get("/lockdowns"), [])

    def test_every_answer_forbids_frames_inline_scripts_and_guesses(self):
        for path in ("/", "/assets/main.js", "/nothing", "/api/v1/status", "/api/v1/session"):
            for client in (self.ana, API(self.gateway.console), API(self.gateway.console, host="evil.example")):
                _, headers, _ = client.send("GET", path)
                policy = headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("frame-ancestors 'none'", policy)
                self.assertIn("require-trusted-types-for 'script'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual((headers["X-Frame-Options"], headers["X-Content-Type-Options"]), ("DENY", "nosniff"))
                self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_what_the_api_does_not_know_is_refused(self):
        self.assertEqual(self.ana.fails("GET", "/nothing"), (404, "missing"))
        self.assertEqual(self.ana.fails("POST", "/status", {}), (405, "usage"))
        self.assertEqual(self.ana.fails("GET", "/status?verbose=1"), (400, "usage"))
        self.assertEqual(self.ana.fails("POST", "/lockdowns", {"target": "all", "quietly": True}), (400, "usage"))
        self.assertEqual(self.ana.fails("POST", "/lockdowns", {"target": "everything"}), (400, "usage"))
        self.assertEqual(self.ana.fails("POST", "/lockdowns", "[]"), (400, "usage"))
        self.assertEqual(self.ana.fails("POST", "/lockdowns", '{"target": "all", "target": "x"}'), (400, "usage"))
        self.assertEqual(self.ana.send("GET", "/api/v1/servers/%zz")[0], 400)
        self.assertEqual(self.ana.fails("GET", "/servers/%ff"), (400, "usage"))
        self.assertEqual(self.ana.fails("GET", "/servers/nobody"), (409, "refused"))
        self.assertEqual(self.ana.get("/servers/shop")["server"], "shop")

    def test_a_token_of_an_agent_opens_nothing(self):
        agent = API(self.gateway.console)
        bearer = {"Authorization": "Bearer " + self.gateway.secrets["bot"]}
        self.assertEqual(agent.fails("GET", "/status", headers=bearer), (401, "login"))
        with self.assertRaises(PermissionError):
            agent.log_in("bot", self.gateway.secrets["bot"])


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(tokens=("bot", "ana")))
        cls.ana = cls.gateway.log_in()

    def answer(self, client, question, yes, **more):
        body = {"yes": yes, "revision": question["revision"], **more}
        return client.send("POST", f"/api/v1/approvals/{question['ticket']}/answer", body)

    def test_a_yes_in_the_console_lets_the_call_through_and_is_recorded(self):
        caller = self.gateway.calling("destroy", {"name": "one"})
        ticket = self.gateway.wait_for_question()["ticket"]
        question = self.ana.get(f"/approvals/{ticket}")
        self.assertEqual(question["tool"], "shop.destroy")
        arguments = [part for part in question["sections"] if part["name"] == "arguments"][0]["lines"]
        self.assertIn({"mark": "plain", "text": '  "name": "one"'}, arguments)
        status, _, answer = self.answer(self.ana, question, True)
        self.assertEqual((status, answer), (200, {"answer": "approved"}))
        self.assertIn("destroyed one", caller.text())
        record = next(r for r in self.gateway.records() if r["kind"] == "approved")
        self.assertEqual(record["detail"]["by"], "ana")

    def test_a_no_carries_the_reason_to_the_agent(self):
        caller = self.gateway.calling("destroy", {"name": "two"})
        question = self.gateway.wait_for_question()
        self.assertEqual(self.answer(self.ana, question, False, reason="use the copy")[2], {"answer": "denied"})
        self.assertIn("use the copy", caller.text())

    def test_an_answer_to_another_revision_does_not_count(self):
        self.gateway.calling("destroy", {"name": "three"})
        question = self.gateway.wait_for_question()
        status, _, answer = self.answer(self.ana, {**question, "revision": question["revision"] + 1}, True)
        self.assertEqual((status, answer["error"]["code"]), (409, "refused"))
        self.answer(self.ana, question, False)

    def test_who_owns_the_agent_does_not_approve_its_calls(self):
        self.gateway.add_approver("ben")  # without another person nobody would be asked
        self.gateway.calling("destroy", {"name": "four"}, token="ana")
        question = self.gateway.wait_for_question()
        status, _, answer = self.answer(self.ana, question, True)
        self.assertEqual(status, 409)
        self.assertIn("owner", answer["error"]["message"])
        ben = self.gateway.log_in("ben")
        self.assertEqual(self.answer(ben, question, True)[2], {"answer": "approved"})

    def test_a_person_who_is_no_approver_any_more_is_out_at_once(self):
        self.gateway.add_approver("cem")
        cem = self.gateway.log_in("cem")
        self.assertEqual(cem.get("/session")["approver"], "cem")
        self.gateway.decide("approvers", "remove", "cem")
        self.assertEqual(cem.fails("GET", "/status"), (401, "login"))


class Logins(unittest.TestCase):
    def test_wrong_passphrases_lock_the_name_and_are_recorded(self):
        with People(tokens=()) as gateway:
            client = API(gateway.console)
            seen = []
            for number in range(6):
                status, _, answer = client.send("POST", "/api/v1/session", {"name": "ana", "passphrase": f"wrong {number}"})
                seen.append((status, answer["error"]["message"]))
            self.assertEqual(seen[0], (401, "the approver or the passphrase is wrong"))
            self.assertIn("too many failures", seen[5][1])
            with self.assertRaises(PermissionError):
                gateway.log_in()  # the right one: the name is locked
            self.assertIn("too many failures", gateway.ask(
                ["tokens", "issue", "x", "--approver", "ana"], [("passphrase of ana", PASSPHRASE)])[1])
            for _ in range(5):
                last = client.send("POST", "/api/v1/session", {"name": "nobody", "passphrase": "x"})
            self.assertEqual((last[0], last[2]["error"]["code"], last[1]["Retry-After"]), (429, "limited", "60"))
            wrong = [r for r in gateway.records() if r["kind"] == "login" and r["detail"]["change"] == "refused"]
            self.assertEqual(wrong[0]["detail"]["by"], "console 127.0.0.1")
            self.assertEqual(wrong[0]["detail"]["approver"], "ana")

    def test_logins_are_evidence(self):
        with People(tokens=()) as gateway:
            gateway.log_in()
            opened = [r for r in gateway.records() if r["kind"] == "login"]
            self.assertEqual([(r["detail"]["approver"], r["detail"]["change"]) for r in opened], [("ana", "opened")])


class Listening(unittest.TestCase):
    def test_it_listens_only_where_it_is_asked_to_and_never_in_the_clear_elsewhere(self):
        without = CONSOLE.replace('console: {{ listen: "127.0.0.1:{console}" }}', "")
        with People(without, tokens=()) as gateway:
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", gateway.console), timeout=5).close()
            file = gateway.folder / "gatehouse.yaml"
            file.write_text(file.read_text() + '\nconsole: { listen: "0.0.0.0:8931" }\n')
            said = gateway.run("check")
            self.assertEqual(said.returncode, 2, said.stdout + said.stderr)
            self.assertIn("not a loopback address", said.stdout + said.stderr)


if __name__ == "__main__":
    unittest.main()
