"""Whom greylisting leaves alone: an entry like any other, in a list of postgrey's."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client as Browser

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import restore, undo, worker
from mailguard.changes.models import Revision, State
from mailguard.greylisting.whitelist_hits import with_hits
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.protection.differences import Difference
from mailguard.servers.models import Server
from mailguard.traffic import suggesting, triplets
from mailguard.traffic.let_through import keep
from mailguard.traffic.models import LetThrough
from postfixconf.host.postgreys import readers
from postfixconf.maillog.records import Client, Greylisted
from postfixconf.policy.entries import Entry as Line
from postfixconf.policy.entries import Spared
from postfixconf.text.postgrey_lists import parse
from tests.mailguard.test_suggestions import pool
from tests.support.changing import allow, apply, carried_out, waiting
from tests.support.postgrey import Postgrey, serving

PAGE = "/greylisting/whitelist/"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def postgrey(server: Server) -> Iterator[Postgrey]:
    """One that was started with mailguard's lists, which are not there yet."""
    room = Path(server.config_dir)
    clients, recipients = room / Spared.CLIENTS, room / Spared.RECIPIENTS
    named = f"--whitelist-clients={clients}", f"--whitelist-recipients={recipients}"
    with serving(*named) as postgrey:
        yield postgrey


def listed(server: Server, path: Spared = Spared.CLIENTS) -> list[str]:
    """The entries in one of our lists, without the name to ask for."""
    text = (Path(server.config_dir) / path).read_text()
    return [line.text for line in parse(text, "clients").entries[1:]]  # type: ignore[arg-type]


def waits(server: Server, name: str, recipient: str = "") -> bool:
    """Whether a client of this name is put off."""
    (daemon,) = readers(Path(server.config_dir) / Spared.CLIENTS)
    to = recipient or f"bob-{time.time_ns()}@practice.test"
    return daemon.answer(name, to).startswith("DEFER_IF_PERMIT")


def spare(actor: Actor, value: str, kind: str = "grey_client") -> None:
    """An entry, as a draft."""
    allow(actor, value, kind=kind)


