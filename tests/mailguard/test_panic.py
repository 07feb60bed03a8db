"""All rules to test, at once: what changes, what stays, and what waits."""

from pathlib import Path

import pytest
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import services, worker
from mailguard.changes.models import Revision, State
from mailguard.changes.panic import request_panic
from mailguard.errors import NotNow
from mailguard.protection.models import Setting
from mailguard.servers.models import Live, Server
from postfixconf.host.commands import run
from tests.support.changing import allow, apply, carried_out, waiting, want
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_recipient"
SWITCH = "disable_vrfy_command"


def panic(server: Server, alice: Actor) -> Revision:
    """Alice pulls the red lever."""
    queued = request_panic(server=server, actor=alice, reason="mail is lost")
    return carried_out(queued, server)


def mode_of(key: str) -> str:
    """The wanted mode."""
    return Setting.objects.get(key=key).mode


@pytest.fixture
def guarded(server: Server, alice: Actor) -> Server:
    """Two rules and a switch are live, and an entry denies."""
    want(server, alice, **{RULE: "on", OTHER: "on", SWITCH: "on"})
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    return server


def test_rules_only_log_and_the_rest_stays_on(
    guarded: Server, alice: Actor, practice: Practice
) -> None:
    assert practice.attempt("short@name", "b@practice.test").code == 504
    revision = panic(guarded, alice)
    assert revision.state == State.APPLIED
    assert {each.what for each in revision.differences} == {RULE, OTHER}
    assert practice.attempt("short@name", "b@practice.test").ok
    assert practice.attempt("a@bad.example", "b@practice.test").code == 554
    assert Live.objects.get(key=SWITCH).mode == "on"


def test_the_recorder_goes_on_writing(server: Server, alice: Actor) -> None:
    want(server, alice, **{RULE: "on", "recorder": "on"})
    apply(server, alice)
    assert {each.what for each in panic(server, alice).differences} == {RULE}
    assert Live.objects.get(key="recorder").mode == "on"


def test_no_draft_is_left_and_the_change_is_on_record(
    guarded: Server, alice: Actor
) -> None:
    panic(guarded, alice)
    assert waiting(guarded) == []
    change = Change.objects.get(what=RULE, after="test")
    assert (change.actor_name, change.reason) == ("alice", "mail is lost")


def test_a_draft_is_neither_published_nor_lost(guarded: Server, alice: Actor) -> None:
    want(guarded, alice, **{OTHER: "off", "reject_unknown_sender_domain": "on"})
    panic(guarded, alice)
    assert Live.objects.get(key=OTHER).mode == "test"
    assert mode_of(OTHER) == "off"
    assert sorted(waiting(guarded)) == [OTHER, "reject_unknown_sender_domain"]
    main = (Path(guarded.config_dir) / "main.cf").read_text()
    assert "reject_unknown_sender_domain" not in main


def test_a_panic_is_taken_back_by_restoring_the_revision_before(
    guarded: Server, alice: Actor, client: Client, practice: Practice
) -> None:
    number = panic(guarded, alice).number
    client.post(f"/history/{number - 1}/restore/", {"reason": "it was the DNS"})
    carried_out(Revision.objects.get(number=number + 1), guarded)
    assert practice.attempt("short@name", "b@practice.test").code == 504


def test_without_a_rule_that_refuses_there_is_no_panic(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "test"})
    apply(server, alice)
    with pytest.raises(NotNow, match="No rule refuses anything"):
        request_panic(server=server, actor=alice, reason="x")


def test_a_panic_waits_for_no_other_revision(guarded: Server, alice: Actor) -> None:
    want(guarded, alice, **{RULE: "off"})
    services.request_apply(server=guarded, actor=alice, reason="x")
    with pytest.raises(NotNow, match="by alice is waiting for the worker"):
        request_panic(server=guarded, actor=alice, reason="x")


def test_a_panic_writes_over_no_hand_edit(guarded: Server, alice: Actor) -> None:
    with (Path(guarded.config_dir) / "main.cf").open("a") as file:
        file.write("# by hand\n")
    worker.tend(guarded)
    guarded.refresh_from_db()
    with pytest.raises(NotNow, match="edited by hand"):
        request_panic(server=guarded, actor=alice, reason="x")
    assert mode_of(RULE) == "on"


def test_a_doubled_entry_of_before_forbids_no_panic(
    guarded: Server, alice: Actor
) -> None:
    access = Path(guarded.config_dir) / "access"
    access.write_text("a@bad.example REJECT\n" + access.read_text())
    run("postmap", "-c", guarded.config_dir, f"hash:{access}")
    adoption = services.request_adoption(server=guarded, actor=alice, reason="mine")
    carried_out(adoption, guarded)
    assert [each.code for each in services.plan_of(guarded).findings] == [
        "entry_by_hand"
    ]
    assert panic(guarded, alice).state == State.APPLIED


def test_a_table_that_somebody_changed_forbids_no_panic(
    guarded: Server, alice: Actor, practice: Practice
) -> None:
    access = Path(guarded.config_dir) / "access"
    text = access.read_text().replace("REJECT\n", "OK\n")
    access.write_text("a@bad.example DUNNO\n" + text)
    worker.tend(guarded)
    adoption = services.request_adoption(server=guarded, actor=alice, reason="mine")
    carried_out(adoption, guarded)
    assert guarded.stale_tables == ["access"]
    assert panic(guarded, alice).state == State.APPLIED
    assert practice.attempt("short@name", "b@practice.test").ok
    assert guarded.stale_tables == ["access"]


def test_a_table_asked_for_others_forbids_no_panic(
    guarded: Server, alice: Actor
) -> None:
    main = Path(guarded.config_dir) / "main.cf"
    asks = f"check_recipient_access hash:{guarded.config_dir}/access"
    main.write_text(main.read_text() + f"smtpd_data_restrictions = {asks}\n")
    worker.tend(guarded)
    adoption = services.request_adoption(server=guarded, actor=alice, reason="mine")
    carried_out(adoption, guarded)
    allow(alice, "b@bad.example", side="deny")
    assert [each.code for each in services.plan_of(guarded).blocking] == [
        "access_asked_for_others"
    ]
    assert panic(guarded, alice).state == State.APPLIED


def test_the_page_names_what_goes_and_what_stays(
    client: Client, guarded: Server
) -> None:
    page = client.get("/").content.decode()
    light = page[page.index('data-testid="light"') :]
    assert "All rules to test, now" in light[: light.index("</section>")]
    page = " ".join(client.get("/panic/").content.decode().split())
    assert "Set 2 rules to test, now?" in page
    assert SWITCH in page.partition("What stays on")[2]
    assert "The entries of the deny list." in page
    client.post("/panic/", {"reason": "help"})
    assert Revision.objects.first().reason == "help"  # type: ignore[union-attr]


def test_the_page_has_no_button_where_nothing_refuses(
    client: Client, server: Server
) -> None:
    assert "All rules to test" not in client.get("/").content.decode()
    assert "No rule to set to test" in client.get("/panic/").content.decode()
