"""The verbs that name own domains, who else may use them, and relays in front.

They write the draft, and never Postfix.
"""

from collections.abc import Iterable

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.protection import services
from mailguard.protection.differences import (
    DOMAIN,
    EXCEPTED,
    EXCEPTION,
    IN_FRONT,
    OWN,
    RELAY,
    Difference,
)
from postfixconf.policy.entries import Kind, read_value

__all__ = [
    "add_domain",
    "add_exception",
    "add_exceptions",
    "add_relay",
    "add_relays",
]

SEEN = "seen in front of this server"


def add_domain(*, text: str, actor: Actor, reason: str = "") -> Change | None:
    """Name an own domain. Raises BadValue, which quotes the text."""
    domain = read_value(Kind.SENDER_DOMAIN, text)
    change = Difference(f"{DOMAIN} {domain}", "", OWN)
    return services.put(change=change, actor=actor, reason=reason)


def add_exception(*, text: str, actor: Actor, reason: str = "") -> Change | None:
    """Let a client send with own domains. Raises BadValue, which quotes the text."""
    network = read_value(Kind.CLIENT, text)
    change = Difference(f"{EXCEPTION} {network}", "", EXCEPTED)
    return services.put(change=change, actor=actor, reason=reason)


@transaction.atomic
def add_exceptions(*, texts: Iterable[str], actor: Actor, reason: str) -> list[Change]:
    """Let several clients send with own domains. Raises BadValue; then none does."""
    made = [add_exception(text=each, actor=actor, reason=reason) for each in texts]
    return [each for each in made if each is not None]


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
