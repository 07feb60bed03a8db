"""What the pages say and refuse, without a browser."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.changes.models import Revision
from mailguard.protection.models import Setting
from mailguard.servers.models import Observed, Server
from postfixconf.policy.catalog import CONTROLS
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"
RISKY = "reject_unknown_reverse_client_hostname"
WORST = "reject_unknown_client_hostname"


def mode_of(key: str) -> str:
    """The wanted mode."""
    return Setting.objects.get(key=key).mode


@pytest.mark.parametrize("path", ["/", "/protection/", "/review/", "/history/"])
def test_every_page_asks_for_a_sign_in(db: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_every_control_is_on_the_page_with_its_cost(
    client: Client, server: Server
) -> None:
    pages = {
        sends: client.get(path).content.decode()
        for sends, path in ((False, "/protection/"), (True, "/sending/"))
    }
    for control in CONTROLS:
        page = pages[control.sends]
        assert f'data-testid="{control.key}"' in page
        # Nothing is there that could lack its name in the log.
        assert f'name="{control.key}"' in page or control.key == "syslog_name"


def test_what_refuses_nothing_speaks_of_no_refusal(
    client: Client, server: Server
) -> None:
    page = client.get("/protection/").content.decode()
    row = page.partition('data-testid="recorder"')[2].partition("</article>")[0]
    assert "logrotate decides how long" in row
    assert "The mail log says" in row
    assert "a line to the mail log for each recipient" in row
    assert not any(each in row for each in ("refused sender", "recorder.test", "None"))


def test_a_control_that_is_not_available_says_why(
    client: Client, server: Server
) -> None:
    seen = Observed.objects.get()
    types = [each for each in seen.facts["table_types"] if each != "regexp"]
    Observed.objects.update(facts=seen.facts | {"table_types": types})
    page = client.get("/protection/").content.decode()
    assert "the installed Postfix has no regexp tables" in page
    answer = client.post("/protection/recorder/", {"recorder": "on"}, follow=True)
    assert "has no regexp tables" in answer.content.decode()
    assert mode_of("recorder") == "off"


def test_a_low_risk_is_saved_at_once(client: Client, server: Server) -> None:
    client.post(f"/protection/{RULE}/", {RULE: "on"})
    assert mode_of(RULE) == "on"


def test_a_risk_is_confirmed_first(client: Client, server: Server) -> None:
    answer = client.post(f"/protection/{RISKY}/", {RISKY: "on"}, follow=True)
    assert "This can lose legitimate mail" in answer.content.decode()
    assert mode_of(RISKY) == "off"
    client.post(f"/protection/{RISKY}/confirm/", {"confirmed": RISKY})
    assert mode_of(RISKY) == "on"


def test_only_logging_needs_no_confirmation(client: Client, server: Server) -> None:
    client.post(f"/protection/{RISKY}/", {RISKY: "on", f"{RISKY}.test": "on"})
    assert mode_of(RISKY) == "test"


def test_what_is_not_recommended_is_confirmed_twice(
    client: Client, server: Server
) -> None:
    client.post(f"/protection/{WORST}/confirm/", {"confirmed": WORST})
    assert mode_of(WORST) == "off"
    answers = {"confirmed": WORST, "sure": "on"}
    client.post(f"/protection/{WORST}/confirm/", answers)
    assert mode_of(WORST) == "on"


@pytest.mark.parametrize("key", ["nonsense", "%0Amyhostname%20=%20x", "%22%3E%3Cb%3E"])
def test_an_unknown_control_is_not_found(
    client: Client, server: Server, key: str
) -> None:
    assert client.post(f"/protection/{key}/", {key: "on"}).status_code == 404


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "\x1b[31mred", "x" * 10_000])
def test_a_bad_reason_is_refused_and_the_draft_waits(
    client: Client, server: Server, reason: str
) -> None:
    client.post(f"/protection/{RULE}/", {RULE: "on"})
    reviewed = client.get("/review/").context["plan"].digest
    answer = client.post("/review/", {"reason": reason, "reviewed": reviewed})
    assert answer.context["form"].errors["reason"]
    assert Revision.objects.count() == 1
    assert mode_of(RULE) == "on"


@pytest.mark.parametrize("reason", ["# $x {y} 'z' \"w\" <script>alert(1)</script>"])
def test_an_odd_reason_is_text_and_never_markup(
    client: Client, server: Server, reason: str
) -> None:
    client.post(f"/protection/{RULE}/", {RULE: "on"})
    reviewed = client.get("/review/").context["plan"].digest
    answers = {"reason": reason, "reviewed": reviewed}
    page = client.post("/review/", answers, follow=True).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_silent_worker_is_said_and_the_change_waits(
    client: Client, server: Server
) -> None:
    client.post(f"/protection/{RULE}/", {RULE: "on"})
    long_ago = timezone.now() - timedelta(minutes=5)
    Observed.objects.update(at=long_ago)
    assert "The worker does not answer" in client.get("/review/").content.decode()
    reviewed = client.get("/review/").context["plan"].digest
    answers = {"reason": "all the same", "reviewed": reviewed}
    page = client.post("/review/", answers, follow=True).content.decode()
    assert "Waiting: the worker does not answer" in page


def test_a_stopped_postfix_is_the_first_thing_said(
    client: Client, server: Server, practice: Practice
) -> None:
    practice.instance.stop()
    from mailguard.changes import worker

    worker.tend(server)
    page = client.get("/").content.decode()
    assert 'data-light="red"' in page
    assert "stopped" in page


def test_a_page_has_a_strict_policy_for_scripts(client: Client, server: Server) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
