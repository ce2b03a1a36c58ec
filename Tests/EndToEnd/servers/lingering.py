"""A server that takes its time to go: at the end of its input it says so in /data/out/leaving, and stays until it is
made to go. Its one tool says a digest of what stands in $WORD."""
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

WHOSE = {"type": "object", "properties": {"whose": {"type": "string"}}}
TELL = {"name": "tell", "description": "Says which word it was given.", "inputSchema": WHOSE}


def answer(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "lingering", "version": "1"}}
    if method == "tools/list":
        return {"tools": [TELL]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": hashlib.sha256(os.environ["WORD"].encode()).hexdigest()[:8]}]}
    return {} if method == "ping" else None


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        result = answer(message["method"], message.get("params") or {})
        said = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **said}), flush=True)
    os.umask(0)
    Path("/data/out/leaving").touch()
    signal.pause()


main()
