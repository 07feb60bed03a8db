"""Which part of a domain somebody registered, by the list of public suffixes."""

from functools import cache

from publicsuffixlist import PublicSuffixList

__all__ = ["is_public", "registered"]


@cache
def _suffixes() -> PublicSuffixList:
    """The list, read once: it takes a tenth of a second."""
    return PublicSuffixList()


def is_public(domain: str) -> bool:
    """Whether anybody may register a name right under it (`co.uk`)."""
    return bool(_suffixes().publicsuffix(domain) == domain)


def registered(name: str) -> str | None:
    """The domain that somebody registered, None for a public suffix.

    >>> registered("mx1.out.example.co.uk")
    'example.co.uk'
    """
    found: str | None = _suffixes().privatesuffix(name.lower().strip("."))
    return found
