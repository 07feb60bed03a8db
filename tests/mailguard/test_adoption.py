"""Taking over what somebody did by hand to main.cf and to the sender table."""

from pathlib import Path

import pytest

from mailguard.audit.services import Actor
from mailguard.changes import services, worker
from mailguard.changes.models import Revision, State
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.servers.models import Server
from postfixconf.policy.entries import Entry
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


def deny(alice: Actor, value: str) -> None:
    """Alice wants one sender kept out."""
    lists.add(entry=Entry.read("deny", "sender", value), actor=alice)


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
    protection.add_domain(text="practice.test", actor=alice)
    protection.set_mode(server=server, key="own_domains", mode="on", actor=alice)
    applied(server, alice)
    assert "practice.test mailguard_own_domains" in access(server).read_text()
    main.write_text(before)
    worker.tend(server)
    worker.carry_out(
        services.request_adoption(server=server, actor=alice, reason="went back")
    )
    deny(alice, "new@pest.example")
    applied(server, alice)
    assert "mailguard_own_domains" not in access(server).read_text()
