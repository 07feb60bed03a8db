"""The presets as data, and the manual's line out of an empty list and the author's."""

import pytest

from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.control import Mode
from postfixconf.policy.lint import lint
from postfixconf.policy.ordering import Listing
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.presets import MANUAL, PRESETS, Preset, preset
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list
from tests.support.facts import installed, observed

RECIPIENT = "smtpd_recipient_restrictions"
PERMITS = "permit_mynetworks, permit_sasl_authenticated"
GREY = "check_policy_service unix:postgrey/socket"
OURS = (
    "check_policy_service { inet:127.0.0.1:10023, timeout=5s, try_limit=1, "
    "default_action=DUNNO }"
)
ZEN = "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"
OWN = OwnDomains(("own.example",))
# The author's line in modern names; reject_unauth_pipelining stands where it works.
LINE = (
    f"{PERMITS}, reject_unauth_destination, reject_non_fqdn_helo_hostname, "
    "reject_non_fqdn_sender, reject_non_fqdn_recipient, reject_invalid_helo_hostname, "
    f"{GREY}, reject_unknown_recipient_domain, {ZEN}"
)
PRINTED = (
    f"{PERMITS}, reject_unauth_destination, reject_non_fqdn_hostname, "
    "reject_non_fqdn_sender, reject_non_fqdn_recipient, reject_invalid_hostname, "
    f"{GREY}, reject_unauth_pipelining, reject_unknown_recipient_domain, {ZEN}"
)


def by_hand() -> Preset:
    """“As in the manual”."""
    found = preset("manual")
    assert found is not None
    return found


def taken(text: str) -> MainCf:
    """main.cf once “As in the manual” is on, in its order."""
    seen = observed(text)
    policy = Policy(dict.fromkeys(by_hand().keys, Mode.ON), OWN, order=MANUAL)
    return MainCf.parse(plan(policy, seen.texts, seen).after.main)


def line_of(main: MainCf, name: str = RECIPIENT) -> str:
    """A list on one line."""
    return ", ".join(rule.text for rule in main.rules(name))


def test_the_manuals_line_is_made_of_a_greylisting_alone() -> None:
    main = taken(f"{RECIPIENT} = {GREY}\n")
    made = line_of(main)
    assert made == f"{GREY}, " + LINE.replace(f"{GREY}, ", "")
    # Where the permits stand before it, as everybody writes them, it is the line.
    assert (
        line_of(taken(f"{RECIPIENT} = {PERMITS}, reject_unauth_destination, {GREY}\n"))
        == LINE
    )


def test_the_rest_of_the_manual_comes_with_its_traps_guarded() -> None:
    main = taken("")
    assert line_of(main, "smtpd_client_restrictions") == (
        f"{PERMITS}, reject_unknown_reverse_client_hostname"
    )
    assert (
        line_of(main, "smtpd_data_restrictions")
        == f"{PERMITS}, reject_unauth_pipelining"
    )
    assert line_of(main) == LINE.replace(GREY, OURS)
    switches = (
        "disable_vrfy_command",
        "strict_rfc821_envelopes",
        "smtpd_helo_required",
    )
    assert [main.get(name) for name in switches] == ["yes"] * 3
    sender = line_of(main, "smtpd_sender_restrictions")
    assert sender.startswith(f"{PERMITS}, check_sender_access")


def test_the_authors_own_line_is_in_the_manuals_order_already() -> None:
    main = MainCf.parse(f"{RECIPIENT} = {PRINTED}\n")
    listing = Listing.of(main, installed(), RECIPIENT)
    assert listing.follows(MANUAL[RECIPIENT])


@pytest.mark.parametrize(
    "main", ["", f"{RECIPIENT} = {PRINTED}\n", "compatibility_level = 3.6\n"]
)
def test_no_preset_brings_a_finding_that_forbids_it(main: str) -> None:
    seen = observed(main)
    for each in PRESETS:
        policy = Policy(dict.fromkeys(each.keys, Mode.ON), OWN, order=MANUAL)
        assert plan(policy, seen.texts, seen).blocking == ()


def test_a_preset_has_known_controls_and_none_that_is_not_recommended() -> None:
    for each in PRESETS:
        for key in each.keys:
            assert control(key).recommended
            assert not control(key).permits


def test_a_stricter_preset_has_all_of_a_gentler_one() -> None:
    careful, standard, strict = (each.keys for each in PRESETS[:3])
    assert careful < standard < strict


def test_careful_has_low_risk_alone() -> None:
    assert {control(key).risk for key in PRESETS[0].keys} == {"low"}


def test_the_manual_has_each_measure_that_it_asks_for() -> None:
    named = {rule.key for rule in parse_list(PRINTED) if rule.key.startswith("reject")}
    ours = {
        name
        for x in CONTROLS
        if x.key in by_hand().keys
        for name in getattr(x.place, "names", ())
    }
    assert named - {"reject_unauth_destination"} <= ours


def test_the_linter_has_nothing_against_the_manuals_line() -> None:
    codes = {each.code for each in lint(taken(""), installed())}
    assert (
        codes & {"unreachable_rule", "permits_missing", "no_relay_protection"} == set()
    )
