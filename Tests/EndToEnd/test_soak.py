"""A gateway under mixed load for a while: every call is answered and recorded, and nothing grows.

`GATEHOUSE_SOAK_SECONDS` says how long; ten minutes in `make test-long`.
"""
import collections
import json
import os
import signal
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

from ledger import LedgerGateway, text_of

SECONDS = float(os.environ.get("GATEHOUSE_SOAK_SECONDS", "15"))
AGENTS = 4
MEMORY_GROWTH_MB = 16
DESCRIPTOR_GROWTH = 8


class Size:
    """What a process holds: resident memory, descriptors, threads."""

    def __init__(self, process):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        self.megabytes = int(status["VmRSS"].split()[0]) / 1024
        self.threads = int(status["Threads"])
        try:
            self.descriptors = len(os.listdir(f"/proc/{process}/fd"))
        except PermissionError:  # the gateway hides what it holds from all but root
            self.descriptors = 0


class Soak(unittest.TestCase):
    def test_a_gateway_under_load_answers_all_records_all_and_does_not_grow(self):
        with LedgerGateway() as gateway:
            self.gateway, self.counts, self.faults = gateway, collections.Counter(), []
            self.next, self.lock, self.over = 0, threading.Lock(), threading.Event()
            agents = [threading.Thread(target=self.agent) for _ in range(AGENTS)]
            for agent in agents:
                agent.start()
            try:
                # A quarter of the time to reach the size that is kept; then it is watched.
                self.over.wait(SECONDS / 4)
                first = Size(gateway.process.pid)
                deadline = time.monotonic() + SECONDS * 3 / 4
                while not self.over.wait(min(5.0, max(0.0, deadline - time.monotonic()))):
                    if time.monotonic() >= deadline:
                        break
                    gateway.process.send_signal(signal.SIGHUP)  # the same configuration again
            finally:
                self.over.set()
                for agent in agents:
                    agent.join()
            self.assertEqual([], self.faults[:3])
            last = Size(gateway.process.pid)
            calls = sum(self.counts[tool] for tool in ("look", "note", "strike"))
            print(f"soak: {SECONDS:.0f} s, {calls} calls, {calls / SECONDS:.0f}/s, {dict(self.counts)}; memory "
                  f"{first.megabytes:.1f} to {last.megabytes:.1f} MB, descriptors {first.descriptors} to {last.descriptors}, "
                  f"threads {first.threads} to {last.threads}", file=sys.stderr)
            self.assertLess(last.megabytes - first.megabytes, MEMORY_GROWTH_MB)
            self.assertLess(last.descriptors - first.descriptors, DESCRIPTOR_GROWTH)
            self.assertLess(last.threads - first.threads, DESCRIPTOR_GROWTH)
            self.check_log(gateway, calls)

    def check_log(self, gateway, calls):
        """Each call has one intent and one outcome, and the log holds together."""
        verified = gateway.run("audit", "verify")
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)
        kinds = collections.defaultdict(collections.Counter)
        for record in gateway.records():
            kinds[record["kind"]][record.get("call")] += 1
        self.assertEqual(calls, len(kinds["intent"]))
        self.assertEqual(kinds["intent"], kinds["outcome"])
        self.assertEqual({1}, set(kinds["intent"].values()))

    # What an agent does

    def agent(self):
        acts = [self.call] * 6 + [self.session, self.nonsense, self.stranger, self.hang_up]
        try:
            while not self.over.is_set():
                with self.lock:
                    number, self.next = self.next, self.next + 1
                acts[number % len(acts)](number)
        except Exception as error:  # one fault is enough; the others end as well
            self.faults.append(repr(error))
            self.over.set()

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def call(self, number):
        tool = ("look", "note", "strike")[number % 3]
        result = self.gateway.tool(tool, number)
        if result.get("isError") or f"{tool} {number} done" not in text_of(result):
            raise AssertionError(f"{tool} {number}: {result}")
        self.count(tool)

    def session(self, number):
        """A handshake of 2025-11-25, a list, and its end."""
        begin = {"jsonrpc": "2.0", "id": number, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}}}
        _, headers, _ = self.gateway.post(begin)
        fields = {"Mcp-Session-Id": headers["Mcp-Session-Id"], "MCP-Protocol-Version": "2025-11-25"}
        self.gateway.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, fields)
        _, _, answer = self.gateway.post({"jsonrpc": "2.0", "id": number, "method": "tools/list"}, fields)
        if b"ledger__look" not in (answer if isinstance(answer, bytes) else json.dumps(answer).encode()):
            raise AssertionError(f"session {number}: {answer}")
        self.gateway.post(None, fields, method="DELETE")
        self.count("sessions")

    def nonsense(self, number):
        status, _, _ = self.gateway.post(b'{"jsonrpc": "2.0", "id": 1, "id": 2}')
        if status != 400:
            raise AssertionError(f"nonsense: {status}")
        self.count("nonsense")

    def stranger(self, number):
        status, _, _ = self.gateway.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, token=None)
        if status != 401:
            raise AssertionError(f"stranger: {status}")
        self.count("strangers")

    def hang_up(self, number):
        """A peer that goes away in the middle of its request."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=30) as peer:
            peer.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        self.count("hang-ups")


if __name__ == "__main__":
    unittest.main()
