"""No policy opens the relay, whatever is ticked, typed or found: asked of Postfix.

Each policy is planned and linted; what the linter lets through runs as an smtpd of
its own on a private socket, its rules as `-o` overrides, its tables beside. A stranger
then tries every classic way to relay. Where an accepted address would go depends on
main.cf alone, not on the rules, and is asked of Postfix beforehand: `a%b@local` may be
somebody's mailbox or the way out.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from postfixconf.errors import Unproven
from postfixconf.host.conversation import session
from postfixconf.policy import entries, lookups, relays, small_tables
from postfixconf.policy.classes import CLASSES
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.lookups import OWN_CLASS, Uses
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import PROBE_OVERRIDES
from postfixconf.policy.recorder import RECORDER_TABLE
from postfixconf.policy.relays import RELAYS, class_of
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.sources import lines
from postfixconf.text.access import lines_of
from postfixconf.text.lines import terminated
from postfixconf.text.maincf import MainCf
from tests.support.dns import Dns
from tests.support.facts import STOCK_MASTER, installed
from tests.support.keyed import KEYS
from tests.support.practice import Practice, serving
from tests.support.soak import full
from tests.support.waiting import eventually
from tests.support.wanted import (
    ASKS,
    CLIENT,
    HELO,
    NAME,
    RELAY,
    SENDER,
    WORLD,
    Wanted,
    wanted,
)

OUT = "elsewhere.example"
LOCAL = ("practice.test", "mail.practice.test")  # a virtual domain, and our own name
SETTINGS = {
    "mydestination": "mail.practice.test",
    "local_recipient_maps": "",
    "local_transport": "discard:inside",
    "virtual_transport": "discard:inside",
    "relay_transport": "discard:outside",
    "default_transport": "discard:outside",
    "relay_domains": "",
    "max_use": "1",
}
FORMS = [
    f"user@{OUT}",
    "user@[192.0.2.1]",
    *(
        form
        for local in LOCAL
        for form in (
            f"user%{OUT}@{local}",
            f"@{local}:user@{OUT}",
            f"{OUT}!user@{local}",
            f'"user@{OUT}"@{local}',
            f"user@{OUT}@{local}",
            f"user%{OUT}%{local}",
        )
    ),
    f"{OUT}!user",
]
SENDERS = ("", "boss@practice.test", SENDER)
MANAGED = (
    *RESTRICTION_LISTS,
    CLASSES,
    OWN_CLASS,
    *map(class_of, RESTRICTION_LISTS),
    "compatibility_level",
)
FACTS = replace(installed(), default_table_type="texthash")
AT_ONCE = 50
SIDE_BY_SIDE = 3  # while one smtpd starts, others are asked


@dataclass(frozen=True)
class Case:
    """A policy and the plan that it came to."""

    wanted: Wanted
    plan: Plan


@dataclass
class Answers:
    """What one smtpd said: relays it accepted, replies, and those without a verdict."""

    accepted: list[str] = field(default_factory=list)
    replies: int = 0
    silent: int = 0


@dataclass
class Tally:
    """How a campaign ended: policies asked, those without an answer, and relays."""

    asked: int = 0
    silent: int = 0
    replies: int = 0
    relayed: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A Postfix that throws away what it takes, and says whether it was for others."""
    with dns.answering(WORLD), serving(settings=SETTINGS) as practice:
        yield practice


@pytest.fixture(scope="module")
def outside(server: Practice) -> frozenset[str]:
    """The forms that lead to others, as Postfix delivers them for a trusted client."""
    found = set()
    mark = server.instance.log.mark()
    for form in FORMS:
        with server.smtp(src="127.0.0.1") as client:
            client.mail("")
            if client.rcpt(form).ok:
                queued = client.data(b"\r\n").text.split()[-1]
                done = f"{queued}: removed"
                eventually(lambda done=done: done in server.log(mark))  # type: ignore[misc]
                said = [
                    x for x in server.log(mark).splitlines() if f"{queued}: to" in x
                ]
                found |= {form for each in said if "(outside)" in each}
    server.instance.stop()
    main = MainCf.parse(server.instance.main().text)
    for name in MANAGED:
        main = main.remove(name)
    (server.instance.config_dir / "main.cf").write_text(main.render())
    server.instance.start()
    return frozenset(found)


def planned(each: Wanted, base: str) -> Plan:
    """What a policy would write."""
    uses = Uses.of([(entry.side, entry.lookup) for entry in each.entries])
    modes = Policy.of(each.modes).modes
    policy = Policy(modes, each.own, uses, each.order, relays=each.relays)
    texts = Texts(base + each.main, STOCK_MASTER, each.hand)
    return plan(policy, texts, Observed(texts, FACTS, running=True), keys=KEYS)


def collect(count: int, base: str) -> list[Case]:
    """Of so many policies those from which the linter has not kept us."""
    policies = [wanted(seed) for seed in range(count)]
    cases = [Case(each, planned(each, base)) for each in policies]
    return [case for case in cases if not case.plan.blocking]


def write(directory: Path, case: Case) -> dict[str, str]:
    """The tables of one policy; its rules with the tables' full path."""
    (directory / "mailguard").mkdir(parents=True, exist_ok=True)
    main = MainCf.parse(case.plan.after.main)
    stop = case.wanted.modes.get("own_domains", Mode.OFF) != Mode.OFF
    own = case.wanted.own if stop else OwnDomains()
    for lookup in Lookup:
        mine = [each for each in case.wanted.entries if each.lookup is lookup]
        text = "".join(lines(lookup, mine, own, dotted=False))
        if lookup is Lookup.ACCESS:
            text = once(terminated(case.wanted.hand) + text)
        (directory / lookup).write_text(text)
    for table in case.plan.tables:  # own domains, relays, keyed lists, the recorder
        (directory / table.path).write_text("".join(table.lines()))
    values = {name: main.get(name) for name in MANAGED}
    return {
        name: value.replace("$config_directory", str(directory))
        for name, value in values.items()
        if value is not None
    }


