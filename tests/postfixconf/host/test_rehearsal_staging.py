"""The pure parts of a rehearsal: what becomes of each text, and what is asked."""

from pathlib import Path

import pytest

from postfixconf.errors import BadValue
from postfixconf.host.rehearsal.left_out import INERT, left_out, passed_over, silenced
from postfixconf.host.rehearsal.marking import classes, lists_of, marked
from postfixconf.host.rehearsal.questions import (
    ASKED_FOR,
    HELO,
    LITERAL,
    Questions,
    questions,
    trusted_address,
)
from postfixconf.host.rehearsal.staging import SASL, Stage, relocated, stage
from postfixconf.policy.policy_services import PolicyService, policy_services
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import parse_list

LIVE, ROOM = Path("/etc/postfix"), Path("/run/room")
SMTP = "smtp inet n - y - - smtpd\n"


def made(main: str = "", master: str = SMTP) -> Stage:
    """What is started for these two texts."""
    return stage(MainCf.parse(main), MasterCf.parse(master), LIVE, ROOM)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("check_policy_service inet:127.0.0.1:10023, reject", f"{INERT}, reject"),
        ("Check_Policy_Service\n  unix:a", INERT),
        ("check_policy_service { inet:a:1, timeout=5s } x", f"{INERT} x"),
        ("a, check_policy_service", f"a, {INERT}"),
        ("warn_if_reject reject_unverified_sender", f"warn_if_reject {INERT}"),
        ("reject_unverified_recipient,permit", f"{INERT},permit"),
        ("check_policy_service a check_policy_service b", f"{INERT} {INERT}"),
        ("my_check_policy_service a", "my_check_policy_service a"),
        ("unverified_sender_reject_code", "unverified_sender_reject_code"),
        (
            "check_sender_access inline:{ { a = check_policy_service inet:b:1 } }",
            f"check_sender_access inline:{{ {{ a = {INERT} }} }}",
        ),
        (
            "check_sender_access inline:{a=reject_unverified_sender}",
            f"check_sender_access inline:{{a={INERT}}}",
        ),
    ],
)
def test_what_is_not_asked_is_passed_over(value: str, expected: str) -> None:
    assert passed_over(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a check_policy_service\n\tunix:x, reject\n", f"a {INERT}, reject\n"),
        ("/a/ check_policy_service {inet:a:1, x=y}\n", f"/a/ {INERT}\n"),
        (
            "a REJECT no_check_policy_service x\n",
            "a REJECT no_check_policy_service x\n",
        ),
        ("a reject_unverified_sender_x\n", "a reject_unverified_sender_x\n"),
    ],
)
def test_what_a_table_answers_is_silenced(text: str, expected: str) -> None:
    assert silenced(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hash:/etc/postfix/access", "hash:/run/room/etc/access"),
        ("/etc/postfix, x", "/run/room/etc, x"),
        ("pipemap:{hash:/etc/postfix/a,b}", "pipemap:{hash:/run/room/etc/a,b}"),
        ("hash:/etc/postfix-other/a", "hash:/etc/postfix-other/a"),
        ("hash:/srv/etc/postfix/a", "hash:/srv/etc/postfix/a"),
        ("hash:$config_directory/a", "hash:$config_directory/a"),
    ],
)
def test_the_configuration_directory_is_the_rooms(value: str, expected: str) -> None:
    assert relocated(value, LIVE, ROOM / "etc") == expected


def test_a_name_that_is_assigned_twice_is_written_once() -> None:
    main = made("biff = no\nmaillog_file = /x\nbiff = yes\n").main
    assert main.count("biff =") == main.count("maillog_file =") == 1
    assert "biff = yes\n" in main


def test_what_belongs_to_the_machine_is_dropped() -> None:
    main = made("multi_instance_enable = yes\nalternate_config_directories = /a\n").main
    assert "multi_instance" not in main
    assert "alternate" not in main


