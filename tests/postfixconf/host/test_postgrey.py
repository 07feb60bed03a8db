"""An installation's own ways: where its options stand, and how postgrey is reached."""

import os
import signal
from pathlib import Path

import pytest

from postfixconf.host import postgrey
from postfixconf.host.conversation import NAME
from postfixconf.host.instance import Instance
from postfixconf.maillog import messages
from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.lint import lint
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule
from tests.support.dns import Dns
from tests.support.facts import STOCK_MASTER, installed
from tests.support.practice import Practice, serving
from tests.support.waiting import eventually

PLACE = Greylist("smtpd_recipient_restrictions", 1001)
MAIN = "queue_directory = /var/spool/postfix\ncompatibility_level = 3.6\n"


def machine(root: Path, options: str, text: str) -> postgrey.Postgrey:
    """A machine with this options file, and its postgrey."""
    file = root / options
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (root / "etc/postfix").mkdir()
    (root / "etc/postfix/main.cf").write_text(MAIN)
    found = postgrey.find(Instance(root / "etc/postfix"), root)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("options", "text", "service"),
    [
        ("default", 'POSTGREY_OPTS="--inet=10023"\n', "inet:127.0.0.1:10023"),
        ("default", "POSTGREY_OPTS='-i 127.0.0.1:6000'\n", "inet:127.0.0.1:6000"),
        ("default", 'POSTGREY_OPTS="--inet=192.0.2.1:7"\n', "inet:192.0.2.1:7"),
        ("default", 'POSTGREY_OPTS="--unix=/run/pg"\n', "unix:/run/pg"),
        ("default", 'POSTGREY_OPTS="--delay=60"\n', ""),
        ("sysconfig", 'POSTGREY_DELAY="--delay=60"\n', "unix:postgrey/socket"),
        ("sysconfig", 'POSTGREY_TYPE="--inet=10023"\n', "inet:127.0.0.1:10023"),
        (
            "sysconfig",
            'OPTIONS="--unix=/var/spool/postfix/postgrey/socket"\n',
            "unix:postgrey/socket",
        ),
    ],
)
def test_how_postgrey_is_reached_is_found(
    tmp_path: Path, options: str, text: str, service: str
) -> None:
    found = machine(tmp_path, f"etc/{options}/postgrey", text)
    assert found.options == tmp_path / f"etc/{options}/postgrey"
    assert found.service == service


def test_a_practice_server_never_finds_the_machines(practice: Practice) -> None:
    assert practice.postgrey.options.is_relative_to(practice.room)
    practice.postgrey.options.unlink()
    assert postgrey.find(practice.instance) is None


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("inet:127.0.0.1:10023", True),
        ("inet:localhost:10023", True),
        ("inet:[::1]:10023", True),
        ("{ inet:127.0.0.1:10023, timeout=9s }", True),
        ("{inet:127.0.0.1:10023 timeout=9s}", True),
        ("unix:postgrey/socket", True),
        ("{ unix:/var/spool/postfix/postgrey/socket, try_limit=1 }", True),
        ("unix:private/policyd-spf", False),
        ("inet:127.0.0.1:10031", False),
        ("inet:127.0.0.1:12525", False),
        ("", False),
    ],
)
def test_a_rule_is_known_in_any_spelling(text: str, ours: bool) -> None:
    assert PLACE.matches(Rule("check_policy_service", text)) is ours


def test_the_postgrey_of_this_server_is_known_at_its_own_port() -> None:
    place = PLACE.on("inet:127.0.0.1:12525")
    assert place.matches(Rule("Check_Policy_Service", "inet:localhost:12525"))
    place = PLACE.on("unix:grey/sock")
    assert place.matches(Rule("check_policy_service", "unix:/var/spool/x/grey/sock"))


def test_an_absolute_socket_in_a_chroot_is_a_finding() -> None:
    rule = "check_policy_service unix:/var/spool/postfix/postgrey/socket"
    main = f"{MAIN}smtpd_recipient_restrictions = permit_mynetworks, {rule}\n"
    found = lint(MainCf.parse(main), installed(), master=MasterCf.parse(STOCK_MASTER))
    assert "chrooted_socket" in {each.code for each in found}


def test_what_the_socket_is_called_in_a_chroot_is_no_finding() -> None:
    rule = PLACE.on("unix:postgrey/socket").rule(warn=False).text
    main = f"{MAIN}smtpd_recipient_restrictions = permit_mynetworks, {rule}\n"
    found = lint(MainCf.parse(main), installed(), master=MasterCf.parse(STOCK_MASTER))
    assert "chrooted_socket" not in {each.code for each in found}


def test_a_question_of_ours_counts_nowhere() -> None:
    assert messages.OURS == NAME
    line = f"action=pass, reason=recipient whitelist, client_name={NAME}, "
    line += "client_address=192.0.2.66, recipient=postmaster@practice.test"
    assert messages.greylisted(line) is None


def test_where_syslog_writes_the_log_it_comes_back_after_a_crash(dns: Dns) -> None:
    with serving(settings={"maillog_file": ""}) as practice:
        practice.postgrey.start()
        pid = practice.postgrey.state().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not practice.postgrey.state().running)
        practice.postgrey.start()
        assert practice.postgrey.ask() < 1


def test_a_real_question_is_answered_and_leaves_no_data(practice: Practice) -> None:
    practice.postgrey.start()
    assert practice.postgrey.ask() < 1
    assert practice.postgrey.state().running
    practice.postgrey.stop()
    assert not practice.postgrey.state().running
