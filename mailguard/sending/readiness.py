"""Whether a server is ready for people to send through 587 and 465.

The worker looks and keeps what it found; pages read rows. Only the test sign-in is made
by the web process itself, so that a password never lies in the broker: it talks to a
port, or to Dovecot's socket where it may, and keeps nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.sending.readiness_models import Opening, Readiness
from mailguard.servers import services as servers
from mailguard.servers.models import Observed, Server
from postfixconf.errors import HostError, PostfixconfError
from postfixconf.host.readiness import PORTS, STEPS, Check, Level, look
from postfixconf.host.readiness import signin as library
from postfixconf.host.readiness.firewall import open_port as let_in
from postfixconf.host.readiness.settings import Settings, number_of
from postfixconf.policy.observed import effective
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = [
    "ask",
    "checks",
    "latest",
    "numbers",
    "open_port",
    "openings",
    "ready",
    "sign_in",
    "tend",
]

EVERY = timedelta(minutes=10)
ASKED = ("smtpd_sasl_type", "smtpd_sasl_path", "queue_directory", "inet_interfaces")
UNSEEN = Check(
    "unseen",
    Level.HINDRANCE,
    "Nobody has looked yet whether this server is ready.",
    "The worker does so within a few seconds; load the page again.",
)


def latest(server: Server) -> Readiness | None:
    """What was last found; None before the first look."""
    return Readiness.objects.filter(server=server, at__isnull=False).first()


def checks(server: Server) -> list[Check]:
    """Every check of the last look."""
    row = latest(server)
    return [Check.from_json(each) for each in row.checks] if row else []


def ready(server: Server) -> Mapping[str, tuple[Check, ...]]:
    """What stands in the way of each step, by the key of its switch; () for nothing.

    As last found: whoever takes a step may look once more (`look`, for the worker).
    """
    found = checks(server) or [UNSEEN]
    return {
        step: tuple(
            each
            for each in found
            if each.level is Level.HINDRANCE and step in each.steps
        )
        for step in STEPS
    }


def numbers(server: Server) -> dict[str, int]:
    """The port of each step on this server, or the one it would have."""
    seen = servers.last_observed(server)
    try:
        master = MasterCf.parse(seen.texts.master if seen else "")
    except PostfixconfError:
        return dict(PORTS)
    return {step: number_of(step, master) for step in STEPS}


def ask(*, server: Server) -> None:
    """Have the worker look again."""
    row, _ = Readiness.objects.get_or_create(server=server)
    if row.asked_at is None:
        Readiness.objects.filter(pk=row.pk).update(asked_at=timezone.now())


def openings(server: Server) -> list[Opening]:
    """The ports that were opened lately, newest first."""
    return [*Opening.objects.filter(server=server)[:5]]


@transaction.atomic
def open_port(*, server: Server, step: str, actor: Actor) -> Opening:
    """Have the worker open a step's port in the firewall. Raises NotNow."""
    row = latest(server)
    if step not in STEPS:
        raise NotNow(f"{step[:40]!r} is no way to send. Nothing was changed.")
    if row is None or not row.manager:
        raise NotNow(
            "Neither firewalld nor ufw runs on this server, so no port can be opened "
            "from here. Nothing was changed. Type the command that stands beside it."
        )
    port = numbers(server)[step]
    if Opening.objects.filter(server=server, port=port, done_at=None).exists():
        raise NotNow(f"Port {port} is being opened already. Please wait.")
    what, reason = f"firewall port {port}", f"asked of {row.manager}"
    record(actor=actor, what=what, before="not let in", after="open", reason=reason)
    return Opening.objects.create(
        server=server,
        port=port,
        manager=row.manager,
        actor_id=actor.user_id,
        actor_name=actor.name,
    )


def tend(server: Server) -> None:
    """Open what was asked for, and look where that is due. For the worker only."""
    waiting = [*Opening.objects.filter(server=server, done_at=None).order_by("pk")]
    for each in waiting:
        carry_out(each)
    if waiting or due(server):
        look_now(server)


def carry_out(row: Opening) -> None:
    """Open one port, and note how it went."""
    try:
        let_in(row.port, row.manager)
        row.ok = True
    except HostError as cause:
        row.said = str(cause)[:1000]
    row.done_at = timezone.now()
    row.save()


def due(server: Server) -> bool:
    """Whether somebody asked, the files have changed, or the last look was long ago."""
    row = Readiness.objects.filter(server=server).first()
    if row is None or row.at is None or row.asked_at is not None:
        return True
    return row.digest != digest_of(server) or timezone.now() - row.at > EVERY


def look_now(server: Server) -> None:
    """Look, and keep what was found. For the worker only."""
    began, digest, now = time.monotonic(), digest_of(server), timezone.now()
    found = look(servers.instance_of(server), now)
    Readiness.objects.update_or_create(
        server=server,
        defaults={
            "at": now,
            "asked_at": None,
            "checks": [each.as_json() for each in found.checks],
            "manager": found.manager,
            "digest": digest,
            "ms": round((time.monotonic() - began) * 1000),
        },
    )


def digest_of(server: Server) -> str:
    """The digest of the files as last seen."""
    found = Observed.objects.filter(server=server).values_list("digest", flat=True)
    return found.first() or ""


@sensitive_variables("password")
def sign_in(*, server: Server, user: str, password: str) -> library.Answer:
    """Try a name and a password; neither is kept, and the password is in no answer.

    In the process that was asked: a task would leave it in the broker.
    """
    seen = servers.last_observed(server)
    if seen is None:
        return library.Answer(None, "The worker has not looked at this server yet.")
    try:
        main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
    except PostfixconfError as cause:
        return library.Answer(None, f"Postfix's files cannot be read: {cause}.")

    def known(name: str) -> str | None:
        return effective(main, seen.facts, name) if seen.facts.knows(name) else None

    values = {name: expanded(known(name) or "", known) for name in ASKED}
    settings = Settings.of("submission", values, master)
    asked = library.places(master, settings)
    service = library.service_of_server(settings)
    answer = library.sign_in(asked, service, user, password)
    return with_reason(server, answer) if answer.unasked else answer


def with_reason(server: Server, answer: library.Answer) -> library.Answer:
    """What the worker knows of it, where Postfix could ask nobody; it looks again.

    Why Postfix could not stands in its log, and in files that only root may read.
    """
    ask(server=server)
    found = [x for x in checks(server) if x.key == "sasl" and x.level is not Level.OK]
    if not found:
        more = "The worker looks for it again now: load the page Readiness again."
        return replace(answer, remedy=f"{answer.remedy} {more}")
    (first, *_) = found
    told = " ".join(filter(None, (first.sentence, first.remedy, typed(first))))
    return replace(answer, remedy=told)


def typed(check: Check) -> str:
    """The command of a check, as a sentence."""
    return f"As root: “{check.command}”." if check.command else ""
