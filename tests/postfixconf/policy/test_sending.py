"""587, 465 and AUTH on 25, over real files: on and off again leaves no byte."""

from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.control import Mode
from postfixconf.policy.found import Found, find
from postfixconf.policy.listener import SASL, SUBMISSION, submitting
from postfixconf.policy.listening import smtp_services, value_of
from postfixconf.policy.plan import Action, Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import with_probe_service
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, text_of
from tests.support.facts import STOCK_MASTER, installed, observed

KEYS = ("submission", "submissions", "auth_on_25", "syslog_name")
READY = (
    "compatibility_level = 3.6\n"
    "smtpd_tls_cert_file = /etc/ssl/certs/mail.pem\n"
    "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n"
)
SMTP = "smtp      inet  n       -       y       -       -       smtpd\n"
LACKING = "submission inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n"


def readable() -> list[Path]:
    """The master.cf of the corpus that Postfix reads."""
    files = []
    for path in corpus("master.cf"):
        try:
            MasterCf.parse(text_of(path))
        except BadFile:
            continue
        files.append(path)
    return files


each_file = pytest.mark.parametrize("path", readable(), ids=lambda path: path.name)


def found_in(master: str, main: str = READY) -> dict[str, Found]:
    """The controls of a master.cf."""
    return find(MainCf.parse(main), MasterCf.parse(master), installed())


def planned(modes: dict[str, str], master: str = SMTP, main: str = READY) -> Plan:
    """What would be written for these modes."""
    seen = observed(main, master)
    return plan(Policy.of(modes), seen.texts, seen)


def codes(made: Plan) -> set[str]:
    """What forbids a plan."""
    return {each.code for each in made.blocking}


def service(made: Plan, name: str) -> dict[str, str]:
    """The overrides that a service would have."""
    services = MasterCf.parse(made.after.master).services()
    return next(each.overrides() for each in services if each.name == name)


def flipped(before: dict[str, Found], key: str) -> Policy:
    """The policy as found, with one control in its other mode."""
    other = Mode.OFF if before[key].mode is Mode.ON else Mode.ON
    modes = {name: each.mode for name, each in before.items()}
    return Policy(modes).with_mode(key, other)


def test_without_port_25_nobody_signs_in_there() -> None:
    main = f"{READY}{SASL} = yes\n"
    found = found_in(LACKING, main)["auth_on_25"]
    assert found.mode is Mode.OFF and not found.switchable
    assert found.elsewhere == "master.cf: nothing listens on port 25"
    private = found_in("2525 inet n - n - - smtpd\n", main)["auth_on_25"]
    assert private.mode is Mode.ON and private.switchable
    assert found_in("", main)["auth_on_25"].mode is Mode.ON  # main.cf alone is known


@each_file
@pytest.mark.parametrize("key", KEYS)
def test_the_other_way_and_back_again_leaves_no_byte(path: Path, key: str) -> None:
    seen = observed(READY, text_of(path))
    before = found_in(seen.texts.master)
    if not before[key].switchable:
        return
    policy = flipped(before, key)
    made = plan(policy, seen.texts, seen)
    after = found_in(made.after.master, made.after.main)
    if key != "syslog_name":  # where all have one it says so
        assert after[key].mode is policy.modes[key]
    same = policy.with_mode(key, before[key].mode)
    back = plan(same, seen.texts, replace(seen, texts=made.after)).after
    assert back.main == seen.texts.main
    assert back.master == with_probe_service(seen.texts.master)


@each_file
def test_off_comments_a_service_out_and_on_finds_it_there(path: Path) -> None:
    master = MasterCf.parse(text_of(path))
    if not SUBMISSION.services(master) or SUBMISSION.elsewhere(master):
        return
    off = SUBMISSION.off(master)
    assert SUBMISSION.services(off) == ()
    assert len(SUBMISSION.services(SUBMISSION.on(off, forbids=False))) == 1


@each_file
def test_only_the_service_itself_is_touched(path: Path) -> None:
    master = MasterCf.parse(text_of(path))
    if SUBMISSION.services(master):
        return
    after = SUBMISSION.on(master, forbids=True)
    rest = [each for each in after.services() if each.name not in SUBMISSION.names]
    assert rest == [*master.services()]
    lines = text_of(path).split("\n")
    kept = [each for each in lines if each in after.text.split("\n")]
    gone = [each for each in lines if each not in kept]
    assert all(each.startswith("#") for each in gone)


def test_a_service_is_new_where_no_comment_has_it() -> None:
    made = planned({"submission": "on"})
    overrides = service(made, "submission")
    assert made.after.master.startswith(SMTP)
    assert overrides["smtpd_tls_security_level"] == "encrypt"
    assert overrides["syslog_name"] == "postfix/submission"
    assert made.action is Action.RESTART


def test_what_debian_lacks_is_added_to_its_own_block() -> None:
    stock = Path("/usr/share/postfix/master.cf.dist").read_text()
    made = planned({"submission": "on", "submissions": "on"}, stock)
    for name in ("submission", "submissions"):
        overrides = service(made, name)
        assert overrides["smtpd_data_restrictions"].startswith("permit_sasl_")
        assert overrides["smtpd_relay_restrictions"] == ""
    assert service(made, "submissions")["smtpd_tls_wrappermode"] == "yes"


def test_the_chroot_column_is_that_of_port_25() -> None:
    block = "#submission inet n       -       y       -       -       smtpd\n"
    made = planned({"submission": "on"}, SMTP.replace(" y ", " n ") + block)
    assert "\nsubmission inet n       -       n       -       -       smtpd\n" in (
        made.after.master
    )


