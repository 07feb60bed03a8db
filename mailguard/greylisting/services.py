"""The verbs on postgrey: what the worker sees and does, and what people ask of it.

Pages read and write rows; only what says so touches the service.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.greylisting.models import Order, Service, Verb
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadFile, HostError, Locked, PostfixconfError, Unproven
from postfixconf.host import files, postgrey
from postfixconf.host.postgrey import Postgrey
from postfixconf.policy.greylisting import Greylist, is_local, is_same
from postfixconf.policy.policy_services import policy_services
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule

__all__ = ["down", "latest", "order", "orders", "tend", "waiting_order"]

EVERY = timedelta(seconds=60)  # from one real question to the next
SOONER = timedelta(seconds=15)  # where it did not answer
PATIENCE = 2.0  # seconds for an answer: everything else of the worker waits
WHAT = "postgrey service"
KEPT = 20  # orders


def latest(server: Server) -> Service | None:
    """postgrey as the worker last saw it; None before the first look."""
    return Service.objects.filter(server=server).first()


def down(server: Server) -> Service | None:
    """postgrey, where Postfix asks it and it does not answer."""
    row = latest(server)
    return row if row is not None and row.down else None


def waiting_order(server: Server) -> Order | None:
    """What the worker has still to do with it."""
    return Order.objects.filter(server=server, done_at=None).first()


def orders(server: Server) -> list[Order]:
    """What was done with it lately, newest first."""
    return [*Order.objects.filter(server=server).select_related("server")[:5]]


@transaction.atomic
def order(*, server: Server, verb: str, actor: Actor) -> Order:
    """Have the worker start, stop or restart it.

    Raises NotNow where it may not be stopped, or something is under way.
    """
    row = latest(server)
    if verb not in Verb.values:
        raise NotNow(f"{verb!r} is nothing that postgrey can do. Nothing was changed.")
    if row is None or not row.installed:
        raise NotNow("No postgrey was found on this server. Nothing was changed.")
    if verb == Verb.STOP and row.asked:
        raise NotNow(
            "Postfix still asks postgrey. Nothing was changed. Switch greylisting off "
            "and apply that: postgrey is stopped by it, once Postfix asks no more."
        )
    if waiting_order(server) is not None:
        raise NotNow("postgrey is being started or stopped already. Please wait.")
    before = "running" if row.pid else "stopped"
    after = "stopped" if verb == Verb.STOP else "running"
    record(actor=actor, what=WHAT, before=before, after=after, reason=f"{verb}ed")
    return Order.objects.create(
        server=server, verb=verb, actor_id=actor.user_id, actor_name=actor.name
    )


def tend(server: Server) -> None:
    """Carry out what was asked for, and look. For the worker only."""
    instance = servers.instance_of(server)
    found = postgrey.find(instance)
    waiting = waiting_order(server)
    if waiting is not None:
        try:
            with files.locked(instance.config_dir):  # not in the middle of an apply
                carry_out(waiting, found)
        except (Locked, HostError):
            return  # the next turn tries again
    look(server, found, anew=waiting is not None)


def carry_out(row: Order, found: Postgrey | None) -> None:
    """Do one thing, and note how it went."""
    try:
        if found is None:
            raise HostError("postgrey is not installed any more")
        service = latest(row.server)
        if row.verb == Verb.STOP and service is not None and service.asked:
            raise HostError("Postfix asks it again by now")
        {"start": found.start, "stop": found.stop, "restart": found.restart}[row.verb]()
        row.ok = True
    except (HostError, BadFile) as cause:
        row.said = str(cause)[:1000]
    row.done_at = timezone.now()
    row.save()
    old = Order.objects.filter(server=row.server).values_list("pk", flat=True)[KEPT:]
    Order.objects.filter(pk__in=[*old]).delete()


def look(server: Server, found: Postgrey | None, *, anew: bool = False) -> None:
    """Keep how postgrey is; it is really asked once a minute, and where `anew`."""
    row = latest(server) or Service(server=server)
    before, told = row.pid, row.trouble
    row.at, row.installed, row.trouble = timezone.now(), found is not None, ""
    row.version = postgrey.version() if found else ""
    row.asked, row.guarded = asked(server)
    row.pid, row.since, row.halted = None, None, False
    if found is None:
        row.answers = None
        row.save()
        return
    row.options = str(found.options)
    try:
        row.address, row.unit = found.service, found.unit or ""
        state = found.state()
    except (HostError, BadFile) as cause:
        row.trouble, row.answers = str(cause)[:1000], None
        row.save()
        return
    row.pid, row.halted = state.pid, state.halted
    row.since = datetime.fromtimestamp(state.since, UTC) if state.since else None
    pause = EVERY if row.answers else SOONER
    due = row.asked_at is None or row.at - row.asked_at > pause
    changed = before != row.pid or row.answers is None
    if row.pid is None:
        row.answers = None
        row.trouble = "it is not running"
    elif row.halted:
        row.answers, row.trouble = False, "its process is halted (SIGSTOP)"
    elif due or anew or changed:
        question(row, found)
    elif row.answers is False:
        row.trouble = told
    row.save()


def question(row: Service, found: Postgrey) -> None:
    """Ask it for real."""
    row.asked_at = timezone.now()
    try:
        row.ms, row.answers = round(found.ask(PATIENCE) * 1000), True
    except Unproven as cause:
        row.answers, row.trouble = False, str(cause)[:1000]


def asked(server: Server) -> tuple[bool, bool]:
    """Whether the live main.cf asks a postgrey of this machine, and whether mail flows
    without it.
    """
    seen = servers.last_observed(server)
    if seen is None:
        return False, True
    try:
        main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
        services = policy_services(main, master)
    except PostfixconfError:
        return False, True
    ours = [each for each in services if is_postgrey(each.name, seen.facts.postgrey)]
    return bool(ours), not any(each.needed for each in ours)


def is_postgrey(name: str, here: str) -> bool:
    """Whether a policy service is a postgrey of this machine; `here` is ours."""
    rule = Rule("check_policy_service", name)
    found = Greylist("", 0, here).matches(rule)
    return found and (is_local(name) or is_same(name, here))
