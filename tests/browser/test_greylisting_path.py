"""Greylisting on the page: learn, then on, then off, and what Postfix makes of it."""

import os
import re
import signal
import time

from playwright.sync_api import Page, expect

from postfixconf.host import postgrey
from postfixconf.host.postgrey import Postgrey
from tests.support.site import Site
from tests.support.smtp import Reply, attempt

SOON = 20_000  # milliseconds: the worker looks every few seconds
GOOD = "127.0.0.10"


def write(site: Site, sender: str) -> Reply:
    """An honest server sends."""
    to, helo = "bob@practice.test", "mx.good.example"
    return attempt(sender, to, port=site.port, src=GOOD, helo=helo)


def service(site: Site) -> Postgrey:
    """The practice server's postgrey."""
    found = postgrey.find(site.postfix)
    assert found is not None
    return found


def choose(page: Page, mode: str) -> None:
    """Choose a mode on the page, and confirm it where that is asked."""
    page.goto("/greylisting/")
    page.locator(f'[name=greylisting][value="{mode}"]').check()
    page.locator("#save-mode").click()
    if mode == "on":
        page.locator("#confirm").click()
    expect(page.get_by_test_id("greylisting")).to_have_attribute("data-mode", mode)


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.locator("[name=reason]").fill(reason)
    page.locator("#apply").click()
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=SOON)


def test_learn_then_on_then_off(page: Page, site: Site) -> None:
    before = site.postfix.main().text
    page.goto("/greylisting/")
    page.fill("[name=delay]", "2")
    page.locator("#save-settings").click()
    choose(page, "test")
    apply(page, "learn who writes to us")
    assert write(site, "alice@good.example").ok
    page.goto("/greylisting/")
    expect(page.get_by_test_id("service")).to_have_attribute(
        "data-state", "running", timeout=SOON
    )
    expect(page.locator("#waiting")).to_contain_text("postgrey only learns")

    choose(page, "on")
    apply(page, "spam never comes back")
    assert write(site, "charlie@good.example").code == 450
    time.sleep(2.1)
    assert write(site, "charlie@good.example").ok
    assert write(site, "alice@good.example").ok  # it was learnt
    assert write(site, "spam@good.example").code == 450
    page.goto("/greylisting/")
    for _ in range(20):  # until the log is read
        if "spam@good.example" in page.locator("#waiting").inner_text():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("#waiting")).to_contain_text("spam@good.example")

    page.goto("/search/?text=charlie@good.example&verdict=put+off")
    page.locator("main table a").first.click()
    spare = page.get_by_test_id("spare")
    link = spare.get_by_role("link", name="Whitelist good.example")
    expect(link).to_have_attribute("href", re.compile(r"add/\?value=good\.example&"))

    choose(page, "off")
    page.goto("/greylisting/")
    page.fill("[name=delay]", "300")
    page.locator("#save-settings").click()
    apply(page, "a customer waited too long")
    assert write(site, "new@good.example").ok
    assert site.postfix.main().text == before
    assert not service(site).state().running


def test_a_killed_postgrey_is_told_on_every_page_and_started(
    page: Page, site: Site
) -> None:
    choose(page, "test")
    apply(page, "learn")
    pid = service(site).state().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    page.goto("/")
    light = page.get_by_test_id("light")
    expect(light).to_contain_text("Mail keeps flowing", timeout=SOON)
    assert write(site, "bob@good.example").ok
    page.goto("/protection/")
    page.get_by_test_id("postgrey-down").get_by_role("button").click()
    expect(page.get_by_test_id("service")).to_have_attribute(
        "data-state", "running", timeout=SOON
    )
    page.goto("/")
    expect(page.get_by_test_id("postgrey-down")).to_have_count(0)


def test_settings_work_without_scripts_and_keep_what_was_typed(
    scriptless: Page,
) -> None:
    scriptless.goto("/greylisting/")
    scriptless.fill("[name=delay]", "0")
    scriptless.fill("[name=max_age]", "9")
    scriptless.locator("#save-settings").click()
    expect(scriptless.locator("main")).to_contain_text("0 is too small: at least 1")
    expect(scriptless.locator("[name=max_age]")).to_have_value("9")
