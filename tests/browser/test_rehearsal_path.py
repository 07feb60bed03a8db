"""What would happen? Pins that hold, mail that would be lost, one message by hand."""

import os
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from bench import demo
from tests.support.logged import STAMP
from tests.support.site import Site
from tests.support.waiting import eventually

HELO, SENDER = "reject_non_fqdn_helo_hostname", "reject_non_fqdn_sender"
ZONE, DOMAIN = "dnsbl:zen.spamhaus.org", "practice.test"
DRAFT = (f"{HELO}=on", f"{SENDER}=on", f"{ZONE}=on", "own_domains=on")
MAILS = 300
MANY = 3000
LISTED = ("127.0.0.2", "mx.a.example", "win@prize.example", "bob@practice.test")
SHORT = ("127.0.0.10", "mx.a.example", "root@web1", "bob@practice.test")
PIN = {
    "client_address": "192.0.2.7",
    "client_name": "mx.partner.example",
    "helo": "mx.partner.example",
    "sender": "scanner",
    "recipient": "alice@practice.test",
}


class Sent(NamedTuple):
    """An envelope as the log tells it."""

    client: str
    helo: str
    sender: str
    recipient: str


def ask(site: Site, query: str) -> list[tuple[Any, ...]]:
    """What the database of the site answers."""
    with closing(sqlite3.connect(site.home / "mailguard.sqlite3")) as database:
        return database.execute(query).fetchall()


def number(site: Site) -> int:
    """The number of the latest attempt."""
    return int(ask(site, "SELECT COALESCE(MAX(id), 0) FROM traffic_attempt")[0][0])


def count(site: Site, after: int) -> int:
    """How many attempts were read after one."""
    query = f"SELECT COUNT(*) FROM traffic_attempt WHERE id > {after}"
    return int(ask(site, query)[0][0])


def refused_live(site: Site, after: int) -> dict[Sent, str]:
    """What was refused or put off after an attempt, and by which control."""
    query = (
        "SELECT client_address, helo, sender, recipient, control FROM traffic_attempt"
        f" WHERE id > {after} AND outcome IN ('refused', 'put off')"
    )
    return {Sent(*row[:4]): row[4] for row in ask(site, query)}


def lost(site: Site) -> dict[Sent, str]:
    """What the latest rehearsal says would be lost, and by which control."""
    query = (
        "SELECT a.client_address, a.helo, a.sender, a.recipient, t.control"
        " FROM rehearsals_turn t JOIN traffic_attempt a ON a.key = t.attempt_id"
        " WHERE t.kind = 'lost' AND t.rehearsal_id ="
        " (SELECT MAX(id) FROM rehearsals_rehearsal)"
    )
    return {Sent(*row[:4]): row[4] for row in ask(site, query)}


@pytest.fixture(scope="module")
def sent(site: Site) -> list[demo.Envelope]:
    """The different envelopes of the demonstration, received with the recorder on.

    A few more, so that each control of the draft has something to refuse.
    """
    site.manage("domains", "add", DOMAIN)
    site.manage("set", "recorder=on")
    assert site.manage("apply", "--reason", "record envelopes")[0] == 0
    mark = number(site)
    told = [*demo.envelopes(MAILS, demo.SEED)]
    told += [demo.Envelope("spam", *each) for each in (LISTED, SHORT)]
    told.append(envelope("scanner"))
    for each in told:
        assert demo.send(each, site.port) == 250
    eventually(lambda: count(site, mark) >= len(told), 30)
    return list({(e.client, e.helo, e.sender, e.recipient): e for e in told}.values())


@pytest.fixture
def clean(site: Site) -> Iterator[None]:
    """No draft, no pin and nothing live is left of a test."""
    yield
    site.manage("discard")
    site.manage("set", *(each.replace("=on", "=off") for each in DRAFT))
    site.manage("apply", "--reason", "as before")
    for pin in site.manage("pins", "list")[1]["pins"]:
        site.manage("pins", "remove", str(pin["number"]), "--reason", "tested")


def rehearse(page: Page, path: str) -> Locator:
    """Press the button on a page, and see it end."""
    page.goto(path)
    page.click("#rehearse")
    section = page.get_by_test_id("rehearsal")
    for _ in range(60):  # without scripts one looks again
        if section.get_attribute("data-state") in ("done", "failed"):
            break
        page.wait_for_timeout(500)
        if page.get_by_role("link", name="Look again").is_visible():
            page.get_by_role("link", name="Look again").click()
    expect(section).to_have_attribute("data-state", "done")
    return section


def pin(page: Page) -> None:
    """Mail with a sender that is not whole must always get through, by the form."""
    page.goto("/pins/add/")
    for name, value in PIN.items():
        page.fill(f"[data-testid=envelope-form] [name={name}]", value)
    page.click("#pin-message")
    expect(page.get_by_test_id("pin")).to_contain_text("scanner")


