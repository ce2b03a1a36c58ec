"""The console's pages about hosted servers: where they connect, what they use and changed, their secrets, the stop."""
import json
import unittest

from browser import Browser, Keys
from browser_console import Page
from people import People
from web import Site

VALUE = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g"
NEXT = "ghp_Zy9xWv8uTs7rQp6oNm5lKj4iHg3fEd2cBa1Z"
CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
console: {{ listen: "127.0.0.1:{console}" }}
secrets: {{ token: {{ file: ./token }} }}
servers:
  desk:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    env: {{ API_TOKEN: {{ secret: token }} }}
    secrets: [ {{ secret: token, host: docs.example.com, methods: [GET] }} ]
    cage:
      write: {{ /data/out: ./out }}
      network: {{ allow: [docs.example.com], unknown: ask }}
  spare:
    command: [/usr/bin/python3, "{servers}/intruder.py"]
    cage: {{ network: none }}
tools:
  desk.run: {{ tier: T0 }}
  spare.run: {{ tier: T0 }}
"""
CONNECT = """
import socket
place = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
with socket.create_connection((place[0], int(place[1])), timeout=50) as connection:
    connection.sendall(b"CONNECT %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    answer = connection.recv(4000).decode().split()[1]
"""


class Hosted(People):
    """A server with a way out, a secret it does not hold, and a copy of a folder to write in."""

    def __init__(self, configuration, **more):
        super().__init__(configuration, accept=("desk", "spare"), **more)
        (self.folder / "token").write_text(VALUE + "\n")
        (self.folder / "token").chmod(0o600)
        (self.folder / "out/.env").write_text("TOP SECRET\n")
        (self.folder / "out/plan.txt").write_text("old\n")
        (self.folder / "out/plan.txt").chmod(0o666)

    def call(self, tool, arguments, token="bot", server="desk"):
        _, _, answer = self.modern("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}", token=token)
        return answer.get("result", answer)

    def code(self, text, **more):
        return json.dumps(self.call("run", {"code": text}, **more))

    def said(self, text):
        """What the code answered, without the lines that mark it as a server's; None while there is no answer."""
        answer = self.call("run", {"code": text})
        return None if answer.get("isError", True) else answer["content"][0]["text"].split("\n")[1]


class Hosts(Page):
    configuration = CONFIGURATION

    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site())
        cls.gateway = cls.enterClassContext(Hosted(cls.configuration))
        cls.browser = cls.enterClassContext(Browser())
        cls.browser.log_in(cls.gateway)

    def goto(self, letter, title):
        self.browser.go(letter)
        self.browser.wait_for_text(title, "h1")

    def press(self, text):
        self.browser.click(lambda: next(b for b in self.browser.all("button") if b.text == text and b.is_displayed()))

    def connecting(self, place):
        """A connection of the server that waits for a person, on the page."""
        caller = self.gateway.calling("run", {"code": CONNECT % place})
        self.browser.wait_for_text(place, "section[aria-label=Questions] tr.chosen")
        self.browser.wait_for_text("1", "section[aria-label=Questions] tr.chosen .waiting")
        return caller

    def test_1_a_connection_that_waits_is_answered_by_one_key(self):
        self.goto("e", "Egress")
        self.browser.wait_for_text("docs.example.com:443", "section[aria-label='Allowed places']")
        place = f"127.0.0.1:{self.site.port}"
        for key, words in (("y", "once"), ("a", "for good")):
            caller = self.connecting(place)
            if key == "y":
                self.check("egress")
            self.settled()
            self.browser.key(key)
            self.browser.wait_for_text(f"desk may connect to {place} {words}")
            self.assertIn("200", caller.text())
            self.browser.wait(lambda: place not in self.browser.text("section[aria-label=Questions]"))
        self.browser.wait_for_text("for good", "section[aria-label='Allowed places']")
        self.browser.click(f"button[aria-label='Take back {place} of desk']")
        self.browser.wait(lambda: place not in self.browser.text("section[aria-label='Allowed places']"))
        caller = self.connecting("elsewhere.example.com:443")
        self.settled()
        self.browser.key("n")
        self.assertIn("403", caller.text())
        self.browser.wait(lambda: "elsewhere" not in self.browser.text("section[aria-label=Questions]"))

    def test_2_a_place_is_allowed_for_a_time(self):
        self.goto("e", "Egress")
        caller = self.connecting(f"127.0.0.1:{self.site.port}")
        self.settled()
        self.browser.key("t")
        self.browser.one("#egress-hours").send_keys(Keys.ENTER)
        self.browser.wait_for_text("until 20", "section[aria-label='Allowed places']")
        self.assertIn("200", caller.text())

    def test_3_a_server_shows_what_it_uses_and_what_it_changed(self):
        self.gateway.code("open('/data/out/plan.txt', 'w').write('new\\u202e'); open('/data/out/a\\u202eb.txt', 'w').write('x'); answer = 1")
        self.goto("s", "Servers")
        self.browser.wait_for_text("MiB of memory", ".detail")
        self.browser.wait_for_text("processor time", ".detail .facts")
        self.press("Changes…")
        self.browser.wait_for_text("modified  plan.txt", ".lines")
        self.browser.wait_for_text("added  a\\u{202e}b.txt", ".lines")
        self.check("changes")
        self.browser.click("#commit")
        self.browser.click("#say-settle")
        self.browser.wait_for_text("Taken over: desk starts anew.")
        self.assertEqual((self.gateway.folder / "out/plan.txt").read_text(), "new\u202e")
        self.browser.wait_for_text("Nothing changed.")
        code = "open('/data/out/plan.txt', 'w').write('worse'); answer = 2"
        self.gateway.wait_for(lambda: self.gateway.said(code) == "2")
        self.press("Changes…")
        self.browser.click("#drop")
        self.browser.click("#say-settle")
        self.browser.wait_for_text("Dropped: desk starts anew.")
        self.assertEqual((self.gateway.folder / "out/plan.txt").read_text(), "new\u202e")
        changes = [r["detail"]["change"] for r in self.gateway.records() if r["kind"] == "server" and r["detail"].get("by") == "ana"]
        self.assertEqual([c for c in changes if c.startswith("changes")], ["changes committed", "changes dropped"])

    def test_4_a_secret_is_tested_and_rotated_and_its_value_is_nowhere(self):
        self.goto("k", "Secrets")
        self.browser.wait_for_text("docs.example.com:443", "main")
        self.browser.click("button[aria-label='Test token']")
        self.browser.wait_for_text(f"{len(VALUE)} bytes, in force")
        (self.gateway.folder / "token").write_text(NEXT + "\n")
        self.browser.click("button[aria-label='Test token']")
        self.browser.wait_for_text("not in force: rotate it")
        self.check("secrets")
        self.browser.click("button[aria-label='Rotate token']")
        self.browser.wait_for_text("The new value of token is in force.")
        page = self.browser.run("return document.documentElement.outerHTML")
        heard = self.browser.run("return fetch('/api/v1/secrets', {headers: {'Gatehouse-Token': localStorage.getItem('gatehouse-token')}}).then(r => r.text())")
        for text in (page, heard):
            self.assertNotIn(VALUE[4:], text)
            self.assertNotIn(NEXT[4:], text)

    def test_5_an_agent_is_stopped_and_its_tokens_end_with_it(self):
        self.gateway.issue("thief")
        self.assertIn("ok", self.gateway.code("answer = 'ok'", token="thief"))
        self.browser.key("!")
        self.browser.one("#target-kind").send_keys("An agent")
        self.browser.one("#target-name").send_keys("thief")
        self.browser.wait(lambda: "thief" in [o.get_attribute("value") for o in self.browser.all("#target-names option")])
        self.browser.one("#why").send_keys("it steals")
        self.browser.click("#also")
        self.check("stop")
        self.press("Stop now")
        self.browser.wait_for_text("Locked agent:thief; 0 calls stopped. 1 tokens ended.")
        self.browser.wait_for_text("Lockdown: agent:thief", "#stopped")
        status, _, _ = self.gateway.modern("tools/list", token="thief", path="/mcp/desk")
        self.assertEqual(status, 401)
        self.assertIn("ok", self.gateway.code("answer = 'ok'"))  # nobody else
        self.browser.key("!")
        self.press("Lift")
        self.browser.wait_for_text("Lifted agent:thief.")

    def test_6_a_token_gets_another_secret(self):
        self.gateway.issue("worker")
        self.goto("u", "Access")
        self.browser.click("button[aria-label='Rotate the token of worker']")
        self.browser.click("#say-rotate")
        secret = self.browser.one("dialog pre").text.strip()
        self.assertEqual(self.gateway.modern("tools/list", token="worker", path="/mcp/desk")[0], 401)
        self.gateway.secrets["worker"] = secret
        self.assertEqual(self.gateway.modern("tools/list", token="worker", path="/mcp/desk")[0], 200)
        self.press("Done")

    def test_7_no_way_out_leads_to_the_console(self):
        """Not even where a person allowed the place for good: what is the gateway's own is refused."""
        place = f"127.0.0.1:{self.gateway.console}"
        self.gateway.decide("egress", "allow", "desk", place)
        self.assertIn("403", self.gateway.code(CONNECT % place))

        def refused():
            found = [r["detail"] for r in self.gateway.records() if r["kind"] == "egress" and r["detail"].get("target") == place]
            return [d["refusal"] for d in found if "refusal" in d]
        self.gateway.wait_for(refused)
        self.assertEqual(refused(), ["gateway"])
        self.gateway.run("egress", "refuse", "desk", place)

    def test_8_a_server_is_killed(self):
        self.goto("s", "Servers")
        self.browser.click(lambda: next(b for b in self.browser.all("button.link") if b.text == "spare"))
        self.browser.wait_for_text("spare", ".detail h2")
        self.press("Kill…")
        self.browser.one("#kill-why").send_keys("it misbehaves", Keys.ENTER)
        self.browser.wait_for_text("spare is down; 0 calls stopped.")
        self.assertIn("a person has stopped calls", self.gateway.code("answer = 'ok'", server="spare"))
        killed = [r for r in self.gateway.records() if r["kind"] == "server" and r["detail"].get("change") == "killed"]
        self.assertEqual([(r["server"], r["detail"]["by"], r["detail"]["reason"]) for r in killed], [("spare", "ana", "it misbehaves")])


if __name__ == "__main__":
    unittest.main()
