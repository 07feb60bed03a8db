"""Each kind of finding: seen where it is, and gone once it is mended."""

from dataclasses import dataclass, replace

import pytest

from postfixconf.policy.codes import fits
from postfixconf.policy.lint import Finding, Level, lint
from postfixconf.policy.linting.around import Around, MapState, SeenMap
from postfixconf.policy.linting.kinds import KINDS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.facts import installed

LEVEL = "compatibility_level = 3.6\n"
HELO = "smtpd_helo_required = yes\n"
BOTH = "permit_mynetworks, permit_sasl_authenticated"
CLIENT, SENDER = "smtpd_client_restrictions", "smtpd_sender_restrictions"
RELAY, RECIPIENT = "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
DATA = "smtpd_data_restrictions"
SMTP = "smtp inet n - n - - smtpd\n"
CHROOTED = "smtp inet n - y - - smtpd\n"
SASL = "smtpd_sasl_auth_enable = yes\n"
TABLE = "hash:/etc/postfix/list"
ASKS = f"{CLIENT} = check_client_access {TABLE}\n"
POLICY = "check_policy_service unix:"
FACTS = replace(installed(), config_directory="/etc/postfix")


NOTHING = Around()


@dataclass(frozen=True)
class Case:
    """A configuration that has the fault, and one that has it no more."""

    bad: str
    good: str
    place: str
    master: str = SMTP
    mended: str = SMTP
    around: Around = NOTHING
    fine: Around = NOTHING
    access: str = ""


def stands(state: MapState, **how: tuple[str, ...]) -> Around:
    """The table of the cases, in a state."""
    return Around((SeenMap(TABLE, state, "why", **how),))


def in_state(state: MapState) -> Case:
    """A table that is not as it should be."""
    return Case(ASKS, ASKS, TABLE, around=stands(state), fine=stands(MapState.FINE))


