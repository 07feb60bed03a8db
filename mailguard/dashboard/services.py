"""Is my mail all right? One sentence, from what the rows say."""

from dataclasses import dataclass
from enum import StrEnum

from mailguard.changes import services as changes
from mailguard.dashboard.flow import hardly_any
from mailguard.greylisting import services as greylisting
from mailguard.greylisting.models import Service
from mailguard.servers import services as servers
from mailguard.servers.broker import broker_alive
from mailguard.servers.models import Observed, Server

__all__ = ["Light", "Status", "status"]


class Light(StrEnum):
    """The traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True)
class Status:
    """How the server and mailguard itself are.

    `running`, `version` and `drift` are as last seen; `at` is when. `hardly` says
    that almost no mail gets in; `guarded` is whether any protection is live, where
    somebody looked.
    """

    running: bool
    version: str
    trouble: str
    drift: bool
    worker: bool
    broker: bool
    adopted: bool
    seen: Observed | None
    greylisting: Service | None = None
    hardly: str = ""
    guarded: bool = True

    @property
    def light(self) -> Light:
        """Red: mail is in danger. Yellow: somebody should look."""
        if self.seen is not None and (not self.running or self.trouble):
            return Light.RED
        if self.greylisting is not None:
            return Light.YELLOW if self.greylisting.guarded else Light.RED
        if self.drift or not self.worker or not self.broker or not self.adopted:
            return Light.YELLOW
        if self.hardly:
            return Light.YELLOW
        return Light.GREEN

    @property
    def sentence(self) -> str:
        """The light in words, worst first."""
        if self.trouble:
            return f"mailguard cannot look at the server: {self.trouble}"
        if self.seen is not None and not self.running:
            return "Postfix is stopped: no mail is received."
        if self.greylisting is not None:
            return self.greylisting.sentence
        if not self.broker:
            return "The broker is down: changes wait until it is back."
        if not self.worker:
            return "The worker does not answer: changes wait for it."
        if self.hardly:
            return self.hardly
        if self.drift:
            return "The configuration was edited by hand since the last change."
        if not self.adopted:
            return "The server is being adopted."
        if not self.guarded:
            return "Postfix is running. No protection is switched on yet."
        return "Postfix is running, with the protection shown here."


def status(server: Server) -> Status:
    """The present state of a server, from rows and one ping of the broker."""
    seen = Observed.objects.filter(server=server).first()
    return Status(
        running=seen is not None and seen.running,
        version=seen.facts.get("version", "") if seen else "",
        trouble=seen.trouble if seen else "",
        drift=bool(changes.drift_of(server)),
        worker=servers.worker_alive(server),
        broker=broker_alive(),
        adopted=server.adopted_main is not None,
        seen=seen,
        greylisting=greylisting.down(server),
        hardly=hardly_any(server),
    )
