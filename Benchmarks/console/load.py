#!/usr/bin/python3
"""What a crowd of approvers costs the calls of agents.

    GATEHOUSE_BINARY=… Benchmarks/console/load.py [--streams 200] [--waiting 200] [--calls 250] [--rounds 40] [--live]

Measures T0 calls, one after another on one kept connection, through two gateways in turns: one alone, and one with so
many questions waiting and so many open pages of the console (with --live each of them follows the calls, too). Prints
the percentiles of both as JSON. What the pages are sent is read by this program, on the same processors.
"""
import argparse
import http.client
import json
import selectors
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))
from people import CONSOLE, People  # noqa: E402

QUICK = CONSOLE.replace("hold: 20s, expiry: 30s", "hold: 0s, expiry: 1h")


class Crowd:
    """Open pages, and the thread that reads what they are sent."""

    def __init__(self, client, count, live):
        self.selector, self.sockets, self.received = selectors.DefaultSelector(), [], 0
        self.ended = 0
        self.isOpen = True
        request = (f"GET /api/v1/events{'?calls=1' if live else ''} HTTP/1.1\r\nHost: {client.host}\r\nCookie: {client.cookie}\r\n"
                   f"Gatehouse-Token: {client.token}\r\n\r\n").encode()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", client.port), timeout=60)
            connection.sendall(request)
            assert connection.recv(12) == b"HTTP/1.1 200"
            connection.setblocking(False)
            self.sockets.append(connection)
            self.selector.register(connection, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while self.isOpen:
            for key, _ in self.selector.select(timeout=0.2):
                try:
                    piece = key.fileobj.recv(1 << 20)
                except BlockingIOError:
                    continue
                self.received += len(piece)
                if not piece:  # a page that was ended would be looked at again and again
                    self.selector.unregister(key.fileobj)
                    self.ended += 1

    def close(self):
        self.isOpen = False
        self.thread.join()
        for connection in self.sockets:
            connection.close()


def measure(gateway, count):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "peek", "arguments": {"key": "x"}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})
    fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Method": "tools/call",
              "Mcp-Name": "peek", "MCP-Protocol-Version": "2026-07-28", "Authorization": f"Bearer {gateway.secrets['bot']}"}
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", "/mcp/shop", body, fields)
        answer = connection.getresponse().read()
        times.append(time.perf_counter() - began)
        assert b'"isError":true' not in answer, answer
    connection.close()
    return times


def ask(gateway, client, count):
    for number in range(count):
        if number % 10 == 0:
            owner = f"asker-{number // 10}"
            gateway.secrets[owner] = client.post("/tokens", {"owner": owner})["token"]
        gateway.call("destroy", {"name": f"thing {number}"}, token=owner)
    assert len(client.get("/approvals")) == count


def summary(times):
    times = sorted(times)
    return {"calls": len(times), **{f"p{p}_us": round(times[int(len(times) * p / 100)] * 1e6) for p in (50, 90, 99)},
            "mean_us": round(statistics.fmean(times) * 1e6)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--waiting", type=int, default=200)
    parser.add_argument("--calls", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--live", action="store_true")
    options = parser.parse_args()
    with People(QUICK, tokens=("bot",)) as alone, People(QUICK, tokens=("bot",)) as crowded:
        client = crowded.log_in()
        ask(crowded, client, options.waiting)
        crowd = Crowd(client, options.streams, options.live)
        times = {"alone": [], "crowded": []}
        try:
            for gateway in (alone, crowded):
                measure(gateway, 500)
            # In turns, so that whatever else the machine does falls on both.
            for _ in range(options.rounds):
                times["alone"] += measure(alone, options.calls)
                times["crowded"] += measure(crowded, options.calls)
        finally:
            crowd.close()
        assert crowd.ended == 0, f"{crowd.ended} pages were ended"
    figures = {kind: summary(values) for kind, values in times.items()}
    change = {f"p{p}": round(figures["crowded"][f"p{p}_us"] / figures["alone"][f"p{p}_us"] - 1, 3) for p in (50, 90, 99)}
    print(json.dumps({**figures, "change": change, "bytes_to_pages": crowd.received, "streams": options.streams,
                      "waiting": options.waiting, "live": options.live}, indent=1))


main()