def test_an_applied_client_waits_no_more(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    assert waits(server, "mx.pool.example")
    spare(alice, "pool.example")
    assert waiting(server) == ["grey_client pool.example"]
    revision = apply(server, alice)
    assert revision.state == State.APPLIED, revision.cause
    assert "reread" in [step["name"] for step in revision.steps]
    assert listed(server) == ["pool.example"]
    assert not waits(server, "mx.pool.example")


def test_an_applied_recipient_is_left_alone(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    spare(alice, "hotline@practice.test", "grey_recipient")
    assert apply(server, alice).state == State.APPLIED
    assert listed(server, Spared.RECIPIENTS) == ["hotline@practice.test"]
    assert not waits(server, "mx.any.example", "hotline@practice.test")


def test_postfix_is_not_touched_for_it(server: Server, alice: Actor) -> None:
    spare(alice, "pool.example")
    revision = apply(server, alice)
    assert bytes(revision.main_before) == bytes(revision.main_after)
    assert not {"restart", "reload"} & {step["name"] for step in revision.steps}
    assert revision.tables[0]["path"] == Spared.CLIENTS


def test_it_is_undone_with_one_click(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    spare(alice, "pool.example")
    apply(server, alice)
    change = Difference("grey_client pool.example", "", "allow")
    back = undo.undo(server=server, actor=alice, change=change, reason="a mistake")
    assert carried_out(back, server).state == State.APPLIED
    assert listed(server) == []
    assert waits(server, "mx.pool.example")


def test_a_revision_brings_its_list_back(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    spare(alice, "one.example")
    first = apply(server, alice)
    for row in lists.wanted():
        lists.remove(row=row, actor=alice)
    spare(alice, "two.example")
    apply(server, alice)
    assert listed(server) == ["two.example"]
    again = restore.request_restore(
        server=server, actor=alice, revision=first, reason="back"
    )
    assert carried_out(again, server).state == State.APPLIED
    assert listed(server) == ["one.example"]


def test_it_goes_by_itself_when_its_time_is_over(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    spare(alice, "pool.example")
    apply(server, alice)
    Entry.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    worker.tend(server)
    last = Revision.objects.first()
    assert last is not None
    assert (last.actor_name, last.state) == ("mailguard", State.APPLIED)
    assert listed(server) == []


def test_a_postgrey_that_is_broken_already_refuses_the_change(
    server: Server, alice: Actor, postgrey: Postgrey
) -> None:
    postgrey.clients.write_text("/^broken(/\n")
    spare(alice, "pool.example")
    revision = apply(server, alice)
    assert revision.state == State.REFUSED
    assert "'/^broken(/'" in revision.cause
    assert not (Path(server.config_dir) / Spared.CLIENTS).exists()
    assert waiting(server) == ["grey_client pool.example"]


def test_a_list_that_would_kill_postgrey_is_not_written(
    server: Server, alice: Actor
) -> None:
    lists.add(entry=Line.read("allow", "grey_client", "/^mx(/"), actor=alice)
    revision = apply(server, alice)
    assert revision.state == State.REFUSED
    assert "Perl cannot compile it" in revision.cause


def test_a_hand_edit_of_the_list_stops_the_next_apply(
    server: Server, alice: Actor
) -> None:
    spare(alice, "pool.example")
    apply(server, alice)
    path = Path(server.config_dir) / Spared.CLIENTS
    path.write_text(path.read_text() + "mine.example\n")
    worker.tend(server)
    server.refresh_from_db()
    spare(alice, "other.example")
    with pytest.raises(Exception, match="edited by hand"):
        apply(server, alice)
    assert "mine.example" in path.read_text()


def test_bob_reads_the_page_and_alice_adds(
    client: Browser, server: Server, alice: Actor
) -> None:
    assert b"Nobody yet" in client.get(PAGE).content
    sent = {"kind": "grey_client", "value": "Mail.Example.org", "note": "customer"}
    page = client.post(f"{PAGE}add/", sent, follow=True)
    row = Entry.objects.get()
    assert (row.kind, row.value, row.note) == (
        "grey_client",
        "mail.example.org",
        "customer",
    )
    assert b"mail.example.org" in page.content
    assert b"host name and everything below" in page.content
    assert Change.objects.get().what == "grey_client mail.example.org"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("com", "top-level domain"),
        (".", "everything"),
        ("10.1", "10.1.0.0/16"),
        ("/^mx(/", "Perl cannot compile it"),
        ("/./", "different owners"),
        ("unknown", "without a name"),
        ("a b", "neither"),
        ("<b>", "not a host"),
        ("", "required"),
        ("/(a?){60}a{60}$/", "too long to try"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(
    client: Browser, server: Server, value: str, said: str
) -> None:
    page = client.post(f"{PAGE}add/", {"kind": "grey_client", "value": value})
    assert said in page.content.decode()
    assert not Entry.objects.exists()


def test_a_wide_network_is_asked_about_twice(client: Browser, server: Server) -> None:
    sent = {"kind": "grey_client", "value": "10.0.0.0/8"}
    page = client.post(f"{PAGE}add/", sent)
    assert "16,777,216 addresses" in page.content.decode()
    assert not Entry.objects.exists()
    sent["sure"] = page.context["form"]["sure"].value()
    client.post(f"{PAGE}add/", sent)
    assert Entry.objects.get().value == "10.0.0.0/8"


def test_it_stands_on_no_other_page_of_entries(
    client: Browser, server: Server, alice: Actor
) -> None:
    spare(alice, "pool.example")
    assert b"pool.example" not in client.get("/entries/").content
    assert b"pool.example" not in client.get("/entries/?text=pool").content
    pk = Entry.objects.get().pk
    assert client.get(f"/entries/{pk}/").status_code == 404
    assert b"pool.example" in client.get(f"{PAGE}{pk}/").content


def test_what_is_ticked_waits_again(
    client: Browser, server: Server, alice: Actor
) -> None:
    spare(alice, "one.example")
    spare(alice, "two.example")
    pk = Entry.objects.get(value="one.example").pk
    client.post(f"{PAGE}remove/", {"pick": [pk]})
    assert [row.value for row in lists.wanted()] == ["two.example"]


def test_a_search_finds_inside_values_and_notes(
    client: Browser, server: Server, alice: Actor
) -> None:
    spare(alice, "mx.one.example")
    spare(alice, "two@practice.test", "grey_recipient")
    assert b"mx.one.example" in client.get(f"{PAGE}?text=one").content
    assert b"mx.one.example" not in client.get(f"{PAGE}?text=two").content
    found = client.get(f"{PAGE}?kind=grey_recipient").content
    assert b"two@practice.test" in found
    assert b"mx.one.example" not in found


def test_a_suggestion_is_accepted_with_one_click(
    client: Browser, server: Server
) -> None:
    triplets.keep(server, pool())
    suggesting.work_out(server)
    page = client.get("/greylisting/suggestions/").content.decode()
    assert "Let it in at once" in page
    client.post(f"{PAGE}accept/", {"who": "big.example"})
    row = Entry.objects.get()
    assert (row.kind, row.value) == ("grey_client", "out.big.example")
    assert row.note.startswith("Suggested: big.example")
    page = client.get("/greylisting/suggestions/").content.decode()
    assert "Let it in at once" not in page
    assert "Accepted" in page


def test_what_is_not_suggested_is_not_accepted(client: Browser, server: Server) -> None:
    page = client.post(f"{PAGE}accept/", {"who": "evil.example"}, follow=True)
    assert "not suggested any more" in page.content.decode()
    assert not Entry.objects.exists()


def let(minutes: int, reason: str, name: str, address: str, to: str = "b@p.test"):  # type: ignore[no-untyped-def]
    """One line of postgrey's."""
    said = Greylisted("pass", reason, Client(name, address), "a@a.example", to)
    return NOW + timedelta(minutes=minutes), said


def test_an_entry_tells_how_often_it_let_somebody_in(
    server: Server, alice: Actor
) -> None:
    keep(server, [let(1, "client whitelist", "mx1.pool.example", "192.0.2.7")])
    again = let(2, "client whitelist", "mx2.pool.example", "198.51.100.7")
    keep(server, [again, let(3, "recipient whitelist", "x.example", "192.0.2.9")])
    for value in ("pool.example", "192.0.2.0/24", "/^mx\\d\\.pool\\.example$/"):
        spare(alice, value)
    spare(alice, "b@p.test", "grey_recipient")
    spare(alice, "quiet.example")
    rows = with_hits(server, Entry.objects.order_by("pk"))
    assert [row.met.count for row in rows] == [2, 1, 2, 1, 0]  # type: ignore[attr-defined]
    assert rows[0].met.last == again[0]  # type: ignore[attr-defined]


def test_a_line_that_is_read_again_counts_once(server: Server) -> None:
    lines = [let(n, "client whitelist", "mx.example.com", "192.0.2.7") for n in (1, 2)]
    keep(server, lines)
    keep(server, lines)
    assert LetThrough.objects.get().count == 2


def test_where_only_domains_are_kept_a_recipient_is_one(server: Server) -> None:
    line = let(1, "recipient whitelist", "mx.example.com", "192.0.2.7", "bob@p.test")
    keep(server, [line], domains_only=True)
    assert LetThrough.objects.get().name == "p.test"
