"""Taking over what somebody did by hand to main.cf and to the sender table."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailguard.audit.services import Actor
from mailguard.changes import draft, services, worker
from mailguard.changes.models import Revision, State
from mailguard.lists import services as lists
from mailguard.protection import naming
from mailguard.protection import services as protection
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.entries import Entry
from tests.support.changing import apply
from tests.support.practice import Practice


def applied(server: Server, alice: Actor) -> Revision:
    """The draft, live."""
    server.refresh_from_db()
    revision = services.request_apply(server=server, actor=alice, reason="because")
    worker.carry_out(revision)
    revision.refresh_from_db()
    server.refresh_from_db()
    assert revision.state == State.APPLIED, revision.cause
    return revision


def edit(server: Server, line: str) -> None:
    """Somebody adds a line to main.cf."""
    with (Path(server.config_dir) / "main.cf").open("a") as file:
        file.write(line)


def deny(alice: Actor, value: str) -> None:
    """Alice wants one sender kept out."""
    lists.add(entry=Entry.read("deny", "sender", value), actor=alice)


def adopted(server: Server, alice: Actor) -> None:
    """Alice takes over what was edited by hand."""
    worker.tend(server)
    worker.carry_out(
        services.request_adoption(server=server, actor=alice, reason="by hand")
    )
    server.refresh_from_db()


def access(server: Server) -> Path:
    """The sender table."""
    return Path(server.config_dir) / "access"


@pytest.fixture
def by_hand(practice: Practice) -> None:
    """A line that somebody wrote, and did not finish."""
    (practice.instance.config_dir / "access").write_text("old@pest.example REJECT")


def test_an_unfinished_last_line_is_no_drift_afterwards(
    by_hand: None, server: Server, alice: Actor
) -> None:
    deny(alice, "new@pest.example")
    applied(server, alice)
    worker.tend(server)
    server.refresh_from_db()
    assert services.drift_of(server) == {}
    assert access(server).read_text().startswith("old@pest.example REJECT\n# >>>")


def test_a_stop_taken_out_by_hand_takes_its_domains_along(
    server: Server, alice: Actor
) -> None:
    main = Path(server.config_dir) / "main.cf"
    before = main.read_text()
    naming.add_domain(text="practice.test", actor=alice)
    protection.set_mode(server=server, key="own_domains", mode="on", actor=alice)
    applied(server, alice)
    assert "practice.test mailguard_own_domains" in access(server).read_text()
    main.write_text(before)
    adopted(server, alice)
    deny(alice, "new@pest.example")
    applied(server, alice)
    assert "mailguard_own_domains" not in access(server).read_text()


def test_keys_follow_a_hand_edit_of_what_they_mean(
    server: Server, alice: Actor, practice: Practice
) -> None:
    lists.add(entry=Entry.read("deny", "sender_domain", "pest.example"), actor=alice)
    applied(server, alice)
    edit(server, "parent_domain_matches_subdomains =\n")
    practice.instance.reload()
    assert practice.attempt("a@sub.pest.example", "b@practice.test").ok
    adopted(server, alice)
    applied(server, alice)
    assert practice.attempt("a@sub.pest.example", "b@practice.test").code == 554
    assert services.plan_of(server).empty


def test_an_entry_that_comes_after_such_an_edit_takes_the_others_along(
    server: Server, alice: Actor
) -> None:
    lists.add(entry=Entry.read("deny", "sender_domain", "pest.example"), actor=alice)
    applied(server, alice)
    edit(server, "parent_domain_matches_subdomains =\n")
    adopted(server, alice)
    deny(alice, "new@pest.example")
    apply(server, alice, draft.only(server, "sender new@pest.example"))
    assert ".pest.example REJECT" in access(server).read_text()


def test_a_sender_table_whose_type_was_changed_by_hand_is_made_anew(
    server: Server, alice: Actor, practice: Practice
) -> None:
    deny(alice, "old@pest.example")
    applied(server, alice)
    main = Path(server.config_dir) / "main.cf"
    text = main.read_text()
    kind = practice.observed().facts.default_table_type
    assert f"{kind}:$config_directory/access" in text
    main.write_text(text.replace(f"{kind}:$config", "texthash:$config"))
    adopted(server, alice)
    assert [each.type for each in services.plan_of(server).tables] == ["texthash"]
    applied(server, alice)
    assert practice.attempt("old@pest.example", "b@practice.test").code == 554


def test_another_default_type_makes_every_table_anew(
    server: Server, alice: Actor
) -> None:
    lists.add(entry=Entry.read("deny", "client", "192.0.2.7"), actor=alice)
    applied(server, alice)
    seen = servers.last_observed(server)
    assert seen is not None
    other = replace(seen.facts, default_table_type="btree")
    servers.keep_observed(server, replace(seen, facts=other))
    assert [(each.path, each.type) for each in services.plan_of(server).tables] == [
        ("mailguard/clients", "btree")
    ]