ALLOWS = stands(MapState.FINE, permits=("192.0.2.1 OK",))
CLAIMED = f"{RELAY} =\n{RECIPIENT} = check_sender_access {TABLE}, "
CASES = {
    "no_relay_protection": Case(f"{RELAY} = permit_mynetworks\n", "", RELAY),
    "unprotected_service": Case(
        "", "", "master.cf", SMTP.strip() + f" -o {RELAY}=permit_mynetworks\n"
    ),
    "warned_relay_protection": Case(
        f"{RELAY} = warn_if_reject reject_unauth_destination, reject\n",
        f"{RELAY} = warn_if_reject reject_non_fqdn_sender, reject\n",
        RELAY,
    ),
    "access_opens_relay": Case(
        f"{RELAY} =\n{RECIPIENT} = check_sender_access hash:/etc/postfix/access, "
        "reject_unauth_destination\n",
        "",
        "access, line 1",
        access="boss@a.example OK\n",
    ),
    "line_without_action": Case("", "", "access, line 1", access="a.example\n"),
    "table_opens_relay": Case(
        f"{CLAIMED}reject_unauth_destination\n",
        f"{RELAY} = reject_unauth_destination\n",
        RECIPIENT,
        around=stands(MapState.FINE, permits=("boss@a.example OK",)),
        fine=stands(MapState.FINE, permits=("boss@a.example OK",)),
    ),
    "own_domains_before_permits": Case(
        f"mailguard_own_domains = reject\n{SENDER} = "
        f"check_sender_access hash:/etc/postfix/access, {BOTH}\n",
        f"mailguard_own_domains = reject\n{SENDER} = {BOTH}, "
        "check_sender_access hash:/etc/postfix/access\n",
        SENDER,
    ),
    "own_people_refused": Case(
        f"mydestination = example.com\n{SASL}{SENDER} = permit_sasl_authenticated, "
        "check_sender_access hash:/etc/postfix/access\n",
        f"mydestination = example.com\n{SASL}{SENDER} = {BOTH}, "
        "check_sender_access hash:/etc/postfix/access\n",
        SENDER,
        access="example.com REJECT\n",
    ),
    "unknown_restriction": Case(
        f"{SENDER} = reject_non_fqdn_sendre\n",
        f"{SENDER} = reject_non_fqdn_sender\n",
        SENDER,
    ),
    "leaving_name": Case(
        f"{RELAY} = check_relay_domains\n", f"{RELAY} = reject\n", RELAY
    ),
    "legacy_name": Case(
        f"{HELO}{RECIPIENT} = {BOTH}, reject_invalid_hostname\n",
        f"{HELO}{RECIPIENT} = {BOTH}, reject_invalid_helo_hostname\n",
        RECIPIENT,
    ),
    "legacy_setting": Case(
        "smtpd_use_tls = yes\n", "smtpd_tls_security_level = may\n", "smtpd_use_tls"
    ),
    "unknown_setting": Case(
        "smtpd_hello_required = yes\n", HELO, "smtpd_hello_required"
    ),
    "unreachable_rule": Case(
        f"{SENDER} = permit, reject_non_fqdn_sender\n",
        f"{SENDER} = reject_non_fqdn_sender, permit\n",
        SENDER,
    ),
    "permits_missing": Case(
        f"{SASL}{CLIENT} = permit_mynetworks, reject_unknown_client_hostname\n",
        f"{SASL}{CLIENT} = {BOTH}, reject_unknown_client_hostname\n",
        CLIENT,
    ),
    "allow_overruled": Case(
        f"{ASKS}{SENDER} = reject_unknown_sender_domain\n",
        f"{ASKS}{SENDER} = check_client_access {TABLE}, reject_unknown_sender_domain\n",
        SENDER,
        around=ALLOWS,
        fine=ALLOWS,
    ),
    "helo_not_required": Case(
        f"{RECIPIENT} = {BOTH}, reject_invalid_helo_hostname\n",
        f"{HELO}{RECIPIENT} = {BOTH}, reject_invalid_helo_hostname\n",
        "smtpd_helo_required",
    ),
    "refused_before_sign_in": Case(
        f"smtpd_delay_reject = no\n{CLIENT} = {BOTH}, reject_unknown_client_hostname\n",
        f"{CLIENT} = {BOTH}, reject_unknown_client_hostname\n",
        "smtpd_delay_reject",
    ),
    "delay_reject_off": Case("smtpd_delay_reject = no\n", "", "smtpd_delay_reject"),
    "pipelining_early": Case(
        f"{RECIPIENT} = {BOTH}, reject_unauth_pipelining\n",
        f"{DATA} = {BOTH}, reject_unauth_pipelining\n",
        RECIPIENT,
    ),
    "pipelining_before_permits": Case(
        f"{DATA} = reject_unauth_pipelining, permit_mynetworks\n",
        f"{DATA} = permit_mynetworks, reject_unauth_pipelining\n",
        DATA,
    ),
    "unfiltered_blocklist": Case(
        f"{RECIPIENT} = {BOTH}, reject_rbl_client a.example\n",
        f"{RECIPIENT} = {BOTH}, reject_rbl_client a.example=127.0.0.2\n",
        RECIPIENT,
    ),
    "unfiltered_allow_list": Case(
        f"{RECIPIENT} = {BOTH}, permit_dnswl_client list.dnswl.org\n",
        f"{RECIPIENT} = {BOTH}, permit_dnswl_client list.dnswl.org=127.0.0.[1..3]\n",
        RECIPIENT,
    ),
    "dead_blocklist": Case(
        f"{RECIPIENT} = {BOTH}, reject_rbl_client dul.dnsbl.sorbs.net=127.0.0.10\n",
        f"{RECIPIENT} = {BOTH}, reject_rbl_client bl.example=127.0.0.10\n",
        RECIPIENT,
    ),
    "key_in_the_open": Case(
        f"{RECIPIENT} = {BOTH}, reject_rbl_client k3y.zen.dq.spamhaus.net=127.0.0.2\n",
        f"{RECIPIENT} = {BOTH}, check_client_access "
        "regexp:$config_directory/mailguard/dnsbl_zen.dq.spamhaus.net\n",
        RECIPIENT,
    ),
    "keyless_blocklist": Case(
        f"{RECIPIENT} = {BOTH}, reject_rbl_client zen.dq.spamhaus.net=127.0.0.2\n",
        f"{RECIPIENT} = {BOTH}, reject_rbl_client k3y.zen.dq.spamhaus.net=127.0.0.2\n",
        RECIPIENT,
    ),
    "override_shadows": Case(
        HELO, HELO, "master.cf", SMTP.strip() + " -o smtpd_helo_required=no\n"
    ),
    "policy_stops_mail": Case(
        f"{RECIPIENT} = {BOTH}, {POLICY}private/policy\n",
        f"{RECIPIENT} = {BOTH}, check_policy_service "
        "{ unix:private/policy, timeout=5s, default_action=DUNNO }\n",
        RECIPIENT,
    ),
    "chrooted_socket": Case(
        f"{RECIPIENT} = {BOTH}, {POLICY}/var/spool/postfix/private/policy\n",
        f"{RECIPIENT} = {BOTH}, {POLICY}private/policy\n",
        RECIPIENT,
        CHROOTED,
        CHROOTED,
    ),
    "map_untyped": Case(
        f"{CLIENT} = check_client_access /etc/postfix/list\n", ASKS, CLIENT
    ),
    "map_type_unknown": Case(
        "virtual_alias_maps = hsah:/etc/postfix/virtual\n",
        "virtual_alias_maps = hash:/etc/postfix/virtual\n",
        "virtual_alias_maps",
    ),
    "map_missing": in_state(MapState.MISSING),
    "map_not_built": in_state(MapState.NOT_BUILT),
    "map_stale": in_state(MapState.STALE),
    "map_unreadable": in_state(MapState.UNREADABLE),
    "map_malformed": Case(
        ASKS, ASKS, TABLE, around=stands(MapState.FINE, malformed=("line 1: bad",))
    ),
    "comment_in_value": Case(
        "mydestination = a.example # ours\n",
        "# ours\nmydestination = a.example\n",
        "mydestination",
    ),
    "comment_breaks": Case(
        "message_size_limit = 52428800 # 50MB\n",
        "# 50MB\nmessage_size_limit = 52428800\n",
        "message_size_limit",
    ),
    "assignment_in_value": Case(
        "smtpd_helo_required = nodisable_vrfy_command = yes\n",
        f"{HELO}disable_vrfy_command = yes\n",
        "smtpd_helo_required",
    ),
    "set_twice": Case(
        "smtpd_milters = inet:a:1\nsmtpd_milters = inet:b:2\n",
        "smtpd_milters = inet:a:1\nsmtpd_milters =  inet:a:1\n",
        "smtpd_milters",
    ),
    "no_final_newline": Case("biff = no", "biff = no\n", "main.cf"),
    "mynetworks_everyone": Case(
        "mynetworks = 0.0.0.0/1, 127.0.0.0/8\n",
        "mynetworks = 127.0.0.0/8 [::1]/128 10.0.0.0/8\n",
        "mynetworks",
    ),
    "mynetworks_misread": Case(
        "mynetworks = 127.0.0.1, 192.168.1.1/24\n",
        "mynetworks = 127.0.0.1, 192.168.1.0/24\n",
        "mynetworks",
    ),
    "mynetworks_wide": Case(
        "mynetworks = 52.100.0.0/14\n", "mynetworks = 198.51.100.0/24\n", "mynetworks"
    ),
    "mynetworks_gateway": Case(
        "mynetworks = 192.168.7.0/24\n",
        "mynetworks = 192.168.7.0/24\n",
        "mynetworks",
        around=Around(gateways=(("192.168.7.1", "the gateway"),)),
    ),
    "empty_relay_list": Case(
        f"{RELAY} =\n{RECIPIENT} = permit_mynetworks, reject_unauth_destination\n",
        f"{RELAY} = permit_mynetworks, reject_unauth_destination\n",
        RELAY,
    ),
}


