"""A change that is made beside a hand edit, which goes on waiting to be adopted.

Only mailguard itself makes one, and only of a rule that nobody edited. What it writes
is the live text with that rule changed; what mailguard would have written without the
edit is kept, so that the edit alone remains to be looked at.
"""

from dataclasses import asdict

from django.db import transaction

from mailguard.audit.services import Actor
from mailguard.changes import services
from mailguard.changes.draft import Draft
from mailguard.changes.drift import last_written
from mailguard.changes.models import Kind, Revision
from mailguard.changes.texts import columns_of
from mailguard.errors import NotNow
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Plan
from postfixconf.policy.policy import Policy, parse_mode
from postfixconf.policy.softening import softened, untouched

__all__ = ["planned", "request"]


@transaction.atomic
def request(*, server: Server, actor: Actor, reason: str, wish: Draft) -> Revision:
    """Queue `wish` for the live files as they are. Raises NotNow, BadFile."""
    services.refuse_if_busy(server)
    seen, written = servers.last_observed(server), last_written(server)
    if seen is None or written is None:
        raise NotNow("The worker has not looked at the server yet.")
    for change in wish.changes:
        if not untouched(change.what, wish.policy, written.main, seen):
            raise NotNow(f"{change.what} was edited by hand. Adopt the edit first.")
    modes = {each.what: each.after for each in wish.changes}
    made = planned(modes, wish.policy, seen, reload=server.prefer_reload)
    own = services.plan_of(server, wish).after.main
    return services.enqueue(
        server,
        actor,
        Kind.CHANGE,
        reason=reason,
        policy=wish.policy.as_json(),
        changes=[asdict(each) for each in wish.changes],
        reload=server.prefer_reload,
        plan_digest=made.digest,
        own_main=servers.as_bytes(own),
        **columns_of(made.before, made.after),
    )


def planned(
    modes: dict[str, str], policy: Policy, seen: Observed, *, reload: bool
) -> Plan:
    """The plan that gives these controls these modes where they stand."""
    wanted = {key: parse_mode(mode) for key, mode in modes.items()}
    return softened(wanted, policy, seen, reload=reload)
