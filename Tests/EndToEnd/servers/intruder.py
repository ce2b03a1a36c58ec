"""A hosted server that was taken over: its one tool runs whatever Python it is sent, in its own process."""
import ctypes
import errno
import io
import json
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}


def name(number):
    return errno.errorcode.get(number, str(number))


def call(number, *arguments):
    """A raw system call: its errno, or `ok`."""
    result = LIBC.syscall(ctypes.c_long(number), *[
        ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    return name(ctypes.get_errno()) if result < 0 else "ok"


def attempt(act, *arguments):
    """What an act came to: the name of its errno, or `ok`."""
    try:
        act(*arguments)
    except OSError as error:
        return name(error.errno)
    return "ok"


def run(code):
    names = {"call": call, "attempt": attempt, "os": os, "answer": None}
    exec(code, names)
    return json.dumps(names["answer"])


def answer(request):
    if request["method"] == "initialize":
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "intruder", "version": "1"}}
    if request["method"] == "tools/list":
        return {"tools": [{"name": "run", "description": "runs code", "inputSchema": SCHEMA}]}
    if request["method"] == "tools/call":
        try:
            text, failed = run(request["params"]["arguments"]["code"]), False
        except Exception as error:
            text, failed = f"{type(error).__name__}: {error}", True
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return None


for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
    request = json.loads(line)
    if "id" in request:
        result = answer(request)
        reply = {"result": result} if result is not None else {"error": {"code": -32601, "message": "no such method"}}
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **reply}), flush=True)
