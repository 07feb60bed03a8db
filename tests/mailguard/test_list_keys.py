"""Lists that are asked with a key: it works, and only root can read it."""

import stat
from pathlib import Path

import pytest
from django.conf import settings

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import restore, undo, worker
from mailguard.changes import services as changes
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.protection import own_lists
from mailguard.protection import services as protection
from mailguard.protection.models import ListKey
from mailguard.protection.sealing import NAME
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy, HostError
from postfixconf.host.checkpoint import checkpoints
from postfixconf.policy.listing import Asked
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.dns import Dns
from tests.support.keyed import (
    DBL,
    DQS,
    KEY,
    NEW_KEY,
    OWN,
    OWN_KEY,
    ZEN,
    own_records,
    records,
)
from tests.support.practice import Practice
from tests.support.waiting import eventually

CONTROL, SENDERS = f"dnsbl:{ZEN}", f"rhsbl_sender:{DBL}"
GOOD, TO = "alice@good.example", "bob@practice.test"


@pytest.fixture(autouse=True)
def _answering(dns: Dns) -> object:
    with dns.answering({**records(), **records(NEW_KEY)}):
        yield


@pytest.fixture
def keyed(server: Server, alice: Actor) -> Server:
    """ZEN refuses and DBL only logs, both with a key."""
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    want(server, alice, **{CONTROL: "on", SENDERS: "test"})
    assert apply(server, alice).state == State.APPLIED
    return server


def table(practice: Practice, name: str = f"dnsbl_{ZEN}") -> Path:
    """The table of a list."""
    return practice.instance.config_dir / "mailguard" / name


def test_a_listing_refuses_with_a_clean_reply(
    keyed: Server, practice: Practice
) -> None:
    reply = practice.attempt(GOOD, TO, src="127.0.0.2")
    assert (reply.code, reply.text) == (
        554,
        f"Service unavailable; Client host [127.0.0.2] blocked using {ZEN}; "
        "see https://check.spamhaus.org/",
    )
    assert practice.attempt(GOOD, TO, src="127.0.0.10", helo="mx.good.example").ok


def test_in_test_mode_it_warns_with_a_clean_line(
    keyed: Server, practice: Practice
) -> None:
    assert practice.attempt("a@listed.example", TO, src="127.0.0.10").ok
    eventually(lambda: "reject_warning" in practice.log())
    [line] = [x for x in practice.log().splitlines() if "reject_warning" in x]
    assert f"Sender address [a@listed.example] blocked using {DBL}" in line
    assert KEY not in line


def test_only_root_may_read_the_table(keyed: Server, practice: Practice) -> None:
    made = table(practice)
    seen = made.stat()
    assert (stat.S_IMODE(seen.st_mode), seen.st_uid) == (0o600, 0)
    assert f"/./ reject_rbl_client {KEY}.{ZEN}=127.0.0.[2..11]\n" in made.read_text()
    assert KEY not in (practice.instance.config_dir / "main.cf").read_text()


