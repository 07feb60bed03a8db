"""Where the recorder goes, how it is known again, and its table."""

from dataclasses import replace

import pytest

from postfixconf.policy.catalog import control
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import Found, find
from postfixconf.policy.lookups import Uses
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Action, Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.recorder import RECORDER, RECORDER_TABLE
from postfixconf.policy.table import digest_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.facts import STOCK_MASTER, installed, observed

RECIPIENT = "smtpd_recipient_restrictions"
LEVEL = "compatibility_level = 3.6\n"
PERMITS = "permit_mynetworks permit_sasl_authenticated"
CHECK = "check_reverse_client_hostname_access"
RULE = f"{CHECK} regexp:$config_directory/mailguard/recorder"
ON = {RECORDER: "on"}


def planned(main: str, modes: dict[str, str], uses: Uses | None = None) -> Plan:
    """The plan for a main.cf."""
    seen = observed(main)
    return plan(replace(Policy.of(modes), uses=uses or Uses()), seen.texts, seen)


def listed(made: Plan) -> str:
    """The recipient list of a plan, on one line."""
    rules = MainCf.parse(made.after.main).rules(RECIPIENT)
    return " ".join(rule.text for rule in rules)


def found_in(main: str, master: str = STOCK_MASTER) -> Found:
    """How the recorder stands in these files."""
    return find(MainCf.parse(main), MasterCf.parse(master), installed())[RECORDER]


def live(main: str) -> Observed:
    """A server on which this main.cf and the recorder's table are live."""
    [table] = planned(LEVEL, ON).tables
    return replace(observed(main), tables={RECORDER_TABLE: digest_of(table)})


def test_it_is_off_or_on_and_goes_on_without_a_question() -> None:
    recorder = control(RECORDER)
    assert recorder.modes == (Mode.OFF, Mode.ON)
    assert recorder.records
    assert not recorder.asks


def test_it_stands_before_the_permits_and_everything_else() -> None:
    main = f"{LEVEL}{RECIPIENT} =\n  permit_mynetworks,\n  # a note\n  reject_foo\n"
    assert listed(planned(main, ON)) == f"{RULE} permit_mynetworks reject_foo"


def test_alone_in_its_list_it_needs_no_permits() -> None:
    assert listed(planned(LEVEL, ON)) == RULE


def test_where_nothing_refuses_relaying_the_list_gets_what_does() -> None:
    relay = "reject_unauth_destination"
    assert listed(planned("", ON)) == f"{RULE} {PERMITS} {relay}"
    before = "permit_mynetworks reject_foo"
    text = listed(planned(f"{RECIPIENT} = {before}\n", ON))
    assert text == f"{RULE} {before} permit_sasl_authenticated {relay}"


def test_our_other_rules_keep_their_permits_behind_it() -> None:
    made = planned(LEVEL, {**ON, "reject_non_fqdn_sender": "on"})
    assert listed(made) == f"{RULE} {PERMITS} reject_non_fqdn_sender"


def test_entries_come_and_go_behind_it() -> None:
    uses = Uses(frozenset({Lookup.NETWORKS}), frozenset())
    modes = {**ON, "reject_non_fqdn_sender": "on"}
    chain = "check_client_access cidr:$config_directory/mailguard/networks"
    text = listed(planned(LEVEL, modes, uses))
    assert text == f"{RULE} {PERMITS} {chain} reject_non_fqdn_sender"


def test_a_list_with_the_recorder_alone_asks_for_no_entries() -> None:
    assert listed(planned(LEVEL, ON, Uses(frozenset(Lookup), frozenset()))) == RULE


