"""The senders of a made-up greylisting server: wanted ones, and spammers.

Of kind `spam`, who must never be suggested for a whitelist:

    cheap     tries once: from no name, a customer's line, or a server of its own
    snow      one organisation, many networks, another recipient each time, once
    botnet    the same message from everywhere, names unrelated or none
    lines     the same from customers' lines of one provider, who also has a pool
    hammer    one named server, forged senders or its own, a try every few seconds
    listed    patient and well named, but another rule refuses it every time

A `{n}` in a sender stands for a number, `{x}` for letters, new with each message.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from postfixconf.maillog.records import Client

__all__ = ["DAYS", "LEARNING_DAYS", "Sender", "real", "spam"]

LEARNING_DAYS = 4
DAYS = 14

Habit = Callable[[Random], list[float]]


@dataclass(frozen=True)
class Sender:
    """Somebody who writes; `everywhere` takes another host for each try."""

    kind: str
    organisation: str
    hosts: tuple[Client, ...]
    habit: Habit
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    messages: int
    everywhere: bool = False
    days: tuple[float, float] = (0, DAYS)


def growing(random: Random) -> list[float]:
    """A queue as Postfix or qmail keeps it: minutes at first, then hours."""
    first, factor = random.uniform(300, 700), random.uniform(1.3, 2)
    return [min(first * factor**n, 14_400) for n in range(14)]


def impatient(random: Random) -> list[float]:
    """First again after seconds, patient in the end."""
    first = random.uniform(10, 30)
    return [min(first * 2**n, 3600) for n in range(12)]


def briefly(random: Random) -> list[float]:
    """A few tries within the delay, then no more."""
    first = random.uniform(15, 40)
    return [first, first * 2, first * 3]


def hammering(random: Random) -> list[float]:
    """Again and again, without a pause."""
    return [random.uniform(2, 6)] * 20


def shortly(random: Random) -> list[float]:
    """As a botnet does that was told to come back."""
    return [random.uniform(30, 400) for _ in range(random.randint(1, 6))]


def never(random: Random) -> list[float]:
    """Not again."""
    return []


def address(random: Random) -> str:
    """An address, one in eight of IPv6."""
    if not random.randrange(8):
        return f"2001:db8:{random.randrange(65536):x}:{random.randrange(65536):x}::19"
    return ".".join(str(random.randint(11, 99)) for _ in range(4))


def hosts(random: Random, suffix: str, count: int) -> tuple[Client, ...]:
    """Named mail servers, each in a network of its own."""
    word = random.choice(["mx", "out", "mail-", "smtp", "mta-"])
    return tuple(
        Client(f"{word}{n + 1}.{suffix}", address(random)) for n in range(count)
    )


def line_of(random: Random, provider: str) -> Client:
    """A customer's line, whose name is made of its address."""
    octets = [str(random.randint(1, 254)) for _ in range(4)]
    style = random.choice(["{}-{}-{}-{}.dyn", "ip{}.{}.{}.{}", "host-{3}-{2}-{1}-{0}"])
    return Client(f"{style.format(*octets)}.{provider}", ".".join(octets))


def recipients(random: Random, most: int) -> tuple[str, ...]:
    """Some of the people here."""
    count = random.randint(1, most)
    return tuple(f"user{random.randrange(200)}@practice.test" for _ in range(count))


def real(random: Random) -> Iterator[Sender]:
    """Senders whose mail is wanted."""
    for n in range(70):
        domain = f"firm{n}.{random.choice(['example', 'example', 'co.uk'])}"
        one = hosts(random, domain, 1)
        if not random.randrange(8):
            one = (Client("unknown", one[0].address),)
        froms = (f"info@{domain}", f"bounce-{{n}}@{domain}")
        many = random.randint(1, 15)
        yield Sender("real", domain, one, growing, froms, recipients(random, 5), many)
    for n in range(8):
        yield pool(random, f"pool{n}.{random.choice(['example', 'co.uk'])}")
    yield pool(random, "provider.example", "out.")
    for n in range(6):
        yield early(random, f"early{n}.example", impatient)
    for n in range(4):
        yield early(random, f"never{n}.example", briefly)
    days = (0, LEARNING_DAYS - 0.01)
    for n in range(5):
        yield pool(random, f"learnt{n}.example", days=days, kind="learning")


