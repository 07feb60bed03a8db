"""The filter behind a list's zone: which answers are a listing (postconf(5)).

Four octets, each a number or `[n;m..o]`: `127.0.0.[2..11]`, `127.0.0.[2;10..12]`. A
list answers with codes of its own and, where it refuses to answer, with one of
127.255.255.0/24: no filter of ours may take that for a listing.
"""

import re
from functools import lru_cache

from postfixconf.errors import BadPolicy

__all__ = ["ERRORS", "fits", "read_codes"]

ERRORS = "127.255.255.[0..255]"  # answers that are an error, whoever gives them
NUMBER = r"[0-9]{1,3}(?:\.\.[0-9]{1,3})?"
OCTET = re.compile(rf"[0-9]{{1,3}}|\[{NUMBER}(?:;{NUMBER})*\]")
SPLIT = re.compile(r"\.(?![.0-9;]*\])")  # the dots outside of brackets
EXAMPLE = "write four octets, each a number or [n;m..o], such as 127.0.0.[2..11]"


def read_codes(text: str) -> str:
    """The filter, validated. Raises BadPolicy, which quotes it.

    >>> read_codes("127.0.0.[2..11]")
    '127.0.0.[2..11]'
    """
    if not text:
        raise BadPolicy(text, "a list needs return codes: without, any answer refuses")
    octets = parsed(text)
    if octets[0] != frozenset({127}):
        raise BadPolicy(text, "a list's codes are inside 127.0.0.0/8")
    if all(255 in octet for octet in octets[1:3]):
        raise BadPolicy(text, "127.255.255.x says that a list refuses to answer")
    return text


def fits(codes: str, answer: str) -> bool:
    """Whether an answer, an IPv4 address, is one of these codes."""
    numbers = [int(part) for part in answer.split(".")]
    return all(n in octet for n, octet in zip(numbers, parsed(codes), strict=True))


@lru_cache(maxsize=256)
def parsed(text: str) -> tuple[frozenset[int], ...]:
    """The numbers that each octet may be. Raises BadPolicy."""
    parts = SPLIT.split(text)
    if len(parts) != 4 or not all(OCTET.fullmatch(part) for part in parts):
        raise BadPolicy(text, EXAMPLE)
    return tuple(numbers(part, text) for part in parts)


def numbers(part: str, text: str) -> frozenset[int]:
    """The numbers of one octet. Raises BadPolicy, which quotes the whole text."""
    found: set[int] = set()
    for each in part.strip("[]").split(";"):
        first, _, last = each.partition("..")
        low, high = int(first), int(last or first)
        if low > high or high > 255:
            raise BadPolicy(text, f"{each} is no range of an octet")
        found.update(range(low, high + 1))
    return frozenset(found)
