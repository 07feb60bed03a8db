"""A stand-in for Dovecot's authentication service: everybody may sign in.

It speaks as much of Dovecot's auth client protocol, version 1.1, as smtpd asks for:
the handshake, and AUTH PLAIN, whose user is taken from the initial response. No
password is looked at.
"""

import base64
import socketserver
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

__all__ = ["SETTINGS", "serving"]

PORT = 10143
HANDSHAKE = "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nDONE\n"

# What stands in main.cf so that smtpd asks it.
SETTINGS: Mapping[str, str] = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": f"inet:127.0.0.1:{PORT}",
}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(HANDSHAKE.encode())
        for line in self.rfile:
            words = line.decode().rstrip("\n").split("\t")
            if words[0] == "AUTH":
                response = words[-1].removeprefix("resp=")
                user = base64.b64decode(response).split(b"\0")[1].decode()
                self.wfile.write(f"OK\t{words[1]}\tuser={user}\n".encode())


@contextmanager
def serving() -> Iterator[None]:
    """Let smtpd with SETTINGS sign people in."""
    with _Server(("127.0.0.1", PORT), _Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
