"""`make bench`: mail search among a million attempts, through Django itself.

MAILGUARD_BENCH_ATTEMPTS says how many, MAILGUARD_DATABASE_URL in which (empty)
database; a scratch one of SQLite otherwise. The rows are seeded: many senders that
write once, few recipients, 40 % refused, popular domains and replies, and rare ones.
"""

import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import django

HOME = tempfile.mkdtemp(prefix="mailguard-bench-")
os.environ["MAILGUARD_HOME"] = HOME
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailguard.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402

from mailguard.accounts.models import User  # noqa: E402
from mailguard.servers import services as servers  # noqa: E402
from mailguard.traffic.keys import key_of, network_of, organisation_of  # noqa: E402
from mailguard.traffic.models import Attempt, Daily, Hit, Reply  # noqa: E402

COUNT = int(os.environ.get("MAILGUARD_BENCH_ATTEMPTS", "1000000"))
SPAN = 30 * 86_400 * 1_000_000  # microseconds
BATCH = 20_000
ROUNDS = 5
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
QUERIES = (
    "",
    "text=user77@bigmail.example",
    "text=nobody@nowhere.example",
    "text=rare7@rare.example",
    "text=box1@practice.test",
    "text=box4@practice.test&verdict=refused",
    "text=bigmail.example",
    "text=bigmail.example&verdict=refused",
    "text=bigmail.example&verdict=bounced",
    "text=bigmail.example&time=hour",
    "text=d4711.example",
    "text=rare.example",
    "text=nowhere.example",
    "text=mx3.cloud.example",
    "text=10.1.2.3",
    "text=203.0.113.9",
    "text=192.0.2.1",
    "text=10.1.2.0/24",
    "text=10.1.0.0/16",
    "text=172.16.0.0/12",
    "text=2001:db8::/32",
    "text=2001:db9:1:1::/64",
    "text=zen.spamhaus.org",
    "text=fully-qualified",
    "text=rarely",
    "text=no+such+words",
    "verdict=refused",
    "verdict=would",
    "verdict=bounced",
    "verdict=undecided",
    "control=reject_non_fqdn_sender",
    "control=dnsbl:zen.spamhaus.org&verdict=refused",
    "control=helo&text=bigmail.example",
    "control=reject_non_fqdn_sender&text=bigmail.example",
    "time=day&verdict=put+off",
)

Values = tuple[Any, ...]
COLUMNS = [str(each.column) for each in Attempt._meta.fields if each.name != "id"]
HIT = ("attempt_id", "control", "verdict", "at", "who", "sender_key")
DAILY = ("server_id", "day", "what", "value", "verdict", "count")


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


def attempts(server: int, begun: int) -> Iterator[dict[str, Any]]:
    """Every attempt by its columns, oldest first."""
    chance = random.Random(7)
    for number in range(COUNT):
        address, name = client_of(chance)
        sender = sender_of(chance, number)
        recipient = f"box{int(chance.paretovariate(0.8)) % 200}@practice.test"
        row: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"code": None, "raw": RAW}
        row |= {"server_id": server, "key": key_of("bench", number), "helo": name}
        row |= {"at": begun + number * (SPAN // COUNT), "service": "postfix/smtpd"}
        row |= {"client_address": address, "client_name": name, "command": "RCPT"}
        row |= {"sender": sender, "recipient": recipient, "reply_id": None}
        row |= {"sender_key": key_of(sender), "recipient_key": key_of(recipient)}
        row["domain_key"] = key_of(sender.rpartition("@")[2])
        row["network_key"] = key_of(network_of(address))
        known = name != "unknown"
        row["name_key"] = key_of(organisation_of(name)) if known else None
        yield row | told(chance, number)


def insert(model: type[Model], columns: Sequence[str], rows: list[Values]) -> None:
    """Many rows, as fast as the database takes them."""
    table, names = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def hits_of(row: dict[str, Any]) -> Iterator[Values]:
    """Its hits."""
    who = key_of(network_of(row["client_address"]), row["sender"], row["recipient"])
    for control, verdict in (
        (row["warned"], "would"),
        (row["control"], row["outcome"]),
    ):
        if control:
            key, at = row["key"], row["at"]
            yield key, control, verdict, at, who, row["sender_key"]


def fill() -> None:
    """The attempts, their hits and replies, and the clients of each day."""
    server = servers.local().pk
    replies = {
        words: Reply.objects.create(text=words).pk for *_, words in (*RULES, RARE)
    }
    rows = attempts(server, int(time.time() * 1_000_000) - SPAN)
    clients: set[tuple[str, str]] = set()
    models: tuple[type[Model], ...] = (Attempt, Hit)
    with connection.schema_editor() as editor:
        for model in models:
            for index in model._meta.indexes:
                editor.remove_index(model, index)
    while some := list(islice(rows, BATCH)):
        for row in some:
            row["reply_id"] = replies.get(row["text"])
            day = time.strftime("%Y-%m-%d", time.gmtime(row["at"] / 1_000_000))
            clients.add((day, row["client_address"]))
        insert(Attempt, COLUMNS, [tuple(row.values()) for row in some])
        insert(Hit, HIT, [hit for row in some for hit in hits_of(row)])
    days: Iterable[Values] = (
        (server, day, "client", client, "accepted", 1) for day, client in clients
    )
    insert(Daily, DAILY, list(days))
    with connection.schema_editor() as editor:
        for model in models:
            for index in model._meta.indexes:
                editor.add_index(model, index)
    if connection.vendor == "postgresql":  # which does it by itself, a little later
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def ask(browser: Client, path: str) -> float:
    """Milliseconds of one page, the median of a few."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = browser.get(path)
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.content
    return statistics.median(took)


def main() -> None:
    """Fill, ask, print."""
    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    fill()
    print(f"{COUNT:,} attempts in {connection.vendor}", end="")
    print(f", filled in {time.perf_counter() - begun:.0f} s")
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(User.objects.create_user("bench"))
    took = {query: ask(browser, f"/search/?{query}") for query in QUERIES}
    for query, each in took.items():
        print(f"{'/search/?' + query:64} {each:6.0f} ms")
    middle = Attempt.objects.order_by("pk")[COUNT // 2].pk
    print(f"{'one mail':64} {ask(browser, f'/search/{middle}/'):6.0f} ms")
    print(f"median {statistics.median(took.values()):.0f} ms (budget 100 ms), ", end="")
    print(f"worst {max(took.values()):.0f} ms")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
