"""The path an administrator walks: tick, read, apply, and Postfix enforces it."""

from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.smtp import Reply, attempt, smtp
from tests.support.waiting import eventually

RULE = "reject_non_fqdn_helo_hostname"


def violate(site: Site) -> Reply:
    """A stranger who greets with a short name."""
    return attempt("a@good.example", "b@practice.test", port=site.port, helo="laptop")


def tick(page: Page, key: str) -> None:
    """Enable one control and confirm what it costs."""
    page.goto("/protection/")
    page.locator(f'[name="{key}"]').click()
    page.locator("#confirm").click()
    expect(page.locator(f'[data-testid="{key}"]')).to_have_attribute("data-mode", "on")


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.locator("[name=reason]").fill(reason)
    page.locator("#apply").click()
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible()


def test_a_ticked_restriction_is_enforced_then_only_logged_then_gone(
    page: Page, site: Site
) -> None:
    assert violate(site).code == 250
    tick(page, RULE)
    apply(page, "short names are infected PCs")
    assert violate(site).code == 504

    page.goto("/protection/")
    page.locator(f'[name="{RULE}.test"]').check()
    row = page.locator(f'[data-testid="{RULE}"]')
    expect(row).to_have_attribute("data-mode", "test")
    apply(page, "look first")
    mark = site.postfix.log.mark()
    assert violate(site).code == 250
    eventually(
        lambda: "reject_warning: RCPT" in "\n".join(site.postfix.log.since(mark))
    )

    page.goto("/protection/")
    page.locator(f'[name="{RULE}"]').uncheck()
    expect(row).to_have_attribute("data-mode", "off")
    apply(page, "enough seen")
    mark = site.postfix.log.mark()
    assert violate(site).code == 250
    assert "reject_warning" not in "\n".join(site.postfix.log.since(mark))


def test_a_ticked_switch_is_enforced_and_gone_again(page: Page, site: Site) -> None:
    page.goto("/protection/")
    row = page.locator('[data-testid="disable_vrfy_command"]')
    page.locator('[name="disable_vrfy_command"]').check()
    expect(row).to_have_attribute("data-mode", "on")
    apply(page, "harvesters")
    with smtp(port=site.port) as client:
        assert client.command("VRFY b@practice.test").code == 502

    page.goto("/protection/")
    page.locator('[name="disable_vrfy_command"]').uncheck()
    expect(row).to_have_attribute("data-mode", "off")
    apply(page, "a script needs it")
    with smtp(port=site.port) as client:
        assert client.command("VRFY b@practice.test").code == 252


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
