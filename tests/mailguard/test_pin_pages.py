"""Pins on the pages: added from a form or a recorded message, listed, removed."""

from typing import Any

import pytest
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.lists import pins
from mailguard.lists.models import Pin
from postfixconf.policy.probes import Expect, Probe
from tests.support.hostile import MARKS, Page
from tests.support.traffic import seen

FORM = {
    "expect": "accept",
    "client_address": "192.0.2.7",
    "client_name": "mx1.example.org",
    "helo": "mx1.example.org",
    "sender": "bob@example.org",
    "recipient": "alice@practice.test",
    "note": "our best customer",
}
DOMAIN = {"expect": "accept", "domain": "example.org", "note": ""}
NOTHING = "nothing recorded from example.org yet"


def text(client: Client, path: str) -> str:
    """A page as one line."""
    return " ".join(client.get(path).content.decode().split())


def words(client: Client, path: str) -> str:
    """The words of a page, without its markup."""
    return " ".join(Page(client.get(path).content.decode()).text.split())


def post(client: Client, **fields: str) -> Any:
    """The form of an envelope, sent."""
    return client.post("/pins/add/", FORM | fields)


def post_domain(client: Client, **fields: str) -> Any:
    """The form of a domain, sent."""
    return client.post("/pins/add/domain/", DOMAIN | fields)


def pin(actor: Actor, **fields: str) -> Pin:
    """An envelope pinned."""
    envelope = {name: text for name, text in FORM.items() if name != "note"}
    probe = Probe.from_json(envelope | fields)
    return pins.add_envelope(probe=probe, actor=actor)


def test_without_pins_the_page_says_what_to_do(client: Client, db: None) -> None:
    told = words(client, "/pins/")
    assert "Nothing is pinned yet" in told
    assert "Pin one message…" in told


@pytest.mark.parametrize("path", ["/pins/", "/pins/add/", "/pins/add/domain/"])
def test_a_page_asks_for_a_sign_in(db: None, path: str) -> None:
    assert Client().get(path)["Location"].startswith("/login/")


@pytest.mark.parametrize(
    ("path", "tab"), [("/entries/", "Entries"), ("/pins/", "Pins")]
)
def test_pins_stand_beside_the_entries(client: Client, path: str, tab: str) -> None:
    told = text(client, path)
    assert f'aria-current="page">{tab}</a>' in told
    assert 'href="/pins/"' in told
    assert 'href="/entries/"' in told


def test_an_envelope_is_pinned_from_the_form(client: Client) -> None:
    answer = client.post("/pins/add/", FORM, follow=True)
    row = Pin.objects.get()
    told = "Pinned: bob@example.org to alice@practice.test must always get through."
    assert told in answer.content.decode()
    assert (row.author_name, row.note) == ("alice", "our best customer")
    assert row.probe.as_json() == {n: t for n, t in FORM.items() if n != "note"}
    assert Change.objects.get().address == "127.0.0.1"


def test_a_bounce_and_ipv6_are_pinned_from_the_form(client: Client) -> None:
    post(client, sender="", client_address=" 2001:db8::7 ", client_name="")
    assert Pin.objects.get().client_address == "2001:db8::7"
    assert "a bounce" in words(client, "/pins/")
    assert "unknown[2001:db8::7]" in words(client, "/pins/")


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("client_address", "nowhere"),
        ("client_address", "fe80::1%eth0"),
        ("client_address", "192.0.2.7\x00"),
        ("helo", "a\x1b[31mb"),
        ("sender", "x" * 2048),
        ("sender", "a\nb@example.org"),
        ("recipient", "<mg-a>\x7f"),
        ("service", "x\ny"),
        ("expect", "maybe"),
        ("expect", "reject"),
        ("note", "two\nlines"),
        ("note", "x" * 10_000),
    ],
)
def test_what_is_refused_is_quoted_and_nothing_typed_is_lost(
    client: Client, field: str, bad: str
) -> None:
    answer = post(client, **{"helo": "keep.example", field: bad})
    (errors,) = answer.context["form"].errors.values()
    assert repr(bad[:20])[1:-1] in errors[0]
    assert len(errors[0]) < 400
    assert answer.context["form"]["recipient"].value()
    assert not Pin.objects.exists()


