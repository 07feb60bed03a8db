"""The verbs that name relays in front. They write the draft, and never Postfix."""

from collections.abc import Iterable

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.protection import services
from mailguard.protection.differences import IN_FRONT, RELAY, Difference
from postfixconf.policy.entries import Kind, read_value

__all__ = ["add_relay", "add_relays"]

SEEN = "seen in front of this server"


def add_relay(*, text: str, actor: Actor, reason: str = "") -> Change | None:
    """Name a relay in front. Raises BadValue, which quotes the text."""
    network = read_value(Kind.CLIENT, text)
    change = Difference(f"{RELAY} {network}", "", IN_FRONT)
    return services.put(change=change, actor=actor, reason=reason)


@transaction.atomic
def add_relays(*, texts: Iterable[str], actor: Actor) -> list[Change]:
    """Name several that were seen. Raises BadValue; then none is named."""
    made = [add_relay(text=each, actor=actor, reason=SEEN) for each in texts]
    return [each for each in made if each is not None]
