"""The page Blocklists: lists of one's own, keys, and what checks found before."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import demotion
from mailguard.changes import services as changes
from mailguard.concealing import concealed
from mailguard.protection import health, own_lists, past_checks
from mailguard.protection import services as protection
from mailguard.protection.models import ListDay, ListKey, Setting
from mailguard.servers import services as servers
from mailguard.servers.models import Observed, Server
from postfixconf.policy.listing import DOMAINS
from tests.support.changing import want
from tests.support.dns import Dns
from tests.support.keyed import DQS, KEY, OWN, OWN_KEY, ZEN, own_records

FORM = {"zone": OWN, "asks": "dnsbl", "codes": "127.0.0.2", "name": "Ours", "key": ""}
PSBL = "psbl.surriel.com"


def text_of(client: Client, path: str = "/blocklists/") -> str:
    """The words of the page."""
    page = client.get(path).content.decode()
    return " ".join(strip_tags(page).split())


def test_a_list_is_added_and_is_a_row_that_is_off(
    client: Client, server: Server
) -> None:
    answer = client.post("/blocklists/add/", FORM)
    assert answer["Location"] == "/blocklists/#own"
    page = client.get("/blocklists/").content.decode()
    assert f'data-testid="dnsbl:{OWN}"' in page
    assert "Refuse addresses on the Ours blocklist" in page
    assert changes.pending(server) == 1


def test_domains_are_three_controls(client: Client, server: Server) -> None:
    client.post("/blocklists/add/", FORM | {"asks": "rhsbl", "codes": "127.0.1.2"})
    [made] = protection.wanted().zones
    assert made.asked == DOMAINS
    assert text_of(client).count("on the Ours blocklist") == 3


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("zone", "dnsbl.sorbs.net", "The list dnsbl.sorbs.net is dead since 2024"),
        ("zone", "a b.example", "'a b.example': a zone is a domain such as"),
        ("zone", f"{KEY}.{ZEN}", "is in the catalogue already: give its key there"),
        ("zone", ZEN, "is in the catalogue already: switch it on there"),
        ("codes", "", "A list needs return codes"),
        ("codes", "127.0.0.[1..", "'127.0.0.[1..': write four octets"),
        ("name", "x" * 61, "longer than 60 characters"),
        ("key", "s3cret with blanks", "a key is 4 to 63 letters and digits"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost_but_the_key(
    client: Client, server: Server, field: str, typed: str, said: str
) -> None:
    sent = FORM | {"key": OWN_KEY} | {field: typed}
    answer = client.post("/blocklists/add/", sent)
    page = answer.content.decode()
    words = " ".join(strip_tags(page).split()).replace("&#x27;", "'")
    assert said in words
    assert 'value="Ours"' in page or field == "name"
    assert KEY not in page and OWN_KEY not in page and "s3cret" not in page
    assert not protection.wanted().zones and not ListKey.objects.exists()


def test_a_list_is_taken_out(client: Client, server: Server) -> None:
    client.post("/blocklists/add/", FORM)
    client.post("/blocklists/remove/", {"zone": OWN})
    assert not protection.wanted().zones
    assert changes.pending(server) == 0
    answer = client.post("/blocklists/remove/", {"zone": "<b>no"}, follow=True)
    assert "&lt;b&gt;no" in answer.content.decode()


def test_a_key_is_kept_and_named_by_who_and_when(
    client: Client, server: Server
) -> None:
    assert "No key yet" in text_of(client)
    client.post("/blocklists/key/", {"name": DQS, "key": KEY})
    told = text_of(client)
    assert "The key is kept." in told
    assert "✓ Key 1 set on" in told and "by alice" in told
    assert KEY not in client.get("/blocklists/").content.decode()
    assert "Needs a key first" not in told
    client.post("/blocklists/key/remove/", {"name": DQS})
    assert "No key yet" in text_of(client)
    whats = Change.objects.order_by("pk").values_list("what", "before", "after")
    assert list(whats) == [(f"key {DQS}", "", "key 1"), (f"key {DQS}", "key 1", "")]


def test_what_is_no_key_is_not_drawn_again(client: Client, server: Server) -> None:
    answer = client.post("/blocklists/key/", {"name": DQS, "key": "s3cret key"})
    page = answer.content.decode()
    assert "a key is 4 to 63 letters" in page and "s3cret" not in page


def test_a_key_for_an_odd_name_is_refused_in_words(
    client: Client, server: Server
) -> None:
    sent = {"name": "%s%n{}", "key": KEY}
    page = client.post("/blocklists/key/", sent, follow=True).content.decode()
    assert "no list here is asked with a key of that name" in page


def test_the_key_of_a_list_that_is_on_stays(
    client: Client, server: Server, alice: Actor
) -> None:
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    want(server, alice, **{f"dnsbl:{ZEN}": "test"})
    answer = client.post("/blocklists/key/remove/", {"name": DQS}, follow=True)
    assert "switch it off first" in answer.content.decode()
    assert DQS in protection.wanted().keys


def test_every_verb_asks_for_a_sign_in(db: None) -> None:
    for verb in ("add/", "remove/", "key/", "key/remove/"):
        assert Client().post(f"/blocklists/{verb}", FORM).status_code == 302
    assert not ListKey.objects.exists()


def test_a_rule_by_hand_can_be_taken_over(client: Client, server: Server) -> None:
    seen = Observed.objects.get()
    more = f"smtpd_client_restrictions = reject_rbl_client {OWN}=127.0.0.[2..4]\n"
    text = servers.as_text(seen.main) + more
    Observed.objects.update(main=servers.as_bytes(text))
    page = client.get("/blocklists/").content.decode()
    assert f"?zone={OWN}&amp;asks=dnsbl&amp;codes=127.0.0.%5B2..4%5D#own" in page
    filled = client.get("/blocklists/", FORM).content.decode()
    assert f'value="{OWN}"' in filled and 'value="127.0.0.2"' in filled


def test_past_checks_are_counted_by_day(
    client: Client, server: Server, dns: Dns
) -> None:
    today = timezone.localdate()
    for back, failed in ((1, 0), (2, 3), (40, 7)):
        ListDay.objects.create(
            server=server,
            zone=PSBL,
            day=today - timedelta(days=back),
            checks=1440,
            failed=failed,
            ms=80 + back,
        )
    with dns.answering({(f"2.0.0.127.{PSBL}", "A"): []}):
        health.ask(server=server, lists=health.known(server))
        demotion.watch(server)
    found = past_checks.past(server, [PSBL])[PSBL]
    assert [day.word for day in found.days[-4:]] == ["none", "bad", "good", "bad"]
    assert (found.checks, found.failed) == (2881, 4)
    told = text_of(client)
    assert "4 of 2,881 checks in 30 days failed" in told
    assert "The latest that failed:" in told
    assert not ListDay.objects.filter(day__lt=today - timedelta(days=31)).exists()


def test_lists_and_keys_on_the_command_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = command("add", OWN, "--codes", "127.0.0.2", "--asks", "dnswl")
    assert told["lists"] == [OWN]
    monkeypatch.setattr("sys.stdin", StringIO(f"{KEY}\n"))
    assert command("set-key", DQS)["keys"] == {DQS: 1}
    assert command("remove-key", DQS)["keys"] == {DQS: None}
    assert command("remove", OWN)["lists"] == []
    assert "not one of" in command("paint", OWN)["message"]
    assert "'none.example'" in command("remove", "none.example")["message"]
    assert Setting.objects.filter(key__endswith=OWN, mode="off").exists()


def command(*words: str) -> dict[str, Any]:
    """What `./manage.py blocklists … --json` says."""
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("blocklists", *words, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_a_key_that_somebody_wrote_by_hand_is_masked_on_the_way_out(
    client: Client, server: Server, alice: Actor
) -> None:
    seen = Observed.objects.get()
    more = f"smtpd_client_restrictions = reject_rbl_client {KEY}.{ZEN}\n"
    text = servers.as_text(seen.main) + more
    Observed.objects.update(main=servers.as_bytes(text), digest="other")
    page = client.get("/review/").content.decode()
    assert f"….{ZEN}" in page and KEY not in page
    own_lists.add(zone=OWN, asked=DOMAINS, codes="127.0.0.2", actor=alice, key=OWN_KEY)
    assert concealed(f"at x.{OWN_KEY}.{OWN}: no") == f"at x.….{OWN}: no"


def test_an_own_list_with_a_key_needs_it_to_be_checked(
    server: Server, alice: Actor, dns: Dns
) -> None:
    own_lists.add(
        zone=OWN, asked=DOMAINS[:1], codes="127.0.1.2", actor=alice, keyed=True
    )
    assert OWN not in [each.zone for each in health.askable(server)]
    own_lists.set_key(name=OWN, key=OWN_KEY, actor=alice)
    dns.queries.clear()
    with dns.answering(own_records()):
        health.ask(server=server, lists=health.askable(server))
        demotion.watch(server)
    assert (f"test.{OWN_KEY}.{OWN}", "A") in dns.queries
