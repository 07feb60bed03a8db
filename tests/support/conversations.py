"""For each control, a conversation that violates it and a harmless one beside it.

Each is a function of a practice server that says whether the mail got through.
The clients and names are those of `tests.support.dns.WORLD`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from tests.support.dns import OTHERS
from tests.support.keyed import DQS, ZEN
from tests.support.practice import Practice
from tests.support.smtp import Client, smtp

__all__ = ["PAIRS", "SETTINGS", "Pair"]

NUMBERS = count(1)
TO = "bob@practice.test"
GOOD = "alice@good.example"
Conversation = Callable[[Practice], bool]

# What the practice server needs so that the recipient controls have something to
# act upon: domains it relays for, and a local domain with a short name.
SETTINGS = {
    "relay_domains": "relay.example, gone.invalid",
    "relay_transport": "discard:",
    "mydestination": "localhost",
    "local_recipient_maps": "",
    "smtpd_error_sleep_time": "0",  # not to wait a second after each refusal
}


@dataclass(frozen=True)
class Pair:
    """One conversation that the control must stop, and one that it must not."""

    violates: Conversation
    harmless: Conversation


def envelope(
    server: Practice,
    sender: str = GOOD,
    to: str = TO,
    src: str = "127.0.0.10",
    helo: str | None = "mx.good.example",
) -> bool:
    """Whether one envelope is accepted, up to RCPT."""
    return server.attempt(sender, to, src=src, helo=helo).ok


def someone(name: str, server: Practice) -> bool:
    """Whether mail of somebody who was never seen before gets through at once."""
    return envelope(server, sender=f"{name}{next(NUMBERS):x}z@good.example")


def talk(steps: Callable[[Client], bool], server: Practice) -> bool:
    """Whether a conversation after HELO gets through."""
    with smtp(port=server.port, src="127.0.0.10", helo="mx.good.example") as client:
        return steps(client)


def vrfy(client: Client) -> bool:
    """Ask whether somebody has a mailbox."""
    return client.command(f"VRFY {TO}").ok


def bare_address(client: Client) -> bool:
    """Give the sender without angle brackets."""
    return client.command(f"MAIL FROM:{GOOD}").ok


def proper_address(client: Client) -> bool:
    """Give the sender as RFC 5321 wants it."""
    return client.mail(GOOD).ok


def all_at_once(client: Client) -> bool:
    """Send MAIL, RCPT and DATA without waiting, after a plain HELO."""
    client.raw(f"MAIL FROM:<{GOOD}>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode())
    return [client.read().code for _ in range(3)][2] == 354


def ahead_of_time(client: Client) -> bool:
    """Send two commands at once where that is not allowed."""
    client.raw(f"MAIL FROM:<{GOOD}>\r\nRCPT TO:<{TO}>\r\n".encode())
    return client.read().ok


def in_turn(client: Client) -> bool:
    """Send MAIL, RCPT and DATA one after the other."""
    client.mail(GOOD)
    client.rcpt(TO)
    return client.command("DATA").code == 354


def smuggle(client: Client) -> bool:
    """Hide a second message behind a bad line ending; whether it came out."""
    in_turn(client)
    client.raw(b"Subject: one\r\n\r\nfirst\n.\r\nNOOP hidden\r\n.\r\n")
    assert client.read().ok
    return client.quit().code != 221  # the reply to what was hidden came first


def one_message(client: Client) -> bool:
    """Send one ordinary message."""
    client.mail(GOOD)
    client.rcpt(TO)
    return client.data(b"Subject: one\r\n\r\nfirst\r\n").ok


# Envelopes with a domain that a list with a key knows.
LISTED: dict[str, dict[str, Any]] = {
    "rhsbl_sender": {"sender": "a@listed.example"},
    "rhsbl_helo": {"helo": "listed.example"},
    "rhsbl_reverse": {"src": "127.0.0.45"},
}

PAIRS: dict[str, Pair] = {
    "reject_unknown_reverse_client_hostname": Pair(
        partial(envelope, src="127.0.0.66"), partial(envelope, src="127.0.0.20")
    ),
    "reject_unknown_client_hostname": Pair(
        partial(envelope, src="127.0.0.20"), envelope
    ),
    "smtpd_helo_required": Pair(partial(envelope, helo=None), envelope),
    "reject_invalid_helo_hostname": Pair(
        partial(envelope, helo="some@thing"), partial(envelope, helo="laptop")
    ),
    "reject_non_fqdn_helo_hostname": Pair(partial(envelope, helo="laptop"), envelope),
    "reject_unknown_helo_hostname": Pair(
        partial(envelope, helo="inside.example"), envelope
    ),
    "reject_non_fqdn_sender": Pair(partial(envelope, sender="root@web1"), envelope),
    "reject_unknown_sender_domain": Pair(
        partial(envelope, sender="a@norelay.invalid"), partial(envelope, sender="")
    ),
    "own_domains": Pair(
        partial(envelope, sender="alice@practice.test", src="127.0.0.66"),
        partial(envelope, sender="alice@practice.test", src="127.0.0.1"),
    ),
    "reject_non_fqdn_recipient": Pair(partial(envelope, to="info@localhost"), envelope),
    "reject_unknown_recipient_domain": Pair(
        partial(envelope, to="a@gone.invalid"), partial(envelope, to="a@relay.example")
    ),
    "dnsbl:zen.spamhaus.org": Pair(
        partial(envelope, src="127.0.0.2"), partial(envelope, src="127.0.0.88")
    ),
    **{
        f"dnsbl:{zone}": Pair(
            partial(envelope, src=f"127.0.0.{x}"), partial(envelope, src="127.0.0.88")
        )
        for zone, x in OTHERS.items()
    },
    "rhsbl_sender:dbl.spamhaus.org": Pair(
        partial(envelope, sender="a@listed.example"), envelope
    ),
    "rhsbl_helo:dbl.spamhaus.org": Pair(
        partial(envelope, helo="listed.example"), envelope
    ),
    "rhsbl_reverse:dbl.spamhaus.org": Pair(
        partial(envelope, src="127.0.0.45"), envelope
    ),
    "greylisting": Pair(partial(someone, "new"), partial(envelope, src="127.0.0.1")),
    f"dnsbl:{ZEN}": Pair(
        partial(envelope, src="127.0.0.2"), partial(envelope, src="127.0.0.88")
    ),
    **{
        f"{asked}:{name}.{DQS}": Pair(partial(envelope, **how), envelope)
        for name in ("dbl", "zrd")
        for asked, how in LISTED.items()
    },
    "disable_vrfy_command": Pair(partial(talk, vrfy), envelope),
    "strict_rfc821_envelopes": Pair(
        partial(talk, bare_address), partial(talk, proper_address)
    ),
    "reject_unauth_pipelining": Pair(
        partial(talk, all_at_once), partial(talk, in_turn)
    ),
    "smtpd_forbid_unauth_pipelining": Pair(
        partial(talk, ahead_of_time), partial(talk, in_turn)
    ),
    "smtpd_forbid_bare_newline": Pair(
        partial(talk, smuggle), partial(talk, one_message)
    ),
}
