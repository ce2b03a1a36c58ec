#!/usr/bin/python3
"""An MCP server (2025-06-18) whose results are as large as the caller wants."""
import json
import sys

LENGTH = {"type": "object", "properties": {"bytes": {"type": "integer", "minimum": 0}}, "required": ["bytes"]}
LINE = "a line like any other, with nothing in it that anybody would look for\n"


def answer(message):
    method = message["method"]
    if method == "initialize":
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "bulk", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "bulk", "description": "some text", "inputSchema": LENGTH}]}
    if method == "tools/call":
        count = message["params"]["arguments"]["bytes"]
        return {"content": [{"type": "text", "text": (LINE * (count // len(LINE) + 1))[:count]}]}
    return {} if method == "ping" else None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = answer(message)
    outcome = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **outcome}), flush=True)
