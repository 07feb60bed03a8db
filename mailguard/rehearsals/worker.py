"""The worker's side of a rehearsal: a slice at a time, so that an apply never waits.

Each slice starts Postfix twice, as it is and as it would be, and asks both for about
half a second. A worker that is killed goes on where the last slice ended.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from mailguard.changes import services as changes
from mailguard.changes.demands import demands, failed, passed
from mailguard.errors import NotNow
from mailguard.rehearsals.comparing import turned
from mailguard.rehearsals.models import (
    OPEN,
    Asked,
    Kind,
    Rehearsal,
    State,
    Trial,
    Turn,
)
from mailguard.rehearsals.recorded import Recorded, choose, probes
from mailguard.rehearsals.services import end
from mailguard.rehearsals.staging import Stage, staging, tried_on
from mailguard.rehearsals.still import later_of
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.host.names import names_of
from postfixconf.host.rehearsal import safety
from postfixconf.host.rehearsal.answers import Answer
from postfixconf.host.rehearsal.running import rehearsing
from postfixconf.host.rehearsal.trace import trace
from postfixconf.policy.probes import Probe

__all__ = ["go_on"]

SLICE = 0.5  # seconds, or as long as it took to make the tables
FEWEST, MOST = 8, 400  # envelopes between two looks at the clock
QUICK = 0.1  # seconds: more may be asked at once
PATIENCE = 90.0  # seconds of asking; then it ends with what it has
Some = TypeVar("Some", bound=Asked)
CHANGED = "the draft has changed since"
TOO_SLOW = "DNS answers so slowly that not all of them could be tried"
FOUND = ("faults", "notes", "flips", "left_out", "safe", "keys", "recorded", "partial")


def go_on(server: Server) -> bool:
    """Get on with what is asked, for about half a second; whether something is left.

    Somebody waits for a single envelope, so those come first, one at a time.
    """
    trial = first(Trial, server)
    job = first(Rehearsal, server)
    if trial is not None:
        with told_how(trial):
            attend(trial)
    elif job is not None:
        with told_how(job):
            take_up(job)
    return any(first(model, server) for model in (Trial, Rehearsal))


def first(model: type[Some], server: Server) -> Some | None:
    """The oldest that is not finished."""
    rows = model._default_manager.filter(server=server, state__in=OPEN)
    return rows.order_by("pk").first()


@contextmanager
def told_how(row: Asked) -> Iterator[None]:
    """Whatever fails is said on the row, which is not taken up again."""
    try:
        yield
    except (PostfixconfError, NotNow) as cause:
        end(row, State.FAILED, str(cause))
    except Exception:
        end(row, State.FAILED, "mailguard has a fault here, told in its log.")
        raise


def take_up(job: Rehearsal) -> None:
    """One slice of a rehearsal, unless the draft is another by now."""
    Rehearsal.objects.filter(pk=job.pk, state=State.QUEUED).update(state=State.RUNNING)
    with staging(job.server) as stage:
        # The tables were read after the plan was made: both have to be of one draft.
        digests = {stage.plan.digest, changes.plan_of(job.server).digest}
        if digests != {job.plan_digest}:
            end(job, State.CANCELLED, CHANGED)
        else:
            carry_on(job, stage)


def carry_on(job: Rehearsal, stage: Stage) -> None:
    """One slice: first what every change has to pass, then recorded mail."""
    if job.safe is None:
        begin(job, stage)
    if job.safe is False and not job.flips:
        end(job, State.DONE)  # what does not work is asked nothing more
        return
    compare(job, stage, time.monotonic() + max(SLICE, stage.cost))
    if job.tried >= job.total:
        end(job, State.DONE)
    elif job.spent > PATIENCE:
        end(job, State.DONE, TOO_SLOW)


def begin(job: Rehearsal, stage: Stage) -> None:
    """What every change has to pass; once it has, Apply need not ask again.

    Kept in one go with which mail is tried: a worker that is killed begins anew.
    """
    demanded = demands(job.server, stage.plan, stage.seen, stage.policy)
    report = safety.rehearse(
        stage.after, stage.before, demanded.pins, own_reply=demanded.own_reply
    )
    chosen = choose(job.server, job.most, stage.services)
    job.faults, job.notes = list(report.faults), list(report.notes)
    job.flips = [str(each) for each in report.flips]
    job.left_out = list(report.left_out)
    job.safe = not report.refusals()
    job.keys, job.recorded = list(chosen.keys), chosen.looked
    job.partial = chosen.partial
    job.save(update_fields=FOUND)
    if job.safe:
        passed(job.server, stage.plan, stage.seen, demanded.pins, report.said)
    else:
        failed(job.server, stage.plan)


def compare(job: Rehearsal, stage: Stage, until: float) -> None:
    """Ask both configurations the same, until the time is over; keep what differs.

    Where DNS is slow few envelopes are asked at once: an apply may wait.
    """
    count, going = FEWEST, job.tried < job.total
    if not going:
        return
    own_before, own_after = stage.was.own.reply, stage.policy.own.reply
    with rehearsing(stage.before) as now, rehearsing(stage.after) as then:
        while going:
            begun = time.monotonic()
            some = upcoming(job, count)
            envelopes = [each.probe for each in some]
            pairs = zip(
                some,
                now.ask(envelopes, own_reply=own_before),
                then.ask(envelopes, own_reply=own_after),
                strict=True,
            )
            took = time.monotonic() - begun
            going = keep(job, list(pairs), took) and job.tried < job.total
            going = going and time.monotonic() < until
            count = min(2 * count, MOST) if took < QUICK else FEWEST


def upcoming(job: Rehearsal, count: int) -> list[Recorded]:
    """The next envelopes to try; those that are gone by now are struck off."""
    end = job.tried + count
    done, some, rest = job.keys[: job.tried], job.keys[job.tried : end], job.keys[end:]
    found = probes(some)
    if len(found) < len(some):
        job.keys = [*done, *(each.key for each in found), *rest]
        job.save(update_fields=["keys"])
    return found


@transaction.atomic
def keep(
    job: Rehearsal, pairs: list[tuple[Recorded, Answer, Answer]], took: float
) -> bool:
    """Put a part on record; False where it is cancelled, or in other hands."""
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
    # Another worker may have done this part meanwhile: it counts once.
    rows = Rehearsal.objects.filter(pk=job.pk, state__in=OPEN, tried=job.tried)
    job.tried, job.spent = job.tried + len(pairs), job.spent + took
    if not rows.update(tried=job.tried, spent=job.spent, **counts):
        return False
    Turn.objects.bulk_create(found)
    return True


def attend(row: Trial) -> None:
    """Try one envelope, rule by rule."""
    probe = named(row)
    with tried_on(row) as (candidate, own_reply):
        with rehearsing(candidate) as running:
            [answer] = running.ask([probe], own_reply=own_reply)
        with rehearsing(candidate, traced=True, softly=row.every) as running:
            steps = trace(running, probe, own_reply)
        later = later_of(candidate.main) if row.every else []
    row.answer = {
        "verdict": answer.verdict.value,
        "code": answer.code,
        "text": answer.text,
        "control": answer.control,
        "warned": list(answer.warned),
        "acts": list(answer.acts),
        "later": later,
    }
    row.steps = [
        {
            "list": each.where,
            "rule": each.rule,
            "outcome": each.outcome.value,
            "text": each.text,
            "control": each.control,
        }
        for each in steps
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
