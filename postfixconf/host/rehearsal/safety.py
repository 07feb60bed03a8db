"""What every change has to pass before it is live.

A stranger who can relay refuses the change, whatever was there before. Everything else
refuses it only where the present configuration does better: an honest stranger, a
bounce, postmaster, a trusted client, somebody who has signed in, the pins. A fault that
was there before is a note.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from postfixconf.errors import BadFile, BadValue, Unproven
from postfixconf.host.rehearsal.answers import NO_SERVICE, NOBODY, Answer
from postfixconf.host.rehearsal.policy_services import listens
from postfixconf.host.rehearsal.questions import (
    ASKED_FOR,
    LITERAL,
    NAMED,
    Questions,
    questions,
)
from postfixconf.host.rehearsal.resolving import goes_out, is_sent_out
from postfixconf.host.rehearsal.running import Candidate, Rehearsal, rehearsing
from postfixconf.policy.policy_services import policy_services
from postfixconf.policy.probes import Probe, Verdict
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["PLAIN", "Demands", "Flip", "Report", "rehearse"]

CONFIGURATION = "4.3.5"  # the enhanced status of Postfix's own configuration error
NOT_ASKED = "Server configuration error"


@dataclass(frozen=True)
class Demands:
    """What a change has to hold, besides doing no harm.

    The `pins` have to, unless they are `overridden`. `own_reply` is the text of the
    own-domain stop, if it is another than the usual. `passed` is what was seen when the
    same plan was rehearsed against the same server before: it is not done again.
    """

    pins: tuple[Probe, ...] = ()
    overridden: bool = False
    own_reply: str = ""
    passed: str = ""


PLAIN = Demands()


@dataclass(frozen=True)
class Flip:
    """A pin that holds now and would not hold any more."""

    pin: Probe
    before: Answer
    after: Answer

    def __str__(self) -> str:
        pin, never = self.pin, self.before.lost
        wanted = "never get through" if never else "always get through"
        by = f", by {self.after.control}" if self.after.control else ""
        return (
            f"The pin that mail from <{pin.sender}> to <{pin.recipient}> must {wanted} "
            f"would not hold: “{self.after}”{by}."
        )


@dataclass(frozen=True)
class Report:
    """How a rehearsal ended.

    `faults` are reasons to refuse the change, a sentence each; `notes` are faults that
    were there before. `flips` are pins that the change breaks, `unmet` those that are
    not met now either. `left_out` says what was not rehearsed, `asked` how many probes
    were.
    """

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    unmet: tuple[Answer, ...] = ()
    left_out: tuple[str, ...] = ()
    asked: int = 0

    def refusals(self, *, overridden: bool = False) -> list[str]:
        """Why the change may not go live, the weightiest first."""
        return [*self.faults, *([] if overridden else map(str, self.flips))]

    @property
    def said(self) -> str:
        """What was seen, in one sentence."""
        parts = [f"{self.asked} probes"]
        parts += [f"{len(self.unmet)} pins not met, as before"] if self.unmet else []
        parts += list(self.notes)
        if self.left_out:
            parts.append(f"not rehearsed: {', '.join(self.left_out)}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Seen:
    """What one configuration answered.

    `people` are the answers by who asks, `faulty` those whose message would meet a
    configuration error after its recipients; `relayed` is what got through for others.
    `remarks` is what Postfix logged of its own faults, `trouble` why nothing could be
    asked.
    """

    people: dict[str, Answer] = field(default_factory=dict)
    faulty: frozenset[str] = frozenset()
    relayed: tuple[Answer, ...] = ()
    pins: tuple[Answer, ...] = ()
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    trouble: str = ""

    def works_for(self, who: str) -> bool:
        """Whether somebody's message gets through, or is refused for its names."""
        if who not in self.people:
            return False
        answer = self.people[who]
        return not (answer.broken if who == NAMED else answer.lost)

    def ends_well_for(self, who: str) -> bool:
        """Whether somebody's message gets through to its end."""
        return self.works_for(who) and who not in self.faulty


