"""The verbs on trusted networks: they write the draft, and never Postfix.

Where main.cf has no mynetworks, mynetworks_style trusts some networks by itself. The
first change names these one by one, so that they stay trusted.
"""

from django.db import transaction
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.protection import services, trusting
from mailguard.protection.differences import NETWORK, TRUSTED, Difference
from mailguard.sending.judging import Judge
from mailguard.sending.models import NetworkNote
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy, BadValue
from postfixconf.policy.networks import entry_of, read_network

__all__ = ["add", "annotate", "by_style", "find", "remove", "trusted"]

STYLE = "mynetworks_style"
CONFIRM = "Confirm it if that is meant"


def by_style(server: Server) -> tuple[str, ...]:
    """What mynetworks_style trusts where nothing else decides; () where it does not."""
    named = any(trusting.networks().values())
    return () if named or trusting.is_given(server) else trusting.styled(server)


def trusted(server: Server) -> tuple[str, ...]:
    """The entries that the draft trusts, those of mynetworks_style too."""
    named = (name for name, there in trusting.networks().items() if there)
    return (*named, *by_style(server))


def find(server: Server, text: str) -> str:
    """A trusted network by whatever spelling. Raises BadValue, which quotes it."""
    network = entry_of(text.strip())
    if network not in trusted(server):  # typed without brackets, perhaps
        network = read_network(text)
    if network not in trusted(server):
        raise BadValue(text, "is not among the trusted networks")
    return network


@transaction.atomic
def add(
    *,
    server: Server,
    text: str,
    actor: Actor,
    note: str = "",
    reason: str = "",
    confirmed: bool = False,
) -> Change | None:
    """Trust one more network; None where it is trusted already.

    Raises BadValue, which quotes the text: for what is no network, for one that is
    everybody's, and where something speaks against it that nobody has `confirmed`.
    """
    network, judge = read_network(text), Judge.of(server)
    if why := judge.refused(network):
        raise BadValue(text, why)
    if not confirmed and (against := judge.doubts(network)):
        raise BadPolicy(text, f"{' '.join(against)} {CONFIRM}")
    take_over(server, actor)
    change = Difference(f"{NETWORK} {network}", "", TRUSTED)
    made = services.put(change=change, actor=actor, reason=reason or note)
    if made is not None:
        keep_note(network, note, actor)
    return made


@transaction.atomic
def remove(
    *,
    server: Server,
    text: str,
    actor: Actor,
    reason: str = "",
    confirmed: bool = False,
) -> Change | None:
    """Trust one network less.

    Raises BadValue, which quotes the text: for one that is not trusted, for the last
    one where mynetworks_style would decide again, and where the log tells of clients
    that would be cut off and nobody has `confirmed` it.
    """
    network = find(server, text)
    if not trusting.is_given(server) and len(trusted(server)) == 1:
        raise BadPolicy(
            text,
            f"it is the last one, and without any {STYLE} decides again: trust "
            "another one first",
        )
    if not confirmed and (against := Judge.of(server).losses(network)):
        raise BadPolicy(text, f"{' '.join(against)} {CONFIRM}")
    take_over(server, actor)
    change = Difference(f"{NETWORK} {network}", TRUSTED, "")
    return services.put(change=change, actor=actor, reason=reason)


@transaction.atomic
def annotate(*, server: Server, text: str, note: str, actor: Actor) -> Change | None:
    """Change the note of a network, which has not to be applied; None where it is so.

    Raises BadValue, which quotes what is no trusted network.
    """
    network = find(server, text)
    row = NetworkNote.objects.filter(network=network).first()
    before = row.note if row else ""
    if note == before:
        return None
    if row is None:
        keep_note(network, note, actor)
    else:
        NetworkNote.objects.filter(pk=row.pk).update(note=note)
    what = f"{NETWORK} {network}"
    return record(
        actor=actor, what=what, before=f"note “{before}”", after=f"note “{note}”"
    )


def take_over(server: Server, actor: Actor) -> None:
    """Name what mynetworks_style trusts. Raises BadPolicy where that is not known."""
    found = by_style(server)
    decides = not trusting.is_given(server)
    if decides and not found and not any(trusting.networks().values()):
        raise BadPolicy(
            STYLE,
            "what it trusts is not known yet; try again when the worker has looked at "
            "the server",
        )
    for network in found:
        change = Difference(f"{NETWORK} {network}", "", TRUSTED)
        services.put(change=change, actor=actor, reason=f"trusted by {STYLE} until now")


def keep_note(network: str, note: str, actor: Actor) -> None:
    """Remember who named a network now, and why."""
    told = {"note": note, "author_name": actor.name, "added_at": timezone.now()}
    NetworkNote.objects.update_or_create(network=network, defaults=told)
