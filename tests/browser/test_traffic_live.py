"""Every control on a running site: what is driven is on the pages within seconds."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from postfixconf.host import practice
from postfixconf.host.observe import observe
from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.control import Mode
from postfixconf.policy.recorder import RECORDER
from tests.browser.conftest import sign_in
from tests.support.conversations import GOOD, PAIRS, SETTINGS, TO
from tests.support.dns import OTHERS, Dns
from tests.support.keyed import DQS, KEY, ZEN
from tests.support.practice import Practice, configure
from tests.support.site import Site, running, with_tables
from tests.support.waiting import eventually

Told = tuple[str, frozenset[str], str, str, str, str]
Envelope = tuple[str, str, str, str]

SOON = 5.0  # seconds
TRIES = 2  # of each conversation: the same one counts once
HONEST: Envelope = ("127.0.0.10", "mx.good.example", GOOD, TO)
PTR = "reject_unknown_reverse_client_hostname"
NAME = "reject_unknown_client_hostname"
NON_FQDN_HELO = "reject_non_fqdn_helo_hostname"
UNKNOWN_HELO = "reject_unknown_helo_hostname"
UNKNOWN_SENDER = "reject_unknown_sender_domain"
# Greylisting and the ways to send need more than a switch: they have modules of their
# own (test_greylisting_path, test_sending).
DRIVEN = [each for each in CONTROLS if each.key != "greylisting" and not each.sends]
KEYED = [each.key for each in DRIVEN if DQS in each.key]
LOGGED = [each.key for each in DRIVEN if each.signature and each.key not in KEYED]
SILENT = [each.key for each in DRIVEN if not each.signature and not each.records]

OTHER_LISTS = {f"dnsbl:{zone}": x for zone, x in OTHERS.items()}

NO_RULE: tuple[str, frozenset[str]] = ("accepted", frozenset())

# Client, greeting, sender and recipient of the conversation that violates a control,
# where it is not an honest one's.
ENVELOPES: dict[str, Envelope] = {
    PTR: ("127.0.0.66", *HONEST[1:]),
    NAME: ("127.0.0.20", *HONEST[1:]),
    # It said some@thing: Postfix logs no @ of a greeting.
    "reject_invalid_helo_hostname": ("127.0.0.10", "some?thing", GOOD, TO),
    NON_FQDN_HELO: ("127.0.0.10", "laptop", GOOD, TO),
    UNKNOWN_HELO: ("127.0.0.10", "inside.example", GOOD, TO),
    "reject_non_fqdn_sender": (*HONEST[:2], "root@web1", TO),
    UNKNOWN_SENDER: (*HONEST[:2], "a@norelay.invalid", TO),
    "own_domains": ("127.0.0.66", HONEST[1], "alice@practice.test", TO),
    "reject_non_fqdn_recipient": (*HONEST[:3], "info@localhost"),
    "reject_unknown_recipient_domain": (*HONEST[:3], "a@gone.invalid"),
    "dnsbl:zen.spamhaus.org": ("127.0.0.2", *HONEST[1:]),
    **{key: (f"127.0.0.{x}", *HONEST[1:]) for key, x in OTHER_LISTS.items()},
    "rhsbl_sender:dbl.spamhaus.org": (*HONEST[:2], "a@listed.example", TO),
    "rhsbl_helo:dbl.spamhaus.org": ("127.0.0.10", "listed.example", GOOD, TO),
    "rhsbl_reverse:dbl.spamhaus.org": ("127.0.0.45", *HONEST[1:]),
    "reject_unauth_pipelining": HONEST,
    f"dnsbl:{ZEN}": ("127.0.0.2", *HONEST[1:]),
    **{
        f"{asked}:{name}.{DQS}": envelope
        for name in ("dbl", "zrd")
        for asked, envelope in {
            "rhsbl_sender": (*HONEST[:2], "a@listed.example", TO),
            "rhsbl_helo": ("127.0.0.10", "listed.example", GOOD, TO),
            "rhsbl_reverse": ("127.0.0.45", *HONEST[1:]),
        }.items()
    },
}
# The wider rules that the same conversation violates besides.
WIDER = {
    PTR: {NAME},
    "reject_invalid_helo_hostname": {NON_FQDN_HELO, UNKNOWN_HELO},
    NON_FQDN_HELO: {UNKNOWN_HELO},
    "reject_non_fqdn_sender": {UNKNOWN_SENDER},
    "own_domains": {PTR, NAME},
    "dnsbl:zen.spamhaus.org": {PTR, NAME, *OTHER_LISTS},  # its test point
    **{key: {PTR, NAME} for key in OTHER_LISTS},
    **{
        f"{asked}:{name}.{DQS}": {f"{asked}:{other}.{DQS}"}  # both have it
        for name, other in (("dbl", "zrd"), ("zrd", "dbl"))
        for asked in ("rhsbl_sender", "rhsbl_helo", "rhsbl_reverse")
    },
}
# What an entry says, the conversation it decides, and how that ends; the greeting
# "laptop" would be refused without one.
ENTRIES: dict[str, tuple[Envelope, str]] = {
    "deny client 127.0.0.30": (
        ("127.0.0.30", HONEST[1], "first@good.example", TO),
        "refused",
    ),
    "deny sender pest@good.example": (
        (*HONEST[:2], "pest@good.example", TO),
        "refused",
    ),
    "deny helo spam.good.example": (
        ("127.0.0.10", "spam.good.example", "third@good.example", TO),
        "refused",
    ),
    "deny client 127.0.0.32/31": (
        ("127.0.0.33", HONEST[1], "seventh@good.example", TO),
        "refused",
    ),
    "deny client_name listed.example": (
        ("127.0.0.45", HONEST[1], "eighth@good.example", TO),
        "refused",
    ),
    "deny sender_domain pest.example": (
        (*HONEST[:2], "ninth@pest.example", TO),
        "refused",
    ),
    "allow sender_domain partner.example": (
        ("127.0.0.10", "laptop", "tenth@partner.example", TO),
        "accepted",
    ),
    "allow client 127.0.0.40": (
        ("127.0.0.40", "laptop", "fourth@good.example", TO),
        "accepted",
    ),
    "allow sender boss@good.example": (
        ("127.0.0.10", "laptop", "boss@good.example", TO),
        "accepted",
    ),
    "allow helo printer": (
        ("127.0.0.10", "printer", "sixth@good.example", TO),
        "accepted",
    ),
}


@dataclass
class Ledger:
    """What was driven: the different senders and recipients that a verdict met."""

    met: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    def write(self, control: str, verdict: str, envelope: Envelope) -> None:
        """Every client of the tests is in one network."""
        self.met.setdefault((control, verdict), set()).add(envelope[2:])
        self.attempts[control] = self.attempts.get(control, 0) + TRIES

    def hits(self, control: str) -> int:
        """What stands beside its switch."""
        return sum(len(who) for (key, _), who in self.met.items() if key == control)


@dataclass(frozen=True)
class Stage:
    """Controls in a mode at the same time, none of which hides another."""

    mode: Mode
    keys: tuple[str, ...]
    off: tuple[str, ...] = ()

    def verdicts(self, key: str) -> Mapping[str, str]:
        """What the conversation of a control meets with, by control."""
        if self.mode is Mode.TEST:
            return dict.fromkeys({key} | WIDER.get(key, set()), "would")
        word = "put off" if control(key).reply.startswith("4") else "refused"
        return {key: word}


NAMES = (PTR, NAME)
ZRD = tuple(key for key in KEYED if "zrd" in key)
STAGES = {
    "all in test": Stage(Mode.TEST, tuple(LOGGED)),
    "on": Stage(Mode.ON, tuple(k for k in LOGGED if k not in NAMES), NAMES),
    "names and silent ones on": Stage(
        Mode.ON, (*NAMES, *(key for key in SILENT if not control(key).permits))
    ),
    "with a key, in test": Stage(Mode.TEST, tuple(KEYED), tuple(LOGGED)),
    "with a key, on": Stage(Mode.ON, tuple(k for k in KEYED if k not in ZRD), ZRD),
    "the last with a key, on": Stage(
        Mode.ON, ZRD, tuple(k for k in KEYED if k not in ZRD)
    ),
}


def prepare(home: Path) -> None:
    """A practice server on which every control has something to act upon."""
    with_tables(home)
    configure(practice.create(home / "practice", 2525), SETTINGS)


@pytest.fixture(scope="module")
def site(dns: Dns) -> Iterator[Site]:
    """The whole of mailguard, with a practice server of its own kind."""
    with running(prepare) as site:
        assert site.manage("domains", "add", "practice.test")[0] == 0
        typed = site.manage("blocklists", "set-key", DQS, given=f"{KEY}\n")
        assert typed[0] == 0, typed
        yield site


@pytest.fixture(scope="module")
def server(site: Site) -> Practice:
    """Its practice server."""
    home, texts = site.home / "practice", observe(site.postfix).texts
    return Practice(home, site.postfix, site.port, texts)


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Alice's browser, signed in."""
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    sign_in(page, site)
    yield page
    context.close()


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """What was driven in this module so far."""
    return Ledger()


