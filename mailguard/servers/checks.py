"""What a database must be like, said before the first table is made in it.

Indexes are read by stretches of text, and pages that merge several rely on the same
order as Python's, which is that of the bytes. Databases of PostgreSQL usually follow
the rules of a language instead, and that cannot be changed afterwards. SQLite does
as it should.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections

__all__ = ["bytewise"]

UNSORTED = ["a_c", "a.b", "b", "B", "a-c"]
SORTED = "SELECT each FROM unnest(%s::text[]) each ORDER BY each"
MADE = (
    "Make another: createdb --template=template0 --encoding=UTF8 --locale=C NAME, "
    "and name it in MAILGUARD_DATABASE_URL."
)


def bytewise(*, databases: Sequence[str] | None, **rest: Any) -> list[CheckMessage]:
    """Errors for each of these databases that is not UTF-8 in the order of bytes."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        if connections[alias].vendor != "postgresql":
            continue
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_setting('server_encoding')")
            (encoding,) = cursor.fetchone()
            cursor.execute(SORTED, [UNSORTED])
            order = [each for (each,) in cursor.fetchall()]
        if encoding != "UTF8":
            told = f"The database keeps text as {encoding}, not as UTF8."
            found.append(Error(told, hint=MADE, id="mailguard.E001"))
        elif order != sorted(UNSORTED):
            told = "The database sorts text by the rules of a language, not by bytes."
            found.append(Error(told, hint=MADE, id="mailguard.E002"))
    return found
