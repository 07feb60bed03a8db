"""The forms of Own domains and Relays in front; each quotes what is wrong."""

from functools import partial
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.forms import Typed, bare, judged
from postfixconf.policy.entries import Kind, read_value
from postfixconf.policy.own_domains import OwnDomains

__all__ = ["DomainForm", "ExceptionForm", "RelayForm", "ReplyForm"]


class ValueForm(forms.Form):
    """One text that is judged when it is cleaned."""

    def __init__(self, data: Any = None, initial: dict[str, str] | None = None) -> None:
        name = type(self).__name__.lower()
        super().__init__(data, initial=initial, auto_id=f"id_{name}_%s")

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare()


class DomainForm(ValueForm):
    """One more own domain."""

    domain = Typed(strip=False, help_text="example.org. Everything below it counts.")

    def clean_domain(self) -> str:
        """As the policy has it."""
        return judged(
            partial(read_value, Kind.SENDER_DOMAIN), self.cleaned_data["domain"]
        )


class ExceptionForm(ValueForm):
    """One more client that may send with the own domains."""

    network = Typed(
        strip=False,
        label="Address or network",
        help_text="192.0.2.7 or 192.0.2.0/24: the web host, a newsletter service.",
    )

    def clean_network(self) -> str:
        """As the policy has it."""
        return judged(partial(read_value, Kind.CLIENT), self.cleaned_data["network"])


class RelayForm(ValueForm):
    """One more relay in front."""

    relay = Typed(
        strip=False,
        label="Address or network",
        help_text="192.0.2.7 or 192.0.2.0/24: as your provider or filter service "
        "names them.",
    )

    def clean_relay(self) -> str:
        """As the policy has it."""
        return judged(partial(read_value, Kind.CLIENT), self.cleaned_data["relay"])


class ReplyForm(ValueForm):
    """What a refused outsider reads."""

    reply = Typed(
        strip=False,
        label="What a refused outsider reads",
        help_text="One line of plain ASCII. Say how to get through.",
    )

    def clean_reply(self) -> str:
        """As the policy takes it."""
        text: str = self.cleaned_data["reply"].strip(" ")
        return judged(lambda reply: OwnDomains(reply=reply).reply, text)
