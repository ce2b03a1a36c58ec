"""Every page of the console in a real browser: what it shows, what it does, and whether everybody can use it."""
import json
import unittest

from browser import Keys, accessibility
from browser_console import PATIENT, Page
from test_control import SECOND

HINT = 10  # yeses in a row, until the page says what could ask less

RULES = PATIENT + """
rules:
  - {{ name: no-secrets, tools: [shop.peek], args: {{ /key: {{ equals: secret }} }}, then: refuse, why: secrets stay }}
"""


class Pages(Page):
    configuration = RULES
    tokens = ("bot", "coder")

    def goto(self, letter, title):
        self.browser.go(letter)
        self.browser.wait_for_text(title, "h1")

    def press(self, text):
        self.browser.click(lambda: next(b for b in self.browser.all("button, a.button") if b.text == text and b.is_displayed()))

    def test_an_address_that_is_none_leads_to_what_waits(self):
        self.goto("c", "Live calls")
        self.browser.run("location.hash = '#/%'")
        self.browser.wait_for_text("Approvals", "h1")

    def test_live_calls_come_by_themselves_with_plots(self):
        self.goto("c", "Live calls")
        self.gateway.call("peek", {"key": "first \u202e seen"})
        self.gateway.call("peek", {"key": "secret"}, token="coder")
        self.browser.wait_for_text("first \\u{202e} seen", ".vbody")
        self.browser.wait_for_text("refused", ".vbody")
        self.browser.wait(lambda: len(self.browser.all("svg.chart")) == 3)
        self.assertIn("Calls: ", self.browser.one("svg.chart").get_attribute("aria-label"))
        self.check("calls")
        self.browser.one("input[type=search]").send_keys("coder")
        self.browser.wait(lambda: "first" not in self.browser.text(".vbody"))

    def test_a_server_shows_what_is_enforced_on_it(self):
        self.goto("s", "Servers")
        self.browser.wait_for_text("no-new-privs", ".detail")
        self.browser.wait_for_text("/data/out = ./out", ".detail")
        self.check("servers")

    def test_a_changed_tool_is_shown_side_by_side_and_accepted(self):
        self.goto("t", "Tools")
        self.browser.wait_for_text("shop.peek", ".vbody")
        (self.gateway.folder / "docs/description.txt").write_text("Sends \u202e everything to <b>me</b>")
        self.press("Ask the servers again")
        self.browser.wait_for_text("hidden", ".vbody")
        self.press("shop")
        self.browser.wait_for_text('"description": "Sends \\u{202e} everything to <b>me</b>"', ".diff .add")
        self.assertIn("Tool peek.", self.browser.text(".diff .cut"))
        self.check("tools")
        self.browser.click("#accept")
        self.browser.wait_for_text("everything is accepted as it is")
        self.browser.wait(lambda: "hidden" not in self.browser.text(".vbody"))
        records = [r for r in self.gateway.records() if r["kind"] == "tool" and r["detail"].get("by") == "ana" and r["detail"]["change"] == "accepted"]
        self.assertTrue(records)

    def test_the_log_is_searched_read_and_saved(self):
        self.gateway.call("peek", {"key": "needle in it"})
        self.goto("l", "Audit")
        self.browser.key("/")
        self.browser.key("needle", Keys.ENTER)
        self.browser.wait(lambda: len(self.browser.all(".vrow")) == 1)  # the intent; results are not indexed
        self.browser.click(".vbody")
        self.browser.key(Keys.ESCAPE)
        self.browser.all(".vrow")[-1].click()
        self.browser.wait_for_text("commitment", ".detail")
        self.check("audit")
        self.press("Time line of the call")
        self.browser.wait_for_text("+0 ms", ".timeline")
        self.assertEqual(len(self.browser.all(".timeline > li")), 2)
        saved = self.browser.run("""return fetch('/api/v1/audit/export.csv?words=needle', {headers: {'Gatehouse-Token': localStorage.getItem('gatehouse-token')}})
              .then(r => r.text())""")
        self.assertEqual(saved.count("\r\n"), 2)

    def test_the_log_is_narrowed_by_field_and_time(self):
        self.gateway.call("peek", {"key": "narrow"})
        self.gateway.call("peek", {"key": "narrow"}, token="coder")
        self.goto("l", "Audit")
        field = lambda label: self.browser.one(f"form.bar [aria-label={label}]")

        def found(count):
            self.press("Search")
            self.browser.wait(lambda: len(self.browser.all(".vrow")) == count)

        field("Words").send_keys("narrow")
        found(2)
        field("Agent").send_keys("coder")
        found(1)
        field("Kind").send_keys("outcome")
        found(0)
        field("Kind").send_keys("intent")
        found(1)
        field("Until").send_keys("2020-01-01")
        found(0)
        field("Until").clear()
        field("Since").send_keys("1h")
        found(1)
        lines = self.browser.run("""return fetch('/api/v1/audit/export.jsonl?words=narrow&principal=coder', {headers: {'Gatehouse-Token': localStorage.getItem('gatehouse-token')}})
              .then(r => r.text())""").splitlines()
        self.assertEqual([(r["kind"], r["principal"]) for r in map(json.loads, lines)], [("intent", "coder")])

    def test_a_token_is_issued_shown_once_and_revoked(self):
        self.goto("u", "Access")
        self.browser.wait_for_text("coder")
        self.check("access")
        self.press("Issue a token…")
        self.browser.one("#owner").send_keys("temporary", Keys.ENTER)
        secret = self.browser.one("dialog pre").text.strip()
        self.gateway.secrets["temporary"] = secret
        self.assertIn("hello", json.dumps(self.gateway.call("peek", {"key": "hello"}, token="temporary")))
        self.press("Done")
        self.browser.wait_for_text("temporary")
        self.browser.click("button[aria-label='Revoke the token of temporary']")
        self.browser.wait_for_text("Revoked; 0 calls stopped.")
        self.browser.wait(lambda: "temporary" not in self.browser.text("main"))

    def test_policy_is_listed_and_explained(self):
        self.gateway.call("peek", {"key": "secret"})
        self.goto("p", "Policy")
        self.browser.wait_for_text("no-secrets")
        hits = self.browser.run("return [...document.querySelectorAll('td')].find(e => e.textContent === 'no-secrets').parentElement.lastChild.textContent")
        self.assertGreater(int(hits), 0)
        self.browser.one("#tool").send_keys("shop.peek")
        self.browser.one("#args").clear()
        self.browser.one("#args").send_keys('{"key": "secret"}')
        self.press("Explain")
        self.browser.wait_for_text("Answer: refuse")
        self.check("policy")

    def test_figures_say_who_asks_how_it_is_answered_and_what_could_ask_less(self):
        for name in ("a", "b"):
            caller = self.ask("destroy", {"name": f"figure {name}"})
            question = self.gateway.wait_for_question()
            client = self.gateway.log_in()
            client.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]})
            self.assertIn("destroyed", caller.text())
        self.goto("f", "Figures")
        self.browser.wait_for_text("bot", "section[aria-label=Agents]")
        self.assertEqual(self.browser.all("section[aria-label=Causes] .hint"), [])
        # Asked often and answered with yes each time: what could ask less.
        for number in range(HINT):
            self.gateway.calling("destroy", {"name": f"again {number}"})
            question = self.gateway.wait_for_question()
            client.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]})
            self.gateway.callers[-1].join(timeout=60)
        self.browser.wait_for_text("answers were all yes: a scope, a rule that allows, or a standing yes would ask less",
                                   "section[aria-label=Causes] .hint")
        self.browser.wait_for_text("tier T2", "section[aria-label=Causes]")
        self.assertIn("%", self.browser.text("section[aria-label=Agents]"))
        self.browser.wait_for_text("Standing yeses:", ".bar")
        self.check("figures")

    def test_lockdown_is_two_keys_away_and_lifted_with_the_passphrase(self):
        done = self.gateway.folder / "out/done.log"
        running = self.gateway.calling("wait", {"name": "in flight"})
        self.gateway.wait_for(lambda: done.exists() and "wait in flight" in done.read_text())
        waiting = self.ask("destroy", {"name": "waits"})
        self.browser.key("!")
        self.browser.one("#why").send_keys("a drill")
        self.check("lockdown")
        self.browser.one("#why").send_keys(Keys.ENTER)
        for caller in (running, waiting):
            caller.join(timeout=60)
            self.assertLess(caller.ended - self.gateway.stopped_at(), SECOND)
        self.browser.wait_for_text("Lockdown: all", "#stopped")
        self.assertNotIn("destroy waits", done.read_text())
        self.assertIn("a person has stopped calls", json.dumps(self.gateway.call("peek", {"key": "x"})))
        self.browser.key("!")
        self.press("Lift")
        self.browser.wait(lambda: not self.browser.one("#stopped").is_displayed())
        self.assertIn("hello", json.dumps(self.gateway.call("peek", {"key": "hello"})))

    def test_an_edited_call_runs_in_the_place_of_the_one_that_was_asked(self):
        caller = self.ask("destroy", {"name": "everything", "amount": 12345678901234567890})
        self.browser.wait_for_text("everything", ".arguments")
        self.browser.key("e")
        field = self.browser.one("#new-arguments")
        text = field.get_attribute("value")
        self.assertIn("12345678901234567890", text)  # no number of the browser's own
        field.clear()
        field.send_keys(text.replace("everything", "a little"))
        self.check("edit")
        self.browser.click("#say-edit")
        self.assertIn("destroyed a little", caller.text())

    def test_a_standing_yes_says_in_a_sentence_what_it_covers_and_is_revoked(self):
        people = self.gateway.log_in()
        self.addCleanup(lambda: [people.post(f"/grants/{grant['id']}/revoke") for grant in people.get("/grants")])
        caller = self.ask("destroy", {"name": "one"})
        self.browser.wait_for_text('"name": "one"', ".arguments")
        self.browser.key("r")
        self.browser.click("#vary-0")
        self.browser.wait_for_text("shop.destroy", "dialog p[role=status]")
        self.check("grant")
        self.browser.click("#say-grant")
        self.assertIn("destroyed one", caller.text())
        self.assertIn("destroyed two", json.dumps(self.gateway.call("destroy", {"name": "two"})))
        self.goto("u", "Access")
        self.browser.wait_for_text("1 of 10")
        self.press("Revoke")
        self.browser.wait_for_text("None. One is given with a yes")

    def test_the_sentence_of_a_standing_yes_is_that_of_the_last_choice(self):
        caller = self.ask("destroy", {"name": "sentence"})
        self.browser.wait_for_text('"name": "sentence"', ".arguments")
        ticket = self.gateway.wait_for_question()["ticket"]
        self.browser.hold("POST", f"/api/v1/approvals/{ticket}/preview", answers=True)
        self.browser.key("r")
        self.browser.wait_for_held(1)
        self.browser.click("#vary-0")
        self.browser.wait_for_held(2)
        sentence = "dialog p[role=status]"
        self.browser.click("#say-grant")
        self.browser.wait_for_text("Read first what this covers", "dialog")
        self.browser.run("held[1]()")
        self.browser.wait_for_text("shop.destroy", sentence)
        last = self.browser.text(sentence)
        # The answer to the first choice comes after that to the second.
        self.browser.run("held[0](); return new Promise((done) => setTimeout(done, 100));")
        self.assertEqual(self.browser.text(sentence), last)
        self.browser.let_go()
        self.browser.one("#vary-0").send_keys(Keys.ESCAPE)
        self.browser.key("n")
        self.browser.click("#say-no")
        self.assertIn("no", caller.text())

    def test_the_keyboard_alone_reaches_everything_in_the_order_it_is_read(self):
        self.browser.driver.refresh()
        self.browser.wait_for_text("Approvals", "h1")
        seen = []
        for _ in range(14):
            self.browser.key(Keys.TAB)
            seen.append(self.browser.run("const e = document.activeElement; return e.getAttribute('aria-label') || e.textContent.trim().slice(0, 16)"))
        self.assertEqual(seen[0], "Skip to the page")
        self.assertLess(seen.index("Lockdown"), next(i for i, s in enumerate(seen) if s.startswith("Approvals")))
        self.assertTrue(self.browser.run("return getComputedStyle(document.activeElement).outlineStyle !== 'none' || document.activeElement === document.body"))

    def test_ten_thousand_rows_scroll_without_lag(self):
        self.goto("c", "Live calls")
        figures = self.browser.run("""
            return import('/assets/list.js').then(async ({ table }) => {
              const list = table({ label: 'Many', columns: [{ title: 'N', width: '1fr', cell: (row) => row.n }] });
              list.element.style.height = '400px';
              document.querySelector('main').append(list.element);
              list.show(Array.from({ length: 10000 }, (_, n) => ({ n })));
              const body = list.element.querySelector('.vbody');
              let built = 0, most = 0;
              const watch = new MutationObserver((changes) => { for (const change of changes) built += change.addedNodes.length; });
              await new Promise(requestAnimationFrame);
              watch.observe(list.element, { childList: true, subtree: true });
              for (let step = 0; step < 60; step++) {
                built = 0;
                body.scrollTop = step * 4500;
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
                most = Math.max(most, built);
              }
              const rows = list.element.querySelectorAll('.vrow').length, last = body.scrollHeight;
              watch.disconnect();
              list.element.remove();
              return { rows, last, most };
            });""")
        self.assertLess(figures["rows"], 60, figures)
        self.assertEqual(figures["last"], 10000 * 27, figures)
        # A scroll builds what comes into sight, and nothing of the rest: what it takes is the same for any number of rows.
        self.assertIn(figures["most"], range(1, 60), figures)


if __name__ == "__main__":
    unittest.main()
