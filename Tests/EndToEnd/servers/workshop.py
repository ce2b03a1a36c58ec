"""An MCP server over standard input and output for tests: it reads, writes, destroys, waits and executes.

What it did stands in /data/out/done.log, one line for each call that had an effect.
Its description is read from /data/docs/description.txt when it lists, so that a test can let it drift, and
/data/docs/names.json (or $WORKSHOP_NAMES) says which tool has another name, or none and is gone.
"""
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

OUT, DOCS = Path("/data/out"), Path("/data/docs")
LOCK = threading.Lock()
TEXT = {"type": "string"}


def names():
    file = DOCS / "names.json"
    return json.loads(file.read_text() if file.exists() else os.environ.get("WORKSHOP_NAMES", "{}"))


def tool(name, properties, required):
    description = DOCS / "description.txt"
    return {
        "name": names().get(name, name),
        "description": description.read_text() if description.exists() else f"Tool {names().get(name, name)}.",
        "inputSchema": {"type": "object", "properties": properties, "required": required},
    }


def tools():
    every = [
        tool("peek", {"key": TEXT}, ["key"]),
        tool("put", {"path": TEXT, "text": TEXT}, ["path"]),
        tool("destroy", {"name": TEXT, "amount": {"type": "number"}}, ["name"]),
        tool("wait", {"name": TEXT}, ["name"]),
        tool("execute", {"command": {"type": "array", "items": TEXT}}, ["command"]),
    ]
    return [t for t in every if t["name"]]


def done(line):
    with LOCK, open(OUT / "done.log", "a") as log:
        log.write(line + "\n")


def call(name, arguments):
    if name == "peek":
        return arguments["key"]
    if name == "put":
        done(f"put {arguments['path']}")
        return "written"
    if name == "destroy":
        done(f"destroy {arguments['name']}")
        return f"destroyed {arguments['name']}"
    if name == "wait":
        done(f"wait {arguments['name']}")
        deadline = time.monotonic() + 60
        while not (OUT / f"{arguments['name']}.go").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return "waited"
    if name == "execute":
        done("execute")
        run = subprocess.run(arguments["command"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        return f"exit {run.returncode}\n{run.stdout}{run.stderr}"
    raise KeyError(name)


def send(message):
    with LOCK:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def answer(request):
    method, params, result = request["method"], request.get("params") or {}, None
    try:
        if method == "initialize":
            result = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                      "serverInfo": {"name": "workshop", "version": "1"}}
        elif method == "tools/list":
            result = {"tools": tools()}
        elif method == "tools/call":
            own = {new: old for old, new in names().items()}
            text = call(own.get(params["name"], params["name"]), params.get("arguments") or {})
            result = {"content": [{"type": "text", "text": text}]}
        elif method == "ping":
            result = {}
        if result is None:
            send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": f"no method {method}"}})
        else:
            send({"jsonrpc": "2.0", "id": request["id"], "result": result})
    except Exception as error:  # a test wants to see it rather than a dead server
        send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": repr(error)}})


def main():
    os.umask(0)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


main()