def switch(site: Site, *modes: str) -> None:
    """Controls in these modes, live."""
    assert site.manage("set", *modes)[0] == 0
    assert site.manage("apply", "--reason", "to see what it does")[0] == 0


@dataclass
class Driven:
    """A stage that was driven, and when the conversation of each control began."""

    stage: Stage
    at: dict[str, float]

    @property
    def expected(self) -> Counter[Told]:
        """What the pages of its attempts must tell."""
        told: Counter[Told] = Counter()
        for key in self.at:
            if key in ENVELOPES:
                met = self.stage.verdicts(key)
                word = "accepted" if self.stage.mode is Mode.TEST else met[key]
                told[word, frozenset(met), *ENVELOPES[key]] += TRIES
        return told


@pytest.fixture(scope="module", params=STAGES.values(), ids=[*STAGES])
def driven(
    request: pytest.FixtureRequest, site: Site, server: Practice, ledger: Ledger
) -> Driven:
    """One stage: switched, applied, and each conversation held TRIES times."""
    stage: Stage = request.param
    modes = [f"{key}={stage.mode}" for key in stage.keys]
    switch(site, *modes, *(f"{key}=off" for key in stage.off))
    at = {}
    for key in stage.keys:
        at[key] = time.monotonic()
        for _ in range(TRIES):
            assert PAIRS[key].violates(server) is (stage.mode is Mode.TEST), key
        if key in ENVELOPES:
            for met, verdict in stage.verdicts(key).items():
                ledger.write(met, verdict, ENVELOPES[key])
    return Driven(stage, at)


