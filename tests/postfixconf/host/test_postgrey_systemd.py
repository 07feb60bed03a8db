"""postgrey under systemd: by systemctl, at the next start of the machine too.

No systemd runs here, so a fake stands at the door for commands: its unit is a real
postgrey, started and stopped as the words say.
"""

from dataclasses import dataclass, field, replace

import pytest

from postfixconf.errors import CommandFailed
from postfixconf.host import postgrey
from postfixconf.host.commands import Done
from postfixconf.host.commands import run as run_for_real
from postfixconf.host.postgrey import Postgrey
from tests.support.practice import Practice


@dataclass
class Systemd:
    """A systemd that knows postgrey.service, and what it was told."""

    unit: Postgrey
    broken: bool = False
    told: list[str] = field(default_factory=list)

    def run(self, *words: str, **how: object) -> Done:
        """As `commands.run`."""
        if words[0] == "journalctl":
            return Done(0, "FATAL: Unmatched ( in regex", "")
        verb = words[1]
        if verb == "show":
            return Done(0, f"{self.unit.state().pid or 0}\n", "")
        if verb != "cat":
            self.told.append(verb)
        if verb in ("stop", "restart"):
            self.unit.stop()
        if verb in ("start", "restart") and not self.broken:
            self.unit.start()
        return Done(0, "", "")


@pytest.fixture
def systemd(practice: Practice) -> Systemd:
    """systemd with the practice server's postgrey as its unit."""
    return Systemd(practice.postgrey)


@pytest.fixture
def under(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> Postgrey:
    """The same postgrey as the machine's own, which systemd looks after."""

    def run(*words: str, **how: object) -> Done:
        if words[0] in ("systemctl", "journalctl"):
            return systemd.run(*words)
        return run_for_real(*words, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(postgrey, "run", run)
    monkeypatch.setattr(postgrey, "SYSTEMD", systemd.unit.options.parent)
    return replace(systemd.unit, room=None)


def test_it_is_started_now_and_at_the_next_start(
    under: Postgrey, systemd: Systemd
) -> None:
    under.start()
    assert systemd.told == ["enable", "start"]
    assert under.state().running
    assert under.ask() < 1


def test_it_is_restarted_and_stopped_by_systemctl(
    under: Postgrey, systemd: Systemd
) -> None:
    under.start()
    first = under.state().pid
    under.restart()
    assert under.state().pid not in (None, first)
    under.stop()
    assert not under.state().running
    assert [x for x in systemd.told if x != "enable"] == [
        *("start", "restart", "start", "stop")
    ]


def test_why_it_does_not_start_is_in_the_journal(
    under: Postgrey, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.broken = True
    monkeypatch.setattr(postgrey, "WITHIN", 0.2)
    with pytest.raises(CommandFailed, match="Unmatched"):
        under.start()