def tick(page: Page, key: str) -> None:
    """Enable one control, with or without scripts."""
    page.goto("/protection/")
    row = page.get_by_test_id(key)
    row.locator(f'[name="{key}"]').click()
    if row.locator("button.no-js").is_visible():
        row.locator("button.no-js").click()
    expect(page.get_by_test_id(key)).to_have_attribute("data-mode", "on")


def apply(page: Page, reason: str) -> Locator:
    """Press Apply on Review; the outcome."""
    page.fill("[name=reason]", reason)
    page.click("#apply")
    outcome = page.locator("#outcome")
    ends = re.compile("applied|refused|rolled_back|broken")
    expect(outcome).to_have_attribute("data-state", ends, timeout=30_000)
    return outcome


def test_a_pin_that_would_flip_stops_the_apply_and_is_named(
    either: Page, site: Site, clean: None
) -> None:
    page = either
    page.goto("/review/")
    assert not page.locator("[name=override]").is_visible()
    pin(page)
    tick(page, SENDER)
    page.goto("/review/")
    assert not page.locator("[name=override]").is_visible()
    outcome = apply(page, "no whole sender, no mail")
    expect(outcome).to_have_attribute("data-state", "refused")
    expect(outcome).to_contain_text("mail from <scanner> to <alice@practice.test>")
    assert demo.send(envelope("scanner"), site.port) == 250

    section = rehearse(page, "/review/")
    expect(section.get_by_test_id("flip")).to_contain_text("<scanner>")
    expect(page.get_by_test_id("refused")).to_contain_text("must always get through")
    page.fill("[name=override]", "the scanner is thrown away")
    outcome = apply(page, "no whole sender, no mail")
    expect(outcome).to_have_attribute("data-state", "applied")
    expect(outcome).to_contain_text("A pin was allowed to break")
    expect(outcome).to_contain_text("the scanner is thrown away")
    assert demo.send(envelope("scanner"), site.port) == 504


def envelope(sender: str) -> demo.Envelope:
    """A message of a stranger's."""
    return demo.Envelope("good", "127.0.0.10", "mx.a.example", sender, "bob@" + DOMAIN)


