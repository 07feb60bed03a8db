"""Pins: the verbs, and what a rehearsal tries for each of them.

A pin is no part of the draft: it counts from when it is added, and Postfix never
learns of it. The most specific one decides: an envelope before its sender's domain,
a sub-domain before the domain above it.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from itertools import islice
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.lists.checks import parents
from mailguard.lists.models import Pin
from mailguard.marks import visible
from mailguard.traffic import envelopes
from mailguard.traffic.keys import key_of
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, keys_of, read_value
from postfixconf.policy.probes import Expect, Probe

__all__ = [
    "RECORDED",
    "PinProbe",
    "add_domain",
    "add_envelope",
    "all",
    "probes",
    "read_expect",
    "remove",
    "tried",
]

RECORDED = 20  # envelopes that are tried for a domain
SURROGATE = re.compile(r"[\ud800-\udfff]")
LONGEST_WHAT, LONGEST_STATE = 300, 1000  # characters of a Change
EXPECTED = {
    "accept": Expect.ACCEPT,
    "refuse": Expect.REFUSE,
    "reject": Expect.REFUSE,
}


class PinProbe(NamedTuple):
    """An envelope to try, with what it must get, and the pin that asks for it."""

    pin: Pin
    probe: Probe


def all() -> QuerySet[Pin]:
    """Every pin, the newest first."""
    return Pin.objects.all()


def read_expect(text: str) -> Expect:
    """What a pin can ask for. Raises BadValue, which quotes the text."""
    if text not in EXPECTED:
        raise BadValue(text, "a pin expects accept (always) or refuse (never)")
    return EXPECTED[text]


def add_envelope(*, probe: Probe, actor: Actor, note: str = "") -> Pin:
    """Pin one envelope: it must always get through, or never, as `probe` expects.

    A probe that expects nothing must get through; a reject is a refusal of any kind.
    Raises BadValue where this envelope is pinned already, in either way, and for
    what no pin can hold.
    """
    expect = read_expect(probe.expect.value if probe.expect else "accept")
    if "%" in probe.client_address:
        raise BadValue(probe.client_address, "an address of one link only")
    for text in probe.texts().values():
        if SURROGATE.search(text):
            raise BadValue(text, "holds half a letter")
    texts = {each.name: getattr(probe, each.name) for each in fields(Probe)}
    texts |= {"expect": expect.value}
    row = Pin(**texts, note=note, key=envelope_key(probe))
    return add(row, actor)


def add_domain(*, domain: str, expect: Expect, actor: Actor, note: str = "") -> Pin:
    """Pin every recorded message with a sender at a domain, or at one below it.

    Raises BadValue for what is no domain, where it is pinned already, and for an
    expectation that no pin can have.
    """
    name = read_value(Kind.SENDER_DOMAIN, domain)
    wanted = read_expect(expect.value)
    row = Pin(domain=name, expect=wanted.value, note=note, key=key_of("domain", name))
    return add(row, actor)


@transaction.atomic
def add(row: Pin, actor: Actor) -> Pin:
    """Keep a new pin. Raises BadValue where the same is pinned already."""
    same = Pin.objects.filter(key=row.key).first()
    if same is not None:
        raise BadValue(row.what, f"is pinned already: {same.get_expect_display()}")
    row.author_id, row.author_name = actor.user_id, actor.name
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise BadValue(row.what, "was pinned by somebody else just now") from None
    record(
        actor=actor, what=name_of(row), before="", after=state_of(row), reason=row.note
    )
    return row


@transaction.atomic
def remove(*, row: Pin, actor: Actor, reason: str) -> Change:
    """Delete a pin; all of it stands in the history, from which it can be had again."""
    before = state_of(row)
    row.delete()
    return record(
        actor=actor, what=name_of(row), before=before, after="", reason=reason
    )


def name_of(row: Pin) -> str:
    """What it is called in the history."""
    return shortened(f"pin {visible(row.what)}", LONGEST_WHAT)


def state_of(row: Pin) -> str:
    """The whole of it: what is expected, and an envelope as a line of a file."""
    state = row.get_expect_display()
    if not row.domain:
        state += f": {json.dumps(row.probe.as_json())}"
    return shortened(state, LONGEST_STATE)


def shortened(text: str, longest: int) -> str:
    """At most so many characters of it."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def envelope_key(probe: Probe) -> int:
    """What tells an envelope from others, whatever is expected of it."""
    address = str(ipaddress.ip_address(probe.client_address))
    plain = replace(probe, client_address=address, expect=None)
    same = replace(plain, reverse_client_name=probe.reverse)
    return key_of("envelope", *same.texts().values())


def probes(limit: int = RECORDED) -> list[PinProbe]:
    """What a rehearsal has to try: each pinned envelope, and what is recorded.

    For a domain these are the last `limit` different envelopes whose sender is there,
    or below it where such a domain is among the latest senders. Where the mail must
    get through, they are those that did, warnings of rules in test mode included:
    these are what a new rule can lose. What was refused or put off is left out,
    because a pin keeps what works, and much of it is forged in this domain's name.
    Where it must never get through they are all on which the envelope decided, so
    that neither one that slipped through nor one that was stopped does so again;
    what was refused for its content is left out, no envelope shows that.
    """
    return [
        PinProbe(pin, probe) for pin, found in tried(all(), limit) for probe in found
    ]


def tried(pins: Iterable[Pin], limit: int) -> Iterator[tuple[Pin, list[Probe]]]:
    """Each of these pins with the envelopes that are tried for it (`probes`)."""
    covered = senders()
    envelope_keys = Pin.objects.filter(domain="").values_list("key", flat=True)
    pinned = set(envelope_keys) if covered else set()
    for pin in pins:
        if pin.domain:
            found = recorded(pin, covered[pin.domain], pinned)
            yield pin, list(islice(found, limit))
        else:
            yield pin, [pin.probe]


def recorded(pin: Pin, domains: list[str], pinned: set[int]) -> Iterator[Probe]:
    """The recorded envelopes of a domain's pin that have no pin of their own."""
    expect = Expect(pin.expect)
    fitting = envelopes.PASSED if expect is Expect.ACCEPT else envelopes.DECIDED
    for probe in envelopes.recorded(domains, fitting):
        if envelope_key(probe) not in pinned:
            yield replace(probe, expect=expect)


def senders() -> dict[str, list[str]]:
    """The domains of senders that each pinned domain stands for.

    A domain in another script is also looked for as it is written; those below only
    where they are among the latest, and have no nearer pin.
    """
    pinned = Pin.objects.exclude(domain="").values_list("domain", flat=True)
    found = {domain: [*keys_of(domain, dotted=False)] for domain in pinned}
    if not found:
        return {}
    below = tuple(f".{domain}" for domain in found)
    for name in envelopes.latest_domains():
        if name.endswith(below) and name not in found:
            nearest = next(each for each in parents(name) if each in found)
            found[nearest].append(name)
    return found
