"""Attempts in the database, as the log would have told of them."""

from itertools import count
from typing import Any

from django.utils import timezone

from mailguard.servers import services as servers
from mailguard.traffic.counting import day_of
from mailguard.traffic.keys import key_of, network_of, organisation_of
from mailguard.traffic.models import Attempt, Daily, Hit, Reply
from mailguard.traffic.times import microseconds

__all__ = ["seen"]

QUARTER = 900_000_000  # microseconds
NUMBERS = count(1)
PLAIN = {
    "service": "postfix/smtpd",
    "client_address": "192.0.2.7",
    "client_name": "mx1.example.org",
    "helo": "mx1.example.org",
    "sender": "bob@example.org",
    "recipient": "alice@practice.test",
    "outcome": "accepted",
    "command": "RCPT",
}


def seen(ago: float = 60, **fields: Any) -> Attempt:
    """One attempt, `ago` seconds ago, with its hits and reply; the rest as PLAIN."""
    row = Attempt(server=servers.local(), **(PLAIN | fields))
    row.at = microseconds(timezone.now()) - int(ago * 1_000_000)
    row.key = key_of("test", next(NUMBERS))
    name = row.client_name if row.client_name not in ("", "unknown") else ""
    row.sender_key = keyed(row.sender)
    row.domain_key = keyed((row.sender or "").rpartition("@")[2])
    row.recipient_key = keyed(row.recipient)
    row.network_key = keyed(row.client_address and network_of(row.client_address))
    row.name_key = keyed(organisation_of(name) if name else "")
    if row.text:
        row.reply = Reply.objects.get_or_create(text=row.text[:300])[0]
    row.save()
    add_hits(row)
    add_client(row)
    return row


def keyed(text: str | None) -> int | None:
    """The key of a text, None for nothing."""
    return key_of(text) if text else None


def add_hits(row: Attempt) -> None:
    """The rules that refused it or would have."""
    found = dict.fromkeys(row.warned.split(), "would")
    if row.outcome in ("refused", "put off"):
        found[row.control] = row.outcome
    who = key_of(network_of(row.client_address), row.sender, row.recipient)
    for control, verdict in found.items():
        Hit.objects.create(
            attempt=row,
            control=control,
            verdict=verdict,
            at=row.at,
            who=who,
            sender_key=row.sender_key,
        )


def add_client(row: Attempt) -> None:
    """Its client among the day's."""
    day = day_of(row.at // QUARTER)
    made, _ = Daily.objects.get_or_create(
        server_id=row.server_id,
        day=day,
        what="client",
        value=row.client_address,
        verdict=row.outcome,
        defaults={"count": 0},
    )
    made.count += 1
    made.save()
