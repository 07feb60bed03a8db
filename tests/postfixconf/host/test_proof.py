"""What the proof after a change must see, and what it must not blame on the change."""

import pytest

from postfixconf.errors import HostError
from postfixconf.host.apply import Applied, RolledBack
from postfixconf.host.apply_journal import Journal, Step
from postfixconf.host.checkpoint import checkpoints
from tests.support.practice import REHEARSED, Practice, Tried, serving
from tests.support.smtp import smtp

ON = {"disable_vrfy_command": "on"}
OPEN = (
    "smtpd_relay_restrictions =\n"
    "smtpd_recipient_restrictions = check_client_access static:OK, "
    "reject_unauth_destination\n"
    "default_transport = discard:\n"
)


@pytest.mark.parametrize(
    "mask", ["reject_unknown_helo_hostname", "reject_unknown_sender_domain"]
)
def test_an_open_relay_is_seen_behind_a_check_on_names(
    practice: Practice, mask: str
) -> None:
    lines = f"{OPEN}smtpd_helo_restrictions = {mask}\n"
    outcome = practice.apply(practice.candidate(Tried(lines)), demands=REHEARSED)
    assert isinstance(outcome, RolledBack)
    assert "open relay" in outcome.cause


def test_a_misspelling_is_seen_on_a_server_whose_domains_are_in_tables() -> None:
    settings = {
        "mydestination": "localhost",
        "virtual_mailbox_domains": "static:all",
        "local_recipient_maps": "",
    }
    with serving(settings=settings) as server:
        line = (
            "smtpd_recipient_restrictions = permit_mynetworks, "
            "reject_unauth_destination, reject_nonsense\n"
        )
        outcome = server.apply(server.candidate(Tried(line)), demands=REHEARSED)
    assert isinstance(outcome, RolledBack)
    assert "reject_nonsense" in outcome.cause


def test_a_fault_of_before_is_not_blamed_on_the_change() -> None:
    policy = "permit_mynetworks, check_policy_service inet:127.0.0.1:10999"
    settings = {
        "smtpd_recipient_restrictions": policy,
        "smtpd_error_sleep_time": "0",
    }
    with serving(settings=settings) as server:
        assert isinstance(server.apply(ON), Applied)
        assert isinstance(server.apply({}), Applied)


def test_text_that_a_stranger_chose_is_no_alarm(practice: Practice) -> None:
    def shout(steps: tuple[Step, ...]) -> None:
        if steps[-1].name == "probe":
            with smtp(port=practice.port, src="127.0.0.10") as client:
                client.mail("fatal: Server configuration error@x")
                client.command('MAIL FROM:<"panic: Server configuration error"@x>')
                client.rcpt("nobody@elsewhere.example")

    assert isinstance(practice.apply(practice.plan(ON), Journal(shout)), Applied)


def test_a_watcher_that_fails_does_not_stop_the_way_back(practice: Practice) -> None:
    def watch(steps: tuple[Step, ...]) -> None:
        if steps[-1].name in ("probe", "restore", "restart"):
            raise RuntimeError("database is locked")

    with pytest.raises(RuntimeError):
        practice.apply(practice.plan(ON), Journal(watch))
    assert practice.works()
    [point] = checkpoints(practice.checkpoints)
    assert point.outcome == "rolled_back: interrupted"


def test_a_service_of_somebody_else_keeps_its_name(practice: Practice) -> None:
    path = practice.instance.config_dir / "master.cf"
    line = "mailguard unix - n n - - pipe user=nobody argv=/bin/true\n"
    path.write_text(path.read_text() + line)
    practice.adopted = practice.observed().texts
    made = practice.plan(ON)
    assert [finding.code for finding in made.blocking] == ["name_taken"]


def test_an_error_limit_of_one_does_not_stop_the_probe() -> None:
    with serving(settings={"smtpd_hard_error_limit": "1"}) as server:
        assert isinstance(server.apply(ON), Applied)


def test_a_hand_edit_while_files_are_staged_is_kept(practice: Practice) -> None:
    path = practice.instance.config_dir / "main.cf"
    edited = path.read_text() + "# by hand\n"

    def edit(steps: tuple[Step, ...]) -> None:
        if steps[-1].name == "checkpoint":
            path.write_text(edited)

    outcome = practice.apply(practice.plan(ON), Journal(edit))
    assert "edited by hand" in getattr(outcome, "cause", "")
    assert path.read_text() == edited


def test_a_full_disk_of_checkpoints_still_tells_the_truth(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = practice.candidate(Tried("smtpd_client_restrictions = reject_nonsense\n"))

    def full(point: object, outcome: str) -> None:
        raise HostError("No space left on device")

    monkeypatch.setattr("postfixconf.host.checkpoint.Checkpoint.close", full)
    assert isinstance(practice.apply(made, demands=REHEARSED), RolledBack)
    assert practice.works()
