"""Greylisting through the pages and the worker, on a real Postfix and postgrey."""

import os
import signal
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import restore, services, undo, worker
from mailguard.changes.models import Revision, State
from mailguard.changes.panic import request_panic
from mailguard.errors import NotNow
from mailguard.greylisting import services as postgrey
from mailguard.greylisting.models import Service
from mailguard.greylisting.waiting import kept_waiting, weeks, work_out
from mailguard.protection.greylist_settings import greylisting, set_greylisting
from mailguard.protection.models import GreylistSetting, Setting
from mailguard.servers.models import Live, Server
from mailguard.traffic import intake
from mailguard.traffic.models import Attempt, Triplet
from mailguard.traffic.times import microseconds
from postfixconf.policy.greylisting import Greylisting
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.practice import Practice
from tests.support.waiting import eventually

PAGE = "/greylisting/"
GOOD = "127.0.0.10"
ALICE, BOB = "alice@good.example", "bob@practice.test"
FIELDS = {
    "delay": "300",
    "retry_window": "48",
    "max_age": "35",
    "auto_whitelist": "5",
    "by_host": "no",
    "ipv4": "24",
    "ipv6": "64",
    "text": "",
}


def text_of(client: Client, page: str = PAGE) -> str:
    """The words of a page."""
    return " ".join(strip_tags(client.get(page).content.decode()).split())


def answers(practice: Practice) -> bool:
    """Whether its postgrey runs and is not halted."""
    state = practice.postgrey.state()
    return state.running and not state.halted


def read_on(server: Server, practice: Practice) -> None:
    """Read the log once postgrey has told that it let somebody in."""
    eventually(lambda: "action=pass" in practice.log())
    while intake.follow(server):
        pass


def test_a_mode_is_a_draft_and_on_is_asked_back(client: Client, server: Server) -> None:
    answer = client.post("/greylisting/mode/", {"greylisting": "test"})
    assert answer["Location"] == PAGE
    assert Setting.objects.get(key="greylisting").mode == "test"
    answer = client.post("/greylisting/mode/", {"greylisting": "on"})
    assert answer["Location"] == "/protection/greylisting/confirm/"
    asked = text_of(client, answer["Location"])
    assert "Let it only learn first" in asked and "have been refused" not in asked
    answer = client.post(answer["Location"], {"confirmed": "greylisting"})
    assert answer["Location"] == PAGE
    assert waiting(server) == ["greylisting"]
    assert 'data-mode="on"' in client.get(PAGE).content.decode()


