"""`$name`, `$(name)` and `${name}` in a value, followed as far as somebody knows them.

What is not followed: `${name?text}` and its relatives (postconf(5)).
"""

import re
from collections.abc import Callable

__all__ = ["followed"]

REFERENCE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
DEEPEST = 10  # a value may name itself


def followed(
    value: str, known: Callable[[str], str | None], depth: int = DEEPEST
) -> str:
    """`value` with what `known` says of each name in place; where None, it stays.

    >>> followed("$a and ${b}", {"a": "1 $c", "c": "2"}.get)
    '1 2 and ${b}'
    """

    def filled(match: re.Match[str]) -> str:
        told = known(next(filter(None, match.groups())))
        return match[0] if told is None else followed(told, known, depth - 1)

    return REFERENCE.sub(filled, value) if depth else value
