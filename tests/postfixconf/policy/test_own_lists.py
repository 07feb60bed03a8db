"""Lists of one's own in a policy: controls like the catalogue's, told and read back."""

from dataclasses import replace

import pytest

from postfixconf.errors import BadPolicy
from postfixconf.masking import Secret, masked
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import STATIC
from postfixconf.policy.entries import Lookup
from postfixconf.policy.keyed import REPLIES_TABLE, reply_lines
from postfixconf.policy.listing import DOMAINS, Asked, Blocklist
from postfixconf.policy.lookups import Uses
from postfixconf.policy.own_lists import own_list, read_key, read_list, told
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list
from tests.support.facts import observed
from tests.support.keyed import DQS, KEY, KEYS, OWN, ZEN

RECIPIENT = "smtpd_recipient_restrictions"
LEVEL = "compatibility_level = 3.6\n"
CONTROL = f"dnsbl:{OWN}"
PLAIN = own_list(OWN, [Asked.CLIENT], "127.0.0.2", "Paid list")
KEYED = own_list(OWN, [Asked.CLIENT], "127.0.0.2", "Paid list", keyed=True)
ENTRIES = Uses(frozenset({Lookup.CLIENTS}), frozenset())


def wanted(each: Blocklist = PLAIN, mode: Mode = Mode.ON, **more: object) -> Policy:
    """A policy with one list of its own."""
    policy = Policy(zones=(each,), keys={OWN: 1} if each.key else {})
    return replace(policy.with_mode(CONTROL, mode), **more)  # type: ignore[arg-type]


def planned(policy: Policy, main: str = LEVEL) -> Plan:
    """What it would write."""
    seen = observed(main)
    return plan(policy, seen.texts, seen, keys={OWN: Secret(KEY)} | KEYS)


def rules(made: Plan) -> list[str]:
    """The rules of the recipient list."""
    value = MainCf.parse(made.after.main).get(RECIPIENT) or ""
    return [rule.text for rule in parse_list(value)]


@pytest.mark.parametrize(
    "each",
    [
        PLAIN,
        KEYED,
        own_list(OWN, DOMAINS, "127.0.1.[2..99]"),
        own_list(OWN, [Asked.ALLOW], "127.0.[1..9].1", "With, a comma"),
    ],
)
def test_a_list_is_told_and_read_back(each: Blocklist) -> None:
    assert read_list(each.zone, told(each)) == each
    policy = Policy(zones=(each,), keys={DQS: 7})
    assert Policy.from_json(policy.as_json()) == policy


def test_a_policy_of_before_has_no_lists_and_no_keys() -> None:
    told = Policy().as_json()
    del told["zones"], told["keys"]
    assert Policy.from_json(told) == Policy()


@pytest.mark.parametrize("each", [PLAIN, KEYED], ids=["plain", "keyed"])
def test_entries_are_asked_before_a_list_of_ones_own(each: Blocklist) -> None:
    made = rules(planned(wanted(each, uses=ENTRIES)))
    ours = next(at for at, text in enumerate(made) if OWN in text)
    entries = next(at for at, text in enumerate(made) if "mailguard/clients" in text)
    assert entries < ours


@pytest.mark.parametrize("each", [PLAIN, KEYED], ids=["plain", "keyed"])
def test_it_stands_where_its_kind_stands(each: Blocklist) -> None:
    modes = {"reject_non_fqdn_sender": Mode.ON, CONTROL: Mode.TEST}
    domains = {f"rhsbl_sender:dbl.{DQS}": Mode.ON}
    made = rules(planned(replace(wanted(each), modes=modes | domains)))
    keys = [text for text in made if OWN in text or DQS in text or "fqdn" in text]
    assert keys[0] == "reject_non_fqdn_sender"
    assert OWN in keys[1] and keys[1].startswith("warn_if_reject ")
    assert DQS in keys[2]


def test_no_key_is_in_what_a_plan_shows() -> None:
    policy = replace(Policy.of({f"dnsbl:{ZEN}": "on"}), keys={DQS: 1})
    made = planned(policy)
    shown = f"{made!r}{made.after}{made.diffs()}{made.digest}{policy.as_json()}"
    assert KEY not in shown
    [table] = [each for each in made.tables if each.secret]
    assert KEY in "".join(table.lines())
    assert [each.path for each in made.tables if not each.secret] == [REPLIES_TABLE]


def test_off_restores_the_bytes_of_before() -> None:
    seen = observed(LEVEL)
    live = replace(seen, texts=planned(wanted(KEYED)).after)
    made = plan(wanted(KEYED, Mode.OFF), seen.texts, live, keys={OWN: Secret(KEY)})
    assert made.after.main == seen.texts.main


def test_a_list_that_is_taken_out_is_off_and_its_adopted_rule_goes() -> None:
    policy = wanted().with_zones(())
    assert policy.modes == {CONTROL: Mode.OFF}
    found = f"{LEVEL}{RECIPIENT} = permit_mynetworks, reject_rbl_client {OWN}=127.0.0.2"
    made = planned(policy, f"{found}, reject_unauth_destination\n")
    assert rules(made) == ["permit_mynetworks", "reject_unauth_destination"]


def test_one_that_is_gone_can_only_be_off() -> None:
    with pytest.raises(BadPolicy, match="no such control"):
        Policy({CONTROL: Mode.ON})
    assert Policy({CONTROL: Mode.OFF}).controls.control(CONTROL).modes == (Mode.OFF,)
    with pytest.raises(BadPolicy, match="no such control"):
        Policy({"dnsbl_nonsense": Mode.OFF})


def test_a_rule_by_hand_keeps_its_place_and_gets_the_filter() -> None:
    found = f"{RECIPIENT} = reject_rbl_client {OWN}, permit_mynetworks,"
    made = planned(wanted(), f"{LEVEL}{found} reject_unauth_destination\n")
    assert rules(made)[0] == f"reject_rbl_client {OWN}=127.0.0.2"


def test_without_its_key_a_list_blocks_the_change() -> None:
    seen = observed(LEVEL)
    made = plan(wanted(KEYED), seen.texts, seen)
    assert [each.code for each in made.blocking] == ["key_missing"]


def test_a_reply_names_the_list_for_any_key() -> None:
    [line] = reply_lines([KEYED])
    assert line.startswith(r"/^[^.]+\.(bl\.paid\.example)(=|$)/ $$rbl_code Service")


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        (KEY, ""),
        (f"  {KEY}\n", ""),
        (f"{KEY}.zen.dq.spamhaus.net", DQS),
        (f"{KEY}.{OWN}.", OWN),
    ],
)
def test_a_key_is_read_with_its_zone_or_without(typed: str, zone: str) -> None:
    secret = read_key(typed, zone)
    assert secret == Secret(KEY)
    assert KEY not in f"{secret} {secret!r} {[secret]}"


def test_every_label_before_a_keyed_zone_is_masked_whatever_its_case() -> None:
    line = f"warning: 2.0.0.127.{KEY}.ZEN.dq.Spamhaus.net: RBL lookup error"
    assert masked(line) == "warning: 2.0.0.127.….ZEN.dq.Spamhaus.net: RBL lookup error"
    assert masked(f"x.{KEY}.{OWN}:", [OWN]) == f"x.….{OWN}:"
    assert masked(f"not{OWN} {OWN} {ZEN}", [OWN]) == f"not{OWN} {OWN} {ZEN}"


def test_the_catalogue_itself_is_the_policy_of_no_lists() -> None:
    assert Policy().controls is STATIC
