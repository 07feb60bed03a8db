"""Trusted networks as rows of the draft, and as they were adopted.

A network that is not wanted any more keeps its row: one that no row names is left as
main.cf has it.
"""

from collections.abc import Iterable

from django.db import transaction

from mailguard.protection.models import TrustedNetwork
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.networks import Trusted
from postfixconf.text.maincf import MainCf

__all__ = [
    "adopted",
    "complete_networks",
    "is_given",
    "keep_found",
    "keep_network",
    "networks",
    "styled",
]

KEY = "networks"  # of a policy as it is kept


def networks() -> dict[str, bool]:
    """The entries that mynetworks shall have (True) or not (False)."""
    return dict(TrustedNetwork.objects.values_list("network", "wanted"))


def keep_network(network: str, *, wanted: bool) -> None:
    """Want an entry, or want it not."""
    TrustedNetwork.objects.update_or_create(
        network=network, defaults={"wanted": wanted}
    )


def keep_found(found: Iterable[str]) -> None:
    """Want the entries that were there before mailguard was."""
    for network in found:
        keep_network(network, wanted=True)


def adopted(server: Server) -> Trusted:
    """mynetworks of main.cf as last adopted; none before that."""
    texts = servers.adopted_texts(server)
    return Trusted.of(MainCf.parse(texts.main if texts else ""))


def is_given(server: Server) -> bool:
    """Whether the adopted main.cf has mynetworks; else mynetworks_style decides."""
    return adopted(server).given


def styled(server: Server) -> tuple[str, ...]:
    """What mynetworks_style trusts now; () where main.cf has mynetworks itself."""
    seen = servers.last_observed(server)
    told = seen.around.styled if seen else ""
    return Trusted.of(MainCf.parse(f"mynetworks = {told}")).entries


@transaction.atomic
def complete_networks(server: Server) -> None:
    """A policy of before networks were managed gets those that were adopted."""
    if not server.live_policy or KEY in server.live_policy:
        return
    found = adopted(server).entries
    server.live_policy[KEY] = dict.fromkeys(found, True)
    keep_found(found)
    server.save(update_fields=["live_policy"])
