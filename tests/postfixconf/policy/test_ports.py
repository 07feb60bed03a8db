"""Which port a program of the log stands for, as master.cf says."""

from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.ports import FRONT, UNKNOWN, named, offered, outer, ports
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, text_of
from tests.support.facts import STOCK_MASTER, installed
from tests.support.postconf import Postconf
from tests.support.practice import STRANGER, Practice
from tests.support.smtp import smtp
from tests.support.starting import start
from tests.support.waiting import eventually

SMTP = "smtp inet n - y - - smtpd\n"
SUBMISSION = "submission inet n - y - - smtpd\n"
SUBMISSIONS = "submissions inet n - y - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
NAMED = "  -o syslog_name=postfix/submission\n"
OWN = "  -o syslog_name=postfix/$service_name\n"


def seen(master: str, main: str = "") -> Seen:
    """These two files on this machine's Postfix."""
    return Seen(MainCf.parse(main), installed(), MasterCf.parse(master))


def ports_in(master: str, main: str = "") -> dict[str, str]:
    """What its programs stand for."""
    return ports(seen(master, main))


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        (STOCK_MASTER, {"postfix/smtpd": "25"}),
        (SMTP + SUBMISSION, {"postfix/smtpd": UNKNOWN}),
        (SMTP + SUBMISSIONS, {"postfix/smtpd": UNKNOWN}),
        (
            SMTP + SUBMISSION + NAMED,
            {"postfix/smtpd": "25", "postfix/submission/smtpd": "587"},
        ),
        (
            SMTP + SUBMISSION + NAMED + SUBMISSIONS,
            {"postfix/smtpd": UNKNOWN, "postfix/submission/smtpd": "587"},
        ),
        (
            SMTP + "smtps inet n - y - - smtpd\n" + OWN,
            {"postfix/smtpd": "25", "postfix/smtps/smtpd": "465"},
        ),
        (
            SMTP + "192.0.2.1:587 inet n - y - - smtpd\n  -o syslog_name=mua\n",
            {"postfix/smtpd": "25", "mua/smtpd": "587"},
        ),
        (
            SMTP + SUBMISSION + NAMED + SUBMISSIONS + NAMED,
            {"postfix/smtpd": "25", "postfix/submission/smtpd": "465 or 587"},
        ),
        (SMTP + "127.0.0.1:10025 inet n - y - - smtpd\n", {"postfix/smtpd": "25"}),
        (
            "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n",
            {"postfix/smtpd": "25"},
        ),
        (SMTP + "1.2.3.4:25 inet n - y - - smtpd\n", {"postfix/smtpd": "25"}),
        ("2525 inet n - y - - smtpd\n", {"postfix/smtpd": "25"}),
        (SUBMISSION, {"postfix/smtpd": "587"}),
        (SUBMISSIONS + NAMED, {"postfix/submission/smtpd": "465"}),
        (SMTP + "2525 inet n - y - - smtpd\n" + NAMED.replace("sub", "x"), None),
    ],
)
def test_a_name_of_ones_own_tells_the_port(
    master: str, expected: dict[str, str] | None
) -> None:
    found = ports_in(master)
    if expected is None:
        expected = {"postfix/smtpd": "25", "postfix/xmission/smtpd": "2525"}
    assert found == expected


def test_an_instance_logs_by_its_name() -> None:
    main = "multi_instance_name = postfix-in\n"
    assert ports_in(STOCK_MASTER, main) == {"postfix-in/smtpd": "25"}
    own = "syslog_name = mail\n"
    assert ports_in(SMTP + SUBMISSION + OWN, own) == {
        "mail/smtpd": "25",
        "postfix/submission/smtpd": "587",
    }


def test_what_no_service_logs_as_is_told_by_stock_names_alone() -> None:
    assert named("postfix/submissions/smtpd", {}) == "465"
    assert named("postfix/smtp/smtpd", {}) == UNKNOWN
    assert named("postfix-in/smtpd", {"postfix/smtpd": "25"}) == UNKNOWN
    assert named("postfix/submission/smtpd", {"postfix/submission/smtpd": ""}) == ""


def test_people_are_told_of_encrypted_ports_where_they_can_sign_in() -> None:
    master = SMTP + SUBMISSION + "  -o smtpd_tls_security_level=encrypt\n"
    assert [*offered(seen(master))] == []
    found = [*offered(seen(master, "smtpd_sasl_auth_enable = yes\n"))]
    assert [(each.number, each.level) for each in found] == [("587", "encrypt")]
    both = master + SUBMISSIONS + "  -o smtpd_sasl_auth_enable=yes\n"
    found = [*offered(seen(both, "smtpd_sasl_auth_enable = yes\n"))]
    assert [each.level for each in found] == ["encrypt", "wrapped"]


def masters() -> list[Path]:
    """The corpus files that Postfix itself would read."""
    found = []
    for path in corpus("master.cf"):
        try:
            MasterCf.parse(text_of(path))
        except BadFile:
            continue
        found.append(path)
    return found


@pytest.mark.parametrize("path", masters(), ids=lambda path: path.name)
def test_a_shared_name_is_never_port_25(path: Path) -> None:
    read = seen(text_of(path))
    for program, port in ports(read).items():
        sharing = {each.port for each in outer(read) if each.program == program}
        assert port != FRONT or sharing == {FRONT}
        assert port or len(sharing) > 1


@pytest.mark.parametrize("path", masters(), ids=lambda path: path.name)
def test_names_are_as_postconf_expands_them(path: Path, tmp_path: Path) -> None:
    text, oracle = text_of(path), Postconf(tmp_path)
    said = oracle.master(text, "-x", "-P", "*/*/syslog_name").settings
    for each in outer(seen(text)):
        for kind in ("inet", "pass"):
            told = said.get(f"{each.service.name}/{kind}/syslog_name")
            if told and "service_name" not in text:
                assert each.program == f"{told}/smtpd"


def test_the_running_server_logs_as_is_told(practice: Practice) -> None:
    path = practice.instance.config_dir / "master.cf"
    with path.open("a") as file:
        file.write("2587 inet n - y - - smtpd\n  -o syslog_name=mua/$service_name\n")
    practice.instance.stop()
    start(practice.instance)
    texts, mark = practice.observed().texts, practice.instance.log.mark()
    told = ports_in(texts.master, texts.main)
    assert told == {"postfix-practice/smtpd": "25", "mua/2587/smtpd": "2587"}
    for port in (2525, 2587):
        with smtp("127.0.0.1", port, src=STRANGER, helo="client.example"):
            pass
    eventually(lambda: all(f" {each}[" in practice.log(mark) for each in told), 20)
