"""Where a new rule goes, and what it may never do to the rules around it."""

import pytest

from postfixconf.policy.found import find
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.facts import STOCK_MASTER, installed, observed

RECIPIENT = "smtpd_recipient_restrictions"
LEVEL = "compatibility_level = 3.6\n"
PERMITS = "permit_mynetworks permit_sasl_authenticated"


def lists_after(main: str, *keys: str, name: str = RECIPIENT) -> str:
    """One list as it stands once these controls are on, on one line."""
    seen = observed(main)
    made = plan(Policy.of(dict.fromkeys(keys, "on")), seen.texts, seen)
    rules = MainCf.parse(made.after.main).rules(name)
    return " ".join(rule.text for rule in rules)


def test_a_list_of_our_own_begins_with_the_permits() -> None:
    assert lists_after(LEVEL, "reject_non_fqdn_sender") == (
        f"{PERMITS} reject_non_fqdn_sender"
    )


def test_the_catalogue_orders_our_rules_however_they_come() -> None:
    first = lists_after(LEVEL, "dnsbl:zen.spamhaus.org", "reject_non_fqdn_sender")
    second = lists_after(LEVEL, "reject_non_fqdn_sender", "dnsbl:zen.spamhaus.org")
    assert first == second
    assert first.index("fqdn_sender") < first.index("rbl_client")


def test_no_permit_is_written_before_a_foreign_final_reject() -> None:
    main = f"{RECIPIENT} = check_recipient_access static:x, reject\n"
    assert lists_after(main, "reject_non_fqdn_sender") == (
        "check_recipient_access static:x reject_non_fqdn_sender reject"
    )


def test_missing_permits_go_behind_every_foreign_rule() -> None:
    main = f"{LEVEL}{RECIPIENT} = reject_sender_login_mismatch\n"
    assert lists_after(main, "reject_non_fqdn_sender") == (
        f"reject_sender_login_mismatch {PERMITS} reject_non_fqdn_sender"
    )


def test_permits_are_written_once_for_several_rules() -> None:
    main = f"{LEVEL}{RECIPIENT} = permit_mynetworks, reject_unauth_destination\n"
    keys = ("reject_non_fqdn_sender", "dnsbl:zen.spamhaus.org")
    text = lists_after(main, *keys, "reject_invalid_helo_hostname")
    assert text.count("permit_sasl_authenticated") == 1
    assert text.count("permit_mynetworks") == 1


def test_our_rules_stand_before_the_greylisting() -> None:
    policy = "check_policy_service inet:127.0.0.1:10023"
    main = f"{LEVEL}{RECIPIENT} = {PERMITS.replace(' ', ', ')}, {policy}\n"
    text = lists_after(main, "reject_non_fqdn_sender")
    assert text == f"{PERMITS} reject_non_fqdn_sender {policy}"


def test_an_empty_relay_list_gets_its_protection_with_the_first_rule() -> None:
    text = lists_after("", "reject_non_fqdn_sender")
    assert text == f"{PERMITS} reject_unauth_destination reject_non_fqdn_sender"


def test_a_reference_with_the_last_word_makes_the_list_unswitchable() -> None:
    main = f"{LEVEL}base = reject_unauth_destination, permit\n{RECIPIENT} = $base\n"
    found = find(MainCf.parse(main), MasterCf.parse(STOCK_MASTER), installed())
    assert found["reject_non_fqdn_sender"].elsewhere == "$base, which has the last word"


def test_an_override_on_port_25_is_set_elsewhere() -> None:
    master = STOCK_MASTER.replace(
        "       -       y       -       -       smtpd\n",
        "       -       y       -       -       smtpd\n"
        "  -o smtpd_client_restrictions=reject_rbl_client,zen.spamhaus.org\n",
        1,
    )
    found = find(MainCf.parse(LEVEL), MasterCf.parse(master), installed())
    blocklist = found["dnsbl:zen.spamhaus.org"]
    assert (blocklist.mode, blocklist.switchable) == ("on", False)


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("reject_invalid_hostname", "reject_invalid_helo_hostname"),
        ("REJECT_NON_FQDN_HOSTNAME", "reject_non_fqdn_helo_hostname"),
        ("reject_unknown_client", "reject_unknown_client_hostname"),
        ("reject_rbl_client Zen.Spamhaus.org.", "dnsbl:zen.spamhaus.org"),
    ],
)
def test_old_spellings_are_read_and_written_anew_when_switched(
    spelling: str, key: str
) -> None:
    main = f"{LEVEL}{RECIPIENT} = permit_mynetworks, {spelling}\n"
    seen = observed(main)
    made = plan(Policy.of({key: "test"}), seen.texts, seen)
    changed = MainCf.parse(made.after.main).rules(RECIPIENT)[-1]
    assert changed.warn
    assert changed.name in (key, "reject_rbl_client")


def test_a_control_in_two_lists_is_switched_in_both() -> None:
    rule = "reject_non_fqdn_helo_hostname"
    main = (
        f"{LEVEL}smtpd_helo_restrictions = permit_mynetworks, warn_if_reject {rule}\n"
        f"{RECIPIENT} = permit_mynetworks, {rule}\n"
    )
    seen = observed(main)
    made = plan(Policy.of({rule: "off"}), seen.texts, seen)
    assert rule not in made.after.main
