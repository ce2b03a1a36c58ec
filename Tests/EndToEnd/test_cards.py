"""What a card compares a write with: the file as the server sees it, in its copy of a folder too."""
import unittest

from people import CONSOLE, People

ASKING = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 120s, expiry: 300s") \
    .replace("shop.destroy: {{ tier: T2 }}", "shop.destroy: {{ tier: T0 }}") \
    .replace("shop.put: {{ tier: T1, scope: {{ /path: {{ glob: \"/data/out/**\" }} }} }}", "shop.put: {{ tier: T2 }}")


class Copying(People):
    """Something denied lies in the folder its server writes to: it gets a copy on write."""

    def __init__(self):
        super().__init__(ASKING)
        (self.folder / "out/.env").write_text("TOP SECRET\n")
        (self.folder / "out/done.log").write_text("of the host\n")
        (self.folder / "out/done.log").chmod(0o666)


class Copies(unittest.TestCase):
    def test_a_write_is_compared_with_what_the_server_wrote_before(self):
        with Copying() as gateway:
            for number, before in enumerate((["of the host"], ["of the host", "destroy it"])):
                text = "\n".join(["of the host", f"another {number}", ""])
                caller = gateway.calling("put", {"path": "/data/out/done.log", "text": text})
                question = gateway.wait_for_question()
                card = gateway.run("approvals", "show", question["ticket"]).stdout
                self.assertIn(f"+ another {number}", card)
                self.assertEqual("- destroy it" in card, "destroy it" in before, card)
                gateway.decide("approvals", "deny", question["ticket"])
                caller.text()
                if number == 0:
                    gateway.call("destroy", {"name": "it"})
            self.assertEqual((gateway.folder / "out/done.log").read_text(), "of the host\n")


if __name__ == "__main__":
    unittest.main()
