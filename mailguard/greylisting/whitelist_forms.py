"""The form about a client or recipient that greylisting shall leave alone."""

from typing import Any

from mailguard.forms import Chosen, Typed
from mailguard.greylisting.whitelist import doubts
from mailguard.lists.checks import Guard
from mailguard.lists.forms import Doubted
from mailguard.lists.services import find
from mailguard.servers.models import Server
from postfixconf.errors import BadValue, HostError
from postfixconf.policy.entries import Kind, Side

__all__ = ["KINDS", "WhitelistForm"]

KINDS = {
    Kind.GREY_CLIENT: "Mail from a client",
    Kind.GREY_RECIPIENT: "Mail to a recipient",
}


class WhitelistForm(Doubted):
    """A new entry. `doubts` has to be empty, or confirmed, before it is added."""

    kind = Chosen(choices=KINDS.items(), label="What must not wait?")
    value = Typed(
        strip=False,
        label="Who",
        help_text=(
            "A client: mail.example.org (and everything below), 192.0.2.7, "
            "192.0.2.0/24 or /^mx\\d+\\.example\\.org$/. "
            "A recipient: bob@example.org, abuse@, example.org or /…/."
        ),
    )

    field_order = ["kind", "value", "note", "expires", "sure"]

    def __init__(
        self, server: Server, data: Any = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"kind": Kind.GREY_CLIENT, **(initial or {})})
        self.server = server

    def clean(self) -> None:
        """Kind and value together make an entry, which Perl has to like too."""
        given = self.cleaned_data
        if not {"kind", "value"} <= given.keys():
            return
        try:
            guard = Guard.of(self.server)
            entry = guard.read(Side.ALLOW, given["kind"], given["value"])
        except (BadValue, HostError) as cause:
            self.add_error("value", f"{cause}.")
            return
        if find(entry.kind, entry.value) is not None:
            self.add_error("value", f"{entry.value} does not wait already.")
            return
        self.ask(entry, f"{entry.kind} {entry.value}", doubts(entry, self.server))
