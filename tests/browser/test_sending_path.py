"""The ways in on the page: 587 on, a mail program that uses it, and off again."""

import smtplib
import ssl

import pytest
from playwright.sync_api import Page, expect

from postfixconf.host.practice_dovecot import PASSWORD, PEOPLE
from postfixconf.policy.probe_service import with_probe_service
from tests.support.site import Site

SOON = 20_000  # milliseconds: the worker looks every few seconds


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.locator("[name=reason]").fill(reason)
    page.locator("#apply").click()
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=SOON)


def click(page: Page, key: str, mode: str) -> None:
    """Click a switch, with its button where there are no scripts."""
    page.goto("/sending/")
    row = page.get_by_test_id(key)
    row.locator(f"[name={key}]").click()
    save = row.get_by_role("button", name="Save")
    if save.is_visible():
        save.click()
    if mode == "off":
        page.locator("[name=sure]").check()
        page.locator("#confirm").click()
    expect(page.get_by_test_id(key)).to_have_attribute("data-mode", mode)


def relays(site: Site) -> int:
    """What a mail program gets that has signed in on the practice server's 587."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", site.port + 62, timeout=30) as program:
        program.starttls(context=context)
        program.login(PEOPLE[0], PASSWORD)
        program.mail(PEOPLE[0])
        return program.rcpt("bob@practice.test")[0]


def test_587_opens_and_closes_again(either: Page, site: Site) -> None:
    before = site.postfix.master().text
    either.goto("/sending/")
    expect(either.get_by_test_id("practice-ports")).to_contain_text(PEOPLE[0])
    click(either, "submission", "on")
    expect(either.get_by_test_id("submission")).to_contain_text("live: off")
    apply(either, "our people move to 587")
    assert relays(site) == 250
    either.goto("/sending/")
    expect(either.get_by_test_id(f"service-{site.port + 62}")).to_contain_text(
        "STARTTLS required", timeout=SOON
    )
    click(either, "submission", "off")
    apply(either, "back again")
    assert site.postfix.master().text in (before, with_probe_service(before))
    with pytest.raises(OSError):
        relays(site)


def test_the_command_line_says_the_same(site: Site) -> None:
    code, told = site.manage("set", "submissions=on", "--reason", "465 too")
    assert code == 0, told
    found = {each["key"]: each for each in site.manage("controls")[1]["controls"]}
    assert found["submissions"]["mode"] == "on"
    assert found["submissions"]["modes"] == ["off", "on"]
    assert "2465" in str(site.manage("plan")[1]["files"])
    assert site.manage("apply", "--reason", "465")[1]["outcome"] == "applied"
    assert site.manage("set", "submissions=off")[0] == 0
    assert site.manage("apply", "--reason", "closed")[1]["outcome"] == "applied"
