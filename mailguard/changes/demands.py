"""What a change has to show in its rehearsal: the pins, and what was seen already."""

import json
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

from django.utils import timezone

from mailguard.changes.models import Passed
from mailguard.lists import pins
from mailguard.servers.models import Server
from postfixconf.host.rehearsal.safety import Demands
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probes import Probe

__all__ = ["demands", "failed", "passed"]

FRESH = timedelta(minutes=10)  # DNS may answer otherwise later


def demands(
    server: Server, plan: Plan, seen: Observed, policy: Policy, *, override: str = ""
) -> Demands:
    """What the rehearsal of a plan has to show.

    Nothing more, where the same plan has passed with the same pins a moment ago on a
    server that has not changed since. `override` is why a pin may be broken.
    """
    wanted = tuple(each.probe for each in pins.probes())
    said = "" if override else seen_before(server, plan, seen, wanted)
    return Demands(wanted, bool(override), policy.own.reply, said)


def passed(
    server: Server, plan: Plan, seen: Observed, wanted: Iterable[Probe], said: str
) -> None:
    """Keep that a plan has passed its rehearsal, in the place of the one before."""
    values = {
        "plan_digest": plan.digest,
        "observed": seen.digest,
        "pins": digest_of(wanted),
        "said": said,
    }
    Passed.objects.update_or_create(server=server, defaults=values)


def failed(server: Server, plan: Plan) -> None:
    """A plan that passed a moment ago does not pass any more."""
    Passed.objects.filter(server=server, plan_digest=plan.digest).delete()


def seen_before(
    server: Server, plan: Plan, seen: Observed, wanted: Iterable[Probe]
) -> str:
    """What was seen when it passed; "" where it has to be rehearsed."""
    row = Passed.objects.filter(
        server=server,
        plan_digest=plan.digest,
        observed=seen.digest,
        pins=digest_of(wanted),
        at__gt=timezone.now() - FRESH,
    ).first()
    return f"as rehearsed for the review: {row.said}" if row else ""


def digest_of(probes: Iterable[Probe]) -> str:
    """SHA-256 of the pins, in hexadecimal."""
    told = [json.dumps(each.as_json(), sort_keys=True) for each in probes]
    return sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()
