"""Policies and envelopes that reach every control, and a live server's answers to them.

The live side is told nothing of rehearsals: a plain SMTP client, and the log read by
the client port that Postfix writes into it.
"""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.lines import split
from postfixconf.maillog.parse import record_of
from postfixconf.maillog.records import Verdict
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Entry
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.probes import Probe
from tests.support import sasl
from tests.support.conversations import SETTINGS as RECIPIENTS
from tests.support.practice import Practice
from tests.support.smtp import Client, Reply, smtp
from tests.support.waiting import eventually

__all__ = ["SETTINGS", "Answer", "Wanted", "asked", "met", "names_of", "policies"]
__all__ += ["envelopes", "real_envelopes"]

SETTINGS = {
    **RECIPIENTS,
    **sasl.SETTINGS,
    "in_flow_delay": "0",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "recipient_delimiter": "+",
    "smtpd_authorized_xclient_hosts": "static:ok",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_port_logging": "yes",
    "smtpd_hard_error_limit": "1000000",
    "smtpd_junk_command_limit": "1000000",
    "smtpd_soft_error_limit": "1000000",
}
T = TypeVar("T")

MAPPED = "::ffff:7f00:2"  # nobody here can have it
FEWEST = 5  # policies in which each control is on
# Address, name that resolves back, reverse name: "" is none.
CLIENTS = (
    ("127.0.0.10", "mx.good.example", "mx.good.example"),
    ("127.0.0.20", "", "liar.example"),
    ("127.0.0.66", "", ""),
    ("127.0.0.2", "", ""),
    ("127.0.0.2", "mx.good.example", "mx.good.example"),
    ("127.0.0.88", "mx.good.example", "mx.good.example"),
    ("127.0.0.1", "localhost", "localhost"),
    ("2001:db8::66", "mx6.good.example", "mx6.good.example"),
    ("2001:db8::67", "", ""),
    (MAPPED, "mx.good.example", "mx.good.example"),
    ("::1", "localhost", "localhost"),
)
GREETINGS = (
    *("mx.good.example", "laptop", "some@thing", "inside.example", "good.example"),
    *("[127.0.0.10]", "[IPv6:2001:db8::66]", "127.0.0.10", "[1.2.3]", "-x.example"),
    *("mail.practice.test", "servfail.example", "nullmx.example", "müller.example"),
)
SENDERS = (
    *("alice@good.example", "", "root@web1", "a@norelay.invalid", "postmaster"),
    *("b@servfail.example", "c@nomail.example", "d@nullmx.example", "e@[127.0.0.1]"),
    *("alice@practice.test", "boss@sub.practice.test", "alice+news@good.example"),
    *('"a b"@good.example', "ALICE@GOOD.EXAMPLE", "jürgen@good.example", "x@-y.z"),
    "Alice <alice@good.example>",
)
TO = (
    *("bob@practice.test", "postmaster", "postmaster@practice.test", "a@relay.example"),
    *("a@gone.invalid", "info@localhost", "x@elsewhere.example", "bob+x@practice.test"),
    *("user%elsewhere.example@practice.test", "@practice.test:u@elsewhere.example"),
    *("bob@[127.0.0.1]", "root", "müller@practice.test"),
)
USUAL = 3  # in so many of ten, a part of an envelope is its first and harmless kind
LINES = (
    *("client 127.0.0.66", "client 127.0.0.2", "client 2001:db8::/64", "helo laptop"),
    *("client 127.0.0.0/28", "client_name good.example", "client_name liar.example"),
    *("sender alice@good.example", "sender root@", "sender_domain norelay.invalid"),
    *("sender_domain good.example", "helo inside.example", "helo good.example"),
)


@dataclass(frozen=True)
class Wanted:
    """One policy."""

    modes: dict[str, str]
    entries: tuple[Entry, ...]
    own: OwnDomains

    def is_on(self, key: str) -> bool:
        """Whether a control is on."""
        return self.modes[key] == Mode.ON


@dataclass(frozen=True)
class Answer:
    """What is compared: the reply, who refused, and who would have."""

    code: int
    text: str
    control: str
    warned: tuple[str, ...]


