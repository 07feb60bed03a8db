"""Every page with changes that wait: accessible, on a phone, under strict policy."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.site import Site

PATHS = [
    "/",
    "/protection/",
    "/protection/reject_unknown_client_hostname/confirm/",
    "/review/",
    "/history/",
    "/history/1/",
    "/entries/",
    "/entries/?text=seen.example",
    "/entries/add/",
    "/entries/import/",
    "/domains/",
    "/protection/own_domains/confirm/",
    "/relays/",
    "/sending/networks/",
    "/rehearsal/still/",
    "/pins/",
    "/pins/add/",
    "/pins/1/remove/",
    "/rehearsal/",
    "/findings/",
    "/blocklists/",
    "/greylisting/",
    "/sending/readiness/",
    "/sending/users/",
    "/sending/settings/",
    "/sending/",
    "/sending/confirm/auth_on_25/",
    "/protection/order/",
    "/protection/presets/",
    "/protection/presets/manual/",
    "/protection/presets/strict/?as=on",
]
PIN = {
    "client_address": "2001:db8::7",
    "client_name": "mx1.newsletters-of-a-customer.example.org",
    "helo": "mx1.newsletters-of-a-customer.example.org",
    "sender": "bounces+" + "4711-" * 40 + "@newsletters-of-a-customer.example.org",
    "recipient": "alice@practice.test",
}
DRAFT = [
    "set strict_rfc821_envelopes=on",
    "entries add deny sender bad@seen.example --note spam",
    "entries add allow client 192.0.2.0/24",
    "entries add deny helo x --expires 2099-01-31",
    "domains add ours.example",
    "networks add 192.168.1.20 --note the-copier-on-the-second-floor",
    "networks add 172.17.0.0/16 --confirmed",
    "networks add 2001:db8:4711:4712:4713:4714:4715:4716 --confirmed",
    "blocklists add bl.seen.example --codes 127.0.0.2 --keyed",
]


@pytest.fixture(scope="module", autouse=True)
def waiting(site: Site) -> None:
    """What waits and is pinned; no test of this module changes it."""
    for words in DRAFT:
        assert site.manage(*words.split())[0] == 0
    file = site.home / "pins.jsonl"
    file.write_text(json.dumps(PIN))
    assert site.manage("pins", "add", str(file), "--note", "the newsletter")[0] == 0


def looks_right(page: Page) -> None:
    """Anybody can use it, on a phone too."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_on_a_phone(themed: Page, path: str) -> None:
    themed.goto(path)
    looks_right(themed)
    folds = themed.locator("main details").all()
    for fold in folds:
        fold.evaluate("fold => { fold.open = true; }")
    if folds:
        looks_right(themed)


def test_the_page_of_an_entry_is_accessible(themed: Page) -> None:
    themed.goto("/entries/?text=bad@seen.example")
    themed.click(".entries .what a")
    expect(themed.locator("h1")).to_contain_text("bad@seen.example")
    found = Axe().run(themed)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_breaks_no_rule_of_its_own_policy(page: Page, path: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    assert complaints == []
