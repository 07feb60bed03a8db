"""A web server on loopback whose certificate a CA of its own has signed.

    with serving() as web:
        web.answers["/list"] = Answer(b"example.com\n", etag='"1"')
        fetch(web.url("/list"))

Whoever shall believe it has `SSL_CERT_FILE` set to `web.ca`. A server is known by the
name `localhost`; asked as 127.0.0.1 its certificate is a wrong one.
"""

import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

__all__ = ["Answer", "Web", "serving"]

CA = """[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = keyCertSign
subjectKeyIdentifier = hash
[host]
subjectAltName = DNS:localhost
authorityKeyIdentifier = keyid
"""


@dataclass
class Answer:
    """What one address answers.

    `length` is what the server says it will send, where that is another number than it
    does; `silent` says nothing of it. `moved` is where it sends on to. It goes on only
    once `gate` is set, half of the body having gone; `pause` seconds pass between
    bytes.
    """

    body: bytes = b""
    status: int = 200
    etag: str = ""
    length: int | None = None
    silent: bool = False
    moved: str = ""
    gate: Event | None = None
    pause: float = 0.0


@dataclass
class Web:
    """The running server: what it answers, and what it was asked."""

    port: int
    ca: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/list", host: str = "localhost") -> str:
        """The address of one answer."""
        return f"https://{host}:{self.port}{path}"


@cache
def certificates() -> Path:
    """A directory with `ca.pem`, `host.pem` and `host.key`, made once a process."""
    room = Path(tempfile.mkdtemp(prefix="mailguard-", dir="/tmp"))
    (room / "conf").write_text(CA)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=room, check=True, capture_output=True)

    new = ("req", "-config", "conf", "-newkey", "rsa:2048", "-nodes")
    openssl(*new, *"-x509 -keyout ca.key -out ca.pem -subj /CN=test -days 2".split(),
            "-extensions", "ca")  # fmt: skip
    openssl(*new, *"-keyout host.key -out host.csr -subj /CN=localhost".split())
    openssl(*("x509 -req -in host.csr -CA ca.pem -CAkey ca.key -days 2 -extfile conf "
              "-extensions host -CAcreateserial -out host.pem").split())  # fmt: skip
    return room


class Handler(BaseHTTPRequestHandler):
    """Answers as the test wants."""

    web: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One answer, and then the connection ends: without a farewell if cut."""
        self.web.asked.append((self.path, dict(self.headers)))
        answer = self.web.answers[self.path]
        self.close_connection = True
        if answer.etag and self.headers.get("If-None-Match") == answer.etag:
            answer = Answer(status=304, etag=answer.etag)
        self.send_response(answer.status)
        self.send_header("Connection", "close")
        for name, value in (("ETag", answer.etag), ("Location", answer.moved)):
            if value:
                self.send_header(name, value)
        if not answer.silent and answer.status != 304:
            told = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(told))
        self.end_headers()
        with suppress(OSError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        if answer.pause:
            for at in range(len(answer.body)):
                self.wfile.write(answer.body[at : at + 1])
                time.sleep(answer.pause)
            return
        half = len(answer.body) // 2 if answer.gate else len(answer.body)
        self.wfile.write(answer.body[:half])
        if answer.gate:
            answer.gate.wait(30)
            self.wfile.write(answer.body[half:])
        cut = answer.length is not None or answer.silent
        if not cut and isinstance(self.connection, ssl.SSLSocket):
            self.connection.unwrap()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test looks at what was asked."""


class Quiet(ThreadingHTTPServer):
    """A server that keeps to itself what a client that hangs up does to it."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not believe us hangs up."""


@contextmanager
def serving(port: int = 0) -> Iterator[Web]:
    """One, on any free port; gone afterwards."""
    room = certificates()
    web = Web(port, room / "ca.pem")
    handler = type("Mine", (Handler,), {"web": web})
    server = Quiet(("127.0.0.1", port), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(room / "host.pem", room / "host.key")
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    web.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