def once(text: str) -> str:
    """The first line of each key: postmap ignores others, texthash wants none."""
    found: dict[str, str] = {}
    for line in lines_of(text):
        found.setdefault(line.key, f"{line.key} {line.action}\n")
    return "".join(found.values())


def start(server: Practice, batch: list[Case]) -> None:
    """Run one smtpd for each policy."""
    text = server.adopted.master
    for number, case in enumerate(batch):
        rules = write(server.room / "policies" / str(number), case)
        text += f"p{number} unix - - n - - smtpd\n"
        for name, value in (PROBE_OVERRIDES | rules).items():
            text += f"  -o {{ {name} = {value} }}\n"
    (server.instance.config_dir / "master.cf").write_text(text)
    server.instance.reload()


def ask(path: Path, outside: frozenset[str]) -> Answers:
    """Every way to relay through one smtpd."""
    found = Answers()
    try:
        with session(path) as talk:
            talk.command(f"XCLIENT NAME={NAME} REVERSE_NAME={NAME} ADDR={CLIENT}")
            talk.command(f"EHLO {HELO}")
            for sender in SENDERS:
                talk.command(f"MAIL FROM:<{sender}>")
                for form in FORMS:
                    reply = talk.command(f"RCPT TO:<{form}>")
                    found.replies += 1
                    found.silent += reply.broken
                    if reply.code < 300 and form in outside:
                        found.accepted.append(f"<{sender}> to <{form}>: {reply}")
                talk.command("RSET")
    except Unproven:
        found.silent += 1
    return found


def campaign(server: Practice, outside: frozenset[str], cases: list[Case]) -> Tally:
    """Ask every policy; stops at the first batch with a relay."""
    tally = Tally()
    private = server.instance.queue_directory / "private"
    for at in range(0, len(cases), AT_ONCE):
        batch = cases[at : at + AT_ONCE]
        start(server, batch)
        paths = [private / f"p{number}" for number in range(len(batch))]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            answers = list(pool.map(partial(ask, outside=outside), paths))
        for case, found in zip(batch, answers, strict=True):
            tally.asked += 1
            tally.silent += found.silent
            tally.replies += found.replies
            if found.accepted:
                tally.relayed += (f"{found.accepted[0]} with\n{shown(case)}",)
        if tally.relayed:
            break
    return tally


def shown(case: Case) -> str:
    """A policy as a reader wants it after a failure."""
    main = MainCf.parse(case.plan.after.main)
    rules = [f"{name} = {main.get(name)}" for name in MANAGED if main.get(name)]
    said = [str(each) for each in case.wanted.entries]
    said += [f"relay in front {each}" for each in case.wanted.relays]
    return "\n".join([*rules, *said, case.wanted.hand])


def test_the_ways_out_are_known(outside: frozenset[str]) -> None:
    assert f"user@{OUT}" in outside
    assert f"user%{OUT}@practice.test" not in outside  # a mailbox of that name
    assert f"user%{OUT}@mail.practice.test" in outside  # allow_percent_hack
    assert f"@practice.test:user@{OUT}" in outside


def test_no_policy_past_the_linter_relays(
    server: Practice, outside: frozenset[str]
) -> None:
    cases = collect(full(12_000), server.adopted.main)
    tally = campaign(server, outside, cases)
    assert not tally.relayed, tally.relayed[0]
    assert tally.asked == len(cases) >= full(6000)
    for part in (RECORDER_TABLE, RELAYS, class_of("smtpd_recipient_restrictions")):
        having = sum(part in shown(each) for each in cases)
        assert tally.asked / 10 < having < tally.asked, part
    # A 451 of Postfix itself counts as refused: it must stay the exception.
    assert tally.silent < tally.replies / 50, tally


def test_an_allow_entry_of_ok_would_have_been_seen(
    server: Practice, outside: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "ALLOW", "OK")
    cases = collect(100, server.adopted.main)
    assert campaign(server, outside, cases).relayed


def test_a_relay_in_front_of_ok_would_have_been_seen(
    server: Practice, outside: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_tables, "ALLOW", "OK")
    monkeypatch.setattr(relays, "ALLOW", "permit")
    cases = [x for x in collect(300, server.adopted.main) if x.wanted.relays]
    assert campaign(server, outside, cases).relayed


def is_closed(each: Wanted) -> bool:
    """Whether the relay list refuses relaying, and asks for no entry of ours."""
    relay = each.lists.get(RELAY, "")
    return "reject_unauth_destination" in relay and ASKS not in relay


def test_an_allow_entry_in_the_relay_list_would_have_been_seen(
    server: Practice, outside: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "ALLOW", "OK")
    monkeypatch.setattr(lookups, "managed", lambda rule, controls=None: True)
    closed = [x for x in collect(160, server.adopted.main) if is_closed(x.wanted)]
    monkeypatch.setattr(lookups, "NEVER", ("smtpd_etrn_restrictions",))
    mutants = [replace(x, plan=planned(x.wanted, server.adopted.main)) for x in closed]
    assert campaign(server, outside, mutants).relayed
    assert not campaign(server, outside, closed).relayed
