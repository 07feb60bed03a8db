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
from postfixconf.host.rehearsal.marking import ASKED
from postfixconf.host.rehearsal.staging import PASSED_OVER
from postfixconf.maillog.records import Verdict
from postfixconf.policy.probes import Probe
from postfixconf.text.rules import Rule

if TYPE_CHECKING:
    from postfixconf.host.rehearsal.running import Rehearsal

__all__ = ["Outcome", "Step", "trace"]

MARK = re.compile(r"mailguard at ([\w.-]+) ([0-9]+)")


class Outcome(StrEnum):
    """What a rule did about an envelope."""

    PASSED = "no decision"
    PERMITTED = "permitted: the list ends"
    REFUSED = "refused"
    WARNED = "would have refused"
    ACTED = "acted"
    NOT_ASKED = "not asked in a rehearsal"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Step:
    """A rule, the list or class it stands in, what it did, and Postfix's words."""

    where: str
    rule: str
    outcome: Outcome
    text: str = ""


def trace(running: "Rehearsal", probe: Probe) -> tuple[Step, ...]:
    """The way of one envelope. The rehearsal has to be a traced one."""
    _, lines = running.replies([probe])
    said = decisions(lines).get(1, [])
    service = running.staged.service(probe.service)
    return tuple(steps(running.staged.lists[service], said))


def steps(
    lists: Mapping[str, tuple[Rule, ...]], said: Iterable[Verdict]
) -> Iterable[Step]:
    """What each rule did, list by list, from what was logged."""
    heard: dict[tuple[str, int], list[Verdict]] = {}
    at: tuple[str, int] | None = None
    for each in said:
        if each.verb == "info" and (found := MARK.search(each.text)):
            at = found[1], int(found[2])
            heard.setdefault(at, [])
        elif at is not None:
            heard[at].append(each)
    places = dict.fromkeys([*(place for place, _ in heard), *ASKED])
    for where in places:
        for number, rule in enumerate(lists.get(where, ())):
            if (where, number) in heard:
                ended = (where, number + 1) not in heard
                yield step(where, rule, heard[where, number], ended=ended)
            else:
                yield Step(where, rule.text, Outcome.NOT_REACHED)


def step(where: str, rule: Rule, said: list[Verdict], *, ended: bool) -> Step:
    """What one rule did; `ended` says that the next one of its list was not asked."""
    verbs = {each.verb: each.text for each in said}
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
