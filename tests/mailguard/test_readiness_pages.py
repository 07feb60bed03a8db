"""The page Readiness: what the worker found, what it is asked, and what stands in the
way of each step.
"""

import html
import subprocess
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.errors import NotNow
from mailguard.sending import readiness, tasks
from mailguard.sending.models import Opening, Readiness
from mailguard.servers.models import Observed, Server
from mailguard.servers.services import look
from postfixconf.host.readiness import Check, Level
from tests.support.apart import apart, own_ufw
from tests.support.practice import Practice, configure
from tests.support.submission import sending

PAGE = "/sending/readiness/"


def text_of(client: Client) -> str:
    """The words of the page."""
    page = client.get(PAGE).content.decode()
    return " ".join(html.unescape(strip_tags(page)).split())


def test_before_the_first_look_everything_is_in_the_way(
    client: Client, server: Server
) -> None:
    page = client.get(PAGE).content.decode()
    assert 'data-state="waiting"' in page
    assert "Check again" not in page
    (told,) = readiness.ready(server)["submission"]
    assert "Nobody has looked yet" in told.sentence


def test_the_worker_looks_and_the_page_tells(
    client: Client, server: Server, practice: Practice
) -> None:
    configure(practice.instance, {"smtpd_tls_cert_file": ""})  # Dovecot runs nowhere
    tasks.see_readiness("local")
    page = text_of(client)
    assert "Port 2587 cannot be switched on yet: 2 things stand in the way" in page
    assert "Postfix has no certificate" in page
    assert "Nobody listens on port 2465" in page
    told = {each.key for each in readiness.ready(server)["submissions"]}
    assert told == {"certificate", "sasl"}


def test_a_good_server_has_nothing_in_the_way(
    client: Client, server: Server, practice: Practice
) -> None:
    with sending(practice.instance):
        look(server)
        tasks.see_readiness("local")
        assert readiness.ready(server) == {"submission": (), "submissions": ()}
        page = text_of(client)
    assert "Nothing stands in the way of port 587" in page
    assert "signed by itself" in page
    assert "Postfix itself listens on port 465" in page
    assert "Dovecot answers at" in page


def test_it_looks_again_when_asked_or_changed_or_old(
    client: Client, server: Server, practice: Practice
) -> None:
    tasks.see_readiness("local")
    first = Readiness.objects.get()
    tasks.see_readiness("local")
    assert Readiness.objects.get().at == first.at
    assert client.post(f"{PAGE}again/")["Location"] == PAGE
    assert 'data-state="waiting"' in client.get(PAGE).content.decode()
    asked = Readiness.objects.get().asked_at
    readiness.ask(server=server)
    assert Readiness.objects.get().asked_at == asked
    tasks.see_readiness("local")
    second = Readiness.objects.get()
    assert second.asked_at is None
    assert second.at != first.at
    Readiness.objects.update(digest="another")
    tasks.see_readiness("local")
    third = Readiness.objects.get()
    assert third.at != second.at
    Readiness.objects.update(at=timezone.now() - timedelta(minutes=11))
    tasks.see_readiness("local")
    assert Readiness.objects.get().ms > 0
    assert not readiness.due(server)


def test_one_click_opens_the_port_in_ufw(
    client: Client, server: Server, practice: Practice
) -> None:
    with apart(), own_ufw():
        ufw("--force", "enable")
        tasks.see_readiness("local")
        page = client.get(PAGE).content.decode()
        assert "Have ufw open it" in page
        assert "ufw allow 2587/tcp" in page
        sent = client.post(f"{PAGE}firewall/", {"step": "submission"})
        assert sent["Location"] == PAGE
        assert "Port 2587 is being opened by ufw" in text_of(client)
        tasks.see_readiness("local")
        page = text_of(client)
    assert "Port 2587 was opened by ufw for alice" in page
    assert "(ufw) lets port 2587 in" in page
    assert "(ufw) keeps port 2465 closed" in page
    told = Change.objects.get(what="firewall port 2587")
    assert (told.after, told.actor_name, told.reason) == (
        "open",
        "alice",
        "asked of ufw",
    )


def ufw(*words: str) -> None:
    """The real one."""
    subprocess.run(["ufw", *words], check=True, timeout=60, capture_output=True)


def test_a_port_is_opened_only_where_that_can_be(
    client: Client, server: Server, alice: Actor
) -> None:
    row = Readiness.objects.create(server=server, at=timezone.now())
    with pytest.raises(NotNow, match="Neither firewalld nor ufw runs"):
        readiness.open_port(server=server, step="submission", actor=alice)
    Readiness.objects.filter(pk=row.pk).update(manager="ufw")
    with pytest.raises(NotNow, match="'smtp' is no way to send"):
        readiness.open_port(server=server, step="smtp", actor=alice)
    readiness.open_port(server=server, step="submission", actor=alice)
    with pytest.raises(NotNow, match="being opened already"):
        readiness.open_port(server=server, step="submission", actor=alice)
    client.post(f"{PAGE}firewall/", {"step": "<b>"})
    assert "<b>" not in client.get(PAGE).content.decode()


def test_what_could_not_be_opened_is_said(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    Readiness.objects.create(server=server, at=timezone.now(), manager="firewalld")
    readiness.open_port(server=server, step="submissions", actor=alice)
    tasks.see_readiness("local")
    assert not Opening.objects.get().ok
    page = text_of(client)
    assert "Port 2465 could not be opened, nothing was changed" in page
    assert "firewall-cmd is not installed" in page


def test_what_a_file_says_is_shown_as_text(client: Client, server: Server) -> None:
    told = Check("sasl", Level.WARNING, "<script>\x1b", "<i>", '"><b>')
    Readiness.objects.create(server=server, at=timezone.now(), checks=[told.as_json()])
    page = client.get(PAGE).content.decode()
    assert "<script>\x1b" not in page
    assert "&lt;script&gt;\\x1b" in page
    assert "<i>" not in page
    assert 'value="&quot;&gt;&lt;b&gt;"' in page


def test_a_silent_worker_is_said(client: Client, server: Server) -> None:
    assert "The worker is looking" in text_of(client)
    Observed.objects.update(at=timezone.now() - timedelta(hours=1))
    assert "The worker does not answer" in text_of(client)
