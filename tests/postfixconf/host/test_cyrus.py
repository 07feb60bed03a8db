"""Cyrus SASL behind a real smtpd: who signs in, and what is said where nobody can."""

import base64
import shutil
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest

from postfixconf.host.readiness import Check, Level
from postfixconf.host.readiness.sasl import sasl
from postfixconf.host.readiness.settings import Settings
from postfixconf.text.mastercf import MasterCf
from tests.support.cyrus import PASSWORD, SASLDB, USER, Cyrus, covered, prepare
from tests.support.practice import Practice, configure, serving

PORT = 2525
WRONG, TEMPORARY, WELCOME = 535, 454, 235
GROUPS = Path("/etc/group")


@pytest.fixture(scope="module")
def server() -> Iterator[Practice]:
    """A practice server of its own."""
    with serving(PORT) as practice:
        yield practice


@pytest.fixture(scope="module")
def cyrus(server: Practice) -> Cyrus:
    """Cyrus SASL behind it."""
    room = server.room / "cyrus"
    room.mkdir()
    made = prepare(server.instance, room)
    server.instance.restart()
    return made


@pytest.fixture
def by_sasldb(cyrus: Cyrus) -> Cyrus:
    """sasldb2 that user postfix may read."""
    shutil.chown(cyrus.sasldb, "root", "postfix")
    cyrus.by_sasldb()
    cyrus.instance.restart()
    return cyrus


@pytest.fixture
def by_saslauthd(cyrus: Cyrus) -> Cyrus:
    """saslauthd is asked; it does not run."""
    cyrus.by_saslauthd()
    cyrus.instance.restart()
    return cyrus


def signs_in(name: str = USER, password: str = PASSWORD) -> int:
    """The code of an attempt."""
    with smtplib.SMTP("127.0.0.1", PORT, "laptop.example", timeout=30) as client:
        client.ehlo()
        plain = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        return client.docmd("AUTH", f"PLAIN {plain}")[0]


def offered() -> str:
    """The mechanisms that Postfix offers."""
    with smtplib.SMTP("127.0.0.1", PORT, "laptop.example", timeout=30) as client:
        client.ehlo()
        return client.esmtp_features["auth"].strip()


def said(cyrus: Cyrus, **more: str) -> Check:
    """What the check says, as things are."""
    values = cyrus.instance.values() | more
    master = MasterCf.parse(cyrus.instance.master().text)
    return sasl(Settings.of("submission", values, master))


