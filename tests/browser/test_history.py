"""The ways back as a person clicks them: one change, panic, undo, restore."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.smtp import Reply, attempt

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_recipient"
TESTED = "reject_unknown_sender_domain"
PATHS = [
    "/panic/",
    "/review/",
    f"/review/only/?what={TESTED}",
    "/review/discard/",
    "/history/?text=because&outcome=applied",
    "/history/changes/",
    "/history/2/",
    "/history/1/restore/",
    f"/history/2/undo/?what={RULE}",
    "/history/compare/?from=1&to=2",
]


@pytest.fixture(scope="module", autouse=True)
def guarded(site: Site) -> None:
    """A rule is live, with an entry; another rule waits."""
    site.manage("set", f"{RULE}=on", f"{OTHER}=on")
    code, told = site.manage("apply", "--reason", "because")
    assert (code, told["revision"]) == (0, 2)
    assert site.manage("set", f"{TESTED}=test")[0] == 0


def short_sender(site: Site) -> Reply:
    """A stranger whose sender has no full domain."""
    return attempt("short@name", "b@practice.test", port=site.port)


def waiting(site: Site) -> int:
    """How many changes wait."""
    return int(site.manage("status")[1]["pending"])


def applied(page: Page) -> None:
    """The revision on the page became live."""
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_accessibility_violation(
    themed: Page, site: Site, path: str
) -> None:
    themed.goto(site.url + path)
    found = Axe().run(themed)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_no_wider_than_a_phone(themed: Page, site: Site, path: str) -> None:
    themed.goto(site.url + path)
    assert themed.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", PATHS)
def test_a_page_breaks_no_rule_of_its_own_policy(page: Page, path: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    assert complaints == []


def test_a_phone_shows_every_outcome_without_scrolling_sideways(
    themed: Page, site: Site
) -> None:
    themed.goto(f"{site.url}/history/")
    for state in themed.locator(".state").all():
        box = state.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390


def test_one_change_is_applied_and_the_other_waits(page: Page, site: Site) -> None:
    site.manage("set", "disable_vrfy_command=on")
    page.goto("/review/")
    row = page.locator('[data-what="disable_vrfy_command"]')
    row.get_by_text("Apply only this").click()
    expect(page.locator("h1")).to_have_text("Apply only this change?")
    page.fill("[name=reason]", "harvesters")
    page.click("#apply")
    applied(page)
    expect(page.locator(".words li")).to_have_count(1)
    expect(page.locator("#said")).to_have_text("Applied: Postfix enforces it.")
    assert waiting(site) == 1


def test_one_change_of_a_revision_is_undone_and_done_again(
    page: Page, site: Site
) -> None:
    assert short_sender(site).code == 504
    page.goto("/history/2/")
    page.locator(f'[data-what="{RULE}"]').get_by_text("Undo").click()
    page.click("#undo")
    applied(page)
    assert short_sender(site).code == 250
    page.goto("/history/changes/")
    page.locator(f'[data-what="{RULE}"] a').first.click()
    page.fill("[name=reason]", "it was good after all")
    page.click("#undo")
    applied(page)
    assert short_sender(site).code == 504
    assert waiting(site) == 1


def test_a_panic_is_one_click_and_a_restore_takes_it_back(
    page: Page, site: Site
) -> None:
    page.goto("/")
    page.get_by_text("All rules to test, now").click()
    expect(page.locator("h1")).to_have_text("Set 2 rules to test, now?")
    page.click("#panic")
    applied(page)
    assert short_sender(site).code == 250
    assert waiting(site) == 1
    panicked = int(page.url.rstrip("/").rpartition("/")[2])
    page.get_by_text("Previous", exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Revision {panicked - 1}")
    page.click("#restore-link")
    row = page.locator(f'[data-what="{RULE}"]')
    expect(row.locator("td").nth(1)).to_have_text("test")
    expect(row.locator("td").nth(2)).to_have_text("on")
    page.click("#restore")
    applied(page)
    assert short_sender(site).code == 504


def test_a_boosted_page_begins_at_its_top_for_the_keyboard(page: Page) -> None:
    page.goto("/history/")
    page.get_by_text("Single changes").click()
    expect(page.locator("#main")).to_be_focused()


def test_the_ways_back_work_without_scripts(scriptless: Page, site: Site) -> None:
    page = scriptless
    site.manage("set", f"{TESTED}=test", "disable_vrfy_command=off")
    page.goto("/review/")
    row = page.locator('[data-what="disable_vrfy_command"]')
    row.get_by_text("Apply only this").click()
    page.fill("[name=reason]", "a script needs it")
    page.click("#apply")
    applied(page)
    page.locator('[data-what="disable_vrfy_command"]').get_by_text("Undo").click()
    page.click("#undo")
    applied(page)
    page.goto("/panic/")
    page.click("#panic")
    applied(page)
    page.goto("/history/1/restore/")
    page.click("#restore-draft")
    assert page.url == f"{site.url}/review/"
    page.get_by_text("Discard the draft").click()
    page.click("#discard")
    assert waiting(site) == 0
    page.goto("/history/1/restore/")
    page.click("#restore")
    applied(page)
    assert short_sender(site).code == 250
