"""Ports that somebody opened by hand, on a real Postfix: no change fails for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from postfixconf.host import files, practice_dovecot
from postfixconf.host.apply import Applied
from postfixconf.host.doors import address_of
from postfixconf.host.observe import observe
from tests.support.practice import Practice, serving

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
