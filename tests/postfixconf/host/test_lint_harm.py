"""What the linter warns of, done to a real Postfix: it starts, and the harm is there.

`postfix check` finds none of it. Kinds whose harm needs another version of Postfix,
or somebody else's DNS list, have their tests elsewhere.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postfixconf.errors import CommandFailed
from postfixconf.host.commands import run
from tests.support.dns import Dns
from tests.support.harm import OUTSIDE, SETTINGS, named, with_fault, write
from tests.support.keyed import KEY, ZEN
from tests.support.practice import STRANGER, Practice, serving
from tests.support.waiting import eventually

CLIENT, SENDER = "smtpd_client_restrictions", "smtpd_sender_restrictions"
RELAY, RECIPIENT = "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
HELO_LIST, DATA = "smtpd_helo_restrictions", "smtpd_data_restrictions"
ALICE, BOB = "alice@good.example", "bob@practice.test"
FRIEND, OWN = "127.0.0.10", "127.0.0.1"
LISTED_BY_ERROR = "127.0.0.88"
NAMELESS = "reject_unknown_reverse_client_hostname"
FINAL = "reject_unauth_destination"


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A Postfix that would relay what it may, and throws it away."""
    with serving(settings=SETTINGS) as practice:
        yield practice


@pytest.fixture
def table(server: Practice) -> Iterator[Path]:
    """A built table that refuses the friend."""
    path = server.instance.config_dir / "list"
    path.write_text(f"{FRIEND} REJECT\n")
    build(server, path)
    yield path
    for each in (path, path.with_name("list.db")):
        each.unlink(missing_ok=True)


def build(server: Practice, path: Path) -> None:
    """Build a table, as an administrator does."""
    run("postmap", "-c", str(server.instance.config_dir), f"hash:{path}")


def asks(path: Path, kind: str = "hash:") -> str:
    """A client list that asks a table."""
    return f"{CLIENT} = check_client_access {kind}{path}\n"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("unknown_restriction", f"{SENDER} = reject_non_fqdn_sendre\n"),
        (
            "policy_stops_mail",
            f"{SENDER} = check_policy_service inet:127.0.0.1:10999\n",
        ),
        ("map_missing", asks(Path("/nowhere/list"))),
        ("map_type_unknown", asks(Path("/nowhere/list"), "hsah:")),
        ("comment_breaks", f"{SENDER} = reject_non_fqdn_sender # spam\n"),
        (
            "assignment_in_value",
            f"{SENDER} = reject_non_fqdn_sender,\n  smtpd_helo_required = yes\n",
        ),
    ],
)
def test_all_mail_is_put_off_with_451(server: Practice, code: str, lines: str) -> None:
    with with_fault(server, code, lines):
        assert server.attempt(ALICE, BOB, src=FRIEND).code == 451
    assert server.works_for_strangers()


@pytest.mark.parametrize(
    "word", ["192.168.1.1/16", "10.0.0.0/8/8", "fe80::/10", "2001:db8::/32"]
)
def test_a_network_that_cannot_be_read_puts_off_every_stranger(
    server: Practice, word: str
) -> None:
    lines = f"mynetworks = 127.0.0.1, {word}\n"
    with with_fault(server, "mynetworks_misread", lines):
        assert server.attempt(ALICE, BOB, src=FRIEND).code == 451


@pytest.mark.parametrize("word", ["::1", "::1/128"])
def test_a_network_without_its_brackets_kills_smtpd(
    server: Practice, word: str
) -> None:
    lines = f"mynetworks = 127.0.0.1, {word}\n"
    with (
        with_fault(server, "mynetworks_misread", lines),
        pytest.raises((TimeoutError, ConnectionError)),
    ):
        server.attempt(ALICE, BOB, src=FRIEND, timeout=2.0)  # type: ignore[arg-type]


def test_a_table_without_a_type_puts_off_all_mail(
    server: Practice, table: Path
) -> None:
    with with_fault(server, "map_untyped", asks(table, "")):
        assert server.attempt(ALICE, BOB, src="127.0.0.20").code == 451


def test_a_table_that_was_never_built_puts_off_all_mail(
    server: Practice, table: Path
) -> None:
    table.with_name("list.db").unlink()
    with with_fault(server, "map_not_built", asks(table)):
        assert server.attempt(ALICE, BOB, src="127.0.0.20").code == 451


