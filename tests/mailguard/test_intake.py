"""The worker follows the mail log: every line once, and it says what is wrong."""

import gzip
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import strip_tags

from mailguard.accounts.models import User
from mailguard.audit.services import Actor
from mailguard.servers.models import Server
from mailguard.traffic import intake, offers, readings, suggesting
from mailguard.traffic.models import Attempt, Log, Reading, Suggested
from mailguard.traffic.understanding import Reader
from tests.support.logged import line, refusal, refusals, server_with


@pytest.fixture
def followed(db: None, tmp_path: Path) -> tuple[Server, Path]:
    """A server that is followed from an empty log on."""
    server, log = server_with(tmp_path)
    log.write_bytes(b"")
    intake.following.clear()
    intake.follow(server)
    return server, log


def write(log: Path, *lines: bytes) -> None:
    """More lines of the log."""
    with log.open("ab") as file:
        file.write(b"".join(lines))


def test_what_is_written_is_read(followed: tuple[Server, Path]) -> None:
    server, log = followed
    write(log, refusal(1), refusal(2))
    assert intake.follow(server) == 2
    assert Attempt.objects.count() == 2
    assert Log.objects.get().lines == 2


def test_nothing_is_read_twice(followed: tuple[Server, Path]) -> None:
    server, log = followed
    write(log, refusal(1))
    assert [intake.follow(server) for _ in range(3)] == [1, 0, 0]


def test_an_attempt_goes_on_after_a_restart(followed: tuple[Server, Path]) -> None:
    server, log = followed
    write(log, refusal(1, verb="reject_warning"))
    intake.follow(server)
    intake.following.clear()
    write(log, refusal(1))
    intake.follow(server)
    row = Attempt.objects.get()
    assert (row.outcome, row.warned) == ("refused", "reject_non_fqdn_helo_hostname")


