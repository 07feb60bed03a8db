"""How one envelope goes through the lists, rule by rule, told by Postfix itself.

Before each rule of each list stands a marker of ours: an access table that answers
every client with `INFO`, which permits nothing, refuses nothing and leaves a line. So
a rule was asked where its marker is in the log, and what was logged after it, before
the next marker, is what it did.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from postfixconf.host.rehearsal.answers import decisions
from postfixconf.host.rehearsal.left_out import PASSED_OVER
from postfixconf.host.rehearsal.marking import ASKED
from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.records import Verdict
from postfixconf.policy.probes import Probe
from postfixconf.text.rules import WARN, Rule

if TYPE_CHECKING:
    from postfixconf.host.rehearsal.running import Rehearsal

__all__ = ["LAST", "Outcome", "Step", "trace"]

MARK = re.compile(r"mailguard at ([\w.-]+) ([0-9]+)")
LAST = "after the last list"
DEFERRING = "defer_if_permit"  # postconf(5): also what a rule does while DNS is silent

Place = tuple[str, int]  # a list or class, and the number of a rule in it


class Outcome(StrEnum):
    """What a rule did about an envelope."""

    PASSED = "no decision"
    PERMITTED = "permitted: the list ends"
    REFUSED = "refused"
    DEFERRED = "put off, after all were asked"
    WARNED = "would have refused"
    ACTED = "acted"
    WENT_ON = "asked a class"
    NOT_ASKED = "not asked in a rehearsal"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Step:
    """A rule, the list or class it stands in, what it did, and Postfix's words.

    `control` is the key of what it did, as in a log's attribution.
    """

    where: str
    rule: str
    outcome: Outcome
    text: str = ""
    control: str = ""


def trace(running: "Rehearsal", probe: Probe, own_reply: str = "") -> tuple[Step, ...]:
    """The way of one envelope. The rehearsal has to be a traced one.

    Where it is a soft one, every rule that would refuse did, and none ended it.
    `own_reply` is the text of the own-domain stop where it is not the usual one.
    """
    _, lines = running.replies([probe])
    said = decisions(lines).get(1, [])
    lists = running.staged.lists[running.staged.service(probe.service)]
    found = steps(lists, said, own_reply)
    if not running.staged.softly:
        return tuple(found)
    return tuple(
        replace(each, outcome=Outcome.REFUSED)
        if each.outcome is Outcome.WARNED and not each.rule.startswith(f"{WARN} ")
        else each
        for each in found
    )


def steps(
    lists: Mapping[str, tuple[Rule, ...]],
    said: Iterable[Verdict],
    own_reply: str = "",
) -> Iterable[Step]:
    """What each rule did, list by list, from what was logged.

    What a class did stands with the class. What puts a message off only if nobody
    refuses it (defer_if_permit, a DNS that does not answer) speaks behind the last
    list, and names no rule.
    """
    heard, classes, at = by_place(said)
    places = dict.fromkeys([*(place for place, _ in heard), *ASKED])
    for where in places:
        for number, rule in enumerate(lists.get(where, ())):
            place = where, number
            if place not in heard:
                yield Step(where, rule.text, Outcome.NOT_REACHED)
            elif place in classes:
                yield Step(where, rule.text, Outcome.WENT_ON)
            else:
                ended = (where, number + 1) not in heard
                made = step(where, rule, heard[place], ended=ended)
                yield replace(made, control=key(heard[place], own_reply))
    if at is not None and at[1] == len(lists.get(at[0], ())):
        for each in heard[at]:
            if each.verb == "reject":
                told = words(each), key([each], own_reply)
                yield Step(LAST, DEFERRING, Outcome.DEFERRED, *told)


def by_place(
    said: Iterable[Verdict],
) -> tuple[dict[Place, list[Verdict]], set[Place], Place | None]:
    """What was logged behind each marker, the rules that asked a class, the last place.

    None where no marker was logged.
    """
    heard: dict[Place, list[Verdict]] = {}
    classes: set[Place] = set()
    at = outer = None
    for each in said:
        if each.verb == "info" and (found := MARK.search(each.text)):
            at = found[1], int(found[2])
            heard.setdefault(at, [])
            if at[0] in ASKED:
                outer = at
            elif outer is not None:
                classes.add(outer)
        elif at is not None:
            heard[at].append(each)
    return heard, classes, at


def key(said: Iterable[Verdict], own_reply: str) -> str:
    """The key of a refusal among these, or of what would have been one."""
    verbs = ("reject", "reject_warning")
    found = (key_of_record(x, own_reply) for x in said if x.verb in verbs)
    return next(found, "")


def step(where: str, rule: Rule, said: list[Verdict], *, ended: bool) -> Step:
    """What one rule did; `ended` says that the next one of its list was not asked."""
    verbs = {each.verb: words(each) for each in said}
    made = Step(where, rule.text, Outcome.PASSED)
    if rule.key in PASSED_OVER:
        return replace(made, outcome=Outcome.NOT_ASKED)
    if "reject" in verbs:
        return replace(made, outcome=Outcome.REFUSED, text=verbs["reject"])
    if "reject_warning" in verbs:
        return replace(made, outcome=Outcome.WARNED, text=verbs["reject_warning"])
    if ended:
        return replace(made, outcome=Outcome.PERMITTED)
    acts = [verb for verb in verbs if verb not in ("info", "permit")]
    return replace(made, outcome=Outcome.ACTED, text=verbs[acts[0]]) if acts else made


def words(said: Verdict) -> str:
    """What Postfix answered; the client's port is the probe's, and no client's."""
    port = said.client.port if said.client else None
    return said.text.replace(f"]:{port}>", "]>") if port else said.text
