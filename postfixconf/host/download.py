"""One small file over HTTPS, whole or not at all.

The certificate is verified, a redirect to another host is not followed, size and time
are limited, and a transfer that ends early is an error also where the server never said
how long it would be (TLS tells its own end). Nothing is written.

    fetch(url)                          # Fetched or NotModified; raises NotFetched

What is not handled: proxies, sign-in, compressed answers.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from urllib.parse import SplitResult, urljoin, urlsplit

from postfixconf.errors import BadValue, NotFetched, quoted

__all__ = ["Fetched", "NotModified", "fetch", "read_url"]

CONNECT_WITHIN = 10.0  # seconds, and for each piece
WHOLE_WITHIN = 60.0
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
LONGEST_URL = 500
PIECE = 65_536


@dataclass(frozen=True)
class Fetched:
    """A file, and by what the server knows this version of it."""

    data: bytes
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True)
class NotModified:
    """The server has no other version than the one it was asked about."""


def read_url(text: str) -> str:
    """An address that can be fetched. Raises BadValue, which quotes it."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise BadValue(text, f"not a web address ({cause})") from None
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "https":
        raise BadValue(text, "an address begins with https://, so that nobody on the "
                       "way can change the list")  # fmt: skip
    if not plain or not parts.hostname or len(url) > LONGEST_URL or port == 0:
        raise BadValue(text, "not a web address")
    if parts.username is not None or parts.fragment:
        raise BadValue(text, "an address without a user name and without #")
    return url


def fetch(
    url: str,
    *,
    etag: str = "",
    modified: str = "",
    largest: int = 1_000_000,
    seconds: float = WHOLE_WITHIN,
) -> Fetched | NotModified:
    """Fetch `url`, unless it is still the version that `etag` or `modified` names.

    At most `largest` bytes within about `seconds`. Raises NotFetched, which says what
    happened.
    """
    headers = {
        "User-Agent": "mailguard",
        "Accept": "text/plain, */*;q=0.5",
        "Accept-Encoding": "identity",
    }
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    asked = urlsplit(url)
    for _ in range(MOST_REDIRECTS + 1):
        with _answer(asked, headers, seconds) as response:
            if response.status not in REDIRECTS:
                return _read(response, asked, largest)
            asked = _followed(asked, response.headers.get("Location", ""))
    raise NotFetched(
        f"{asked.hostname} sends from one address to the next, without end"
    )


class Connection(http.client.HTTPSConnection):
    """One that notices when the other side is cut off."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_WITHIN, context=context)
        self._own = context
        self.line: socket.socket | None = None  # stays when `sock` is handed on

    def connect(self) -> None:
        """Without `suppress_ragged_eofs` a cut would look like an end."""
        plain = socket.create_connection((self.host, self.port), CONNECT_WITHIN)
        try:
            self.sock = self.line = self._own.wrap_socket(
                plain, server_hostname=self.host, suppress_ragged_eofs=False
            )
        except BaseException:
            plain.close()
            raise


@contextmanager
def _answer(
    asked: SplitResult, headers: Mapping[str, str], seconds: float
) -> Iterator[http.client.HTTPResponse]:
    """Ask once. Raises NotFetched for whatever goes wrong until it is read."""
    host, port = asked.hostname or "", asked.port or 443
    context = ssl.create_default_context()
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # a cut is no end
    connection = Connection(host, port, context)
    place = host if port == 443 else f"{host}:{port}"
    late: list[bool] = []

    def end() -> None:
        late.append(True)
        with suppress(OSError):
            if connection.line is not None:
                connection.line.shutdown(socket.SHUT_RDWR)

    watch = Timer(seconds, end)
    watch.daemon = True
    watch.start()
    try:
        path = (asked.path or "/") + (f"?{asked.query}" if asked.query else "")
        connection.request("GET", path, headers=dict(headers))
        with connection.getresponse() as response:
            yield response
    except ssl.SSLCertVerificationError as cause:
        told = cause.verify_message or str(cause)
        raise NotFetched(
            f"{place} cannot prove that it is {host}: its certificate is not accepted "
            f"({told})"
        ) from cause
    except (OSError, http.client.HTTPException) as cause:
        if late:
            told = f"did not send all of it within {seconds:g} seconds"
            raise NotFetched(f"{place} {told}") from cause
        raise NotFetched(_failed(place, cause)) from cause
    finally:
        watch.cancel()
        connection.close()


def _failed(place: str, cause: Exception) -> str:
    """What went wrong on the way, as the beginning of a sentence."""
    if isinstance(cause, socket.gaierror):
        return f"the name {place} is not found in the DNS ({cause.strerror})"
    cut = isinstance(cause, http.client.IncompleteRead | ssl.SSLEOFError)
    if cut or getattr(cause, "reason", "") == "UNEXPECTED_EOF_WHILE_READING":
        return f"the transfer from {place} was cut off"
    if isinstance(cause, TimeoutError):
        return f"{place} does not answer"
    if isinstance(cause, OSError):
        return f"{place} cannot be reached ({cause.strerror or cause})"
    return f"{place} answers with something that is no HTTP ({cause!r})"


def _followed(asked: SplitResult, location: str) -> SplitResult:
    """Where a redirect leads, on the same host. Raises NotFetched."""
    try:
        to = urlsplit(urljoin(asked.geturl(), location))
        same = (to.scheme, to.hostname, to.port) == (
            "https",
            asked.hostname,
            asked.port,
        )
    except ValueError:
        same = False
    if not location or not same:
        raise NotFetched(
            f"{asked.hostname} sends on to {quoted(location)}, which is another place: "
            "not followed"
        )
    return to


def _read(
    response: http.client.HTTPResponse, asked: SplitResult, largest: int
) -> Fetched | NotModified:
    """The file behind an answer that is no redirect."""
    host = asked.hostname
    if response.status == 304:
        return NotModified()
    if response.status != 200:
        told = f"{response.status} {response.reason}".strip()
        raise NotFetched(f"{host} answers {quoted(told)}")
    coded = response.headers.get("Content-Encoding", "identity").lower()
    if coded != "identity":
        raise NotFetched(f"{host} sends {quoted(coded)}, which was not asked for")
    length = response.length
    if length is not None and length > largest:
        told = f"{length:,} bytes, at most {largest:,} are read"
        raise NotFetched(f"the file at {host} has {told}")
    data = bytearray()
    while piece := response.read1(PIECE):
        data += piece
        if len(data) > largest:
            raise NotFetched(
                f"the file at {host} has more than the {largest:,} bytes that are read"
            )
    if length is not None and len(data) < length:
        told = f"after {len(data):,} of {length:,} bytes"
        raise NotFetched(f"the transfer from {host} was cut off {told}")
    etag = response.headers.get("ETag", "")[:200]
    return Fetched(bytes(data), etag, response.headers.get("Last-Modified", "")[:100])