def deaf(path: Path) -> ExitStack:
    """The socket of a daemon that was killed."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    path.chmod(0o777)
    stack = ExitStack()
    stack.callback(path.unlink)
    return stack


@pytest.fixture
def postfix_in_sasl(tmp_path: Path) -> Iterator[None]:
    """`usermod -a -G sasl postfix`, for this process alone."""
    lines = GROUPS.read_text().splitlines(keepends=True)
    made = tmp_path / "group"
    made.write_text(
        "".join(
            f"{line.rstrip()}postfix\n" if line.startswith("sasl:") else line
            for line in lines
        )
    )
    made.chmod(0o644)
    with covered(GROUPS, made):
        yield


def test_whom_sasldb_knows_signs_in(by_sasldb: Cyrus) -> None:
    told = said(by_sasldb)
    assert told.level is Level.OK, told
    assert f"set up in {by_sasldb.file} and offers PLAIN, LOGIN" in told.sentence
    assert offered() == "PLAIN LOGIN"
    assert signs_in() == WELCOME
    assert signs_in(password="wrong") == WRONG
    assert signs_in("nobody@practice.test") == WRONG


def test_a_name_without_a_realm_is_looked_for_in_our_own(by_sasldb: Cyrus) -> None:
    assert "NAME@mail.practice.test" in said(by_sasldb).sentence
    assert signs_in("alice") == WRONG
    configure(by_sasldb.instance, {"smtpd_sasl_local_domain": "practice.test"})
    by_sasldb.instance.restart()
    try:
        assert "NAME@practice.test" in said(by_sasldb).sentence
        assert signs_in("alice") == WELCOME
    finally:
        configure(by_sasldb.instance, {"smtpd_sasl_local_domain": ""})


def test_a_sasldb_that_postfix_may_not_read_is_in_the_way(by_sasldb: Cyrus) -> None:
    shutil.chown(by_sasldb.sasldb, "root", "sasl")  # as Debian makes it
    assert signs_in() == TEMPORARY
    told = said(by_sasldb)
    assert told.level is Level.HINDRANCE
    assert f"user postfix, may not read {by_sasldb.sasldb}" in told.sentence
    assert "454 Temporary authentication failure" in told.sentence
    assert told.command == "usermod -a -G sasl postfix"
    shutil.chown(by_sasldb.sasldb, "root", "root")
    assert said(by_sasldb).command.startswith("chgrp postfix ")


def test_the_group_of_sasldb_is_enough(by_sasldb: Cyrus, postfix_in_sasl: None) -> None:
    shutil.chown(by_sasldb.sasldb, "root", "sasl")
    by_sasldb.instance.restart()
    assert signs_in() == WELCOME
    assert said(by_sasldb).level is Level.OK


def test_a_missing_sasldb_is_in_the_way(by_sasldb: Cyrus) -> None:
    away = by_sasldb.sasldb.rename(by_sasldb.room / "away")
    try:
        assert signs_in() == WRONG
        assert "knows nobody" in said(by_sasldb).sentence
    finally:
        away.rename(by_sasldb.sasldb)


def test_whom_saslauthd_knows_signs_in(
    by_saslauthd: Cyrus, postfix_in_sasl: None
) -> None:
    by_saslauthd.instance.restart()
    with by_saslauthd.saslauthd():
        assert said(by_saslauthd).level is Level.OK, said(by_saslauthd)
        assert signs_in() == WELCOME
        assert signs_in(password="wrong") == WRONG


def test_saslauthd_whom_postfix_may_not_ask_is_in_the_way(
    by_saslauthd: Cyrus,
) -> None:
    with by_saslauthd.saslauthd():
        assert signs_in() == TEMPORARY
        told = said(by_saslauthd)
    assert f"may not use saslauthd's socket {by_saslauthd.mux}" in told.sentence
    assert told.command == "usermod -a -G sasl postfix"


@pytest.mark.parametrize("left", [False, True])
def test_saslauthd_that_does_not_run_is_in_the_way(
    by_saslauthd: Cyrus, postfix_in_sasl: None, left: bool
) -> None:
    by_saslauthd.instance.restart()
    with deaf(by_saslauthd.mux) if left else nullcontext():
        assert signs_in() == TEMPORARY
        told = said(by_saslauthd)
    assert told.level is Level.HINDRANCE
    assert "saslauthd does not" in told.sentence
    assert told.command == "systemctl enable --now saslauthd"


def test_a_file_where_debian_s_postfix_does_not_look_is_in_the_way(
    by_sasldb: Cyrus, tmp_path: Path
) -> None:
    lost = by_sasldb.file.rename(by_sasldb.room / "smtpd.conf")
    elsewhere = {"cyrus_sasl_config_path": str(by_sasldb.room)}
    configure(by_sasldb.instance, elsewhere)
    empty = tmp_path / "sasldb2"  # what is asked without a file
    empty.touch(mode=0o600)
    try:
        with covered(SASLDB, empty):
            by_sasldb.instance.restart()
            assert offered() != "PLAIN LOGIN"
            assert signs_in() == TEMPORARY
        told = said(by_sasldb)
        assert f"{lost} is not read" in told.sentence
        assert told.command.endswith(f"mv {lost} {by_sasldb.file}")
    finally:
        lost.rename(by_sasldb.file)
        configure(by_sasldb.instance, {"cyrus_sasl_config_path": ""})


def test_in_a_chroot_sasldb_is_looked_for_inside(by_sasldb: Cyrus) -> None:
    values = by_sasldb.instance.values()
    told = sasl(Settings(values, {}, chroot=True))
    inner = f"{values['queue_directory']}{by_sasldb.sasldb}"
    assert f"inside smtpd's chroot: {inner} is missing" in told.sentence