def test_a_table_that_postfix_may_not_read_puts_off_all_mail(
    server: Practice, table: Path
) -> None:
    table.with_name("list.db").chmod(0o600)
    with with_fault(server, "map_unreadable", asks(table, "proxy:hash:")):
        assert server.attempt(ALICE, BOB, src="127.0.0.20").code == 451


def test_what_was_written_into_a_stale_table_is_not_in_effect(
    server: Practice, table: Path
) -> None:
    table.write_text(f"{STRANGER} REJECT\n")
    later = table.with_name("list.db").stat().st_mtime + 5
    os.utime(table, (later, later))
    with with_fault(server, "map_stale", asks(table)):
        assert server.attempt(ALICE, BOB).ok
        assert server.attempt(ALICE, BOB, src=FRIEND).code == 554


def test_a_malformed_line_refuses_nobody(server: Practice, table: Path) -> None:
    table.write_text("127.0.0.66/25 REJECT\n")
    with with_fault(server, "map_malformed", asks(table, "cidr:")):
        assert server.attempt(ALICE, BOB).ok


def test_a_line_without_an_action_is_left_out(server: Practice) -> None:
    access = server.instance.config_dir / "access"
    access.write_text("alice@good.example\n")
    build(server, access)
    lines = f"{SENDER} = check_sender_access hash:$config_directory/access\n"
    with with_fault(server, "line_without_action", lines):
        assert server.attempt(ALICE, BOB).ok
    access.unlink()


def test_the_manuals_own_domain_stop_refuses_the_trusted_network(
    server: Practice,
) -> None:
    access = server.instance.config_dir / "access"
    access.write_text("practice.test REJECT\n")
    build(server, access)
    asked = "check_sender_access hash:$config_directory/access"
    lines = f"{SENDER} = permit_sasl_authenticated, {asked}\n"
    with with_fault(server, "own_people_refused", lines):
        assert server.attempt(BOB, BOB, src=OWN).code == 554
    mended = f"{SENDER} = permit_mynetworks, permit_sasl_authenticated, {asked}\n"
    with with_fault(server, "no_final_newline", mended[:-1]):
        assert server.attempt(BOB, BOB, src=OWN).ok
    access.unlink()


def test_a_rule_behind_the_last_word_refuses_nobody(server: Practice) -> None:
    lines = f"{SENDER} = permit, reject_non_fqdn_sender\n"
    with with_fault(server, "unreachable_rule", lines):
        assert server.attempt("alice", BOB).ok


def test_without_the_permits_ones_own_people_are_refused(server: Practice) -> None:
    lines = f"{CLIENT} = reject_unknown_client_hostname\nmynetworks = {STRANGER}\n"
    with with_fault(server, "permits_missing", lines):
        assert server.attempt(ALICE, OUTSIDE).code == 450


def test_whom_one_list_lets_in_another_refuses(server: Practice, table: Path) -> None:
    table.write_text(f"{STRANGER} OK\n")
    build(server, table)
    lines = f"{asks(table)}{RECIPIENT} = {NAMELESS}\n"
    with with_fault(server, "allow_overruled", lines):
        assert server.attempt(ALICE, BOB).code == 450


def test_who_sends_no_greeting_skips_its_check(server: Practice) -> None:
    lines = f"{HELO_LIST} = permit_mynetworks, reject_non_fqdn_helo_hostname\n"
    with with_fault(server, "helo_not_required", lines):
        assert server.attempt(ALICE, BOB, helo="pc7").code == 504
        assert server.attempt(ALICE, BOB, helo=None).ok


def test_a_misspelt_switch_does_nothing(server: Practice) -> None:
    with with_fault(server, "unknown_setting", "smtpd_hello_required = yes\n"):
        assert server.attempt(ALICE, BOB, helo=None).ok


def test_a_switch_that_a_service_overrides_does_nothing(server: Practice) -> None:
    options = "  -o smtpd_helo_required=no\n"
    with with_fault(server, "override_shadows", "smtpd_helo_required = yes\n", options):
        assert server.attempt(ALICE, BOB, helo=None).ok


def test_of_a_list_that_is_set_twice_the_first_does_nothing(server: Practice) -> None:
    lines = f"{CLIENT} = permit_mynetworks, {NAMELESS}\n{CLIENT} =\n"
    with with_fault(server, "set_twice", lines):
        assert server.attempt(ALICE, BOB).ok


