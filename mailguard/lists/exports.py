"""Entries as lines of CSV, as many as there are, one at a time."""

from collections.abc import Iterator

from mailguard.lists.csvfile import FIELDS, line_of
from mailguard.lists.search import Search

__all__ = ["lines"]


def lines(search: Search) -> Iterator[str]:
    """A header, and the entries that a search finds.

    What is about to go is left out, unless it is looked for.
    """
    yield line_of(FIELDS)
    rows = search.rows()
    rows = rows if search.state == "going" else rows.filter(removed=False)
    columns = rows.order_by("pk").values_list(
        "side", "kind", "value", "note", "expires_at"
    )
    for *cells, expires_at in columns.iterator(chunk_size=20_000):
        yield line_of([*cells, expires_at.isoformat() if expires_at else ""])