def test_what_would_be_lost_is_lost_when_it_is_live(
    page: Page, site: Site, sent: list[demo.Envelope], clean: None
) -> None:
    site.manage("set", *DRAFT)
    section = rehearse(page, "/review/")
    expected = lost(site)
    told = {
        each.get_attribute("data-control"): int(each.get_attribute("data-count") or 0)
        for each in page.locator("[data-testid=turns][data-kind=lost]").all()
    }
    assert set(told) == {HELO, SENDER, ZONE, "own_domains"}
    assert told == Counter(expected.values())
    expect(section).to_have_attribute("data-lost", str(len(expected)))
    expect(section).to_contain_text(f"{len(expected)} would be lost")
    assert page.get_by_test_id("turn").count() == sum(
        min(each, 20) for each in told.values()
    )

    outcome = apply(page, "as rehearsed")
    expect(outcome).to_have_attribute("data-state", "applied")
    expect(page.get_by_test_id("rehearsed")).to_contain_text(
        f"{len(expected)} would be lost"
    )
    mark = number(site)
    codes = Counter(demo.send(each, site.port) // 100 for each in sent)
    assert codes[4] + codes[5] == len(expected)
    eventually(lambda: count(site, mark) >= len(sent), 30)
    live = refused_live(site, mark)
    assert Counter(live.values()) == told
    assert live == expected


def test_a_lost_sender_is_allowed_by_a_click_and_lost_no_more(
    either: Page, site: Site, sent: list[demo.Envelope], clean: None
) -> None:
    page = either
    site.manage("set", f"{HELO}=on")
    before = int(rehearse(page, "/rehearsal/").get_attribute("data-lost") or 0)
    allow = page.get_by_role("button", name="Allow everything from").first
    client = (allow.get_attribute("aria-label") or "").rpartition(" ")[2]
    by_client = Counter(each.client for each in lost(site))
    allow.click()
    expect(page.locator(f'tr[data-value="{client}"]')).to_be_visible()
    section = rehearse(page, "/rehearsal/")
    expect(section).to_have_attribute("data-lost", str(before - by_client[client]))


def test_one_message_is_tried_on_the_draft_and_on_live(
    either: Page, site: Site, clean: None
) -> None:
    page = either
    site.manage("set", f"{SENDER}=on")
    page.goto("/rehearsal/")
    for name, value in PIN.items():
        page.fill(f"[data-testid=trial-form] [name={name}]", value)
    page.click("#try")
    trial = page.get_by_test_id("trial")
    expect(trial).to_have_attribute("data-verdict", "reject", timeout=20_000)
    expect(trial).to_contain_text("504 5.5.2")
    steps = page.get_by_test_id("trace").locator("tbody tr")
    expect(steps.filter(has_text=SENDER)).to_contain_text("refused")
    page.click("#other")
    expect(trial).to_have_attribute("data-verdict", "accept", timeout=20_000)
    expect(page.locator("#trial")).to_contain_text("what was live")
    page.get_by_role("link", name="Change it and try again").click()
    expect(page.locator("[data-testid=trial-form] [name=sender]")).to_have_value(
        "scanner"
    )


@pytest.fixture(scope="module")
def many(site: Site, sent: list[demo.Envelope], tmp_path_factory: Any) -> None:
    """So much recorded mail that a rehearsal takes a while."""
    file: Path = tmp_path_factory.mktemp("log") / "mail.log"
    lines = (
        f"{STAMP} postfix/smtpd[7]: NOQUEUE: info: RCPT from mx.good.example"
        "[192.0.2.7]: mailguard reverse=mx.good.example; from=<bob@good.example>"
        f" to=<{each}@practice.test> proto=ESMTP helo=<laptop>\n"
        for each in range(MANY)
    )
    file.write_text("".join(lines))
    mark = number(site)
    assert site.manage("ingest", str(file))[0] == 0
    assert count(site, mark) >= MANY


def test_it_is_cancelled_while_it_runs(
    either: Page, site: Site, many: None, clean: None
) -> None:
    page = either
    site.manage("set", f"{HELO}=on")
    page.goto("/review/")
    page.click("#rehearse")
    page.click("#cancel")
    section = page.get_by_test_id("rehearsal")
    expect(section).to_have_attribute("data-state", "cancelled")
    expect(section).to_contain_text("Cancelled before the end")
    expect(page).to_have_url(re.compile("/review/"))
    assert int(section.get_attribute("data-tried") or 0) < 2000
    expect(rehearse(page, "/review/")).to_have_attribute("data-tried", "2000")


def test_with_the_worker_stopped_the_page_says_so(
    either: Page, site: Site, many: None, clean: None
) -> None:
    page = either
    site.manage("set", f"{HELO}=on")
    worker = site.pid_of("celery -q -A mailguard worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        page.goto("/rehearsal/")
        page.click("#rehearse")
        section = page.get_by_test_id("rehearsal")
        for _ in range(30):
            page.wait_for_timeout(1000)
            if page.get_by_role("link", name="Look again").is_visible():
                page.get_by_role("link", name="Look again").click()
            if "does not answer" in section.inner_text():
                break
        expect(section).to_contain_text("The worker does not answer")
        expect(page.locator("#cancel")).to_be_visible()
    finally:
        os.kill(worker, signal.SIGCONT)
    page.wait_for_timeout(1000)
    page.goto("/rehearsal/")
    expect(section).to_have_attribute("data-state", re.compile("running|done"))
    for _ in range(60):
        if section.get_attribute("data-state") == "done":
            break
        page.wait_for_timeout(500)
        page.goto("/rehearsal/")
    expect(section).to_have_attribute("data-state", "done")


@pytest.fixture(scope="module")
def found(site: Site, sent: list[demo.Envelope], tmp_path_factory: Any) -> str:
    """Losses, a pin that flips, and a message that was tried; the path of that."""
    site.manage("set", *DRAFT)
    file: Path = tmp_path_factory.mktemp("pins") / "pins.jsonl"
    told = ", ".join(f'"{name}": "{value}"' for name, value in PIN.items())
    file.write_text(f"{{{told}}}\n")
    site.manage("pins", "add", str(file))
    assert site.manage("rehearse", "--timeout", "60")[0] == 1
    return "/rehearsal/"


@pytest.mark.parametrize("path", ["/rehearsal/", "/review/"])
def test_what_was_found_is_accessible_on_a_phone(
    themed: Page, found: str, path: str
) -> None:
    themed.goto(path)
    expect(themed.get_by_test_id("flip")).to_be_visible()
    expect(themed.get_by_test_id("turn").first).to_be_visible()
    for fold in themed.locator("main details").all():
        fold.evaluate("fold => { fold.open = true; }")
    looks_right(themed)


def test_the_way_of_a_message_is_accessible_on_a_phone(
    themed: Page, found: str
) -> None:
    themed.goto(found)
    for name, value in PIN.items():
        themed.fill(f"[data-testid=trial-form] [name={name}]", value)
    themed.click("#try")
    expect(themed.get_by_test_id("trace")).to_be_visible(timeout=20_000)
    looks_right(themed)


def looks_right(page: Page) -> None:
    """Anybody can use it, on a phone too."""
    told = Axe().run(page)
    assert told.violations_count == 0, told.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_keys_lead_there(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/rehearsal/$"))
