"""Alice reorganises how mail is sent, from the first step to the last."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from postfixconf.host import practice
from tests.support.dns import Dns
from tests.support.practice import configure
from tests.support.site import Site, running, with_tables

SOON = 30_000  # milliseconds: the worker looks every few seconds


@pytest.fixture(scope="module")
def site(dns: Dns) -> Iterator[Site]:
    """A server where people may sign in on port 25, as they always could."""

    def prepare(home: Path) -> None:
        with_tables(home)
        made = practice.create(home / "practice", 2525)
        configure(made, {"smtpd_sasl_auth_enable": "yes"})

    with running(prepare) as site:
        yield site


def state(page: Page, key: str) -> str | None:
    """How far a step is."""
    page.goto("/sending/steps/")
    return page.get_by_test_id(f"step-{key}").get_attribute("data-state")


def reaches(page: Page, key: str, wanted: str) -> None:
    """A step gets there once the worker has looked."""
    step = page.locator(f"[data-testid=step-{key}][data-state={wanted}]")
    for _ in range(60):
        page.goto("/sending/steps/")
        if step.count():
            return
        page.wait_for_timeout(500)
    expect(step).to_be_visible()


def switch_on(page: Page, key: str) -> None:
    """Click a switch, and confirm it where that is asked."""
    row = page.locator(f"[data-testid={key}][data-mode=on]")
    page.locator(f"[name={key}]").check()
    expect(row.or_(page.locator("#confirm"))).to_be_visible(timeout=SOON)
    if not row.count():
        page.check("[name=sure]")
        page.click("#confirm")
    expect(row).to_be_visible()


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.fill("[name=reason]", reason)
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=SOON)


def looks_right(page: Page) -> None:
    """Anybody can use it."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_from_the_first_step_to_the_own_domain_stop(page: Page, site: Site) -> None:
    page.goto("/sending/steps/")
    looks_right(page)
    reaches(page, "able", "done")
    assert state(page, "ended") != "done"

    page.get_by_test_id("step-opened").get_by_role("link").first.click()
    for key in ("submission", "submissions"):
        switch_on(page, key)
    assert state(page, "opened") == "waits"
    apply(page, "ways in that are encrypted")
    assert state(page, "opened") == "done"
    assert state(page, "named") == "done"

    for key in ("let_in", "devices", "told"):
        if state(page, key) != "done":
            tick = page.get_by_test_id(f"step-{key}")
            tick.get_by_role("button", name="This is done").click()
            expect(tick).to_have_attribute("data-state", "done")
    reaches(page, "moved", "done")

    page.get_by_test_id("step-ended").get_by_role("link", name="End it").click()
    expect(page.get_by_test_id("cut-off")).to_contain_text("Nobody has signed in")
    page.click("#confirm")
    expect(page.get_by_test_id("auth_on_25")).to_have_attribute("data-mode", "off")
    apply(page, "port 25 is for other servers")
    assert state(page, "ended") == "done"

    page.goto("/sending/")
    switch_on(page, "smtpd_tls_auth_only")
    apply(page, "no password in the clear")
    assert state(page, "encrypted") == "done"

    page.goto("/domains/")
    page.fill("form.one-line [name=domain]", "practice.test")
    page.click("#add-domain")
    assert site.manage("set", "own_domains=on")[0] == 0
    apply(page, "nobody else writes as us")

    page.goto("/sending/steps/")
    expect(page.get_by_test_id("progress")).to_contain_text("10 of 10 steps done")
    looks_right(page)
    page.goto("/history/changes/")
    expect(page.locator("main")).to_contain_text("Give everybody the new settings")


def test_a_tick_is_taken_back_without_scripts(scriptless: Page) -> None:
    scriptless.goto("/sending/steps/")
    step = scriptless.get_by_test_id("step-told")
    step.get_by_role("button", name="Not done after all").click()
    expect(step).not_to_have_attribute("data-state", "done")


@pytest.mark.parametrize(
    "path", ["", "steps/", "users/", "networks/", "readiness/", "settings/"]
)
def test_the_pages_fit_a_phone_in_both_themes(themed: Page, path: str) -> None:
    themed.goto(f"/sending/{path}")
    assert themed.evaluate("document.documentElement.scrollWidth") <= 390
    looks_right(themed)
