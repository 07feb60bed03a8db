"""How people send, as a policy wants it: master.cf composed, and what forbids it.

Composing starts from the adopted text, as main.cf does: what was switched on and is off
again leaves no byte behind.
"""

from collections.abc import Iterator, Mapping

from postfixconf.policy.control import Control, Mode
from postfixconf.policy.finding import Finding, Level
from postfixconf.policy.found import Found, sign_in_values, switch_is_on
from postfixconf.policy.listener import (
    FORBID,
    SASL,
    Listener,
    LogName,
    SignIn,
    receiving,
    submitting,
    with_names,
)
from postfixconf.policy.listening import value_of
from postfixconf.policy.observed import Facts, effective, front_services
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["sending_findings", "signs_in", "wanted_master", "would_hinder"]

CERTIFICATES = (
    "smtpd_tls_chain_files",
    "smtpd_tls_cert_file",
    "smtpd_tls_eccert_file",
    "smtpd_tls_dcert_file",
)
SASL_SETTINGS = ("smtpd_sasl_type", "smtpd_sasl_path", SASL)
INNER = ("127.", "[127.", "localhost:", "[::1]:")


def wanted_master(
    master: MasterCf,
    main: MainCf,
    found: Mapping[str, Found],
    policy: Policy,
    facts: Facts,
) -> MasterCf:
    """The adopted master.cf as a policy wants it, with `main` the adopted main.cf.

    What cannot be switched here, or is as it is wanted, is left alone.
    """
    for each, mode in changed(found, policy):
        match each.place:
            case Listener() as place if mode is Mode.ON:
                master = place.on(master, forbids=facts.knows(FORBID))
            case Listener() as place:
                master = place.off(master)
            case LogName():
                master = with_names(master)
            case SignIn():
                master = _sign_in(master, main, facts, on=mode is Mode.ON)
            case _:
                pass
    return master


def changed(
    found: Mapping[str, Found], policy: Policy
) -> Iterator[tuple[Control, Mode]]:
    """The controls that a policy wants otherwise than they were found."""
    for each in policy.controls.every:
        mode = policy.modes.get(each.key, found[each.key].mode)
        if found[each.key].switchable and mode is not found[each.key].mode:
            yield each, mode


def _sign_in(master: MasterCf, main: MainCf, facts: Facts, *, on: bool) -> MasterCf:
    """AUTH on port 25 where its service says so itself; on the others it goes on."""
    inherited = switch_is_on(effective(main, facts, SASL))
    fronts = receiving(master)
    if not on and inherited:
        for _, each in submitting(master):
            if SASL not in each.overrides():
                master = master.set_override(each.name, each.type, SASL, "yes")
    for each in fronts:
        if SASL in each.overrides():
            word = "yes" if on else "no"
            master = master.set_override(each.name, each.type, SASL, word)
    return master


def sending_findings(
    old: MainCf, before: MasterCf, main: MainCf, after: MasterCf, facts: Facts
) -> Iterator[Finding]:
    """What speaks against the listeners that a change opens, and against AUTH's end.

    `old` and `before` are the files as they stand, `main` and `after` what would be
    written. What listens already forbids no change.
    """
    there = {each.name for each in before.services()}
    for _, service in submitting(after):
        if service.name not in there:
            yield from _hindered(service, main, facts)
    if signs_in(old, before, facts) and not signs_in(main, after, facts):
        yield from _cut_off(old, before, main, after, facts)


def would_hinder(
    place: Listener, main: MainCf, master: MasterCf, facts: Facts
) -> tuple[Finding, ...]:
    """What would forbid this listener, as the files are. Raises BadValue."""
    after = place.on(master, forbids=facts.knows(FORBID))
    found = (x for each in place.services(after) for x in _hindered(each, main, facts))
    return tuple(found)


def signs_in(main: MainCf, master: MasterCf, facts: Facts) -> bool:
    """Whether people can sign in on port 25."""
    return any(map(switch_is_on, sign_in_values(main, master, facts).values()))


def _hindered(service: Service, main: MainCf, facts: Facts) -> Iterator[Finding]:
    """Why nobody could send through a service that would be new."""
    values = {name: value_of(name, service, main, facts) for name in CERTIFICATES}
    named = {k: v for k, v in values.items() if v.strip() not in ("", "none")}
    where = f"The service {service.name}"
    if not named:
        yield _forbids(
            "no_certificate",
            "smtpd_tls_cert_file",
            f"{where} would refuse everybody: main.cf names no certificate, and "
            "without one there is no TLS.",
            "Set smtpd_tls_cert_file and smtpd_tls_key_file in main.cf, then adopt the "
            "edit.",
        )
    for path in facts.missing_files:
        yield _forbids(
            "certificate_missing",
            "smtpd_tls_cert_file",
            f"{where} would refuse everybody: {path}, which main.cf or master.cf names "
            "for TLS, is not there.",
            "Put the file there, or name another one and adopt the edit.",
        )
    if not any(name in main.names() or name in own(service) for name in SASL_SETTINGS):
        yield _forbids(
            "no_sign_in",
            SASL,
            f"Nobody could sign in on {service.name}: main.cf says nothing of SASL, "
            "which checks the passwords.",
            "Have Dovecot check them (smtpd_sasl_type = dovecot and smtpd_sasl_path = "
            "private/auth in main.cf, and a unix_listener in Dovecot), then adopt the "
            "edit.",
        )


def own(service: Service) -> set[str]:
    """The SASL settings of a service itself, less the switch that we give it."""
    return set(service.overrides()) - {SASL}


def _cut_off(
    old: MainCf, before: MasterCf, main: MainCf, after: MasterCf, facts: Facts
) -> Iterator[Finding]:
    """Where nobody can sign in any more once AUTH is off on port 25."""
    ways = [each for _, each in submitting(after)]
    if not any(switch_is_on(value_of(SASL, x, main, facts)) for x in ways):
        yield Finding(
            Level.WARNING,
            "nobody_signs_in",
            "master.cf",
            "With AUTH off on port 25 nobody can sign in anywhere: neither 587 nor 465 "
            "is there for it.",
            "Switch 587 on in the same change, if people send through this server.",
        )
    if any(each.type == "pass" for each in front_services(after)):
        yield Finding(
            Level.NOTE,
            "postscreen_in_front",
            "master.cf",
            "postscreen stands in front of port 25 and stays there: AUTH ends in the "
            "smtpd behind it.",
            "Nothing is to be done.",
        )
    known = {(x.name, x.type) for x in receiving(before)}
    was = {(each.name, each.type): each for each in before.services()}
    for each in after.services():
        here = each.name, each.type
        if each.command != "smtpd" or here in known or here not in was:
            continue
        if each.type != "inet" or each.name.startswith(INNER):
            continue
        signed = switch_is_on(value_of(SASL, was[here], old, facts))
        if signed and not switch_is_on(value_of(SASL, each, main, facts)):
            yield Finding(
                Level.WARNING,
                "sign_in_ends_too",
                "master.cf",
                f"The service {each.name} has main.cf's word for it: nobody signs in "
                "there either.",
                f"Give it “-o {SASL}=yes” of its own, if people send through it, then "
                "adopt the edit.",
            )


def _forbids(code: str, place: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.ERROR, code, place, sentence, remedy, blocks=True)