def test_without_delay_nobody_gets_as_far_as_signing_in(server: Practice) -> None:
    lines = f"smtpd_delay_reject = no\n{CLIENT} = permit_mynetworks, {NAMELESS}\n"
    with (
        with_fault(server, "refused_before_sign_in", lines),
        server.smtp(helo=None) as client,  # type: ignore[arg-type]
    ):
        assert client.banner().code == 450


def ahead(server: Practice, src: str) -> int:
    """The reply to DATA for a client that sends its message without waiting."""
    with server.smtp(src=src) as client:
        client.mail(ALICE)
        client.rcpt(BOB)
        client.raw(b"DATA\r\nSubject: ahead\r\n\r\nbuy\r\n.\r\n")
        return client.read().code


def test_pipelining_is_not_seen_before_data(server: Practice) -> None:
    early = f"{RECIPIENT} = permit_mynetworks, reject_unauth_pipelining\n"
    with with_fault(server, "pipelining_early", early):
        assert ahead(server, STRANGER) == 354
    bare = f"{DATA} = reject_unauth_pipelining\n"
    with with_fault(server, "pipelining_before_permits", bare):
        assert ahead(server, STRANGER) == 503
        assert ahead(server, OWN) == 503  # one's own scripts


def test_a_refused_query_to_a_list_without_codes_refuses_everybody(
    server: Practice,
) -> None:
    lines = f"{RECIPIENT} = permit_mynetworks, reject_rbl_client zen.spamhaus.org\n"
    with with_fault(server, "unfiltered_blocklist", lines):
        assert server.attempt(ALICE, BOB, src=LISTED_BY_ERROR).code == 554
    coded = lines.replace("haus.org", "haus.org=127.0.0.[2..11]")
    with with_fault(server, "empty_relay_list", f"{coded[:-1]}, {FINAL}\n{RELAY} =\n"):
        assert server.attempt(ALICE, BOB, src=LISTED_BY_ERROR).ok


def test_a_dead_list_that_answers_everything_refuses_everybody(
    server: Practice, dns: Dns
) -> None:
    lines = f"{RECIPIENT} = reject_rbl_client relays.ordb.org=127.0.0.[2..4]\n"
    everything = {("*.relays.ordb.org", "A"): ["127.0.0.2"]}
    with with_fault(server, "dead_blocklist", lines), dns.answering(everything):
        assert server.attempt(ALICE, BOB, src=FRIEND).code == 554


def test_an_error_of_an_allow_list_without_codes_lets_everybody_in(
    server: Practice, dns: Dns
) -> None:
    lines = f"{RECIPIENT} = permit_dnswl_client list.dnswl.org, reject\n"
    error = {("*.list.dnswl.org", "A"): ["127.0.0.255"]}
    with with_fault(server, "unfiltered_allow_list", lines), dns.answering(error):
        assert server.attempt(ALICE, BOB).ok


def test_a_socket_named_by_its_whole_path_is_not_found_in_a_chroot(
    server: Practice,
) -> None:
    path = server.instance.queue_directory / "private" / "anvil"  # it answers, oddly
    lines = f"{RECIPIENT} = check_policy_service unix:{path}\n"
    with with_fault(server, "chrooted_socket", lines):
        assert server.attempt(ALICE, BOB).code == 451
        said = f"connect to {path}: No such file or directory"
        eventually(lambda: said in server.log())


@pytest.mark.parametrize(
    ("code", "networks"),
    [
        ("mynetworks_everyone", "127.0.0.0/8, 0.0.0.0/1"),
        ("mynetworks_wide", "52.100.0.0/14"),
        ("mynetworks_gateway", "172.16.0.0/12"),
    ],
)
def test_strangers_in_the_trusted_networks_relay(
    server: Practice, code: str, networks: str
) -> None:
    addresses = {
        "mynetworks_everyone": "8.8.8.8",
        "mynetworks_wide": "52.100.7.7",
        "mynetworks_gateway": "172.17.0.1",  # all that a Docker proxy passes on
    }
    lines = f"mynetworks = {networks}\nsmtpd_authorized_xclient_hosts = {STRANGER}\n"
    with with_fault(server, code, lines), server.smtp() as client:
        client.xclient(addr=addresses[code], name="[UNAVAILABLE]")
        client.helo("client.example")
        client.mail(ALICE)
        assert client.rcpt(OUTSIDE).ok


