"""Every page as a person meets it: accessible, without scripts, with strict ones."""

from collections.abc import Iterator

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
]


@pytest.fixture
def waiting(site: Site) -> Iterator[None]:
    """A draft with one change, dropped afterwards."""
    site.manage("set", "strict_rfc821_envelopes=on")
    yield
    site.manage("discard")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_accessibility_violation(
    themed: Page, site: Site, waiting: None, path: str
) -> None:
    themed.goto(site.url + path)
    found = Axe().run(themed)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_no_wider_than_a_phone(
    themed: Page, site: Site, waiting: None, path: str
) -> None:
    themed.goto(site.url + path)
    assert themed.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", PATHS)
def test_a_page_breaks_no_rule_of_its_own_policy(
    page: Page, waiting: None, path: str
) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    assert complaints == []


def test_everything_works_without_scripts(scriptless: Page, site: Site) -> None:
    page, key = scriptless, "reject_unknown_reverse_client_hostname"
    page.goto("/protection/")
    row = page.locator(f'[data-testid="{key}"]')
    row.locator(f'[name="{key}"]').check()
    row.locator("button").click()
    page.locator("#confirm").click()
    expect(row).to_have_attribute("data-mode", "on")
    page.goto("/review/")
    page.fill("[name=reason]", "a text browser")
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible()
    site.manage("set", f"{key}=off")
    site.manage("apply", "--reason", "as before")


def test_what_is_not_recommended_is_confirmed_twice(page: Page, site: Site) -> None:
    key = "reject_unknown_helo_hostname"
    page.goto("/protection/")
    page.locator(f'[name="{key}"]').click()
    expect(page.locator("text=Not recommended.")).to_be_visible()
    page.locator("#confirm").click()
    expect(page.locator("#confirm")).to_be_visible()
    page.locator("[name=sure]").check()
    page.locator("#confirm").click()
    expect(page.locator(f'[data-testid="{key}"]')).to_have_attribute("data-mode", "on")
    page.locator("text=Discard").click()
    page.locator("#discard").click()
    expect(page.locator(f'[data-testid="{key}"]')).to_have_attribute("data-mode", "off")


def test_a_hand_edit_is_shown_adopted_and_kept(page: Page, site: Site) -> None:
    path = site.postfix.config_dir / "main.cf"
    with path.open("a") as file:
        file.write("# edited by Bob\n")
    page.goto("/")
    expect(page.locator("[data-light=yellow]")).to_be_visible(timeout=15_000)
    page.goto("/review/")
    expect(page.locator("[data-testid=drift]")).to_contain_text("# edited by Bob")
    page.locator("[data-testid=drift] [name=reason]").fill("Bob's note")
    page.click("#adopt")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible()
    assert path.read_text().endswith("# edited by Bob\n")
