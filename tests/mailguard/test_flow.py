"""The dashboard is not green while hardly any mail gets in."""

from dataclasses import replace

import pytest

from mailguard.changes.models import Revision, State
from mailguard.dashboard.flow import hardly_any
from mailguard.dashboard.services import Light, Status
from mailguard.servers.models import Server
from mailguard.traffic.models import Verdict
from tests.support.evidence import ago, hour


@pytest.fixture
def host(db: None) -> Server:
    """A server of which only the log matters."""
    return Server.objects.create(name="local", config_dir="/etc/postfix")


def counted(host: Server, verdict: Verdict, number: int, hours: float = 0) -> None:
    """So many messages, so many hours ago."""
    hour(host, verdict, number, ago(hours=hours))


def applied(host: Server, hours: float) -> None:
    """A revision went live so many hours ago."""
    at = ago(hours=hours)
    Revision.objects.create(
        number=2, server=host, state=State.APPLIED, finished_at=at, actor_name="alice"
    )


def test_mail_that_never_gets_in_is_said_in_one_sentence(host: Server) -> None:
    counted(host, Verdict.PUT_OFF, 60)
    counted(host, Verdict.ACCEPTED, 1)
    assert hardly_any(host) == (
        "Hardly any mail gets in: of the latest 61 messages 1 was accepted."
    )


def test_a_few_messages_say_nothing(host: Server) -> None:
    counted(host, Verdict.PUT_OFF, 49)
    assert hardly_any(host) == ""


def test_spam_beside_good_mail_says_nothing(host: Server) -> None:
    counted(host, Verdict.REFUSED, 57)
    counted(host, Verdict.ACCEPTED, 3)
    assert hardly_any(host) == ""


def test_only_mail_since_the_last_apply_counts(host: Server) -> None:
    counted(host, Verdict.ACCEPTED, 900, hours=5)
    counted(host, Verdict.PUT_OFF, 60)
    assert hardly_any(host) == ""
    applied(host, hours=2)
    assert "of the latest 60 messages none were accepted" in hardly_any(host)


def test_mail_of_yesterday_says_nothing(host: Server) -> None:
    counted(host, Verdict.PUT_OFF, 60, hours=26)
    assert hardly_any(host) == ""


GOOD = Status(
    running=True,
    version="3.7.11",
    trouble="",
    drift=False,
    worker=True,
    broker=True,
    adopted=True,
    seen=None,
)


def test_the_light_is_not_green_while_hardly_any_mail_gets_in() -> None:
    now = replace(GOOD, hardly="Hardly any mail gets in.")
    assert (now.light, now.sentence) == (Light.YELLOW, "Hardly any mail gets in.")


def test_a_server_without_any_protection_is_not_called_protected() -> None:
    said = replace(GOOD, guarded=False).sentence
    assert said == "Postfix is running. No protection is switched on yet."
