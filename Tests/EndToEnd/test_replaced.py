"""Servers that another takes the place of while the gateway runs."""
import hashlib
import os
import signal
import threading
import unittest

from agents import MODERN, HTTPAgent, text_of
from harness import Gateway

CONFIGURATION = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
secrets:
  word: {{ file: ./word }}
servers:
  slow:
    command: [/usr/bin/python3, "{servers}/lingering.py"]
    env: {{ WORD: first }}
    cage: {{ write: {{ /data/out: ./out }}, network: none }}
tools:
  slow.tell: {{ tier: T0, result: own }}
"""


def digest(word):
    return hashlib.sha256(word.encode()).hexdigest()[:8]


class Replaced(unittest.TestCase):
    def start(self, text):
        gateway = Gateway(text, accept=["slow"])
        self.word = gateway.folder / "word"
        self.word.write_text("the first word of all")
        os.chmod(self.word, 0o600)
        self.gateway = self.enterContext(gateway)

    def told(self):
        return text_of(HTTPAgent(self.gateway, MODERN, "slow").call("tell"))

    def test_a_call_waits_for_the_one_that_was_accepted(self):
        self.start(CONFIGURATION)
        self.assertEqual(self.told(), digest("first"))
        file = self.gateway.folder / "gatehouse.yaml"
        file.write_text(file.read_text().replace("WORD: first", "WORD: second"))
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_for(lambda: "not reloaded, it loosens" in self.gateway.log_text())
        change = threading.Thread(target=self.gateway.decide, args=("check", "--accept"))
        change.start()
        # The one before stays for seconds: it is there when the call comes.
        self.gateway.wait_for((self.gateway.folder / "out/leaving").exists)
        self.assertEqual(self.told(), digest("second"))
        change.join()

    def test_a_new_secret_is_there_when_its_server_has_said_what_it_offers(self):
        self.start(CONFIGURATION.replace("WORD: first", "WORD: {{ secret: word, expose: true }}"))
        self.word.write_text("another word than that")
        self.assertIn("in force", self.gateway.decide("secrets", "rotate", "word"))
        self.assertRegex(self.gateway.run("tools", "list").stdout, "offered +slow.tell")


if __name__ == "__main__":
    unittest.main()
