"""Which recorded envelopes are tried: the latest, each different one once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mailguard.servers.models import Server
from mailguard.traffic.envelopes import probe_of
from mailguard.traffic.models import Attempt
from postfixconf.host.names import Names, look_up
from postfixconf.policy.probes import Probe

__all__ = ["Chosen", "Recorded", "choose", "probes"]

LOOKS = 10  # attempts looked at for each envelope that is wanted
DNS = 5.0  # seconds for all names that are looked up again


@dataclass(frozen=True)
class Chosen:
    """The keys of attempts with different envelopes, the newest first; how many
    attempts were looked at, and how many cannot be tried.
    """

    keys: tuple[int, ...]
    looked: int
    partial: int


@dataclass(frozen=True)
class Recorded:
    """An envelope to try, its attempt's key, and whether its names are today's."""

    key: int
    probe: Probe
    todays_dns: bool


def choose(server: Server, most: int, services: Collection[str]) -> Chosen:
    """The latest `most` different envelopes of a server, for services it still has."""
    rows = Attempt.objects.filter(server=server).order_by("-at").defer("raw", "text")
    seen: dict[Probe, int] = {}
    looked = partial = 0
    for row in rows[: most * LOOKS].iterator(chunk_size=1000):
        looked += 1
        probe = probe_of(row)
        if probe is None or probe.service not in services:
            partial += 1
        else:
            seen.setdefault(plain(probe), row.key)
            if len(seen) == most:
                break
    return Chosen(tuple(seen.values()), looked, partial)


def plain(probe: Probe) -> Probe:
    """The envelope with its reverse name told, so that equal ones are equal."""
    if nameless(probe):
        return probe
    return replace(probe, reverse_client_name=probe.reverse)


def probes(keys: Sequence[int]) -> list[Recorded]:
    """The envelopes of these attempts, without those that are gone.

    A client whose names the log does not tell apart is looked up again.
    """
    rows = Attempt.objects.filter(key__in=keys).defer("raw", "text")
    found = {row.key: probe_of(row) for row in rows}
    kept = [(key, probe) for key in keys if (probe := found.get(key))]
    names = look_up((p.client_address for _, p in kept if nameless(p)), DNS)
    return [
        Recorded(key, named(probe, names.get(probe.client_address)), nameless(probe))
        for key, probe in kept
    ]


def named(probe: Probe, now: Names | None) -> Probe:
    """The envelope with the names of today, where its own are not known."""
    if not nameless(probe) or now is None:
        return probe
    return replace(probe, client_name=now.client, reverse_client_name=now.reverse)


def nameless(probe: Probe) -> bool:
    """Whether it is open if the client has no name, or one that leads elsewhere."""
    return not probe.client_name and probe.reverse_client_name is None
