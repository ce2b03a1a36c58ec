"""The console in a real browser, by keys, as an approver at work uses it."""
import re
import unittest

from browser import Browser, Keys, accessibility
from harness import PASSPHRASE
from people import CONSOLE, People

# The browser complains of a question that was over when the page asked for it.
OVER = re.compile(r"/api/v1/approvals/ask-\w+ - Failed to load resource: the server responded with a status of 409")
PATIENT = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 120s, expiry: 300s")


class Page(unittest.TestCase):
    """One gateway and one browser for a class; each test begins at the page of what waits."""

    configuration = PATIENT
    tokens = ("bot",)

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(People(cls.configuration, tokens=cls.tokens))
        cls.browser = cls.enterClassContext(Browser())
        cls.browser.log_in(cls.gateway)

    def setUp(self):
        self.browser.run("delete window.seen")
        self.browser.size(1280, 860)
        self.browser.run("location.hash = '#/approvals'")
        self.browser.wait_for_text("Approvals", "h1")

    def tearDown(self):
        self.assertEqual([line for line in self.browser.complaints() if not OVER.search(line)], [])

    def settled(self):
        """Waits as long as a person must have looked before a yes counts."""
        self.browser.wait(lambda: self.browser.run("return performance.now() - (window.seen ??= performance.now()) > 600"))
        self.browser.run("delete window.seen")

    def ask(self, tool, arguments, **more):
        caller = self.gateway.calling(tool, arguments, **more)
        self.browser.wait_for_text(tool, ".card")
        return caller

    def check(self, name):
        """The page as it stands, light and dark, wide and narrow: pictures, names, contrast, no overflow."""
        for width, height in ((1280, 860), (400, 800)):
            self.browser.size(width, height)
            for dark in (False, True):
                self.browser.scheme(dark)
                shape = f"{name}, {width}, {'dark' if dark else 'light'}"
                self.browser.picture(f"{name}-{width}-{'dark' if dark else 'light'}")
                self.assertEqual(accessibility(self.browser), [], shape)
        self.browser.scheme(False)
        self.browser.size(1280, 860)


