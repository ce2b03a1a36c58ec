#!/usr/bin/env python3
"""What idle agents cost the gateway in memory: sessions, connections, and event streams.

    GATEHOUSE_BINARY=.build/release/gatehouse Benchmarks/sessions/run.py [SESSIONS] [STREAMS]

Run it with a Python that has what Tests/EndToEnd needs. Agents come from many loopback addresses with several
credentials, as the gateway bounds both. Figures are the private dirty memory of the gateway's process.
"""
import json
import resource
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))
from agents import configuration, initialize  # noqa: E402
from upstreams import ProtocolGateway, hosted, placed  # noqa: E402

SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
STREAMS = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
PER_TOKEN, PER_ADDRESS, REVISION = 4000, 900, "2025-11-25"
TOKENS = ["agent" + "abcdefgh"[i] for i in range(-(-STREAMS // PER_TOKEN) + 1)]


class Agent:
    """One agent on a connection of its own."""

    def __init__(self, gateway, number, token):
        self.gateway, self.token, self.session = gateway, gateway.secrets[token], None
        self.source = f"127.0.{1 + number // PER_ADDRESS}.1"
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=60, source_address=(self.source, 0))

    def send(self, method, message=None, last=None):
        body = json.dumps(message).encode() if message else b""
        fields = {"Host": f"127.0.0.1:{self.gateway.port}", "Authorization": f"Bearer {self.token}",
                  "Accept": "application/json, text/event-stream", "Content-Type": "application/json", "Content-Length": len(body)}
        if self.session:
            fields |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": REVISION}
        self.socket.sendall(f"{method} /mcp HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n" + body)
        seen = b""
        while b"\r\n\r\n" not in seen or (last or b"") not in seen:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise RuntimeError(f"closed: {seen!r}")
            seen += piece
        head, _, rest = seen.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(rest) < int(line.split(b":")[1]):
                    rest += self.socket.recv(1 << 16)
            if line.lower().startswith(b"mcp-session-id:"):
                self.session = line.split(b":")[1].strip().decode()
        if not head.startswith(b"HTTP/1.1 20"):
            raise RuntimeError(seen.decode())

    def open(self):
        self.send("POST", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize(REVISION)})
        self.send("POST", {"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def list(self):
        """A page of tools; each is durable in the log first, so that thousands, one after the other, take their time."""
        self.send("POST", {"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        return self

    def close(self):
        self.socket.close()
        return self

    def listen(self):
        """On the connection it has."""
        self.send("GET", last=b":\n\n")
        return self


def dirty(gateway):
    """KiB of the gateway's own memory, once nothing of it is on its way any more."""
    rollup = Path(f"/proc/{gateway.process.pid}/smaps_rollup").read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith("Private_Dirty")).split()[1])


class Phases:
    """Figures of one gateway: what each phase added to its memory, for each agent."""

    def __init__(self):
        tools = configuration({"up": hosted(REVISION)}, placed("up"))
        self.gateway, self.agents = ProtocolGateway(tools, accept=["up"], tokens=TOKENS), []

    def __enter__(self):
        self.gateway.__enter__()
        return self

    def __exit__(self, *error):
        for agent in self.agents:
            agent.close()
        self.gateway.__exit__(*error)

    def agent(self, number, token):
        self.agents.append(Agent(self.gateway, number, token))
        return self.agents[-1]

    def phase(self, name, count, each):
        """`each` is called with the numbers of that many agents."""
        print(f"{name}: {count}", file=sys.stderr, flush=True)
        before = dirty(self.gateway)
        for number in range(count):
            each(number)
        return round((dirty(self.gateway) - before) / count, 2)


def sessions(count):
    """Sessions that listed tools once, without their connections and with them."""
    with Phases() as phases:
        def left(number):
            """Their connections are closed; a hundred at a time wait in the kernel of one address."""
            phases.agent(number % 100, TOKENS[0]).open().list().close()
        phases.phase("warm-up", 300, left)  # what is set up once is no session's
        alone = phases.phase("sessions", count, left)
        connected = phases.phase("connected sessions", count, lambda number: phases.agent(number, TOKENS[1]).open().list())
        return {"session_kib": alone, "session_with_connection_kib": connected}


def streams(count):
    """Event streams of that many sessions at once, each on the connection its session was opened by."""
    with Phases() as phases:
        phases.phase("warm-up", 100, lambda number: phases.agent(number, TOKENS[0]).open().listen())
        connected = phases.phase("sessions that will listen", count, lambda number: phases.agent(
            number, TOKENS[1 + number // PER_TOKEN]).open())
        stream = phases.phase("streams", count, lambda number: phases.agents[100 + number].listen())
        # Who has a stream is served beside it.
        Agent(phases.gateway, count, TOKENS[0]).open().list().close()
        return {"listening_session_with_connection_kib": connected, "stream_beyond_session_kib": stream,
                "whole_mib": round(dirty(phases.gateway) / 1024, 1)}


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    print(json.dumps({"sessions": SESSIONS, "streams": STREAMS, **sessions(SESSIONS), **streams(STREAMS)}))


if __name__ == "__main__":
    main()
