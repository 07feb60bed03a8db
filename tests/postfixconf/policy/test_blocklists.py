"""The catalogue of lists: every one filtered, none of them dead."""

import pytest

from postfixconf.errors import BadPolicy
from postfixconf.policy.blocklists import LISTS
from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.codes import ERRORS, fits, read_codes
from postfixconf.policy.control import Mode, Restriction
from postfixconf.policy.found import find
from postfixconf.policy.linting.blocklists import judged
from postfixconf.policy.unusable_lists import DEAD, death, without_key
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule
from tests.support.facts import STOCK_MASTER, installed

ZONED = [
    (each, each.place)
    for each in CONTROLS
    if isinstance(each.place, Restriction) and each.place.zone is not None
]


def found_mode(key: str, rule: str) -> Mode:
    """The mode of a control in a main.cf with this rule."""
    main = MainCf.parse(f"smtpd_recipient_restrictions = {rule}\n")
    return find(main, MasterCf.parse(STOCK_MASTER), installed())[key].mode


@pytest.mark.parametrize("each", LISTS, ids=lambda each: each.zone)
def test_every_list_has_a_filter_and_terms(each: object) -> None:
    assert each in LISTS
    for one in (one for one in LISTS if one is each):
        assert read_codes(one.codes) == one.codes
        assert not any(fits(one.codes, f"127.255.255.{n}") for n in range(256))
        assert not death(one.zone)
        assert one.terms.endswith(".") and one.url.startswith("https://")


def test_every_list_is_a_control_for_each_question() -> None:
    assert [each.key for each, _ in ZONED] == [
        f"{asked}:{each.zone}" for each in LISTS for asked in each.asked
    ]
    texts = [place.rule(warn=False).text for _, place in ZONED if not place.keyed]
    assert all("=127." in text for text in texts)


def test_every_list_is_off_at_first_and_an_allow_list_never_tested() -> None:
    for each, place in ZONED:
        wanted = (Mode.OFF, Mode.ON) if place.permits else tuple(Mode)
        assert each.modes == wanted


@pytest.mark.parametrize(
    ("codes", "answer", "fit"),
    [
        ("127.0.0.[2..11]", "127.0.0.2", True),
        ("127.0.0.[2..11]", "127.0.0.12", False),
        ("127.0.0.[2;10..12]", "127.0.0.11", True),
        ("127.0.0.[2;10..12]", "127.0.0.3", False),
        ("127.0.[2..9;11..20].[1..3]", "127.0.10.1", False),
        ("127.0.[2..9;11..20].[1..3]", "127.0.0.255", False),
        ("127.0.[2..9;11..20].[1..3]", "127.0.5.3", True),
        (ERRORS, "127.255.255.254", True),
        (ERRORS, "127.0.0.2", False),
    ],
)
def test_a_filter_fits_what_postfix_says(codes: str, answer: str, fit: bool) -> None:
    assert fits(codes, answer) is fit


@pytest.mark.parametrize(
    "codes",
    [
        "",
        "127.0.0",
        "127.0.0.2.3",
        "127.0.0.256",
        "127.0.0.[9..2]",
        "127.0.0.[2..]",
        "127.0.0.[2;]",
        "127.0.0.2]",
        "127.0.0.[2..11] permit",
        "127.0.0.٢",
        "127.0.0.2\n",
        "$mydomain",
        "10.0.0.2",
        "[126..127].0.0.2",
        "127.[0..255].[0..255].[2..255]",
    ],
)
def test_a_bad_filter_is_refused_and_quoted(codes: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        read_codes(codes)
    assert repr(codes)[1:-1] in str(refused.value)


@pytest.mark.parametrize("zone", [*DEAD, "dul.dnsbl.sorbs.net", "DNSBL.Sorbs.Net."])
def test_a_dead_list_is_refused_by_name(zone: str) -> None:
    with pytest.raises(BadPolicy, match="is dead"):
        control(f"dnsbl:{zone}")


def test_a_zone_with_a_key_is_refused_and_the_key_not_quoted() -> None:
    with pytest.raises(BadPolicy, match="never part of a zone") as refused:
        control("dnsbl:S3cretS3cret.zen.dq.spamhaus.net")
    assert "s3cret" not in str(refused.value).lower()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("k3y.zen.dq.spamhaus.net", "….zen.dq.spamhaus.net"),
        (
            "dnsbl:K3y.ZEN.dq.spamhaus.net.=127.0.0.2",
            "dnsbl:….ZEN.dq.spamhaus.net.=127.0.0.2",
        ),
        ("k3y.new.dq.spamhaus.net", "….….dq.spamhaus.net"),
        ("k3y.dq.spamhaus.net", "….dq.spamhaus.net"),
        ("zen.dq.spamhaus.net", "zen.dq.spamhaus.net"),
        ("zen.spamhaus.org=127.0.0.2", "zen.spamhaus.org=127.0.0.2"),
    ],
)
def test_a_key_in_a_zone_is_masked(text: str, shown: str) -> None:
    assert without_key(text) == shown


def test_the_linter_does_not_quote_a_key() -> None:
    rule = Rule("reject_rbl_client", "k3y.zen.dq.spamhaus.net")
    said = [*judged(rule.argument or "", "smtpd_recipient_restrictions", rule)]
    assert said and "k3y" not in str(said)


def test_other_names_are_no_dead_lists() -> None:
    assert not death("notmegarbl.net") and not death("zen.spamhaus.org")


@pytest.mark.parametrize(
    ("rule", "key", "mode"),
    [
        ("reject_rbl Bl.SpamCop.net.", "dnsbl:bl.spamcop.net", Mode.ON),
        (
            "warn_if_reject REJECT_RBL_CLIENT psbl.surriel.com=127.0.0.[2..9]",
            "dnsbl:psbl.surriel.com",
            Mode.TEST,
        ),
        (
            "reject_rhsbl_sender dbl.spamhaus.org",
            "rhsbl_sender:dbl.spamhaus.org",
            Mode.ON,
        ),
        (
            "reject_rhsbl_helo dbl.spamhaus.org=127.0.1.2",
            "rhsbl_helo:dbl.spamhaus.org",
            Mode.ON,
        ),
        (
            "warn_if_reject permit_dnswl_client list.dnswl.org",
            "dnswl:list.dnswl.org",
            Mode.ON,
        ),
        (
            "reject_rhsbl_sender dbl.spamhaus.org",
            "rhsbl_helo:dbl.spamhaus.org",
            Mode.OFF,
        ),
    ],
)
def test_a_list_is_adopted_in_any_spelling(rule: str, key: str, mode: Mode) -> None:
    assert found_mode(key, rule) is mode