class Approvals(Page):
    def test_a_question_appears_by_itself_and_y_answers_it(self):
        caller = self.ask("destroy", {"name": "alpha"})
        self.browser.wait_for_text('"name": "alpha"', ".arguments")
        self.check("approvals")
        self.settled()
        self.browser.key("y")
        self.browser.wait_for_text("shop.destroy: approved")
        self.assertIn("destroyed alpha", caller.text())
        self.browser.wait_for_text("Nothing waits")

    def test_n_says_no_with_a_reason_the_agent_reads(self):
        caller = self.ask("destroy", {"name": "beta"})
        self.browser.wait_for_text('"name": "beta"', ".arguments")
        self.browser.key("n")
        self.browser.one("#reason").send_keys("take the copy", Keys.ENTER)
        self.browser.wait_for_text("shop.destroy: denied")
        self.assertIn("take the copy", caller.text())

    def test_a_yes_right_after_the_question_appeared_does_not_count(self):
        caller = self.ask("destroy", {"name": "gamma"})
        self.browser.wait_for_text('"name": "gamma"', ".arguments")
        self.settled()
        self.browser.go("c")
        self.browser.wait_for_text("Live calls", "h1")
        # The key a person pressed for something else, in the moment this question took its place.
        self.browser.run("""
            const watch = new MutationObserver(() => {
              if (!document.querySelector('.arguments')) return;
              watch.disconnect();
              document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'y', bubbles: true, cancelable: true }));
            });
            watch.observe(document.body, { childList: true, subtree: true });
            location.hash = '#/approvals';""")
        self.browser.wait_for_text("Look first")
        self.assertIsNone(caller.result)
        self.browser.key("n")
        self.browser.click("#say-no")
        self.assertIn("no", caller.text())

    def test_nothing_an_agent_writes_becomes_markup_or_turns_the_text_round(self):
        hostile = "</pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202egpj.exe\u200b"
        caller = self.ask("destroy", {"name": hostile})
        self.browser.wait_for_text("document.title='owned'", ".arguments")
        self.assertEqual(self.browser.run("return document.querySelectorAll('.card script, .card img').length"), 0)
        self.assertNotIn("owned", self.browser.driver.title)
        shown = self.browser.text(".arguments")
        self.assertIn("\\u{202e}gpj.exe\\u{200b}", shown)
        self.assertNotIn("\u202e", shown)
        self.assertEqual([mark.text for mark in self.browser.all(".arguments mark")], ["\\u{202e}", "\\u{200b}"])
        self.browser.wait_for_text("characters that change the direction of text", ".alarm")
        self.browser.picture("hostile")
        self.browser.key("n")
        self.browser.click("#say-no")
        caller.join(timeout=60)

    def test_what_was_answered_elsewhere_goes_away_by_itself(self):
        caller = self.ask("destroy", {"name": "delta"})
        self.browser.wait_for_text('"name": "delta"', ".arguments")
        ticket = self.gateway.wait_for_question()["ticket"]
        self.gateway.decide("approvals", "deny", ticket)
        self.browser.wait_for_text("This question is closed")
        self.assertIn("a person said no", caller.text())

    def no(self, caller):
        self.browser.key("n")
        self.browser.click("#say-no")
        self.assertIn("no", caller.text())

    def test_a_question_that_ended_before_it_was_shown_makes_way_for_the_next(self):
        for late in ("the look at it", "the answer to the look"):
            with self.subTest(late):
                self.browser.hold("GET", "/api/v1/approvals/ask-", answers=late.startswith("the answer"))
                over = self.gateway.calling("destroy", {"name": f"over, late: {late}"})
                self.browser.wait_for_held()
                self.gateway.decide("approvals", "deny", self.gateway.wait_for_question()["ticket"])
                self.assertIn("a person said no", over.text())
                self.browser.wait(lambda: not self.browser.all(".questions li"))
                caller = self.gateway.calling("destroy", {"name": f"next, late: {late}"})
                self.browser.one(".questions li")
                self.browser.let_go()
                self.browser.wait_for_text('"name": "next', ".arguments")
                self.no(caller)
                self.browser.wait_for_text("Nothing waits")

    def test_an_address_of_a_question_that_is_over_leads_to_one_that_waits(self):
        caller = self.ask("destroy", {"name": "still there"})
        self.browser.go("c")
        self.browser.wait_for_text("Live calls", "h1")
        self.browser.run("location.hash = '#/approvals/ask-gone'")
        self.browser.wait_for_text('"still there"', ".arguments")
        self.no(caller)

    def test_what_is_typed_right_after_the_key_of_the_stop_is_its_reason(self):
        caller = self.ask("destroy", {"name": "epsilon"})
        self.browser.wait_for_text('"name": "epsilon"', ".arguments")
        self.settled()
        self.browser.hold("GET", "/api/v1/lockdowns")
        self.browser.key("!yes")
        self.assertEqual(self.browser.one("#why").get_attribute("value"), "yes")
        self.browser.let_go()
        self.browser.one("#why").send_keys(Keys.ESCAPE)
        self.no(caller)

    def test_an_answer_on_its_way_holds_up_no_other(self):
        first = self.ask("destroy", {"name": "zeta"})
        self.browser.wait_for_text('"name": "zeta"', ".arguments")
        ticket = self.gateway.wait_for_question()["ticket"]
        second = self.gateway.calling("destroy", {"name": "eta"})
        self.browser.wait(lambda: len(self.browser.all(".questions li")) == 2)
        self.settled()
        self.browser.hold("POST", f"/api/v1/approvals/{ticket}/answer")
        self.browser.key("y")
        self.browser.wait_for_held()
        self.browser.key("n")
        self.browser.click("#say-no")
        self.browser.wait_for_text("this one was not sent")
        self.browser.click("#toasts .wrong button")
        self.browser.key("j")
        self.browser.wait_for_text('"name": "eta"', ".arguments")
        self.no(second)
        self.assertIsNone(first.result)
        self.browser.let_go()
        self.browser.wait_for_text("shop.destroy: approved")
        self.assertIn("destroyed zeta", first.text())


