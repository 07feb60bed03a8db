"""The files of a revision: bytes in its columns, texts for the library.

Bytes that are no UTF-8 come through unharmed (surrogateescape).
"""

from mailguard.changes.models import Revision
from mailguard.servers.services import as_bytes, as_text
from postfixconf.policy.observed import Texts

__all__ = ["columns_of", "texts_after", "texts_before"]


def columns_of(before: Texts, after: Texts) -> dict[str, bytes]:
    """The text columns of a revision."""
    return {
        "main_before": as_bytes(before.main),
        "master_before": as_bytes(before.master),
        "access_before": as_bytes(before.access),
        "options_before": as_bytes(before.options),
        "main_after": as_bytes(after.main),
        "master_after": as_bytes(after.master),
        "access_after": as_bytes(after.access),
        "options_after": as_bytes(after.options),
    }


def texts_before(revision: Revision) -> Texts:
    """What a revision was planned from."""
    return Texts(
        as_text(revision.main_before),
        as_text(revision.master_before),
        as_text(revision.access_before),
        as_text(revision.options_before),
    )


def texts_after(revision: Revision) -> Texts:
    """What a revision was to make of it."""
    return Texts(
        as_text(revision.main_after),
        as_text(revision.master_after),
        as_text(revision.access_after),
        as_text(revision.options_after),
    )
