"""What is wrong with the server as it is now, and what a click could mend."""

from dataclasses import dataclass

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes.draft import live_policy
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.filters import filter_zone
from mailguard.protection.fronts import gateway_finding
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.lint import Finding, lint
from postfixconf.policy.linting.kind import FILTERED
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Fix", "Found", "found_on", "mend"]


@dataclass(frozen=True)
class Fix:
    """A control in another mode, or the zone of a list that shall be FILTERED.

    `waits` where the draft has it so already. `title` is that of the control.
    """

    what: str
    state: str
    waits: bool
    title: str = ""

    @property
    def text(self) -> str:
        """What a form sends: `smtpd_helo_required=on`."""
        return f"{self.what}={self.state}"

    @property
    def label(self) -> str:
        """What its button says."""
        if self.state == FILTERED:
            return "Ask it with its codes"
        return f"Switch {self.state} “{self.title}”"


@dataclass(frozen=True)
class Found:
    """A finding, and the click that mends it where there is one."""

    finding: Finding
    fix: Fix | None


def found_on(server: Server) -> list[Found]:
    """Every finding, worst first. Raises NotNow before the first look."""
    seen = servers.last_observed(server)
    if seen is None:
        raise NotNow("The worker has not looked at the server yet.")
    findings = lint(
        MainCf.parse(seen.texts.main),
        seen.facts,
        seen.texts.access,
        live_policy(server).uses if server.live_policy else None,
        MasterCf.parse(seen.texts.master),
        seen.around,
    )
    rows = {row.control.key: row for row in protection.rows(server)}
    live = protection.live(server)
    found = [Found(each, fix_of(each, rows, live)) for each in findings]
    seen_in_log = gateway_finding(server, live.relays)
    return [*found, *([Found(seen_in_log, None)] if seen_in_log else [])]


def fix_of(
    finding: Finding, rows: dict[str, protection.Row], live: Policy
) -> Fix | None:
    """The click that mends a finding; None where the control cannot be switched.

    None too for codes that a hand edit took away: that has to be adopted first.
    """
    what, _, state = finding.fix.rpartition("=")
    if state == FILTERED:
        asked = [row for key, row in rows.items() if key.partition(":")[2] == what]
        bare = [row for row in asked if row.bare and row.switchable]
        left = [row.coded for row in bare if row.control.key not in live.filtered]
        return Fix(what, state, waits=all(left)) if left else None
    row = rows.get(what)
    if row is None or not row.switchable:
        return None
    return Fix(what, state, waits=row.mode == state, title=row.control.title)


def mend(*, server: Server, text: str, actor: Actor) -> list[Change]:
    """Put the fix of a finding into the draft, and nothing else.

    Raises NotNow where no finding has that fix, BadPolicy.
    """
    for each in found_on(server):
        if each.fix is not None and each.fix.text == text:
            return _put(server, each.fix, actor, each.finding.sentence)
    raise NotNow("That was mended already: nothing was changed.")


def _put(server: Server, fix: Fix, actor: Actor, reason: str) -> list[Change]:
    if fix.state == FILTERED:
        return filter_zone(server=server, zone=fix.what, actor=actor, reason=reason)
    return protection.set_mode(
        server=server, key=fix.what, mode=fix.state, actor=actor, reason=reason
    )
