"""A failing list is taken back beside a hand edit, which goes on waiting."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailguard.audit.services import Actor
from mailguard.changes import demotion, services, worker
from mailguard.changes.models import Revision, State
from mailguard.protection import health
from mailguard.protection import services as protection
from mailguard.servers.models import Live, Server
from postfixconf.policy.blocklists import LISTS
from postfixconf.policy.control import Mode
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.dns import Dns
from tests.support.practice import Practice

KEY, ZONE = "dnsbl:bl.spamcop.net", "bl.spamcop.net"
RULE = f"reject_rbl_client {ZONE}=127.0.0.2"
BY_HAND = "message_size_limit = 7654321\n"


@pytest.fixture
def broken(server: Server, alice: Actor, dns: Dns) -> Iterator[Server]:
    """A list is on, and lists everybody from now on."""
    want(server, alice, **{KEY: "on"})
    assert apply(server, alice).state == State.APPLIED
    with dns.answering({(f"*.{ZONE}", "A"): ["127.0.0.2"]}):
        yield server


def main_cf(server: Server) -> Path:
    """Its main.cf."""
    return Path(server.config_dir) / "main.cf"


def edit(server: Server, old: str, new: str) -> None:
    """Somebody edits main.cf, and the worker sees it."""
    text = main_cf(server).read_text()
    assert old in text
    main_cf(server).write_text(text.replace(old, new) if old else text + new)
    worker.tend(server)
    server.refresh_from_db()
    assert services.drift_of(server)


def watched(server: Server) -> Revision | None:
    """One check, and what it led to."""
    health.ask(server=server, lists=[x for x in LISTS if x.zone == ZONE])
    before = Revision.objects.count()
    demotion.watch(server)
    if Revision.objects.count() == before:
        return None
    return carried_out(Revision.objects.all()[0], server)


def gets_in(practice: Practice) -> bool:
    """Whether an honest stranger's mail does."""
    return practice.works_for_strangers()


def test_the_rule_alone_changes_and_the_edit_waits(
    broken: Server, practice: Practice
) -> None:
    edit(broken, "", BY_HAND)
    before = main_cf(broken).read_text()
    assert not gets_in(practice)
    revision = watched(broken)
    assert revision is not None and revision.state == State.APPLIED, revision
    assert gets_in(practice)
    after = main_cf(broken).read_text()
    assert after == before.replace(RULE, f"warn_if_reject {RULE}")
    assert Live.objects.get(key=KEY).mode == "test"
    drift = services.drift_of(broken)["main.cf"]
    changed = [x for x in drift.splitlines()[2:] if x.startswith(("+", "-"))]
    assert changed == [f"+{BY_HAND.strip()}"]


def test_taking_the_edit_back_by_hand_leaves_nothing_to_do(broken: Server) -> None:
    edit(broken, "", BY_HAND)
    watched(broken)
    text = main_cf(broken).read_text()
    main_cf(broken).write_text(text.replace(BY_HAND, ""))
    worker.tend(broken)
    broken.refresh_from_db()
    assert not services.drift_of(broken)
    assert waiting(broken) == [] and services.plan_of(broken).empty


def test_the_edit_can_be_adopted_afterwards(
    broken: Server, alice: Actor, practice: Practice
) -> None:
    edit(broken, "", BY_HAND)
    watched(broken)
    services.request_adoption(server=broken, actor=alice, reason="by hand")
    worker.tend(broken)
    broken.refresh_from_db()
    assert not services.drift_of(broken)
    assert protection.wanted().modes[KEY] is Mode.TEST
    want(broken, alice, reject_non_fqdn_sender="on")
    assert apply(broken, alice).state == State.APPLIED
    assert BY_HAND in main_cf(broken).read_text() and gets_in(practice)


def test_a_second_list_is_taken_back_too(
    broken: Server, alice: Actor, dns: Dns
) -> None:
    other = "dnsbl:psbl.surriel.com"
    Live.objects.filter(key=KEY).update(mode="test")  # leave it alone for now
    want(broken, alice, **{other: "on", KEY: "test"})
    assert apply(broken, alice).state == State.APPLIED
    edit(broken, "", BY_HAND)
    with dns.answering({("2.0.0.127.psbl.surriel.com", "A"): []}):
        health.ask(server=broken, lists=LISTS)
        demotion.watch(broken)
        carried_out(Revision.objects.all()[0], broken)
    assert Live.objects.get(key=other).mode == "test"
    drift = services.drift_of(broken)["main.cf"]
    assert "surriel" not in "".join(x for x in drift.splitlines() if x[0] in "+-")


@pytest.mark.parametrize("new", [f"{RULE}, {RULE}", f"reject_rbl_client {ZONE}", ""])
def test_a_rule_that_was_edited_itself_is_left_alone(broken: Server, new: str) -> None:
    edit(broken, RULE, new or "permit_mynetworks")
    before = main_cf(broken).read_bytes()
    assert watched(broken) is None
    assert main_cf(broken).read_bytes() == before
