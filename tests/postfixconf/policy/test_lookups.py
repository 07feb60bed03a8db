"""Where the chain of tables goes, and what it leaves as it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import find
from postfixconf.policy.lint import lint
from postfixconf.policy.lookups import OWN_CLASS, OWN_TABLE, Uses, type_of
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import Action, Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.table import Table
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.postfixconf.policy.test_adoption import accepted
from tests.support.corpus import text_of
from tests.support.facts import STOCK_MASTER, installed, observed

CLIENT, SENDER = "smtpd_client_restrictions", "smtpd_sender_restrictions"
RELAY, RECIPIENT = "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
LEVEL = "compatibility_level = 3.6\n"
PERMITS = "permit_mynetworks, permit_sasl_authenticated"
OWN = OwnDomains(("own.example",))
EVERY = frozenset(Lookup)
NONE: frozenset[Lookup] = frozenset()
FACTS = replace(installed(), config_directory="/etc/postfix")
KIND = FACTS.default_table_type
ASKS = {
    Lookup.CLIENTS: f"check_client_access {KIND}:$config_directory/mailguard/clients",
    Lookup.NETWORKS: "check_client_access cidr:$config_directory/mailguard/networks",
    Lookup.ACCESS: f"check_sender_access {KIND}:$config_directory/access",
    Lookup.HELO: f"check_helo_access {KIND}:$config_directory/mailguard/helo",
}
CHAIN = ", ".join(ASKS.values())
HAND = "check_sender_access hash:/etc/postfix/access"


def planned(
    main: str,
    modes: dict[str, str] | None = None,
    allow: frozenset[Lookup] = frozenset(),
    deny: frozenset[Lookup] = frozenset(),
    access: str = "",
    master: str = STOCK_MASTER,
    tables: tuple[Table, ...] = (),
) -> Plan:
    """The plan for a main.cf in /etc/postfix, with the own domain own.example."""
    policy = replace(Policy.of(modes or {}), own=OWN, uses=Uses(allow, deny))
    seen = Observed(Texts(main, master, access), FACTS, running=True)
    return plan(policy, seen.texts, seen, tables=tables)


def rules(made: Plan, name: str = SENDER) -> str:
    """One list of a plan, on one line."""
    return ", ".join(r.text for r in MainCf.parse(made.after.main).rules(name))


def codes(made: Plan) -> list[str]:
    """What the linter says."""
    return [each.code for each in made.findings]


def test_deny_entries_stand_in_the_sender_list_alone() -> None:
    modes = {"reject_unknown_client_hostname": "on", "reject_unauth_pipelining": "on"}
    made = planned(LEVEL, modes, deny=EVERY)
    assert rules(made) == f"{PERMITS}, {CHAIN}"
    assert all(
        "$config" not in rules(made, name)
        for name in RESTRICTION_LISTS
        if name != SENDER
    )


def test_allow_entries_stand_before_our_rules_in_every_list() -> None:
    on = {x.key: "on" for x in CONTROLS if not x.records and not x.sends}
    made = planned(LEVEL, on, allow=EVERY)
    for name in (CLIENT, RECIPIENT, "smtpd_data_restrictions"):
        assert rules(made, name).startswith(f"{PERMITS}, {CHAIN}, reject_")


def test_allow_entries_stay_out_of_lists_where_we_refuse_nothing() -> None:
    main = f"{LEVEL}{CLIENT} = {PERMITS}, reject_rbl_client foreign.example\n"
    assert planned(main, allow=EVERY).empty


@pytest.mark.parametrize("name", [RELAY, "smtpd_etrn_restrictions"])
def test_the_chain_is_never_in_the_relay_and_etrn_lists(name: str) -> None:
    main = f"{LEVEL}{name} = {PERMITS}, reject_unauth_destination, " + (
        "reject_unknown_client_hostname\n"
    )
    made = planned(main, {}, EVERY, EVERY)
    assert "$config_directory" not in rules(made, name)


@pytest.mark.parametrize("spelled", ["/etc/postfix", "$config_directory"])
@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb", "texthash"])
def test_a_hand_written_lookup_keeps_place_and_type(spelled: str, kind: str) -> None:
    asks = f"check_sender_access {kind}:{spelled}/access"
    main = f"{LEVEL}{SENDER} = {PERMITS}, reject_foo, {asks}, reject_bar\n"
    made = planned(main, deny=frozenset({Lookup.ACCESS}))
    assert rules(made) == f"{PERMITS}, reject_foo, {asks}, reject_bar"
    assert type_of(Lookup.ACCESS, MainCf.parse(main), FACTS) == kind


def test_the_manuals_line_gets_the_permit_it_lacks() -> None:
    main = f"{LEVEL}{SENDER} = permit_sasl_authenticated, {HAND}\n"
    made = planned(main, {"own_domains": "on"})
    assert rules(made) == f"permit_sasl_authenticated, permit_mynetworks, {HAND}"
    assert "own_domains_before_permits" not in codes(made)


def test_the_other_tables_go_around_a_hand_written_lookup() -> None:
    main = f"{LEVEL}{SENDER} = {PERMITS}, {HAND}\n"
    made = planned(main, deny=EVERY)
    rest = {key: text for key, text in ASKS.items() if key is not Lookup.ACCESS}
    clients, networks, helo = rest.values()
    assert rules(made) == f"{PERMITS}, {clients}, {networks}, {HAND}, {helo}"


def test_permits_never_bypass_a_foreign_rule() -> None:
    main = f"{LEVEL}{SENDER} = {HAND}, reject_sender_login_mismatch\n"
    made = planned(main, {"own_domains": "on"})
    assert rules(made) == f"{HAND}, reject_sender_login_mismatch"
    assert "own_domains_before_permits" in [each.code for each in made.blocking]


def test_permits_go_behind_a_foreign_rule_without_a_lookup() -> None:
    main = f"{LEVEL}{SENDER} = reject_sender_login_mismatch\n"
    made = planned(main, deny=frozenset({Lookup.HELO}))
    assert rules(made) == (
        f"reject_sender_login_mismatch, {PERMITS}, {ASKS[Lookup.HELO]}"
    )


@pytest.mark.parametrize(
    ("mode", "value"),
    [
        ("on", f"check_client_access cidr:$config_directory/{OWN_TABLE}"),
        (
            "test",
            f"warn_if_reject check_client_access cidr:$config_directory/{OWN_TABLE}",
        ),
        ("off", None),
    ],
)
def test_the_stop_is_a_class_that_the_sender_table_names(
    mode: str, value: str | None
) -> None:
    main = MainCf.parse(planned(LEVEL, {"own_domains": mode}).after.main)
    assert main.get(OWN_CLASS) == value
    assert (main.get("smtpd_restriction_classes") == OWN_CLASS) is (mode != "off")
    found = find(main, MasterCf.parse(STOCK_MASTER), FACTS)["own_domains"]
    assert found.mode == mode


def test_the_class_joins_others_and_leaves_them() -> None:
    main = f"{LEVEL}smtpd_restriction_classes = greedy, strict\ngreedy = permit\n"
    on = planned(main, {"own_domains": "on"})
    text = "smtpd_restriction_classes = greedy, strict, mailguard_own_domains\n"
    assert text in on.after.main
    adopted = Texts(on.after.main, STOCK_MASTER)
    seen = Observed(adopted, FACTS, running=True)
    off = plan(replace(Policy.of({"own_domains": "off"}), own=OWN), adopted, seen)
    # The lookup itself now looks written by hand, and asks for lines that are gone.
    assert off.after.main.startswith(main)
    assert OWN_CLASS not in off.after.main


def test_a_stop_without_a_domain_is_off() -> None:
    seen = Observed(Texts(LEVEL, STOCK_MASTER), FACTS, running=True)
    assert plan(Policy.of({"own_domains": "on"}), seen.texts, seen).empty


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
@pytest.mark.parametrize("mode", ["off", "test"])
def test_entries_and_own_domains_and_back_restore_the_bytes(
    path: Path, mode: str
) -> None:
    seen = observed(text_of(path))
    before = find(MainCf.parse(seen.texts.main), MasterCf.parse(STOCK_MASTER), FACTS)
    modes = {key: each.mode for key, each in before.items()}
    wanted = Policy({**modes, "own_domains": Mode(mode)}, OWN, Uses(EVERY, EVERY))
    on = plan(wanted, seen.texts, seen)
    assert not on.empty
    live = replace(seen, texts=on.after)
    off = plan(Policy(modes, OWN), seen.texts, live)
    assert off.after.main == seen.texts.main
    assert plan(wanted, seen.texts, live).after == live.texts


def test_a_line_of_ok_before_the_relay_protection_blocks() -> None:
    main = f"{RECIPIENT} = {HAND}, reject_unauth_destination\n"
    made = planned(main, access="# note\nboss@other.example OK\n")
    assert [each.code for each in made.blocking] == ["access_opens_relay"]
    assert made.blocking[0].place == "access, line 2"
    assert "“boss@other.example OK”" in made.blocking[0].sentence


@pytest.mark.parametrize(
    "main",
    [
        f"{LEVEL}{RELAY} = reject_unauth_destination\n{RECIPIENT} = {HAND}\n",
        f"{RECIPIENT} = reject_unauth_destination, {HAND}\n",
        f"{SENDER} = {HAND}\n{RECIPIENT} = reject_unauth_destination\n",
        f"{LEVEL}{RECIPIENT} = {HAND}\n",
    ],
)
def test_ok_behind_the_relay_protection_is_harmless(main: str) -> None:
    assert "access_opens_relay" not in codes(
        planned(main, access="boss@x.example OK\n")
    )


@pytest.mark.parametrize(
    "main",
    [
        f"{RELAY} = {HAND}, reject_unauth_destination\n",
        f"{RELAY} =\nmine = {HAND}\n{RECIPIENT} = $mine, reject_unauth_destination\n",
        f"smtpd_restriction_classes = c\nc = {HAND}\n"
        f"{RECIPIENT} = c, reject_unauth_destination\n",
    ],
)
def test_ok_is_seen_in_the_relay_list_and_behind_names(main: str) -> None:
    assert "access_opens_relay" in codes(planned(main, access="boss@x.example OK\n"))


@pytest.mark.parametrize(
    ("action", "opens"),
    [
        ("OK", True),
        ("ok, says Bob", True),
        ("RELAY", True),
        ("250", True),
        ("550", True),  # digits alone permit (access(5))
        ("550 5.7.1 go away", False),
        ("permit", True),
        ("reject_unlisted_recipient, permit", True),
        ("permit_mynetworks, reject", False),
        ("permit_auth_destination", False),
        ("permit_auth_destination permit", True),
        ("REJECT", False),
        ("reject, says Bob", True),
        ("DUNNO", False),
        ("defer_if_permit Later", True),
        ("some_class", True),
        (OWN_CLASS, False),
    ],
)
def test_only_safe_answers_pass_before_the_relay_protection(
    action: str, opens: bool
) -> None:
    main = f"{RECIPIENT} = {HAND}, reject_unauth_destination\n"
    made = planned(main, access=f"boss@other.example {action}\n")
    assert ("access_opens_relay" in codes(made)) is opens


@pytest.mark.parametrize(
    ("allow", "deny", "warned"), [(EVERY, NONE, False), (NONE, EVERY, True)]
)
def test_only_greetings_that_are_kept_out_need_a_greeting(
    allow: frozenset[Lookup], deny: frozenset[Lookup], *, warned: bool
) -> None:
    on = planned(LEVEL, {"reject_non_fqdn_sender": "on"}, allow, deny)
    assert ASKS[Lookup.HELO] in on.after.main
    assert ("helo_not_required" in codes(on)) is warned


def test_a_line_without_an_action_says_nothing() -> None:
    found = lint(MainCf.parse(LEVEL), FACTS, "a.example REJECT\nb.example\n")
    assert [(each.code, each.place) for each in found] == [
        ("line_without_action", "access, line 2")
    ]


@pytest.mark.parametrize("name", [SENDER, RECIPIENT, RELAY])
def test_own_domains_before_the_permits_block_in_any_list(name: str) -> None:
    main = f"{LEVEL}{name} = {HAND}, reject_foo, {PERMITS}, reject_unauth_destination\n"
    made = planned(main, {"own_domains": "on"})
    assert "own_domains_before_permits" in [each.code for each in made.blocking]


def test_another_table_of_senders_before_the_permits_is_none_of_ours() -> None:
    other = "check_sender_access hash:/etc/postfix/other"
    main = f"{LEVEL}{SENDER} = {other}, {PERMITS}\n"
    made = planned(main, {"own_domains": "on"})
    assert "own_domains_before_permits" not in codes(made)


@pytest.mark.parametrize(
    ("asked", "late"), [(HAND, True), ("permit_mynetworks", False)]
)
def test_lines_that_name_a_new_class_come_after_main_cf(asked: str, late: bool) -> None:
    main = f"{LEVEL}{SENDER} = {PERMITS}, {asked}\n"
    seen = Observed(Texts(main, STOCK_MASTER), FACTS, running=True)
    policy = replace(Policy.of({"own_domains": "on"}), own=OWN)
    tables = [Table("access", "hash", "1"), Table(Lookup.HELO, "hash", "1")]
    made = plan(policy, seen.texts, seen, tables=tables)
    assert {each.path: each.late for each in made.tables} == {
        OWN_TABLE: False,
        "access": late,
        Lookup.HELO: False,
    }


@pytest.mark.parametrize(
    ("kind", "action"),
    [("hash", Action.NONE), ("texthash", Action.RELOAD), ("cidr", Action.RELOAD)],
)
def test_tables_that_are_read_once_need_a_reload(kind: str, action: Action) -> None:
    seen = Observed(Texts(LEVEL, STOCK_MASTER), FACTS, running=True)
    tables = [Table("access", kind, "1")]
    assert plan(Policy(), seen.texts, seen, tables=tables).action is action


def test_protection_behind_a_plain_permit_protects_nobody() -> None:
    main = f"{RECIPIENT} = permit_mynetworks, permit, reject_unauth_destination\n"
    assert "no_relay_protection" in codes(planned(main))
