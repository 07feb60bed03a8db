"""What would still stop this sender? Every rule is asked, on a real Postfix."""

from typing import Any

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.lists import services as lists
from mailguard.protection import naming
from mailguard.protection import services as protection
from mailguard.rehearsals import worker
from mailguard.rehearsals.models import Trial
from mailguard.rehearsals.still import Stop, envelope_of, stops
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.entries import Entry
from tests.support.traffic import seen

STRANGER = {
    "client_address": "192.0.2.66",
    "helo": "laptop",
    "sender": "root@web1",
    "recipient": "bob@practice.test",
    "on": "draft",
}
ON = (
    "reject_unknown_reverse_client_hostname",
    "reject_non_fqdn_helo_hostname",
    "reject_non_fqdn_sender",
    "reject_unauth_pipelining",
    "own_domains",
)


@pytest.fixture(autouse=True)
def strict(server: Server, alice: Actor) -> None:
    """A draft with rules that this stranger breaks one after the other."""
    naming.add_domain(text="practice.test", actor=alice)
    for key in ON:
        protection.set_mode(server=server, key=key, mode="on", actor=alice)


def asked(client: Client, server: Server, **fields: str) -> tuple[Trial, list[Stop]]:
    """Asked by the page, answered by the worker."""
    page = client.post("/rehearsal/still/", STRANGER | fields)
    assert page.status_code == 302, page.content.decode()
    while worker.go_on(server):
        pass
    row = Trial.objects.latest("pk")
    assert row.state == "done", row.cause
    return row, stops(row)


def keys(found: tuple[Trial, list[Stop]]) -> list[str]:
    """The keys of what stops."""
    return [each.key for each in found[1]]


def allow(alice: Actor, kind: str, value: str, side: str = "allow") -> None:
    """One more entry in the draft."""
    entry = Entry.read(side, kind, value)
    lists.add(entry=entry, actor=alice, note="", expires_at=None)


def test_one_refusal_does_not_hide_the_next(client: Client, server: Server) -> None:
    found = asked(client, server)
    assert keys(found) == list(ON[:3])
    assert [each["rule"] for each in found[0].answer["later"]] == [
        "reject_unauth_pipelining"
    ]
    page = client.get(f"/rehearsal/trial/{found[0].pk}/").content.decode()
    assert "3 rules. Whoever takes away only the first meets the next." in page
    assert "Only once the message comes" in page


def test_an_allowed_client_is_stopped_by_nothing(
    client: Client, server: Server, alice: Actor
) -> None:
    allow(alice, "client", "192.0.2.66")
    row, found = asked(client, server)
    assert found == []
    page = client.get(f"/rehearsal/trial/{row.pk}/").content.decode()
    assert "No rule of the lists up to the recipient" in page


def test_what_is_live_is_another_answer(client: Client, server: Server) -> None:
    assert keys(asked(client, server, on="live")) == []


def test_an_allowed_sender_does_not_open_our_domain(
    client: Client, server: Server, alice: Actor
) -> None:
    allow(alice, "sender", "laptop@")
    found = asked(client, server, sender="boss@practice.test")
    assert "own_domains" in keys(found)
    assert "access" not in str(found[0].answer["later"])
    [own] = [each for each in found[1] if each.key == "own_domains"]
    assert "No entry opens your own domains" in own.instead


def test_an_exception_and_a_relay_count(
    client: Client, server: Server, alice: Actor
) -> None:
    naming.add_exception(text="192.0.2.66", actor=alice)
    assert "own_domains" not in keys(asked(client, server, sender="a@practice.test"))
    naming.add_relay(text="192.0.2.66", actor=alice)
    assert keys(asked(client, server)) == ["reject_non_fqdn_sender"]


def test_a_deny_entry_and_relay_protection_are_named(
    client: Client, server: Server, alice: Actor
) -> None:
    allow(alice, "client", "192.0.2.0/24", side="deny")
    found = asked(client, server, recipient="victim@elsewhere.example")
    assert {"entries", "relay_protection"} <= {*keys(found)}
    assert "A deny entry of yours" in [each.title for each in found[1]]


