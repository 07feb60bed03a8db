"""From a draft to a live server and back to a draft: rows, worker, real Postfix."""

from pathlib import Path

import pytest

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import drift, services, worker
from mailguard.changes.models import Kind, Revision, State
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.models import Setting
from mailguard.servers.models import Live, Observed, Server
from postfixconf.errors import BadPolicy, Locked
from tests.support.practice import Practice

RULE = "reject_non_fqdn_sender"


def want(server: Server, alice: Actor, key: str = RULE, mode: str = "on") -> None:
    """Alice wants one control in another mode."""
    protection.set_mode(server=server, key=key, mode=mode, actor=alice)


def ask(server: Server, alice: Actor) -> Revision:
    """Alice asks for the draft to be applied."""
    return services.request_apply(server=server, actor=alice, reason="because")


def applied(server: Server, alice: Actor) -> Revision:
    """Ask, and let the worker carry it out."""
    revision = ask(server, alice)
    worker.carry_out(revision)
    revision.refresh_from_db()
    return revision


def main_cf(server: Server) -> Path:
    """The live file."""
    return Path(server.config_dir) / "main.cf"


def test_the_first_revision_is_the_server_as_it_was_found(server: Server) -> None:
    first = Revision.objects.get()
    assert (first.number, first.kind, first.state) == (1, Kind.ADOPTED, State.APPLIED)
    assert first.actor_name == "mailguard"
    assert bytes(first.main_after) == main_cf(server).read_bytes()
    assert services.plan_of(server).empty


def test_an_applied_draft_is_live_and_on_record(server: Server, alice: Actor) -> None:
    want(server, alice)
    revision = applied(server, alice)
    assert revision.state == State.APPLIED
    assert RULE in main_cf(server).read_text()
    assert Live.objects.get(key=RULE).since_revision == revision.number
    assert services.pending(server) == 0
    change = Change.objects.get(what=RULE, after="on")
    assert (change.actor_name, change.address) == ("alice", "192.0.2.1")


def test_the_record_outlives_the_user(server: Server, alice: Actor) -> None:
    want(server, alice)
    revision = applied(server, alice)
    revision.actor.delete()  # type: ignore[union-attr]
    revision.refresh_from_db()
    assert revision.actor is None
    assert revision.actor_name == "alice"


def test_a_greeting_check_brings_the_greeting_with_it(
    server: Server, alice: Actor
) -> None:
    want(server, alice, "reject_invalid_helo_hostname")
    needed = Change.objects.get(what="smtpd_helo_required", after="on")
    assert needed.reason == "comes on with reject_invalid_helo_hostname"


def test_only_logging_a_greeting_check_requires_no_greeting(
    server: Server, alice: Actor
) -> None:
    want(server, alice, "reject_invalid_helo_hostname", "test")
    assert Setting.objects.get(key="smtpd_helo_required").mode == "off"


def test_wanting_what_is_wanted_changes_nothing(server: Server, alice: Actor) -> None:
    want(server, alice)
    before = Change.objects.count()
    want(server, alice)
    assert Change.objects.count() == before


def test_discard_wants_again_what_is_live(server: Server, alice: Actor) -> None:
    want(server, alice)
    assert services.discard(server=server, actor=alice) == 1
    assert services.pending(server) == 0


def test_two_applies_at_once_are_refused_by_name(server: Server, alice: Actor) -> None:
    want(server, alice)
    ask(server, alice)
    with pytest.raises(NotNow, match="Revision 2 by alice is waiting for the worker"):
        ask(server, alice)