def told(main: str, master: str, around: Around, access: str = "") -> list[Finding]:
    """What the linter says of a main.cf that is otherwise as it should be."""
    document = MainCf.parse(LEVEL + main)
    services = MasterCf.parse(master)
    return list(lint(document, FACTS, access, master=services, around=around))


@pytest.mark.parametrize("code", CASES)
def test_a_fault_is_seen_at_its_place(code: str) -> None:
    case = CASES[code]
    found = told(case.bad, case.master, case.around, case.access)
    assert (code, case.place) in {(each.code, each.place) for each in found}


@pytest.mark.parametrize("code", CASES)
def test_a_fault_that_was_mended_is_not_seen(code: str) -> None:
    case = CASES[code]
    assert code not in {x.code for x in told(case.good, case.mended, case.fine)}


def test_no_kind_is_without_a_case() -> None:
    elsewhere = {"removed_name", "no_compatibility_level"}
    assert set(KINDS) == set(CASES) | elsewhere


def test_a_sound_configuration_has_no_finding() -> None:
    lists = f"{CLIENT} = {BOTH}, reject_unknown_reverse_client_hostname\n"
    assert told(HELO + SASL + lists, SMTP, NOTHING) == []


def test_a_name_that_this_postfix_no_longer_has_is_an_error() -> None:
    main = MainCf.parse(f"{LEVEL}{RELAY} = check_relay_domains, reject\n")
    [found] = lint(main, replace(FACTS, version="3.9.1"))
    assert (found.code, found.level) == ("removed_name", Level.ERROR)
    [found] = lint(main, replace(FACTS, version="3.8.6"))
    assert (found.code, found.level) == ("leaving_name", Level.WARNING)


