"""Relays in front: where their table stands, and what its classes still ask."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from postfixconf.errors import BadValue
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import ALLOW
from postfixconf.policy.lookups import NEVER
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import Action, Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.relays import asks_relays, class_of, kept, relay_lines
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.softening import softened
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list
from tests.postfixconf.policy.test_entries import TEXTS
from tests.support.facts import STOCK_MASTER, installed

RECIPIENT, SENDER = "smtpd_recipient_restrictions", "smtpd_sender_restrictions"
RELAY, CLIENT = "smtpd_relay_restrictions", "smtpd_client_restrictions"
PERMITS = "permit_mynetworks, permit_sasl_authenticated"
GUARD = f"{PERMITS}, reject_unauth_destination"
LEVEL = "compatibility_level = 3.6\n"
FACTS = replace(installed(), config_directory="/etc/postfix")
ON = {x.key: "on" for x in CONTROLS if not x.records and not x.sends}
DBL = "rhsbl_sender:dbl.spamhaus.org"


def planned(
    main: str,
    modes: dict[str, str] | None = None,
    relays: tuple[str, ...] = ("192.0.2.7",),
    master: str = STOCK_MASTER,
    live: str = "",
) -> Plan:
    """The plan for a main.cf in /etc/postfix, which is `live` by now."""
    policy = replace(Policy.of(modes or {}), relays=relays, own=OwnDomains(("a.test",)))
    seen = Observed(Texts(live or main, master), FACTS, running=True)
    return plan(policy, Texts(main, master), seen)


def lines(made: Plan, name: str) -> str:
    """What the table of a list holds."""
    path = f"mailguard/relays_{name}"
    return "".join(x for each in made.tables if each.path == path for x in each.lines())


def test_every_list_of_ours_asks_for_relays_first_but_the_relay_list() -> None:
    made = MainCf.parse(planned(LEVEL, ON).after.main)
    for name in RESTRICTION_LISTS:
        rules = made.rules(name)
        ours = name == SENDER or any(r.key.startswith("reject_") for r in rules)
        assert (asks_relays(name) in rules) is (ours and name not in NEVER), name
        if asks_relays(name) in rules:
            assert rules.index(asks_relays(name)) == 2  # behind the permits


def test_a_list_without_a_rule_of_ours_stays_as_it_was() -> None:
    main = f"{LEVEL}{CLIENT} = {PERMITS}, reject_rbl_client foreign.example\n"
    assert planned(main).empty


@pytest.mark.parametrize(
    ("name", "rules", "asked"),
    [
        (CLIENT, "reject_unknown_client_hostname", ""),
        (RECIPIENT, f"{PERMITS}, reject_rbl_client a.example", ""),
        (
            RECIPIENT,
            "reject_non_fqdn_helo_hostname, warn_if_reject reject_non_fqdn_sender",
            f"warn_if_reject reject_non_fqdn_sender, {ALLOW}",
        ),
        (
            RECIPIENT,
            f"reject_non_fqdn_sender, {PERMITS}, reject_unknown_recipient_domain",
            f"reject_non_fqdn_sender, {PERMITS}, reject_unknown_recipient_domain, "
            f"{ALLOW}",
        ),
        (
            RECIPIENT,
            "reject_unauth_destination, check_recipient_access hash:/x, permit",
            f"{GUARD}, check_recipient_access hash:/x, {ALLOW}",
        ),
        (
            RECIPIENT,
            f"{PERMITS}, reject_unlisted_recipient, hash:/x, check_policy_service x:y",
            f"{PERMITS}, reject_unlisted_recipient, reject_unauth_destination, "
            f"hash:/x, {ALLOW}",
        ),
        (SENDER, "hash:/x, check_helo_access hash:/y", f"hash:/x, {ALLOW}"),
        (RECIPIENT, "a_class, $name, check_client_access hash:/x, reject", ""),
        (RECIPIENT, "Reject_Unknown_Address", f"Reject_Unknown_Address, {ALLOW}"),
    ],
)
def test_a_class_asks_what_judges_addresses_alone(
    name: str, rules: str, asked: str
) -> None:
    assert ", ".join(each.text for each in kept(parse_list(rules), name)) == asked


def test_the_table_answers_with_the_class_where_there_is_one() -> None:
    modes = {"reject_unknown_client_hostname": "on", "reject_non_fqdn_sender": "on"}
    made = planned(LEVEL, modes)
    assert lines(made, "client") == f"192.0.2.7/32 {ALLOW}\n"
    assert lines(made, "recipient") == "192.0.2.7/32 mailguard_relays_recipient\n"


def test_a_class_that_is_new_is_answered_behind_its_main_cf() -> None:
    helo = {"reject_non_fqdn_helo_hostname": "on"}
    first = planned(LEVEL, helo)
    made = planned(
        LEVEL, helo | {"reject_non_fqdn_sender": "on"}, live=first.after.main
    )
    late = {each.path: each.late for each in made.tables}
    assert late["mailguard/relays_recipient"]
    assert not any(each.late for each in first.tables)


def test_one_more_relay_needs_a_reload_only() -> None:
    live = planned(LEVEL, ON).after.main
    made = planned(LEVEL, ON, ("192.0.2.7", "2001:db8::/32"), live=live)
    assert (made.action, made.after.main) == (Action.RELOAD, live)


def test_without_relays_or_rules_the_bytes_are_as_they_were() -> None:
    main = f"{LEVEL}smtpd_restriction_classes = mine\nmine = reject\n# the end\n"
    live = planned(main, ON).after.main
    assert "mailguard_relays_recipient" in live
    assert planned(main, {}, live=live).after.main == main
    without = planned(main, ON, (), live=live).after.main
    assert "relays" not in without


def test_what_is_taken_back_beside_an_edit_only_logs_in_the_class_too() -> None:
    live = planned(LEVEL, {DBL: "on"}).after.main + "# by hand\n"
    seen = Observed(Texts(live, STOCK_MASTER), FACTS, running=True)
    made = softened({DBL: Mode.TEST}, Policy(), seen, reload=True)
    after = MainCf.parse(made.after.main)
    told = after.get(class_of(RECIPIENT)) or ""
    assert told.startswith("warn_if_reject reject_rhsbl_sender")


def test_a_service_with_lists_of_its_own_is_told() -> None:
    over = "  -o smtpd_recipient_restrictions=reject_non_fqdn_sender,reject\n"
    master = STOCK_MASTER.replace("smtpd\n", f"smtpd\n{over}", 1)
    codes = [each.code for each in planned(LEVEL, ON, master=master).findings]
    assert "relays_overridden" in codes
    assert "relays_overridden" not in [
        each.code for each in planned(LEVEL, ON, (), master=master).findings
    ]


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_a_relay_of_any_text_is_refused_or_a_line(text: str) -> None:
    try:
        policy = Policy(relays=(text,))
    except BadValue as cause:
        assert cause.text == text
        return
    [line] = relay_lines(policy.relays, ALLOW)
    assert re.fullmatch(rf"[0-9a-f.:]+/\d+ {ALLOW}\n", line)


def test_the_longest_prefix_comes_first() -> None:
    told = relay_lines(("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"), "x")
    assert [line.split()[0] for line in told] == [
        "10.1.2.3/32",
        "10.1.0.0/16",
        "10.0.0.0/8",
    ]


def test_the_class_follows_the_order_of_its_list() -> None:
    names = ("reject_unknown_sender_domain", "reject_non_fqdn_sender")
    on = dict.fromkeys(names, Mode.ON)
    policy = Policy(on, relays=("192.0.2.7",)).with_order(RECIPIENT, names)
    seen = Observed(Texts(LEVEL, STOCK_MASTER), FACTS, running=True)
    main = MainCf.parse(plan(policy, seen.texts, seen).after.main)
    assert main.get(class_of(RECIPIENT)) == f"{', '.join(names)}, {ALLOW}"
    assert main.rules(RECIPIENT)[2] == asks_relays(RECIPIENT)