def test_each_smtpd_is_private_with_its_overrides_and_chroot() -> None:
    master = (
        f"{SMTP}  -o smtpd_helo_required=yes\n"
        "587 inet n - n - - smtpd -o { smtpd_client_restrictions = permit, reject }\n"
        "mailguard unix y - y - - smtpd\n"
    )
    staged = made(master=master)
    assert staged.sockets == {"smtp/inet": "smtpd0", "587/inet": "smtpd1"}
    read = {each.name: each for each in MasterCf.parse(staged.master).services()}
    assert [each.type for each in read.values()] == ["unix"] * 4
    assert (read["smtpd0"].chroot, read["smtpd1"].chroot) == ("y", "n")
    assert read["smtpd0"].overrides()["smtpd_helo_required"] == "yes"
    assert read["smtpd1"].overrides()["smtpd_client_restrictions"] == "permit, reject"


def test_an_override_of_ours_comes_after_theirs() -> None:
    master = f"{SMTP} -o smtpd_milters=inet:a:1 -o smtpd_sasl_path=private/auth\n"
    [smtpd, *_] = MasterCf.parse(made(master=master).master).services()
    assert smtpd.overrides()["smtpd_milters"] == ""
    assert smtpd.overrides()["smtpd_sasl_path"] == SASL


def test_helpers_keep_their_own_names() -> None:
    master = f"{SMTP}rw unix - - n - - trivial-rewrite -o x=y\n"
    staged = made(master=master)
    names = [each.name for each in MasterCf.parse(staged.master).services()]
    assert names == ["smtpd0", "rewrite", "proxymap", "rw"]
    assert staged.last == "rw"


def test_without_an_smtpd_there_is_nothing_to_rehearse() -> None:
    with pytest.raises(BadValue, match="no smtpd"):
        made(master="pickup unix n - n 60 1 pickup\n")


def test_a_service_is_named_with_or_without_its_type() -> None:
    staged = made(master=f"{SMTP}465 inet n - n - - smtpd\n")
    assert staged.service("") == "smtp/inet"
    assert staged.service("465") == staged.service("465/inet") == "465/inet"
    with pytest.raises(BadValue, match="'587': is none of the services"):
        staged.service("587")


def test_tables_of_other_programs_are_said() -> None:
    main = MainCf.parse("virtual_mailbox_maps = proxy:mysql:/etc/postfix/users.cf\n")
    assert "ldap, mysql" in "".join(left_out(main, MasterCf.parse(SMTP)))
    assert not list(left_out(MainCf.parse("x = notldap:y\n"), MasterCf.parse(SMTP)))


def test_a_marker_stands_before_each_rule_and_at_the_end() -> None:
    text = marked("greylist", parse_list("permit_mynetworks, check_x_access hash:y"))
    keys = [each.key for each in parse_list(text)]
    assert keys == [
        *("check_client_access", "permit_mynetworks"),
        *("check_client_access", "check_x_access", "check_client_access"),
    ]


def test_lists_are_those_of_the_service() -> None:
    main = MainCf.parse(
        "mine = permit_mynetworks, reject\nsmtpd_restriction_classes = a, b\n"
        "a = reject_unknown_client_hostname, ${mine}\n"
    )
    [service] = MasterCf.parse(
        "587 inet n - n - - smtpd -o smtpd_client_restrictions=$mine\n"
        "  -o smtpd_helo_restrictions=\n"
    ).services()
    usual = {"smtpd_helo_restrictions": "reject", "smtpd_sender_restrictions": "permit"}
    lists = lists_of(service, main, usual)
    assert [each.text for each in lists["smtpd_client_restrictions"]] == [
        "permit_mynetworks",
        "reject",
    ]
    assert lists["smtpd_helo_restrictions"] == ()
    assert [each.text for each in lists["smtpd_sender_restrictions"]] == ["permit"]
    assert [each.key for each in classes(main)["a"]] == [
        *("reject_unknown_client_hostname", "permit_mynetworks", "reject"),
    ]
    assert classes(main)["b"] == ()


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ("127.0.0.0/8 10.0.0.0/24", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::]/64", "2001:db8::1"),
        ("!10.0.0.0/8, cidr:/etc/postfix/networks, 10.1.0.0/16", "10.1.0.1"),
        ("/etc/postfix/networks", ""),
        ("10.0.0.1/8", ""),
        ("", ""),
    ],
)
def test_a_trusted_client_is_found(networks: str, address: str) -> None:
    assert trusted_address(networks) == address


