"""Memory that a large result took goes back to the system when no other comes."""
import re
import unittest
from pathlib import Path

from harness import BINARY, Gateway

BULK = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  bulk: {{ command: [/usr/bin/python3, "{servers}/bulk.py"] }}
tools:
  bulk.bulk: {{ tier: T0 }}
"""


class LargeResults(unittest.TestCase):
    def test_what_a_large_result_took_goes_back(self):
        with Gateway(BULK, accept=["bulk"]) as gateway:
            self.assertGreater(self.call(gateway, 1000), 1000)
            # The peak is counted from here: to check an approver's passphrase takes 128 MB.
            Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")
            before = self.figure(gateway, "VmRSS")
            self.assertGreater(self.call(gateway, 10_000_000), 10_000_000)
            growth = self.figure(gateway, "VmHWM") - before
            self.assertGreater(growth, 10_000_000)
            if "release" in BINARY.parts:  # without optimisation values live longer
                self.assertLess(growth, 30_000_000)
            gateway.wait_for(lambda: self.figure(gateway, "VmRSS") < before + 10_000_000)

    def call(self, gateway, count):
        _, _, answer = gateway.modern(
            "tools/call", {"name": "bulk", "arguments": {"bytes": count}}, path="/mcp/bulk")
        return sum(len(block["text"]) for block in answer["result"]["content"])

    def figure(self, gateway, name):
        status = Path(f"/proc/{gateway.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) << 10


if __name__ == "__main__":
    unittest.main()
