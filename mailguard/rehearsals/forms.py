"""One envelope, typed by hand."""

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.forms import bare
from mailguard.marks import visible
from postfixconf.errors import BadValue
from postfixconf.policy.probes import Probe

__all__ = ["DRAFT", "LIVE", "TEXTS", "TrialForm"]

LONGEST = 320  # characters
TEXTS = (
    "client_address",
    "client_name",
    "helo",
    "sender",
    "recipient",
    "sasl_username",
    "service",
)
DRAFT, LIVE = "draft", "live"


class TrialForm(forms.Form):
    """Who sends what to whom, and whether on the draft or on what is live."""

    client_address = forms.CharField(
        max_length=45,
        label="Client address",
        help_text="The server that sends, 192.0.2.7 or 2001:db8::7.",
    )
    client_name = forms.CharField(
        required=False,
        max_length=255,
        label="Client name",
        help_text="Empty: DNS is asked now, as Postfix would.",
    )
    helo = forms.CharField(
        max_length=255,
        label="Greeting (HELO)",
        help_text="What it says it is, mail.example.com.",
    )
    sender = forms.CharField(
        required=False,
        max_length=LONGEST,
        label="Sender",
        help_text="Empty for a bounce.",
    )
    recipient = forms.CharField(max_length=LONGEST, label="Recipient")
    sasl_username = forms.CharField(
        required=False,
        max_length=255,
        label="Signed in as",
        help_text="Empty for a stranger.",
    )
    service = forms.CharField(
        required=False,
        max_length=100,
        label="Service",
        help_text="As in master.cf, submission or 465; empty for port 25.",
    )
    on = forms.ChoiceField(
        choices=[(DRAFT, "what waits (the draft)"), (LIVE, "what is live now")],
        initial=DRAFT,
        label="Try it on",
    )

    def clean(self) -> dict[str, object]:
        """The envelope as a probe; a bad value is quoted."""
        cleaned: dict[str, object] = super().clean() or {}
        if not self.errors:
            told = {name: str(cleaned[name]).strip() for name in TEXTS}
            try:
                self.probe = Probe.from_json(told)
            except BadValue as cause:
                message = f"{visible(str(cause))}. Nothing was tried."
                raise forms.ValidationError(message) from cause
        return cleaned

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare(token=True)