def test_what_goes_on_is_remembered_not_read_again(
    followed: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, log = followed
    write(log, refusal(1))
    intake.follow(server)
    monkeypatch.setattr(Reader, "recall", lambda *_: pytest.fail("read again"))
    write(log, refusal(2))
    assert intake.follow(server) == 1


def test_domains_only_holds_from_the_next_line_on(
    followed: tuple[Server, Path],
) -> None:
    server, log = followed
    write(log, refusal(1))
    intake.follow(server)
    Log.objects.update(domains_only=True)
    write(log, refusal(2))
    intake.follow(server)
    senders = Attempt.objects.order_by("at", "pk").values_list("sender", flat=True)
    assert [*senders] == ["a1@good.example", "@good.example"]


def test_what_was_followed_is_not_ingested(followed: tuple[Server, Path]) -> None:
    server, log = followed
    write(log, *refusals(20))
    intake.follow(server)
    assert offers.offer(server, log).until == 0


def test_the_worker_leaves_alone_what_a_command_reads(
    old: tuple[Server, Path], alice: Actor
) -> None:
    server, _ = old
    offered = offers.offered(server)[0]
    reading = offers.ask(server=server, offered=offered, actor=alice)
    readings.hold(reading)
    readings.tend(server)
    reading.refresh_from_db()
    assert reading.position == 0


def test_rotation_between_two_looks_loses_nothing(
    followed: tuple[Server, Path],
) -> None:
    server, log = followed
    write(log, refusal(1))
    intake.follow(server)
    write(log, refusal(2))
    log.rename(log.with_name("mail.log.1"))
    write(log, refusal(3))
    for _ in range(3):
        intake.follow(server)
    assert Log.objects.get().lines == 3
    assert Attempt.objects.count() == 3


def test_a_failed_write_moves_nothing(
    followed: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, log = followed
    write(log, refusal(1))
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("mailguard.traffic.store.upsert", lambda *_, **__: 1 / 0)
        intake.follow(server)
    assert Log.objects.get().lines == 0
    assert intake.follow(server) == 1


def test_lines_that_are_not_understood_are_counted_by_kind(
    followed: tuple[Server, Path],
) -> None:
    server, log = followed
    write(log, line("gargle: what"), line("hello", "cron"))
    intake.follow(server)
    row = Log.objects.get()
    assert row.unknown == {"smtpd: gargle": 1}
    assert row.foreign == 1


def test_lines_that_the_system_threw_away_are_told(
    followed: tuple[Server, Path],
) -> None:
    server, log = followed
    lost = "imuxsock lost 12 messages from pid 34 due to rate-limiting"
    write(log, f"2026-11-22T11:00:00.000000+00:00 mx rsyslogd: {lost}\n".encode())
    intake.follow(server)
    assert Log.objects.get().suppressed == 12


def test_a_log_that_is_a_directory_is_a_sentence(db: None, tmp_path: Path) -> None:
    server, log = server_with(tmp_path)
    log.mkdir()
    intake.follow(server)
    assert str(log) in Log.objects.get().trouble
    log.rmdir()
    log.write_bytes(b"")
    intake.follow(server)
    write(log, refusal(1))
    intake.follow(server)
    row = Log.objects.get()
    assert (row.trouble, row.lines) == ("", 1)


@pytest.fixture
def old(db: None, tmp_path: Path) -> tuple[Server, Path]:
    """A server with a log of before, and a packed one of before that."""
    server, log = server_with(tmp_path)
    write(log, *refusals(100))
    packed = gzip.compress(b"".join(refusals(200, start=1000)))
    log.with_name("mail.log.1.gz").write_bytes(packed)
    intake.following.clear()
    intake.follow(server)
    write(log, *refusals(10, start=5000))
    intake.follow(server)
    return server, log


def read_all(server: Server, actor: Actor) -> None:
    """Ask for all that is offered, and let the worker read it."""
    for each in offers.offered(server):
        offers.ask(server=server, offered=each, actor=actor)
    for _ in range(10):
        readings.tend(server)


def test_what_stood_before_is_offered_not_read(old: tuple[Server, Path]) -> None:
    server, _ = old
    assert Log.objects.get().lines == 10
    found = {Path(each.path).name for each in offers.offered(server)}
    assert found == {"mail.log", "mail.log.1.gz"}


def test_what_is_offered_is_read_to_where_following_began(
    old: tuple[Server, Path], alice: Actor
) -> None:
    server, _ = old
    read_all(server, alice)
    states = {row.state for row in Reading.objects.all()}
    assert states == {Reading.State.DONE}
    assert Log.objects.get().lines == 310
    assert Attempt.objects.count() == 310


def test_suggestions_know_what_was_read_of_older_logs(
    old: tuple[Server, Path], alice: Actor
) -> None:
    server, _ = old
    suggesting.catch_up(server)
    worked_out = Suggested.objects.get().at
    read_all(server, alice)
    assert Suggested.objects.get().at > worked_out


def test_a_reading_goes_on_in_another_process(
    old: tuple[Server, Path], alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = old
    monkeypatch.setattr("mailguard.traffic.readings.AT_ONCE", 2000)
    for each in offers.offered(server):
        offers.ask(server=server, offered=each, actor=alice)
    while Reading.objects.exclude(state=Reading.State.DONE).exists():
        readings.parts_of.clear()
        readings.tend(server, 0)
    assert Log.objects.get().lines == 310


def test_a_reading_can_be_cancelled_and_taken_up_again(
    old: tuple[Server, Path], client: Client, user: User
) -> None:
    server, _ = old
    which = {"fingerprint": offers.offered(server)[0].fingerprint}
    client.post("/log/read/", which)
    reading = Reading.objects.get()
    client.post(f"/log/{reading.pk}/cancel/")
    readings.tend(server)
    reading.refresh_from_db()
    assert (reading.state, reading.lines) == ("cancelled", 0)
    client.post("/log/read/", which)
    readings.tend(server)
    reading.refresh_from_db()
    assert reading.state == "done"


def test_who_had_to_sign_in_again_is_back_on_the_page(
    old: tuple[Server, Path], client: Client, alice: Actor
) -> None:
    offered = offers.offered(old[0])[0]
    reading = offers.ask(server=old[0], offered=offered, actor=alice)
    for path in ("/log/read/", f"/log/{reading.pk}/cancel/"):
        signing_in = Client().post(path)["Location"]
        assert signing_in.endswith(f"next={path}")
        assert client.get(path, follow=True).redirect_chain == [("/log/", 302)]
    reading.refresh_from_db()
    assert reading.state == "queued"


def test_a_log_that_went_away_is_a_reading_that_failed(
    old: tuple[Server, Path], alice: Actor
) -> None:
    server, log = old
    gone = log.with_name("mail.log.1.gz")
    offered = next(e for e in offers.offered(server) if e.path == str(gone))
    offers.ask(server=server, offered=offered, actor=alice)
    gone.unlink()
    readings.tend(server)
    reading = Reading.objects.get()
    assert reading.state == "failed"
    assert str(gone) in reading.cause


@pytest.mark.parametrize("days", ["0", "-3", "<b>", "", "99999999999", "3651"])
def test_a_number_of_days_that_is_none_is_quoted(
    followed: tuple[Server, Path], client: Client, days: str
) -> None:
    answer = client.post("/log/keep/", {"days": days}, follow=True)
    assert Log.objects.get().keep_days == 30
    quoted = f"“{days}”".replace("<", "&lt;").replace(">", "&gt;")
    assert quoted in answer.content.decode()


def words(text: str) -> str:
    """What a page says, without its marks."""
    return " ".join(strip_tags(text).split())


def test_the_page_says_how_far_the_log_is_read(
    followed: tuple[Server, Path], client: Client
) -> None:
    server, log = followed
    write(log, refusal(1), line("<script>: x"))
    intake.follow(server)
    text = client.get("/log/").content.decode()
    assert "Lines read 2 " in words(text)
    assert f"<code>{log}</code>" in text
    assert "<script>:" not in text
