"""`make shots`: every page at 390 and 1280 px, light and dark, into docs/screens."""

import json
import time
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from bench import demo
from tests.support.dns import WORLD, serving
from tests.support.namespace import enter
from tests.support.site import ROOT, Site, running

SCREENS = ROOT / "docs" / "screens"
PAGES = {
    "dashboard": "/",
    "protection": "/protection/",
    "confirm": "/protection/reject_unknown_client_hostname/confirm/",
    "order": "/protection/order/",
    "presets": "/protection/presets/",
    "preset": "/protection/presets/standard/",
    "entries": "/entries/",
    "import": "/entries/import/",
    "pins": "/pins/",
    "pin": "/pins/add/?attempt=1",
    "domains": "/domains/",
    "relays": "/relays/",
    "networks": "/sending/networks/",
    "still": "/rehearsal/still/?text=orders@partner.example",
    "findings": "/findings/",
    "review": "/review/",
    "rehearsal": "/rehearsal/",
    "trial": "/rehearsal/trial/1/",
    "history": "/history/",
    "changes": "/history/changes/",
    "revision": "/history/3/",
    "restore": "/history/2/restore/",
    "compare": "/history/compare/?from=1&to=3",
    "panic": "/panic/",
    "search": "/search/?verdict=refused",
    "attempt": "/search/1/",
    "log": "/log/",
    "greylisting": "/greylisting/",
    "suggestions": "/greylisting/suggestions/",
    "whitelist": "/greylisting/whitelist/",
    "published": "/greylisting/whitelist/refresh/",
    "blocklists": "/blocklists/",
    "sending": "/sending/",
    "steps": "/sending/steps/",
    "readiness": "/sending/readiness/",
    "users": "/sending/users/",
    "settings": "/sending/settings/",
}
ENTRIES = (
    ("allow", "sender_domain", "partner.example", "our supplier, complained on Monday"),
    ("allow", "client", "198.51.100.7", "the scanner in the branch office"),
    ("deny", "sender", "win@lottery.example", "three waves this week"),
    ("deny", "client", "203.0.113.0/24", "nothing but spam since 2024"),
    ("allow", "helo", "oldprinter", "cannot be taught a better name"),
)
PIN = {
    "client_address": "192.0.2.7",
    "client_name": "mx.partner.example",
    "helo": "mx.partner.example",
    "sender": "orders@partner.example",
    "recipient": "sales@practice.test",
}
MAILS = 600
WIDTHS = (390, 1280)
HEIGHT = 800
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def prepare(site: Site) -> None:
    """A server with a little history, and two changes that wait."""
    site.manage("set", "disable_vrfy_command=on", "dnsbl:zen.spamhaus.org=test")
    site.manage("apply", "--reason", "first steps: log what a blocklist would refuse")
    site.manage("set", "reject_non_fqdn_helo_hostname=on")
    for side, kind, value, note in ENTRIES[:4]:
        site.manage("entries", "add", side, kind, value, "--note", note)
    pins = site.home / "pins.jsonl"
    pins.write_text(json.dumps(PIN))
    site.manage("pins", "add", str(pins), "--note", "orders of our largest customer")
    site.manage("domains", "add", "practice.test")
    site.manage("set", "own_domains=test", "recorder=on")
    site.manage("apply", "--reason", "infected PCs greet with short names")
    for each in demo.envelopes(MAILS, demo.SEED):
        demo.send(each, site.port)
    for side, kind, value, note in ENTRIES[4:]:
        site.manage("entries", "add", side, kind, value, "--note", note)
    site.manage("set", "reject_unknown_reverse_client_hostname=test")
    site.manage("set", "dnsbl:zen.spamhaus.org=on")
    time.sleep(10)  # until the log of it all is read and weighed
    site.manage("rehearse")


def try_one(page: Page) -> None:
    """One message by hand, and its way through the lists."""
    page.goto("/rehearsal/")
    for name, value in (PIN | {"helo": "laptop"}).items():
        page.fill(f"[data-testid=trial-form] [name={name}]", value)
    page.click("#try")
    page.get_by_test_id("trace").wait_for()


def sign_in(page: Page, site: Site) -> None:
    """As the administrator."""
    page.goto("/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", site.password)
    page.click("#submit-id-sign-in")
    page.wait_for_url(site.url + "/")


def main() -> None:
    """Photograph every page."""
    enter()
    SCREENS.mkdir(parents=True, exist_ok=True)
    with serving(WORLD), running() as site, sync_playwright() as playwright:
        prepare(site)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        with browser.new_context(base_url=site.url) as context:
            page = context.new_page()
            sign_in(page, site)
            try_one(page)
        for theme in THEMES:
            for width in WIDTHS:
                context = browser.new_context(
                    base_url=site.url,
                    color_scheme=theme,
                    viewport={"width": width, "height": HEIGHT},
                )
                page = context.new_page()
                page.goto("/login/")
                shoot(page, "login", width, theme)
                sign_in(page, site)
                for name, path in PAGES.items():
                    page.goto(path)
                    shoot(page, name, width, theme)
                context.close()
        browser.close()


def shoot(page: Page, name: str, width: int, theme: str) -> None:
    """One picture of the whole page, as in a window that is tall enough."""
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(HEIGHT, tall)})
    page.screenshot(path=Path(SCREENS) / f"{name}-{width}-{theme}.png")
    page.set_viewport_size({"width": width, "height": HEIGHT})


if __name__ == "__main__":
    main()
