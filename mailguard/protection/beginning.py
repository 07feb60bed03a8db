"""What was found when a server was adopted, and what the catalogue gained since."""

from collections.abc import Mapping

from django.db import transaction

from mailguard.protection import greylist_settings, trusting
from mailguard.protection.models import Setting
from mailguard.protection.services import found_on
from mailguard.servers.models import Live, Server
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import STATIC

__all__ = ["complete", "keep_found"]


@transaction.atomic
def complete(server: Server) -> None:
    """Give a control that the catalogue gained since the adoption its rows."""
    greylist_settings.complete_greylisting(server)
    trusting.complete_networks(server)
    known = set(Live.objects.filter(server=server).values_list("key", flat=True))
    if not known or known >= {each.key for each in STATIC.offered}:
        return
    first = Live.objects.filter(server=server).earliest("since_revision")
    for key, found in found_on(server, STATIC).items():
        if key not in known:
            mode, since = found.mode.value, first.since_revision
            Live.objects.create(server=server, key=key, mode=mode, since_revision=since)
            Setting.objects.update_or_create(key=key, defaults={"mode": mode})
            server.live_policy["modes"][key] = mode
    server.save(update_fields=["live_policy"])


def keep_found(modes: Mapping[str, Mode]) -> None:
    """Want what was found at the beginning; that is no change of anybody's."""
    Setting.objects.bulk_create(
        (Setting(key=key, mode=mode.value) for key, mode in modes.items()),
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["mode"],
    )
