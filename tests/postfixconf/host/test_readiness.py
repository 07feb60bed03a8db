"""SASL, ports, and all checks at once: a real Dovecot, Cyrus SASL's own files."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from postfixconf.host import files
from postfixconf.host.instance import Instance
from postfixconf.host.readiness import Check, Level, look
from postfixconf.host.readiness.dovecot import Service
from postfixconf.host.readiness.listening import port
from postfixconf.host.readiness.sasl import sasl
from postfixconf.host.readiness.settings import Settings
from postfixconf.text.mastercf import MasterCf
from tests.support.apart import apart
from tests.support.dovecot import Dovecot, serving
from tests.support.practice import Practice, configure

OK, HINDRANCE = Level.OK, Level.HINDRANCE


def said(queue: Path, path: str, *, chroot: bool = False, **more: str) -> Check:
    """What is said of Dovecot at a path."""
    values = {
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": path,
        "queue_directory": str(queue),
        "mail_owner": "postfix",
        **more,
    }
    return sasl(Settings(values, {}, chroot))


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """A Dovecot that runs."""
    with serving() as running:
        yield running


def test_dovecot_answers_where_smtpd_looks(dovecot: Dovecot) -> None:
    for path in (str(dovecot.socket), f"unix:{dovecot.socket}", "auth"):
        told = said(dovecot.room, path)
        assert told.level is OK, told
        assert "offers PLAIN, LOGIN" in told.sentence


def test_in_a_chroot_the_path_begins_at_the_queue_directory(dovecot: Dovecot) -> None:
    told = said(dovecot.room, str(dovecot.socket), chroot=True)
    assert told.level is HINDRANCE
    assert f"{dovecot.room}{dovecot.socket} is missing (smtpd is in a" in told.sentence
    assert said(dovecot.room, "/auth", chroot=True).level is OK


def test_a_missing_socket_is_in_the_way(tmp_path: Path) -> None:
    told = said(tmp_path, "private/auth")
    assert told.level is HINDRANCE
    assert f"{tmp_path}/private/auth is missing" in told.sentence
    assert f"unix_listener {tmp_path}/private/auth {{" in told.remedy


def test_a_socket_that_smtpd_may_not_use_is_in_the_way() -> None:
    with serving(mode="0600", owner="root") as dovecot:
        told = said(dovecot.room, "auth")
    assert told.level is HINDRANCE
    assert "user postfix, may not use Dovecot's socket" in told.sentence


def test_mechanisms_that_no_mail_program_speaks_are_in_the_way() -> None:
    with serving(mechanisms="digest-md5") as dovecot:
        told = said(dovecot.room, "auth")
    assert told.level is HINDRANCE
    assert "offers DIGEST-MD5, and mail programs speak PLAIN" in told.sentence


def test_a_socket_that_nobody_reads_is_in_the_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "auth"))
        (tmp_path / "auth").chmod(0o666)
        for above in (tmp_path, *tmp_path.parents[:3]):
            above.chmod(above.stat().st_mode | 0o055)
        told = said(tmp_path, "auth")
    assert told.level is HINDRANCE
    assert "Connection refused" in told.sentence


def test_another_protocol_is_in_the_way(practice: Practice) -> None:
    told = said(practice.room, f"inet:127.0.0.1:{practice.port}")
    assert told.level is HINDRANCE
    assert "does not speak Dovecot's protocol" in told.sentence


def test_a_port_without_a_number_is_in_the_way(tmp_path: Path) -> None:
    assert "'inet:localhost'" in said(tmp_path, "inet:localhost").sentence
    told = sasl(Settings({"smtpd_sasl_type": "other"}, {}))
    assert "neither dovecot nor cyrus" in told.sentence


def test_a_relative_path_is_below_the_queue_directory() -> None:
    queue = Path("/q")
    assert (
        Service.of("private/auth", queue, chroot=False).path == queue / "private/auth"
    )
    assert Service.of("/a/b", queue, chroot=True).path == queue / "a/b"
    assert str(Service.of("inet:[::1]:12", queue, chroot=False)) == "::1:12"


def cyrus(room: Path, *, chroot: bool = False) -> Check:
    """What is said of Cyrus SASL with its files in a directory."""
    values = {
        "smtpd_sasl_type": "cyrus",
        "smtpd_sasl_path": "smtpd",
        "cyrus_sasl_config_path": str(room),
        "queue_directory": str(room / "queue"),
    }
    return sasl(Settings(values, {}, chroot))


def test_cyrus_needs_its_file(tmp_path: Path) -> None:
    told = cyrus(tmp_path)
    assert told.level is HINDRANCE
    assert "there is no smtpd.conf" in told.sentence
    assert f"Write {tmp_path}/smtpd.conf" in told.remedy


def test_cyrus_needs_a_mechanism_and_a_source(tmp_path: Path) -> None:
    file = tmp_path / "smtpd.conf"
    file.write_text("mech_list: CRAM-MD5\n")
    assert "neither PLAIN nor LOGIN" in cyrus(tmp_path).sentence
    known = tmp_path / "sasldb2"
    file.write_text(f"# ours\nmech_list: plain login\nsasldb_path: {known}\n")
    assert f"{known} is missing" in cyrus(tmp_path).sentence
    words = ["saslpasswd2", "-c", "-p", "-f", str(known), "-u", "practice.test", "al"]
    subprocess.run(words, input="geheim", text=True, check=True, timeout=20)
    assert cyrus(tmp_path).level is OK
    assert "inside smtpd's chroot" in cyrus(tmp_path, chroot=True).sentence
    file.write_text("pwcheck_method: saslauthd\nsaslauthd_path: /nowhere/mux\n")
    told = cyrus(tmp_path)
    assert "saslauthd does not listen: /nowhere/mux is missing" in told.sentence


def test_a_free_port_is_well() -> None:
    with apart():
        assert "is free" in port("submission", 587, None).sentence


def test_a_taken_port_names_who_has_it() -> None:
    with apart(), socket.create_server(("0.0.0.0", 587)):
        told = port("submission", 587, None)
    assert told.level is HINDRANCE
    assert f"({os.getpid()})" in told.sentence
    assert "Port 587 is taken by" in told.sentence
    assert told.command == "ss -ltnp sport = :587"
    assert told.steps == ("submission",)


def test_one_on_ipv6_alone_is_found() -> None:
    with (
        apart(),
        socket.create_server(("::1", 465), family=socket.AF_INET6),
    ):
        assert port("submissions", 465, None).level is HINDRANCE


def test_postfix_itself_may_have_it(practice: Practice) -> None:
    pid = practice.instance.master_pid()
    assert pid is not None
    told = port("submission", practice.port, pid)
    assert told.level is OK
    assert "Postfix itself" in told.sentence
    told = port("submission", practice.port, 1)
    assert "another Postfix" in told.remedy


def test_the_last_override_of_a_service_counts() -> None:
    master = MasterCf.parse(
        "smtp inet n - n - - smtpd\n"
        "127.0.0.1:587 inet n - y - - smtpd\n -o a=$b/x -o { c = d e }\n"
    )
    found = Settings.of("submission", {"b": "1", "z": "2"}, master)
    assert (found.get("a"), found.get("c"), found.get("z")) == ("1/x", "d e", "2")
    assert found.chroot
    assert not Settings.of("submissions", {}, master).chroot


def test_a_whole_server_is_looked_at(practice: Practice) -> None:
    configure(practice.instance, {"smtpd_tls_cert_file": ""})  # Dovecot runs nowhere
    found = look(practice.instance, datetime.now(UTC))
    told = {each.key: each for each in found.checks}
    assert told["certificate"].level is HINDRANCE
    assert told["certificate"].steps == ("submission", "submissions")
    assert told["sasl"].level is HINDRANCE
    assert [each.key for each in found.checks].count("port") == 2
    for each in found.checks:
        assert Check.from_json(each.as_json()) == each


def test_a_main_cf_that_cannot_be_read_is_said(practice: Practice) -> None:
    saved = practice.instance.main()
    files.replace(replace(saved, data=saved.data + b"no equals sign\n"))
    (told,) = look(Instance(practice.instance.config_dir), datetime.now(UTC)).checks
    assert told.level is HINDRANCE
    assert "cannot be read" in told.sentence
    files.replace(saved)


def test_what_tests_need_is_here() -> None:
    for program in ("dovecot", "saslpasswd2", "nft", "iptables-legacy", "ufw"):
        assert shutil.which(program), f"apt-get install what has {program}"