def found(page: Page, **search: str) -> set[int]:
    """The attempts that a search finds."""
    page.goto(f"/search/?{urlencode(search)}")
    rows = page.locator("tr[data-attempt]")
    return {*rows.evaluate_all("all => all.map(row => Number(row.dataset.attempt))")}


def told(page: Page, attempt: int) -> Told:
    """What the page of an attempt says."""
    page.goto(f"/search/{attempt}/")
    facts: Any = page.locator("dl.facts").first.evaluate(
        "list => Object.fromEntries([...list.querySelectorAll('dt')].map("
        "each => [each.innerText, each.nextElementSibling.innerText]))"
    )
    rules = page.locator("[data-rule]").evaluate_all(
        "all => all.map(each => each.dataset.rule)"
    )
    word = page.locator(".verdict").first.inner_text().partition(" ")[2]
    client = facts["Client"].partition("[")[2].partition("]")[0]
    helo = facts.get("Greeting", " HELO").removesuffix(" HELO")
    return word, frozenset(rules), client, helo, facts["From"], facts["To"]


def figures(page: Page) -> dict[str, int]:
    """The number beside each switch."""
    page.goto("/protection/")
    pairs: Any = page.locator(".evidence[data-hits]").evaluate_all(
        "all => Object.fromEntries(all.map("
        "each => [each.dataset.testid, Number(each.dataset.hits)]))"
    )
    return {name.removeprefix("evidence-"): hits for name, hits in pairs.items()}


