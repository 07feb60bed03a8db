"""What is too old is gone, and what is only counted stays."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.servers.models import Server
from mailguard.traffic import intake, retention
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Hour,
    Triplet,
)
from mailguard.traffic.times import microseconds
from tests.support.traffic import seen


@pytest.fixture
def server(db: None) -> Server:
    """A server without a Postfix."""
    return Server.objects.create(name="local", config_dir="/nowhere")


def days(number: float) -> float:
    """So many days, in seconds."""
    return number * 86_400


def test_attempts_go_after_the_days_they_are_kept(server: Server) -> None:
    seen(ago=days(31), control="entries", outcome="refused")
    seen(ago=days(29), control="entries", outcome="refused")
    assert not retention.forget(server)
    assert Attempt.objects.count() == Hit.objects.count() == 1


def test_counts_by_the_hour_stay(server: Server) -> None:
    hour = datetime(2020, 1, 1, tzinfo=UTC)
    Hour.objects.create(server=server, hour=hour, verdict="refused", count=7)
    retention.forget(server)
    assert Hour.objects.get().count == 7


def test_whatever_names_people_goes_with_them(server: Server) -> None:
    past = timezone.now() - timedelta(days=40)
    at = microseconds(past)
    Correspondent.objects.create(sender_key=1, at=at)
    Triplet.objects.create(server=server, key=1, first_at=at, last_at=at)
    Daily.objects.create(
        server=server, day=past, what="client", value="x", verdict="refused", count=1
    )
    retention.forget(server)
    for model in (Correspondent, Triplet, Daily):
        assert not model._default_manager.exists()


def test_many_are_deleted_in_steps(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for _ in range(5):
        seen(ago=days(31))
    assert retention.forget(server, seconds=0)
    assert Attempt.objects.count() == 5
    assert not retention.forget(server)
    assert not Attempt.objects.exists()


def test_how_long_is_on_record(server: Server, alice: Actor) -> None:
    retention.keep_for(server=server, days=7, domains_only=True, actor=alice)
    log = intake.log_of(server)
    assert (log.keep_days, log.domains_only) == (7, True)
    told = Change.objects.order_by("pk").values_list("before", "after")
    assert [*told] == [("30", "7"), ("False", "True")]