@pytest.mark.parametrize("field", ["client_address", "helo", "recipient", "expect"])
def test_what_is_needed_is_asked_for(client: Client, field: str) -> None:
    assert field in post(client, **{field: ""}).context["form"].errors


@pytest.mark.parametrize("bad", ["no domain", "", "192.0.2.7", "x" * 2048, "<mg-a>"])
def test_what_is_no_domain_is_quoted(client: Client, bad: str) -> None:
    answer = post_domain(client, domain=bad)
    (error,) = answer.context["domain_form"].errors["domain"]
    assert not bad or repr(bad[:20])[1:-1] in error
    assert not Page(answer.content.decode()).faults
    assert not Pin.objects.exists()


def test_the_same_pin_twice_is_refused_with_a_sentence(
    client: Client, alice: Actor
) -> None:
    pin(alice, expect="refuse")
    told = post(client).content.decode()
    assert "is pinned already: must never get through" in told
    post_domain(client)
    told = post_domain(client).content.decode()
    assert "is pinned already: must always get through" in told
    assert Pin.objects.count() == 2


def test_a_domain_without_mail_says_so_and_what_would_help(client: Client) -> None:
    seen(helo="")
    post_domain(client)
    told = words(client, "/pins/")
    assert NOTHING in told
    assert "The recorder has whole envelopes logged" in told


def test_a_domain_says_how_much_is_tried(client: Client) -> None:
    post_domain(client)
    seen(sender="bob@example.org")
    assert "1 recorded envelope " in words(client, "/pins/")
    for number in range(30):
        seen(sender=f"bob{number}@example.org")
    assert "the last 20 recorded envelopes" in words(client, "/pins/")


def test_many_pins_stand_on_several_pages(client: Client, alice: Actor) -> None:
    for number in range(26):
        pin(alice, sender=f"bob{number}@example.org")
    assert "page 1 of 2" in words(client, "/pins/")
    assert "bob0@example.org" in words(client, "/pins/?page=2")
    assert "page 2 of 2" in words(client, "/pins/?page=99")


def test_a_recorded_message_leads_to_the_forms(client: Client) -> None:
    row = seen(sender="bob@example.org")
    told = text(client, f"/search/{row.pk}/")
    assert f'href="/pins/add/?attempt={row.pk}"' in told
    assert f'href="/pins/add/domain/?attempt={row.pk}#domain"' in told
    assert "Pin everything from example.org</a>" in told


@pytest.mark.parametrize("sender", ["", None])
def test_without_a_domain_only_the_message_is_offered(
    client: Client, sender: str | None
) -> None:
    told = text(client, f"/search/{seen(sender=sender).pk}/")
    assert "Pin this message" in told
    assert "Pin everything" not in told


@pytest.mark.parametrize("path", ["/pins/add/", "/pins/add/domain/"])
def test_a_recorded_message_fills_in_both_forms(client: Client, path: str) -> None:
    row = seen(
        client_address="2001:db8::7",
        client_name="unknown",
        reverse_name="host-7.example",
        service="postfix/submission/smtpd",
        sasl_username="anna",
    )
    answer = client.get(f"{path}?attempt={row.pk}")
    filled = answer.context["form"].initial
    assert filled == {
        "client_address": "2001:db8::7",
        "client_name": "",
        "reverse_client_name": "host-7.example",
        "helo": "mx1.example.org",
        "sender": "bob@example.org",
        "recipient": "alice@practice.test",
        "sasl_username": "anna",
        "service": "submission",
    }
    assert answer.context["domain_form"].initial == {"domain": "example.org"}
    assert "Pin everything from example.org" in words(
        client, f"{path}?attempt={row.pk}"
    )


