"""Greylisting with the real postgrey: who waits, who does not, and for how long."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from postfixconf.host.apply import Applied, Outcome
from postfixconf.policy.entries import Spared
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.sources import spared
from postfixconf.policy.table import POSTGREY, Table
from tests.support.dns import Dns
from tests.support.practice import Practice, serving, text_lines
from tests.support.waiting import eventually

SHORT = Greylisting(delay=1, text="Come back in %s seconds")
ALICE, BOB = "alice@good.example", "bob@practice.test"
GOOD = "127.0.0.10"  # mx.good.example


@pytest.fixture(scope="module")
def shared(dns: Dns) -> Iterator[Practice]:
    """One practice server for the module."""
    with serving() as practice:
        yield practice


@pytest.fixture
def server(shared: Practice) -> Iterator[Practice]:
    """The practice server, as it was adopted and with no greylisting data."""
    yield shared
    assert isinstance(set_to(shared, "off"), Applied)
    for file in (shared.postgrey.options.parent / "data").iterdir():
        file.unlink()


def set_to(server: Practice, mode: str, settings: Greylisting = SHORT) -> Outcome:
    """Bring greylisting live in a mode."""
    settings = Greylisting() if mode == "off" else settings
    return server.apply(server.plan({"greylisting": mode}, greylisting=settings))


def test_a_stranger_waits_once_and_is_let_in_when_it_comes_back(
    server: Practice,
) -> None:
    assert isinstance(set_to(server, "on"), Applied)
    first = server.attempt(ALICE, BOB, src=GOOD)
    assert (first.code, first.enhanced) == (450, "4.2.0")
    assert "Come back in 1 seconds" in first.text
    time.sleep(1.1)
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    assert server.attempt(ALICE, "charlie@practice.test", src=GOOD).code == 450


def test_a_whitelisted_client_is_never_put_off(server: Practice) -> None:
    lists = server.postgrey.options.parent / "whitelist_clients.local"
    lists.write_text("good.example\n")
    assert isinstance(set_to(server, "on"), Applied)
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    assert server.attempt(ALICE, BOB).code == 450
    lists.unlink()


def test_learning_puts_nobody_off_and_fills_the_data(server: Practice) -> None:
    assert isinstance(set_to(server, "test"), Applied)
    mark = server.instance.log.mark()
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    said = "reject_warning: RCPT from mx.good.example"
    eventually(lambda: said in server.log(mark))
    time.sleep(1.1)
    assert isinstance(set_to(server, "on"), Applied)
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    assert server.attempt("new@good.example", BOB, src=GOOD).code == 450


def test_off_leaves_no_trace_and_stops_what_nobody_asks(server: Practice) -> None:
    assert isinstance(set_to(server, "on"), Applied)
    assert "check_policy_service" in server.instance.main().text
    assert isinstance(set_to(server, "off"), Applied)
    assert server.instance.main().text == server.adopted.main
    assert server.postgrey.saved().text == server.adopted.options
    assert not server.postgrey.state().running


def added(server: Practice, recipients: int) -> list[float]:
    """The seconds each of some recipients took in one session."""
    took = []
    with server.smtp(src=GOOD) as client:
        client.mail(ALICE)
        for n in range(recipients):
            begun = time.monotonic()
            assert client.rcpt(f"user{n}@practice.test").ok
            took.append(time.monotonic() - begun)
    return took


@pytest.mark.parametrize("mode", ["test", "on"])
def test_mail_flows_when_postgrey_was_killed(
    server: Practice, mode: str, record_property: Callable[[str, object], None]
) -> None:
    assert isinstance(set_to(server, mode), Applied)
    pid = server.postgrey.state().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    took = added(server, 5)
    record_property("table", f"postgrey killed: {words(took)} seconds a recipient")
    assert max(took) < 1


def test_mail_flows_when_postgrey_hangs(
    server: Practice, record_property: Callable[[str, object], None]
) -> None:
    assert isinstance(set_to(server, "on"), Applied)
    pid = server.postgrey.state().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: server.postgrey.state().halted)
    took = added(server, 5)
    os.kill(pid, signal.SIGCONT)
    record_property("table", f"postgrey halted: {words(took)} seconds a recipient")
    assert max(took) < 6


def words(took: list[float]) -> str:
    """Seconds as text."""
    return " ".join(f"{each:.2f}" for each in took)


def test_its_lines_reach_the_log_after_postfix_was_restarted(server: Practice) -> None:
    assert isinstance(set_to(server, "on"), Applied)
    server.instance.restart()
    mark = server.instance.log.mark()
    server.attempt(ALICE, BOB, src=GOOD)
    said = f"postgrey[{server.postgrey.state().pid}]: action=greylist, reason=new, "
    eventually(lambda: said in server.log(mark))


def test_a_list_of_ours_is_named_and_read(server: Practice) -> None:
    ours = server.instance.config_dir / "mailguard" / "postgrey_clients"
    ours.parent.mkdir(exist_ok=True)
    ours.write_text("good.example\n")
    assert isinstance(set_to(server, "on"), Applied)
    assert f"--whitelist-clients={ours}" in server.postgrey.saved().text
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    assert server.attempt(ALICE, BOB).code == 450
    ours.unlink()
    assert isinstance(set_to(server, "off"), Applied)
    assert server.postgrey.saved().text == server.adopted.options


def test_the_first_entry_is_there_when_postgrey_starts_anew_for_it(
    server: Practice,
) -> None:
    assert isinstance(set_to(server, "on"), Applied)
    lines = text_lines("".join(spared(["good.example"])))
    first = Table(Spared.CLIENTS, POSTGREY, "good.example", lines)
    policy = replace(Policy.of({"greylisting": "on"}), greylisting=SHORT)
    made = plan(policy, server.adopted, server.observed(), tables=[first])
    assert str(Spared.CLIENTS) in made.after.options
    assert isinstance(server.apply(made), Applied)
    assert server.attempt(ALICE, BOB, src=GOOD).ok
    (server.instance.config_dir / Spared.CLIENTS).unlink()


def test_changed_options_are_in_force(server: Practice) -> None:
    assert isinstance(set_to(server, "on", Greylisting(delay=900)), Applied)
    pid = server.postgrey.state().pid
    slow = Greylisting(delay=2, text="Wait for %s seconds")
    assert isinstance(set_to(server, "on", slow), Applied)
    assert server.postgrey.state().pid != pid
    assert "Wait for 2 seconds" in server.attempt(ALICE, BOB, src=GOOD).text
