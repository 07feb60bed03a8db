"""The form of a trusted network; it quotes what is wrong."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div, Layout
from django import forms

from mailguard.forms import Typed
from mailguard.lists.reading import read_note
from mailguard.sending.judging import Judge
from mailguard.sending.trusting import trusted
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.policy.networks import read_network

__all__ = ["NetworkForm"]


class NetworkForm(forms.Form):
    """One more trusted network. `doubts` has to be empty, or confirmed: `sure`."""

    network = Typed(
        strip=False,
        label="Address or network",
        help_text="192.168.1.20, 192.168.1.0/24 or 2001:db8:1::/64: printers, scanners "
        "and servers that cannot sign in.",
    )
    note = Typed(
        required=False, strip=False, help_text="Why, for whoever reads it in a year."
    )
    sure = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, server: Server, data: Any = None, initial: dict[str, str] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.server, self.judge = server, Judge.of(server)
        self.doubts: list[str] = []

    def clean_network(self) -> str:
        """The one spelling of a network that may be trusted and is not yet."""
        text: str = self.cleaned_data["network"]
        try:
            network = read_network(text)
            if why := self.judge.refused(network):
                raise BadValue(text, why)
            if network in trusted(self.server):
                raise BadValue(text, "is trusted already")
        except BadValue as cause:
            raise forms.ValidationError(f"{cause}. Nothing was changed.") from None
        return network

    def clean_note(self) -> str:
        """One line of visible text."""
        try:
            return read_note(self.cleaned_data["note"])
        except BadValue as cause:
            raise forms.ValidationError(f"{cause}.") from None

    def clean(self) -> None:
        """What speaks against it is asked back once."""
        network = self.cleaned_data.get("network")
        if network is None or self.cleaned_data.get("sure") == network:
            return
        self.doubts = self.judge.doubts(network)
        if self.doubts:
            self.data = {**dict(self.data.items()), "sure": network}

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.layout = Layout(Div("network", "note", css_class="fields"), "sure")
        return helper
