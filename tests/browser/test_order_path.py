"""A preset taken and applied; rules in another order by keyboard, by drag, by click."""

import subprocess

from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.smtp import attempt

RECIPIENT = "smtpd_recipient_restrictions"
FULL, INVALID = "reject_non_fqdn_sender", "reject_invalid_helo_hostname"


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.locator("[name=reason]").fill(reason)
    page.locator("#apply").click()
    done = page.locator("#outcome[data-state=applied]")
    expect(done).to_be_visible(timeout=15_000)


def live(site: Site) -> str:
    """The recipient list as Postfix itself reads it."""
    command = ["postconf", "-c", str(site.postfix.config_dir), "-h", RECIPIENT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def order_on(page: Page) -> list[str]:
    """Our rules of the recipient list, as the page shows them."""
    rows = page.locator(f"[data-testid={RECIPIENT}] [data-key]")
    return [str(each.get_attribute("data-key")) for each in rows.all()]


def waits_for(page: Page, *keys: str) -> None:
    """The page shows our rules in this order, the first ones of them."""
    for at, key in enumerate(keys):
        row = page.locator(f"[data-testid={RECIPIENT}] [data-key]").nth(at)
        expect(row).to_have_attribute("data-key", key)


def test_a_preset_in_test_mode_then_another_order_reach_postfix(
    page: Page, site: Site
) -> None:
    page.goto("/protection/")
    page.get_by_role("link", name="Presets").click()
    page.get_by_role("link", name="Careful").click()
    page.locator("#take").click()
    expect(page.locator("main")).to_contain_text("“Careful” waits in the draft")
    apply(page, "the first week")
    assert f"warn_if_reject {INVALID} warn_if_reject {FULL}" in live(site).replace(
        ",", ""
    )
    assert attempt("short@name", "b@practice.test", port=site.port).ok

    page.goto("/protection/order/")
    assert order_on(page)[:2] == [INVALID, FULL]
    page.locator(f"#up-{RECIPIENT}-{FULL}").focus()
    page.keyboard.press("ArrowUp")
    waits_for(page, FULL, INVALID)
    expect(page.locator(f"#up-{RECIPIENT}-{FULL}")).to_be_focused()
    expect(page.get_by_test_id(RECIPIENT)).to_contain_text("moved: live it stands")
    apply(page, "senders first")
    assert live(site).index(FULL) < live(site).index(INVALID)


def test_a_rule_that_may_not_go_there_says_why(page: Page) -> None:
    page.goto("/protection/order/")
    before = order_on(page)
    page.locator(f"#up-{RECIPIENT}-{before[0]}").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("alert").last).to_contain_text("your own people")
    assert order_on(page) == before


def test_a_rule_is_dragged_and_reset(page: Page, site: Site) -> None:
    page.goto("/protection/order/")
    before = order_on(page)
    last, first = (f"[data-testid={RECIPIENT}-{before[at]}]" for at in (-1, 0))
    page.drag_and_drop(last, first, target_position={"x": 60, "y": 4})
    waits_for(page, before[-1], before[0])
    page.get_by_role("button", name="As it was found").click()
    waits_for(page, INVALID, FULL)
    site.manage("discard")


def test_everything_works_without_scripts(scriptless: Page, site: Site) -> None:
    page = scriptless
    page.goto("/protection/presets/standard/?as=on")
    page.click("#take")
    expect(page.locator("[data-what=disable_vrfy_command]")).to_be_visible()
    page.goto("/protection/order/")
    before = order_on(page)
    page.click(f"#down-{RECIPIENT}-{before[0]}")
    waits_for(page, before[1], before[0])
    site.manage("discard")
