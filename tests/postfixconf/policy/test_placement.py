"""What the page says of a rule's place: what it costs, and why it may not go on."""

import pytest

from postfixconf.policy.greylisting import CARE
from postfixconf.policy.ordering import Listing
from postfixconf.policy.placement import Kind, Place, places, refusal
from postfixconf.text.maincf import MainCf
from tests.support.facts import installed

RECIPIENT, DATA = "smtpd_recipient_restrictions", "smtpd_data_restrictions"
PERMITS = "permit_mynetworks, permit_sasl_authenticated"
FULL, KNOWN = "reject_non_fqdn_sender", "reject_unknown_sender_domain"
ZEN = "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"
ALLOW = "permit_dnswl_client list.dnswl.org=127.0.[0..255].[1..3]"
GREY = "check_policy_service inet:127.0.0.1:10023"
TABLE = "check_client_access hash:/etc/postfix/friends"
CHAIN = "check_client_access hash:$config_directory/mailguard/clients"
RELAY = "reject_unauth_destination"


def listing(text: str, name: str = RECIPIENT) -> Listing:
    """A list, taken apart."""
    return Listing.of(MainCf.parse(f"{name} = {text}\n"), installed(), name)


def place(text: str, rule: str, name: str = RECIPIENT) -> Place:
    """One rule of a list."""
    found = places(listing(text, name))
    return next(each for each in found if each.rule.text == rule)


def costs(text: str, rule: str, name: str = RECIPIENT) -> str:
    """What its place costs, on one line."""
    return " ".join(place(text, rule, name).costs)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("permit_mynetworks", Kind.PERMIT),
        (RELAY, Kind.RELAY),
        (CHAIN, Kind.ENTRIES),
        ("check_sender_access hash:$config_directory/access", Kind.ENTRIES),
        (TABLE, Kind.TABLE),
        ("hash:/etc/postfix/friends", Kind.TABLE),
        (GREY, Kind.GREYLIST),
        (f"check_policy_service {{ inet:127.0.0.1:12525, {CARE} }}", Kind.GREYLIST),
        ("check_policy_service unix:private/policyd-spf", Kind.SERVICE),
        ("permit_mx_backup", Kind.PERMITS),
        ("reject", Kind.LAST),
        ("warn_if_reject reject", Kind.OTHER),
        ("$base", Kind.MORE),
        ("reject_unlisted_recipient", Kind.OTHER),
        (
            "check_reverse_client_hostname_access "
            "regexp:$config_directory/mailguard/recorder",
            Kind.RECORDER,
        ),
        (FULL, Kind.OURS),
        (ZEN, Kind.OURS),
    ],
)
def test_each_rule_is_called_what_it_is(rule: str, kind: Kind) -> None:
    found = place(f"{rule}, dunno", rule)
    assert (found.kind, found.key is not None) == (kind, kind is Kind.OURS)


def test_the_recommended_place_costs_nothing() -> None:
    text = f"{PERMITS}, {RELAY}, {FULL}, {KNOWN}, {ALLOW}, {ZEN}"
    assert [each.costs for each in places(listing(text))] == [()] * 7


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        (f"{PERMITS}, {ZEN}, {FULL}", ZEN, "Asks the DNS about each message before"),
        (f"{PERMITS}, {KNOWN}, {RELAY}", KNOWN, "about relay attempts too"),
        (f"{PERMITS}, {ZEN}, {TABLE}", ZEN, f"Refuses before “{TABLE}” could let"),
        (f"{PERMITS}, {GREY}, {FULL}", FULL, "put off there and would be refused here"),
        (f"{PERMITS}, {GREY}, {ZEN}", ZEN, "saves lookups for those who do not come"),
        (f"{PERMITS}, {ZEN}, {ALLOW}", ALLOW, "Comes too late for “Refuse addresses"),
        (f"{PERMITS}, {ALLOW}, {GREY}", ALLOW, f"also gets past “{GREY}”"),
        (f"{FULL}, {PERMITS}", FULL, "before the permits: your own people"),
        (f"{PERMITS}, reject, {FULL}", FULL, "Is never reached: “reject” before it"),
        (
            f"{PERMITS}, reject_unauth_pipelining",
            "reject_unauth_pipelining",
            "Its place is smtpd_data_restrictions",
        ),
        (
            f"{PERMITS}, {RELAY}, reject_unknown_recipient_domain",
            "reject_unknown_recipient_domain",
            "Does almost nothing here",
        ),
    ],
)
def test_a_place_says_what_it_costs(text: str, rule: str, said: str) -> None:
    assert said in costs(text, rule)


def test_a_clients_own_names_cost_no_lookup_of_their_own() -> None:
    rule = "reject_unknown_reverse_client_hostname"
    assert costs(f"{PERMITS}, {rule}, {FULL}", rule) == ""


def test_pipelining_in_the_data_list_costs_nothing() -> None:
    rule = "reject_unauth_pipelining"
    assert costs(f"{PERMITS}, {rule}", rule, DATA) == ""


@pytest.mark.parametrize(
    ("text", "passed", "up", "said"),
    [
        (
            f"{PERMITS}, {FULL}",
            1,
            True,
            "your own people and machines would be refused",
        ),
        (f"{PERMITS}, {CHAIN}, {FULL}", 2, True, "before your entries: whom you allow"),
        (
            f"{PERMITS}, {FULL}, reject",
            3,
            False,
            "what stands behind it is never asked",
        ),
        (f"{FULL}, {KNOWN}, warn_if_reject", 2, False, "take hold of another rule"),
    ],
)
def test_a_move_that_may_not_be_gets_a_sentence(
    text: str, passed: int, up: bool, said: str
) -> None:
    found = listing(text)
    sentence = refusal(found, FULL, found.rules[passed], up=up)
    assert said in sentence
    assert sentence.endswith(".")
