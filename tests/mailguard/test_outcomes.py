"""A change that breaks Postfix, past the linter: undone, and the page says why."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mailguard.audit.services import MAILGUARD, Actor
from mailguard.changes import services, worker
from mailguard.changes.models import Revision, State
from mailguard.protection import services as protection
from mailguard.servers.models import Server
from mailguard.servers.services import instance_of
from postfixconf.host import apply as protocol
from postfixconf.host.apply_journal import Journal
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.policy.table import Table
from tests.support.changing import allow, carried_out
from tests.support.practice import Practice, Tried, text_lines

FAULTS = [
    Tried("smtpd_sender_restrictions = permit_mynetworks, reject_nonsense\n"),
    Tried("smtpd_client_restrictions = check_client_access hash:/nowhere/table\n"),
    Tried("message_size_limit = 52428800 # 50MB\n"),
    Tried(tables=(Table("access", "dbm", "1", text_lines("example.com REJECT\n")),)),
    Tried(master="127.0.0.1:53 inet n - n - - smtpd\n"),
]
REASONS = [
    "reject_nonsense",
    "/nowhere/table",
    "message_size_limit",
    "postmap",
    "nother program listens on port 53",
]


@pytest.mark.parametrize(("fault", "reason"), list(zip(FAULTS, REASONS, strict=True)))
def test_the_old_configuration_runs_and_the_page_says_why(
    server: Server,
    practice: Practice,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    fault: Tried,
    reason: str,
) -> None:
    protection.set_mode(
        server=server, key="disable_vrfy_command", mode="on", actor=MAILGUARD
    )
    revision = services.request_apply(server=server, actor=MAILGUARD, reason="x")
    made = practice.candidate(fault)
    monkeypatch.setattr(
        worker, "reviewed_plan", lambda revision: (made, practice.observed())
    )
    worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state in (State.ROLLED_BACK, State.REFUSED)
    page = client.get(f"/history/{revision.number}/").content.decode()
    assert reason in revision.cause
    assert reason in page
    assert practice.works()


@pytest.fixture
def denying(server: Server, alice: Actor) -> Revision:
    """A queued revision that brings a deny entry live."""
    allow(alice, "a@bad.example", side="deny")
    return services.request_apply(server=server, actor=alice, reason="x")


def edit_ours(server: Server) -> None:
    """Somebody changes the lines that mailguard wrote."""
    access = Path(server.config_dir) / "access"
    access.write_text(access.read_text().replace("REJECT", "OK"))


def test_an_edit_right_after_the_apply_is_drift(
    server: Server, denying: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Checkpoint.close

    def and_edit(point: Checkpoint, *said: Any) -> None:
        close(point, *said)
        edit_ours(server)

    monkeypatch.setattr(Checkpoint, "close", and_edit)
    assert carried_out(denying, server).state == State.APPLIED
    worker.tend(server)
    assert list(services.drift_of(server)) == ["access"]


def test_an_edit_after_a_worker_was_killed_is_drift(
    server: Server, denying: Revision
) -> None:
    made, _ = worker.reviewed_plan(denying)
    Revision.objects.filter(pk=denying.pk).update(state=State.RUNNING)
    room, number = worker.checkpoints(server), denying.number
    instance, journal = instance_of(server), Journal()
    protocol.apply(made, instance, checkpoints=room, number=number, journal=journal)
    edit_ours(server)
    worker.tend(server)
    denying.refresh_from_db()
    server.refresh_from_db()
    assert denying.state == State.APPLIED
    assert list(services.drift_of(server)) == ["access"]
