"""Who sends, and through which port, kept from the log: each recipient once."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.utils import timezone

from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import intake, retention, usages
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Attempt, Usage
from mailguard.traffic.times import microseconds
from mailguard.traffic.understanding import Reader
from tests.support.facts import STOCK_MASTER, observed
from tests.support.hostile import MARKS
from tests.support.killed import killable
from tests.support.logged import configured, line
from tests.support.people import SUBMISSION, message
from tests.support.soak import full

PRINTER = "printer.lan.example[192.168.1.9]"
TRUSTED = "scanner.example[203.0.113.9]"
MAIN = "mynetworks = 127.0.0.0/8, 203.0.113.0/28, 0.0.0.0/0\n"
NAMELESS = STOCK_MASTER + "submission inet n - y - - smtpd\n"
NAMED = NAMELESS + "  -o syslog_name=postfix/submission\n"


@pytest.fixture
def server(db: None) -> Server:
    """A server that was seen with the stock services, and without any Postfix."""
    made = Server.objects.create(name="local", config_dir="/nowhere")
    servers.keep_observed(made, observed(MAIN))
    return made


def told(server: Server, *lines: Iterable[bytes]) -> None:
    """The log has these lines and ends."""
    log = intake.log_of(server)
    usages.look(log)
    reader = Reader(server, domains_only=log.domains_only)
    data = b"".join(each for some in lines for each in some)
    for part in (reader.read(data), reader.end()):
        intake.keep(log, part)


def rows() -> list[tuple[str, str, str, int]]:
    """Port, user, address and count of each row."""
    names = ("port", "user", "client_address", "count")
    return sorted(Usage.objects.values_list(*names))


def test_a_user_counts_by_recipient_with_port_and_encryption(server: Server) -> None:
    told(
        server,
        message(1, "anna", program=SUBMISSION, tls="TLSv1.3", recipients=2),
        message(2, "Anna", program=SUBMISSION, tls="TLSv1.3"),
    )
    row = Usage.objects.get()
    assert (row.port, row.count, row.tls) == ("587", 3, "TLSv1.3")
    assert (row.client_address, row.client_name) == ("198.51.100.7", "dsl7.isp.example")
    assert row.who == key_of("anna")


def test_a_log_that_is_read_twice_counts_once(server: Server) -> None:
    for _ in "12":
        told(server, message(1, "anna"), message(2, client=PRINTER, recipients=3))
    assert [count for *_, count in rows()] == [3, 1]


def test_what_is_told_of_again_counts_once(server: Server) -> None:
    log, reader = intake.log_of(server), Reader(server, domains_only=False)
    for each in message(1, "anna", recipients=2):
        intake.keep(log, reader.read(each))
    assert [count for *_, count in rows()] == [2]


def test_devices_are_clients_of_own_networks_that_did_not_sign_in(
    server: Server,
) -> None:
    told(
        server,
        message(1, client=PRINTER),
        message(2, client=TRUSTED),
        message(3, client="mx.stranger.example[203.0.113.99]"),
        message(4, client="localhost[127.0.0.1]"),
        message(5, client="unknown[unknown]"),
    )
    assert [(user, address) for _, user, address, _ in rows()] == [
        ("", "192.168.1.9"),
        ("", "203.0.113.9"),
    ]


def test_a_device_that_is_refused_sends_nothing(server: Server) -> None:
    refused = (
        "NOQUEUE: reject: RCPT from printer.lan.example[192.168.1.9]: 554 5.7.1 <x@y>:"
        " Relay access denied; from=<a@b> to=<x@y> proto=ESMTP helo=<p>"
    )
    told(server, [line(refused)])
    assert rows() == []
    assert Attempt.objects.count() == 1


def test_without_a_submission_service_the_plain_name_is_port_25(server: Server) -> None:
    told(server, message(1, "anna"))
    assert [port for port, *_ in rows()] == ["25"]


def test_with_a_nameless_submission_service_no_port_is_known(server: Server) -> None:
    servers.keep_observed(server, observed(MAIN, NAMELESS))
    told(server, message(1, "anna"))
    assert [port for port, *_ in rows()] == [""]


def test_a_name_says_nothing_of_what_was_logged_before_it(server: Server) -> None:
    servers.keep_observed(server, observed(MAIN, NAMELESS))
    usages.look(intake.log_of(server))
    servers.keep_observed(server, observed(MAIN, NAMED))
    told(server, message(1, "anna"), message(2, "bob", program=SUBMISSION))
    assert [(port, user) for port, user, *_ in rows()] == [("", "anna"), ("587", "bob")]
    log = intake.log_of(server)
    log.ports = {name: [port, 0] for name, (port, _) in log.ports.items()}
    log.save()
    told(server, message(3, "carol"))
    assert ("25", "carol") in [(port, user) for port, user, *_ in rows()]


def test_where_nothing_was_observed_only_stock_names_tell(server: Server) -> None:
    server.observed.delete()
    told(server, message(1, "anna"), message(2, "bob", program="postfix/smtps/smtpd"))
    assert [(port, user) for port, user, *_ in rows()] == [("", "anna"), ("465", "bob")]


def test_where_only_domains_are_kept_no_name_is(server: Server) -> None:
    intake.log_of(server)
    server.log.domains_only = True
    server.log.save()
    for _ in "12":
        told(
            server,
            message(1, "anna@practice.test"),
            message(2, "bob@practice.test"),
            message(3, "carol"),
        )
    assert [user for _, user, *_ in rows()] == ["@", "@practice.test", "@practice.test"]
    assert {count for *_, count in rows()} == {1}
    whos = set(Usage.objects.values_list("who", flat=True))
    assert len(whos) == 3
    assert not whos & {key_of("anna@practice.test"), key_of("carol")}


@pytest.mark.parametrize("mark", [*MARKS, "x" * 70_000, "a@" + "é" * 300])
def test_hostile_names_are_kept_fit(server: Server, mark: str) -> None:
    told(server, message(1, mark.replace("\n", " ")))
    for user, key in Usage.objects.values_list("user", "key"):
        assert len(user) <= 255
        assert "\0" not in user
        assert key > 0


def test_they_go_with_the_attempts(server: Server) -> None:
    told(server, message(1, "anna"), message(2, "bob"))
    old = microseconds(timezone.now() - timedelta(days=31))
    Usage.objects.filter(user="anna").update(last_at=old)
    retention.forget(server)
    assert [user for _, user, *_ in rows()] == ["bob"]


def test_what_was_forgotten_is_not_counted_anew(server: Server) -> None:
    log, reader = intake.log_of(server), Reader(server, domains_only=False)
    part = reader.read(b"".join(message(1, "anna")))
    intake.keep(log, part, since=timezone.now() + timedelta(days=1))
    assert rows() == []


def test_every_recipient_counts_once_however_often_killed(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    log, chance = configured(tmp_path / "log"), Random()
    log.touch()
    with killable(tmp_path / "home", tmp_path / "log") as child:
        child.together("drain")  # following begins at an empty log
        for turn in range(max(4, full(25))):
            with log.open("ab") as file:
                for number in range(40 * turn, 40 * turn + 40):
                    program = SUBMISSION if number % 2 else "postfix/smtpd"
                    lines = message(number, f"user{number % 5}", program=program)
                    file.writelines(lines)
            child.kill("follow", chance.uniform(0.01, 0.2))
        assert child.together("drain", "drain") == [0, 0]
        found = child.rows()["Usage"]
    counts = [int(row.rpartition(", ")[2].strip(")")) for row in found]
    assert sum(counts) == 40 * (turn + 1)
    assert set(counts) == {4 * (turn + 1)}
