"""Pins: mail that must always get through, or never. They count at once.

pins add FILE.jsonl [--note T]
pins list
pins remove N --reason T
"""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.audit.services import Actor
from mailguard.command import Exit
from mailguard.lists import pins
from mailguard.lists.models import Pin
from mailguard.lists.reading import read_note, read_reason
from mailguard.marks import visible
from postfixconf.errors import BadValue
from postfixconf.policy.probes import Probe

Answer = tuple[Exit, dict[str, Any], str]
WORDS = {"add": "FILE.jsonl", "list": "", "remove": "N"}
LONGEST_NUMBER = 18  # digits


class Command(command.Command):
    help = "Pins: add those of a file, list them, remove one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", help=", ".join(WORDS))
        parser.add_argument(
            "words", nargs="*", help="FILE.jsonl (a probe a line), or N"
        )
        parser.add_argument("--note", default="", help="of every pin that is added")
        parser.add_argument("--reason", default="", help="why one is removed")

    def act(self, **options: Any) -> Answer:
        verb, words = options["verb"], options["words"]
        known: dict[str, Callable[..., Answer]] = {
            "add": add,
            "list": list_,
            "remove": remove,
        }
        if verb not in known:
            raise BadValue(verb, f"not one of {', '.join(known)}")
        if len(words) != len(WORDS[verb].split()):
            raise BadValue(" ".join([verb, *words]), f"write {verb} {WORDS[verb]}")
        return known[verb](*words, actor=actor_at_terminal(), options=options)


@transaction.atomic
def add(name: str, actor: Actor, options: Any) -> Answer:
    """Every probe of a file, or none where a line is bad."""
    note, rows = read_note(options["note"]), []
    for number, line in enumerate(lines_of(name), 1):
        if not line.strip():
            continue
        try:
            probe = Probe.from_line(line)
            rows.append(pins.add_envelope(probe=probe, actor=actor, note=note))
        except BadValue as cause:
            why = f"line {number}: {cause}. Nothing was pinned"
            raise BadValue(line, why) from None
    told = {"added": len(rows), "pins": [as_json(row) for row in rows]}
    return Exit.DONE, told, f"{len(rows)} pinned"


def lines_of(name: str) -> list[str]:
    """The lines of a file. Raises BadValue where it cannot be read."""
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as cause:
        raise BadValue(name, f"cannot be read ({cause})") from None
    return text.split("\n")


def list_(actor: Actor, options: Any) -> Answer:
    """Every pin, the newest first, and how many envelopes are tried for it."""
    tried = pins.tried(pins.all(), pins.RECORDED)
    told = [as_json(row) | {"tried": len(found)} for row, found in tried]
    lines = [f"{each['number']:5} {as_text(each)}" for each in told]
    return Exit.DONE, {"pins": told}, "\n".join(lines) or "Nothing is pinned."


def as_text(told: dict[str, Any]) -> str:
    """One pin as a person reads it."""
    tried = f", {told['tried']} recorded" if "domain" in told else ""
    return f"{told['expect']:6} {visible(told['what'])}{tried}"


def remove(text: str, actor: Actor, options: Any) -> Answer:
    """One pin less."""
    number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    row = pins.all().filter(pk=int(text)).first() if number else None
    if row is None:
        raise BadValue(text, "no such pin")
    told = as_json(row)
    pins.remove(row=row, actor=actor, reason=read_reason(options["reason"]))
    return Exit.DONE, {"pin": told}, f"removed {visible(str(row.what))}"


def as_json(row: Pin) -> dict[str, Any]:
    """A pin as scripts read it: a domain, or a probe."""
    told = {
        "number": row.pk,
        "expect": row.expect,
        "what": row.what,
        "note": row.note,
        "author": row.author_name,
        "added_at": row.added_at.isoformat(),
    }
    pinned = {"domain": row.domain} if row.domain else {"probe": row.probe.as_json()}
    return told | pinned
