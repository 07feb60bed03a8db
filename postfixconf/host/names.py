"""The names of a client as smtpd would find them today: reverse, and back again."""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

__all__ = ["Names", "look_up", "names_of"]

AT_ONCE = 16


class Names(NamedTuple):
    """`client` resolves back to the address, `reverse` is what it resolves to; ""
    for none.
    """

    client: str
    reverse: str


NAMELESS = Names("", "")


def names_of(address: str) -> Names:
    """The names of one address (smtpd_peer.c asks the same)."""
    try:
        reverse, _ = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    except OSError:
        return NAMELESS
    try:
        found = {info[4][0] for info in socket.getaddrinfo(reverse, None)}
    except OSError:
        return Names("", reverse)
    return Names(reverse if address in found else "", reverse)


def look_up(addresses: Iterable[str], seconds: float) -> dict[str, Names]:
    """The names of these addresses, as far as DNS answers within `seconds`."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        asked = {pool.submit(names_of, each): each for each in dict.fromkeys(addresses)}
        done, _ = wait(asked, timeout=seconds)
        return {asked[each]: each.result() for each in done}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