def rehearse(
    candidate: Candidate,
    current: Candidate,
    pins: Sequence[Probe] = (),
    *,
    own_reply: str = "",
) -> Report:
    """Try a change; `own_reply` is the text of the own-domain stop, if it is another.

    The present configuration is asked only where the candidate fails something. Raises
    HostError where the machine refuses.
    """
    after = look(candidate, pins, own_reply)
    failing = [who for who in after.people if not after.ends_well_for(who)]
    unmet = [each for each in after.pins if not each.as_expected]
    faults = [open_relay(each) for each in after.relayed[:1]]
    notes: list[str] = []
    flips: list[Flip] = []
    if failing or unmet or after.trouble:
        before = look(current, pins, own_reply)
        if after.trouble:
            (notes if before.trouble else faults).append(after.trouble)
        for who in failing:
            worse = before.ends_well_for(who)
            (faults if worse else notes).append(complaint(who, after))
        held = {each.probe: each for each in before.pins if each.as_expected}
        flips = [Flip(x.probe, held[x.probe], x) for x in unmet if x.probe in held]
        unmet = [each for each in unmet if each.probe not in held]
        away = {each.probe.service for each in unmet if each.control == NO_SERVICE}
        notes += [f"A pin is not tried: {NOBODY} {name}." for name in sorted(away)]
    for sentence, new in silent_services(candidate, current):
        (faults if new else notes).append(sentence)
    return Report(
        tuple(faults),
        tuple(notes),
        tuple(flips),
        tuple(each for each in unmet if each.control != NO_SERVICE),
        after.left_out,
        len(after.people) + len(after.pins),
    )


def look(candidate: Candidate, pins: Sequence[Probe], own_reply: str) -> Seen:
    """Ask one configuration everything; what the configuration is to blame for is told.

    Raises HostError where the machine refuses.
    """
    try:
        main, master = MainCf.parse(candidate.main), MasterCf.parse(candidate.master)
        with rehearsing(candidate) as running:
            values = running.values(*ASKED_FOR)
            sends = is_sent_out(running.queue, LITERAL)
            asked = questions(values, main, master, sends=sends)
            return told(running, asked, pins, own_reply)
    except (Unproven, BadFile, BadValue) as cause:
        return Seen(trouble=f"The configuration does not work: {cause}.")


def told(
    running: Rehearsal, asked: Questions, pins: Sequence[Probe], own_reply: str
) -> Seen:
    """What a running configuration answers. Raises HostError."""
    probes = [*asked.people.values(), *asked.relays, *pins]
    found = iter(running.ask(probes, own_reply=own_reply))
    people = {who: next(found) for who in asked.people}
    relays = [next(found) for _ in asked.relays]
    through = {who: x.probe for who, x in people.items() if not x.lost}
    ends = endings(running, list(through.values()))
    faulty = {
        who for who, end in zip(through, ends, strict=True) if end == CONFIGURATION
    }
    passed = [
        each
        for each in relays
        if each.verdict is Verdict.ACCEPT
        and goes_out(running.queue, each.probe.recipient)
    ]
    return Seen(
        people,
        frozenset(faulty),
        tuple(passed),
        tuple(found),
        running.left_out,
        tuple(running.remarks()),
    )


def endings(running: Rehearsal, probes: Sequence[Probe]) -> list[str]:
    """The enhanced status that each message itself gets, once it is sent.

    It goes nowhere: the filter it would go to is not there.
    """
    found = {}
    for service in {each.service for each in probes}:
        with running.conversation(service) as talk:
            for at, each in enumerate(probes):
                if each.service == service:
                    found[at] = talk.message(each).enhanced
    return [found[at] for at in range(len(probes))]


def open_relay(answer: Answer) -> str:
    """The sentence that refuses any change."""
    probe = answer.probe
    service = f" on {probe.service}" if probe.service else ""
    return (
        f"It is an open relay: a stranger's mail from <{probe.sender}> to "
        f"<{probe.recipient}>{service} gets “{answer}”."
    )


def complaint(who: str, seen: Seen) -> str:
    """What somebody would get."""
    answer = seen.people[who]
    because = f" Postfix says: {'; '.join(seen.remarks)}." if seen.remarks else ""
    if who in seen.faulty:
        said = f"451 {CONFIGURATION} {NOT_ASKED}"
        return f"The message of {who} would get “{said}”.{because}"
    if answer.broken:
        return f"The mail of {who} would get “{answer}”.{because}"
    by = f", by {answer.control}" if answer.control else ""
    return f"The mail of {who} would get “{answer}”{by}."


def silent_services(
    candidate: Candidate, current: Candidate
) -> Iterator[tuple[str, bool]]:
    """Each policy service that does not listen, and whether the change brings it."""
    with suppress(BadFile):
        after = policy_services(
            MainCf.parse(candidate.main), MasterCf.parse(candidate.master)
        )
        before = policy_services(
            MainCf.parse(current.main), MasterCf.parse(current.master)
        )
        for each in sorted(after, key=lambda each: each.name):
            if any(each.is_at(place) for place in candidate.started):
                continue
            if each.needed and not listens(each, candidate.queue_directory):
                sentence = (
                    f"The policy service {each.name} does not answer: "
                    f"every recipient would get “{each.default_action}”."
                )
                yield sentence, each not in before
