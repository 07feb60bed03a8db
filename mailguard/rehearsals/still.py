"""What would still stop a sender: from a trial in which every rule was asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from mailguard.protection.domains import own_domains
from mailguard.rehearsals.models import Trial
from mailguard.traffic.envelopes import known
from mailguard.traffic.keys import key_of, network_of, organisation_of, sent_by
from mailguard.traffic.models import Attempt
from mailguard.traffic.words import Rule, rule
from postfixconf.errors import BadValue
from postfixconf.host.rehearsal.trace import LAST, Outcome
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Restriction
from postfixconf.policy.entries import Entry, Kind
from postfixconf.policy.ranks import PERMITS
from postfixconf.policy.restriction_lists import DATA, END_OF_DATA
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule as Line
from postfixconf.text.rules import parse_list

__all__ = ["Later", "Stop", "envelope_of", "later", "later_of", "stops"]

LATER = (DATA, END_OF_DATA)
STOPPING = (Outcome.REFUSED, Outcome.DEFERRED)
OURS = "/mailguard/"
LATELY = 200  # attempts of a network that are looked at for one client


@dataclass(frozen=True)
class Stop:
    """One rule that refuses, in words, with what Postfix says of it.

    `instead` is what helps; `where` and `rule` are Postfix's own names.
    """

    title: str
    instead: str
    page: str
    key: str
    where: str
    rule: str
    said: str


@dataclass(frozen=True)
class Later:
    """A rule that is asked once the message comes, and what it is called."""

    where: str
    rule: str
    title: str


def stops(row: Trial) -> list[Stop]:
    """Every rule that would stop the message of a trial, in the order of the lists."""
    asked = row.steps if row.every else []
    found = [stop_of(each) for each in asked if each["outcome"] in STOPPING]
    control, text = row.answer.get("control", ""), row.answer.get("text", "")
    refused = row.every and row.answer.get("verdict") not in (None, "accept")
    if refused and control not in {each.key for each in found}:
        last = {"list": LAST, "rule": "", "text": text, "control": control}
        found.append(stop_of(last))
    return found


def stop_of(step: dict[str, str]) -> Stop:
    """A step in words."""
    key = step.get("control", "")
    words, page = rule(key), rule(key).page
    title, instead = words.title, words.instead or allowed(words)
    if key == "entries" and OURS in step["rule"]:
        title = "A deny entry of yours"
        instead = "Take it away, or add an allow entry that is more specific."
    by = "" if step["list"] == LAST else step["rule"]  # it names no rule
    return Stop(title, instead, page, key, step["list"], by, step["text"])


def allowed(words: Rule) -> str:
    """What helps where an entry does."""
    if words.control is None and words.opened:
        return "It was written by hand: change it in Postfix's own files."
    return "An allow entry lets it pass, for the client's address best of all."


def later_of(main: str) -> list[dict[str, str]]:
    """The rules that are asked behind the recipients: a rehearsal does not reach them.

    Permits and the lookups of entries are left out.
    """
    read = MainCf.parse(main)
    return [
        {"list": name, "rule": each.text}
        for name in LATER
        for each in parse_list(read.get(name) or "")
        if each not in PERMITS and not asks_entries(each)
    ]


def asks_entries(each: Line) -> bool:
    """Whether a rule only looks up entries."""
    table = each.argument or ""
    return OURS in table or (
        each.key == "check_sender_access" and table.endswith("/access")
    )


def later(row: Trial) -> Iterator[Later]:
    """The same in words."""
    for each in row.answer.get("later", ()):
        [found] = parse_list(each["rule"])
        title = next(
            (
                control.title
                for control in CONTROLS
                if isinstance(control.place, Restriction)
                and control.place.matches(found)
            ),
            "written by hand",
        )
        yield Later(each["list"], each["rule"], title)


def envelope_of(meant: Entry | str) -> dict[str, Any]:
    """What a form can begin with, for an entry or for what somebody typed.

    The latest recorded message that fits gives the rest of the envelope, one with a
    greeting before one without.
    """
    entry = meant if isinstance(meant, Entry) else read(meant)
    if entry is None:
        return {}
    rows = attempts(entry).order_by("-at")[:LATELY]
    fitting = [row for row in rows if fits(row, entry)]
    # Where the recorder is off, the log names the greeting of refused mail only
    found = next((row for row in fitting if row.helo), next(iter(fitting), None))
    told = known(found) if found else {"recipient": somebody()}
    match entry.kind:
        case Kind.CLIENT if "/" not in entry.value:
            told["client_address"] = entry.value
        case Kind.CLIENT_NAME if not found:
            told["client_name"] = entry.value
        case Kind.SENDER if not entry.value.endswith("@"):
            told["sender"] = entry.value
        case Kind.SENDER_DOMAIN if not found:
            told["sender"] = f"somebody@{entry.value}"
        case Kind.HELO:
            told["helo"] = entry.value
    return told


def read(text: str) -> Entry | None:
    """What somebody typed as what it most likely is; None for nothing."""
    word = text.strip()
    kinds = (Kind.SENDER,) if "@" in word else (Kind.CLIENT, Kind.SENDER_DOMAIN)
    for kind in kinds:
        try:
            return Entry.read("allow", kind, word)
        except BadValue:
            continue
    return None


def attempts(entry: Entry) -> QuerySet[Attempt]:
    """The recorded attempts among which those of an entry are."""
    rows, value = Attempt.objects.all(), entry.value
    match entry.kind:
        case Kind.CLIENT if "/" in value:
            return rows.filter(network_key=key_of(value))
        case Kind.CLIENT:
            return rows.filter(network_key=key_of(network_of(value)))
        case Kind.CLIENT_NAME:
            return rows.filter(name_key=key_of(organisation_of(value)))
        case Kind.SENDER:
            return rows.filter(**sent_by(value))
        case Kind.SENDER_DOMAIN:
            return rows.filter(domain_key=key_of(value))
        case Kind.HELO | Kind.GREY_CLIENT | Kind.GREY_RECIPIENT:
            return rows.none()


def fits(row: Attempt, entry: Entry) -> bool:
    """Whether an attempt is one of the entry's."""
    if entry.kind is Kind.CLIENT and "/" not in entry.value:
        return row.client_address == entry.value
    if entry.kind is Kind.CLIENT_NAME:
        return f".{row.client_name.lower()}".endswith(f".{entry.value}")
    return True


def somebody() -> str:
    """A recipient of ours that is always there (RFC 5321)."""
    domains = own_domains().domains
    return f"postmaster@{domains[0]}" if domains else ""
