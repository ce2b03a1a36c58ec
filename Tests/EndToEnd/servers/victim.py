"""A hosted server that is up to no good: each tool tries something and says what happened.

Only the standard library, so that it starts fast and runs with the system's Python.
"""
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

WORD = {"type": "object", "properties": {"text": {"type": "string"}}}
TOOLS = ["echo", "read", "write", "list", "connect", "resolve", "kill", "processes", "ptrace", "tiocsti", "mount",
         "fork_bomb", "fill", "memory", "orphans", "zombies", "ignore_terminate", "stop_itself", "leave", "environment",
         "flood_lines", "flood_messages", "flood_errors", "endless_line", "binary", "drip", "error_secret", "say",
         "hang_later", "stop_later", "work", "change", "rename", "processor", "identity"]
after = None  # what it does once its answer is sent
renamed, changed = {}, set()


def word(error):
    return errno.errorcode.get(error.errno, str(error)) if isinstance(error, OSError) else f"{type(error).__name__}"


def definitions():
    tools = []
    for name in TOOLS:
        more = " (changed)" if name in changed else ""
        tools.append({"name": renamed.get(name, name), "description": f"tries to {name}{more}", "inputSchema": WORD})
    return tools


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def read(path):
    with open(path, "rb") as file:
        return "ok " + file.read(200).decode(errors="replace")


def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "ok"


def connect(text):
    kind, _, place = text.partition(":")
    if kind == "unix":
        family, address = socket.AF_UNIX, place
    else:
        host, _, port = place.rpartition(":")
        family, address = socket.AF_INET, (host, int(port))
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
    return "ok"


def libc(call, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, call)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), call)
    return "ok"


def fork_bomb(_):
    children = []
    try:
        while len(children) < 10_000:
            child = os.fork()
            if child == 0:
                while True:
                    signal.pause()
            children.append(child)
    except OSError as error:
        answer = f"{len(children)} then {word(error)}"
    else:
        answer = f"{len(children)}"
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return answer


def fill(folder):
    """Writes until there is no room; says how many MiB went in."""
    count, block = 0, bytes(1 << 20)
    names = []
    try:
        while count < 300:
            name = f"{folder}/fill-{count}"
            names.append(name)
            with open(name, "wb") as file:
                file.write(block)
            count += 1
    except OSError as error:
        reason = word(error)
    else:
        reason = "no end"
    for name in names:
        if os.path.exists(name):
            os.unlink(name)
    return f"{count} then {reason}"


def memory(text):
    blocks = []
    try:
        for _ in range(int(text)):
            blocks.append(bytearray(1 << 20))
    except MemoryError:
        return f"{len(blocks)} then MemoryError"
    return f"{len(blocks)}"


def orphans(text):
    """Children that leave the session, ignore SIGTERM and outlive their parent."""
    for _ in range(int(text)):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    time.sleep(600)
            os._exit(0)
    return "ok"


def zombies(text):
    for _ in range(int(text)):
        if os.fork() == 0:
            os._exit(0)
    return "ok"


def later(act):
    globals()["after"] = act
    return "ok"


def ignore_terminate(_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    globals()["stays"] = True
    return "ok"


def flood(text, piece, stream):
    for _ in range(int(text)):
        stream.write(piece)
    stream.flush()
    return "ok"


def endless_line(text):
    block = b"x" * (1 << 20)
    for _ in range(int(text)):
        os.write(1, block)
    return "ok"


def drip(text):
    for byte in b'{"jsonrpc": "2.0", '[:int(text)]:
        os.write(1, bytes([byte]))
        time.sleep(1)
    while True:
        time.sleep(600)


def change(text):
    changed.add(text or "echo")
    send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    return "ok"


def rename(text):
    old, _, new = text.partition(" ")
    renamed[old] = new
    send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    return "ok"


def processor(text):
    end = time.monotonic() + float(text)
    while time.monotonic() < end:
        pass
    return "ok"


def say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    return "ok"


ACTS = {
    "echo": lambda text: text,
    "read": read,
    "write": write,
    "list": lambda path: "ok " + " ".join(sorted(os.listdir(path))),
    "connect": connect,
    "resolve": lambda host: "ok " + socket.gethostbyname(host),
    "kill": lambda pid: os.kill(int(pid), signal.SIGKILL) or "ok",
    "processes": lambda _: " ".join(sorted(p for p in os.listdir("/proc") if p.isdigit())),
    "ptrace": lambda pid: libc("ptrace", 16, int(pid), 0, 0),
    "tiocsti": lambda _: fcntl.ioctl(2, 0x5412, b"x") or "ok",
    "mount": lambda place: libc("mount", b"none", place.encode(), b"tmpfs", 0, None),
    "fork_bomb": fork_bomb,
    "fill": fill,
    "memory": memory,
    "orphans": orphans,
    "zombies": zombies,
    "ignore_terminate": ignore_terminate,
    "stop_itself": lambda _: os.kill(os.getpid(), signal.SIGSTOP) or "ok",
    "leave": lambda code: os._exit(int(code)),
    "environment": lambda _: " ".join(f"{k}={v}" for k, v in sorted(os.environ.items())),
    "flood_lines": lambda text: flood(text, "no message at all\n", sys.stdout),
    "flood_messages": lambda text: flood(
        text, '{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}\n', sys.stdout),
    "flood_errors": lambda text: flood(text, "e" * 1023 + "\n", sys.stderr),
    "endless_line": endless_line,
    "binary": lambda text: os.write(1, bytes(range(256)) * int(text)) and "ok",
    "drip": drip,
    "error_secret": lambda name: say(f"the secret is {os.environ.get(name)}"),
    "say": say,
    "change": change,
    "rename": rename,
    "processor": processor,
    "hang_later": lambda _: later(lambda: time.sleep(600)),
    "stop_later": lambda _: later(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
    "work": lambda text: time.sleep(float(text)) or "ok",
    "identity": lambda _: f"uid {os.getuid()} gid {os.getgid()} groups {os.getgroups()} "
                          f"core {resource.getrlimit(resource.RLIMIT_CORE)[0]}",
}
stays = False


def answer(request):
    method, params = request["method"], request.get("params", {})
    if method == "initialize":
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "victim", "version": "1"}}
    if method == "tools/list":
        return {"tools": definitions()}
    if method == "tools/call":
        names = {renamed.get(name, name): name for name in TOOLS}
        try:
            text = ACTS[names[params["name"]]](params.get("arguments", {}).get("text", ""))
        except Exception as error:
            text = word(error)
        return {"content": [{"type": "text", "text": text}]}
    return None


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "silent":
        while sys.stdin.readline():
            pass
        return
    if len(sys.argv) > 1 and sys.argv[1] == "crash":
        sys.stderr.write("cannot go on\n")
        sys.exit(3)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request or sys.argv[1:] == ["mute"] and request["method"] == "ping":
            continue
        result = answer(request)
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        reply.update({"result": result} if result is not None else
                     {"error": {"code": -32601, "message": "no such method"}})
        send(reply)
        if after:
            after()
    while stays:
        time.sleep(600)


main()