def test_a_rule_by_hand_is_named(client: Client, server: Server) -> None:
    main = servers.instance_of(server).config_dir / "main.cf"
    hand = "smtpd_helo_restrictions = check_helo_access inline:{laptop=REJECT}\n"
    main.write_text(main.read_text() + hand)
    [found] = asked(client, server, on="live")[1]
    assert (found.key, found.where) == ("entries", "smtpd_helo_restrictions")
    assert "a table written by hand" in found.instead


def test_a_mailbox_that_is_not_there_stops_at_the_end(
    client: Client, server: Server
) -> None:
    main = servers.instance_of(server).config_dir / "main.cf"
    boxes = "virtual_mailbox_maps = inline:{bob@practice.test=bob}\n"
    main.write_text(main.read_text() + boxes)
    found = asked(client, server, on="live", recipient="nobody@practice.test")
    assert keys(found) == ["unknown_recipient"]


def test_a_rule_that_only_logs_stops_nobody(
    client: Client, server: Server, alice: Actor
) -> None:
    for key in ON[:3]:
        protection.set_mode(server=server, key=key, mode="test", actor=alice)
    row, found = asked(client, server)
    assert found == []
    assert "would have refused" in {each["outcome"] for each in row.steps}


def test_an_entry_fills_in_the_form_from_the_log(
    client: Client, server: Server, alice: Actor
) -> None:
    seen(
        sender="pr@news.example", client_address="198.51.100.7", helo="mx.news.example"
    )
    allow(alice, "sender_domain", "news.example")
    page = client.get("/entries/?text=news.example").content.decode()
    assert "/rehearsal/still/?text=news.example" in page
    row = lists.wanted().get()
    form = client.get(f"/rehearsal/still/?entry={row.pk}").context["form"]
    assert form["client_address"].value() == "198.51.100.7"
    assert form["sender"].value() == "pr@news.example"
    assert (
        f"/rehearsal/still/?entry={row.pk}"
        in client.get(f"/entries/{row.pk}/").content.decode()
    )


def test_a_message_with_a_greeting_fills_in_more_than_a_later_one(
    server: Server,
) -> None:
    seen(300, sender="pr@news.example", helo="mx.news.example", outcome="refused")
    seen(30, sender="pr@news.example", helo="")
    assert envelope_of("pr@news.example")["helo"] == "mx.news.example"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.0.2.9", {"client_address": "192.0.2.9"}),
        ("a@b.example", {"sender": "a@b.example"}),
        ("b.example", {"sender": "somebody@b.example"}),
        ("192.0.2.0/24", {}),
    ],
)
def test_what_was_typed_fills_in_the_form(
    server: Server, text: str, told: dict[str, Any]
) -> None:
    assert envelope_of(text) == told | {"recipient": "postmaster@practice.test"}


@pytest.mark.parametrize("text", ["", "no such", "<script>", "a\nb", "x" * 5000])
def test_an_odd_word_fills_in_nothing(
    client: Client, server: Server, text: str
) -> None:
    page = client.get("/rehearsal/still/", {"text": text, "entry": text})
    assert page.status_code == 200 and page.context["form"].initial == {}


def test_a_bad_envelope_is_quoted_and_nothing_is_tried(
    client: Client, server: Server
) -> None:
    page = client.post("/rehearsal/still/", STRANGER | {"client_address": "<b>here"})
    assert "&lt;b&gt;here" in page.content.decode()
    assert "Nothing was tried" in page.content.decode()
    assert not Trial.objects.exists()


def test_what_a_stranger_greets_with_is_text(client: Client, server: Server) -> None:
    row, found = asked(client, server, helo="<script>alert(1)</script>")
    assert found
    page = client.get(f"/rehearsal/trial/{row.pk}/").content.decode()
    assert "<script>alert" not in page
