"""“Reorganise how you send mail”: the steps, in the order that costs nobody any mail.

What a step is about stands on a page of its own; here is how far each one is. Most are
seen from the server; what only people know (that everybody has the new settings) is
ticked by somebody, with name and time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from django.db import transaction
from django.urls import reverse

from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.sending import readiness
from mailguard.sending.steps_models import Tick
from mailguard.sending.trusting import trusted
from mailguard.servers.models import Server
from mailguard.traffic.people import Still, still_on_25
from postfixconf.host.readiness import Check, Level
from postfixconf.policy.control import Mode
from postfixconf.policy.policy import OWN

__all__ = ["Step", "steps", "tick"]

WAYS = ("submission", "submissions")
Rows = Mapping[str, protection.Row]


@dataclass(frozen=True)
class Step:
    """One step: what to do and why, and the page where that is done.

    `waits` says that it is done in the draft alone; `said` is what is seen of it now.
    `undo` says how to go back, "" where there is nothing to. One `by_hand` is ticked,
    `by` is who did. The first that is not done is for `now`.
    """

    key: str
    title: str
    why: str
    url: str
    action: str
    done: bool = False
    waits: bool = False
    said: str = ""
    undo: str = ""
    by_hand: bool = False
    by: Tick | None = None
    now: bool = False

    @property
    def state(self) -> str:
        """`done`, `waits` in the draft, `now` or `later`."""
        if self.done or self.waits:
            return "done" if self.done else "waits"
        return "now" if self.now else "later"


def steps(server: Server) -> list[Step]:
    """Every step, with how far it is."""
    rows = {row.control.key: row for row in protection.rows(server)}
    ticks = {row.step: row for row in Tick.objects.filter(server=server)}
    checks, still = readiness.checks(server), still_on_25(server)
    found = [
        named(rows),
        able(checks),
        opened(rows),
        let_in(checks),
        devices(server),
        told(),
        moved(still),
        ended(rows, still),
        encrypted(rows),
        own(rows),
    ]
    found = [ticked(each, ticks.get(each.key)) for each in found]
    first = next((each.key for each in found if not each.done), "")
    return [replace(each, now=each.key == first) for each in found]


def ticked(step: Step, by: Tick | None) -> Step:
    """The step with what somebody said of it."""
    return replace(step, done=True, by=by) if step.by_hand and by else step


def switched(step: Step, rows: Collection[protection.Row], mode: Mode) -> Step:
    """A step that is done once all of these are live in a mode."""
    left = [row for row in rows if row.live is not mode]
    lacking = [f"Not available: {x.control.lacking}." for x in left if not x.available]
    fixed = [f"Set elsewhere: {row.elsewhere}." for row in left if row.elsewhere]
    return replace(
        step,
        done=not left,
        waits=bool(left) and all(row.mode is mode for row in rows),
        said=(*lacking, *fixed, "")[0],
        undo=step.undo if any(row.switchable for row in rows) else "",
    )


def named(rows: Rows) -> Step:
    """Every port has a name of its own in the log."""
    step = Step(
        "named",
        "Tell the ports apart in the log",
        "Without a name of its own a port logs as port 25 does, and nobody can tell "
        "who still sends there.",
        at("sending:index", "syslog_name"),
        "Give them names",
        undo="Switch it off again there.",
    )
    return switched(step, [rows["syslog_name"]], Mode.ON)


def able(checks: Collection[Check]) -> Step:
    """A certificate, and somebody who checks passwords."""
    found = [each for each in checks if each.key in ("certificate", "sasl")]
    wrong = [each.sentence for each in found if each.level is Level.HINDRANCE]
    return Step(
        "able",
        "A certificate, and somebody who checks passwords",
        "Your people sign in, always encrypted. Both have to work before a port is "
        "opened for it.",
        reverse("sending:readiness"),
        "See what is checked",
        done=bool(found) and not wrong,
        said=(*wrong, "" if found else "Not looked at yet.")[0],
    )


def opened(rows: Rows) -> Step:
    """587 and 465."""
    step = Step(
        "opened",
        "Open ports 587 and 465",
        "Nothing changes for anybody who sends today: these are further ways in.",
        at("sending:index", "submission"),
        "Open them",
        undo="Switch them off again there.",
    )
    return switched(step, [rows[key] for key in WAYS], Mode.ON)


def let_in(checks: Collection[Check]) -> Step:
    """The firewall."""
    found = [each for each in checks if each.key == "firewall"]
    doubts = [each.sentence for each in found if each.level is not Level.OK]
    return Step(
        "let_in",
        "Have the firewall let them in",
        "A port that a firewall keeps shut is no way in. Nobody can see from here what "
        "stands before this server, a router for example: tick this once it works from "
        "outside.",
        reverse("sending:readiness"),
        "See what is checked",
        done=bool(found) and not doubts,
        said=(*doubts, "")[0],
        by_hand=True,
    )


def devices(server: Server) -> Step:
    """Printers and scanners."""
    count = len(trusted(server))
    networks = "1 network is" if count == 1 else f"{count or 'no'} networks are"
    return Step(
        "devices",
        "Trust the devices that cannot sign in",
        "Printers, scanners and programs with a fixed address in your own network.",
        reverse("sending:networks"),
        "Trusted networks",
        said=f"{networks} trusted.",
        by_hand=True,
    )


def told() -> Step:
    """The new settings for everybody."""
    return Step(
        "told",
        "Give everybody the new settings",
        "Port 587 or 465, encrypted, with their password. There is a page to print or "
        "to send.",
        reverse("sending:settings"),
        "The settings",
        by_hand=True,
    )


def moved(still: Still) -> Step:
    """Nobody is left on 25."""
    unread = "" if still.since else "The mail log has not been read yet."
    return Step(
        "moved",
        f"Wait until nobody signs in on port {still.port}",
        "Some change at once, some after a reminder, and the scanner in the cellar "
        "last of all.",
        reverse("sending:users"),
        "Who sends where",
        done=still.since is not None and not still.people,
        said=still.sentence or unread,
    )


def ended(rows: Rows, still: Still) -> Step:
    """AUTH off on 25."""
    step = Step(
        "ended",
        f"End signing in on port {still.port}",
        "Nobody can guess passwords there any more: the port is for other servers.",
        reverse("sending:auth_off"),
        "End it",
        undo="Switch it on again on the page Ways in.",
    )
    return switched(step, [rows["auth_on_25"]], Mode.OFF)


def encrypted(rows: Rows) -> Step:
    """smtpd_tls_auth_only."""
    step = Step(
        "encrypted",
        "No password without encryption, on any port",
        "A password in the clear can be read on its way.",
        at("sending:index", "smtpd_tls_auth_only"),
        "Insist on it",
        undo="Switch it off again there.",
    )
    return switched(step, [rows["smtpd_tls_auth_only"]], Mode.ON)


def own(rows: Rows) -> Step:
    """The own-domain stop."""
    step = Step(
        "own",
        "Stop outsiders who write as you",
        "Your own people sign in now, or are trusted. Whoever else sends with your "
        "domains is not one of you.",
        reverse("protection:domains"),
        "Own domains",
        undo="Switch it off again there.",
    )
    return switched(step, [rows[OWN]], Mode.ON)


def at(name: str, key: str) -> str:
    """A page, at the row of a control."""
    return f"{reverse(name)}#{key}"


@transaction.atomic
def tick(*, server: Server, step: str, done: bool, actor: Actor) -> None:
    """Note that a step which only people can see is done, or is not after all.

    Raises NotNow for any other step.
    """
    titles = {each.key: each.title for each in steps(server) if each.by_hand}
    if step not in titles:
        raise NotNow(f"{step[:40]!r} is no step to tick. Nothing was changed.")
    before = Tick.objects.filter(server=server, step=step)
    if before.exists() is done:
        return
    words = ("", "done") if done else ("done", "")
    record(
        actor=actor,
        what=f"step “{titles[step]}”",
        before=words[0],
        after=words[1],
    )
    if done:
        Tick.objects.create(server=server, step=step, author_name=actor.name)
    else:
        before.delete()