def test_without_a_compatibility_level_the_relay_list_is_empty() -> None:
    codes = [each.code for each in lint(MainCf.parse("biff = no\n"), FACTS)]
    assert codes == [
        "no_relay_protection",
        "empty_relay_list",
        "no_compatibility_level",
    ]


def test_the_codes_that_are_advised_are_no_errors_of_the_allow_list() -> None:
    found = told(CASES["unfiltered_allow_list"].bad, SMTP, NOTHING)
    [remedy] = [x.remedy for x in found if x.code == "unfiltered_allow_list"]
    codes = remedy.partition("list.dnswl.org=")[2].rstrip(").")
    assert fits(codes, "127.0.5.2")
    assert not fits(codes, "127.0.0.255") and not fits(codes, "127.0.10.1")


@pytest.mark.parametrize(
    ("zone", "remedy"),
    [
        ("bl.spamcop.net", "(bl.spamcop.net=127.0.0.2)"),
        ("zen.spamhaus.org", "(zen.spamhaus.org=127.0.0.[2..11])"),
        ("a.example", "Take it over"),
    ],
)
def test_a_list_without_codes_is_told_with_its_own(zone: str, remedy: str) -> None:
    lines = f"{RECIPIENT} = {BOTH}, reject_rbl_client {zone}\n"
    [found] = told(lines, SMTP, NOTHING)
    assert found.code == "unfiltered_blocklist"
    assert remedy in found.remedy
    assert "rejects all mail" in found.sentence


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("192.168.1.1/16", "192.168.0.0/16"),
        ("!192.168.1.1/16", "192.168.0.0/16"),
        ("10.0.0.0/8/8", "a network such as"),
        ("192.168.1.0/33", "a network such as"),
        ("::1", "[::1]"),
        ("fe80::/10", "[fe80::]/10"),
        ("[2001:db8::7]/64", "[2001:db8::]/64"),
    ],
)
def test_a_network_that_postfix_cannot_read_is_told_with_the_right_one(
    word: str, instead: str
) -> None:
    found = told(f"mynetworks = 127.0.0.1, {word}\n", SMTP, NOTHING)
    [remedy] = [x.remedy for x in found if x.code == "mynetworks_misread"]
    assert remedy.startswith(f"Write {instead}")


