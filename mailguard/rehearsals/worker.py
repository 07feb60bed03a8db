"""The worker's side of a rehearsal: a slice at a time, so that an apply never waits.

Each slice starts Postfix twice, as it is and as it would be, and asks both for about
half a second. A worker that is killed goes on where the last slice ended.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from mailguard.changes import tables
from mailguard.changes.demands import demands, passed
from mailguard.errors import NotNow
from mailguard.rehearsals.comparing import turned
from mailguard.rehearsals.models import OPEN, Kind, Rehearsal, State, Trial, Turn
from mailguard.rehearsals.recorded import Recorded, choose, probes
from mailguard.rehearsals.services import end, wanted
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.host.apply import staged
from postfixconf.host.journal import Journal
from postfixconf.host.names import names_of
from postfixconf.host.rehearsal import safety
from postfixconf.host.rehearsal.answers import Answer
from postfixconf.host.rehearsal.running import Candidate, rehearsing, trials
from postfixconf.host.rehearsal.trace import trace
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probes import Probe

__all__ = ["go_on"]

SLICE = 0.5  # seconds, or as long as it took to make the tables
FEWEST, MOST = 8, 400  # envelopes between two looks at the clock
QUICK = 0.1  # seconds: more may be asked at once
PATIENCE = timedelta(seconds=90)  # of asking; then it ends with what it has


TOO_SLOW = "DNS answers so slowly that not all of them could be tried"


@dataclass(frozen=True)
class Stage:
    """What there is to try: the plan, its policy, and both configurations."""

    plan: Plan
    policy: Policy
    seen: Observed
    after: Candidate
    before: Candidate
    cost: float  # seconds that it took to make


def go_on(server: Server) -> bool:
    """Get on with what is asked, for about half a second; whether something is left."""
    for row in Trial.objects.filter(server=server, state__in=OPEN).order_by("pk"):
        attend(row)
    job = Rehearsal.objects.filter(server=server, state__in=OPEN).order_by("pk").first()
    if job is None:
        return False
    Rehearsal.objects.filter(pk=job.pk, state=State.QUEUED).update(state=State.RUNNING)
    try:
        with staging(server) as stage:
            if stage.plan.digest != job.plan_digest:
                end(job, State.CANCELLED, "the draft has changed since")
            else:
                carry_on(job, stage)
    except (PostfixconfError, NotNow) as cause:
        end(job, State.FAILED, str(cause))
    return Rehearsal.objects.filter(server=server, state__in=OPEN).exists()


@contextmanager
def staging(server: Server) -> Iterator[Stage]:
    """The draft with its tables made beside the old ones, gone afterwards.

    Raises NotNow before the first adoption, PostfixconfError.
    """
    begun = time.monotonic()
    instance = servers.instance_of(server)
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        raise NotNow("The worker has not looked at the server yet.")
    wish = wanted(server)
    filled = tables.previewed(wish, server, adopted, seen)
    made = plan(wish.policy, adopted, seen, reload=server.prefer_reload, tables=filled)
    with staged(made, instance, Journal()) as new:
        places = {each.target: each.temporary for each in new}
        after, before = trials(made, instance, places)
        cost = time.monotonic() - begun
        yield Stage(made, wish.policy, seen, after, before, cost)


def carry_on(job: Rehearsal, stage: Stage) -> None:
    """One slice: first what every change has to pass, then recorded mail."""
    if job.safe is None:
        try_safety(job, stage)
        chosen = choose(job.server, job.most)
        job.keys, job.recorded = list(chosen.keys), chosen.looked
        job.partial = chosen.partial
        job.save(update_fields=["keys", "recorded", "partial"])
    if job.safe is False and not job.flips:
        end(job, State.DONE)  # what does not work is asked nothing more
        return
    until = time.monotonic() + max(SLICE, stage.cost)
    compare(job, stage, until)
    if job.tried >= job.total:
        end(job, State.DONE)
    elif timezone.now() - job.at > PATIENCE:
        end(job, State.DONE, TOO_SLOW)


def try_safety(job: Rehearsal, stage: Stage) -> None:
    """What every change has to pass; once it has, Apply need not ask again."""
    demanded = demands(job.server, stage.plan, stage.seen, stage.policy)
    report = safety.rehearse(
        stage.after, stage.before, demanded.pins, own_reply=demanded.own_reply
    )
    job.faults, job.notes = list(report.faults), list(report.notes)
    job.flips = [str(each) for each in report.flips]
    job.left_out = list(report.left_out)
    job.safe = not report.refusals()
    job.save(update_fields=["faults", "notes", "flips", "left_out", "safe"])
    if job.safe:
        passed(job.server, stage.plan, stage.seen, demanded.pins, report.said)


def compare(job: Rehearsal, stage: Stage, until: float) -> None:
    """Ask both configurations the same, until the time is over; keep what differs.

    Where DNS is slow few envelopes are asked at once: an apply may wait.
    """
    if job.tried >= job.total:
        return
    reply, count, going = stage.policy.own.reply, FEWEST, True
    with rehearsing(stage.before) as now, rehearsing(stage.after) as then:
        while going and job.tried < job.total:
            begun = time.monotonic()
            keys = job.keys[job.tried : job.tried + count]
            some = probes(keys)
            envelopes = [each.probe for each in some]
            pairs = zip(
                some,
                now.ask(envelopes, own_reply=reply),
                then.ask(envelopes, own_reply=reply),
                strict=True,
            )
            going = keep(job, len(keys), list(pairs)) and time.monotonic() < until
            quick = time.monotonic() - begun < QUICK
            count = min(2 * count, MOST) if quick else FEWEST


@transaction.atomic
def keep(
    job: Rehearsal, count: int, pairs: list[tuple[Recorded, Answer, Answer]]
) -> bool:
    """Put a part of `count` on record; False where somebody has cancelled it."""
    found = [
        Turn(
            rehearsal=job,
            attempt_id=each.key,
            kind=turn.kind,
            control=turn.control,
            code=after.code,
            todays_dns=each.todays_dns,
        )
        for each, before, after in pairs
        if (turn := turned(before, after))
    ]
    counts = {
        kind.value: F(kind.value) + sum(each.kind == kind for each in found)
        for kind in Kind
    }
    job.tried += count
    rows = Rehearsal.objects.filter(pk=job.pk, state__in=OPEN)
    if not rows.update(tried=job.tried, **counts):
        return False
    Turn.objects.bulk_create(found)
    return True


def attend(row: Trial) -> None:
    """Try one envelope, rule by rule."""
    try:
        probe = named(row)
        with staging(row.server) as stage:
            candidate = stage.after if row.on_draft else stage.before
            reply = stage.policy.own.reply
            with rehearsing(candidate) as running:
                [answer] = running.ask([probe], own_reply=reply)
            with rehearsing(candidate, traced=True) as running:
                steps = trace(running, probe)
    except (PostfixconfError, NotNow) as cause:
        end(row, State.FAILED, str(cause))
        return
    row.answer = {
        "verdict": answer.verdict.value,
        "code": answer.code,
        "text": answer.text,
        "control": answer.control,
        "warned": list(answer.warned),
        "acts": list(answer.acts),
    }
    row.steps = [
        {"list": s.where, "rule": s.rule, "outcome": s.outcome.value, "text": s.text}
        for s in steps
    ]
    row.left_out, row.probe = list(running.left_out), probe.as_json()
    row.save(update_fields=["answer", "steps", "left_out", "probe"])
    end(row, State.DONE)


def named(row: Trial) -> Probe:
    """Its envelope, with the client's names as DNS has them, where that is wanted."""
    probe = Probe.from_json(row.probe)
    if not row.todays_dns:
        return probe
    names = names_of(probe.client_address)
    return replace(probe, client_name=names.client, reverse_client_name=names.reverse)
