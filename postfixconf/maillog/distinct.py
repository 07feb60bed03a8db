"""How many different texts there were, in little memory.

Kept are 64-bit hashes, 8 bytes each in arrays. Two texts with one hash would count
as one: among ten million that happens in one log of 370,000.
"""

from array import array

__all__ = ["Distinct"]

BUCKETS = 1 << 16


class Distinct:
    """A set that can only grow, and be counted."""

    def __init__(self) -> None:
        self._buckets: dict[int, array[int]] = {}
        self._count = 0

    def add(self, text: bytes) -> None:
        """Count a text unless it was counted before."""
        hashed = hash(text)
        bucket = self._buckets.setdefault(hashed % BUCKETS, array("q"))
        if hashed not in bucket:
            bucket.append(hashed)
            self._count += 1

    def __len__(self) -> int:
        return self._count
