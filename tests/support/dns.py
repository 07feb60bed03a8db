"""The DNS of the tests: an authoritative server whose whole world is one dict.

The server is the root and everything below it. A key is a name and a record type, a
value the records as a zone file writes them; names in them are absolute with or
without the last dot::

    {
        ("good.example", "MX"): ["10 mx.good.example"],
        ("broken.example", "ANY"): SERVFAIL,
    }

A name that is there with other types, or only has names below it, is answered with
no data, any other name with NXDOMAIN, both with an SOA. Nothing may be cached: every
TTL is 0. A query with EDNS, or with the DNSSEC flags, gets an answer all the same.

A name that begins with `*.` stands for every name below that is not there itself.

What this does not handle: CNAMEs are not followed, nothing is signed, there are no
delegations or zone transfers, and it listens on IPv4 only.
"""

import socketserver
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Thread

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

__all__ = [
    "OTHERS",
    "SERVFAIL",
    "SILENT",
    "WORLD",
    "Dns",
    "Failure",
    "Records",
    "serving",
]


class Failure(Enum):
    """How a lookup fails in place of being answered; see SERVFAIL and SILENT."""

    SERVFAIL = "the server says that it failed"
    SILENT = "no answer comes at all"


SERVFAIL = Failure.SERVFAIL
SILENT = Failure.SILENT

Records = Mapping[tuple[str, str], Sequence[str] | Failure]
"""(name, type) to records, or to a failure.

The type "ANY" makes every lookup of the name fail, whatever else is there for it.
"""

# Blocklists of addresses besides zen.spamhaus.org, and the client 127.0.0.x that only
# this one lists.
OTHERS = {
    "bl.spamcop.net": 101,
    "psbl.surriel.com": 102,
    "bl.mailspike.net": 103,
    "bl.spameatingmonkey.net": 104,
    "bl.blocklist.de": 105,
    "b.barracudacentral.org": 106,
    "bl.score.senderscore.com": 107,
}

# Clients in the tests connect from 127.0.0.x; x says what DNS knows about them.
WORLD: Records = {
    ("localhost", "A"): ["127.0.0.1"],
    ("localhost", "AAAA"): ["::1"],
    ("1.0.0.127.in-addr.arpa", "PTR"): ["localhost"],
    (f"1.{'0.' * 31}ip6.arpa", "PTR"): ["localhost"],
    # .10: an honest server, its name and address confirm each other
    ("good.example", "A"): ["127.0.0.10"],
    ("good.example", "MX"): ["10 mx.good.example"],
    ("mx.good.example", "A"): ["127.0.0.10"],
    ("10.0.0.127.in-addr.arpa", "PTR"): ["mx.good.example"],
    # .20: claims a name whose address is another's
    ("20.0.0.127.in-addr.arpa", "PTR"): ["liar.example"],
    ("liar.example", "A"): ["127.0.0.99"],
    # .66: no PTR. .77: its PTR cannot be looked up
    ("77.0.0.127.in-addr.arpa", "PTR"): SERVFAIL,
    # Sender domains, good for mail to differing degrees
    ("servfail.example", "ANY"): SERVFAIL,
    ("silent.example", "ANY"): SILENT,
    ("nomail.example", "TXT"): ['"v=spf1 -all"'],
    ("nullmx.example", "MX"): ["0 ."],
    # The domain the tests' server receives for, and one that it relays for
    ("practice.test", "A"): ["127.0.0.1"],
    ("practice.test", "MX"): ["10 mx.practice.test"],
    ("mx.practice.test", "A"): ["127.0.0.1"],
    ("relay.example", "A"): ["127.0.0.30"],
    ("relay.example", "MX"): ["10 mx.relay.example"],
    ("mx.relay.example", "A"): ["127.0.0.30"],
    # The blocklist. Its test points are listed, as RFC 5782 section 5 asks; 127.0.0.1
    # and .66 are not. .88 gets Spamhaus' code for a query it refuses to answer,
    # which is no listing: it is what open resolvers see for every address.
    ("2.0.0.127.zen.spamhaus.org", "A"): ["127.0.0.2"],
    ("2.0.0.127.zen.spamhaus.org", "TXT"): ['"Listed, for testing"'],
    (f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}zen.spamhaus.org", "A"): ["127.0.0.2"],
    (f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}zen.spamhaus.org", "TXT"): [
        '"Listed, for testing"'
    ],
    ("88.0.0.127.zen.spamhaus.org", "A"): ["127.255.255.254"],
    ("88.0.0.127.zen.spamhaus.org", "TXT"): ['"Error: open resolver"'],
    # The other lists of addresses: the same, without words.
    **{(f"2.0.0.127.{zone}", "A"): ["127.0.0.2"] for zone in OTHERS},
    **{(f"{x}.0.0.127.{zone}", "A"): ["127.0.0.2"] for zone, x in OTHERS.items()},
    **{(f"88.0.0.127.{zone}", "A"): ["127.255.255.255"] for zone in OTHERS},
    # The list of domains: its test point, a domain on it, and one it says nothing of.
    # The client .45 has a reverse name on it.
    ("test.dbl.spamhaus.org", "A"): ["127.0.1.2"],
    ("listed.example.dbl.spamhaus.org", "A"): ["127.0.1.4"],
    ("good.example.dbl.spamhaus.org", "A"): ["127.255.255.252"],
    ("mx.good.example.dbl.spamhaus.org", "A"): ["127.255.255.252"],
    ("listed.example", "A"): ["127.0.0.45"],
    ("45.0.0.127.in-addr.arpa", "PTR"): ["listed.example"],
    # The allow list: its test point, and a client that zen lists as well.
    ("2.0.0.127.list.dnswl.org", "A"): ["127.0.10.0"],
    ("50.0.0.127.list.dnswl.org", "A"): ["127.0.5.2"],
    ("50.0.0.127.zen.spamhaus.org", "A"): ["127.0.0.4"],
    ("51.0.0.127.list.dnswl.org", "A"): ["127.0.0.255"],
    ("51.0.0.127.zen.spamhaus.org", "A"): ["127.0.0.4"],
}