def asked(main: str = "", master: str = SMTP, **values: str) -> Questions:
    """The questions for a server with these values."""
    known = dict.fromkeys(ASKED_FOR, "") | {"myhostname": "mx.here.example"} | values
    return questions(known, MainCf.parse(main), MasterCf.parse(master), sends=True)


def test_domains_in_tables_are_not_guessed() -> None:
    found = asked(mydestination="hash:/etc/postfix/domains, localhost, $x.y")
    assert found.people["a bounce"].recipient == "postmaster@mx.here.example"
    found = asked(virtual_mailbox_domains="mysql:/a.cf here.example")
    assert found.people["a bounce"].recipient == "postmaster@here.example"


def test_who_signs_in_is_asked_where_one_can() -> None:
    master = (
        f"{SMTP}587 inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes\n"
        "465 inet n - n - - smtpd -o { smtpd_sasl_auth_enable = YES }\n"
        "10026 inet n - n - - smtpd -o smtpd_sasl_auth_enable=no\n"
    )
    people = asked(master=master).people
    signed = {each.service: each for each in people.values() if each.sasl_username}
    assert set(signed) == {"587/inet", "465/inet"}
    assert signed["587/inet"].recipient == LITERAL


def test_relays_are_tried_through_every_domain_and_greeting() -> None:
    found = asked(mydestination="here.example", relay_domains="behind.example").relays
    said = {each.recipient for each in found}
    for domain in ("here.example", "mx.here.example", "behind.example"):
        assert f"user%elsewhere.invalid@{domain}" in said
    assert {each.helo for each in found} == {
        *(HELO, "here.example", "mx.here.example", "behind.example"),
    }


def test_a_service_that_only_this_machine_reaches_is_no_relay() -> None:
    master = (
        f"{SMTP}127.0.0.1:10026 inet n - n - - smtpd\n[::1]:26 inet n - n - - smtpd\n"
    )
    services = {each.service for each in asked(master=master).relays}
    assert services == {"", "smtp/inet"}


DEFAULT = "451 4.3.5 Server configuration problem"


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        (
            "check_policy_service inet:127.0.0.1:1",
            PolicyService("inet:127.0.0.1:1", DEFAULT),
        ),
        (
            "check_policy_service { unix:a/b, timeout=5s, default_action = DUNNO }",
            PolicyService("unix:a/b", "DUNNO"),
        ),
        (
            "check_policy_service {inet:[::1]:1 default_action=OK}",
            PolicyService("inet:[::1]:1", "OK"),
        ),
    ],
)
def test_a_policy_service_is_read(lists: str, expected: PolicyService) -> None:
    main = MainCf.parse(f"some_class = permit, {lists}\n")
    assert policy_services(main, MasterCf.parse(SMTP)) == {expected}


def test_only_a_default_that_lets_mail_pass_makes_a_service_dispensable() -> None:
    passing = ("DUNNO", "ok", "permit_auth_destination", "PERMIT")
    assert not any(PolicyService("inet:a:1", action).needed for action in passing)
    stopping = (DEFAULT, "DEFER_IF_PERMIT x", "reject", "okay")
    assert all(PolicyService("inet:a:1", action).needed for action in stopping)


def test_a_default_for_all_services_is_known() -> None:
    main = MainCf.parse(
        "smtpd_policy_service_default_action = DUNNO\n"
        "smtpd_data_restrictions = check_policy_service inet:a:1\n"
    )
    assert policy_services(main, MasterCf.parse(SMTP)) == {
        PolicyService("inet:a:1", "DUNNO")
    }
