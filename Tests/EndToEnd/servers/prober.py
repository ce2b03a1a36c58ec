"""A hosted server that uses its way out, in order and out of order; each tool says what happened as JSON.

Only the standard library. What stands in HTTPS_PROXY is the one way there is.
"""
import base64
import json
import os
import socket
import ssl
import sys
import time
import urllib.request

TEXT = {"type": "string"}
TOOLS = {
    "get": {"url": TEXT, "headers": {"type": "object"}, "method": TEXT, "body": TEXT, "pad": {"type": "integer"}},
    "tunnel": {"target": TEXT, "name": TEXT, "raw": TEXT, "hold": {"type": "integer"}},
    "plain": {"request": TEXT},
    "direct": {"host": TEXT, "port": {"type": "integer"}},
    "resolve": {"name": TEXT},
    "reach": {"host": TEXT, "port": {"type": "integer"}, "name": TEXT, "raw": TEXT},
    "ask": {"question": TEXT, "stream": {"type": "boolean"}, "count": {"type": "integer"}},
    "timing": {"target": TEXT, "name": TEXT, "count": {"type": "integer"}, "keep": {"type": "boolean"},
               "direct": {"type": "array"}},
    "flood": {"target": TEXT, "name": TEXT, "request": TEXT, "count": {"type": "integer"}},
    "shape": {"name": TEXT},
    "remember": {"name": TEXT},
    "environment": {"names": {"type": "array", "items": TEXT}},
}


def proxy():
    place = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
    return socket.create_connection((place[0], int(place[1])), timeout=50)


def context():
    made = ssl.create_default_context()
    made.check_hostname = False  # the test names another server than it connects to
    return made