_Key = tuple[dns.name.Name, dns.rdatatype.RdataType]
_Zone = Mapping[_Key, dns.rrset.RRset | Failure]

_SOA = dns.rrset.from_text(
    ".", 0, "IN", "SOA", "ns.invalid. hostmaster.invalid. 1 3600 600 86400 0"
)


class Dns:
    """The running server: what it was asked, and a way to change what it says.

    >>> with dns.answering({("good.example", "MX"): SERVFAIL}):
    ...     reply = attempt("alice@good.example", "bob@practice.test")
    >>> assert ("good.example", "MX") in dns.queries
    """

    def __init__(self, records: Records) -> None:
        self.queries: list[tuple[str, str]] = []
        """Names without the last dot, in lower case, and types; the oldest first."""
        self._zone = _parse(records)

    @contextmanager
    def answering(self, records: Records) -> Iterator[None]:
        """Answer with these records in place of those with the same name and type."""
        before = self._zone
        self._zone = {**before, **_parse(records)}
        try:
            yield
        finally:
            self._zone = before

    def respond(self, packet: bytes, size: int) -> bytes | None:
        """Answer one query in at most ``size`` octets; None where we stay silent."""
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.canonicalize()
        self.queries.append(
            (name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype))
        )
        response = _answer(self._zone, query, (name, question.rdtype))
        if response is None:
            return None
        if query.edns >= 0:
            size = max(size, query.payload)
        return response.to_wire(max_size=size, prefer_truncation=True)


@contextmanager
def serving(
    records: Records, *, address: str = "127.0.0.1", port: int = 53
) -> Iterator[Dns]:
    """Serve these records over UDP and TCP, from threads of this process.

    Raises a dnspython exception when a record is no valid one, and OSError when the
    port is taken.
    """
    server = Dns(records)
    with (
        _Udp((address, port), _UdpHandler) as udp,
        _Tcp((address, port), _TcpHandler) as tcp,
    ):
        udp.dns = tcp.dns = server
        with _running(udp), _running(tcp):
            yield server


def _parse(records: Records) -> _Zone:
    zone: dict[_Key, dns.rrset.RRset | Failure] = {}
    for (owner, rdtype), value in records.items():
        name = dns.name.from_text(owner).canonicalize()
        key = name, dns.rdatatype.from_text(rdtype)
        zone[key] = (
            value
            if isinstance(value, Failure)
            else dns.rrset.from_text_list(
                name, 0, "IN", rdtype, value, origin=dns.name.root, relativize=False
            )
        )
    return zone


def _answer(
    zone: _Zone, query: dns.message.Message, key: _Key
) -> dns.message.Message | None:
    name, kind = key
    found = next(
        (
            zone[owner, each]
            for owner in (name, *_wildcards(name))
            for each in (dns.rdatatype.ANY, kind)
            if (owner, each) in zone
        ),
        None,
    )
    if found is SILENT:
        return None
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.AA
    if isinstance(found, Failure):
        response.set_rcode(dns.rcode.SERVFAIL)
    elif found:
        response.answer.append(dns.rrset.from_rdata_list(name, 0, list(found)))
    else:
        response.authority.append(_SOA)
        if not any(known.is_subdomain(name) for known, _ in zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def _wildcards(name: dns.name.Name) -> Iterator[dns.name.Name]:
    """The names with a star that a name falls under, the nearest first."""
    for at in range(1, len(name.labels)):
        yield dns.name.Name((b"*", *name.labels[at:]))


class _Udp(socketserver.UDPServer):
    dns: Dns


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    dns: Dns


class _UdpHandler(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        packet, connection = self.request
        response = self.server.dns.respond(packet, 512)
        if response is not None:
            connection.sendto(response, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = 1  # seconds a client may idle, and so hold up the end of serving()

    def handle(self) -> None:
        with suppress(TimeoutError):
            while prefix := self.rfile.read(2):
                (length,) = struct.unpack("!H", prefix)
                response = self.server.dns.respond(self.rfile.read(length), 65535)
                if response is not None:
                    self.wfile.write(struct.pack("!H", len(response)) + response)


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
