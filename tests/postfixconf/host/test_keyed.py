"""A list with a key on a real Postfix: in a chroot or not, rehearsed, and recovered."""

import re
import stat

import pytest

from postfixconf.errors import Refusal
from postfixconf.host import checkpoint, tables
from postfixconf.host.apply import Applied
from postfixconf.host.files import Staged
from postfixconf.host.recovery import recover
from postfixconf.host.seal import NO_SEAL
from postfixconf.policy.keyed import REPLIES_TABLE
from tests.support.dns import Dns
from tests.support.keyed import DBL, KEY, SEAL, ZEN
from tests.support.practice import Practice, fail_at
from tests.support.waiting import eventually

ON = {f"dnsbl:{ZEN}": "on", f"rhsbl_sender:{DBL}": "test"}
GOOD, TO = "alice@good.example", "bob@practice.test"


def set_chroot(server: Practice, flag: str) -> None:
    """Have every smtpd in the chroot, or none."""
    master = server.instance.config_dir / "master.cf"
    text = re.sub(
        r"^(\S+\s+(?:inet|unix)\s+\S+\s+\S+\s+)\S(\s.*smtpd)$",
        rf"\g<1>{flag}\2",
        master.read_text(),
        flags=re.MULTILINE,
    )
    server.instance.stop()
    master.write_text(text)
    server.instance.start()


@pytest.mark.parametrize("flag", ["y", "n"])
def test_an_smtpd_asks_a_table_that_only_root_may_read(
    practice: Practice, flag: str
) -> None:
    set_chroot(practice, flag)
    practice.adopted = practice.observed().texts
    outcome = practice.apply(ON)
    assert isinstance(outcome, Applied), outcome
    path = practice.instance.config_dir / "mailguard" / f"dnsbl_{ZEN}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reply = practice.attempt(GOOD, TO, src="127.0.0.2")
    assert reply.code == 554 and KEY not in reply.text
    assert practice.attempt("a@listed.example", TO, src="127.0.0.10").ok
    assert practice.attempt("", TO, src="127.0.0.10").ok
    warned = f"blocked using {DBL}"
    eventually(lambda: warned in practice.log())
    assert "Permission denied" not in practice.log()


def test_postfix_names_the_key_in_its_own_log_when_a_lookup_fails(
    practice: Practice, dns: Dns
) -> None:
    assert isinstance(practice.apply(ON), Applied)
    assert practice.attempt(GOOD, TO, src="127.0.0.67").ok
    eventually(lambda: f"67.0.0.127.{KEY}.{ZEN}: RBL lookup error" in practice.log())


def test_the_table_of_replies_holds_no_key_and_theirs_come_second(
    practice: Practice,
) -> None:
    main = practice.instance.config_dir / "main.cf"
    main.write_text(main.read_text() + "rbl_reply_maps = inline:{x=y}\n")
    practice.adopted = practice.observed().texts
    assert isinstance(practice.apply(ON), Applied)
    text = practice.observed().texts.main
    ours = f"regexp:$config_directory/{REPLIES_TABLE}"
    assert f"rbl_reply_maps = {ours}, inline:{{x=y}}\n" in text
    assert KEY not in (practice.instance.config_dir / REPLIES_TABLE).read_text()
    assert isinstance(practice.apply({}), Applied)
    assert practice.observed().texts.main == practice.adopted.main


def test_a_killed_change_brings_the_old_table_back(practice: Practice) -> None:
    assert isinstance(practice.apply(ON), Applied)
    path = practice.instance.config_dir / "mailguard" / f"dnsbl_{ZEN}"
    before = path.read_bytes()
    made = practice.plan({})
    with tables.room_in(practice.instance.config_dir) as room:
        new = [
            each
            for table in made.tables
            for each in tables.build(practice.instance.config_dir, room, table)
        ]
        checkpoint.save(practice.checkpoints, 9, made.digest, new, SEAL)
        for each in new:
            each.install()
    assert KEY.encode() not in path.read_bytes()
    for point in checkpoint.checkpoints(practice.checkpoints):
        for file in point.directory.iterdir():
            assert KEY.encode() not in file.read_bytes()
    [recovered] = recover(practice.instance, practice.checkpoints, SEAL)
    assert recovered.number == 9
    assert path.read_bytes() == before
    assert practice.attempt(GOOD, TO, src="127.0.0.2").code == 554


def test_a_failing_apply_brings_the_old_table_back(practice: Practice) -> None:
    assert isinstance(practice.apply(ON), Applied)
    assert not isinstance(practice.apply({}, fail_at("probe")), Applied)
    assert practice.attempt(GOOD, TO, src="127.0.0.2").code == 554


def test_without_a_seal_no_secret_is_copied(practice: Practice) -> None:
    path = practice.instance.config_dir / "mailguard" / f"dnsbl_{ZEN}"
    path.parent.mkdir(exist_ok=True)
    path.write_text("/./ DUNNO\n")
    staged = Staged(path.with_name("new"), path, secret=True)
    with pytest.raises(Refusal, match="no seal"):
        checkpoint.save(practice.checkpoints, 1, "digest", [staged], NO_SEAL)
