"""A real Postfix with postscreen in front of port 25: how people send, switched."""

import re
import smtplib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from postfixconf.host import files, practice_dovecot
from postfixconf.host.apply import Applied, RolledBack
from postfixconf.host.observe import observe
from postfixconf.host.practice_dovecot import PASSWORD, PEOPLE
from postfixconf.policy.duties import Duty
from postfixconf.policy.probe_service import with_probe_service
from tests.support.practice import Practice, configure, serving

PORT, P587, P465 = 2525, 2587, 2465
USER = PEOPLE[0]
OPEN = {"submission": "on", "submissions": "on", "auth_on_25": "off"}
SHUT = {"submission": "off", "submissions": "off", "auth_on_25": "on"}
FRONT = re.compile(rf"^{PORT} +inet.* smtpd\n", re.MULTILINE)
SCREENED = f"""\
{PORT}      inet  n       -       n       -       1       postscreen
smtpd     pass  -       -       n       -       -       smtpd
dnsblog   unix  -       -       n       -       0       dnsblog
tlsproxy  unix  -       -       n       -       0       tlsproxy
"""
SETTINGS = {
    "smtpd_sasl_auth_enable": "yes",
    "default_transport": "hold",
    "defer_transports": "hold",
    "postscreen_greet_wait": "2s",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Practice]:
    """A practice server with postscreen on its port 25, and Dovecot."""
    with serving(PORT, SETTINGS) as practice:
        room = practice.instance.config_dir.parent
        practice_dovecot.start(room)
        try:
            saved = practice.instance.master()
            text, found = FRONT.subn(SCREENED, saved.text)
            assert found == 1
            files.replace(replace(saved, data=text.encode()))
            practice.instance.restart()
            practice.adopted = observe(practice.instance).texts
            yield practice
        finally:
            practice_dovecot.stop(room)


@pytest.fixture(params=["127.0.0.1/32", "127.0.0.9/32"], ids=["trusted", "screened"])
def screening(server: Practice, request: pytest.FixtureRequest) -> Practice:
    """postscreen passes this machine on at once, or has it wait before the banner."""
    configure(server.instance, {"mynetworks": request.param})
    cache = server.instance.config_dir.parent / "data" / "postscreen_cache.db"
    server.instance.stop()
    cache.unlink(missing_ok=True)
    server.instance.start()
    server.adopted = observe(server.instance).texts
    return server


def offers_auth(src: str) -> bool:
    """Whether a client is offered AUTH on port 25."""
    with smtplib.SMTP(timeout=30, source_address=(src, 0)) as client:
        client.connect("127.0.0.1", PORT)
        client.ehlo("laptop.example")
        return client.has_extn("auth")


def signs_in(port: int) -> int:
    """The code that Alice gets."""
    kind = smtplib.SMTP_SSL if port == P465 else smtplib.SMTP
    with kind("127.0.0.1", port, "laptop.example", timeout=30) as client:
        if port == P587:
            client.starttls()
        return client.login(USER, PASSWORD)[0]


def test_587_and_465_open_and_auth_ends_behind_it(screening: Practice) -> None:
    server, before = screening, screening.observed().texts
    assert offers_auth("127.0.0.1")
    assert server.instance.processes(str(PORT))  # postscreen -l -n 2525: not given up
    made = server.plan(OPEN)
    assert Duty(str(PORT), signs_in=False, new=True) in made.duties
    assert "postscreen_in_front" in {each.code for each in made.findings}
    outcome = server.apply(made)
    assert isinstance(outcome, Applied), outcome
    assert f"at {P587}, {P465}, {PORT}: all as it should be" in outcome.said
    assert not offers_auth("127.0.0.1") and not offers_auth("127.0.0.66")
    assert (signs_in(P587), signs_in(P465)) == (235, 235)
    assert server.works_for_strangers()
    shut = server.apply(SHUT)
    assert isinstance(shut, Applied), shut
    assert offers_auth("127.0.0.66")
    after = server.observed().texts
    assert after.main == before.main
    assert with_probe_service(before.master) == after.master


def test_auth_that_does_not_end_behind_it_goes_back(server: Practice) -> None:
    assert isinstance(server.apply({}), Applied)
    before = server.observed().texts
    made = server.plan({"auth_on_25": "off"})
    main = f"{before.main}# nothing else\n"
    outcome = server.apply(replace(made, after=replace(made.after, main=main)))
    assert isinstance(outcome, RolledBack), outcome
    assert f"the service {PORT} offers AUTH" in outcome.cause
    assert server.observed().texts == before
