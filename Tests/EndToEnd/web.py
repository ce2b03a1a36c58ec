"""A TLS server of the test's own that stands in for a public host, and its certificate."""
import http.server
import socket
import ssl
import subprocess
import threading


def certificate(folder, *names):
    """A self-signed certificate for these names; it is its own authority. Gives both files."""
    folder.mkdir(exist_ok=True)
    chain, key = folder / "site.pem", folder / "site.key"
    places = ",".join(("IP:" if n.replace(".", "").isdigit() else "DNS:") + n for n in names)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=site", "-addext", f"subjectAltName={places}", "-keyout", key, "-out", chain],
        check=True, capture_output=True)
    key.chmod(0o600)
    return chain, key


class Site:
    """Serves what `answer(handler)` writes; keeps the requests it saw."""

    def __init__(self, chain=None, key=None, answer=None, address="127.0.0.1", port=0):
        site, self.requests = self, []

        class Handler(http.server.BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # or its second write waits 40 ms for the first one's ACK
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                site.requests.append((self.command, self.path, dict(self.headers), body))
                if answer:
                    return answer(self, body)
                text = b"<html><body><p>the words of the page</p></body></html>"
                if self.path == "/robots.txt":
                    text = b"User-agent: *\nAllow: /\n"
                self.reply(200, text)

            do_POST = do_PUT = do_GET

            def reply(self, status, body, **fields):
                self.send_response(status)
                self.send_header("Content-Type", fields.pop("type", "text/html"))
                self.send_header("Content-Length", str(len(body)))
                for name, value in fields.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        kind = http.server.ThreadingHTTPServer
        if ":" in address:
            kind = type("Server6", (kind,), {"address_family": socket.AF_INET6})
        self.server = kind((address, port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients leave in the middle, on purpose
        if chain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
