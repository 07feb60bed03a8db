"""The practice server's postgrey comes and goes with it."""

import os
import signal

from mailguard import supervisor
from postfixconf.host.apply import Applied
from tests.support.practice import Practice
from tests.support.waiting import eventually


def test_it_runs_again_where_postfix_asks_it(practice: Practice) -> None:
    assert isinstance(practice.apply({"greylisting": "test"}), Applied)
    pid = practice.postgrey.state().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not practice.postgrey.state().running)
    supervisor.resume(practice.instance)
    assert practice.postgrey.ask() < 1


def test_it_stays_away_where_nobody_asks_it(practice: Practice) -> None:
    supervisor.resume(practice.instance)
    assert not practice.postgrey.state().running