def head(connection):
    """The status line and the refusal of an answer to a proxy request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            return {"status": None}
        data += piece
    fields = data.split(b"\r\n\r\n")[0].decode().split("\r\n")
    values = dict(f.lower().split(": ", 1) for f in fields[1:])
    length, body = int(values.get("content-length", 0)), data.split(b"\r\n\r\n", 1)[1]
    while len(body) < length and (piece := connection.recv(4096)):
        body += piece
    return {"status": int(fields[0].split()[1]), "refusal": values.get("x-gatehouse-refusal"), "body": body.decode()}


def tunnel(target, name="", raw="", hold=0):
    held = []
    for _ in range(hold + 1):
        connection = proxy()
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = head(connection)
        held.append(connection)
    if answer["status"] != 200:
        return answer
    if raw:
        connection.sendall(raw.encode())
        return {**answer, "heard": connection.recv(100).hex()}
    try:
        with context().wrap_socket(connection, server_hostname=name or None) as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = b""
            while piece := secure.recv(4096):
                text += piece
            return {**answer, "text": text.decode().split("\r\n\r\n", 1)[1]}
    except OSError as error:
        return {**answer, "error": str(error)}


def get(url, headers={}, method="GET", body=None, pad=0):
    request = urllib.request.Request(url, headers=headers, method=method, data=body and body.encode() + b"x" * pad)
    try:
        with urllib.request.urlopen(request, timeout=50) as response:
            return {"status": response.status, "text": response.read().decode(errors="replace"),
                    "headers": dict(response.headers)}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "text": error.read().decode(errors="replace"), "headers": dict(error.headers)}
    except OSError as error:
        return {"error": str(error)}


def plain(request):
    connection = proxy()
    connection.sendall(request.encode())
    return head(connection)


def direct(host, port):
    with socket.create_connection((host, port), timeout=5):
        return {"connected": True}


def reach(host, port, name="", raw=""):
    """Straight to a host, as a program does that knows of no proxy: TLS that names `name`, or bytes."""
    with socket.create_connection((host, port), timeout=50) as connection:
        place = connection.getpeername()[0]
        if raw:
            connection.sendall(raw.encode())
            heard = b""
            try:
                while piece := connection.recv(4096):
                    heard += piece
            except ConnectionResetError:
                pass
            return {"place": place, "heard": heard.decode(errors="replace")}
        try:
            with context().wrap_socket(connection, server_hostname=name or None) as secure:
                secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                text = b""
                while piece := secure.recv(4096):
                    text += piece
                return {"place": place, "text": text.decode().split("\r\n\r\n", 1)[1]}
        except OSError as error:
            return {"place": place, "error": str(error)}


def ask(question, stream=False, count=1):
    """A question of bytes in hexadecimal to what resolv.conf names; the answers, or that none came."""
    with open("/etc/resolv.conf") as file:
        place = (file.read().split("nameserver ")[1].split()[0], 53)
    data, answers = bytes.fromhex(question), []
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as connection:
        connection.settimeout(10)
        connection.connect(place)
        for _ in range(count):
            if stream:
                connection.sendall(len(data).to_bytes(2, "big") + data)
                size = connection.recv(2, socket.MSG_WAITALL)
                answers.append(connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL).hex())
            else:
                connection.send(data)
                answers.append(connection.recv(4096).hex())
    return {"answers": answers}


def resolve(name):
    return {"addresses": sorted({a[4][0] for a in socket.getaddrinfo(name, 443)})}


def exchange(secure):
    """One request on a connection that stays; its answer has a length."""
    secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    data = b""
    while b"\r\n\r\n" not in data:
        data += secure.recv(65536)
    top, body = data.split(b"\r\n\r\n", 1)
    length = int(top.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += secure.recv(65536)


def timing(target, name, count, keep, direct=None):
    """Microseconds of each request: on one connection, or each on its own with its handshake."""
    made, times, secure = context(), [], None
    for _ in range(count + 5):
        start = time.perf_counter()
        if secure is None:
            connection = socket.create_connection(tuple(direct), timeout=30) if direct else proxy()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not direct:
                connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                head(connection)
            secure = made.wrap_socket(connection, server_hostname=name)
        exchange(secure)
        times.append((time.perf_counter() - start) * 1e6)
        if not keep:
            secure.close()
            secure = None
    return {"microseconds": times[5:]}


def flood(target, name, request, count):
    """The same request again and again inside one TLS connection; how often each status came."""
    connection = proxy()
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    found, start = {}, time.monotonic()
    if (answer := head(connection))["status"] != 200:
        return {"refusal": answer["refusal"]}
    with context().wrap_socket(connection, server_hostname=name) as secure:
        for _ in range(count):
            secure.sendall(request.encode())
            answer = head(secure)
            key = f"{answer['status']} {answer.get('refusal')}"
            found[key] = found.get(key, 0) + 1
    return {"found": found, "seconds": time.monotonic() - start}


def environment(names=()):
    return {n: v for n, v in os.environ.items() if not names or n in names}


def shape(name):
    """A value as its classes, because the gateway redacts what looks like a credential."""
    value = os.environ[name]
    return {"shape": "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.islower() else c for c in value),
            "start": value[:4], "same as": {n: v == value for n, v in os.environ.items() if n.startswith("OLD_")}}


def remember(name):
    os.environ["OLD_" + name] = os.environ[name]
    return {}


FORMS = {"": lambda v: v, "|base64": lambda v: base64.b64encode(v.encode()).decode(), "|hex": lambda v: v.encode().hex(),
         "|basic": lambda v: base64.b64encode(f"git:{v}".encode()).decode()}


def each(value, change):
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {each(k, change): each(v, change) for k, v in value.items()}
    return [each(v, change) for v in value] if isinstance(value, list) else value


def named():
    return {n: v for n, v in os.environ.items() if n in ("API_TOKEN", "KEPT", "FAR")}


def expanded(text):
    """`<NAME>` and `<NAME|base64>` stand for values of the environment, which nobody outside may see."""
    for name, value in named().items():
        for form, encode in FORMS.items():
            text = text.replace(f"<{name}{form}>", encode(value))
    return text


def concealed(text):
    for name, value in named().items():
        for form, encode in FORMS.items():
            text = text.replace(encode(value), f"<{name}{form}>")
    return text


def attempt(tool, arguments):
    try:
        return each(globals()[tool](**each(arguments, expanded)), concealed)
    except OSError as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        method, params, result = request["method"], request.get("params") or {}, None
        if method == "initialize":
            result = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                      "serverInfo": {"name": "prober", "version": "1"}}
        elif method == "tools/list":
            result = {"tools": [{"name": name, "description": f"tries to {name}", "inputSchema": {
                "type": "object", "properties": fields}} for name, fields in TOOLS.items()]}
        elif method == "tools/call":
            found = attempt(params["name"], params.get("arguments") or {})
            result = {"content": [{"type": "text", "text": json.dumps(found)}]}
        answer = {"result": result} if result is not None else {"error": {"code": -32601, "message": "no such method"}}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
