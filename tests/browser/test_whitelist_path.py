"""Greylisting's lists clicked by Alice, and obeyed by the real Postfix and postgrey."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from postfixconf.host import practice
from tests.support.dns import Dns, Records
from tests.support.https import Answer, Web
from tests.support.https import serving as serving_https
from tests.support.postgrey import Postgrey
from tests.support.postgrey import serving as serving_postgrey
from tests.support.practice import configure
from tests.support.site import ROOT, Site, running, with_tables
from tests.support.smtp import Reply, attempt
from tests.support.waiting import eventually

NETWORKS = (10, 11, 12)  # 127.0.x.1: one organisation's servers, each in its own /24
POOL: Records = {
    **{(f"1.{x}.0.127.in-addr.arpa", "PTR"): [f"mx{x}.out.pool.example"]
       for x in NETWORKS},
    **{(f"mx{x}.out.pool.example", "A"): [f"127.0.{x}.1"] for x in NETWORKS},
    ("pool.example", "MX"): ["10 mx10.out.pool.example"],
    ("13.13.0.127.in-addr.arpa", "PTR"): ["mx.published.example"],
    ("mx.published.example", "A"): ["127.0.13.13"],
}  # fmt: skip
ASKS = {
    "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination, "
    "check_policy_service inet:127.0.0.1:10023"
}
SUGGEST = (
    "import django; django.setup()\n"
    "from mailguard.servers import services as servers\n"
    "from mailguard.traffic import intake, suggesting\n"
    "intake.follow(servers.local(), 5)\n"
    "suggesting.work_out(servers.local())\n"
)
LIST = b"# the published list\npublished.example\n"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A web server with the published list."""
    with serving_https() as web:
        web.answers["/list"] = Answer(LIST, etag='"1"')
        yield web


@pytest.fixture(scope="module")
def site(dns: Dns, web: Web) -> Iterator[Site]:
    """A mailguard whose Postfix asks postgrey already when it is adopted."""

    def prepare(home: Path) -> None:
        with_tables(home)
        configure(practice.create(home / "practice", 2525), ASKS)

    with dns.answering(POOL), running(prepare, SSL_CERT_FILE=str(web.ca)) as site:
        yield site


@pytest.fixture(scope="module", autouse=True)
def postgrey(site: Site) -> Iterator[Postgrey]:
    """postgrey, started with mailguard's two lists of clients."""
    ours = ours_in(site)
    names = ("postgrey_clients", "postgrey_published")
    with serving_postgrey(*(f"--whitelist-clients={ours / n}" for n in names)) as found:
        yield found


def ours_in(site: Site) -> Path:
    """Where mailguard's lists stand."""
    return site.home / "practice" / "etc" / "mailguard"


def tries(site: Site, src: str, sender: str = "news@pool.example") -> Reply:
    """One envelope to Bob."""
    return attempt(sender, "bob@practice.test", port=site.port, src=src, helo="a.test")


def waited(site: Site) -> None:
    """What postgrey wrote on two days when a message came from all of the pool."""
    now, lines = datetime.now(UTC), ""
    for day in (3, 2):
        for at, x in enumerate(NETWORKS):
            then = now - timedelta(days=day, minutes=-10 * at)
            lines += (
                f"{then.isoformat()} mx postgrey[7]: action=greylist, reason=new, "
                f"client_name=mx{x}.out.pool.example, client_address=127.0.{x}.1, "
                f"sender=news{day}@pool.example, recipient=bob@practice.test\n"
            )
    log = site.home / "older.log"
    log.write_text(lines)
    assert site.manage("ingest", str(log))[0] == 0


def logged(site: Site, postgrey: Postgrey) -> None:
    """What postgrey has logged into the mail log, as a syslog daemon does, and read."""
    time.sleep(0.5)
    with (site.home / "practice" / "log" / "mail.log").open("ab") as log:
        log.write(b"".join(line + b"\n" for line in postgrey.lines()))
    words = [sys.executable, "-c", SUGGEST]
    environment = site.environment | {"DJANGO_SETTINGS_MODULE": "mailguard.settings"}
    subprocess.run(words, env=environment, cwd=ROOT, check=True, timeout=60)


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.fill("[name=reason]", reason)
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=15_000)


