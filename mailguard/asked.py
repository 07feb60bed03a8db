"""What somebody looks for, as the address bar has it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Self
from urllib.parse import urlencode

__all__ = ["Asked", "plain"]

LONGEST = 1000  # characters of a field


@dataclass(frozen=True)
class Asked:
    """The fields of a search; a subclass names them, with what they are at first.

    `CHOICES` are the fields in which only some words mean something.
    """

    CHOICES: ClassVar[Mapping[str, Collection[str]]] = {}

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """From the address bar; choices that mean nothing are left out."""
        given = {name: plain(query[name]) for name in asdict(cls()) if name in query}
        known = {
            name: text
            for name, text in given.items()
            if name not in cls.CHOICES or text in cls.CHOICES[name]
        }
        return cls(**known)

    @property
    def query(self) -> str:
        """The same for an address."""
        first = asdict(type(self)())
        now = asdict(self).items()
        return urlencode({name: text for name, text in now if text != first[name]})


def plain(text: str) -> str:
    """What a database and a page can take of a field of the address bar."""
    fit = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return fit[:LONGEST]