def test_a_filled_form_is_sent_as_it_is(client: Client) -> None:
    row = seen(client_name="unknown", reverse_name="unknown")
    path = f"/pins/add/?attempt={row.pk}"
    form = client.get(path).context["form"]
    sent = {name: form[name].value() or "" for name in form.fields}
    client.post(path, sent | {"expect": "refuse"})
    assert Pin.objects.get().probe.reverse == ""


def test_half_a_message_says_what_is_missing(client: Client) -> None:
    row = seen(helo="", sender="x" * 320)
    told = words(client, f"/pins/add/?attempt={row.pk}")
    assert "The log does not tell the greeting, the sender as it was sent." in told


@pytest.mark.parametrize("number", ["7", "x", "²", "-1", "9" * 60, "%00", ""])
def test_a_message_that_is_gone_is_said(client: Client, number: str) -> None:
    told = words(client, f"/pins/add/?attempt={number}")
    assert "That message is no longer kept" in told


@pytest.mark.parametrize("mark", MARKS)
def test_what_strangers_wrote_is_text_on_every_page(client: Client, mark: str) -> None:
    mark = mark.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    row = seen(
        client_name=mark[:254],
        helo=mark[:254],
        sender=f"{mark[:300]}@{mark[:18]}",
        recipient=mark[:300],
        sasl_username=mark[:254],
        reverse_name=mark[:254],
    )
    for path in (f"/search/{row.pk}/", f"/pins/add/?attempt={row.pk}"):
        assert Page(client.get(path).content.decode()).faults == []


@pytest.mark.parametrize("mark", [each for each in MARKS if each.isprintable()])
def test_a_hostile_pin_is_text_wherever_it_is_named(
    client: Client, alice: Actor, mark: str
) -> None:
    names = ("client_name", "reverse_client_name", "helo", "sender", "recipient")
    fields = dict.fromkeys((*names, "sasl_username", "service", "note"), mark[:512])
    answer = post(client, **fields | {"note": mark[:200]})
    row = Pin.objects.get()
    removing = f"/pins/{row.pk}/remove/"
    pages = [client.get(each) for each in (answer["Location"], "/pins/", removing)]
    pages.append(client.get("/history/changes/"))
    pages.append(client.post(removing, {"note": "x"}, follow=True))
    assert [Page(each.content.decode()).faults for each in pages] == [[]] * 5


def test_invisible_characters_are_shown_as_marks(client: Client, alice: Actor) -> None:
    row = pin(alice, sender="\u202ebob@example.org", helo="a\u200bb")
    for path in ("/pins/", f"/pins/{row.pk}/remove/", "/history/changes/"):
        told = client.get(path).content.decode()
        assert "\\u202ebob@example.org" in told
        assert "\u202e" not in told


def test_a_pin_is_removed_with_a_reason(client: Client, alice: Actor) -> None:
    path = f"/pins/{pin(alice).pk}/remove/"
    assert "Remove this pin?" in words(client, path)
    for nothing in ("", "  "):
        answer = client.post(path, {"note": nothing})
        assert answer.context["form"].errors["note"]
    assert Pin.objects.exists()
    answer = client.post(path, {"note": "they left us"}, follow=True)
    assert "No longer pinned: bob@example.org to" in answer.content.decode()
    assert Change.objects.all()[0].reason == "they left us"
    assert client.get(path).status_code == 404


def test_looking_at_a_removal_removes_nothing(client: Client, alice: Actor) -> None:
    client.get(f"/pins/{pin(alice).pk}/remove/")
    assert Pin.objects.exists()


def test_the_history_tells_of_pins_and_where_to_undo_them(
    client: Client, alice: Actor
) -> None:
    pins.add_domain(domain="example.org", expect=Expect.REFUSE, actor=alice)
    told = text(client, "/history/changes/")
    assert "must never get through</span> Pin <code>pin example.org</code>" in told
    assert '<a class="small" href="/pins/">on the page Pins</a>' in told