def looks_right(page: Page) -> None:
    """Anybody can use it."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_suggestion_is_accepted_applied_and_never_waits_again(
    page: Page, site: Site, postgrey: Postgrey
) -> None:
    for x in NETWORKS:
        reply = tries(site, f"127.0.{x}.1")
        assert (reply.code, "Greylisted" in reply.text) == (450, True)
    waited(site)
    logged(site, postgrey)
    page.goto("/greylisting/suggestions/")
    suggested = page.locator("[data-who='pool.example']")
    expect(suggested).to_contain_text("3 networks")
    looks_right(page)
    suggested.get_by_role("button", name="Let it in at once").click()
    expect(page.locator(".note-info")).to_contain_text("Added to the draft")
    expect(suggested).to_contain_text("review and apply")
    assert tries(site, "127.0.10.1").code == 450
    apply(page, "our newsletter comes from a pool")
    assert "\nout.pool.example\n" in (ours_in(site) / "postgrey_clients").read_text()
    for x in NETWORKS:
        assert tries(site, f"127.0.{x}.1", f"new{x}@pool.example").ok
    assert tries(site, "127.0.0.66", "a@good.example").code == 450
    page.goto("/greylisting/whitelist/")
    expect(page.locator("tr[data-value='out.pool.example']")).to_contain_text(
        "live since revision"
    )


def test_it_tells_how_often_it_let_somebody_in(
    page: Page, site: Site, postgrey: Postgrey
) -> None:
    logged(site, postgrey)
    page.goto("/greylisting/whitelist/")
    row = page.locator("tr[data-value='out.pool.example']")
    expect(row).to_contain_text("3 times")
    looks_right(page)
    row.get_by_role("link").first.click()
    expect(page.locator("dl.facts")).to_contain_text("3 times")
    looks_right(page)


def test_alice_adds_one_by_hand_and_is_told_what_is_wrong(
    either: Page, site: Site
) -> None:
    page = either
    page.goto("/greylisting/whitelist/add/")
    page.fill("#id_value", "com")
    page.click("#add")
    expect(page.locator(".invalid-feedback")).to_contain_text("'com': a whole top")
    page.fill("#id_value", "10.0.0.0/8")
    page.click("#add")
    expect(page.get_by_role("alert")).to_contain_text("16,777,216 addresses")
    page.get_by_role("link", name="Leave it").click()
    expect(page.locator("tr[data-value='10.0.0.0/8']")).to_have_count(0)


def test_the_published_list_is_fetched_and_obeyed(
    page: Page, site: Site, web: Web
) -> None:
    page.goto("/greylisting/whitelist/refresh/")
    looks_right(page)
    assert tries(site, "127.0.13.13", "a@published.example").code == 450
    page.fill("#id_url", web.url())
    page.click("#save")
    expect(page.locator(".note-info")).to_contain_text("Saved")
    page.click("#refresh-now")
    expect(page.locator("#refresh")).to_have_attribute(
        "data-state", "applied", timeout=20_000
    )
    expect(page.locator("code.came")).to_have_text(["published.example"])
    looks_right(page)
    assert tries(site, "127.0.13.13", "b@published.example").ok
    page.goto("/greylisting/whitelist/refresh/")
    page.select_option("#id_every", "weekly")
    page.click("#save")
    expect(page.locator("section.outcome")).to_contain_text("Next time by itself")


def test_a_bad_list_is_refused_on_the_page_and_nothing_changes(
    page: Page, site: Site, web: Web, tmp_path: Path
) -> None:
    bad = tmp_path / "list"
    bad.write_text("published.example\n.\n")
    page.goto("/greylisting/whitelist/refresh/")
    page.set_input_files("#id_file", bad)
    page.click("#upload")
    refused = page.locator("#refresh[data-state=refused]")
    expect(refused).to_be_visible(timeout=20_000)
    expect(refused).to_contain_text("Line 2: '.': means everything")
    looks_right(page)
    assert (ours_in(site) / "postgrey_published").read_bytes().endswith(LIST)
    assert tries(site, "127.0.13.13", "c@published.example").ok


def test_a_worker_killed_in_mid_download_fetches_it_anew(
    page: Page, site: Site, web: Web
) -> None:
    longer = LIST + b"longer.example\n"
    web.answers["/list"] = Answer(longer, gate=(gate := Event()))
    page.goto("/greylisting/whitelist/refresh/")
    asked = len(web.asked)
    page.click("#refresh-now")
    eventually(lambda: len(web.asked) > asked)
    os.kill(site.pid_of("celery -q -A mailguard worker"), signal.SIGKILL)
    live = ours_in(site) / "postgrey_published"
    assert live.read_bytes().endswith(LIST)
    assert tries(site, "127.0.13.13", "d@published.example").ok
    gate.set()
    eventually(lambda: live.read_bytes().endswith(longer))
    expect(page.locator("#refresh")).to_have_attribute("data-state", "applied")


@pytest.mark.parametrize(
    "path", ["whitelist/", "whitelist/add/", "whitelist/refresh/", "suggestions/"]
)
def test_the_pages_fit_a_phone_in_both_themes(themed: Page, path: str) -> None:
    themed.goto(f"/greylisting/{path}")
    width = themed.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    looks_right(themed)