def test_a_draft_that_changed_since_the_review_is_not_applied(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    digest = services.plan_of(server).digest
    want(server, alice, "reject_unknown_sender_domain")
    with pytest.raises(NotNow, match="changed while you were looking"):
        services.request_apply(
            server=server, actor=alice, reason="because", reviewed=digest
        )


def test_a_hand_edit_after_the_review_is_refused_and_kept(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    revision = ask(server, alice)
    edited = main_cf(server).read_text() + "# by hand\n"
    main_cf(server).write_text(edited)
    worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state == State.REFUSED
    assert "main.cf was edited by hand" in revision.cause
    assert main_cf(server).read_text() == edited


def test_a_hand_edit_is_drift_until_it_is_adopted(server: Server, alice: Actor) -> None:
    want(server, alice)
    with main_cf(server).open("a") as file:
        file.write("disable_vrfy_command = yes\n")
    worker.tend(server)
    assert "+disable_vrfy_command = yes" in services.drift_of(server)["main.cf"]
    with pytest.raises(NotNow, match="Adopt the edit first"):
        ask(server, alice)

    adoption = services.request_adoption(server=server, actor=alice, reason="mine")
    worker.carry_out(adoption)
    server.refresh_from_db()
    assert services.drift_of(server) == {}
    assert Live.objects.get(key="disable_vrfy_command").mode == "on"
    assert [each.what for each in services.draft(server).changes] == [RULE]
    assert applied(server, alice).state == State.APPLIED
    assert "disable_vrfy_command = yes" in main_cf(server).read_text()


def test_a_rolled_back_revision_leaves_the_draft_waiting(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice)
    revision = ask(server, alice)
    (practice.room / "practice/spool/private").rename(practice.room / "gone")
    (practice.room / "practice/spool/private").touch()
    worker.carry_out(revision)
    (practice.room / "practice/spool/private").unlink()
    (practice.room / "gone").rename(practice.room / "practice/spool/private")
    revision.refresh_from_db()
    assert revision.state in (State.ROLLED_BACK, State.BROKEN)
    assert main_cf(server).read_text() == practice.adopted.main
    assert [each.what for each in services.draft(server).changes] == [RULE]


def test_the_worker_finds_a_revision_the_broker_lost(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    revision = ask(server, alice)
    worker.tend(server)
    revision.refresh_from_db()
    assert revision.state == State.APPLIED


def test_a_revision_is_carried_out_once(server: Server, alice: Actor) -> None:
    want(server, alice)
    revision = applied(server, alice)
    finished = revision.finished_at
    worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.finished_at == finished


def test_a_worker_killed_before_the_first_byte_is_told_so(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    revision = ask(server, alice)
    Revision.objects.filter(pk=revision.pk).update(state=State.RUNNING)
    worker.tend(server)
    revision.refresh_from_db()
    assert revision.state == State.REFUSED
    assert "stopped before anything was touched" in revision.cause


def test_a_policy_the_worker_cannot_validate_is_refused(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    revision = ask(server, alice)
    policy = revision.policy | {"modes": {"evil\nname": "on"}}
    Revision.objects.filter(pk=revision.pk).update(policy=policy)
    worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state == State.REFUSED
    assert r"evil\nname" in revision.cause


@pytest.mark.parametrize("text", ["a setting without equals\n", None])
def test_a_file_postfix_cannot_read_is_said_with_its_line(
    practice: Practice, db: None, text: str | None
) -> None:
    path = practice.instance.config_dir / "main.cf"
    made = Server.objects.create(name="local", config_dir=str(path.parent))
    if text is None:
        path.rename(path.with_name("away"))
    else:
        path.write_text(path.read_text() + text)
    worker.tend(made)
    trouble = Observed.objects.get(server=made).trouble
    assert ("main.cf" in trouble) if text is None else (repr(text.strip()) in trouble)
    assert not Revision.objects.exists()
    if text is None:
        path.with_name("away").rename(path)


@pytest.mark.parametrize(
    "key", ["a\nb", "#", "$myhostname", "{", '"', "\x1b[31m", "x" * 10_000]
)
def test_a_key_that_is_none_is_refused_and_quoted(
    server: Server, alice: Actor, key: str
) -> None:
    with pytest.raises(BadPolicy) as refused:
        want(server, alice, key)
    assert repr(key[:80])[:60] in str(refused.value)
    assert not Change.objects.filter(actor_name="alice").exists()


def test_a_change_whose_rows_were_lost_is_found_to_be_live(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(server, alice)
    revision = ask(server, alice)

    def lost(*rows: object) -> None:
        raise RuntimeError("disk is full")

    with monkeypatch.context() as broken, pytest.raises(RuntimeError):
        broken.setattr(worker, "became_live", lost)
        worker.carry_out(revision)
    worker.tend(server)
    revision.refresh_from_db()
    assert revision.state == State.APPLIED
    assert Live.objects.get(key=RULE).mode == "on"
    assert services.pending(server) == 0


def test_a_second_worker_keeps_its_hands_off(server: Server, alice: Actor) -> None:
    want(server, alice)
    revision = ask(server, alice)
    with worker.alone(server), pytest.raises(Locked):
        worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state == State.QUEUED


def test_discard_is_refused_while_a_revision_waits(
    server: Server, alice: Actor
) -> None:
    want(server, alice)
    ask(server, alice)
    with pytest.raises(NotNow, match="is waiting for the worker"):
        services.discard(server=server, actor=alice)


def test_an_adoption_says_what_the_hand_edit_switched(
    server: Server, alice: Actor
) -> None:
    with main_cf(server).open("a") as file:
        file.write("disable_vrfy_command = yes\n")
    adoption = services.request_adoption(server=server, actor=alice, reason="mine")
    worker.carry_out(adoption)
    adoption.refresh_from_db()
    assert adoption.changes == [
        {"what": "disable_vrfy_command", "before": "off", "after": "on"}
    ]
    assert "+disable_vrfy_command = yes" in drift.diffs_of(adoption)["main.cf"]


def test_a_control_the_catalogue_gained_gets_its_rows(server: Server) -> None:
    Setting.objects.filter(key=RULE).delete()
    Live.objects.filter(key=RULE).delete()
    worker.tend(server)
    assert Live.objects.get(key=RULE).since_revision == 1
    assert services.pending(server) == 0


def test_a_reload_can_be_chosen_at_the_review(server: Server, alice: Actor) -> None:
    want(server, alice)
    digest = services.plan_of(server).digest
    revision = services.request_apply(
        server=server, actor=alice, reason="gently", reload=True, reviewed=digest
    )
    worker.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state == State.APPLIED
    assert "reload" in [step["name"] for step in revision.steps]
