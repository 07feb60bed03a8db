"""Ports that somebody opened by hand, on a real Postfix: no change fails for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from postfixconf.host import files, practice_dovecot
from postfixconf.host.apply import Applied, RolledBack
from postfixconf.host.duties import SILENCE, address_of, faults
from postfixconf.host.observe import observe
from tests.support.practice import REHEARSED, Practice, serving

OWN = (
    "2587 inet n - n - - smtpd -o syslog_name=postfix/submission"
    " -o smtpd_sasl_auth_enable=yes"
)
STRICT = f"{OWN} -o smtpd_tls_security_level=encrypt\n"
LENIENT = f"{OWN} -o smtpd_tls_security_level=may\n"
VRFY = {"disable_vrfy_command": "on"}
AUTH_ONLY = "smtpd_tls_auth_only"


@contextmanager
def opened(service: str, **settings: str) -> Iterator[Practice]:
    """A server with Dovecot that was adopted with this service."""
    queued = {"default_transport": "hold", "defer_transports": "hold"}
    with serving(2525, queued | settings) as server:
        room = server.instance.config_dir.parent
        practice_dovecot.start(room)
        try:
            saved = server.instance.master()
            files.replace(replace(saved, data=saved.data + service.encode()))
            server.instance.restart()
            server.adopted = observe(server.instance).texts
            yield server
        finally:
            practice_dovecot.stop(room)


def test_one_that_does_not_answer_forbids_no_other_change() -> None:
    with opened(STRICT) as server:
        practice_dovecot.stop(server.instance.config_dir.parent)
        server.instance.restart()
        outcome = server.apply(VRFY)
        assert isinstance(outcome, Applied), outcome
        assert "the service 2587 does not answer" in outcome.said
        assert "as before the change" in outcome.said


def test_one_that_trusts_this_machine_closes_and_opens_again() -> None:
    with opened(STRICT) as server:
        for mode in ("off", "on"):
            outcome = server.apply({"submission": mode})
            assert isinstance(outcome, Applied), outcome
        assert STRICT in server.observed().texts.master


def test_tls_before_auth_is_taken_back_as_it_was() -> None:
    with opened(LENIENT) as server:
        for mode in ("on", "off"):
            outcome = server.apply({AUTH_ONLY: mode})
            assert isinstance(outcome, Applied), outcome
        assert server.observed().texts.main == server.adopted.main


def test_a_port_is_asked_where_postfix_listens() -> None:
    with opened("", inet_interfaces="::1", inet_protocols="all") as server:
        assert address_of(server.instance, "587") == ("::1", 587)
        outcome = server.apply({"submission": "on"})
        assert isinstance(outcome, Applied), outcome
        assert "at 2587: all as it should be" in outcome.said


def test_a_dovecot_that_died_behind_an_idle_smtpd_forbids_no_change() -> None:
    with opened(STRICT, smtpd_sasl_auth_enable="yes") as server:
        assert isinstance(server.apply({}), Applied)
        outcome = server.apply(VRFY)  # its smtpds, that of the probes too, are idle now
        assert isinstance(outcome, Applied), outcome
        practice_dovecot.stop(server.instance.config_dir.parent)
        outcome = server.apply({})
        assert isinstance(outcome, Applied), outcome
        assert "2587 cannot ask Dovecot for passwords: nobody answers" in outcome.said
        assert "as before the change, Postfix does not answer" in outcome.said


def test_a_change_that_has_smtpd_ask_nobody_goes_back() -> None:
    with opened(STRICT) as server:
        assert isinstance(server.apply({}), Applied)
        made = server.plan(VRFY)
        main = f"{made.after.main}smtpd_sasl_path = private/nobody\n"
        lost = replace(made, after=replace(made.after, main=main))
        outcome = server.apply(lost, demands=REHEARSED)
        assert isinstance(outcome, RolledBack), outcome
        assert "2587" in outcome.cause


def test_ports_that_master_gave_up_cost_two_seconds_together() -> None:
    other = STRICT.replace("2587", "2465").replace("submission", "submissions")
    wrapped = f"{other.rstrip()} -o smtpd_tls_wrappermode=yes\n"
    with opened(STRICT + wrapped) as server:
        practice_dovecot.stop(server.instance.config_dir.parent)
        server.instance.restart()
        duties = server.plan(VRFY).duties
        assert len(duties) == 2
        assert len(faults(server.instance, duties)) == 2  # their smtpds have died now
        began = time.monotonic()
        said = faults(server.instance, duties, hurried=True)
        took = time.monotonic() - began
        assert {each.service for each in said} == {"2587", "2465"}, said
        assert all("master has started nothing" in each.why for each in said)
        assert took < SILENCE / 2


def test_a_port_that_is_late_is_waited_for() -> None:
    late = "-o smtpd_delay_reject=no -o { smtpd_client_restrictions = sleep 4 }"
    with opened(f"{STRICT.rstrip()} {late}\n") as server:
        duties = server.plan(VRFY).duties
        assert not faults(server.instance, duties, hurried=True)
