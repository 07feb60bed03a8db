"""From a refusal to its control, with the catalogue as the only list."""

import pytest

from postfixconf.maillog.attribution import attribute, is_control, key_of
from postfixconf.maillog.records import Check, Verdict
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Switch
from postfixconf.policy.own_domains import REPLY
from tests.postfixconf.maillog.lines import record, refusal, verdict

# Switches of main.cf leave no line of their own, the recorder, allow lists and the ways
# to send refuse nothing.
SILENT = {
    each.key
    for each in CONTROLS
    if isinstance(each.place, Switch) or each.records or each.permits or each.sends
}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda each: each.key)
def test_every_control_of_the_catalogue_is_attributed(control: object) -> None:
    assert control in CONTROLS
    for each in (each for each in CONTROLS if each is control):
        assert (each.signature is None) == (each.key in SILENT)
        if each.signature is not None:
            text = each.reply.replace("own…", f"own. {REPLY}")
            assert attribute(verdict(refusal(text))).key == each.key


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("Helo command rejected: invalid ip address", "reject_invalid_helo_hostname"),
        (
            "Sender address rejected: Domain x.example does not accept mail (nullMX)",
            "reject_unknown_sender_domain",
        ),
        (
            "Recipient address rejected: Malformed DNS server reply",
            "reject_unknown_recipient_domain",
        ),
        ("Client host rejected: Access denied", "entries"),
        ("Helo command rejected: Access denied", "entries"),
        ("Sender address rejected: You are not welcome", "entries"),
        ("Recipient address rejected: Greylisted", "greylisting"),
        ("Client host rejected: Greylisted, see http://x", "greylisting"),
        (
            "Service unavailable; Helo command [pc7.example] blocked using X.example.",
            "rhsbl_helo:x.example",
        ),
        (
            "Service unavailable; Unverified Client host [h.example] blocked using x.y",
            "rhsbl_reverse:x.y",
        ),
        (
            "Data command rejected: Multi-recipient bounce",
            "reject_multi_recipient_bounce",
        ),
        ("Sender address rejected: User unknown in x", "reject_unlisted_sender"),
        ("Recipient address rejected: User unknown in x", "unknown_recipient"),
        ("Relay access denied", "relay_protection"),
        ("Server configuration error", "server_fault"),
        ("Message size exceeds fixed limit", "message_size"),
        ("something nobody has seen", "unattributed"),
    ],
)
def test_a_reason_has_one_key(reason: str, key: str) -> None:
    assert key_of(reason) == key


def test_relay_protection_and_unknown_recipients_are_no_controls() -> None:
    for key in ("relay_protection", "unknown_recipient", "unattributed", "milter"):
        assert not is_control(key)
    assert all(is_control(each.key) for each in CONTROLS)
    assert is_control("entries") and is_control("rhsbl_helo:x.example")


def test_a_list_of_names_is_told_from_a_list_of_addresses() -> None:
    text = "554 5.7.1 Service unavailable; Client host [%s] blocked using x.example"
    listed = [
        verdict(refusal(text % what)) for what in ("192.0.2.7", "mx.good.example")
    ]
    assert [attribute(each).key for each in listed] == [
        "dnsbl:x.example",
        "rhsbl_client:x.example",
    ]


def test_the_own_domain_stop_is_known_by_the_reply_somebody_chose() -> None:
    seen = verdict(refusal("554 5.7.1 <h[192.0.2.7]>: Client host rejected: Port 587"))
    assert attribute(seen).key == "entries"
    assert attribute(seen, own_reply="Port 587").key == "own_domains"


def test_postgrey_is_known_by_the_text_somebody_chose() -> None:
    text = "450 4.2.0 <bob@practice.test>: Recipient address rejected: Come back later"
    seen = verdict(refusal(text))
    assert attribute(seen, greylist_text="Come back").key == "greylisting"


def test_content_checks_and_milters_are_kinds_of_their_own() -> None:
    header = record("4F1A2B3C4D: reject: header X: y; from=<a>", "postfix/cleanup")
    assert isinstance(header, Check)
    assert attribute(header).key == "header_checks"
    milter = record(refusal("550 5.7.1 spam", verb="milter-reject"))
    assert isinstance(milter, Verdict)
    assert attribute(milter).key == "milter"
