"""More than one person at the console: two yeses, and one alone in an emergency."""
import unittest

from browser import Keys
from browser_console import PATIENT, Page

PRODUCTION = PATIENT.replace("environment: staging", "environment: production")


class TwoPeople(Page):
    configuration = PRODUCTION

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.add_approver("ben")
        cls.ben = cls.gateway.log_in("ben")

    def tearDown(self):
        # An answer that does not count is a 409, of which the browser complains.
        self.assertEqual([line for line in self.browser.complaints() if "409" not in line], [])

    def press(self, text):
        self.browser.click(lambda: next(b for b in self.browser.all("button") if b.text == text))

    def execute(self, word):
        caller = self.gateway.calling("execute", {"command": ["/bin/echo", word]})
        self.browser.wait_for_text(f'"{word}"', ".arguments")
        return caller

    def no(self, caller):
        self.browser.key("n")
        self.browser.click("#say-no")
        self.assertIn("no", caller.text())

    def test_the_card_counts_the_yes_of_another_person(self):
        caller = self.execute("counted")
        self.browser.wait_for_text("0 of 2 people said yes", ".facts")
        question = self.gateway.wait_for_question()
        self.ben.post(f"/approvals/{question['ticket']}/answer", {"yes": True, "revision": question["revision"]})
        self.browser.wait_for_text("1 of 2 people said yes", ".facts")
        self.no(caller)

    def test_a_question_that_changes_while_it_is_fetched_is_shown_as_it_is_now(self):
        self.browser.hold("GET", "/api/v1/approvals/ask-", answers=True)
        caller = self.gateway.calling("execute", {"command": ["/bin/echo", "first"]})
        self.browser.wait_for_held()
        question = self.gateway.wait_for_question()
        self.ben.post(f"/approvals/{question['ticket']}/edit", {"revision": question["revision"], "arguments": {"command": ["/bin/echo", "second"]}})
        self.browser.one(".questions [data-revision='2/1']")
        self.browser.let_go()
        self.browser.wait_for_text('"second"', ".arguments")
        self.browser.wait_for_text("1 of 2 people said yes", ".facts")
        self.no(caller)

    def test_a_no_to_what_changed_meanwhile_is_not_sent(self):
        caller = self.execute("before")
        question = self.gateway.wait_for_question()
        self.browser.key("n")
        self.browser.one("#reason").send_keys("not before")
        self.ben.post(f"/approvals/{question['ticket']}/edit", {"revision": question["revision"], "arguments": {"command": ["/bin/echo", "after"]}})
        self.browser.wait_for_text('"after"', ".arguments")
        self.browser.click("#say-no")
        self.browser.wait_for_text("The question changed meanwhile")
        self.assertIsNone(caller.result)
        self.no(caller)

    def test_two_people_must_say_yes_and_one_person_is_one(self):
        caller = self.execute("twice")
        self.browser.wait_for_text("0 of 2 people said yes", ".facts")
        self.settled()
        self.browser.key("y")
        self.browser.wait_for_text("yes counted; 1 more needed")
        self.browser.wait_for_text("1 of 2 people said yes", ".facts")
        self.settled()
        self.browser.key("y")
        self.browser.wait_for_text("you answered this already")
        # Nor does a second session of the same person.
        question = self.gateway.waiting()[0]
        answer = {"yes": True, "revision": question["revision"]}
        again = self.gateway.log_in("ana")
        self.assertEqual(again.fails("POST", f"/approvals/{question['ticket']}/answer", answer), (409, "refused"))
        self.assertIsNone(caller.result)
        self.assertEqual(self.ben.post(f"/approvals/{question['ticket']}/answer", answer), {"answer": "approved"})
        self.assertIn("twice", caller.text())
        self.browser.wait_for_text("This question is closed")

    def test_who_breaks_the_glass_answers_alone_and_another_reviews_it(self):
        self.browser.go("u")
        self.browser.wait_for_text("Nobody answers alone")
        self.press("Break the glass…")
        self.browser.one("#glass-reason").send_keys("the database is on fire")
        self.check("break-glass")
        self.press("Break it")
        self.browser.wait_for_text("the database is on fire", "table")
        self.browser.go("a")
        caller = self.execute("alone")
        self.settled()
        self.browser.click("#alone")
        self.assertIn("alone", caller.text())
        glass = self.ben.get("/emergencies")[0]
        self.assertEqual((glass["by"], [use["tool"] for use in glass["uses"]]), ("ana", ["shop.execute"]))
        self.browser.go("u")
        self.press("Close")
        self.browser.wait_for_text("Closed.")
        self.ben.post(f"/emergencies/{glass['id']}/review", {"comment": "it was on fire"})
        self.browser.wait_for_text("Nobody answers alone")


if __name__ == "__main__":
    unittest.main()
