"""Why did that mail not arrive? What Alice reads, clicks, and sees Postfix do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from postfixconf.host import practice
from tests.browser.conftest import sign_in
from tests.support.conversations import TO
from tests.support.dns import Dns
from tests.support.logged import STAMP, line, refusals
from tests.support.site import Site, running, with_tables
from tests.support.smtp import Reply, smtp

REFUSING = "reject_non_fqdn_helo_hostname"
TESTED = "reject_non_fqdn_sender"
CUSTOMER = "invoice@good.example"
OLDER = 30_000  # refusals
POOL = ("192.0.2.7", "198.51.100.7", "203.0.113.7")
PATHS = {
    "search": f"/search/?text={CUSTOMER}",
    "every mail": "/search/",
    "nothing found": "/search/?text=nobody@nowhere.example",
    "attempt": "an attempt",
    "pin": "an attempt",
    "log": "/log/",
    "suggestions": "/greylisting/suggestions/",
    "dashboard": "/",
}
LOOKS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 390),
    ("light", 1280),
    ("dark", 390),
    ("dark", 1280),
]


def ago(hours: float, *lines: bytes) -> bytes:
    """These lines as if they had been written so long ago."""
    then = datetime.now(UTC) - timedelta(hours=hours)
    stamp = STAMP.partition(" ")[0].encode()
    return b"".join(lines).replace(stamp, then.isoformat().encode())


def pool(day: int) -> Iterator[bytes]:
    """A message that postgrey puts off each time it comes from another network."""
    for number, address in enumerate(POOL):
        said = (
            "action=greylist, reason=new, "
            f"client_name=mx{number}.out.big.example, client_address={address}, "
            f"sender=alice{day}@big.example, recipient={TO}"
        )
        yield ago(24 * day - number / 6, line(said, "postgrey"))


def prepare(home: Path) -> None:
    """A practice server whose log was rotated an hour ago."""
    with_tables(home)
    practice.create(home / "practice", 2525)
    older = [*pool(5), *pool(4), ago(1, *refusals(OLDER))]
    (home / "practice" / "log" / "mail.log.1").write_bytes(b"".join(older))


@pytest.fixture(scope="module")
def site(dns: Dns) -> Iterator[Site]:
    """The whole of mailguard, with a log from before, a rule on and one in test."""
    with running(prepare) as site:
        site.manage("set", f"{REFUSING}=on", f"{TESTED}=test")
        site.manage("apply", "--reason", "infected PCs greet with short names")
        yield site


@pytest.fixture(scope="module")
def alice(browser: Browser, site: Site) -> Iterator[Page]:
    """A page that stays signed in, for many looks."""
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    sign_in(page, site)
    yield page
    context.close()


def send(site: Site, sender: str, helo: str = "mx.good.example") -> Reply:
    """One message to Bob, up to the reply that decides."""
    with smtp(port=site.port, src="127.0.0.10", helo=helo) as client:
        client.mail(sender)
        reply = client.rcpt(TO)
        return client.data(b"Subject: hello\r\n\r\nhello\r\n") if reply.ok else reply


def look_for(page: Page, sender: str, text: str) -> None:
    """Search as soon as the log was read: until the first row has this text."""
    page.goto("/search/")
    page.fill("#text", sender)
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("text="))
    rows = page.locator("tr[data-attempt]")
    for _ in range(20):
        if any(text in each for each in rows.all_inner_texts()[:1]):
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(rows.first).to_contain_text(text)


def test_older_logs_are_read_with_their_progress(page: Page, site: Site) -> None:
    page.goto("/log/")
    row = page.locator("tr", has_text="mail.log.1")
    expect(row).to_contain_text("not read", timeout=15_000)
    page.click("#read-all")
    expect(row.get_by_role("progressbar")).to_be_visible(timeout=15_000)
    expect(row).to_have_attribute("data-reading", "done", timeout=60_000)
    expect(row).to_contain_text(f"{OLDER + 2 * len(POOL):,} lines")


def test_older_logs_tell_whom_greylisting_keeps_waiting(page: Page) -> None:
    page.goto("/greylisting/suggestions/")
    expect(page.locator("[data-who='big.example']")).to_contain_text("3 networks")


def test_the_page_of_the_log_follows_by_itself(page: Page, site: Site) -> None:
    page.goto("/log/")
    expect(page.locator("[data-testid=log][data-state=following]")).to_be_visible()
    lines = page.get_by_test_id("lines")
    before = lines.inner_text()
    send(site, "alice@good.example")
    expect(lines).not_to_have_text(before, timeout=10_000)


def test_a_refused_sender_is_found_explained_let_in_and_delivered(
    page: Page, site: Site
) -> None:
    assert send(site, CUSTOMER, "laptop").code == 504
    look_for(page, CUSTOMER, "Refuse greetings without a full host name")
    page.locator("tr[data-attempt] a").first.click()
    expect(page.locator(f"[data-rule={REFUSING}]")).to_contain_text("small office")
    page.get_by_role("button", name="Let in 127.0.0.10", exact=True).click()
    expect(page.get_by_text("Added to the draft: allow 127.0.0.10.")).to_be_visible()
    page.get_by_label("Waiting changes").get_by_role("link", name="Review").click()
    page.fill("[name=reason]", "a customer")
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=15_000)
    assert send(site, CUSTOMER, "laptop").ok
    look_for(page, CUSTOMER, "delivered")


def test_what_a_rule_in_test_met_is_one_click_from_its_switch(
    page: Page, site: Site
) -> None:
    with smtp(port=site.port, src="127.0.0.66", helo="pc.example") as client:
        client.mail("root@web1")
        assert client.rcpt(TO).ok
    page.goto("/protection/")
    beside = page.get_by_test_id(f"evidence-{TESTED}")
    for _ in range(20):
        if beside.get_attribute("data-hits") == "1":
            break
        page.wait_for_timeout(500)
        page.reload()
    beside.get_by_role("link", name="See them").click()
    expect(page.locator("tr[data-attempt]")).to_have_count(1)
    expect(page.locator("tr[data-attempt]")).to_contain_text("root@web1")


def test_the_dashboard_shows_numbers_and_chart(page: Page, site: Site) -> None:
    page.goto("/")
    expect(page.get_by_test_id("today")).to_contain_text("accepted")
    expect(page.get_by_test_id("total-refused")).to_contain_text(f"{OLDER // 1000},0")
    expect(page.locator(".plot rect.part-refused").first).to_be_visible()
    expect(page.locator("#tops")).to_contain_text("good.example", timeout=15_000)


def test_a_ticket_is_copied_with_the_keyboard(alice: Page, site: Site) -> None:
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.goto(an_attempt(alice))
    alice.locator("#ticket").focus()
    alice.keyboard.press("Tab")
    alice.keyboard.press("Enter")
    expect(alice.locator("[data-copies=ticket]")).to_have_text("Copied")
    copied = alice.evaluate("navigator.clipboard.readText()")
    assert f"Sender: <{CUSTOMER}>" in copied


def an_attempt(page: Page) -> str:
    """The address of one that was refused."""
    page.goto(f"/search/?text={CUSTOMER}&verdict=refused")
    link = page.locator("tr[data-attempt] a").first
    return link.get_attribute("href") or ""


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("name", PATHS)
def test_a_page_with_mail_is_accessible_and_fits(
    alice: Page,
    name: str,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    path = an_attempt(alice) if PATHS[name] == "an attempt" else PATHS[name]
    alice.emulate_media(color_scheme=theme)
    alice.set_viewport_size({"width": width, "height": 800})
    alice.goto(path)
    if name == "pin":
        alice.get_by_test_id("pin-message").click()
        expect(alice.locator("#id_sender")).to_have_value(CUSTOMER)
    for fold in alice.locator("main details").all():
        fold.evaluate("fold => { fold.open = true; }")
    found = Axe().run(alice)
    assert found.violations_count == 0, found.generate_report()
    assert alice.evaluate("document.documentElement.scrollWidth") <= width