def test_a_claimed_sender_opens_an_empty_relay_list(
    server: Practice, table: Path
) -> None:
    table.write_text(f"{ALICE} OK\n")
    build(server, table)
    lines = f"{RELAY} =\n{RECIPIENT} = check_sender_access hash:{table}, {FINAL}\n"
    for code in ("table_opens_relay", "empty_relay_list"):
        with with_fault(server, code, lines):
            assert server.attempt(ALICE, OUTSIDE).ok
            assert server.attempt("eve@good.example", OUTSIDE).code == 554


def test_a_warned_relay_protection_relays(server: Practice) -> None:
    lines = (
        f"{RELAY} = warn_if_reject {FINAL}\n"
        f"{RECIPIENT} = check_sender_access static:OK, reject\n"
    )
    with with_fault(server, "warned_relay_protection", lines):
        assert server.attempt(ALICE, OUTSIDE).ok


def test_a_service_whose_own_lists_protect_nothing_dies(server: Practice) -> None:
    options = f"  -o {RELAY}=permit_mynetworks -o {RECIPIENT}=permit,reject\n"
    with with_fault(server, "unprotected_service", "", options):
        with pytest.raises((TimeoutError, ConnectionError)):
            server.attempt(ALICE, BOB, timeout=2.0)  # type: ignore[arg-type]
        said = "specify at least one working instance of"
        eventually(lambda: said in server.log())


def test_without_any_relay_protection_smtpd_dies(server: Practice) -> None:
    with with_fault(server, "no_relay_protection", f"{RELAY} =\n{RECIPIENT} =\n"):
        with pytest.raises((TimeoutError, ConnectionError)):
            server.attempt(ALICE, BOB, timeout=2.0)  # type: ignore[arg-type]
        said = "specify at least one working instance of"
        eventually(lambda: said in server.log())


def test_what_stands_behind_a_comment_in_a_list_is_dropped(server: Practice) -> None:
    lines = f"mynetworks = 127.0.0.1 # we ourselves\n  {STRANGER} {FRIEND}\n"
    with with_fault(server, "comment_in_value", lines):
        assert server.attempt(ALICE, OUTSIDE, src=FRIEND).code == 454


@pytest.mark.parametrize(
    "line",
    [
        "message_size_limit = 52428800 # 50MB",
        "mydomain = a.example # ours",
    ],
)
def test_a_comment_behind_a_single_value_kills_every_daemon(
    server: Practice, line: str
) -> None:
    main = f"{server.adopted.main}{line}\n"
    write(server, main, server.adopted.master)
    assert "comment_breaks" in named(server.observed())
    assert run("postconf", "-c", str(server.instance.config_dir), "-n").code == 0
    with pytest.raises(CommandFailed, match=r"(?s)fatal: .*\bbad "):
        server.instance.restart()
    write(server, server.adopted.main, server.adopted.master)


def test_a_comment_behind_a_switch_kills_smtpd(server: Practice) -> None:
    lines = "strict_rfc821_envelopes = yes # spam\n"
    with with_fault(server, "comment_breaks", lines):
        with pytest.raises((TimeoutError, ConnectionError)):
            server.attempt(ALICE, BOB, timeout=2.0)  # type: ignore[arg-type]
        eventually(lambda: "bad boolean configuration" in server.log())


def test_postconf_glues_a_setting_to_a_line_without_its_newline(
    server: Practice, tmp_path: Path
) -> None:
    main = tmp_path / "main.cf"
    main.write_text("compatibility_level = 3.6\nbiff = no")
    os.utime(main, (1_000_000, 1_000_000))
    run("postconf", "-c", str(tmp_path), "-e", "disable_vrfy_command = yes")
    assert main.read_text().endswith("biff = nodisable_vrfy_command = yes\n")


def test_a_key_in_main_cf_is_told_to_whoever_is_refused(server: Practice) -> None:
    lines = f"{RECIPIENT} = reject_rbl_client {KEY}.{ZEN}=127.0.0.[2..11]\n"
    with with_fault(server, "key_in_the_open", lines):
        assert KEY in server.attempt(ALICE, BOB, src="127.0.0.2").text
        assert (server.instance.config_dir / "main.cf").stat().st_mode & 0o004
