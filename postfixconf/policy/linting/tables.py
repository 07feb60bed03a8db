"""Lookup tables: without a type, of a type that is not there, and as they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postfixconf.policy.linting.around import MapState
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.seen import Seen
from postfixconf.text.rules import split_list

__all__ = ["Asked", "asked_tables", "files_named", "standing", "typed"]

# Settings that are named like tables and are none, or hold other words too.
NO_TABLES = ("proxy_read_maps", "proxy_write_maps")
BUILT_IN = frozenset("inline internal pipemap randmap static unionmap".split())
# `type:path` of a file, with `proxy:` before it or not.
FILE = re.compile(r"(?<![\w:])((?:proxy:)?(\w+):(/[^\s,{}]+))")
IN_FILES = frozenset(
    """
    btree cdb cidr dbm hash ldap lmdb mysql pcre pgsql regexp sdbm sqlite texthash
    """.split()
)
SAID = {
    MapState.MISSING: "map_missing",
    MapState.NOT_BUILT: "map_not_built",
    MapState.STALE: "map_stale",
    MapState.UNREADABLE: "map_unreadable",
}


@dataclass(frozen=True)
class Asked:
    """A table that a setting or a rule names, and where."""

    place: str
    text: str

    @property
    def type(self) -> str:
        """Its type, empty where it has none."""
        head, colon, rest = self.text.partition(":")
        if head == "proxy":
            head, colon, _ = rest.partition(":")
        return head if colon else ""


def typed(seen: Seen) -> Iterator[Said]:
    """Tables without a type, and of a type that this Postfix does not have."""
    types = seen.facts.table_types
    told = set()
    for each in asked_tables(seen):
        if (each.place, each.text) in told or re.search(r"[${}]", each.text):
            continue
        told.add((each.place, each.text))
        if not each.type:
            usual = seen.facts.default_table_type
            yield Said("map_untyped", each.place, (each.text, usual))
        elif types and each.type not in types and each.type not in BUILT_IN:
            yield Said("map_type_unknown", each.place, (each.type, each.text))


def asked_tables(seen: Seen) -> Iterator[Asked]:
    """Every table that a setting of tables or an access rule names."""
    for each in (*seen.lists, *seen.bodies):
        for rule in each.rules:
            if re.fullmatch(r"check_\w+_access", rule.key) and rule.argument:
                yield Asked(each.place, rule.argument)
    for place, name, value in seen.settings():
        if tabled(seen, name):
            value = seen.expanded(value)
            for start, end in split_list(value):
                yield Asked(place, value[start:end])


def tabled(seen: Seen, name: str) -> bool:
    """Whether a setting that Postfix knows holds tables and nothing else."""
    named = name.endswith(("_maps", "_checks")) and name not in NO_TABLES
    return named and seen.facts.knows(name)


def files_named(seen: Seen) -> tuple[str, ...]:
    """`type:path` of every table in a file, wherever it is named, each once."""
    found: dict[str, None] = {}
    for _, name, value in seen.settings():
        if (seen.facts.knows(name) or name in seen.classes) and not own(name):
            for match in FILE.finditer(seen.expanded(value)):
                if match[2] in IN_FILES:
                    found[match[1]] = None
    return tuple(found)


def own(name: str) -> bool:
    """Whether Postfix makes a setting's tables itself, or its commands do."""
    return name.endswith(("_database", "_cache_map")) or name == "address_verify_map"


def standing(seen: Seen) -> Iterator[Said]:
    """How the tables in files stand on the disk."""
    for each in seen.around.maps:
        if code := SAID.get(each.state):
            yield Said(code, each.spec, (each.path, each.detail))
        for line in each.malformed:
            yield Said("map_malformed", each.spec, (each.path, line))
