"""A change that breaks Postfix, past the linter: undone, and the page says why."""

import pytest
from django.test import Client

from mailguard.audit.services import MAILGUARD
from mailguard.changes import services, worker
from mailguard.changes.models import State
from mailguard.protection import services as protection
from mailguard.servers.models import Server
from postfixconf.policy.table import Table
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
    "another program listens on 127.0.0.1:53",
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