def policies(count: int) -> list[Wanted]:
    """So many policies; each control is on in a fourth, and in no fewer than five."""
    dice = Random(count)
    on = max(FEWEST, count // 4)
    decks = {}
    for each in CONTROLS:
        if each.key == "greylisting" or each.sends:
            continue  # what a service knows of a sender is not asked in a rehearsal
        rest = [mode for mode in each.modes if mode is not Mode.ON]
        deck = [Mode.ON] * on + [rest[n % len(rest)] for n in range(count - on)]
        dice.shuffle(deck)
        decks[each.key] = deck
    made = []
    for number in range(count):
        modes = {key: deck[number].value for key, deck in decks.items()}
        lines = dice.sample(LINES, dice.randint(0, 2))
        sides = ("allow", "deny")
        entries = tuple(Entry.read(dice.choice(sides), *x.split()) for x in lines)
        excepted = dice.choice([(), ("127.0.0.66",), ("2001:db8::/64",)])
        made.append(Wanted(modes, entries, OwnDomains(("practice.test",), excepted)))
    return made


def envelopes(count: int, seed: int) -> list[Probe]:
    """So many envelopes as any client, some of whom have signed in."""
    dice = Random(seed)
    made = []
    for _ in range(count):
        address, name, reverse = pick(dice, CLIENTS)
        helo, sender, to = pick(dice, GREETINGS), pick(dice, SENDERS), pick(dice, TO)
        user = "alice" if dice.randrange(12) == 0 else ""
        made.append(Probe(address, helo, sender, to, name, reverse, user))
    return made


def pick(dice: Random, kinds: Sequence[T]) -> T:
    """The first of them more often than others."""
    return kinds[0] if dice.randrange(10) < USUAL else dice.choice(kinds)


def real_envelopes(count: int, seed: int) -> list[Probe]:
    """Envelopes of clients that can be bound to here, with the names DNS has for them.

    Nobody among them has signed in.
    """
    dice = Random(seed)
    addresses = list(dict.fromkeys(each[0] for each in CLIENTS if each[0] != MAPPED))
    made = []
    for _ in range(count):
        address = pick(dice, [*addresses, "127.0.0.77"])
        helo, sender, to = pick(dice, GREETINGS), pick(dice, SENDERS), pick(dice, TO)
        made.append(Probe(address, helo, sender, to, *names_of(address)))
    return made


def names_of(address: str) -> tuple[str, str]:
    """The name of an address that resolves back, and its reverse name."""
    try:
        reverse = socket.gethostbyaddr(address)[0]
    except OSError:
        return "", ""
    with suppress(OSError):
        if address in {str(x[4][0]) for x in socket.getaddrinfo(reverse, None)}:
            return reverse, reverse
    return "", reverse


def asked(server: Practice, probes: Sequence[Probe]) -> list[Answer]:
    """What the live server says to who becomes each client by XCLIENT, in order."""
    mark = server.instance.log.mark()
    with smtp("127.0.0.1", server.port, src="127.0.0.1", helo="x.example") as client:
        replies = [become(client, each, n) for n, each in enumerate(probes, 1)]
        client.quit()
    return judged(server, mark, 1, probes, list(range(1, len(replies) + 1)), replies)


def become(client: Client, probe: Probe, port: int) -> Reply:
    """Take on a client's identity and offer its envelope."""
    version = "IPV6:" if ":" in probe.client_address else ""
    client.rset()
    reply = client.xclient(
        name=probe.client_name or "[UNAVAILABLE]",
        reverse_name=probe.reverse or "[UNAVAILABLE]",
        addr=f"{version}{probe.client_address}",
        port=str(port),
        login=probe.sasl_username or "[UNAVAILABLE]",
    )
    assert reply.ok, reply
    return offered(client, probe)


def offered(client: Client, probe: Probe) -> Reply:
    """The reply that decides an envelope."""
    wide = [] if f"{probe.sender}{probe.recipient}".isascii() else ["SMTPUTF8"]
    reply = client.ehlo(probe.helo)
    reply = client.mail(probe.sender, *wide) if reply.ok else reply
    return client.rcpt(probe.recipient) if reply.ok else reply


def met(server: Practice, probes: Sequence[Probe]) -> list[Answer]:
    """What the live server says to each client itself, from its own address."""
    mark = server.instance.log.mark()
    ports: list[int] = []
    replies: list[Reply] = []
    visits = 0
    while len(replies) < len(probes):
        probe = probes[len(replies)]
        host = "::1" if ":" in probe.client_address else "127.0.0.1"
        with smtp(host, server.port, src=probe.client_address, helo=None) as client:
            client.banner()
            visits += 1
            if client.port not in ports:  # by chance the kernel gives one again
                replies.append(offered(client, probe))
                ports.append(client.port)
            client.quit()
    return judged(server, mark, visits, probes, ports, replies)


def judged(
    server: Practice,
    mark: int,
    ends: int,
    probes: Sequence[Probe],
    ports: list[int],
    replies: list[Reply],
) -> list[Answer]:
    """Replies with what the log says of them, once all of it is there."""
    eventually(lambda: server.log(mark).count(": disconnect from ") >= ends, 20)
    said: dict[tuple[str, int], list[Verdict]] = {}
    for record in records(server.instance.log.since(mark)):
        if record.client and record.client.port:
            who = plain(record.client.address), int(record.client.port)
            said.setdefault(who, []).append(record)
    return [
        answer(reply, port, said.get((plain(probe.client_address), port), []))
        for probe, port, reply in zip(probes, ports, replies, strict=True)
    ]


def plain(address: str) -> str:
    """An address as Postfix takes it: IPv4 also where it came as IPv6."""
    read = ipaddress.ip_address(address)
    return str(getattr(read, "ipv4_mapped", None) or read)


def records(lines: Sequence[str]) -> Iterator[Verdict]:
    """What the lines say of envelopes."""
    for line in lines:
        parts = split(line.encode())
        record = record_of(parts) if parts else None
        if isinstance(record, Verdict):
            yield record


def answer(reply: Reply, port: int, said: Sequence[Verdict]) -> Answer:
    """One of them."""
    keys = [(each.verb, key_of_record(each)) for each in said]
    refused = [key for verb, key in keys if verb == "reject"]
    warned = [key for verb, key in keys if verb == "reject_warning"]
    text = f"{reply.enhanced} {reply.text}" if reply.enhanced else reply.text
    return Answer(
        reply.code,
        text.replace(f"]:{port}>", "]>").replace("\n", " "),
        refused[-1] if refused and not reply.ok else "",
        tuple(dict.fromkeys(warned)),
    )