class FarAway(Approvals):
    """The same where every answer takes a while: keys and questions come in between."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser.delay(milliseconds=400)


class Cards(Page):
    configuration = PATIENT.replace("shop.put: {{ tier: T1, scope: {{ /path: {{ glob: \"/data/out/**\" }} }} }}", "shop.put: {{ tier: T2 }}")

    def test_a_card_tells_what_is_new_what_changes_and_what_was_done_before(self):
        (self.gateway.folder / "out/note.txt").write_text("one\ntwo\nthree\n")
        self.gateway.call("peek", {"key": "before"})
        caller = self.ask("put", {"path": "/data/out/note.txt", "text": "one\n2\nthree\n"})
        self.browser.wait_for_text("shop.peek", ".lines.before")
        self.assertTrue(self.browser.text(".lines.file .removed").endswith("two"))
        self.assertTrue(self.browser.text(".lines.file .added").endswith("2"))
        self.assertIn("the first call of this tool", self.browser.text(".lines.unusual .alarm"))
        # The same content in the terminal.
        shown = self.gateway.run("approvals", "show", self.gateway.wait_for_question()["ticket"]).stdout
        for text in ("\n- two\n", "\n+ 2\n", "\n! the first call of this tool", "shop.peek  ok"):
            self.assertIn(text, shown)
        self.check("card")
        self.settled()
        self.browser.key("y")
        self.assertIn("written", caller.text())
        # What was new is known now; another folder is not, and what lies elsewhere is not read.
        caller = self.ask("put", {"path": "/etc/cron.d/x", "text": "* * * * * root sh\n"})
        self.browser.wait_for_text("first folder of its name: /etc/cron.d; usual: /data/out (1)", ".lines.unusual")
        self.assertIn("not compared: it lies outside", self.browser.text(".lines.file"))
        self.browser.key("n")
        self.browser.click("#say-no")
        caller.join(timeout=60)

    def test_a_yes_counts_only_after_the_whole_call_was_shown(self):
        text = "\n".join(f"line {number}" for number in range(900))
        caller = self.ask("put", {"path": "/data/out/long.txt", "text": text})
        self.browser.wait_for_text("more of 9", ".arguments .fold")
        self.settled()
        self.browser.key("y")
        self.browser.wait_for_text("line 899", ".arguments")
        self.assertIsNone(caller.result)
        self.browser.run("delete window.seen")
        self.settled()
        self.browser.key("y")
        self.assertIn("written", caller.text())


class Login(unittest.TestCase):
    def test_a_person_logs_in_works_in_two_tabs_and_leaves(self):
        with People(PATIENT, tokens=()) as gateway, Browser() as browser:
            browser.open(gateway.site + "/")
            browser.one("#name").send_keys("ana")
            browser.picture("login")
            self.assertEqual(accessibility(browser), [])
            browser.one("#passphrase").send_keys("not it", Keys.ENTER)
            browser.wait_for_text("the approver or the passphrase is wrong")
            browser.one("#passphrase").send_keys(PASSPHRASE, Keys.ENTER)
            browser.wait_for_text("Nothing waits")
            self.assertEqual(browser.run("return document.cookie"), "")
            browser.driver.switch_to.new_window("tab")
            browser.open(gateway.site + "/")
            browser.wait_for_text("Nothing waits")
            next(b for b in browser.all("header button") if b.text == "Log out").click()
            browser.one("#passphrase")
            browser.driver.switch_to.window(browser.driver.window_handles[0])
            browser.wait_for_text("Your session is over")
            wrong = [line for line in browser.complaints() if "401" not in line]
            self.assertEqual(wrong, [])

    def test_no_other_page_frames_the_console(self):
        with People(PATIENT, tokens=()) as gateway, Browser() as browser:
            browser.log_in(gateway)
            browser.open(f"data:text/html,<iframe src='{gateway.site}/'></iframe>")
            browser.driver.switch_to.frame(browser.one("iframe"))
            self.assertNotIn("Approvals", browser.text())
            self.assertEqual(browser.all("#app"), [])


if __name__ == "__main__":
    unittest.main()
