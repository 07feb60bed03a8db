"""Which entry decides: what `matching` says, and what Postfix does."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postfixconf.host import tables
from postfixconf.host.apply import Applied
from postfixconf.host.commands import run
from postfixconf.host.conversation import Reply, session
from postfixconf.policy.entries import Entry, Kind, Lookup, Side
from postfixconf.policy.matching import Envelope, candidates
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.probe_service import PROBE_SERVICE
from postfixconf.policy.probes import Probe
from postfixconf.policy.sources import lines
from postfixconf.policy.table import Table
from tests.support.crowd import entries, envelopes
from tests.support.dns import Dns
from tests.support.practice import REHEARSED, Practice, serving, text_lines
from tests.support.soak import full

AT_ONCE = 50  # envelopes for one set of tables
TO = "bob@practice.test"
REFUSED = {
    Lookup.CLIENTS: "Client host rejected: Access denied",
    Lookup.NETWORKS: "Client host rejected: Access denied",
    Lookup.ACCESS: "Sender address rejected: Access denied",
    Lookup.HELO: "Helo command rejected: Access denied",
}
Asked = tuple[Lookup, str]


def deciding(known: list[Entry], envelope: Envelope) -> Entry | None:
    """The entry that decides, as the library says."""
    by = {(each.kind, each.value): each for each in known}
    return next((by[each] for each in candidates(envelope) if each in by), None)


def campaign(count: int) -> settings:
    """So many examples, as long as each may take."""
    return settings(
        max_examples=full(count),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def parents(name: str) -> list[str]:
    """A name, and what is left of it after each dot."""
    words = name.split(".")
    return [".".join(words[at:]) for at in range(len(words))] if name else []


def truncated(address: str) -> list[str]:
    """An address, and what is left of it before each dot or colon."""
    mark = ":" if ":" in address else "."
    words = address.split(mark)
    return [mark.join(words[:end]) for end in range(len(words), 0, -1)]


def asked(envelope: Envelope) -> list[Asked]:
    """What smtpd asks each table for, in its order (smtpd_check.c, 3.7)."""
    address, helo = envelope.client_address, envelope.helo
    keys = [(Lookup.CLIENTS, key) for key in parents(envelope.client_name or "unknown")]
    keys += [(Lookup.CLIENTS, key) for key in truncated(address)]
    keys += [(Lookup.NETWORKS, address)]
    local, at, domain = envelope.sender.rpartition("@")
    whole = local.lower().startswith("owner-") or "postmaster" in local.lower()
    cut = -1 if whole else local.find("+")
    locals_ = [local, local[:cut]] if cut > 0 else [local]
    if at:
        keys += [(Lookup.ACCESS, f"{each}@{domain}") for each in locals_]
        keys += [(Lookup.ACCESS, key) for key in parents(domain)]
        keys += [(Lookup.ACCESS, f"{each}@") for each in locals_]
    return keys + [(Lookup.HELO, key) for key in parents(helo) if key]


def built(directory: Path, known: list[Entry]) -> dict[Lookup, str]:
    """Build each table as an apply does; their names for postmap."""
    (directory / "main.cf").touch()
    os.utime(directory / "main.cf", (0, 0))  # Postfix waits for a young one
    names = {}
    for lookup in Lookup:
        mine = [each for each in known if each.lookup is lookup]
        text = "".join(lines(lookup, mine, OwnDomains(), dotted=False))
        kind = "cidr" if lookup is Lookup.NETWORKS else "hash"
        with tables.room_in(directory) as room:
            table = Table(lookup, kind, "1", text_lines(text))
            for staged in tables.build(directory, room, table):
                staged.install()
        names[lookup] = f"{kind}:{directory / lookup}"
    return names


def answers(
    directory: Path, names: dict[Lookup, str], keys: set[Asked]
) -> dict[Asked, str]:
    """What the tables say to each key, by `postmap -q -`."""
    found = {}
    for lookup, name in names.items():
        given_keys = "".join(f"{key}\n" for table, key in keys if table is lookup)
        words = ("postmap", "-c", str(directory), "-q", "-", name)
        said = run(*words, given=given_keys, check=False)
        for line in said.out.splitlines():
            key, _, action = line.partition("\t")
            found[lookup, key] = action
    return found


@campaign(200)
@given(entries(), st.lists(envelopes(), min_size=AT_ONCE, max_size=AT_ONCE))
def test_the_tables_answer_as_matching_says(
    known: list[Entry], sent: list[Envelope]
) -> None:
    with TemporaryDirectory() as directory:
        names = built(Path(directory), known)
        keys = {key for each in sent for key in asked(each)}
        said = answers(Path(directory), names, keys)
    for each in sent:
        found = next((key for key in asked(each) if key in said), None)
        entry = deciding(known, each)
        assert (found and (found[0], said[found])) == (
            entry and (entry.lookup, entry.action)
        ), each


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """Who matches no entry is put off: three answers, three meanings."""
    last = "permit_mynetworks, permit_sasl_authenticated, defer"
    settings = {
        "smtpd_sender_restrictions": last,
        "recipient_delimiter": "+",
        "inet_protocols": "all",
    }
    with serving(settings=settings) as practice:
        yield practice


def replies(server: Practice, sent: list[Envelope]) -> list[Reply]:
    """What the live Postfix answers to each envelope, over one connection."""
    path = server.instance.queue_directory / "private" / PROBE_SERVICE
    with session(path) as talk:
        return [talk.envelope(probe_of(each)) for each in sent]


def probe_of(envelope: Envelope) -> Probe:
    """An envelope as the probe service takes it."""
    sender, helo = envelope.sender, envelope.helo
    return Probe(envelope.client_address, helo, sender, TO, envelope.client_name or "")


def expected(entry: Entry | None) -> tuple[int, str]:
    """The reply's code, and what its text says of the table."""
    if entry is None:
        return 450, "Try again later"
    if entry.side is Side.ALLOW:
        return 250, "Ok"
    return 554, REFUSED[Lookup(entry.lookup)]


