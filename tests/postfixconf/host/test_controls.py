"""Every control that refuses, in every mode, proven by two real conversations."""

from collections.abc import Iterator

import pytest

from postfixconf.host.apply import Applied
from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.control import Mode
from postfixconf.policy.own_domains import OwnDomains
from tests.support.conversations import PAIRS, SETTINGS
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.waiting import eventually

REFUSING = [
    each
    for each in CONTROLS
    if not each.records and not each.permits and not each.sends
]
CASES = [(each.key, mode) for each in REFUSING for mode in each.modes]

OWN = OwnDomains(("practice.test",))


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """One practice server for all controls; each apply starts from the adopted."""
    with serving(settings=SETTINGS) as practice:
        yield practice


def warnings_in(log: str, signature: str) -> int:
    """How many lines warn of this control."""
    return sum(
        "reject_warning:" in line and signature in line for line in log.splitlines()
    )


def test_every_control_that_refuses_has_its_conversations() -> None:
    assert sorted(PAIRS) == sorted(each.key for each in REFUSING)


@pytest.mark.parametrize(("key", "mode"), CASES)
def test_only_the_violation_is_refused_or_warned(
    server: Practice, key: str, mode: Mode
) -> None:
    assert isinstance(server.apply(server.plan({key: mode.value}, own=OWN)), Applied)
    signature = control(key).signature or "no line"
    mark = server.instance.log.mark()
    assert PAIRS[key].harmless(server)
    assert warnings_in(server.log(mark), signature) == 0
    assert PAIRS[key].violates(server) is (mode is not Mode.ON)
    expected = 1 if mode is Mode.TEST else 0
    eventually(lambda: warnings_in(server.log(mark), signature) == expected)
