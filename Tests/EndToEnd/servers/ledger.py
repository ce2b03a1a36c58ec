#!/usr/bin/python3
"""An MCP server (2025-06-18) that writes down what it was told to do, for the tests of evidence.

Every call it gets is appended to /data/out/ledger before it is answered, so that a test can compare
what was done with what was recorded. `hang: true` is never answered; `text` is given back. It answers
nothing at all as long as there is a file /data/out/hold.
"""
import json
import os
import sys
import time

NUMBER = {"type": "object", "properties": {
    "n": {"type": "integer"}, "hang": {"type": "boolean"}, "text": {"type": "string"}}, "required": ["n"]}
UNKNOWN = {"code": -32601, "message": "no such method"}
TOOLS = [{"name": name, "description": text, "inputSchema": NUMBER} for name, text in (
    ("look", "look at a number"), ("note", "note a number"), ("strike", "strike a number out"))]


def answer(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "ledger", "version": "1"}}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        arguments = params["arguments"]
        ledger = os.open("/data/out/ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(ledger, f"{params['name']} {arguments['n']}\n".encode())
        os.close(ledger)
        if arguments.get("hang"):
            return None
        return {"content": [{"type": "text", "text": f"{params['name']} {arguments['n']} done{arguments.get('text', '')}"}]}
    return {} if method == "ping" else UNKNOWN


while os.path.exists("/data/out/hold"):
    time.sleep(0.02)
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = answer(message)
    if result is not None:
        kind = "error" if result is UNKNOWN else "result"
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], kind: result}) + "\n")
        sys.stdout.flush()
