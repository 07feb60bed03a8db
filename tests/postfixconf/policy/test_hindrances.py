"""What keeps entries and own domains from working, and which changes it forbids."""

import pytest

from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import find
from postfixconf.policy.table import Table
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.postfixconf.policy.test_lookups import (
    CHAIN,
    CLIENT,
    EVERY,
    FACTS,
    HAND,
    KIND,
    LEVEL,
    PERMITS,
    RECIPIENT,
    RELAY,
    SENDER,
    codes,
    planned,
)
from tests.support.facts import STOCK_MASTER

ASKED = Table(Lookup.ACCESS, KIND, "1")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (RECIPIENT, "check_recipient_access hash:/etc/postfix/access"),
        (RECIPIENT, "hash:/etc/postfix/access"),
        (CLIENT, "check_client_access proxy:hash:$config_directory/access"),
    ],
)
def test_a_sender_table_asked_for_others_takes_no_entries(name: str, rule: str) -> None:
    main = f"{LEVEL}{name} = {PERMITS}, {rule}\n"
    made = planned(main, deny=frozenset({Lookup.ACCESS}))
    assert [each.code for each in made.blocking] == ["access_asked_for_others"]
    assert not planned(main, deny=frozenset({Lookup.HELO})).blocking


@pytest.mark.parametrize(
    "main",
    [
        f"{SENDER} = {PERMITS}, check_sender_access proxy:btree:/etc/postfix/access\n",
        f"mine = check_sender_access btree:/etc/postfix/access\n{SENDER} = $mine\n",
        "smtpd_restriction_classes = c\nc = check_sender_access "
        "btree:$config_directory/access\n",
        f"{SENDER} = {HAND}, check_sender_access btree:${{config_directory}}/access\n",
        f"{SENDER} = check_sender_access unionmap:{{btree:/etc/postfix/access}}\n",
    ],
    ids=["proxy", "name", "class", "second", "union"],
)
def test_a_sender_table_of_another_type_elsewhere_takes_no_entries(main: str) -> None:
    deny = frozenset({Lookup.ACCESS})
    made = planned(LEVEL + main, deny=deny, tables=(ASKED,))
    assert [each.code for each in made.blocking] == ["access_asked_as_another"]
    assert f"as btree, but it would be written as {KIND}" in made.blocking[0].sentence
    assert not planned(LEVEL + main, deny=frozenset({Lookup.HELO})).blocking


def test_a_service_that_asks_the_sender_table_as_another_type_is_seen() -> None:
    asks = f"-o {{ {SENDER} = check_sender_access btree:/etc/postfix/access }}"
    master = f"{STOCK_MASTER}smtps inet n - n - - smtpd {asks}\n"
    made = planned(LEVEL, deny=frozenset({Lookup.ACCESS}), master=master)
    assert [each.place for each in made.blocking] == [f"-o {SENDER} of smtps"]


def test_the_same_type_through_a_proxy_is_the_same_table() -> None:
    main = f"{LEVEL}{SENDER} = check_sender_access proxy:{KIND}:/etc/postfix/access\n"
    assert not planned(main, deny=frozenset({Lookup.ACCESS})).blocking


def overriding(name: str, value: str) -> str:
    """A master.cf whose port 25 has a list of its own."""
    service = f"smtp inet n - n - - smtpd -o {{ {name} = {value} }}\n"
    return service + STOCK_MASTER.partition("\n")[2]


@pytest.mark.parametrize(
    ("modes", "deny"), [({"own_domains": "test"}, set()), ({}, {Lookup.HELO})]
)
def test_a_service_with_a_sender_list_of_its_own_takes_no_entries(
    modes: dict[str, str], deny: set[Lookup]
) -> None:
    master = overriding(SENDER, PERMITS)
    made = planned(LEVEL, modes, deny=frozenset(deny), master=master)
    assert [each.code for each in made.blocking] == ["entries_overridden"]
    assert f"“-o {SENDER}” of smtp" in made.blocking[0].sentence
    assert not planned(LEVEL, {"disable_vrfy_command": "on"}, master=master).findings


def test_a_service_whose_own_list_refuses_has_to_ask_for_allow_entries() -> None:
    bare, ours = overriding(CLIENT, PERMITS), "reject_unknown_client_hostname"
    assert not planned(LEVEL, allow=EVERY, master=bare).blocking
    refusing = overriding(CLIENT, f"{PERMITS}, {ours}")
    made = planned(LEVEL, {}, allow=EVERY, master=refusing)
    assert not made.blocking  # nothing is written, and nothing asks more than before
    assert [each.code for each in made.findings] == ["entries_overridden"]
    full = overriding(CLIENT, f"{PERMITS}, {CHAIN}, {ours}")
    assert not planned(LEVEL, allow=EVERY, master=full).findings


@pytest.mark.parametrize("name", [RELAY, "smtpd_etrn_restrictions"])
def test_a_relay_list_of_its_own_does_not_matter(name: str) -> None:
    master = overriding(name, "permit_mynetworks, reject_unauth_destination")
    assert not planned(LEVEL, deny=EVERY, master=master).blocking


@pytest.mark.parametrize(
    ("value", "mode"), [(PERMITS, Mode.OFF), (f"{PERMITS}, {HAND}", Mode.ON)]
)
def test_a_stop_behind_an_override_is_found_elsewhere(value: str, mode: Mode) -> None:
    main = MainCf.parse(planned(LEVEL, {"own_domains": "on"}).after.main)
    master = MasterCf.parse(overriding(SENDER, value))
    found = find(main, master, FACTS)["own_domains"]
    assert (found.mode, found.switchable) == (mode, False)
    assert found.elsewhere == f"-o {SENDER} of smtp in master.cf"


def test_a_fault_that_was_there_forbids_only_what_writes_the_table() -> None:
    main = f"{LEVEL}{RECIPIENT} = check_recipient_access hash:/etc/postfix/access\n"
    deny = frozenset({Lookup.ACCESS})
    live = planned(main, {"own_domains": "on"}, deny=deny).after.main
    quiet = planned(live, {"own_domains": "test"}, deny=deny)
    assert not quiet.blocking
    assert "access_asked_for_others" in codes(quiet)
    writing = planned(live, {"own_domains": "on"}, deny=deny, tables=(ASKED,))
    assert [each.code for each in writing.blocking] == ["access_asked_for_others"]
    loud = planned(quiet.after.main, {"own_domains": "on"}, deny=deny)
    assert [each.code for each in loud.blocking] == ["access_asked_for_others"]


def test_a_sender_table_of_patterns_takes_no_entries() -> None:
    main = f"{LEVEL}{SENDER} = check_sender_access regexp:/etc/postfix/access\n"
    made = planned(main, {"own_domains": "on"})
    assert "access_of_patterns" in [each.code for each in made.blocking]
