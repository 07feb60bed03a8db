"""The pages of a rehearsal: nothing breaks them, and each offers the next step."""

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.changes.models import State
from mailguard.lists import pins
from mailguard.rehearsals import worker
from mailguard.rehearsals.models import Trial, Turn
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode
from tests.mailguard.test_rehearsals import (
    HELO,
    SENDER,
    SHORT,
    applied,
    pinned,
    rehearsed,
    switch,
)
from tests.mailguard.test_rehearsals_hard import TYPED, begun
from tests.support.traffic import seen


def test_before_the_first_look_pages_say_so(db: None, client: Client) -> None:
    for path in ("/rehearsal/", "/rehearsal/effect/", "/review/"):
        assert "has not looked" in client.get(path).content.decode()
    page = client.post("/rehearsal/ask/", follow=True).content.decode()
    assert "Nothing was rehearsed." in page


@pytest.mark.parametrize("control", ["", "no_such_rule", "dnsbl:gone.example"])
def test_a_control_that_nobody_knows_breaks_no_page(
    server: Server, alice: Actor, client: Client, control: str
) -> None:
    row = seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    Turn.objects.update(control=control)
    trial = Trial.objects.create(
        server=server, probe={}, state="done", answer={"control": control}
    )
    paths = ("/rehearsal/", "/review/", f"/rehearsal/trial/{trial.pk}/")
    assert {client.get(path).status_code for path in paths} == {200}
    row.delete()
    assert {client.get(path).status_code for path in paths} == {200}


@pytest.mark.parametrize(
    "query", ["attempt=1", "attempt=x", "attempt=٣", "trial=" + "9" * 40, "trial=-1"]
)
def test_a_link_to_what_is_not_there_shows_the_empty_form(
    server: Server, client: Client, query: str
) -> None:
    page = client.get(f"/rehearsal/?{query}")
    assert page.status_code == 200
    assert page.context["form"].initial == {}


def test_a_recorded_message_fills_in_the_form(server: Server, client: Client) -> None:
    row = seen(**SHORT)
    page = client.get(f"/rehearsal/?attempt={row.pk}").content.decode()
    assert 'value="laptop"' in page
    assert 'value="192.0.2.7"' in page


def test_allow_is_offered_where_an_entry_helps(
    server: Server, alice: Actor, client: Client
) -> None:
    seen(**SHORT)
    seen(**SHORT | {"sasl_username": "bob", "sender": "x@example.org"})
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    page = client.get("/review/").content.decode()
    assert page.count("Allow this server</button>") == 1
    Turn.objects.update(control="own_domains")
    page = client.get("/review/").content.decode()
    assert "Allow this server</button>" not in page
    assert "No entry opens your own domains." in page


def test_what_was_found_stays_on_the_page_when_cancelled(
    server: Server,
    alice: Actor,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = begun(server, alice, monkeypatch)
    away = client.post(f"/rehearsal/{job.pk}/cancel/", {"back": "review"})
    assert away.headers["Location"] == "/review/#effect-on-mail"
    page = client.get("/review/").content.decode()
    assert "Cancelled before the end" in page
    assert f"{job.tried} would be lost" in page
    client.post(f"/rehearsal/{job.pk}/cancel/")  # Bob does, too
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_nobody_is_asked_about_pins_where_none_are(
    server: Server, alice: Actor, client: Client
) -> None:
    switch(alice, SENDER, Mode.ON)
    assert 'name="override"' not in client.get("/review/").content.decode()
    pins.add_envelope(probe=pinned(), actor=alice)
    for path in ("/review/", f"/review/only/?what={SENDER}"):
        assert 'name="override"' in client.get(path).content.decode()


def test_review_says_why_the_same_was_refused(
    server: Server, alice: Actor, client: Client
) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    switch(alice, SENDER, Mode.ON)
    assert applied(server, alice).state == State.REFUSED
    assert "This change was refused" in client.get("/review/").content.decode()
    switch(alice, HELO, Mode.TEST)
    assert "This change was refused" not in client.get("/review/").content.decode()


def test_what_is_put_off_and_thrown_away_is_told_from_what_is_refused(
    server: Server, alice: Actor, client: Client
) -> None:
    seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    for code, word in ((450, "put off"), (250, "thrown away")):
        Turn.objects.update(code=code)
        assert f">{word}</span>" in client.get("/review/").content.decode()
    Turn.objects.update(code=504)
    assert "put off</span>" not in client.get("/review/").content.decode()


def test_a_rule_that_waits_for_the_others_is_explained(
    server: Server, alice: Actor, client: Client
) -> None:
    switch(alice, "reject_unknown_sender_domain", Mode.ON)
    client.post("/rehearsal/", TYPED | {"sender": "bob@servfail.example"})
    worker.go_on(server)
    trial = Trial.objects.get()
    assert trial.answer["verdict"] == "defer"
    page = client.get(f"/rehearsal/trial/{trial.pk}/").content.decode()
    assert "It would be put off" in page
    assert trial.steps[-1]["outcome"] == "put off, after all were asked"
    assert "put off, after all were asked" in page
    assert "what only puts off waits until all the others were asked" in page
