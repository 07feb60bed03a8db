"""Back to an old revision, back by one change, and entries that end by themselves."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import restore, services, worker
from mailguard.changes.models import Kind, Revision, State
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.protection import naming
from mailguard.protection import services as protection
from mailguard.protection.models import Setting
from mailguard.servers.models import Live, Server
from tests.support.changing import allow, apply, carried_out, waiting, want
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_recipient"


def back(server: Server, alice: Actor, number: int) -> Revision:
    """Alice restores a revision now."""
    row = Revision.objects.get(number=number)
    queued = restore.request_restore(
        server=server, actor=alice, revision=row, reason="it was better"
    )
    return carried_out(queued, server)


def main_cf(server: Server) -> str:
    """The live file."""
    return (Path(server.config_dir) / "main.cf").read_text()


def values() -> list[str]:
    """The values of the entries that are live."""
    return sorted(lists.live().values_list("value", flat=True))


def test_the_adopted_revision_brings_its_bytes_back(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **{RULE: "on"})
    allow(alice, "a@good.example")
    naming.add_domain(text="practice.test", actor=alice)
    apply(server, alice)
    revision = back(server, alice, 1)
    assert (revision.number, revision.state) == (3, State.APPLIED)
    assert main_cf(server) == practice.adopted.main
    assert values() == []
    assert waiting(server) == []
    assert practice.works_for_strangers()


def test_a_restore_of_a_restore_brings_everything_again(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **{RULE: "on"})
    allow(alice, "a@bad.example", side="deny")
    second = bytes(apply(server, alice).main_after)
    back(server, alice, 1)
    fourth = back(server, alice, 2)
    assert bytes(fourth.main_after) == second
    assert values() == ["a@bad.example"]
    assert practice.attempt("a@bad.example", "b@practice.test").code == 554


def test_an_entry_that_changed_sides_changes_back(
    server: Server, alice: Actor, practice: Practice
) -> None:
    allow(alice, "a@bad.example", side="deny")
    apply(server, alice)
    allow(alice, "a@bad.example")
    apply(server, alice)
    found = restore.preview(server, Revision.objects.get(number=2))
    assert [(each.before, each.after) for each in found.entries.told] == [
        ("allow", "deny")
    ]
    back(server, alice, 2)
    assert practice.attempt("a@bad.example", "b@practice.test").code == 554


def test_what_waits_is_named_before_it_is_dropped(server: Server, alice: Actor) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    want(server, alice, **{OTHER: "on", RULE: "off"})
    allow(alice, "a@good.example")
    found = restore.preview(server, Revision.objects.get(number=1))
    assert [each.what for each in found.dropped] == [OTHER, "sender a@good.example"]
    back(server, alice, 1)
    assert waiting(server) == []
    assert Change.objects.filter(reason="dropped to restore revision 1").exists()


def test_as_a_draft_nothing_reaches_postfix(
    server: Server, alice: Actor, client: Client
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    before = main_cf(server)
    client.post("/history/1/restore/", {"reason": "look first", "draft": "1"})
    assert Revision.objects.count() == 2
    assert main_cf(server) == before
    assert waiting(server) == [RULE]
    assert Setting.objects.get(key=RULE).mode == "off"


def test_a_control_the_revision_did_not_know_keeps_its_live_mode(
    server: Server, alice: Actor
) -> None:
    first = Revision.objects.get(number=1)
    del first.policy["modes"][OTHER]
    first.save()
    want(server, alice, **{RULE: "on", OTHER: "on"})
    apply(server, alice)
    want(server, alice, **{OTHER: "test"})
    back(server, alice, 1)
    assert Live.objects.get(key=OTHER).mode == "on"
    assert Live.objects.get(key=RULE).mode == "off"
    assert waiting(server) == []


def test_a_control_that_is_set_elsewhere_by_now_keeps_its_mode(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    with (Path(server.config_dir) / "main.cf").open("a") as file:
        file.write("guard = reject_non_fqdn_recipient\n")
        file.write("smtpd_client_restrictions = $guard\n")
    adoption = services.request_adoption(server=server, actor=alice, reason="mine")
    carried_out(adoption, server)
    rows = [r for r in protection.rows(server) if not r.control.sends]
    fixed = [row for row in rows if row.elsewhere]
    assert [row.control.key for row in fixed] == [OTHER]
    back(server, alice, 1)
    assert waiting(server) == []
    assert "guard = reject_non_fqdn_recipient" in main_cf(server)


def test_what_is_live_already_is_not_restored(server: Server, alice: Actor) -> None:
    want(server, alice, **{RULE: "on"})
    with pytest.raises(NotNow, match="is live already"):
        back(server, alice, 1)
    assert waiting(server) == [RULE]


def test_a_refused_revision_is_not_restored(
    server: Server, alice: Actor, client: Client
) -> None:
    want(server, alice, **{RULE: "on"})
    revision = services.request_apply(server=server, actor=alice, reason="x")
    Revision.objects.filter(pk=revision.pk).update(state=State.REFUSED)
    page = client.get("/history/2/restore/", follow=True).content.decode()
    assert "never live" in page
    assert 'id="restore-link"' not in page


def test_a_restore_over_a_hand_edit_changes_nothing(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **{RULE: "on"})
    apply(server, alice)
    with (Path(server.config_dir) / "main.cf").open("a") as file:
        file.write("# by hand\n")
    worker.tend(server)
    server.refresh_from_db()
    with pytest.raises(NotNow, match="edited by hand"):
        back(server, alice, 1)
    assert Setting.objects.get(key=RULE).mode == "on"


def test_the_preview_says_parameter_now_and_then(
    server: Server, alice: Actor, client: Client
) -> None:
    want(server, alice, **{RULE: "on"})
    for number in range(105):
        allow(alice, f"a{number}@good.example")
    apply(server, alice)
    page = " ".join(client.get("/history/1/restore/").content.decode().split())
    assert f'data-what="{RULE}"' in page
    assert "0 come back, 105 go" in page
    assert "The first 100" in page


def test_what_has_expired_since_does_not_come_back(
    server: Server, alice: Actor
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    allow(alice, "a@good.example", expires_at=soon)
    allow(alice, "b@good.example")
    apply(server, alice)
    back(server, alice, 1)
    lists.at(2).update(expires_at=timezone.now() - timedelta(hours=1))
    lists.at(2).filter(value="b@good.example").update(expires_at=None)
    back(server, alice, 2)
    assert values() == ["b@good.example"]


def expired(server: Server, alice: Actor) -> None:
    """An entry is live whose time is over, and one that has time."""
    allow(alice, "a@bad.example", side="deny", expires_at=timezone.now())
    allow(alice, "b@bad.example", side="deny")
    lists.pending().update(expires_at=None)
    apply(server, alice)
    past = timezone.now() - timedelta(minutes=1)
    lists.live().filter(value="a@bad.example").update(expires_at=past)


def test_an_expired_entry_goes_by_itself(
    server: Server, alice: Actor, practice: Practice
) -> None:
    expired(server, alice)
    want(server, alice, **{RULE: "on"})
    worker.tend(server)
    revision = Revision.objects.get(number=3)
    assert (revision.actor_name, revision.state) == ("mailguard", State.APPLIED)
    assert revision.reason == "expired: sender a@bad.example"
    assert values() == ["b@bad.example"]
    assert waiting(server) == [RULE]
    assert practice.attempt("a@bad.example", "b@practice.test").ok
    change = Change.objects.get(what="sender a@bad.example", after="")
    assert (change.actor_name, change.reason) == ("mailguard", "expired")


def test_a_draft_entry_that_expires_just_goes(server: Server, alice: Actor) -> None:
    past = timezone.now() - timedelta(minutes=1)
    allow(alice, "a@bad.example", side="deny", expires_at=past)
    worker.tend(server)
    assert waiting(server) == []
    assert Revision.objects.count() == 1
    assert Change.objects.filter(reason="expired").count() == 1


def test_an_expired_entry_waits_for_the_adoption_of_a_hand_edit(
    server: Server, alice: Actor, client: Client
) -> None:
    expired(server, alice)
    with (Path(server.config_dir) / "main.cf").open("a") as file:
        file.write("# by hand\n")
    worker.tend(server)
    assert Revision.objects.count() == 2
    page = client.get("/").content.decode()
    assert "1 expired entry waits because the configuration was edited by hand" in page


def test_after_a_failed_attempt_it_waits_ten_minutes(
    server: Server, alice: Actor
) -> None:
    expired(server, alice)
    failed = Revision.objects.create(
        number=3,
        server=server,
        kind=Kind.CHANGE,
        state=State.ROLLED_BACK,
        actor_name="mailguard",
        reason="expired: x",
        finished_at=timezone.now(),
    )
    worker.tend(server)
    assert Revision.objects.count() == 3
    Revision.objects.filter(pk=failed.pk).update(
        finished_at=timezone.now() - timedelta(minutes=11)
    )
    worker.tend(server)
    assert Revision.objects.get(number=4).state == State.APPLIED
