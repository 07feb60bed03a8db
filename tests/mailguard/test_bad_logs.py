"""A log that is not as it should be: a sentence on the pages, and on with the rest."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic import intake, retention
from mailguard.traffic.models import Attempt, Daily, Log
from tests.support.hostile import Page
from tests.support.logged import STAMP, line, refusal, refusals, server_with


@pytest.fixture
def log(db: None, tmp_path: Path) -> Path:
    """The log of a server that is followed, with two lines read."""
    server, log = server_with(tmp_path)
    log.write_bytes(b"")
    intake.following.clear()
    intake.follow(server)
    append(log, *refusals(2))
    return log


def append(log: Path, *lines: bytes) -> int:
    """Write more lines, and follow; how many were read."""
    with log.open("ab") as file:
        file.write(b"".join(lines))
    return followed()


def followed() -> int:
    """Read on until there is nothing more."""
    return sum(intake.follow(Server.objects.get()) for _ in range(3))


def dated(stamp: str, number: int = 100) -> bytes:
    """A refusal at that time."""
    return refusal(number).replace(STAMP.encode(), f"{stamp} mx".encode())


def said(client: Client) -> tuple[str, str]:
    """What the dashboard and the page of the log say."""
    pages = [Page(client.get(path).content.decode()) for path in ("/", "/log/")]
    assert not [each for page in pages for each in page.faults]
    one, two = (" ".join(page.text.split()) for page in pages)
    return one, two


def both_say(client: Client, words: str) -> bool:
    """Whether both pages say so."""
    return all(words in each for each in said(client))


def test_a_log_that_shrank_is_told_and_followed(log: Path, client: Client) -> None:
    append(log, *refusals(20, start=50))
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:6]))
    followed()
    assert both_say(client, "has become shorter than what was read of it")
    assert append(log, refusal(90)) == 1
    assert Attempt.objects.filter(sender="a90@good.example").exists()


def test_a_log_that_was_replaced_is_told_and_followed(
    log: Path, client: Client
) -> None:
    log.unlink()
    assert append(log, *refusals(3, start=40)) == 3
    assert both_say(client, "was replaced")


def test_a_log_that_went_away_is_told_until_it_is_back(
    log: Path, client: Client
) -> None:
    log.rename(log.with_name("mail.log.1"))
    followed()
    assert both_say(client, f"There is no log file {log}")
    assert append(log, refusal(9)) == 1
    assert not both_say(client, "There is no log file")


def test_a_directory_in_its_place_is_told_until_it_is_gone(
    log: Path, client: Client
) -> None:
    log.rename(log.with_name("mail.log.1"))
    log.mkdir()
    followed()
    assert both_say(client, "it is not a file with lines")
    shutil.rmtree(log)
    assert append(log, refusal(9)) == 1
    assert Attempt.objects.count() == 3


def test_a_main_cf_that_is_gone_is_told(log: Path, client: Client) -> None:
    main = log.with_name("main.cf")
    kept = main.read_bytes()
    main.unlink()
    followed()
    assert both_say(client, str(main))
    main.write_bytes(kept)
    assert append(log, refusal(9)) == 1


def test_a_log_of_another_program_is_told(
    db: None, tmp_path: Path, client: Client
) -> None:
    _, log = server_with(tmp_path)
    log.write_bytes(b"")
    intake.following.clear()
    followed()
    append(log, *[line("hello <mg-a>\x1b", "cron")] * 60)
    assert both_say(client, "none is Postfix's")
    append(log, refusal(1))
    assert not both_say(client, "none is Postfix's")


@pytest.mark.parametrize(
    "stamp", ["2099-12-31T23:59:59+00:00", "2999-12-31T23:59:59.999999-12:00"]
)
def test_a_time_to_come_is_told_until_the_clock_is_right(
    log: Path, client: Client, stamp: str
) -> None:
    append(log, dated(stamp))
    assert both_say(client, "which is still to come: a clock is or was wrong")
    append(log, dated(f"{timezone.now():%Y-%m-%dT%H:%M:%S}+00:00", 101))
    assert not both_say(client, "a clock is or was wrong")
    assert Attempt.objects.count() == 4


@pytest.mark.parametrize(
    "stamp",
    [
        "1970-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2028-02-29T23:59:60Z",
        "2027-02-29T00:00:00Z",
        "Feb 29 12:00:00",
        "Feb 30 12:00:00",
        "Dec 31 23:59:60",
    ],
)
def test_any_time_is_read_and_shown(log: Path, client: Client, stamp: str) -> None:
    assert append(log, dated(stamp), refusal(101)) == 2
    assert Log.objects.get().lines == 4
    for row in Attempt.objects.all():
        assert client.get(f"/search/{row.pk}/").status_code == 200
    assert client.get("/search/?time=day").status_code == 200
    said(client)


def test_a_clock_set_back_loses_nothing(log: Path) -> None:
    now = timezone.now()
    for number in range(20):
        stamp = f"{now - timedelta(hours=number):%Y-%m-%dT%H:%M:%S}+00:00"
        assert append(log, dated(stamp, number + 100)) == 1
    assert Attempt.objects.count() == 22


def test_what_a_wrong_clock_dated_far_ahead_is_forgotten(log: Path) -> None:
    append(log, dated("2099-12-31T23:59:59Z"), dated("1971-01-01T00:00:00Z", 101))
    retention.forget(Server.objects.get())
    wrong = Attempt.objects.filter(
        sender__in=["a100@good.example", "a101@good.example"]
    )
    assert not wrong.exists()
    assert not Daily.objects.filter(day__year__in=[1971, 2099]).exists()


@pytest.mark.parametrize("what", [b"x" * 100_000, b"\xff\xfe\x00" * 9, b"\x00" * 2000])
def test_any_greeting_is_one_attempt(log: Path, client: Client, what: bytes) -> None:
    assert append(log, refusal(7).replace(b"pc7", what)) == 1
    row = Attempt.objects.get(sender="a7@good.example")
    assert row.control == "reject_non_fqdn_helo_hostname"
    assert (row.client_address, row.recipient) == ("192.0.2.7", "bob@practice.test")
    page = client.get(f"/search/{row.pk}/").content
    assert not Page(page.decode()).faults
    assert len(page) < 40_000
