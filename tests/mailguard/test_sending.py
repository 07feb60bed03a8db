"""The page Sending: 587 and 465 from a click to a mail program, and back."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.changes import worker
from mailguard.changes.models import Revision, State
from mailguard.changes.restore import request_restore
from mailguard.changes.undo import undo
from mailguard.protection.differences import Difference
from mailguard.protection.models import Setting
from mailguard.sending import steps
from mailguard.servers.models import Live, Server
from postfixconf.host import files, practice_dovecot
from postfixconf.host.practice_dovecot import PASSWORD, PEOPLE
from postfixconf.policy.probe_service import with_probe_service
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.practice import Practice, configure

SASL = "smtpd_sasl_auth_enable"
ALONE = "2587 inet n - n - - smtpd -o syslog_name=postfix/submission"


@pytest.fixture(autouse=True)
def _passwords(practice: Practice) -> Iterator[None]:
    """Somebody checks passwords."""
    room = practice.instance.config_dir.parent
    practice_dovecot.start(room)
    yield
    practice_dovecot.stop(room)


def page_of(client: Client) -> str:
    """The page."""
    return client.get("/sending/").content.decode()


def row_of(page: str, key: str) -> str:
    """The row of one switch."""
    return page.partition(f'data-testid="{key}"')[2].partition("</article>")[0]


def switch(client: Client, key: str, *, on: bool) -> str:
    """Click one switch; where it leads."""
    data = {key: "on"} if on else {}
    answer = client.post(f"/sending/switch/{key}/", data)
    assert answer.status_code == 302
    return str(answer["Location"])


def signed_in(port: int) -> smtplib.SMTP:
    """A mail program that has signed in on the practice server's 587."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    program = smtplib.SMTP("127.0.0.1", port, "laptop.example", timeout=30)
    program.starttls(context=context)
    program.login(PEOPLE[0], PASSWORD)
    return program


def test_both_go_on_by_the_page_and_off_again_byte_for_byte(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    before = practice.instance.master().text
    for key in ("submission", "submissions"):
        assert switch(client, key, on=True) == f"/sending/#{key}"
    assert waiting(server) == ["submission", "submissions"]
    assert apply(server, alice).state == State.APPLIED
    with signed_in(practice.port + 62) as program:
        assert program.mail(PEOPLE[0])[0] == 250
    page = page_of(client)
    assert 'data-live="on"' in row_of(page, "submission")
    assert f"{practice.port + 62}" in row_of(page, "submission")
    assert "STARTTLS required; people sign in, under TLS only" in page
    assert "TLS from the start" in page
    for key in ("submission", "submissions"):
        assert switch(client, key, on=False) == f"/sending/confirm/{key}/"
        answer = client.post(f"/sending/confirm/{key}/", {key: "off", "sure": "on"})
        assert answer.status_code == 302
    assert apply(server, alice).state == State.APPLIED
    assert practice.instance.master().text == with_probe_service(before)


def test_a_confirmation_that_is_not_ticked_changes_nothing(
    client: Client, server: Server
) -> None:
    assert switch(client, "auth_on_25", on=True) == "/sending/confirm/auth_on_25/"
    page = client.post("/sending/confirm/auth_on_25/", {"auth_on_25": "on"})
    assert "Nothing was changed" in page.content.decode()
    assert waiting(server) == []


def test_the_history_and_undo_know_it(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, submission="on")
    revision = apply(server, alice)
    assert [str(each.what) for each in revision.differences] == ["submission"]
    page = client.get(f"/history/{revision.number}/").content.decode()
    assert "submission" in page and "2587 inet" in page
    change = Difference("submission", "off", "on")
    undone = undo(server=server, change=change, actor=alice, reason="too soon")
    assert carried_out(undone, server).state == State.APPLIED
    assert Live.objects.get(key="submission").mode == "off"


def test_the_state_as_adopted_can_be_brought_back(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, submission="on", submissions="on")
    apply(server, alice)
    server.refresh_from_db()
    first = Revision.objects.get(number=1)
    back = request_restore(server=server, actor=alice, revision=first, reason="back")
    assert carried_out(back, server).state == State.APPLIED
    assert Live.objects.get(key="submission").mode == "off"


def test_what_was_found_on_is_adopted_as_on(
    practice: Practice, db: None, client: Client
) -> None:
    master = practice.instance.master()
    by_hand = "2599 inet n - y - - smtpd\n  -o syslog_name=postfix/submission\n"
    text = f"{master.text}{by_hand}".encode()
    files.replace(files.Saved(master.path, text, master.mode, 0, 0))
    try:
        made = Server.objects.create(
            name="local", config_dir=str(practice.instance.config_dir)
        )
        worker.tend(made)
        assert Setting.objects.get(key="submission").mode == "on"
        assert "2599" in row_of(page_of(client), "submission")
    finally:
        files.replace(master)


def test_what_hinders_it_is_said_before_anybody_clicks(
    practice: Practice, db: None, client: Client
) -> None:
    before = practice.instance.main()
    configure(practice.instance, {"smtpd_tls_cert_file": "none"})
    try:
        made = Server.objects.create(
            name="local", config_dir=str(practice.instance.config_dir)
        )
        worker.tend(made)
        row = row_of(page_of(client), "submission")
        assert "would refuse everybody" in row
        assert "smtpd_tls_cert_file" in row
    finally:
        files.replace(before)


def test_somebody_elses_service_shows_its_name_and_no_switch(
    practice: Practice, db: None, client: Client
) -> None:
    master = practice.instance.master()
    text = f"{master.text}127.0.0.1:submission inet n - y - - smtpd\n".encode()
    files.replace(files.Saved(master.path, text, master.mode, 0, 0))
    try:
        made = Server.objects.create(
            name="local", config_dir=str(practice.instance.config_dir)
        )
        worker.tend(made)
        row = row_of(page_of(client), "submission")
        assert "set elsewhere" in row and "127.0.0.1:submission" in row
        answer = client.post("/sending/switch/submission/", {}, follow=True)
        assert "Nothing was changed" in answer.content.decode()
    finally:
        files.replace(master)


def test_a_switch_that_is_none_is_not_found(client: Client, server: Server) -> None:
    for key in ("disable_vrfy_command", "nonsense"):
        assert client.post(f"/sending/switch/{key}/").status_code == 404
        assert client.get(f"/sending/confirm/{key}/").status_code == 404


def test_the_page_works_before_anything_is_known(client: Client, db: None) -> None:
    Server.objects.create(name="local", config_dir="/nowhere")
    assert "Nothing is known yet" in page_of(client)


def test_a_server_of_submission_alone_has_no_port_25(
    client: Client, practice: Practice, request: pytest.FixtureRequest
) -> None:
    saved = practice.instance.master()
    text = re.sub(r"(?m)^2525 .*$", ALONE, saved.text)
    files.replace(replace(saved, data=text.encode()))
    configure(practice.instance, {SASL: "yes"})
    practice.instance.restart()
    server = request.getfixturevalue("server")
    row = row_of(page_of(client), "auth_on_25")
    assert 'data-mode="off"' in row
    assert "nothing listens on port 25" in row
    answer = client.post("/sending/switch/auth_on_25/", {"auth_on_25": "on"})
    assert answer.status_code == 302 and not waiting(server)
    (told,) = [each for each in steps.steps(server) if each.key == "ended"]
    assert told.done and not told.undo
