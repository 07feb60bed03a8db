"""A fortnight of a greylisting server, made up, with the truth about who is who.

postgrey is imitated (delay, retry window, clients let in for good after five
passes); senders answer it as real ones do. In the first days it only learns: what
it would have put off is let in at once. Who they are stands in `greylist_people`.

What this does not imitate: mailing lists, forwarding, a server whose clock jumps.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import heapify, heappop, heappush
from ipaddress import ip_address, ip_network
from random import Random

from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.records import Client, Greylisted
from tests.support.greylist_people import LEARNING_DAYS, Sender, real, spam
from tests.support.merged import merged

__all__ = ["SEEDS", "Event", "World", "covers", "world"]

SEEDS = range(1, 21)
START = datetime(2026, 3, 2, tzinfo=UTC)
LEARNING = timedelta(days=LEARNING_DAYS)
DELAY = 300
WINDOW = 2 * 86_400
PASSES = 5

Event = tuple[datetime, Greylisted | Attempt]


@dataclass
class Message:
    """One message to one recipient, and what became of its tries."""

    by: Sender
    sender: str
    recipient: str
    host: Client
    waits: list[float]
    early: int = 0
    networks: set[str] = field(default_factory=set)
    tries: int = 0
    passed: bool = False


@dataclass(frozen=True)
class World:
    """What was logged, in order, and by organisation who should be found.

    `pools` retried from several networks, `early` before the delay was over more
    than once, `never` retried and gave up; each while greylisting was enforced.
    `learning` only wrote while it was not. `strangers` are spammers' clients.
    """

    events: tuple[Event, ...]
    pools: frozenset[str]
    early: frozenset[str]
    never: frozenset[str]
    learning: frozenset[str]
    strangers: frozenset[Client]


class Postgrey:
    """As much of postgrey 1.37 as decides."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._passes: dict[str, tuple[int, float]] = {}

    def ask(self, now: float, client: Client, sender: str, to: str) -> Greylisted:
        """What it says and logs."""
        passes, at = self._passes.get(client.address, (0, -4000.0))
        if passes >= PASSES:
            return Greylisted("pass", "client AWL", client, sender, to)
        user, _, domain = sender.partition("@")
        user = re.sub(r"\b\d+\b", "#", re.sub(r"\+.*", "", user))
        key = (network(client.address), f"{user}@{domain}".lower(), to.lower())
        first, last = self._seen.get(key, (now, now))
        passed = last - first >= DELAY
        if not passed and now - first > WINDOW:
            first = now
        self._seen[key] = (first, now)
        if now - first < DELAY:
            missing = int(DELAY - (now - first))
            reason = "new" if now == first else "early-retry"
            told = missing if reason == "early-retry" else None
            return Greylisted("greylist", reason, client, sender, to, told)
        if not passed and now >= at + 3600:
            self._passes[client.address] = (passes + 1, now)
        waited = None if passed else int(now - first)
        return Greylisted("pass", "triplet found", client, sender, to, waited)


def world(seed: int) -> World:
    """The same world for the same seed."""
    random = Random(seed)
    senders = [*real(random), *spam(random)]
    messages: list[Message] = []
    queue: list[tuple[float, int]] = []
    for sender in senders:
        for at, message in written(random, sender):
            queue.append((at, len(messages)))
            messages.append(message)
    events = tuple(logged(random, messages, queue))
    spammers = [each for each in senders if each.kind == "spam"]
    return World(
        events,
        named(messages, lambda each: len(each.networks) > 1),
        named(messages, lambda each: each.passed and each.early > 1),
        named(messages, lambda each: each.tries > 1 and not each.passed),
        frozenset(each.organisation for each in senders if each.kind == "learning"),
        frozenset(host for each in spammers for host in each.hosts),
    )


def covers(lines: Iterable[str], clients: Iterable[Client]) -> bool:
    """Whether postgrey would let one of them in for lines of its whitelist."""
    networks = {line for line in lines if re.match(r"[\d.]+$|.*:", line)}
    ends = tuple(f".{line.lower()}" for line in lines if line not in networks)
    inside = [ip_network(line) for line in networks]
    return any(
        f".{client.name.lower()}".endswith(ends)
        or any(ip_address(client.address) in each for each in inside)
        for client in clients
    )


@cache
def network(address: str) -> str:
    """/24, or /64 of IPv6."""
    size = 64 if ":" in address else 24
    return str(ip_network(f"{address}/{size}", strict=False))


def named(
    messages: Sequence[Message], fits: Callable[[Message], bool]
) -> frozenset[str]:
    """The organisations of real senders with such a message."""
    real = [each for each in messages if each.by.kind in ("real", "pool", "early")]
    return frozenset(each.by.organisation for each in real if fits(each))


def written(random: Random, sender: Sender) -> Iterator[tuple[float, Message]]:
    """The messages of a sender, and when each is tried first."""
    for number in range(sender.messages):
        start = random.uniform(*sender.days) * 86_400
        who = random.choice(sender.senders)
        who = who.replace("{n}", str(random.randrange(10**6, 10**7)))
        who = who.replace("{x}", "".join(random.choices("abcdef0123456789", k=12)))
        to = sender.recipients[number % len(sender.recipients)]
        host = random.choice(sender.hosts)
        yield start, Message(sender, who, to, host, sender.habit(random))


def logged(
    random: Random, messages: Sequence[Message], queue: list[tuple[float, int]]
) -> Iterator[Event]:
    """Play everything in order; a message that is accepted is not tried again."""
    postgrey = Postgrey()
    heapify(queue)
    while queue:
        now, number = heappop(queue)
        message = messages[number]
        host = (
            random.choice(message.by.hosts) if message.by.everywhere else message.host
        )
        line = postgrey.ask(now, host, message.sender, message.recipient)
        at, learning = START + timedelta(seconds=now), now < LEARNING.total_seconds()
        yield at, line
        if told := answered(at, line, message, learning=learning):
            yield told
        message.passed = line.action == "pass" or learning
        if message.passed:
            continue
        message.tries += 1
        message.early += line.reason == "early-retry"
        message.networks.add(network(host.address))
        if message.waits:
            heappush(queue, (now + message.waits.pop(0), number))


def answered(
    at: datetime, line: Greylisted, message: Message, *, learning: bool
) -> Event | None:
    """What smtpd made of it, where greylisting did not decide."""
    listed = message.by.organisation.startswith("listed")
    if line.action == "pass" or not (listed or learning):
        return None
    attempt = merged(
        at,
        line.client,
        ("mx", at.isoformat(), line.client.address, line.recipient),
        sender=line.sender,
        recipient=line.recipient,
        outcome=Outcome.REFUSED if listed else Outcome.ACCEPTED,
        control="reject_rbl_client zen.example" if listed else None,
        warned=("greylisting",) if learning else (),
    )
    return at, attempt
