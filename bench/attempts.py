"""A database of a mail server's last thirty days, seeded, as the intake leaves it.

Many senders that write once, few recipients, 40 % refused, popular domains and
replies, and rare ones; a tenth as many entries as attempts. What is counted is
counted by the functions that count real mail.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from time import time
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from mailguard.lists.models import Entry
from mailguard.servers.models import Server
from mailguard.traffic import counting
from mailguard.traffic import rows as made
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Hour,
    Log,
    Reply,
)

__all__ = ["fill"]

SPAN = 30 * 86_400 * 1_000_000  # microseconds
BATCH = 20_000
HOUR, QUARTER = 3_600_000_000, 900_000_000  # microseconds
POPULAR = ("bigmail.example", "news.example", "cloud.example", "shop.example")
RULES = (  # as TOLD
    ("unknown_ptr", "put off", 450, "cannot find your reverse hostname"),
    ("helo", "refused", 504, "Helo command rejected: need fully-qualified hostname"),
    ("dnsbl:zen.spamhaus.org", "refused", 554, "blocked using zen.spamhaus.org"),
    ("relay_protection", "refused", 554, "Relay access denied"),
    ("unknown_recipient", "refused", 550, "User unknown in virtual mailbox table"),
)
TOLD = ("control", "outcome", "code", "text")
RARE = ("reject_non_fqdn_sender", "refused", 504, "Sender address rejected: rarely")
RAW = b"2026-11-02T08:01:02.123456+00:00 mx postfix/smtpd[4711]: NOQUEUE: reject: " * 6

Values = tuple[Any, ...]
COLUMNS = [name if name != "reply" else "reply_id" for name in made.Row._fields]
REPLY = COLUMNS.index("reply_id")
HIT = ("attempt_id", "control", "verdict", "at", "who", "sender_key")
HOURS = ("server_id", "hour", "control", "verdict", "count")
DAILY = ("server_id", "day", "what", "value", "verdict", "count")
INDEXED = (Attempt, Hit, Entry)


def client_of(chance: random.Random) -> tuple[str, str]:
    """An address and its name."""
    network, host = int(chance.paretovariate(0.4)) % 40_000, chance.randrange(20)
    if chance.random() < 0.05:
        return f"2001:db8:{network:x}:1::{host + 1:x}", "unknown"
    address = f"10.{network // 256}.{network % 256}.{host}"
    if chance.random() < 0.3:
        return address, "unknown"
    if chance.random() < 0.3:
        return address, f"mx{host}.{chance.choice(POPULAR)}"
    return address, f"mail.d{network}.example"


def sender_of(chance: random.Random, number: int) -> str:
    """Who writes: half of all at a popular domain."""
    if number % 100_000 == 7:
        return f"rare{number % 10}@rare.example"
    if chance.random() < 0.5:
        return f"user{chance.randrange(300_000)}@{chance.choice(POPULAR)}"
    return f"info{number}@d{chance.randrange(50_000)}.example"


def told(chance: random.Random, number: int) -> dict[str, Any]:
    """What became of it."""
    if number % 50_000 == 11:
        return dict(zip(TOLD, RARE, strict=True))
    if chance.random() < 0.4:
        found = chance.choice(RULES)
        return dict(zip(TOLD, found, strict=True))
    warned = "helo" if chance.random() < 0.03 else ""
    status = "bounced" if number % 20_000 == 3 else "sent"
    return {"outcome": "accepted", "warned": warned, "delivered": status}


def rows(server: Server, count: int) -> Iterator[made.Row]:
    """Every attempt, oldest first."""
    chance = random.Random(7)
    begun = int(time() * 1_000_000) - SPAN
    row: dict[str, Any] = dict.fromkeys(made.Row._fields, "")
    row |= {"server_id": server.pk, "code": None, "raw": RAW, "command": "RCPT"}
    row |= {"service": "postfix/smtpd"}
    for number in range(count):
        address, name = client_of(chance)
        sender = sender_of(chance, number)
        recipient = f"box{int(chance.paretovariate(0.8)) % 200}@practice.test"
        yield made.Row(
            **row
            | told(chance, number)
            | {
                "key": key_of("bench", number),
                "at": begun + number * (SPAN // count),
                "client_address": address,
                "client_name": name,
                "helo": name,
                "sender": sender,
                "recipient": recipient,
                "sender_key": made.short_key(sender),
                "domain_key": made.short_key(sender.rpartition("@")[2]),
                "recipient_key": made.short_key(recipient),
                "network_key": made.network_key(address),
                "name_key": made.name_key(name),
            }
        )


def insert(model: type[Model], columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Many rows, as fast as the database takes them."""
    table, names = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows)
        )


@contextmanager
def indexes_later() -> Iterator[None]:
    """Without their indexes, millions of rows are in sooner."""
    indexes = [(each, index) for each in INDEXED for index in each._meta.indexes]
    with connection.schema_editor() as editor:
        for model, index in indexes:
            editor.remove_index(model, index)
    yield
    with connection.schema_editor() as editor:
        for model, index in indexes:
            editor.add_index(model, index)


class Counts:
    """What is counted, day by day, as the attempts come in their order."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.hours: Counter[Any] = Counter()
        self.things: Counter[Any] = Counter()
        self.usual: dict[int, int] = {}

    def add(self, row: made.Row) -> None:
        """Count one attempt."""
        day = counting.day_of(row.at // QUARTER)
        hour = counting.hour_of(row.at // HOUR)
        verdicts = counting.verdicts(row)
        self.hours.update((hour, *which) for which in counting.hours(*verdicts))
        self.things.update((day, *thing) for thing in counting.things(row))

    def write(self, *, before: object = None) -> None:
        """Write what was counted, of days only those before this one."""
        done = [key for key in self.things if before is None or key[0] < before]
        insert(
            Daily, DAILY, ((self.server.pk, *key, self.things.pop(key)) for key in done)
        )
        if before is None:
            hours = self.hours.items()
            insert(Hour, HOURS, ((self.server.pk, *key, n) for key, n in hours))
            insert(Correspondent, ("sender_key", "at"), self.usual.items())


def add_entries(count: int) -> None:
    """Live entries: senders at five thousand domains, some of them let in."""
    fixed = {"added_at": timezone.now(), "since_revision": 1, "lookup": "access"}
    fixed |= {"waiting": False, "removed": False, "author_name": "bench", "note": ""}
    values = (
        ("allow" if n % 20 == 0 else "deny", f"user{n}@d{n % 5000}.example")
        for n in range(count)
    )
    columns = ("side", "value", "kind", *fixed)
    insert(Entry, columns, ((*each, "sender", *fixed.values()) for each in values))


def fill(server: Server, count: int) -> None:
    """The attempts, all that is kept beside them, and the entries."""
    texts = {words for *_, words in (*RULES, RARE)}
    replies = {text: Reply.objects.create(text=text).pk for text in texts}
    every, counts = rows(server, count), Counts(server)
    with indexes_later():
        while some := list(islice(every, BATCH)):
            for row in some:
                counts.add(row)
            counts.usual |= counting.correspondents(some, ())
            kept = ((*r[:REPLY], replies.get(r.text), *r[REPLY + 1 :]) for r in some)
            insert(Attempt, COLUMNS, kept)
            insert(Hit, HIT, (hit for row in some for hit in counting.hits(row)))
            counts.write(before=counting.day_of(some[-1].at // QUARTER))
        counts.write()
        add_entries(count // 10)
    Log.objects.get_or_create(server=server)
    if connection.vendor == "postgresql":  # which does it by itself, a little later
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
