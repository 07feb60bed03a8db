"""How a revision ended, and what is live since: written by the worker alone."""

from dataclasses import asdict, replace

from django.utils import timezone

from mailguard.changes.drift import last_written
from mailguard.changes.models import Revision, State
from mailguard.changes.tables import made_as, place
from mailguard.concealing import concealed
from mailguard.lists import claims
from mailguard.servers import services as servers
from postfixconf.host import apply as protocol
from postfixconf.host.apply_journal import Step
from postfixconf.policy.observed import Facts, Observed
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf

__all__ = ["became_live", "finish", "keep_steps", "made_anew"]


def became_live(revision: Revision, seen: Observed, policy: Policy) -> None:
    """Keep what the server has now."""
    server = revision.server
    servers.keep_observed(server, seen)
    modes = {key: mode.value for key, mode in policy.modes.items()}
    servers.set_live(server, modes, revision.number)
    claims.settle(revision.number)
    if revision.own_main is None:
        server.written_digest = seen.digest
        server.written_tables = dict(seen.tables)
    else:  # beside a hand edit, which still waits
        server.written_digest = without_edit(revision, seen).digest
    server.live_policy = policy.as_json()
    server.save()


def without_edit(revision: Revision, seen: Observed) -> Observed:
    """What the server would have, were it not for the hand edit."""
    before, server = last_written(revision.server), revision.server
    texts = replace(before or seen.texts, main=servers.as_text(revision.own_main))
    return replace(seen, texts=texts, tables=server.written_tables)


def made_anew(revision: Revision, facts: Facts) -> None:
    """Its tables are as we want them again."""
    server = revision.server
    made = [place(each["path"]) for each in revision.tables]
    main = MainCf.parse(servers.as_text(server.adopted_main))
    server.written_as |= {each: made_as(each, main, facts) for each in made}
    server.stale_tables = [name for name in server.stale_tables if name not in made]


def keep_steps(revision: Revision, steps: tuple[Step, ...]) -> None:
    """Show the steps so far on the revision's page."""
    shown = [asdict(replace(step, said=concealed(step.said))) for step in steps]
    Revision.objects.filter(pk=revision.pk).update(steps=shown)
    revision.steps = shown


def finish(revision: Revision, outcome: protocol.Outcome) -> None:
    """Write the outcome; a finished row is never written again."""
    state, cause, said = State.APPLIED, "", ""
    match outcome:
        case protocol.Applied(said):
            pass
        case protocol.Refused(cause):
            state = State.REFUSED
        case protocol.RolledBack(cause):
            state = State.ROLLED_BACK
        case protocol.Broken(cause, why):
            state, cause = State.BROKEN, f"{cause}. The way back failed: {why}"
    if state is not State.APPLIED:
        claims.release(revision.number)
    Revision.objects.filter(pk=revision.pk, state=State.RUNNING).update(
        state=state,
        cause=concealed(cause),
        said=concealed(said),
        finished_at=timezone.now(),
    )
