"""Bringing an old revision back: what that changes, and the request.

What mailguard manages comes back: controls, their order, own domains, entries. Lines
that somebody wrote by hand stay as they are now, and a control that the revision did
not know, or that is set elsewhere today, keeps the mode it has.
"""

from dataclasses import dataclass, replace

from django.db import transaction

from mailguard.audit.services import Actor
from mailguard.changes import services
from mailguard.changes.draft import live_policy
from mailguard.changes.entries import Moved, back_to
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.protection.differences import Difference, between
from mailguard.servers.models import Server
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.policy import Policy

__all__ = ["Restoration", "preview", "request_restore"]

NETWORKS = "networks"  # of a policy as it is kept


@dataclass(frozen=True)
class Restoration:
    """What bringing a revision back changes on the live server.

    `policy` is what will be wanted, `dropped` the waiting changes that are lost by
    it, with `dropped_more` that are not named.
    """

    policy: Policy
    settings: tuple[Difference, ...]
    entries: Moved
    dropped: tuple[Difference, ...]
    dropped_more: int

    @property
    def empty(self) -> bool:
        """Whether it is what is live already."""
        return not self.settings and self.entries.empty


def preview(server: Server, revision: Revision) -> Restoration:
    """What restoring would change. Raises NotNow where it cannot be, BadPolicy."""
    if revision.state != State.APPLIED:
        raise NotNow(
            f"Revision {revision.number} cannot be restored: it is "
            f"{revision.get_state_display()}, so it was never live. "
            "Restore one that was applied."
        )
    live = live_policy(server)
    then = Policy.from_json(revision.policy)
    if GREYLISTING not in revision.policy:  # it says nothing of postgrey's settings
        then = replace(then, greylisting=live.greylisting)
    if NETWORKS not in revision.policy:  # nor of trusted networks
        then = replace(then, networks=live.networks)
    policy = policy_then(server, live, then)
    settings, entries = tuple(between(live, policy)), back_to(revision.number)
    kept, waiting = {*settings, *entries.told}, services.draft(server)
    dropped = tuple(each for each in waiting.changes if each not in kept)
    return Restoration(policy, settings, entries, dropped, waiting.more)


def policy_then(server: Server, live: Policy, then: Policy) -> Policy:
    """The revision's policy, with the live mode where it cannot be switched.

    Codes that the adopted files have by now are no change.
    """
    found = protection.found_on(server, then.controls)
    free = {key for key, each in found.items() if each.switchable}
    modes = {key: mode for key, mode in then.modes.items() if key in free}
    filtered = tuple(key for key in then.filtered if key in found and found[key].bare)
    lists = live.with_zones(then.zones)
    return replace(
        lists,
        modes={**lists.modes, **modes},
        own=then.own,
        order=then.order,
        keys=then.keys,
        relays=then.relays,
        greylisting=then.greylisting,
        networks=then.networks,
        filtered=filtered,
    )


@transaction.atomic
def request_restore(
    *,
    server: Server,
    actor: Actor,
    revision: Revision,
    reason: str,
    as_draft: bool = False,
) -> Revision | None:
    """Want what was live with `revision`, and queue it; None where it only waits.

    The draft that waited is dropped. Raises NotNow, and then nothing was changed.
    """
    services.refuse_if_busy(server)
    found = preview(server, revision)
    if found.empty:
        raise NotNow(
            f"What revision {revision.number} brought is live already. "
            "Nothing was changed."
        )
    lists.discard(actor=actor, reason=f"dropped to restore revision {revision.number}")
    protection.write(policy=found.policy, actor=actor, reason=reason)
    lists.want_as_at(number=revision.number, actor=actor, reason=reason)
    if as_draft:
        return None
    return services.request_apply(
        server=server, actor=actor, reason=reason, reload=server.prefer_reload
    )