@campaign(100)
@given(entries(), st.lists(envelopes(), min_size=150, max_size=150))
def test_sessions_end_as_matching_says(
    server: Practice, known: list[Entry], sent: list[Envelope]
) -> None:
    known.append(Entry(Side.DENY, Kind.SENDER, "nobody@nowhere.example"))
    assert isinstance(server.apply(server.plan({}, known), demands=REHEARSED), Applied)
    for each, reply in zip(sent, replies(server, sent), strict=True):
        code, text = expected(deciding(known, each))
        assert (reply.code, text in reply.text) == (code, True), (each, reply)


@pytest.mark.parametrize("domain", ["münchen.example", "xn--mnchen-3ya.example"])
def test_a_domain_in_its_own_script_is_the_same_domain(
    tmp_path: Path, domain: str
) -> None:
    known = [Entry.read("deny", "sender_domain", "München.example")]
    envelope = Envelope("192.0.2.7", sender=f"u@{domain}")
    said = answers(tmp_path, built(tmp_path, known), set(asked(envelope)))
    assert said == {(Lookup.ACCESS, domain): "REJECT"}
    assert deciding(known, replace(envelope, sender=f"U@{domain}")) == known[0]


def test_one_address_never_answers_for_another(server: Practice) -> None:
    # A hash is asked for 2001:db8::1 too where 2001:db8::1:2 comes: split at colons.
    known = [Entry.read("allow", "client", "2001:db8::1")]
    known.append(Entry.read("deny", "sender", "nobody@nowhere.example"))
    assert isinstance(server.apply(server.plan({}, known), demands=REHEARSED), Applied)
    sent = [Envelope(each, helo="a") for each in ("2001:db8::1", "2001:db8::1:2")]
    assert [each.code for each in replies(server, sent)] == [250, 450]
