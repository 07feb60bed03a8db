"""What people type into their mail programs, from what is live on this server."""

from dataclasses import dataclass

from mailguard.marks import visible
from mailguard.servers.models import Server
from mailguard.traffic.models import Usage
from mailguard.traffic.used import seen_of
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.ports import offered

__all__ = ["Settings", "Way", "settings_of"]

LOOKED_AT = 200  # user names
ADDRESS = "your whole e-mail address"
LOGIN = "your user name, without @ and what follows"
EITHER = "the user name that you fetch your mail with"


@dataclass(frozen=True)
class Way:
    """A port, and what mail programs call its encryption."""

    port: str
    wrapped: bool

    @property
    def security(self) -> str:
        """The encryption by the name that most programs have for it."""
        return "SSL/TLS" if self.wrapped else "STARTTLS"


@dataclass(frozen=True)
class Settings:
    """All that a mail program asks for; no ways where no port is live for it."""

    host: str
    user: str
    ways: tuple[Way, ...]

    @property
    def text(self) -> str:
        """The same to be copied into a mail."""
        ways = [f"Port: {each.port}\nEncryption: {each.security}" for each in self.ways]
        return (
            "Please set the outgoing mail server (SMTP) of your mail program to:\n\n"
            f"Server: {self.host}\n"
            + "\nor, if your program offers that:\n".join(f"{each}\n" for each in ways)
            + f"Sign in: yes, with a normal password\nUser name: {self.user}\n"
            "Password: the one that you fetch your mail with\n\n"
            "Port 25 is for mail servers alone. How you fetch mail stays as it is.\n"
        )


def settings_of(server: Server) -> Settings | None:
    """Of what is live, as last seen; None before that."""
    seen = seen_of(server)
    if seen is None:
        return None
    ways = {Way(each.number, each.level == "wrapped") for each in offered(seen)}
    ordered = sorted(ways, key=lambda each: (each.wrapped, each.port))
    return Settings(host_of(seen), user_of(server), tuple(ordered))


def host_of(seen: Seen) -> str:
    """What the server calls itself."""
    return visible(seen.expanded(seen.value("myhostname")).strip())


def user_of(server: Server) -> str:
    """How people sign in here, as most of them lately did."""
    rows = Usage.objects.filter(server=server).exclude(user="").order_by("-last_at")
    names = [*rows.exclude(user="@").values_list("user", flat=True)[:LOOKED_AT]]
    whole = sum("@" in each for each in names)
    if not names or 0 < whole < len(names):
        return EITHER
    return ADDRESS if whole else LOGIN
