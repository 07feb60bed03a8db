"""What is wrong with the server as it is now, and what a click could mend."""

from dataclasses import dataclass

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes.draft import live_policy
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.fronts import gateway_finding
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.control import Control, Mode
from postfixconf.policy.lint import Finding, lint
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Fix", "Found", "found_on", "mend"]


@dataclass(frozen=True)
class Fix:
    """A control in another mode; `waits` where the draft has it so already."""

    control: Control
    mode: Mode
    waits: bool

    @property
    def text(self) -> str:
        """What a form sends: `smtpd_helo_required=on`."""
        return f"{self.control.key}={self.mode}"


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
    found = [Found(each, fix_of(each, rows)) for each in findings]
    relays = live_policy(server).relays if server.live_policy else ()
    seen_in_log = gateway_finding(server, relays)
    return [*found, *([Found(seen_in_log, None)] if seen_in_log else [])]


def fix_of(finding: Finding, rows: dict[str, protection.Row]) -> Fix | None:
    """The click that mends a finding; None where the control cannot be switched."""
    key, _, mode = finding.fix.rpartition("=")
    row = rows.get(key)
    if row is None or not row.switchable:
        return None
    return Fix(row.control, Mode(mode), waits=row.mode == mode)


def mend(*, server: Server, text: str, actor: Actor) -> list[Change]:
    """Put the fix of a finding into the draft, and nothing else.

    Raises NotNow where no finding has that fix, BadPolicy.
    """
    for each in found_on(server):
        if each.fix is not None and each.fix.text == text:
            return protection.set_mode(
                server=server,
                key=each.fix.control.key,
                mode=each.fix.mode,
                actor=actor,
                reason=each.finding.sentence,
            )
    raise NotNow("That was mended already: nothing was changed.")