@pytest.fixture(scope="module")
def entered(page: Page, site: Site, server: Practice) -> float:
    """All of ENTRIES live and driven, with the recorder on; when that began."""
    file = site.home / "entries.csv"
    lines = ["side,kind,value", *(each.replace(" ", ",") for each in ENTRIES)]
    file.write_text("\n".join(lines))
    assert site.manage("entries", "import", str(file))[0] == 0
    switch(site, f"{RECORDER}=on", f"{NON_FQDN_HELO}=on", f"{PTR}=off", f"{NAME}=off")
    begun = time.monotonic()
    for (src, helo, sender, to), verdict in ENTRIES.values():
        reply = server.attempt(sender, to, src=src, helo=helo)
        assert reply.ok is (verdict == "accepted")
    return begun


def test_every_control_that_refuses_is_driven() -> None:
    stages = [(each.mode, key) for each in STAGES.values() for key in each.keys]
    assert Counter(stages) == Counter(
        (mode, each.key)
        for each in DRIVEN
        if not each.records and not each.permits
        for mode in each.modes
        if mode is not Mode.OFF
    )


def test_each_attempt_is_found_within_five_seconds(
    page: Page, driven: Driven, ledger: Ledger
) -> None:
    for key in driven.at & ledger.attempts.keys():
        wanted, left = ledger.attempts[key], driven.at[key] + SOON - time.monotonic()
        eventually(lambda k=key, n=wanted: len(found(page, control=k)) == n, left)  # type: ignore[misc]


def test_each_attempt_says_who_and_why(page: Page, driven: Driven) -> None:
    attempts: set[int] = set()
    for key in driven.at & ENVELOPES.keys():
        verdict = driven.stage.verdicts(key)[key]
        attempts |= found(page, control=key, verdict=verdict)
    assert Counter(told(page, each) for each in attempts) == driven.expected


def test_the_figure_beside_each_switch_is_what_was_driven(
    page: Page, driven: Driven, ledger: Ledger
) -> None:
    # Of what was not driven: none.
    shown = [each.key for each in CONTROLS if not each.records and not each.sends]
    wanted = {key: ledger.hits(key) for key in shown}
    eventually(lambda: figures(page) == wanted, 15)
    for key in ledger.attempts:
        beside = page.get_by_test_id(f"evidence-{key}")
        expect(beside).to_contain_text(f"in {ledger.attempts[key]} of ")


@pytest.mark.parametrize("key", SILENT)
def test_a_switch_without_a_line_says_so(page: Page, key: str) -> None:
    page.goto("/protection/")
    beside = page.get_by_test_id(f"evidence-{key}")
    expect(beside).to_contain_text("No evidence possible")


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_an_entry_decides_is_on_its_page(
    page: Page, entered: float, entry: str
) -> None:
    envelope, verdict = ENTRIES[entry]
    left = entered + SOON - time.monotonic()
    eventually(lambda: len(found(page, text=envelope[2])) == 1, max(left, 0))
    rules = frozenset({"entries"} if verdict == "refused" else ())
    [attempt] = found(page, text=envelope[2])
    assert told(page, attempt) == (verdict, rules, *envelope)


def test_the_recorder_tells_greeting_and_true_reverse_name_of_accepted_mail(
    page: Page, entered: float, server: Practice
) -> None:
    sender = "recorded@good.example"
    assert server.attempt(sender, TO, src="127.0.0.20", helo="liar.example").ok
    eventually(lambda: len(found(page, text=sender)) == 1)
    [attempt] = found(page, text=sender)
    assert told(page, attempt)[:4] == (*NO_RULE, "127.0.0.20", "liar.example")
    expect(page.locator("dl.facts")).to_contain_text("reverse name liar.example")