@pytest.mark.parametrize(
    "word",
    [
        *("192.168.1.0/24", "[::1]", "[fe80::]/64", "[2001:DB8:0:0::]/48", "127.0.0.1"),
        *("hash:/etc/postfix/net", "cidr:/etc/postfix/net", "/etc/postfix/net"),
        *("$others", "mail.example.org", "192.168.1", "!127.0.0.9"),
    ],
)
def test_what_postfix_reads_in_mynetworks_is_no_fault(word: str) -> None:
    found = told(f"mynetworks = 127.0.0.1, {word}\nothers =\n", SMTP, NOTHING)
    assert "mynetworks_misread" not in {each.code for each in found}


def test_postscreen_adds_up_what_a_list_answers() -> None:
    screen = "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n"
    lines = "postscreen_dnsbl_sites = bl.spamcop.net*2\n"
    [found] = [
        each
        for each in told(lines, screen, NOTHING)
        if each.code == "unfiltered_blocklist"
    ]
    assert "counts against every client" in found.sentence


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("example.com 554 no", True),
        ("boss@example.com REJECT", True),
        ("Example.com DUNNO", False),
        ("spam.example REJECT", False),
    ],
)
def test_only_lines_that_refuse_our_own_domains_refuse_our_own_people(
    line: str, seen: bool
) -> None:
    case = CASES["own_people_refused"]
    found = told(case.bad, SMTP, NOTHING, f"{line}\n")
    assert ("own_people_refused" in {each.code for each in found}) is seen
    right = told(case.good, SMTP, NOTHING, f"{line}\n")
    assert "own_people_refused" not in {each.code for each in right}


def test_a_click_switches_on_what_the_greeting_check_needs() -> None:
    case = CASES["helo_not_required"]
    [found] = told(case.bad, SMTP, NOTHING)
    assert found.fix == "smtpd_helo_required=on"


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        ("reject_rbl_client zen.spamhaus.org", "zen.spamhaus.org=filtered"),
        ("permit_dnswl_client list.dnswl.org", "list.dnswl.org=filtered"),
        ("reject_rbl_client a.example", ""),
    ],
)
def test_a_click_asks_a_list_that_is_known_with_its_codes(lines: str, fix: str) -> None:
    [found] = told(f"{RECIPIENT} = {BOTH}, {lines}\n", SMTP, NOTHING)
    assert found.fix == fix


def test_a_rule_that_also_stands_where_it_acts_has_no_click() -> None:
    dead = f"{SENDER} = permit, reject_non_fqdn_sender\n"
    [found] = told(dead, SMTP, NOTHING)
    assert found.fix == "reject_non_fqdn_sender=off"
    alive = f"{dead}{RECIPIENT} = {BOTH}, reject_non_fqdn_sender\n"
    assert [each.fix for each in told(alive, SMTP, NOTHING)] == [""]


def test_a_content_filters_port_needs_no_permits() -> None:
    inner = (
        "127.0.0.1:10025 inet n - n - - smtpd -o "
        + f"{DATA}=reject_unauth_pipelining\n"
    )
    assert told(SASL, SMTP + inner, NOTHING) == []


@pytest.mark.parametrize(
    "value",
    [
        "${stress?reject_unknown_helo_hostname}",
        "$mua_restrictions\nmua_restrictions = permit",
        "check_client_access { inline:{a=b} }",
    ],
)
def test_what_cannot_be_told_is_taken_on_trust(value: str) -> None:
    extra = f"{HELO}smtpd_helo_restrictions = {value}\n"
    assert told(extra, SMTP, NOTHING) == []


def test_every_kind_has_its_words() -> None:
    for code, kind in KINDS.items():
        for text in (kind.sentence, kind.why, kind.remedy):
            assert text.endswith("."), (code, text)
