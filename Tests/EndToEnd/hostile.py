"""Many sockets of clients that mean no good, driven by one thread."""
import contextlib
import re
import resource
import selectors
import socket
import time
from pathlib import Path

from harness import Gateway

BULK = """
gatehouse: 1
environment: staging
listen: {{ mcp: "127.0.0.1:{port}", control: "127.0.0.1:{control}" }}
servers:
  bulk: {{ command: [/usr/bin/python3, "{servers}/bulk.py"] }}
tools:
  bulk.bulk: {{ tier: T0 }}
"""


# Where nobody raised it, a process may open a thousand files.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class Sockets:
    """Connections to one port; sends without waiting, and notes what comes back."""

    def __init__(self, port, count):
        self.selector, self.answers, self.ended = selectors.DefaultSelector(), {}, set()
        self.all = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=30)
            one.setblocking(False)
            self.selector.register(one, selectors.EVENT_READ)
            self.answers[one] = b""
            self.all.append(one)

    def send(self, data):
        """To every connection that is still open; how many took it."""
        taken = 0
        for one in self.all:
            if one in self.ended:
                continue
            with contextlib.suppress(OSError):
                taken += one.send(data) > 0
        return taken

    def read(self, seconds):
        """Reads what comes until all ended or the time is over."""
        deadline = time.monotonic() + seconds
        while len(self.ended) < len(self.all) and (left := deadline - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                one, data = key.fileobj, b""
                with contextlib.suppress(ConnectionError):
                    data = one.recv(65536)
                self.answers[one] += data
                if not data:
                    self.selector.unregister(one)
                    self.ended.add(one)

    def statuses(self):
        """How often each status line came; None for no answer."""
        found = {}
        for text in self.answers.values():
            match = re.match(rb"HTTP/1\.1 (\d+) ", text)
            status = int(match[1]) if match else None
            found[status] = found.get(status, 0) + 1
        return found

    def close(self):
        for one in self.all:
            one.close()
        self.selector.close()


def resident(gateway):
    """Bytes of memory the gateway has at the moment."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10


class HostileGateway(Gateway):
    def __init__(self, control, **more):
        super().__init__(BULK.replace("{control}", str(control)), accept=["bulk"], **more)

    def call(self, count=1000):
        """The seconds an ordinary call takes."""
        began = time.monotonic()
        status, _, answer = self.modern("tools/call", {"name": "bulk", "arguments": {"bytes": count}}, path="/mcp/bulk")
        if status != 200 or "result" not in answer:
            raise AssertionError(answer)
        return time.monotonic() - began

    def head(self, length):
        """The beginning of an authorised request with a body of that length."""
        return (f"POST /mcp/bulk HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
                f"Accept: application/json, text/event-stream\r\nAuthorization: Bearer {self.secrets['bot']}\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()
