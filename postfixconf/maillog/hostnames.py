"""What a client's name tells: a mail server's, or a customer's line.

Postfix names a client only where name and address lead to each other, but providers
give every line such a name, and it is made of the address or says what it is. A
name is text that its owner chose; only what looks like one is returned.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address

__all__ = ["is_line", "narrowest", "servers"]

HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", re.ASCII)
LINE = re.compile(
    r"\b(a|v|x)?dsl\b|\bdyn(amic)?\b|\bdhcp\b|\bppp|\bdial(up)?\b|\bcable\b"
    r"|\bbroadband\b"
)


def servers(names: Iterable[str], addresses: tuple[str, ...]) -> list[str]:
    """The names that may be mail servers', in small letters."""
    small = [name.lower() for name in names]
    good = [name for name in small if HOST.fullmatch(name)]
    return [name for name in good if not is_line(name, addresses)]


@lru_cache(maxsize=65_536)
def is_line(name: str, addresses: tuple[str, ...]) -> bool:
    """Whether a name is made of an address, or says it is a customer's line.

    >>> is_line("7-2-0-192.isp.example", ("192.0.2.7",))
    True
    """
    return bool(LINE.search(name)) or any(_spells(name, each) for each in addresses)


def narrowest(names: Sequence[str], strangers: Iterable[str]) -> tuple[str, ...]:
    """What all names end in; the names themselves where a stranger's does too.

    >>> narrowest(["a.out.example.org", "b.out.example.org"], [])
    ('out.example.org',)
    """
    labels = zip(*(reversed(name.split(".")) for name in names), strict=False)
    same = []
    for each in labels:
        if len(set(each)) > 1:
            break
        same.append(each[0])
    suffix = ".".join(reversed(same))
    if not suffix or any(name.endswith(f".{suffix}") for name in strangers):
        return tuple(names)
    return (suffix,)


def _spells(name: str, address: str) -> bool:
    """Whether three parts of an address stand in the name, or all of it at once."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if ip.packed.hex() in name:
        return True
    if ip.version == 6:
        groups = {part.lstrip("0") for part in ip.exploded.split(":")}
        words = set(re.findall("[0-9a-f]+", name))
        return len({each for each in groups if len(each) > 1} & words) > 2
    if "".join(f"{octet:03}" for octet in ip.packed) in name:
        return True
    numbers = Counter(int(part) for part in re.findall(r"[0-9]+", name))
    return (numbers & Counter(ip.packed)).total() > 2
