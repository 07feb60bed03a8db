"""The test sign-in: on a real Postfix and Dovecot, and its password is nowhere."""

import base64
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags

from mailguard.audit.models import Change
from mailguard.sending import readiness, tasks
from mailguard.sending.models import Readiness
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.host import files
from postfixconf.host.readiness.signin import Answer, without
from tests.support import cyrus as cyrus_support
from tests.support.cyrus import Cyrus, prepare
from tests.support.dovecot import PASSWORD, USER
from tests.support.practice import Practice
from tests.support.submission import BOTH, Submission, sending

PAGE = "/sending/readiness/sign-in/"
WRONG = "Wegwarte-1234567"
LOGIN = BOTH.replace("_only=yes", "_only=yes -o smtpd_sasl_mechanism_filter=login")


@pytest.fixture
def master() -> str:
    """What is added to master.cf."""
    return BOTH


@pytest.fixture
def submission(server: Server, practice: Practice, master: str) -> Iterator[Submission]:
    """A server that has 587 and 465."""
    with sending(practice.instance, master) as made:
        servers.look(server)
        yield made


def tried(server: Server, password: str, user: str = USER) -> Answer:
    """What came of it."""
    return readiness.sign_in(server=server, user=user, password=password)


def test_it_works_on_587(server: Server, submission: Submission) -> None:
    assert tried(server, PASSWORD) == Answer(
        True, f"Port 587 lets {USER} sign in, over TLS."
    )


@pytest.mark.parametrize("master", [BOTH.splitlines()[1] + "\n"])
def test_it_works_on_465_alone(server: Server, submission: Submission) -> None:
    assert "Port 465 lets" in tried(server, PASSWORD).sentence


@pytest.mark.parametrize("master", [LOGIN])
def test_it_works_where_login_alone_is_offered(
    server: Server, submission: Submission
) -> None:
    assert tried(server, PASSWORD).ok, tried(server, PASSWORD)
    assert tried(server, WRONG).ok is False


def test_a_wrong_password_is_refused_in_the_server_s_words(
    server: Server, submission: Submission
) -> None:
    told = tried(server, WRONG)
    assert told.ok is False
    assert told.sentence.startswith(f"Port 587 did not let {USER} in. It said: 535")
    assert told.remedy


@pytest.mark.parametrize("master", [""])
def test_before_a_port_offers_it_dovecot_itself_is_asked(
    server: Server, submission: Submission
) -> None:
    saved = submission.instance.master()  # no chroot, where the socket is not
    text = re.sub(r"(?m)^(2525 +inet +n +- +)y", r"\1n", saved.text)
    files.replace(replace(saved, data=text.encode()))
    servers.look(server)
    told = tried(server, PASSWORD)
    assert told == Answer(True, f"Dovecot lets {USER} in. No port offers AUTH yet.")
    assert tried(server, WRONG).ok is False
    assert tried(server, "x", "Nobody").ok is False


def test_where_nobody_can_be_asked_that_is_said(
    server: Server, practice: Practice
) -> None:
    told = tried(server, PASSWORD)
    assert told.ok is None
    assert "Dovecot could not be asked" in told.sentence or (
        "Nobody could be asked" in told.sentence
    )
    practice.instance.stop()
    assert tried(server, PASSWORD).ok is None


def test_the_page_tells_and_shows_no_password(
    client: Client, server: Server, submission: Submission
) -> None:
    answer = client.post(PAGE, {"name": USER, "secret": PASSWORD})
    page = answer.content.decode()
    assert 'data-ok="yes"' in page
    assert "no-store" in answer["Cache-Control"]
    assert not any(each in page for each in forms_of(PASSWORD))
    page = client.post(PAGE, {"name": USER, "secret": WRONG}).content.decode()
    assert 'data-ok="no"' in page
    assert not any(each in page for each in forms_of(WRONG))


@pytest.fixture
def cyrus(server: Server, practice: Practice) -> Cyrus:
    """A server on whose port 25 people sign in, by Cyrus SASL."""
    room = practice.room / "cyrus"
    room.mkdir()
    made = prepare(practice.instance, room)
    practice.instance.restart()
    servers.look(server)
    return made


def test_it_works_with_cyrus_sasl(server: Server, cyrus: Cyrus) -> None:
    told = tried(server, cyrus_support.PASSWORD, cyrus_support.USER)
    assert told.ok, told
    told = tried(server, WRONG, cyrus_support.USER)
    assert told.ok is False and "NAME@REALM" in told.remedy
    assert WRONG not in f"{told}"


def test_where_cyrus_sasl_can_ask_nobody_the_reason_is_told(
    client: Client, server: Server, cyrus: Cyrus
) -> None:
    shutil.chown(cyrus.sasldb, "root", "root")
    told = tried(server, cyrus_support.PASSWORD, cyrus_support.USER)
    assert told.unasked and "could not check the password" in told.sentence
    assert "454 4.7.0 Temporary authentication failure" in told.sentence
    assert "says nothing of the password" in told.remedy
    assert Readiness.objects.get().asked_at  # the worker looks again
    tasks.see_readiness("local")
    page = client.post(
        PAGE, {"name": cyrus_support.USER, "secret": cyrus_support.PASSWORD}
    ).content.decode()
    assert f"may not read {cyrus.sasldb}" in page
    assert "chgrp postfix" in page
    cyrus.by_saslauthd()
    cyrus.instance.restart()
    readiness.look_now(server)
    told = tried(server, cyrus_support.PASSWORD, cyrus_support.USER)
    assert "saslauthd does not listen" in told.remedy
    assert "systemctl enable --now saslauthd" in told.remedy


def test_markup_in_a_name_is_shown_as_text(client: Client, server: Server) -> None:
    page = client.post(PAGE, {"name": "<b>a\x07", "secret": "s"}).content.decode()
    assert "<b>a" not in page
    page = client.post(PAGE, {"name": "", "secret": "secret-7"}).content.decode()
    assert "This field is required" in strip_tags(page)
    assert "secret-7" not in page
    assert client.get(PAGE)["Location"] == "/sending/readiness/"
    assert (
        Client()
        .post(PAGE, {"name": "a", "secret": "b"})["Location"]
        .startswith("/login/")
    )


def test_the_password_is_in_no_row_no_log_and_no_error(
    client: Client,
    server: Server,
    submission: Submission,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        for password in (PASSWORD, WRONG):
            client.post(PAGE, {"name": USER, "secret": password})
        submission.instance.stop()
        client.post(PAGE, {"name": USER, "secret": WRONG})
    dumped = StringIO()
    call_command("dumpdata", stdout=dumped)
    said = capfd.readouterr()
    log = submission.instance.config_dir.parent / "log"
    files = [each.read_text() for each in log.rglob("*") if each.is_file()]
    texts = [dumped.getvalue(), caplog.text, said.out, said.err, *files]
    texts.append(submission.dovecot.log)
    assert USER in "".join(files) + submission.dovecot.log
    for text in texts:
        assert not any(each in text for each in forms_of(PASSWORD, WRONG))
    assert not Change.objects.exclude(what="adopted").filter(what__contains="sign")


def test_what_a_server_repeats_is_taken_out() -> None:
    for each in forms_of(PASSWORD):
        told = without(f"no {each}!", USER, PASSWORD)
        assert told == "no …!"


def forms_of(*passwords: str) -> list[str]:
    """A password as it is, and as AUTH carries it."""
    found = []
    for each in passwords:
        plain = base64.b64encode(f"\0{USER}\0{each}".encode()).decode()
        found += [each, base64.b64encode(each.encode()).decode(), plain]
    return found
