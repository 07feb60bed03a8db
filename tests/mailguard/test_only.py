"""One change of the draft alone: it goes live, the rest keeps waiting."""

from pathlib import Path

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.changes import draft, services
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.protection import naming
from mailguard.servers.models import Server
from tests.support.changing import allow, apply, carried_out, waiting, want
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_recipient"


def test_one_rule_goes_live_and_the_other_keeps_waiting(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **{RULE: "on", OTHER: "on"})
    revision = apply(server, alice, draft.only(server, RULE))
    assert revision.state == State.APPLIED
    assert [each.what for each in revision.differences] == [RULE]
    assert waiting(server) == [OTHER]
    main = (Path(server.config_dir) / "main.cf").read_text()
    assert RULE in main
    assert OTHER not in main
    assert practice.attempt("short@name", "b@practice.test").code == 504


def test_a_greeting_check_brings_the_greeting_it_needs(
    server: Server, alice: Actor, practice: Practice, client: Client
) -> None:
    want(server, alice, reject_invalid_helo_hostname="on", **{OTHER: "on"})
    page = client.get("/review/only/?what=reject_invalid_helo_hostname")
    assert "The first needs the others" in page.content.decode()
    apply(server, alice, draft.only(server, "reject_invalid_helo_hostname"))
    assert practice.attempt("a@good.example", "b@practice.test", helo=None).code == 503
    assert waiting(server) == [OTHER]


def test_a_greeting_check_brings_nothing_that_does_not_wait(
    server: Server, alice: Actor
) -> None:
    want(server, alice, reject_invalid_helo_hostname="on", smtpd_helo_required="off")
    wish = draft.only(server, "reject_invalid_helo_hostname")
    assert [each.what for each in wish.changes] == ["reject_invalid_helo_hostname"]


def test_what_is_needed_brings_nothing_along(server: Server, alice: Actor) -> None:
    want(server, alice, reject_invalid_helo_hostname="on")
    wish = draft.only(server, "smtpd_helo_required")
    assert [each.what for each in wish.changes] == ["smtpd_helo_required"]


def test_one_entry_goes_live_without_the_rules_that_wait(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **{OTHER: "on"})
    allow(alice, "a@bad.example", side="deny")
    allow(alice, "b@bad.example", side="deny")
    revision = apply(server, alice, draft.only(server, "sender a@bad.example"))
    assert revision.state == State.APPLIED
    assert practice.attempt("a@bad.example", "b@practice.test").code == 554
    assert practice.attempt("b@bad.example", "b@practice.test").ok
    assert waiting(server) == [OTHER, "sender b@bad.example"]


def test_an_entry_that_changes_sides_is_one_change(
    server: Server, alice: Actor, practice: Practice
) -> None:
    allow(alice, "a@bad.example")
    apply(server, alice)
    allow(alice, "a@bad.example", side="deny")
    assert services.pending(server) == 1
    apply(server, alice, draft.only(server, "sender a@bad.example"))
    assert waiting(server) == []
    assert [row.side for row in lists.live()] == ["deny"]


def test_an_own_domain_goes_live_before_its_stop(server: Server, alice: Actor) -> None:
    naming.add_domain(text="practice.test", actor=alice)
    want(server, alice, own_domains="on")
    revision = apply(server, alice, draft.only(server, "domain practice.test"))
    assert revision.state == State.APPLIED
    assert waiting(server) == ["own_domains"]
    assert apply(server, alice).state == State.APPLIED
    assert waiting(server) == []


def test_what_changes_no_file_is_applied_and_waits_no_more(
    server: Server, alice: Actor
) -> None:
    naming.add_exception(text="192.0.2.7", actor=alice)
    assert services.plan_of(server).empty
    assert apply(server, alice).state == State.APPLIED
    assert waiting(server) == []


def test_what_does_not_wait_cannot_be_applied(server: Server) -> None:
    with pytest.raises(NotNow, match="not among the waiting changes"):
        draft.only(server, RULE)


def test_an_entry_of_the_draft_in_an_own_domain_forbids_no_other_change(
    server: Server, alice: Actor
) -> None:
    naming.add_domain(text="practice.test", actor=alice)
    want(server, alice, **{RULE: "on"})
    allow(alice, "boss@practice.test", side="allow")
    assert services.plan_of(server).blocking
    assert apply(server, alice, draft.only(server, RULE)).state == State.APPLIED


def test_the_page_applies_only_what_it_shows(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on", OTHER: "on"})
    address = f"/review/only/?what={RULE}"
    page = client.get(address)
    assert OTHER not in page.content.decode()
    assert "1 other change keeps waiting" in " ".join(page.content.decode().split())
    answers = {"reason": "this one", "reviewed": page.context["plan"].digest}
    client.post(address, answers)
    revision = carried_out(Revision.objects.get(number=2), server)
    assert [each.what for each in revision.differences] == [RULE]


def test_the_page_wants_a_reason(client: Client, server: Server, alice: Actor) -> None:
    want(server, alice, **{RULE: "on"})
    address = f"/review/only/?what={RULE}"
    digest = client.get(address).context["plan"].digest
    answer = client.post(address, {"reason": " ", "reviewed": digest})
    assert answer.context["form"].errors["reason"]
    assert Revision.objects.count() == 1


@pytest.mark.parametrize("what", ["", "nonsense", "%0A", "sender%20%3Cb%3E", "$x"])
def test_an_unknown_change_is_said_on_the_review(
    client: Client, server: Server, what: str
) -> None:
    page = client.get(f"/review/only/?what={what}", follow=True).content.decode()
    assert "is not among the waiting changes" in page
    assert "<b>" not in page


def test_the_review_says_what_entries_do_and_that_nothing_restarts(
    client: Client, server: Server, alice: Actor
) -> None:
    for name in "abc":
        allow(alice, f"{name}@bad.example", side="deny")
    apply(server, alice)
    row = lists.live().first()
    assert row is not None
    lists.remove(row=row, actor=alice)
    allow(alice, "d@bad.example", side="deny")
    page = " ".join(client.get("/review/").content.decode().split())
    assert "<code>access</code>: 1 entry comes, 1 goes" in page
    assert 'data-action="none"' in page
    assert "neither restarted nor reloaded" in page


def test_two_hundred_changes_leave_the_review_usable(
    client: Client, server: Server, alice: Actor
) -> None:
    for number in range(205):
        allow(alice, f"a{number}@bad.example", side="deny")
    page = " ".join(client.get("/review/").content.decode().split())
    assert "180 more" in page
    assert "and 5 more that are not named here" in page
    assert 'href="#apply"' in page
