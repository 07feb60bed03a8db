"""Allow and deny entries: one by one, or a file of them. Nothing is live before apply.

entries add|remove allow|deny KIND VALUE [--note T] [--expires ISO8601]
entries import|export FILE.csv [--dry-run]
"""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.audit.services import Actor
from mailguard.command import Exit
from mailguard.lists import checking, exports, imports, services
from mailguard.lists.checks import Guard, doubts
from mailguard.lists.models import Import, State
from mailguard.lists.reading import read_expires, read_note
from mailguard.lists.search import Search
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Entry, Kind

SHOWN = 1000  # refused lines in the answer
Answer = tuple[Exit, dict[str, Any], str]
WORDS = {
    "add": "allow|deny KIND VALUE",
    "remove": "allow|deny KIND VALUE",
    "import": "FILE.csv",
    "export": "FILE.csv",
}


class Command(command.Command):
    help = "Allow and deny entries: add, remove, import, export."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        kinds = ", ".join(each.value for each in Kind)
        parser.add_argument("verb", help=", ".join(WORDS))
        parser.add_argument(
            "words", nargs="*", help=f"allow|deny KIND VALUE ({kinds}), or FILE.csv"
        )
        parser.add_argument("--note", default="")
        parser.add_argument("--expires", default="", metavar="ISO8601")
        parser.add_argument("--dry-run", action="store_true", help="only say what for")
        parser.add_argument(
            "--skip-refused", action="store_true", help="import the good lines alone"
        )

    def act(self, **options: Any) -> Answer:
        verb, words = options["verb"], options["words"]
        known: dict[str, Callable[..., Answer]] = {
            "add": add,
            "remove": remove,
            "import": import_,
            "export": export,
        }
        if verb not in known:
            raise BadValue(verb, f"not one of {', '.join(known)}")
        if len(words) != len(WORDS[verb].split()):
            raise BadValue(" ".join([verb, *words]), f"write {verb} {WORDS[verb]}")
        return known[verb](*words, actor=actor_at_terminal(), options=options)


def add(side: str, kind: str, value: str, actor: Actor, options: Any) -> Answer:
    """One entry more."""
    entry = Guard.of(servers.local()).read(side, kind, value)
    note, expires_at = read_note(options["note"]), read_expires(options["expires"])
    told = {"entry": as_json(entry), "doubts": list(doubts(entry))}
    if not options["dry_run"]:
        services.add(entry=entry, note=note, expires_at=expires_at, actor=actor)
    lines = [f"{entry.side} {entry.kind} {entry.value}", *told["doubts"]]
    return Exit.DONE, told, "\n".join(lines)


def remove(side: str, kind: str, value: str, actor: Actor, options: Any) -> Answer:
    """One entry less."""
    entry = Entry.read(side, kind, value)
    row = services.find(entry.kind, entry.value)
    if row is None or row.side != entry.side:
        raise BadValue(value, f"is not on the {side} list")
    if not options["dry_run"]:
        services.remove(row=row, actor=actor, reason=options["note"])
    return Exit.DONE, {"entry": as_json(entry)}, f"removed {row}"


def as_json(entry: Entry) -> dict[str, str]:
    """An entry as scripts read it."""
    return {"side": entry.side, "kind": entry.kind, "value": entry.value}


def import_(name: str, actor: Actor, options: Any) -> Answer:
    """A file of entries; a refused line stops all of it, unless it may be skipped."""
    path = Path(name)
    try:
        job = imports.begin(
            name=path.name, path=path.resolve(), actor=actor, ours=False
        )
    except (OSError, ValueError) as cause:
        raise BadValue(name, f"cannot be read ({cause})") from None
    while checking.check(job=job):
        pass
    bad = checking.refusals(job, SHOWN)
    told = result(job, bad)
    stop = job.refused and not options["skip_refused"]
    if stop or options["dry_run"]:
        imports.cancel(job=job)
    else:
        imports.confirm(job=job, tell=False)
        imports.carry_out(job=job)
        told = result(job, bad)
    if job.state == State.FAILED:
        return Exit.REFUSED, command.error("refused", job.cause), job.cause
    return answer(told, job, bool(stop) and not options["dry_run"])


def answer(told: dict[str, Any], job: Import, stopped: bool) -> Answer:
    """What came of it, or would have."""
    lines = [f"line {each['line']}: {each['reason']}" for each in told["refused"]]
    lines.append(
        f"{job.added} added, {job.moved} moved to the other list, "
        f"{job.there} there already, {job.refused} refused"
    )
    if not stopped:
        return Exit.DONE, told, "\n".join(lines)
    first = told["refused"][0]
    message = f"line {first['line']}: {first['reason']}. Nothing was imported"
    told |= command.error("bad_input", message, first["text"])
    return Exit.BAD_INPUT, told, "\n".join([*lines, "Nothing was imported."])


def result(job: Import, bad: list[tuple[int, str, str]]) -> dict[str, Any]:
    """An import as scripts read it."""
    return {
        "added": job.added,
        "moved": job.moved,
        "there": job.there,
        "refused_count": job.refused,
        "refused": [{"line": n, "text": t, "reason": why} for n, t, why in bad],
        "doubts": job.doubts,
    }


def export(name: str, actor: Actor, options: Any) -> Answer:
    """Every wanted entry into a file."""
    lines = exports.lines(Search())
    count = -1  # the header
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            for line in lines:
                file.write(line)
                count += 1
    except (OSError, ValueError) as cause:
        raise BadValue(name, f"cannot be written ({cause})") from None
    return Exit.DONE, {"exported": count}, f"{count} entries"
