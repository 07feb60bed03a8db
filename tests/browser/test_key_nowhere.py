"""A key goes through everything, and then everything is searched for it.

The only places where it may stand: the tables in the Postfix directory that root alone
may read, and Postfix's own log, which names the zone when a lookup fails. One that
somebody wrote into main.cf by hand is shown nowhere either.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.dns import Dns
from tests.support.keyed import (
    DBL,
    DQS,
    KEY,
    NEW_KEY,
    OWN,
    OWN_KEY,
    ZEN,
    own_records,
    records,
)
from tests.support.site import Site
from tests.support.smtp import Reply, attempt
from tests.support.waiting import eventually

SECRETS = (KEY, NEW_KEY, OWN_KEY)
# Somebody writes this one into main.cf, which mailguard keeps whole as it found it.
BY_HAND = "byhandkeybyhandkeybyhandke"
SHOWN = (*SECRETS, BY_HAND)  # may stand nowhere that anybody sees
TO = "bob@practice.test"
MOST_PAGES = 250
COMMANDS = (
    ["controls"],
    ["plan"],
    ["status"],
    ["history"],
    ["rehearse", "--most", "20"],
    ["set", f"dnsbl:{KEY}.{ZEN}=on"],
    ["set", f"dnsbl:{ZEN}=nonsense"],
    ["blocklists", "add", f"{KEY}.{ZEN}", "--codes", "127.0.0.2"],
    ["blocklists", "remove", f"{KEY}.{DBL}"],
    ["blocklists", "set-key", DQS],
    ["blocklists", "remove-key", DQS],
    ["entries", "export", "/dev/stdout"],
    ["recover"],
)


@pytest.fixture(scope="module", autouse=True)
def _answering(dns: Dns) -> Iterator[None]:
    own = own_records(f"{OWN_KEY}.{OWN}")
    with dns.answering({**records(), **records(NEW_KEY), **own}):
        yield


def send(site: Site, src: str, sender: str = "alice@good.example") -> Reply:
    """One envelope."""
    return attempt(sender, TO, port=site.port, src=src, helo="mx.good.example")


def keep(page: Page, key: str) -> None:
    """Type the key of Spamhaus."""
    page.goto("/blocklists/")
    held = page.get_by_test_id(f"key-{DQS}")
    held.get_by_label("Key").fill(key)
    held.get_by_role("button", name="the key of Spamhaus DQS").first.click()
    expect(page.get_by_test_id(f"key-{DQS}")).to_contain_text("by admin")


def add(page: Page, codes: str) -> None:
    """Type a list of one's own, with its key."""
    form = page.locator("form:has(#add-list)")
    form.locator("[name=zone]").fill(OWN)
    form.locator("[name=codes]").fill(codes)
    form.locator("[name=name]").fill("Paid list")
    form.locator("[name=key]").fill(OWN_KEY)
    page.locator("#add-list").click()


def applied(site: Site, reason: str) -> None:
    """Bring the draft live."""
    code, told = site.manage("apply", "--reason", reason)
    assert code == 0, told


@pytest.fixture(scope="module")
def replies(site: Site) -> list[Reply]:
    """What senders were told."""
    return []


def test_a_key_is_typed_once_and_refuses_with_a_clean_reply(
    page: Page, site: Site, replies: list[Reply]
) -> None:
    keep(page, f"{KEY}.zen.dq.spamhaus.net")
    add(page, "127.0.0.[9..2]")
    expect(page.locator("main")).to_contain_text("9..2 is no range of an octet")
    assert page.locator("form:has(#add-list) [name=key]").input_value() == ""
    add(page, "127.0.0.2")
    expect(page.get_by_test_id(f"dnsbl:{OWN}")).to_contain_text("asked with your key")
    keys = (f"dnsbl:{ZEN}=on", f"rhsbl_sender:{DBL}=test", f"dnsbl:{OWN}=on")
    assert site.manage("set", *keys)[0] == 0
    page.goto("/review/")
    expect(page.locator("main")).to_contain_text(f"key {DQS}")
    applied(site, "lists with keys")
    for src in ("127.0.0.2", "127.0.0.108", "127.0.0.67", "127.0.0.10"):
        replies.append(send(site, src))
    replies.append(send(site, "127.0.0.10", "a@listed.example"))
    assert [each.code for each in replies] == [554, 554, 250, 250, 250]
    assert f"blocked using {ZEN}; see https://check" in replies[0].text
    assert replies[1].text.endswith(f"blocked using {OWN}")


