"""What differs between files, as diffs: hand edits, revisions, and any two of them."""

from dataclasses import replace

from mailguard.changes.models import Revision, State
from mailguard.changes.texts import texts_after
from mailguard.servers import services as servers
from mailguard.servers.models import Observed, Server
from postfixconf.policy.observed import Texts
from postfixconf.policy.plan import unified

__all__ = ["diffs_between", "diffs_of", "drift_of", "last_written"]

OPTIONS = "postgrey's options"
Stored = bytes | memoryview
CHANGED_INSIDE = (
    "--- as written\n+++ now\n@@ @@\n+Somebody changed lines that mailguard wrote. "
    "After adopting, the next apply writes them anew.\n"
)


def drift_of(server: Server) -> dict[str, str]:
    """The hand edits since mailguard last wrote: a diff per file, empty if none."""
    row = Observed.objects.filter(server=server).exclude(digest="").first()
    if row is None or server.written_digest in ("", row.digest):
        return {}
    last = last_written(server)
    if last is None:
        return {}
    pairs: dict[str, tuple[Stored, Stored]] = {
        "main.cf": (servers.as_bytes(last.main), row.main),
        "master.cf": (servers.as_bytes(last.master), row.master),
        "access": (servers.as_bytes(last.access), row.access),
        OPTIONS: (servers.as_bytes(last.options), row.options),
    }
    names = {*row.tables, *server.written_tables}
    edited = {
        name: CHANGED_INSIDE
        for name in sorted(names)
        if row.tables.get(name) != server.written_tables.get(name)
    }
    return edited | diffs(pairs)


def last_written(server: Server) -> Texts | None:
    """The files as mailguard last knew them, without a hand edit beside its own.

    None before the first adoption.
    """
    main = None
    rows = Revision.objects.filter(server=server, state=State.APPLIED)
    for row in rows.order_by("-number").iterator(chunk_size=10):
        if main is None:
            main = row.main_after if row.own_main is None else row.own_main
        if row.own_main is None:
            return replace(texts_after(row), main=servers.as_text(main))
    return None


def diffs_of(revision: Revision) -> dict[str, str]:
    """A diff per file of what a revision wrote, or would have written."""
    pairs = {
        "main.cf": (revision.main_before, revision.main_after),
        "master.cf": (revision.master_before, revision.master_after),
        "access": (revision.access_before, revision.access_after),
        OPTIONS: (revision.options_before, revision.options_after),
    }
    return diffs(pairs)


def diffs_between(one: Revision, other: Revision) -> dict[str, str]:
    """A diff per file of what two revisions wrote, or would have written."""
    pairs = {
        "main.cf": (one.main_after, other.main_after),
        "master.cf": (one.master_after, other.master_after),
        "access": (one.access_after, other.access_after),
        OPTIONS: (one.options_after, other.options_after),
    }
    return diffs(pairs)


def diffs(pairs: dict[str, tuple[Stored, Stored]]) -> dict[str, str]:
    """A diff per file whose two byte strings differ."""
    texts = {
        name: (servers.as_text(before), servers.as_text(after))
        for name, (before, after) in pairs.items()
    }
    return {
        name: "".join(unified(name, before, after))
        for name, (before, after) in texts.items()
        if before != after
    }