def test_a_continued_line_above_a_comment_is_not_stolen() -> None:
    text = f"{SMTP}#submission inet n - y - - smtpd\n  -o smtpd_banner=hello\n"
    made = planned({"submission": "on"}, text)
    assert made.after.master.startswith(text)
    assert service(made, "smtp")["smtpd_banner"] == "hello"


def test_auth_ends_on_25_and_goes_on_where_people_send() -> None:
    master = f"{SMTP}{LACKING}127.0.0.1:10025 inet n - n - - smtpd\n"
    made = planned({"auth_on_25": "off"}, master, f"{READY}{SASL} = yes\n")
    assert MainCf.parse(made.after.main).get(SASL) == "no"
    assert service(made, "submission")[SASL] == "yes"
    assert SASL not in service(made, "127.0.0.1:10025")


def test_an_override_of_port_25_is_where_auth_ends() -> None:
    main = f"{READY}{SASL} = yes\n"
    made = planned({"auth_on_25": "off"}, f"{SMTP}  -o {SASL}=yes\n{LACKING}", main)
    assert made.after.main == main
    assert service(made, "smtp")[SASL] == "no"


def test_behind_postscreen_it_is_the_pass_service() -> None:
    master = f"smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n{LACKING}"
    main = f"{READY}{SASL} = yes\n"
    assert found_in(master, main)["auth_on_25"].mode is Mode.ON
    made = planned({"auth_on_25": "off", "submissions": "on"}, master, main)
    after = MasterCf.parse(made.after.master)
    (front,) = (each for each in after.services() if each.name == "smtpd")
    assert value_of(SASL, front, MainCf.parse(made.after.main), installed()) == "no"
    assert not codes(made)
    assert "postscreen_in_front" in {each.code for each in made.findings}


def test_a_hand_written_service_gets_its_name_in_the_log() -> None:
    assert found_in(SMTP + LACKING)["syslog_name"].mode is Mode.OFF
    made = planned({"syslog_name": "on"}, SMTP + LACKING)
    assert service(made, "submission")["syslog_name"] == "postfix/submission"
    assert found_in(made.after.master)["syslog_name"].elsewhere


@pytest.mark.parametrize(
    "line",
    [
        "127.0.0.1:submission inet n - n - - smtpd\n",
        "587 inet n - n - - postscreen\n",
        "submission inet n - n - - smtpd\n587 inet n - n - - smtpd\n",
        "submission inet n n n - 0 spawn user=nobody argv=/bin/true\n",
    ],
)
def test_what_somebody_else_has_there_is_respected(line: str) -> None:
    found = found_in(SMTP + line)["submission"]
    assert found.mode is Mode.ON and not found.switchable
    assert planned({"submission": "off"}, SMTP + line).empty


def test_a_service_on_a_port_of_its_own_is_known_by_its_name_in_the_log() -> None:
    line = "#2587 inet n - y - - smtpd\n#  -o syslog_name=postfix/submission\n"
    made = planned({"submission": "on"}, SMTP + line)
    assert service(made, "2587")["smtpd_tls_security_level"] == "encrypt"
    assert [each.name for _, each in submitting(MasterCf.parse(made.after.master))] == [
        "2587"
    ]


@pytest.mark.parametrize(
    ("main", "code"),
    [
        (READY.replace("_cert_", "_CA"), "no_certificate"),
        (READY.partition("smtpd_sasl")[0], "no_sign_in"),
        (f"{READY}smtpd_tls_cert_file = none\n", "no_certificate"),
    ],
)
def test_what_would_refuse_everybody_forbids_it(main: str, code: str) -> None:
    assert codes(planned({"submission": "on"}, main=main)) == {code}


def test_a_certificate_that_is_not_there_forbids_it() -> None:
    seen = observed(READY, SMTP)
    facts = replace(seen.facts, missing_files=("/etc/ssl/certs/mail.pem",))
    seen = replace(seen, facts=facts)
    made = plan(Policy.of({"submission": "on"}), seen.texts, seen)
    assert codes(made) == {"certificate_missing"}
    assert "/etc/ssl/certs/mail.pem" in made.blocking[0].sentence


def test_what_listens_already_forbids_no_other_change() -> None:
    made = planned({"submission": "on", "disable_vrfy_command": "on"}, SMTP + LACKING)
    assert not codes(made) and not made.empty


def test_where_nobody_can_sign_in_any_more_it_is_said() -> None:
    made = planned({"auth_on_25": "off"}, main=f"{READY}{SASL} = yes\n")
    assert {"nobody_signs_in"} <= {each.code for each in made.findings}
    assert not codes(made)


def test_another_port_that_loses_auth_is_named() -> None:
    master = f"{SMTP}2525 inet n - n - - smtpd\n{LACKING}"
    made = planned({"auth_on_25": "off"}, master, f"{READY}{SASL} = yes\n")
    (said,) = (each for each in made.findings if each.code == "sign_in_ends_too")
    assert "2525" in said.sentence


def test_words_for_what_a_service_does() -> None:
    made = planned({"submission": "on", "submissions": "on"})
    main, master = MainCf.parse(made.after.main), MasterCf.parse(made.after.master)
    told = {
        each.service.name: each for each in smtp_services(main, master, installed())
    }
    assert told["smtp"].tls == "no encryption"
    assert told["smtp"].auth == "nobody can sign in"
    assert told["submission"].tls == "STARTTLS required"
    assert told["submission"].auth == "people sign in, under TLS only"
    assert told["465"].tls == "TLS from the start"


def test_the_stock_file_has_neither() -> None:
    found = found_in(STOCK_MASTER, "")
    assert {found[key].mode for key in ("submission", "submissions")} == {Mode.OFF}