def test_another_key_is_a_change_on_record_without_it(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    own_lists.set_key(name=DQS, key=f" {NEW_KEY}.zen.dq.spamhaus.net ", actor=alice)
    assert waiting(keyed) == [f"key {DQS}"]
    revision = apply(keyed, alice)
    assert revision.state == State.APPLIED, revision.cause
    [change] = revision.differences
    assert (change.before, change.after) == ("key 1", "key 2")
    assert NEW_KEY in table(practice).read_text()
    assert practice.attempt(GOOD, TO, src="127.0.0.2").code == 554


def test_a_restore_brings_an_old_key_back(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    own_lists.set_key(name=DQS, key=NEW_KEY, actor=alice)
    apply(keyed, alice)
    second = Revision.objects.get(number=2)
    back = restore.request_restore(
        server=keyed, actor=alice, revision=second, reason="the old one"
    )
    assert carried_out(back, keyed).state == State.APPLIED
    assert f"{KEY}.{ZEN}" in table(practice).read_text()


def test_a_key_that_the_list_does_not_know_is_refused_and_stays_a_draft(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    own_lists.set_key(name=DQS, key="wr0ngkey", actor=alice)
    revision = apply(keyed, alice)
    assert revision.state == State.REFUSED
    assert "It does not list its own test point" in revision.cause
    assert KEY in table(practice).read_text()


def test_a_failed_apply_puts_the_table_back_from_its_sealed_copy(
    keyed: Server, alice: Actor, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_lists.set_key(name=DQS, key=NEW_KEY, actor=alice)
    monkeypatch.setattr("postfixconf.host.apply.prove", made_to_fail)
    assert apply(keyed, alice).state == State.ROLLED_BACK
    assert f"{KEY}.{ZEN}" in table(practice).read_text()
    assert stat.S_IMODE(table(practice).stat().st_mode) == 0o600
    assert practice.attempt(GOOD, TO, src="127.0.0.2").code == 554
    for point in checkpoints(worker.checkpoints(keyed)):
        for path in point.directory.iterdir():
            assert KEY.encode() not in path.read_bytes()


def made_to_fail(*_: object) -> str:
    """A proof that fails."""
    raise HostError("made to fail")


def test_off_leaves_no_key_on_the_disk(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    with pytest.raises(BadPolicy, match="switch it off first"):
        own_lists.forget_key(name=DQS, actor=alice)
    want(keyed, alice, **{CONTROL: "off", SENDERS: "off"})
    own_lists.forget_key(name=DQS, actor=alice)
    assert apply(keyed, alice).state == State.APPLIED
    assert practice.observed().texts.main == practice.adopted.main
    for path in (practice.instance.config_dir / "mailguard").iterdir():
        assert KEY not in path.read_text()
    assert Change.objects.filter(what=f"key {DQS}", after="").exists()


def test_without_a_key_it_cannot_go_on(server: Server, alice: Actor) -> None:
    with pytest.raises(BadPolicy, match="it needs a key: type it first"):
        want(server, alice, **{CONTROL: "on"})


def test_a_lost_seal_breaks_nothing_and_the_key_is_typed_again(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    (Path(settings.HOME) / NAME).unlink()
    want(keyed, alice, disable_vrfy_command="on")
    made = changes.plan_of(keyed)
    assert [(x.code, x.blocks) for x in made.findings if "key" in x.code] == [
        ("key_missing", False),
        ("key_missing", False),
    ]
    assert apply(keyed, alice).state == State.APPLIED
    assert KEY in table(practice).read_text()
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    assert apply(keyed, alice).state == State.APPLIED
    assert not changes.plan_of(keyed).findings


def test_a_service_with_replies_of_its_own_is_refused(
    server: Server, alice: Actor, practice: Practice
) -> None:
    master = practice.instance.config_dir / "master.cf"
    text = master.read_text()
    at = text.index("smtpd\n") + len("smtpd\n")
    master.write_text(f"{text[:at]}  -o rbl_reply_maps=\n{text[at:]}")
    carried_out(
        changes.request_adoption(server=server, actor=alice, reason="by hand"), server
    )
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    want(server, alice, **{CONTROL: "on"})
    with pytest.raises(NotNow, match="whoever is refused there would read the key"):
        apply(server, alice)


def test_what_is_no_key_is_not_quoted(server: Server, alice: Actor) -> None:
    for text in ("", "s3cret with blanks", "s3cret$name", "s3cret\nkey", "x"):
        with pytest.raises(BadPolicy) as refused:
            own_lists.set_key(name=DQS, key=text, actor=alice)
        assert "s3cret" not in str(refused.value)
    assert not ListKey.objects.exists()


def test_the_key_is_sealed_in_the_database(server: Server, alice: Actor) -> None:
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    own_lists.set_key(name=DQS, key=KEY, actor=alice)
    row = ListKey.objects.get()
    assert KEY.encode() not in bytes(row.sealed)
    assert own_lists.opened(protection.wanted())[DQS].reveal() == KEY
    assert stat.S_IMODE((Path(settings.HOME) / NAME).stat().st_mode) == 0o600


def test_a_list_of_ones_own_may_have_a_key(
    server: Server, alice: Actor, practice: Practice, dns: Dns
) -> None:
    asked = [Asked.CLIENT]
    own_lists.add(zone=OWN, asked=asked, codes="127.0.0.2", actor=alice, key=OWN_KEY)
    want(server, alice, **{f"dnsbl:{OWN}": "on"})
    with dns.answering(own_records(f"{OWN_KEY}.{OWN}")):
        assert apply(server, alice).state == State.APPLIED
        reply = practice.attempt(GOOD, TO, src="127.0.0.108")
    assert reply.code == 554 and reply.text.endswith(f"blocked using {OWN}")
    assert OWN_KEY not in practice.observed().texts.main
    assert OWN_KEY in table(practice, f"dnsbl_{OWN}").read_text()


def test_a_list_with_a_key_comes_back_with_it(
    server: Server, alice: Actor, practice: Practice, dns: Dns
) -> None:
    asked = [Asked.CLIENT]
    own_lists.add(zone=OWN, asked=asked, codes="127.0.0.2", actor=alice, key=OWN_KEY)
    want(server, alice, **{f"dnsbl:{OWN}": "on"})
    with dns.answering(own_records(f"{OWN_KEY}.{OWN}")):
        second = apply(server, alice)
        own_lists.remove(zone=OWN, actor=alice)
        assert not protection.wanted().keys
        assert apply(server, alice).state == State.APPLIED
        assert OWN_KEY not in table(practice, f"dnsbl_{OWN}").read_text()
        back = restore.request_restore(
            server=server, actor=alice, revision=second, reason="it was good"
        )
        assert carried_out(back, server).state == State.APPLIED
        assert practice.attempt(GOOD, TO, src="127.0.0.108").code == 554


def test_another_key_is_undone(keyed: Server, alice: Actor, practice: Practice) -> None:
    own_lists.set_key(name=DQS, key=NEW_KEY, actor=alice)
    [change] = apply(keyed, alice).differences
    back = undo.undo(server=keyed, actor=alice, change=change, reason="the old one")
    assert carried_out(back, keyed).state == State.APPLIED
    assert f"{KEY}.{ZEN}" in table(practice).read_text()


def test_adopting_a_hand_edit_keeps_lists_and_keys(
    keyed: Server, alice: Actor, practice: Practice
) -> None:
    own_lists.add(zone=OWN, asked=[Asked.CLIENT], codes="127.0.0.2", actor=alice)
    main = practice.instance.config_dir / "main.cf"
    main.write_text(main.read_text() + "message_size_limit = 20480000\n")
    adopted = changes.request_adoption(server=keyed, actor=alice, reason="by hand")
    assert carried_out(adopted, keyed).state == State.APPLIED
    assert waiting(keyed) == [f"list {OWN}"]
    want(keyed, alice, **{CONTROL: "off", SENDERS: "off"})
    assert apply(keyed, alice).state == State.APPLIED
    text = practice.observed().texts.main
    assert "dnsbl_" not in text and "rbl_reply_maps" not in text
