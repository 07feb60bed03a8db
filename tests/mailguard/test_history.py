"""The history: what it shows, and the way back of one single change."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import services, undo, worker
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.protection import naming
from mailguard.protection.differences import Difference
from mailguard.protection.domains import own_domains
from mailguard.protection.models import Setting
from mailguard.servers.models import Live, Server
from tests.support.changing import allow, apply, carried_out, waiting, want
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_recipient"
ENTRY = Difference("sender a@bad.example", "", "deny")


def take_back(server: Server, alice: Actor, change: Difference) -> Revision | None:
    """Alice undoes one change; what the worker made of it."""
    server.refresh_from_db()
    queued = undo.undo(server=server, actor=alice, change=change, reason="no good")
    return None if queued is None else carried_out(queued, server)


def text_of(client: Client, address: str) -> str:
    """A page's text on one line."""
    return " ".join(client.get(address, follow=True).content.decode().split())


def test_a_live_change_goes_back_without_the_draft(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    want(server, alice, **{OTHER: "on"})
    revision = take_back(server, alice, Difference(RULE, "off", "on"))
    assert revision is not None
    assert revision.state == State.APPLIED
    assert revision.changes == [{"what": RULE, "before": "on", "after": "off"}]
    assert practice.attempt("short@name", "b@practice.test").ok
    assert waiting(server) == [OTHER]


def test_a_change_that_only_waits_leaves_the_draft(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on", OTHER: "on"})
    assert take_back(server, alice, Difference(RULE, "off", "on")) is None
    assert waiting(server) == [OTHER]
    assert Revision.objects.count() == 1


def test_a_live_entry_goes_and_comes_back_with_its_note(
    server: Server, alice: Actor, practice: Practice
) -> None:
    soon = timezone.now() + timedelta(days=1)
    allow(alice, "a@bad.example", side="deny", expires_at=soon)
    apply(server, alice)
    gone = take_back(server, alice, ENTRY)
    assert gone is not None
    assert practice.attempt("a@bad.example", "b@practice.test").ok
    take_back(server, alice, ENTRY.reverse)
    assert practice.attempt("a@bad.example", "b@practice.test").code == 554
    row = lists.live().get()
    assert (row.note, row.expires_at) == ("a customer", soon)
    assert waiting(server) == []


def test_a_waiting_removal_is_taken_back_with_its_note(
    server: Server, alice: Actor
) -> None:
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    lists.remove(row=lists.live().get(), actor=alice)
    assert take_back(server, alice, ENTRY.reverse) is None
    assert waiting(server) == []
    assert lists.live().get().note == "a customer"


def test_an_entry_goes_back_to_its_other_side(server: Server, alice: Actor) -> None:
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    allow(alice, "a@bad.example")
    apply(server, alice)
    take_back(server, alice, Difference(ENTRY.what, "deny", "allow"))
    assert [row.side for row in lists.live()] == ["deny"]
    assert waiting(server) == []


def test_an_entry_whose_expiry_is_not_known_does_not_come_back(
    server: Server, alice: Actor
) -> None:
    soon = timezone.now() + timedelta(days=1)
    allow(alice, "a@bad.example", expires_at=soon)
    allow(alice, "a@bad.example", side="deny")  # the draft of before is gone
    with pytest.raises(NotNow, match="its note and expiry were not kept"):
        take_back(server, alice, Difference(ENTRY.what, "allow", "deny"))
    assert [row.side for row in lists.wanted()] == ["deny"]


def test_an_own_domain_goes_back(server: Server, alice: Actor) -> None:
    naming.add_domain(text="practice.test", actor=alice)
    want(server, alice, own_domains="on")
    apply(server, alice)
    take_back(server, alice, Difference("domain practice.test", "", "own"))
    assert own_domains().domains == ()
    assert waiting(server) == []


def test_what_changed_again_is_refused_by_name(server: Server, alice: Actor) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    want(server, alice, **{RULE: "test"})
    with pytest.raises(NotNow, match="is now “test”, not “on”"):
        take_back(server, alice, Difference(RULE, "off", "on"))
    assert Setting.objects.get(key=RULE).mode == "test"


def test_what_was_taken_back_already_is_said(server: Server, alice: Actor) -> None:
    with pytest.raises(NotNow, match="is “off” again already"):
        take_back(server, alice, Difference(RULE, "off", "on"))


def test_many_entries_at_once_have_no_undo(server: Server, alice: Actor) -> None:
    allow(alice, "a@bad.example")
    lists.remove_all(rows=lists.wanted(), actor=alice)
    with pytest.raises(NotNow, match="Restore the revision before it instead"):
        take_back(server, alice, Difference("entries", "1", ""))


def test_an_entry_that_has_expired_does_not_come_back(
    server: Server, alice: Actor
) -> None:
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    lists.live().update(expires_at=timezone.now() - timedelta(minutes=1))
    worker.tend(server)
    with pytest.raises(NotNow, match="has expired since"):
        take_back(server, alice, ENTRY.reverse)


def test_a_change_of_a_revision_is_undone_from_its_page(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    address = f"/history/2/undo/?what={RULE}"
    assert address in client.get("/history/2/").content.decode()
    assert "a new revision at once" in text_of(client, address)
    client.post(address, {"reason": "no good"})
    carried_out(Revision.objects.get(number=3), server)
    assert Live.objects.get(key=RULE).mode == "off"
    assert address not in client.get("/history/2/").content.decode()


def test_a_single_change_is_undone_from_the_record(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    pk = Change.objects.get(what=RULE, after="on").pk
    address = f"/history/changes/{pk}/undo/"
    assert address in client.get("/history/changes/").content.decode()
    assert "takes it out of the draft" in text_of(client, address)
    client.post(address, {"reason": "no good"})
    assert waiting(server) == []
    assert address not in client.get("/history/changes/").content.decode()
    assert "again already" in text_of(client, address)


def test_revisions_are_found_by_person_text_and_outcome(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    for query, numbers in {
        "by=alice": [2],
        "by=mailguard": [1],
        "text=because": [2],
        f"text={RULE}": [2],
        "outcome=applied": [2, 1],
        "outcome=refused": [],
        "outcome=nonsense&by=nobody&page=-7": [2, 1],
    }.items():
        page = client.get(f"/history/?{query}").context["page"]
        assert [row.number for row in page] == numbers, query


def test_single_changes_are_found_by_person_and_text(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on", OTHER: "on"})
    told = client.get(f"/history/changes/?by=alice&text={OTHER}").context["told"]
    assert [each.row.what for each in told] == [OTHER]
    assert "No change fits" in text_of(client, "/history/changes/?text=zebra")


def test_two_revisions_are_compared_in_words_entries_and_files(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    page = text_of(client, "/history/compare/?from=1&to=2")
    assert f'data-what="{RULE}"' in page
    assert "1 more, 0 fewer" in page
    assert "smtpd_sender_restrictions" in page
    assert "0 more, 1 fewer" in text_of(client, "/history/compare/?from=2&to=1")
    assert text_of(client, "/history/compare/?from=2&to=2").count("The same.") == 2


@pytest.mark.parametrize("query", ["", "from=1", "from=1&to=99", "from=x&to=²"])
def test_a_comparison_with_what_is_none_is_not_found(
    client: Client, server: Server, query: str
) -> None:
    assert client.get(f"/history/compare/?{query}").status_code == 404


def test_hand_written_lines_are_compared_too(
    client: Client, server: Server, alice: Actor
) -> None:
    (Path(server.config_dir) / "access").write_text("x@good.example OK\n")
    adoption = services.request_adoption(server=server, actor=alice, reason="mine")
    carried_out(adoption, server)
    page = text_of(client, "/history/compare/?from=1&to=2")
    assert "+x@good.example OK" in page


def test_discarding_names_how_much_it_drops(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on", OTHER: "on"})
    page = text_of(client, "/review/discard/")
    assert "Discard 2 waiting changes?" in page
    assert len(waiting(server)) == 2
    client.post("/review/discard/")
    assert waiting(server) == []
    assert "Nothing to discard" in text_of(client, "/review/discard/")


@pytest.mark.parametrize(
    "path",
    [
        "/panic/",
        "/history/changes/",
        "/history/1/restore/",
        "/history/1/undo/",
        "/history/compare/?from=1&to=1",
        "/review/only/?what=x",
        "/review/discard/",
    ],
)
def test_every_page_asks_for_a_sign_in(db: None, path: str) -> None:
    assert Client().get(path)["Location"].startswith("/login/")
