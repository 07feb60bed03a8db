"""The charts as a person meets them: live, folds stay open, without scripts."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.site import Site

COUNT = """
from django.utils import timezone
from mailguard.servers.services import local
from mailguard.traffic.evidence import refresh
from mailguard.traffic.models import Verdict
from tests.support.evidence import daily, hits, hour, live
hour(local(), Verdict.ACCEPTED, {number}, timezone.now())
hits(local(), "reject_non_fqdn_sender", Verdict.WOULD, {number})
live(local(), "reject_non_fqdn_sender", "test")
hour(local(), Verdict.WOULD, {number}, timezone.now())
daily(local(), "domain", "d{number}.example", Verdict.WOULD, {number})
refresh(local(), 9)
"""
PAGES = ["/", "/?period=7d&control=reject_non_fqdn_sender", "/protection/"]


def count(site: Site, number: int) -> None:
    """So many messages come now, and a rule in test mode would have refused them."""
    script = COUNT.format(number=number)
    said = site.command("shell", "--no-imports", given=script)
    assert said.code == 0, said.err


def test_the_first_mail_shows_by_itself_and_folds_stay_open(
    page: Page, site: Site
) -> None:
    page.goto("/")
    expect(page.get_by_test_id("no-mail")).to_be_visible()
    count(site, 11)
    accepted = page.get_by_test_id("total-accepted")
    expect(accepted).to_contain_text("11", timeout=15_000)
    page.get_by_text("The numbers").click()
    count(site, 20)
    expect(page.locator("#numbers td").first).to_have_text("31", timeout=15_000)
    expect(page.locator("#numbers")).to_be_visible()


def test_a_chart_is_chosen_without_scripts(scriptless: Page, site: Site) -> None:
    count(site, 5)
    scriptless.goto("/")
    scriptless.get_by_role("link", name="7 days").click()
    scriptless.select_option("[name=control]", "reject_non_fqdn_sender")
    scriptless.get_by_role("button", name="Show").click()
    assert "period=7d" in scriptless.url
    expect(scriptless.locator("#chart-name")).to_contain_text("full domain, 7 days")


def test_a_chart_is_chosen_with_one_click(page: Page, site: Site) -> None:
    count(site, 6)
    page.goto("/?period=30d")
    page.select_option("[name=control]", "reject_non_fqdn_sender")
    expect(page.locator("#chart-name")).to_have_text(
        "Refuse senders without a full domain, 30 days"
    )
    expect(page).to_have_url(f"{site.url}/?period=30d&control=reject_non_fqdn_sender")


@pytest.fixture(scope="module")
def counted(site: Site) -> None:
    """There is something to draw."""
    count(site, 7)


@pytest.mark.parametrize("path", PAGES)
def test_figures_are_accessible_and_no_wider_than_a_phone(
    themed: Page, counted: None, path: str
) -> None:
    themed.goto(path)
    for fold in themed.locator("main details").all():
        fold.locator("summary").click()
    found = Axe().run(themed)
    assert found.violations_count == 0, found.generate_report()
    assert themed.evaluate("document.documentElement.scrollWidth") <= 390
