"""The configurations that are tried: what is live, and what it would be."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mailguard.changes import services as changes
from mailguard.changes import tables
from mailguard.changes.draft import live_policy
from mailguard.errors import NotNow
from mailguard.protection import own_lists
from mailguard.rehearsals.models import Trial
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.host.apply_journal import Journal
from postfixconf.host.apply_steps import staged
from postfixconf.host.rehearsal.running import Candidate, trials
from postfixconf.host.rehearsal.staging import names_of, services_of
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.text.mastercf import MasterCf

__all__ = ["Stage", "staging", "tried_on"]


@dataclass(frozen=True)
class Stage:
    """What there is to try: the plan, its policy, and both configurations."""

    plan: Plan
    policy: Policy
    was: Policy  # what is live
    seen: Observed
    after: Candidate
    before: Candidate
    cost: float  # seconds that it took to make

    @property
    def services(self) -> frozenset[str]:
        """The names of the smtpd services that are there, or would be."""
        texts = (self.plan.before.master, self.plan.after.master)
        found = (services_of(MasterCf.parse(text)) for text in texts)
        return frozenset().union(*map(names_of, found))


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
    wish = changes.draft(server)
    filled = tables.previewed(wish, server, adopted, seen)
    made = plan(
        wish.policy,
        adopted,
        seen,
        reload=server.prefer_reload,
        tables=filled,
        keys=own_lists.opened(wish.policy),
    )
    with staged(made, instance, Journal()) as new:
        places = {each.target: each.temporary for each in new}
        after, before = trials(made, instance, places)
        cost = time.monotonic() - begun
        was = live_policy(server)
        yield Stage(made, wish.policy, was, seen, after, before, cost)


@contextmanager
def tried_on(row: Trial) -> Iterator[tuple[Candidate, str]]:
    """The configuration it is tried on, and the words of its own-domain stop."""
    if row.on_draft:
        with staging(row.server) as stage:
            yield stage.after, stage.policy.own.reply
    else:  # whatever waits, and be it faulty
        live = servers.instance_of(row.server)
        texts = live.main().text, live.master().text
        places = live.config_dir, live.queue_directory
        yield Candidate(*texts, *places), live_policy(row.server).own.reply
