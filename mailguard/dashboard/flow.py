"""Whether hardly any mail gets in: what a running Postfix does not tell by itself.

The hourly counts are looked at, no further back than the last apply: what was
accepted before it says nothing of the rules that stand now. The hour it lies in counts
whole. Spam alone seldom comes in such numbers without one good message between.
"""

from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from mailguard.changes.models import Revision, State
from mailguard.servers.models import Server
from mailguard.traffic.models import Hour, Verdict

__all__ = ["hardly_any"]

ENOUGH = 50  # attempts, before a share means something
FEW = 0.05  # of them
LONGEST = timedelta(days=1)


def hardly_any(server: Server) -> str:
    """A sentence where almost nothing of the latest mail was accepted, "" otherwise."""
    applied = Revision.objects.filter(server=server, state=State.APPLIED)
    last = applied.order_by("-number").values_list("finished_at", flat=True).first()
    start = max(filter(None, (last, timezone.now() - LONGEST)))
    hour = start.replace(minute=0, second=0, microsecond=0)
    rows = Hour.objects.filter(server=server, control="", hour__gte=hour).order_by()
    # What would have been refused is counted as something else besides
    counted = rows.exclude(verdict=Verdict.WOULD).values_list("verdict")
    counts = dict(counted.annotate(Sum("count")))
    every, accepted = sum(counts.values()), counts.get(Verdict.ACCEPTED, 0)
    if every < ENOUGH or accepted >= FEW * every:
        return ""
    some = f"{accepted:,} was" if accepted == 1 else f"{accepted or 'none'} were"
    return f"Hardly any mail gets in: of the latest {every:,} messages {some} accepted."
