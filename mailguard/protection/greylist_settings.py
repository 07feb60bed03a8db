"""How postgrey is wanted to be set: rows of what is not its own default."""

from dataclasses import replace

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.protection.models import GreylistSetting
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.greylisting import GREYLISTING, NAMES, Greylisting
from postfixconf.policy.needs import settings_in
from postfixconf.policy.policy import Policy

__all__ = ["complete_greylisting", "greylisting", "put", "set_greylisting"]


def greylisting() -> Greylisting:
    """How postgrey is wanted to be set."""
    settings = Greylisting()
    told = dict(GreylistSetting.objects.values_list("name", "value"))
    fields = {NAMES[k]: settings.with_one(k, v) for k, v in told.items() if k in NAMES}
    values = {field: getattr(made, field) for field, made in fields.items()}
    return replace(settings, **values)


@transaction.atomic
def set_greylisting(
    *, settings: Greylisting, actor: Actor, reason: str = ""
) -> list[Change]:
    """Want postgrey to be set like this; the changes put on record."""
    now, default = greylisting(), Greylisting()
    changes = []
    for name in NAMES:
        was, then = now.told(name), settings.told(name)
        if was == then:
            continue
        if then == default.told(name):
            GreylistSetting.objects.filter(name=name).delete()
        else:
            row = {"value": then}
            GreylistSetting.objects.update_or_create(name=name, defaults=row)
        what = f"{GREYLISTING} {name}"
        changes.append(
            record(actor=actor, what=what, before=was, after=then, reason=reason)
        )
    return changes


def put(policy: Policy, actor: Actor, reason: str) -> list[Change]:
    """Want postgrey to be set as a policy says; the changes put on record."""
    return set_greylisting(settings=policy.greylisting, actor=actor, reason=reason)


def complete_greylisting(server: Server) -> None:
    """A policy of before greylisting had settings gets those that are in force."""
    seen, told = servers.last_observed(server), server.live_policy
    looked = seen is not None and "postgrey" in server.observed.facts
    if not told or GREYLISTING in told or seen is None or not looked:
        return
    found = settings_in(seen.texts.options, seen.facts.postgrey_options)
    told[GREYLISTING] = found.as_json()
    default = Greylisting()
    for name in NAMES:
        if found.told(name) != default.told(name):
            row = {"value": found.told(name)}
            GreylistSetting.objects.update_or_create(name=name, defaults=row)
    server.adopted_options = servers.as_bytes(seen.texts.options)
    without = replace(seen, texts=replace(seen.texts, options=""))
    if without.digest == server.written_digest:  # nothing else was edited by hand
        server.written_digest = seen.digest
    server.save()