def pool(
    random: Random,
    domain: str,
    below: str = "",
    *,
    days: tuple[float, float] = (0, DAYS),
    kind: str = "pool",
) -> Sender:
    """A large sender: each try comes from wherever its queue runs."""
    below = below or random.choice(["", "", "mail.", "eu.out."])
    customer = f"shop{random.randrange(999)}.example"
    froms = random.choice(
        [
            (f"news@{domain}", f"service@{domain}"),
            (f"bounce-{{n}}-{{x}}@mail.{domain}",),
            (f"hello@{customer}", f"orders+{{x}}@{customer}"),
        ]
    )
    many, servers = random.randint(6, 40), random.randint(3, 9)
    return Sender(
        *(kind, domain, hosts(random, below + domain, servers), growing, froms),
        *(recipients(random, 8), many),
        everywhere=True,
        days=days,
    )


def early(random: Random, domain: str, habit: Habit) -> Sender:
    """One server that comes back too soon."""
    froms = (f"billing@{domain}", f"no-reply+{{x}}@{domain}")
    many = random.randint(5, 20)
    to = recipients(random, 6)
    return Sender("early", domain, hosts(random, domain, 1), habit, froms, to, many)


def spam(random: Random) -> Iterator[Sender]:
    """Senders whose mail is not wanted."""
    forged = tuple(f"{{x}}@big{n}.example" for n in range(9))
    plain = tuple(f"friend{n}@big{n}.example" for n in range(9))
    for n in range(400):
        own = f"cheap{n}.example"
        host = random.choice(
            [
                Client("unknown", address(random)),
                line_of(random, f"isp{random.randrange(30)}.example"),
                hosts(random, own, 1)[0],
            ]
        )
        froms = random.choice([forged, plain, (f"deal@{own}",)])
        to = recipients(random, 30)
        yield Sender("spam", own, (host,), never, froms, to, random.randint(1, 60))
    for n in range(4):
        own = f"snow{n}.example"
        to = tuple(f"user{k}@practice.test" for k in range(150))
        many = hosts(random, own, 9)
        yield Sender("spam", own, many, never, (f"win@{own}",), to, 150)
    for n in range(5):
        lines = [
            line_of(random, f"isp{random.randrange(30)}.example") for _ in range(40)
        ]
        lines += [Client("unknown", address(random)) for _ in range(30)]
        lines += [hosts(random, f"home{n}-{k}.example", 1)[0] for k in range(10)]
        to = recipients(random, 40)
        yield everywhere(f"botnet{n}.example", tuple(lines), plain, to)
    customers = tuple(line_of(random, "provider.example") for _ in range(40))
    yield everywhere("lines.example", customers, plain, recipients(random, 20))
    for n in range(5):
        own, to = f"hammer{n}.example", recipients(random, 30)
        one = hosts(random, own, 1)
        froms = random.choice([plain, (f"buy@{own}",)])
        yield Sender("spam", own, one, hammering, froms, to, 40)
    for n in range(3):
        own, to = f"listed{n}.example", recipients(random, 30)
        one = hosts(random, own, 1)
        yield Sender("spam", own, one, growing, (f"offer@{own}",), to, 20)


def everywhere(
    name: str, hosts: tuple[Client, ...], froms: tuple[str, ...], to: tuple[str, ...]
) -> Sender:
    """A botnet: whichever of its machines is up tries next."""
    return Sender("spam", name, hosts, shortly, froms, to, 80, everywhere=True)
