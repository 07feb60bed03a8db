"""Taking a server's present files as the starting point: the worker's side."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from django.db import transaction

from mailguard.audit.services import Actor
from mailguard.changes.draft import live_policy
from mailguard.changes.drift import last_written
from mailguard.changes.models import Revision
from mailguard.changes.outcomes import became_live, finish
from mailguard.changes.tables import watched
from mailguard.changes.texts import columns_of
from mailguard.protection import own_lists, trusting
from mailguard.protection import services as protection
from mailguard.protection.beginning import keep_found
from mailguard.protection.differences import between
from mailguard.protection.stores import forget_filtered
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy
from postfixconf.host import apply as protocol
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import Found, find
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.needs import settings_in
from postfixconf.policy.networks import Trusted
from postfixconf.policy.observed import Observed
from postfixconf.policy.ordering import Listing
from postfixconf.policy.policy import Policy, parse_mode
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["adopt"]


def adopt(revision: Revision) -> None:
    """Take the server's present files as the starting point of every plan."""
    server = revision.server
    seen = servers.look(server)
    if seen is None:
        finish(revision, protocol.Refused(server.observed.trouble))
        return
    main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
    known = protection.live(server)
    found = find(main, master, seen.facts, known.controls)
    modes = {key: each.mode.value for key, each in found.items()}
    before = last_written(server) or seen.texts
    policy = replace(
        adopted_policy(known, modes, seen),
        greylisting=settings_in(seen.texts.options, seen.facts.postgrey_options),
    )
    changed = differences(server, policy, found)
    with transaction.atomic():
        settle(server, policy, found, Actor(revision.actor_id, revision.actor_name))
        server.stale_tables = stale(server, seen, policy)
        became_live(revision, seen, policy)
        server.adopted_main = servers.as_bytes(seen.texts.main)
        server.adopted_master = servers.as_bytes(seen.texts.master)
        server.adopted_options = servers.as_bytes(seen.texts.options)
        server.save()
        Revision.objects.filter(pk=revision.pk).update(
            policy=policy.as_json(), changes=changed, **columns_of(before, seen.texts)
        )
        finish(revision, protocol.Applied(f"Postfix {seen.facts.version}"))


def adopted_policy(known: Policy, modes: dict[str, str], seen: Observed) -> Policy:
    """What is live by an adoption: the modes as found, the rest as we wrote it.

    A list that was taken out is forgotten: what asks it now, somebody wrote. An order
    that somebody changed by hand is as found, too, and so are trusted networks and the
    return codes of lists.
    """
    main, controls = MainCf.parse(seen.texts.main), known.controls
    found = {
        key: parse_mode(mode)
        for key, mode in modes.items()
        if not controls.control(key).gone
    }
    order = {
        name: names
        for name, names in known.order.items()
        if Listing.of(main, seen.facts, name, controls).follows(names)
    }
    networks = dict.fromkeys(Trusted.of(main).entries, True)
    return replace(known, modes=found, order=order, networks=networks, filtered=())


def differences(
    server: Server, policy: Policy, found: Mapping[str, Found]
) -> list[dict[str, str]]:
    """What a hand edit switched, as a revision's `changes`.

    Return codes that we wrote and that stand there are no change.
    """
    if not server.live_policy:
        return []
    live = live_policy(server)
    lost = tuple(key for key in live.filtered if found[key].bare)
    return [asdict(each) for each in between(replace(live, filtered=lost), policy)]


def stale(server: Server, seen: Observed, policy: Policy) -> list[str]:
    """Our tables that somebody changed: they have to be made anew.

    The sender table too where main.cf was edited so that the own-domain stop is
    another than its lines say.
    """
    now, then = seen.tables, server.written_tables
    edited = {name for name in {*now, *then} if now.get(name) != then.get(name)}
    if server.live_policy and watched(live_policy(server)) != watched(policy):
        edited.add(str(Lookup.ACCESS))
    return sorted(edited | set(server.stale_tables))


def merged(live: Greylisting, wanted: Greylisting, found: Greylisting) -> Greylisting:
    """The settings as found, except where a waiting change says otherwise.

    Where the two together are no setting of postgrey's, what was found counts.
    """
    now, then = live.as_json(), wanted.as_json()
    waiting = {name: then[name] for name in then if then[name] != now[name]}
    try:
        return Greylisting.from_json(found.as_json() | waiting)
    except BadPolicy:
        return found


def settle(
    server: Server, policy: Policy, found: Mapping[str, Found], actor: Actor
) -> None:
    """Want what was found, except where a waiting change says otherwise."""
    forget_filtered([key for key, each in found.items() if each.bare])
    wanted = protection.wanted()
    live = live_policy(server) if server.live_policy else Policy()
    waiting = {
        key: mode
        for key, mode in wanted.modes.items()
        if key in live.modes and live.modes[key] != mode and found[key].switchable
    }
    greylisting = merged(live.greylisting, wanted.greylisting, policy.greylisting)
    order = {
        name: wanted.order.get(name, ())
        for name in {*live.order, *wanted.order}
        if live.order.get(name) != wanted.order.get(name)
    }
    networks = {
        name: there
        for name, there in wanted.networks.items()
        if there != live.networks.get(name, False)
    }
    lists = policy.with_zones(wanted.zones)
    settled = replace(
        lists,
        modes={**lists.modes, **waiting},
        order={**policy.order, **order},
        own=wanted.own,
        greylisting=greylisting if server.live_policy else policy.greylisting,
        relays=wanted.relays,
        keys=wanted.keys,
        networks={**policy.networks, **networks},
        filtered=tuple({*wanted.filtered} - {*live.filtered}),
    )
    own_lists.forget_gone(known=policy)
    if not server.live_policy:  # nobody changed what was there at the beginning
        keep_found(settled.modes)
        trusting.keep_found(policy.networks)
    protection.write(policy=settled, actor=actor, reason="adopted from the server")
