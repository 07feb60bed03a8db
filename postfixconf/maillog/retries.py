"""Messages, as the tries of their triplets show them.

A message is what one sender (without extension and numbers) has for one recipient
until it passes; each client network it is tried from is a triplet of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from postfixconf.maillog.triplets import ONE_MESSAGE, Triplet

__all__ = ["Message", "messages_of"]

RUSH = 10  # seconds; no queue comes back sooner
HASTY = 10  # early tries at most: a queue's intervals grow


@dataclass(frozen=True)
class Message:
    """One message as its tries show it."""

    triplets: tuple[Triplet, ...]

    @property
    def tries(self) -> int:
        return sum(each.tries for each in self.triplets)

    @property
    def early(self) -> int:
        return sum(each.early for each in self.triplets)

    @property
    def networks(self) -> frozenset[str]:
        return frozenset(each.network for each in self.triplets)

    @property
    def passed(self) -> bool:
        return any(each.delay is not None for each in self.triplets)

    @property
    def last(self) -> datetime:
        """The try that passed, or the last one."""
        passes = [each.passed for each in self.triplets if each.delay is not None]
        return min(
            filter(None, passes), default=max(each.last for each in self.triplets)
        )

    @property
    def waited(self) -> float:
        """Seconds from the first try to the last."""
        return max((self.last - self.triplets[0].first).total_seconds(), 0)

    @property
    def came_back(self) -> bool:
        """Whether it was tried again as a queue does, not in a rush."""
        rush = self.waited < RUSH * (self.tries - 1)
        hasty = any(each.early > HASTY for each in self.triplets)
        return self.tries > 1 and not rush and not hasty


def messages_of(triplets: Iterable[Triplet]) -> Iterator[Message]:
    """Triplets of one sender and recipient, parted where hours lie between."""
    pairs: dict[tuple[str, str], list[Triplet]] = defaultdict(list)
    for each in sorted(triplets, key=lambda each: each.first):
        pairs[each.sender, each.recipient].append(each)
    for members in pairs.values():
        open_: list[Triplet] = []
        for each in members:
            if open_ and each.first - max(old.last for old in open_) > ONE_MESSAGE:
                yield Message(tuple(open_))
                open_ = []
            open_.append(each)
        yield Message(tuple(open_))
