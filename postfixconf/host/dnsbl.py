"""One check of lists in the DNS, through the server's own resolver.

Every list has points that RFC 5782 (section 5) wants listed and not listed; what it
answers for these tells whether its answers for senders can be trusted. All questions
are asked at the same time, so a check takes no longer than its slowest answer.

What this does not see: a list that answers for its test points as it should and lists
too much besides (the log tells that), and a resolver that only Postfix uses, in a
chroot of its own.
"""

import ipaddress
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import dns.exception
import dns.resolver

from postfixconf.host.faults import Fault
from postfixconf.host.resolver import resolver_of
from postfixconf.policy.blocklists import Asked, Blocklist
from postfixconf.policy.codes import ERRORS, fits
from postfixconf.policy.keyed import NO_KEYS, Keys

__all__ = ["Health", "check"]

AT_ONCE = 32
LISTED, UNLISTED = "127.0.0.2", "127.0.0.1"
LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
BLOCKED = "127.0.0.255"  # what dnswl.org answers where it refuses to


@dataclass(frozen=True)
class Health:
    """How a list was found: its faults, and the slowest answer in milliseconds."""

    zone: str
    faults: tuple[Fault, ...]
    ms: int

    @property
    def grave(self) -> tuple[Fault, ...]:
        """The faults for which it may not refuse anybody."""
        return tuple(each for each in self.faults if each.grave)


@dataclass(frozen=True)
class Answer:
    """What a question came to: addresses, none of them, or a failure."""

    addresses: tuple[str, ...] = ()
    failure: Fault | None = None
    ms: int = 0


def check(
    lists: Iterable[Blocklist],
    nameservers: tuple[str, ...] = (),
    keys: Keys = NO_KEYS,
) -> dict[str, Health]:
    """The health of these lists, by zone.

    Asked through the resolvers of /etc/resolv.conf unless others are named, with the
    key of those that need one.
    """
    wanted = {each.zone: each for each in lists}
    points = {zone: _points(each, _asked(each, keys)) for zone, each in wanted.items()}
    nowhere = f"mailguard-{secrets.token_hex(8)}.invalid."
    names = {nowhere, *(name for each in points.values() for name in each.values())}
    resolver = resolver_of(nameservers)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = pool.map(lambda name: (name, _ask(resolver, name)), sorted(names))
        answers = dict(asked)
    way = tuple(_way(answers[nowhere]))
    return {
        zone: _judged(
            each, way, {what: answers[name] for what, name in points[zone].items()}
        )
        for zone, each in wanted.items()
    }


def _asked(each: Blocklist, keys: Keys) -> str:
    """The zone as it is asked."""
    return f"{keys[each.key].reveal()}.{each.zone}" if each.key in keys else each.zone


def _points(each: Blocklist, zone: str) -> dict[str, str]:
    """The names to look up, by what is asked with them."""
    if each.asked[0].domains:
        return {
            "listed": f"test.{zone}.",
            "unlisted": f"invalid.{zone}.",
        }
    found = {
        "listed": f"{_reversed(LISTED)}.{zone}.",
        "unlisted": f"{_reversed(UNLISTED)}.{zone}.",
    }
    if each.ipv6:
        found["listed6"] = f"{_reversed(f'::FFFF:{LISTED}')}.{zone}."
        found["unlisted6"] = f"{_reversed(f'::FFFF:{UNLISTED}')}.{zone}."
    return found


def _reversed(address: str) -> str:
    """An address as a list wants it: octets or nibbles, the last one first."""
    name = ipaddress.ip_address(address).reverse_pointer
    return name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _ask(resolver: dns.resolver.Resolver, name: str) -> Answer:
    """Look up the addresses of one name."""
    begun = perf_counter()
    addresses: tuple[str, ...] = ()
    failure = None
    try:
        found = resolver.resolve(name, "A", search=False)
        addresses = tuple(str(each) for each in found)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        pass
    except dns.resolver.LifetimeTimeout:
        failure = Fault.TIMEOUT
    except dns.exception.DNSException:
        failure = Fault.FAILED
    return Answer(addresses, failure, round((perf_counter() - begun) * 1000))


def _way(nowhere: Answer) -> Iterator[Fault]:
    """What is wrong on the way to every list, by a name that does not exist."""
    if nowhere.failure:
        yield Fault.RESOLVER
    elif nowhere.addresses:
        yield Fault.REWRITTEN


def _judged(
    each: Blocklist, way: tuple[Fault, ...], answers: Mapping[str, Answer]
) -> Health:
    """The health of a list by the answers for its test points."""
    ms = max(answer.ms for answer in answers.values())
    found = dict.fromkeys(way or _faults(each, answers))
    return Health(each.zone, tuple(found), ms)


def _faults(each: Blocklist, answers: Mapping[str, Answer]) -> Iterator[Fault]:
    """Every fault, some of them more than once."""
    test = each.test or each.codes
    for what, answer in answers.items():
        if answer.failure:
            yield answer.failure
            continue
        strange = [x for x in answer.addresses if not _inside(x)]
        errors = [x for x in answer.addresses if _is_error(x, each)]
        if strange:
            yield Fault.OUTSIDE
        elif errors:
            yield Fault.REFUSED
        elif what.startswith("unlisted") and answer.addresses:
            yield Fault.EVERYTHING
        elif what.startswith("listed") and not any(
            fits(test, x) for x in answer.addresses
        ):
            yield Fault.NO_IPV6 if what == "listed6" else Fault.NOTHING


def _inside(address: str) -> bool:
    return ipaddress.IPv4Address(address) in LOOPBACK


def _is_error(address: str, each: Blocklist) -> bool:
    """Whether an answer says that the list refuses to."""
    blocked = Asked.ALLOW in each.asked and address == BLOCKED
    return blocked or fits(ERRORS, address)
