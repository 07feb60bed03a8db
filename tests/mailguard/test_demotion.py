"""A list that cannot be trusted refuses nobody any more, by itself and at once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import demotion
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.protection import health
from mailguard.protection.models import ListCheck, Setting
from mailguard.servers.models import Live, Server
from mailguard.traffic import intake
from mailguard.traffic.models import Verdict
from mailguard.traffic.surges import surge
from postfixconf.policy.blocklists import LISTS
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.dns import SERVFAIL, SILENT, Dns, Records
from tests.support.evidence import hour
from tests.support.practice import Practice
from tests.support.traffic import seen
from tests.support.waiting import eventually

KEY, ZONE = "dnsbl:bl.spamcop.net", "bl.spamcop.net"
ALLOW = "dnswl:list.dnswl.org"
RULE = "reject_non_fqdn_sender"
GOOD, TO = "alice@good.example", "bob@practice.test"
HONEST, LISTED = "127.0.0.10", "127.0.0.101"
NAMES = [f"*.{ZONE}", *(f"{n}.0.0.127.{ZONE}" for n in (2, 88, 101))]
EVERYTHING: Records = {(f"*.{ZONE}", "A"): ["127.0.0.2"]}


def answers(code: int) -> Records:
    """A list that answers everybody with this error."""
    points = [f"{n}.0.0.127.{ZONE}" for n in (1, 2, 10, 101)]
    return {(name, "A"): [f"127.255.255.{code}"] for name in points}


FAILING: dict[str, Records] = {
    "lists_everything": EVERYTHING,
    "lists_nothing": {(f"{n}.0.0.127.{ZONE}", "A"): [] for n in (2, 101)},
    "times_out": {(name, "ANY"): SILENT for name in NAMES},
    "fails": {(name, "ANY"): SERVFAIL for name in NAMES},
    "answers_outside_127": {(f"*.{ZONE}", "A"): ["192.0.2.80"]},
    "nxdomain_rewritten": {("*.invalid", "A"): ["192.0.2.80"]},
    "252": answers(252),
    "254": answers(254),
    "255": answers(255),
}


@pytest.fixture
def guarded(server: Server, alice: Actor) -> Server:
    """A blocklist and another rule refuse."""
    want(server, alice, **{KEY: "on", RULE: "on"})
    assert apply(server, alice).state == State.APPLIED
    return server


def checked(server: Server) -> Revision | None:
    """One check by the worker, and what it led to."""
    health.ask(server=server, lists=[x for x in LISTS if x.zone == ZONE])
    before = Revision.objects.count()
    demotion.watch(server)
    if Revision.objects.count() == before:
        return None
    return carried_out(Revision.objects.all()[0], server)


def code(practice: Practice, client: str) -> int:
    """The answer to an honest envelope."""
    return practice.attempt(GOOD, TO, src=client, helo="mx.good.example").code


@pytest.mark.parametrize("how", FAILING)
def test_a_failing_list_is_taken_back_after_one_check(
    guarded: Server, practice: Practice, dns: Dns, client: Client, how: str
) -> None:
    assert code(practice, LISTED) == 554
    with dns.answering(FAILING[how]):
        revision = checked(guarded)
        assert revision is not None and revision.state == State.APPLIED
        assert code(practice, HONEST) == 250
    assert (revision.actor_name, revision.changes) == (
        "mailguard",
        [{"what": KEY, "before": "on", "after": "test"}],
    )
    assert ListCheck.objects.all()[0].sentences[0] in revision.reason
    assert Live.objects.get(key=RULE).mode == "on"
    assert 'data-testid="demoted"' in client.get("/").content.decode()


@pytest.mark.parametrize("code_", [252, 254, 255])
def test_an_error_code_refuses_nobody_before_it_is_seen(
    guarded: Server, practice: Practice, dns: Dns, code_: int
) -> None:
    with dns.answering(answers(code_)):
        assert code(practice, HONEST) == code(practice, LISTED) == 250


def test_a_healthy_list_stays(guarded: Server, practice: Practice) -> None:
    assert checked(guarded) is None
    assert [code(practice, x) for x in (HONEST, LISTED)] == [250, 554]


def test_a_list_that_was_taken_back_warns_and_never_comes_back_by_itself(
    guarded: Server, practice: Practice, dns: Dns, alice: Actor
) -> None:
    with dns.answering(EVERYTHING):
        checked(guarded)
    mark = practice.instance.log.mark()
    assert checked(guarded) is None and code(practice, LISTED) == 250
    eventually(lambda: "reject_warning" in practice.log(mark))
    assert Setting.objects.get(key=KEY).mode == "test"
    assert demotion.demoted(guarded)[0].key == KEY
    want(guarded, alice, **{KEY: "on"})
    assert apply(guarded, alice).state == State.APPLIED
    assert demotion.demoted(guarded) == []


def test_nothing_of_a_draft_goes_with_it(
    guarded: Server, dns: Dns, alice: Actor
) -> None:
    want(guarded, alice, reject_non_fqdn_recipient="on")
    with dns.answering(EVERYTHING):
        revision = checked(guarded)
    assert revision is not None and len(revision.changes) == 1
    assert waiting(guarded) == ["reject_non_fqdn_recipient"]
    assert Change.objects.latest("id").actor_name == "mailguard"


def test_what_somebody_wants_of_the_list_meanwhile_stays_wanted(
    guarded: Server, dns: Dns, alice: Actor
) -> None:
    want(guarded, alice, **{KEY: "off"})
    with dns.answering(EVERYTHING):
        checked(guarded)
    assert waiting(guarded) == [KEY]


@pytest.mark.parametrize(
    ("bad", "lost"), [(EVERYTHING, 3), (answers(254), 0)], ids=["everything", "error"]
)
def test_what_was_lost_in_between_is_counted(
    guarded: Server, practice: Practice, dns: Dns, bad: Records, lost: int
) -> None:
    intake.follow(guarded)
    assert checked(guarded) is None
    with dns.answering(bad):
        for _ in range(3):
            code(practice, HONEST)
        eventually(lambda: practice.log().count("RCPT from") >= lost)
        while intake.follow(guarded):
            pass
        revision = checked(guarded)
    assert revision is not None
    assert revision.reason.endswith(f": {lost}.")


def test_an_allow_list_that_allows_everybody_goes_off(
    server: Server, alice: Actor, dns: Dns
) -> None:
    want(server, alice, **{ALLOW: "on"})
    assert apply(server, alice).state == State.APPLIED
    with dns.answering({("*.list.dnswl.org", "A"): ["127.0.5.3"]}):
        health.ask(server=server, lists=LISTS)
        demotion.watch(server)
    revision = carried_out(Revision.objects.all()[0], server)
    assert revision.state == State.APPLIED
    assert Live.objects.get(key=ALLOW).mode == "off"


def test_a_resolver_that_is_silent_takes_nothing_back(
    guarded: Server, dns: Dns
) -> None:
    with dns.answering({("*.invalid", "ANY"): SILENT}):
        assert checked(guarded) is None


def test_a_list_in_use_is_checked_every_minute(guarded: Server) -> None:
    demotion.watch(guarded)
    first = ListCheck.objects.count()
    demotion.watch(guarded)
    assert ListCheck.objects.count() == first
    ListCheck.objects.update(at=timezone.now() - timedelta(seconds=61))
    demotion.watch(guarded)
    assert ListCheck.objects.count() == first + 1


def test_checks_are_kept_for_thirty_days(guarded: Server) -> None:
    ListCheck.objects.update(at=timezone.now() - timedelta(days=31))
    demotion.watch(guarded)
    assert ListCheck.objects.count() == 1


def test_a_failing_list_does_not_go_on(
    server: Server, alice: Actor, dns: Dns, practice: Practice
) -> None:
    want(server, alice, **{KEY: "on"})
    with dns.answering(EVERYTHING):
        revision = apply(server, alice)
        assert revision.state == State.REFUSED
        assert "it lists everybody" in revision.cause
        with pytest.raises(NotNow, match="cannot be trusted here"):
            apply(server, alice)
        assert code(practice, HONEST) == 250


def test_a_failing_list_may_be_tested(
    server: Server, alice: Actor, dns: Dns, practice: Practice
) -> None:
    want(server, alice, **{KEY: "test"})
    with dns.answering(EVERYTHING):
        assert apply(server, alice).state == State.APPLIED
        assert code(practice, HONEST) == 250


def refused(number: int, clients: int) -> None:
    """So many attempts refused by the list just now, from so many clients."""
    for n in range(number):
        address = f"192.0.2.{n % clients}"
        seen(ago=5, client_address=address, outcome="refused", control=KEY)


def usual(server: Server, refused: int, accepted: int) -> None:
    """What the list did yesterday."""
    yesterday = timezone.now() - timedelta(days=1)
    hour(server, Verdict.REFUSED, refused, yesterday)
    hour(server, Verdict.ACCEPTED, accepted, yesterday)
    hour(server, Verdict.REFUSED, refused, yesterday, KEY)


def test_a_surge_takes_a_list_back(guarded: Server) -> None:
    usual(guarded, 100, 900)
    refused(12, clients=10)
    demotion.watch(guarded)
    revision = carried_out(Revision.objects.all()[0], guarded)
    assert revision.state == State.APPLIED
    assert "10 different clients within a minute, 100%" in revision.reason
    assert Live.objects.get(key=KEY).mode == "test"


@pytest.mark.parametrize(
    ("number", "clients", "accepted"), [(30, 9, 0), (10, 10, 10), (10, 10, 15)]
)
def test_what_is_usual_or_few_clients_are_no_surge(
    guarded: Server, number: int, clients: int, accepted: int
) -> None:
    usual(guarded, 100, 900)
    refused(number, clients)
    for _ in range(accepted):
        seen(ago=5)
    assert surge(guarded, KEY, timezone.now()) is None


def test_an_older_surge_is_none(guarded: Server) -> None:
    usual(guarded, 100, 900)
    for n in range(20):
        seen(ago=61, client_address=f"192.0.2.{n}", outcome="refused", control=KEY)
    assert surge(guarded, KEY, timezone.now()) is None
