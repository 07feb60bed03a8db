"""How far greylisting goes, and how postgrey is set. Each says what is wrong."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.forms import bare
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Mode
from postfixconf.policy.greylisting import GREYLISTING, LIMITS, Greylisting

__all__ = ["ModeForm", "SettingsForm"]

MODES = (
    (Mode.OFF.value, "Off: nobody is asked, nobody waits."),
    (
        Mode.TEST.value,
        "Only learn: postgrey is asked and remembers who writes to whom, and nobody "
        "waits. After a week or two most of your correspondents are known.",
    ),
    (Mode.ON.value, "On: who is not known has to come back."),
)


class ModeForm(forms.Form):
    """Off, learn or on; a field named by the control's key."""

    def __init__(self, mode: Mode, data: Any = None) -> None:
        super().__init__(data)
        self.fields[GREYLISTING] = forms.ChoiceField(
            label="How far it goes",
            choices=MODES,
            initial=mode.value,
            widget=forms.RadioSelect,
        )

    @property
    def mode(self) -> Mode:
        """The mode that a valid form asks for."""
        return Mode(self.cleaned_data[GREYLISTING])

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the title and the button."""
        helper = bare()
        helper.form_show_labels = False
        return helper


def whole(name: str, label: str, help_text: str) -> forms.IntegerField:
    """A field for a number between the limits of a setting."""
    lowest, highest = LIMITS[name]
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=lowest,
        max_value=highest,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "invalid": "Not a whole number.",
            "min_value": "%(show_value)s is too small: at least %(limit_value)s.",
            "max_value": "%(show_value)s is too large: at most %(limit_value)s.",
        },
    )


class SettingsForm(forms.Form):
    """The settings of postgrey, with its own units."""

    delay = whole(
        "delay",
        "Seconds to wait",
        "Who comes back sooner is put off again. Usual: 300, five minutes. (--delay)",
    )
    retry_window = whole(
        "retry_window",
        "Hours to come back in",
        "Who comes back later begins anew. Usual: 48. (--retry-window)",
    )
    max_age = whole(
        "max_age",
        "Days until somebody is forgotten",
        "Counted from when they were last seen. Usual: 35. (--max-age)",
    )
    auto_whitelist = whole(
        "auto_whitelist",
        "Mails until a server waits no more",
        "Mails that came back, one an hour counts; then the server is known for "
        "everybody. 0 is never. Usual: 5. (--auto-whitelist-clients)",
    )
    by_host = forms.TypedChoiceField(
        label="Which servers count as one",
        choices=[
            ("no", "All of one network, as large senders need it (--lookup-by-subnet)"),
            ("yes", "Each address for itself (--lookup-by-host)"),
        ],
        coerce=lambda text: text == "yes",
        help_text="Senders with many servers never get in where each counts alone.",
    )
    ipv4 = whole(
        "ipv4",
        "Bits of an IPv4 network",
        "24 is 256 addresses, 16 is 65,536. Usual: 24. (--ipv4cidr)",
    )
    ipv6 = whole("ipv6", "Bits of an IPv6 network", "Usual: 64, one site. (--ipv6cidr)")
    text = forms.CharField(
        label="What a sender reads",
        required=False,
        help_text="One line of plain ASCII. %s is the seconds left, %r the domain "
        "written to. Begin it with “Greylisted”, and the log is understood even "
        "without mailguard. Empty: as postgrey was installed. (--greylist-text)",
        widget=forms.TextInput(attrs={"maxlength": 200}),
    )

    def __init__(
        self, settings: Greylisting, data: Any = None, *, takes_text: bool = True
    ) -> None:
        told = settings.as_json() | {"by_host": "yes" if settings.by_host else "no"}
        super().__init__(data, initial=told)
        if not takes_text:
            self.fields["text"].disabled = True
            self.fields[
                "text"
            ].help_text = (
                "This installation of postgrey has its text in its own start script."
            )

    def clean(self) -> dict[str, Any]:
        """All of them together have to be something that postgrey can mean."""
        told = super().clean() or {}
        if not self.errors:
            try:
                told["settings"] = Greylisting(**told)
            except BadPolicy as cause:
                raise forms.ValidationError(f"{cause}.") from None
        return told

    @property
    def settings(self) -> Greylisting:
        """What a valid form asks for."""
        found: Greylisting = self.cleaned_data["settings"]
        return found

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare()
