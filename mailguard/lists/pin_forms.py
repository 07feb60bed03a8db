"""The forms about pins: one envelope, everything from a domain, and why one goes."""

from typing import Any

from mailguard.forms import Chosen, Typed, judged
from mailguard.lists.forms import Noted
from mailguard.lists.pins import read_expect
from mailguard.lists.reading import read_reason
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, read_value
from postfixconf.policy.probes import Expect, Probe

__all__ = ["DomainForm", "EnvelopeForm", "RemoveForm"]

CHOICES = [(Expect.ACCEPT.value, "Always"), (Expect.REFUSE.value, "Never")]
NEVER = "“Never” is also met when it is only put off."


class PinForm(Noted):
    """Always or never, and why; what is pinned is added below."""

    expect = Chosen(choices=CHOICES, label="Must it get through?", help_text=NEVER)

    def clean_expect(self) -> Expect:
        """One of the two."""
        return read_expect(self.cleaned_data["expect"])


class DomainForm(PinForm):
    """Everything from a sender's domain."""

    domain = Typed(
        strip=False,
        label="Sender domain",
        help_text="example.org; domains below it are covered too.",
    )

    field_order = ["domain", "expect", "note"]

    def __init__(self, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        # Its fields stand on one page with those of an envelope.
        super().__init__(data, initial=initial, auto_id="id_domain_%s")

    def clean_domain(self) -> str:
        """As entries spell it."""
        return judged(
            lambda text: read_value(Kind.SENDER_DOMAIN, text),
            self.cleaned_data["domain"],
        )


class EnvelopeForm(PinForm):
    """One envelope, field by field; `probe` is what a valid one says."""

    client_address = Typed(label="Client address", help_text="Who sends: 192.0.2.7")
    client_name = Typed(
        required=False,
        label="Client name",
        help_text="The name that leads back to the address; empty for none.",
    )
    reverse_client_name = Typed(
        required=False,
        label="Reverse name",
        help_text="What the address itself names; empty: the client name.",
    )
    helo = Typed(label="Greeting (HELO)")
    sender = Typed(required=False, label="Sender", help_text="Empty: a bounce.")
    recipient = Typed(label="Recipient")
    sasl_username = Typed(
        required=False,
        label="Signed in as",
        help_text="Empty: a stranger.",
    )
    service = Typed(
        required=False,
        label="Service",
        help_text="As in master.cf: submission. Empty: port 25.",
    )

    field_order = [
        "expect",
        "client_address",
        "client_name",
        "reverse_client_name",
        "helo",
        "sender",
        "recipient",
        "sasl_username",
        "service",
        "note",
    ]

    def __init__(self, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.probe: Probe | None = None

    @property
    def wanted(self) -> Probe:
        """The envelope that a valid form asks for."""
        if self.probe is None:
            raise ValueError("the form is not valid")
        return self.probe

    def clean(self) -> None:
        """The fields together make a probe; the one it refuses has the error."""
        if self.errors:
            return
        given = {name: self.cleaned_data[name] for name in self.fields}
        del given["note"]
        given["reverse_client_name"] = given["reverse_client_name"] or None
        try:
            self.probe = Probe(**given)
        except BadValue as cause:
            name = cause.reason.partition(" ")[0]
            field = name if name in given else "client_address"
            self.add_error(field, f"{cause}.")


class RemoveForm(Noted):
    """Why a pin goes."""

    note = Typed(
        strip=False,
        label="Why does it go?",
        help_text="It stands in the history, with your name.",
    )

    def clean_note(self) -> str:
        """One line of visible text."""
        return judged(read_reason, self.cleaned_data["note"])
