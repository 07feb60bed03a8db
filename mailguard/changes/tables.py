"""The tables of entries that a draft changes, and what they will hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

from django.db.models import QuerySet

from mailguard.changes.draft import Draft, live_policy
from mailguard.changes.models import Revision
from mailguard.lists import claims
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.servers.models import Server
from postfixconf.policy import sources
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import ALLOW, DENY, Kind, Lookup, Side, Spared
from postfixconf.policy.entries import Entry as Line
from postfixconf.policy.lookups import type_of
from postfixconf.policy.observed import Facts, Observed, Texts
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.policy import Policy
from postfixconf.policy.table import POSTGREY, Table
from postfixconf.text.maincf import MainCf

__all__ = ["changed", "filled", "made_as", "place", "previewed", "watched"]

NO_DOMAINS = OwnDomains()
DOTTED = "dotted"
FEW = 1000  # keys up to which a copy of the database is edited
ACTIONS: dict[str, str] = {Side.ALLOW: ALLOW, Side.DENY: DENY}


class Rows(NamedTuple):
    """The entries that change, and all that are live once they have."""

    changes: QuerySet[Entry]
    after: QuerySet[Entry]


def changed(
    server: Server, draft: Draft, adopted: Texts, seen: Observed
) -> list[Table]:
    """The tables that have to be made anew for a draft, without their lines.

    Those that are wrong already only go with a draft that mends, or that writes them
    anyway: a panic must not fail of a table that it does not need.
    """
    main = MainCf.parse(adopted.main)
    found = []
    for lookup in (*Lookup, *Spared):
        version = draft.tally[lookup].version if lookup in draft.tally else ""
        if lookup is Lookup.ACCESS:
            now, then = watched(live_policy(server)), watched(draft.policy)
            version += "" if now.domains == then.domains else f" own {then.domains}"
        needed = (
            isinstance(lookup, Lookup)
            and lookup in draft.policy.lookups
            and missing(lookup, server, main, seen)
        )
        wrong = outdated(lookup, server, main, seen) and (version or draft.mends)
        if needed or wrong:
            version += " anew"
        if version:
            kind = kind_of(lookup, main, seen.facts)
            digest = sha256(version.encode()).hexdigest()
            found.append(Table(lookup, kind, digest))
    return found


def place(path: str) -> Lookup | Spared:
    """The table, or list of postgrey's, at a path."""
    return Spared(path) if path in set(Spared) else Lookup(path)


def kind_of(lookup: Lookup | Spared, main: MainCf, facts: Facts) -> str:
    """Of what type a table is, as main.cf asks for it."""
    if isinstance(lookup, Spared):
        return POSTGREY
    return type_of(lookup, main, facts)


def made_as(lookup: Lookup | Spared, main: MainCf, facts: Facts) -> str:
    """Of what type a table is, and whether sub-domains have keys of their own."""
    if isinstance(lookup, Spared):
        return POSTGREY
    kind = type_of(lookup, main, facts)
    plain = lookup is Lookup.NETWORKS or not sources.dotted(main, facts)
    return kind if plain else f"{kind} {DOTTED}"


def missing(lookup: Lookup, server: Server, main: MainCf, seen: Observed) -> bool:
    """Whether main.cf would ask for a table that is not there, or not of this type."""
    kind = type_of(lookup, main, seen.facts)
    was = server.written_as.get(lookup, kind).removesuffix(f" {DOTTED}")
    return lookup not in seen.tables or was != kind


def outdated(
    lookup: Lookup | Spared, server: Server, main: MainCf, seen: Observed
) -> bool:
    """Whether a table is another than we want, changed by hand or by main.cf."""
    now = made_as(lookup, main, seen.facts)
    return lookup in server.stale_tables or server.written_as.get(lookup, now) != now


def watched(policy: Policy) -> OwnDomains:
    """The own domains that stand in the sender table: none where the stop is off."""
    return NO_DOMAINS if policy.own_mode is Mode.OFF else policy.own


