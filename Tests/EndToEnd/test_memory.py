"""Memory that a large result took goes back to the system when no other comes."""
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

from agents import HTTPAgent
from harness import ROOT, Gateway
from upstreams import scripted

BULK = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}" }}
servers:
  bulk: {{ command: [/usr/bin/python3, "{servers}/bulk.py"] }}
tools:
  bulk.bulk: {{ tier: T0 }}
"""
HOSTED = '{{ command: [/usr/bin/python3, "{servers}/bulk.py"] }}'
SIZE = 10_000_000
# Line breaks are escaped on the wire, as in the text of any program.
LINE = "a line like any other, with nothing in it that anybody would look for\n"


HIDDEN = "the gateway hides its memory: only root reads what it holds"


def bulky(upstream):
    """Makes the results of a remote server as large as the caller wants."""
    def call(id, params):
        count = params["arguments"]["bytes"]
        yield upstream.script.text(id, (LINE * (count // len(LINE) + 1))[:count])

    upstream.script.tools, upstream.script.call = [scripted.tool("bulk", {"bytes": {"type": "integer"}})], call
    return upstream


@unittest.skipUnless(os.geteuid() == 0, HIDDEN)
class LargeResults(unittest.TestCase):
    """It takes at most three times its size, and what it took is back within ten seconds."""

    def test_of_a_hosted_server(self):
        self.look(BULK)

    def test_of_a_remote_server(self):
        with bulky(scripted.HTTPUpstream("2025-06-18")) as upstream:
            self.look(BULK.replace(HOSTED, f'{{{{ url: "{upstream.url}" }}}}'))
            self.assertEqual(len(upstream.calls("bulk")), 2)

    def look(self, configuration):
        with Gateway(configuration, accept=["bulk"]) as gateway:
            self.assertGreater(self.call(gateway, 1000), 1000)
            # The peak is counted from here: to check an approver's passphrase takes 128 MB.
            Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")
            before = self.figure(gateway, "VmRSS")
            self.assertGreater(self.call(gateway, SIZE), SIZE)
            answered = time.monotonic()
            growth = self.figure(gateway, "VmHWM") - before
            self.assertGreater(growth, SIZE)
            # The large pieces are freed with the answer; the rest goes back when no other result came for a while.
            gateway.wait_for(lambda: self.figure(gateway, "VmRSS") < before + SIZE / 5)
            seconds = time.monotonic() - answered
            left = self.figure(gateway, "VmRSS") - before
            print(f"\ngrew by {growth / 1e6:.1f} MB, all but {left / 1e6:.1f} MB back after {seconds:.1f} s", flush=True)
            self.assertLessEqual(growth, 3 * SIZE)
            self.assertLessEqual(seconds, 10)

    def call(self, gateway, count):
        _, _, answer = gateway.modern(
            "tools/call", {"name": "bulk", "arguments": {"bytes": count}}, path="/mcp/bulk")
        return sum(len(block["text"]) for block in answer["result"]["content"])

    def figure(self, gateway, name):
        status = Path(f"/proc/{gateway.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) << 10


# `make test-long` holds 10,000.
STREAMS = os.environ.get("GATEHOUSE_STREAMS", "500")
NARROW = BULK.replace('mcp: "127.0.0.1:{port}"', 'mcp: "127.0.0.1:{port}", connections: 3')


class IdleAgents(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, HIDDEN)
    def test_they_hold_little(self):
        """Bounds in KiB with room for a debug build; `Benchmarks/sessions` says what it is."""
        done = subprocess.run([sys.executable, ROOT / "Benchmarks/sessions/run.py", "500", STREAMS], capture_output=True, text=True, timeout=420)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        figures = json.loads(done.stdout)
        print("\n" + done.stdout, end="", flush=True)
        for name, most in (("session_kib", 8), ("session_with_connection_kib", 20), ("stream_beyond_session_kib", 4)):
            self.assertLess(figures[name], most, figures)

    def test_connections_beyond_those_written_wait_for_one_that_ends(self):
        with Gateway(NARROW, accept=["bulk"]) as gateway:
            streams = [HTTPAgent(gateway, "2025-11-25") for _ in range(4)]
            held = [agent.start({}, {"Accept": "text/event-stream"}, "GET") for agent in streams[:3]]
            for connection in held:
                self.assertEqual(connection.getresponse().status, 200)
            waiting = streams[3].start(streams[3].message("ping"))
            readable, _, _ = select.select([waiting.sock], [], [], 1)
            self.assertEqual(readable, [])  # accepted by the kernel, and not by the gateway
            held[0].sock.shutdown(socket.SHUT_RDWR)
            self.assertEqual(streams[3].finish(waiting)[2][-1]["result"], {})
            for connection in held:
                connection.close()


if __name__ == "__main__":
    unittest.main()