def test_settings_are_a_draft_with_their_differences(
    client: Client, server: Server, practice: Practice
) -> None:
    wanted = FIELDS | {"delay": "60", "text": "Greylisted for %s seconds"}
    assert client.post("/greylisting/settings/", wanted)["Location"] == PAGE
    assert waiting(server) == ["greylisting delay", "greylisting text"]
    shown = text_of(client, "/review/")
    assert "Greylisting: seconds to wait" in shown
    assert "--delay=60" in shown
    assert practice.postgrey.saved().text == practice.adopted.options
    told = Change.objects.get(what="greylisting delay")
    assert (told.before, told.after, told.actor_name) == ("300", "60", "alice")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("delay", "0", "0 is too small: at least 1"),
        ("delay", "soon", "Not a whole number"),
        ("ipv4", "99", "99 is too large: at most 32"),
        ("text", 'say "no"', "a text has no quotes"),
        ("text", "a\nb", "a text has no quotes"),
        ("retry_window", "9999", "9999 is too large"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_lost(
    client: Client, server: Server, field: str, value: str, said: str
) -> None:
    answer = client.post(
        "/greylisting/settings/", FIELDS | {"max_age": "9", field: value}
    )
    page = answer.content.decode()
    assert said in " ".join(strip_tags(page).replace("&#x27;", "'").split())
    assert 'value="9"' in page
    assert not GreylistSetting.objects.exists()


def test_a_delay_longer_than_the_window_is_refused(
    client: Client, server: Server
) -> None:
    answer = client.post(
        "/greylisting/settings/", FIELDS | {"delay": "7200", "retry_window": "1"}
    )
    assert "shorter than the retry window" in answer.content.decode()


def test_learn_then_on_then_off(
    server: Server, alice: Actor, practice: Practice
) -> None:
    set_greylisting(settings=Greylisting(delay=1), actor=alice)
    want(server, alice, greylisting="test")
    assert apply(server, alice).state == State.APPLIED
    assert practice.attempt(ALICE, BOB, src=GOOD).ok
    want(server, alice, greylisting="on")
    made = apply(server, alice)
    assert [each["name"] for each in made.steps][-4:] == [
        *("replace", "restart", "probe", "settle")
    ]
    assert practice.attempt("new@good.example", BOB, src=GOOD).code == 450
    want(server, alice, greylisting="off")
    set_greylisting(settings=Greylisting(), actor=alice)
    assert apply(server, alice).state == State.APPLIED
    assert practice.instance.main().text == practice.adopted.main
    assert practice.postgrey.saved().text == practice.adopted.options
    assert not practice.postgrey.state().running


def test_a_setting_is_undone_and_restored(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, greylisting="on")
    first = apply(server, alice)
    as_first = practice.postgrey.saved().text
    set_greylisting(settings=Greylisting(delay=60, max_age=9), actor=alice)
    second = apply(server, alice)
    assert practice.postgrey.saved().text.count("--delay=60") == 1
    [delay] = [x for x in second.differences if x.what == "greylisting delay"]
    carried_out(
        undo.undo(server=server, actor=alice, change=delay, reason="too short"), server
    )
    assert "--delay" not in practice.postgrey.saved().text
    assert "--max-age=9" in practice.postgrey.saved().text
    carried_out(
        restore.request_restore(
            server=server, actor=alice, revision=second, reason="again"
        ),
        server,
    )
    assert "--delay=60" in practice.postgrey.saved().text
    carried_out(
        restore.request_restore(
            server=server, actor=alice, revision=first, reason="back"
        ),
        server,
    )
    assert practice.postgrey.saved().text == as_first
    assert "--delay" not in as_first
    assert greylisting() == Greylisting()


def test_a_revision_of_before_says_nothing_of_the_settings(
    server: Server, alice: Actor
) -> None:
    want(server, alice, disable_vrfy_command="on")
    old = apply(server, alice)
    del old.policy["greylisting"]
    Revision.objects.filter(pk=old.pk).update(policy=old.policy)
    set_greylisting(settings=Greylisting(delay=60), actor=alice)
    want(server, alice, disable_vrfy_command="off")
    apply(server, alice)
    found = restore.preview(server, old)
    assert [x.what for x in found.settings] == ["disable_vrfy_command"]


def test_discarding_wants_the_live_settings_again(server: Server, alice: Actor) -> None:
    set_greylisting(settings=Greylisting(delay=60), actor=alice)
    assert services.discard(server=server, actor=alice) == 1
    assert greylisting() == Greylisting()
    assert waiting(server) == []


def test_options_by_hand_are_drift_and_adopted(
    server: Server, alice: Actor, practice: Practice
) -> None:
    set_greylisting(settings=Greylisting(max_age=9), actor=alice)
    options = practice.postgrey.options
    edited = options.read_text().replace("--inet", "--delay=42 --inet")
    options.write_text(edited)
    worker.tend(server)
    assert "postgrey's options" in services.drift_of(server)
    carried_out(
        services.request_adoption(server=server, actor=alice, reason="mine"), server
    )
    assert services.drift_of(server) == {}
    assert greylisting() == Greylisting(delay=42, max_age=9)
    assert waiting(server) == ["greylisting max-age"]


def test_options_that_cannot_be_read_are_named(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    practice.postgrey.options.write_text('POSTGREY_OPTS="$MORE --inet=12525"\n')
    worker.tend(server)
    carried_out(
        services.request_adoption(server=server, actor=alice, reason="mine"), server
    )
    set_greylisting(settings=Greylisting(delay=60), actor=alice)
    with pytest.raises(NotNow, match="only a shell can tell"):
        apply(server, alice)


def test_a_policy_of_before_gets_the_settings_in_force(
    server: Server, practice: Practice
) -> None:
    options = practice.postgrey.options
    options.write_text(options.read_text().replace("--inet", "--delay=42 --inet"))
    worker.tend(server)
    told = dict(server.live_policy)
    del told["greylisting"]
    server.live_policy = told
    server.save()
    worker.tend(server)
    server.refresh_from_db()
    assert greylisting() == Greylisting(delay=42)
    assert waiting(server) == []


def test_the_page_tells_how_the_service_is(
    client: Client, server: Server, practice: Practice
) -> None:
    assert "has not looked at postgrey yet" in text_of(client)
    postgrey.tend(server)
    assert "postgrey is stopped" in text_of(client)
    client.post("/greylisting/service/", {"verb": "start"})
    assert "the worker is at it" in text_of(client)
    postgrey.tend(server)
    shown = text_of(client)
    assert "postgrey is running and answers in" in shown
    assert "version 1.37" in shown
    first = practice.postgrey.state().pid
    client.post("/greylisting/service/", {"verb": "restart"})
    postgrey.tend(server)
    assert practice.postgrey.state().pid not in (None, first)
    client.post("/greylisting/service/", {"verb": "stop"})
    postgrey.tend(server)
    assert not practice.postgrey.state().running
    told = Change.objects.filter(what="postgrey service").order_by("id")
    assert [x.after for x in told] == ["running", "running", "stopped"]


def test_it_is_not_stopped_while_postfix_asks_it(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, greylisting="test")
    apply(server, alice)
    postgrey.tend(server)
    answer = client.post("/greylisting/service/", {"verb": "stop"}, follow=True)
    assert "Postfix still asks postgrey" in answer.content.decode()
    postgrey.tend(server)
    assert practice.postgrey.state().running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_dashboard_says_that_it_is_down_and_mail_flows(
    client: Client, server: Server, alice: Actor, practice: Practice, number: int
) -> None:
    want(server, alice, greylisting="on")
    apply(server, alice)
    postgrey.tend(server)
    assert "Greylisting does not work" not in text_of(client, "/")
    pid = practice.postgrey.state().pid
    assert pid is not None
    os.kill(pid, number)
    eventually(lambda: not answers(practice))
    postgrey.tend(server)
    shown = text_of(client, "/")
    assert (
        "Greylisting does not work: Postfix asks postgrey and gets no answer" in shown
    )
    assert "Mail keeps flowing" in shown
    assert 'data-light="yellow"' in client.get("/").content.decode()
    assert practice.attempt(ALICE, BOB, src=GOOD).ok
    remedy = "start" if number == signal.SIGKILL else "restart"
    assert f'value="{remedy}"' in client.get("/protection/").content.decode()
    client.post("/greylisting/service/", {"verb": remedy})
    postgrey.tend(server)
    assert postgrey.down(server) is None


def test_a_rule_by_hand_that_loses_mail_is_red(
    client: Client, server: Server, practice: Practice
) -> None:
    main = practice.instance.config_dir / "main.cf"
    rule = f"check_policy_service inet:127.0.0.1:{practice.port + 10_000}"
    main.write_text(f"{main.read_text()}smtpd_recipient_restrictions = {rule}\n")
    worker.tend(server)
    postgrey.tend(server)
    assert 'data-light="red"' in client.get("/").content.decode()
    assert "All mail is put off with 451" in text_of(client)


def test_a_postgrey_on_another_machine_is_not_called_down(
    client: Client, server: Server, practice: Practice
) -> None:
    main = practice.instance.config_dir / "main.cf"
    rule = "check_policy_service inet:postgrey.example:10023"
    main.write_text(f"{main.read_text()}smtpd_recipient_restrictions = {rule}\n")
    worker.tend(server)
    postgrey.tend(server)
    assert postgrey.down(server) is None


def test_waiting_and_waited_are_told_from_the_log(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    intake.follow(server)
    text = "Please come back in %s seconds"
    set_greylisting(settings=Greylisting(delay=2, text=text), actor=alice)
    want(server, alice, greylisting="on")
    apply(server, alice)
    practice.attempt(ALICE, BOB, src=GOOD)
    practice.attempt("spam@void.invalid", BOB)
    time.sleep(2.1)
    assert practice.attempt(ALICE, BOB, src=GOOD).ok
    read_on(server, practice)
    kept = kept_waiting(server)
    assert [x.sender for x in kept.shown] == ["spam@void.invalid"]
    assert Attempt.objects.filter(control="greylisting").count() == 2
    work_out(server)
    [week] = weeks(server)
    assert (week.passed, week.few) == (1, True)
    assert week.median in (2, 3)
    shown = text_of(client)
    assert "spam@void.invalid" in shown
    assert "too few to tell" in shown


def test_learning_feeds_neither_waiting_nor_waited(
    client: Client, server: Server, alice: Actor, practice: Practice
) -> None:
    intake.follow(server)
    set_greylisting(settings=Greylisting(delay=1), actor=alice)
    want(server, alice, greylisting="test")
    apply(server, alice)
    practice.attempt(ALICE, BOB, src=GOOD)
    time.sleep(1.1)
    practice.attempt(ALICE, BOB, src=GOOD)
    read_on(server, practice)
    assert Attempt.objects.filter(warned__contains="greylisting").exists()
    work_out(server)
    assert kept_waiting(server).count == 0
    assert weeks(server) == []
    assert "Nobody: postgrey only learns" in text_of(client)


def test_a_week_stays_when_its_mails_are_forgotten(server: Server) -> None:
    now = timezone.now()
    for n, delay in enumerate([300] * 19 + [7200]):
        passed = microseconds(now - timedelta(days=14))
        Triplet.objects.create(
            server=server,
            key=n,
            network="192.0.2.0/24",
            sender=f"a{n}@big.example",
            recipient=BOB,
            first_at=passed - delay * 1_000_000,
            last_at=passed,
            passed_at=passed,
            delay=delay,
            tries=2,
        )
    work_out(server)
    [week] = weeks(server)
    assert (week.passed, week.median, week.p95, week.gone) == (20, 300, 300, 0)
    Triplet.objects.all().delete()
    work_out(server)
    assert weeks(server) == [week]


def test_the_pages_ask_for_a_sign_in(db: None) -> None:
    for path in ("", "mode/", "settings/", "service/"):
        assert Client().get(PAGE + path).status_code == 302
        assert Client().post(PAGE + path).status_code in (302, 405)
    assert not Service.objects.exists()


def test_panic_only_learns(server: Server, alice: Actor, practice: Practice) -> None:
    want(server, alice, greylisting="on")
    apply(server, alice)
    carried_out(
        request_panic(server=server, actor=alice, reason="mail is late"),
        server,
    )
    assert Live.objects.get(server=server, key="greylisting").mode == "test"
    assert practice.attempt(ALICE, BOB, src=GOOD).ok
