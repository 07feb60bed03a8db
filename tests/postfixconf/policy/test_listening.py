"""What each service works with, over real files: as postconf itself says it."""

from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.listener import SASL, SYSLOG_NAME, WRAPPER
from postfixconf.policy.listening import LEVEL, SHOWN, smtp_services
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, text_of
from tests.support.facts import installed
from tests.support.postconf import Postconf

MAIN = f"""\
{LEVEL} = may
{SASL} = yes
{SYSLOG_NAME} = postfix-here
smtpd_client_restrictions = permit_mynetworks
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
"""
# postconf -P takes a glued `-oname=value` apart at the second `o`; smtpd does not.
MISREAD = {"override_glued_to_its_option.master.cf"}


def readable() -> list[Path]:
    """The master.cf of the corpus that Postfix reads."""
    files = []
    for path in corpus("master.cf"):
        try:
            MasterCf.parse(text_of(path))
        except BadFile:
            continue
        if path.name not in MISREAD:
            files.append(path)
    return files


@pytest.fixture(scope="module")
def postconf(tmp_path_factory: pytest.TempPathFactory) -> Postconf:
    """postconf(1) on a directory of its own."""
    return Postconf(tmp_path_factory.mktemp("postconf"))


@pytest.mark.parametrize("path", readable(), ids=lambda path: path.name)
def test_effective_values_are_those_of_postconf(path: Path, postconf: Postconf) -> None:
    text = text_of(path)
    postconf.write("main.cf", MAIN)
    postconf.write("master.cf", text)
    usual = dict(zip(SHOWN, postconf.values([*SHOWN]), strict=True))
    own = postconf.ask("-P").settings
    found = smtp_services(MainCf.parse(MAIN), MasterCf.parse(text), installed())
    for each in found:
        where = f"{each.service.name}/{each.service.type}"
        told = {name: own.get(f"{where}/{name}", usual[name]) for name in SHOWN}
        assert dict(each.values) == told
    listed = {line.split()[0] for line in postconf.ask("-M").lines}
    assert {each.service.name for each in found} <= listed


def test_a_wrapped_service_needs_no_starttls() -> None:
    master = MasterCf.parse(f"465 inet n - n - - smtpd -o {WRAPPER}=yes\n")
    (found,) = smtp_services(MainCf.parse(MAIN), master, installed())
    assert found.tls == "TLS from the start"
    assert found.auth == "people sign in, under TLS only"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("smtpd_tls_security_level = encrypt", "STARTTLS required"),
        ("smtpd_tls_security_level = may", "STARTTLS offered"),
        ("smtpd_enforce_tls = yes", "STARTTLS required"),
        ("smtpd_use_tls = yes", "STARTTLS offered"),
        ("smtpd_tls_security_level = none", "no encryption"),
    ],
)
def test_the_old_names_of_tls_mean_the_same(line: str, words: str) -> None:
    master = MasterCf.parse("smtp inet n - n - - smtpd\n")
    (found,) = smtp_services(MainCf.parse(f"{line}\n"), master, installed())
    assert found.tls == words


def test_main_cf_is_followed_in_an_override() -> None:
    master = MasterCf.parse(f"587 inet n - n - - smtpd -o {LEVEL}=$own_level\n")
    main = MainCf.parse("own_level = encrypt\n")
    (found,) = smtp_services(main, master, installed())
    assert found.values[LEVEL] == "$own_level"
    assert found.tls == "STARTTLS required"