@pytest.mark.parametrize(
    "where",
    [
        "$config_directory",
        "${config_directory}",
        "$(config_directory)",
        "/etc/postfix",
    ],
)
@pytest.mark.parametrize("name", [CHECK, CHECK.upper(), f"warn_if_reject {CHECK}"])
def test_one_that_stands_already_is_known_and_can_be_taken_out(
    where: str, name: str
) -> None:
    rule = f"{name} regexp:{where}/mailguard/recorder"
    main = f"{LEVEL}smtpd_data_restrictions = permit_mynetworks, reject_foo, {rule}\n"
    assert found_in(main) == Found(Mode.ON, ("smtpd_data_restrictions",))
    made = planned(main, {RECORDER: "off"})
    assert "recorder" not in made.after.main
    assert "permit_mynetworks, reject_foo\n" in made.after.main


@pytest.mark.parametrize(
    "rule",
    [
        f"{CHECK} regexp:/etc/postfix/reverse",
        f"{CHECK} pcre:$config_directory/mailguard/recorder",
        f"{CHECK} regexp:$config_directory/mailguard/recorder2",
        "check_client_access regexp:$config_directory/mailguard/recorder",
    ],
)
def test_somebody_elses_rule_is_not_the_recorder(rule: str) -> None:
    assert found_in(f"{LEVEL}{RECIPIENT} = {rule}\n").mode is Mode.OFF


def test_a_reference_with_the_last_word_does_not_hinder_what_comes_first() -> None:
    main = f"{LEVEL}base = reject_unauth_destination, permit\n{RECIPIENT} = $base\n"
    assert found_in(main).switchable
    assert listed(planned(main, ON)) == f"{RULE} $base"


def test_behind_a_reference_it_is_set_elsewhere() -> None:
    main = f"{LEVEL}base = {RULE}\n{RECIPIENT} = $base\n"
    assert found_in(main) == Found(
        Mode.ON, (RECIPIENT,), "$base in smtpd_recipient_restrictions"
    )
    assert planned(main, {RECORDER: "off"}).empty


def test_a_recipient_list_of_port_25_in_master_cf_is_set_elsewhere() -> None:
    smtp = "       -       y       -       -       smtpd\n"
    master = STOCK_MASTER.replace(smtp, f"{smtp}  -o {RECIPIENT}=reject\n", 1)
    found = found_in(LEVEL, master)
    assert found.elsewhere == f"-o {RECIPIENT} of smtp in master.cf"


def test_without_regexp_tables_it_is_not_available() -> None:
    types = tuple(each for each in installed().table_types if each != "regexp")
    facts = replace(installed(), table_types=types)
    seen = replace(observed(LEVEL), facts=facts)
    found = find(MainCf.parse(LEVEL), MasterCf.parse(STOCK_MASTER), facts)[RECORDER]
    assert not found.available
    assert plan(Policy.of(ON), seen.texts, seen).empty
    assert "no regexp tables" in control(RECORDER).lacking


def test_the_table_is_written_with_the_rule() -> None:
    [table] = planned(LEVEL, ON).tables
    assert (table.path, table.type, table.late) == (RECORDER_TABLE, "regexp", False)
    assert "".join(table.lines()) == "/^(.*)$/ INFO mailguard reverse=$1\n"


def test_a_recorder_that_is_live_is_not_written_again() -> None:
    seen = live(planned(LEVEL, ON).after.main)
    assert plan(Policy.of(ON), seen.texts, seen).empty


def test_a_table_that_is_missing_comes_back_with_a_reload() -> None:
    seen = replace(live(planned(LEVEL, ON).after.main), tables={})
    made = plan(Policy.of(ON), seen.texts, seen)
    assert [each.path for each in made.tables] == [RECORDER_TABLE]
    assert made.action is Action.RELOAD


def test_off_gives_the_bytes_back_and_leaves_the_table() -> None:
    adopted = observed(f"{LEVEL}{RECIPIENT} = permit_mynetworks,\n\treject_foo\n")
    seen = live(plan(Policy.of(ON), adopted.texts, adopted).after.main)
    made = plan(Policy.of({RECORDER: "off"}), adopted.texts, seen)
    assert made.after.main == adopted.texts.main
    assert made.tables == ()