def filled(
    revision: Revision, adopted: Texts, seen: Observed, policy: Policy
) -> list[Table]:
    """The tables of a revision that has its rows claimed, with their lines."""
    wanted = [
        Table(
            place(each["path"]), made_of(each["path"], adopted, seen), each["version"]
        )
        for each in revision.tables
    ]
    rows = Rows(claims.claimed(revision.number), claims.after(revision.number))
    return with_lines(wanted, rows, revision.server, adopted, seen, policy)


def previewed(
    draft: Draft, server: Server, adopted: Texts, seen: Observed
) -> list[Table]:
    """The tables that a draft would make, with their lines; nothing is claimed."""
    wanted = changed(server, draft, adopted, seen)
    rows = Rows(draft.rows, lists.resulting(draft.rows))
    return with_lines(wanted, rows, server, adopted, seen, draft.policy)


def made_of(lookup: str, adopted: Texts, seen: Observed) -> str:
    """The type of a table, as main.cf asks for it."""
    return kind_of(place(lookup), MainCf.parse(adopted.main), seen.facts)


def with_lines(
    wanted: Iterable[Table],
    rows: Rows,
    server: Server,
    adopted: Texts,
    seen: Observed,
    policy: Policy,
) -> list[Table]:
    """These tables as they are once the changes are live."""
    main = MainCf.parse(adopted.main)
    dotted = sources.dotted(main, seen.facts)
    made = []
    for table in wanted:
        lookup = place(table.path)
        if isinstance(lookup, Spared):
            made.append(replace(table, lines=spared(lookup, rows.after)))
            continue
        own = watched(policy) if lookup is Lookup.ACCESS else NO_DOMAINS
        hand = seen.texts.access if lookup is Lookup.ACCESS else None
        few = None
        if lookup in seen.tables and not outdated(lookup, server, main, seen):
            few = edits(lookup, rows.changes, watched(live_policy(server)), own, dotted)
        lines = source(lookup, rows.after, own, dotted)
        made.append(replace(table, lines=lines, hand=hand, edits=few))
    return made


def source(
    lookup: Lookup, rows: QuerySet[Entry], own: OwnDomains, dotted: bool
) -> Callable[[], Iterator[str]]:
    """The lines of one table, read from the rows each time they are asked for."""

    def lines() -> Iterator[str]:
        if dotted or lookup is Lookup.NETWORKS:
            every = (entry(lookup, *row) for row in claims.lines(lookup, rows))
            yield from sources.lines(lookup, every, own, dotted=dotted)
            return
        yield from sources.lines(lookup, (), own, dotted=dotted)
        for value, side in claims.lines(lookup, rows):
            if "xn--" in value:  # has keys in two scripts
                one = (entry(lookup, value, side),)
                yield from sources.lines(lookup, one, NO_DOMAINS, dotted=dotted)
            else:
                yield f"{value} {ACTIONS[side]}\n"

    return lines


def spared(path: Spared, rows: QuerySet[Entry]) -> Callable[[], Iterator[str]]:
    """The lines of a list of postgrey's, read from the rows each time."""
    return lambda: sources.spared(value for value, _ in claims.lines(path, rows))


def edits(
    lookup: Lookup,
    changes: QuerySet[Entry],
    before: OwnDomains,
    after: OwnDomains,
    dotted: bool,
) -> tuple[tuple[str, str | None], ...] | None:
    """The keys that change, where they are few."""
    rows = claims.edits(lookup, changes, FEW)
    if rows is None:
        return None
    told: dict[str, str | None] = {}
    if lookup is Lookup.ACCESS and before.domains != after.domains:
        old = sources.pairs(lookup, (), before, dotted=dotted)
        told |= dict.fromkeys(key for key, _ in old)
        told |= dict(sources.pairs(lookup, (), after, dotted=dotted))
    for value, side in rows:
        one = entry(lookup, value, side or Side.DENY)
        for key, action in sources.pairs(lookup, (one,), NO_DOMAINS, dotted=dotted):
            told[key] = action if side else None
    return tuple(told.items())


def entry(lookup: Lookup, value: str, side: str) -> Line:
    """A row as a line of its table; which of the table's kinds does not matter."""
    kind = {Lookup.ACCESS: Kind.SENDER, Lookup.HELO: Kind.HELO}.get(lookup, Kind.CLIENT)
    return Line(Side(side), kind, value)