def test_the_log_of_it_is_told_by_the_control(page: Page, site: Site) -> None:
    eventually(lambda: found(page, f"/search/?control=dnsbl:{ZEN}&verdict=refused"))
    eventually(lambda: found(page, f"/search/?control=dnsbl:{OWN}&verdict=refused"))
    eventually(lambda: found(page, f"/search/?control=rhsbl_sender:{DBL}"))


def found(page: Page, path: str) -> bool:
    """Whether a search finds an attempt."""
    return TO in page.request.get(path).text()


def test_it_is_replaced_undone_rehearsed_and_restored(
    page: Page, site: Site, replies: list[Reply]
) -> None:
    keep(page, NEW_KEY)
    applied(site, "a fresh key")
    replies.append(send(site, "127.0.0.2"))
    assert replies[-1].code == 554
    table = site.home / "practice" / "etc" / "mailguard" / f"dnsbl_{ZEN}"
    assert f"{NEW_KEY}.{ZEN}" in table.read_text()
    code, told = site.manage("restore", "2", "--reason", "the old key")
    assert code == 0, told
    assert f"{KEY}.{ZEN}" in table.read_text()
    main = site.home / "practice" / "etc" / "main.cf"
    rule = f"permit_mynetworks, reject_rbl_client {BY_HAND}.{ZEN}"
    main.write_text(f"{main.read_text()}smtpd_client_restrictions = {rule}\n")
    eventually(lambda: "Adopt" in page.request.get("/review/").text())
    seen = page.request.get("/review/").text()
    assert f"….{ZEN}" in seen and BY_HAND not in seen
    main.write_text(
        main.read_text().replace(f"smtpd_client_restrictions = {rule}\n", "")
    )
    eventually(lambda: "Adopt the" not in page.request.get("/review/").text())
    page.goto("/rehearsal/")
    site.manage("blocklists", "remove", OWN)  # a draft, so that there is one to show
    site.manage("set", "disable_vrfy_command=on")


def test_no_command_tells_it(site: Site) -> None:
    for words in COMMANDS:
        for how in ([], ["--json"]):
            done = site.command(*words, *how)
            said = done.out + done.err
            assert said.strip(), words
            assert "Traceback" not in said, said
            assert not any(key in said for key in SHOWN), (words, said)


def test_no_page_shows_it(page: Page, site: Site) -> None:
    waiting, seen = ["/"], {"/"}
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        answer = page.request.get(path)
        text = answer.text()
        assert answer.status < 500, path
        assert not any(key in text for key in SHOWN), path
        for link in re.findall(r'(?:href|hx-get)="(/[^"#]*)', text):
            link = link.replace("&amp;", "&")
            if link not in seen and not link.startswith(("/static/", "/logout")):
                seen.add(link)
                waiting.append(link)
    assert {"/blocklists/", "/history/2/", "/history/changes/", "/search/"} <= seen
    assert len(seen) > 60


def test_no_file_holds_it_but_the_tables_and_postfix_own_log(
    site: Site, replies: list[Reply]
) -> None:
    time.sleep(3)  # what is under way is written
    etc, log = site.home / "practice" / "etc", site.home / "practice" / "log"
    holding = {
        path
        for path in site.home.rglob("*")
        if path.is_file() and any(key.encode() in data_of(path) for key in SECRETS)
    }
    tables = {path for path in holding if path.parent == etc / "mailguard"}
    logs = {path for path in holding if log in path.parents}
    assert holding - tables - logs == set()
    assert {path.name for path in tables} == {
        f"dnsbl_{ZEN}",
        f"dnsbl_{OWN}",
        f"rhsbl_sender_{DBL}",
    }
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tables)
    assert logs, "Postfix names the zone where a lookup fails"
    told = json.dumps([[each.code, each.text] for each in replies])
    assert not any(key in told for key in SECRETS)
    assert len(list((site.home / "checkpoints").rglob("manifest.json"))) >= 3


def data_of(path: Path) -> bytes:
    """A file's bytes; nothing where it has gone meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
