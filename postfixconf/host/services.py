"""Services that a change needs: up before Postfix asks them, stopped only afterwards.

What was running before is registered with the checkpoint first, so that a change that
goes back, or is killed, leaves them as they were. What a service says of itself and how
it is started is its own module's (`postfixconf.host.postgrey`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from postfixconf.errors import BadFile, HostError, Refusal, Unproven
from postfixconf.host import files, postgrey
from postfixconf.host.apply_journal import Journal
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.postgrey import Postgrey
from postfixconf.policy.entries import Spared
from postfixconf.policy.needs import Need

__all__ = ["as_before", "needed", "put_back"]


@contextmanager
def needed(
    needs: Sequence[Need],
    server: Instance,
    new: Sequence[files.Staged],
    point: Checkpoint,
    journal: Journal,
) -> Iterator[None]:
    """Within it all that main.cf will ask runs and answers; what it does not ask any
    more is stopped at its end.

    Raises Refusal where a service does not answer, so that Postfix is not touched.
    """
    services = [(need, service_of(server)) for need in needs]
    if services:
        with journal.step("serve") as saw:
            said = [ready(need, each, new, point) for need, each in services]
            saw("; ".join(said))
    yield
    if services:
        with journal.step("settle") as saw:
            saw("; ".join(settled(need, each) for need, each in services))


def service_of(server: Instance) -> Postgrey:
    """The service of a need: postgrey, the only one today. Raises Refusal."""
    found = postgrey.find(server)
    if found is None:
        raise Refusal("postgrey is not installed any more. Nothing was changed.")
    return found


def ready(
    need: Need, service: Postgrey, new: Sequence[files.Staged], point: Checkpoint
) -> str:
    """Have it run with its new options, and ask it; what was seen."""
    state = service.state()
    point.register(need.service, running=state.running, anew=need.anew)
    if not need.after:
        return "postgrey runs until Postfix asks it no more"
    starts = need.anew or not state.running
    for file in new:  # what it reads when it starts
        lists = starts and str(file.target).endswith(tuple(Spared))
        if lists or file.target == service.options.resolve():
            point.written()
            file.install()
    try:
        if state.running and need.anew:
            service.restart()
        elif not state.running:
            service.start()
        seconds = service.ask()
    except (HostError, BadFile) as cause:
        if isinstance(cause, Unproven) and state.running:
            remedy = " Restart it on the page Greylisting, and apply again."
        else:
            remedy = ""
        raise Refusal(f"{cause}. Nothing was changed.{remedy}") from cause
    return f"postgrey ({service.service}) answers in {seconds * 1000:.0f} ms"


def settled(need: Need, service: Postgrey) -> str:
    """Ask once more, or stop what nobody asks; what was seen.

    Raises Unproven where what answered before does not any more. What does not end is
    no reason to take a change back that is proven.
    """
    if need.after:
        return f"postgrey answers in {service.ask() * 1000:.0f} ms"
    try:
        service.stop()
    except HostError as cause:
        return f"postgrey is not asked any more, but does not stop: {cause}"
    return "postgrey is not asked any more, and was stopped"


def put_back(point: Checkpoint, server: Instance) -> None:
    """All of it as before the change, where Postfix has read nothing of it."""
    with as_before(point, server):
        pass


@contextmanager
def as_before(point: Checkpoint, server: Instance) -> Iterator[None]:
    """What ran before the change runs, with the files of before; at the end, what did
    not is stopped.

    Nothing here keeps Postfix from going back: mail flows without these services.
    """
    registered = point.services()
    service = postgrey.find(server) if registered else None
    for was in registered.values():
        with suppress(HostError, BadFile):
            if service and was["running"]:
                service.restart() if was["anew"] else service.start()
    yield
    for was in registered.values():
        with suppress(HostError, BadFile):
            if service and not was["running"]:
                service.stop()
