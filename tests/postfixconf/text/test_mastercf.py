"""MasterCf: services read, added, removed, and their overrides edited."""

import pytest

from postfixconf import MasterCf, Rule
from postfixconf.errors import BadFile, BadValue
from postfixconf.text.rules import parse_list
from tests.support.postconf import Postconf

SMTP = "smtp inet n - y - - smtpd"
LIST = "smtpd_client_restrictions"


def overrides(arguments: str) -> dict[str, str]:
    """The overrides of a service with these arguments."""
    (service,) = MasterCf.parse(f"{SMTP} {arguments}\n").services()
    return service.overrides()


def changed(text: str, wanted: str) -> str:
    """The text after the override of smtp/inet is set; it must read back."""
    doc = MasterCf.parse(text).set_rules("smtp", "inet", LIST, parse_list(wanted))
    assert doc.rules("smtp", "inet", LIST) == parse_list(wanted)
    return doc.render()


def test_a_service_has_its_fields_and_arguments() -> None:
    (service,) = MasterCf.parse(
        "a unix - n y 60? 1 pipe\n  -v\n# c\n  x=y\n"
    ).services()
    assert (service.name, service.type, service.private) == ("a", "unix", "-")
    assert (service.unpriv, service.chroot, service.wakeup) == ("n", "y", "60?")
    assert (service.maxproc, service.command) == ("1", "pipe")
    assert service.args == ("-v", "x=y")


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("-o a=b", "b"),
        ("-o { a = b  c }", "b c"),
        ("-o {a=b}", "b"),
        ("-oa=b", "b"),
        ("-vo a=b", "b"),
        ("-o a=", ""),
        ("-o a=b=c", "b=c"),
        ("-o a={b c}", "{b c}"),
        ("-o { a = {b} {c d} }", "{b} {c d}"),
        ("-o a=b -o a=c", "c"),
        ("-o { a = b }tail", "b"),
    ],
)
def test_an_override_is_read_in_every_form(arguments: str, value: str) -> None:
    assert overrides(arguments) == {"a": value}


@pytest.mark.parametrize("arguments", ["-o a", "-o =b", "-o", "-- -o a=b", "x -o a=b"])
def test_what_is_no_setting_is_no_override(arguments: str) -> None:
    assert overrides(arguments) == {}


def test_overrides_are_what_postconf_shows(postconf: Postconf) -> None:
    text = f"{SMTP} -o {{ biff = no  x }}\n  -osmtpd_banner=a,b -o biff={{y  z}}\n"
    (service,) = MasterCf.parse(text).services()
    shown = {
        name.rpartition("/")[2]: value
        for name, value in postconf.master(text, "-P").settings.items()
    }
    assert service.overrides() == shown


@pytest.mark.parametrize(
    "line",
    [
        "smtp inet n - y - -",
        "smtp tcp n - y - - smtpd",
        "smtp inet nn - y - - smtpd",
        "smtp inet n x y - - smtpd",
        "smtp inet n - yes - - smtpd",
        "smtp inet n - y 1x - smtpd",
        "smtp inet n - y -- - smtpd",
        "smtp inet n - y - 1? smtpd",
        "\0smtp inet n - y - - smtpd",
    ],
)
def test_a_service_postfix_refuses_is_refused(line: str, postconf: Postconf) -> None:
    with pytest.raises(BadFile, match=r"master.cf, line 2: "):
        MasterCf.parse(f"# c\n{line}\n")
    fatal = postconf.master(f"# c\n{line}\n").fatal
    assert "line 2: bad field count" in fatal or ": invalid " in fatal


def test_a_policy_service_in_braces_needs_no_more_quoting(postconf: Postconf) -> None:
    wanted = "warn_if_reject check_policy_service { inet:a:1, timeout=5s }, p"
    text = changed(f"{SMTP} -o {LIST}=a\n", wanted)
    shown = postconf.master(text, "-P").settings[f"smtp/inet/{LIST}"]
    assert parse_list(shown) == parse_list(wanted)


def test_no_rules_leave_an_empty_override() -> None:
    assert changed(f"{SMTP} -o {LIST}=a\n", "") == f"{SMTP} -o {LIST}=\n"
    assert changed(f"{SMTP}\n", "") == f"{SMTP}\n"


def test_equal_rules_change_nothing() -> None:
    doc = MasterCf.parse(f"{SMTP} -o {{ {LIST} = a,  b }}\n")
    assert doc.set_rules("smtp", "inet", LIST, doc.rules("smtp", "inet", LIST)) is doc


def test_a_service_that_is_not_there_has_no_rules_and_takes_none() -> None:
    doc = MasterCf.parse(f"{SMTP}\n")
    assert doc.rules("smtp", "unix", LIST) == ()
    with pytest.raises(BadValue, match="no such service"):
        doc.set_rules("smtp", "unix", LIST, [Rule("permit")])
