"""One small form a control: two checkboxes, and what it costs to confirm."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Field, Layout
from django import forms
from django.urls import reverse

from mailguard.forms import bare
from postfixconf.policy.control import Control, Mode

__all__ = ["ConfirmForm", "ControlForm"]


class ControlForm(forms.Form):
    """The mode of one control: a field named by its key, and `KEY.test`."""

    saves = "protection:switch"  # the view that takes it

    def __init__(self, control: Control, mode: Mode, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.control = control
        enabled = mode is not Mode.OFF
        self.fields[control.key] = forms.BooleanField(
            label="Enabled", required=False, initial=enabled
        )
        if Mode.TEST in control.modes:
            self.fields[self.test_name] = forms.BooleanField(
                label="Only log (test)",
                required=False,
                initial=mode is Mode.TEST,
            )
            if not enabled:  # greyed, but a confirmation page may post it
                self.fields[self.test_name].widget.attrs["disabled"] = True

    @property
    def test_name(self) -> str:
        """The name of the “only log” checkbox."""
        return f"{self.control.key}.test"

    @property
    def mode(self) -> Mode:
        """The mode that a valid form asks for."""
        if not self.cleaned_data[self.control.key]:
            return Mode.OFF
        return Mode.TEST if self.cleaned_data.get(self.test_name) else Mode.ON

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it: switches that save themselves, a button without JS."""
        helper = FormHelper()
        helper.form_action = reverse(self.saves, args=[self.control.key])
        helper.form_class = "switches"
        helper.attrs = {
            "hx-post": helper.form_action,
            "hx-trigger": "change",
            "hx-target": "body",
            "hx-swap": "innerHTML show:none swap:100ms",
            "hx-push-url": "true",
            "aria-labelledby": f"title-{self.control.key}",
        }
        fields = [Field(self.control.key)]
        if self.test_name in self.fields:
            fields.append(Field(self.test_name))
        save = '<button class="btn btn-sm btn-outline-secondary no-js">Save</button>'
        helper.layout = Layout(*fields, HTML(save))
        return helper


class ConfirmForm(forms.Form):
    """The confirmation of a risky control, twice for one that is not recommended.

    `against` is what this server's mail says against it: one more box to tick.
    """

    confirmed = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self, control: Control, data: object = None, against: str = ""
    ) -> None:
        super().__init__(data, initial={"confirmed": control.key})  # type: ignore[arg-type]
        if against:
            self.fields["anyway"] = forms.BooleanField(
                label=f"I have read it: {against} Switch it on all the same."
            )
        if not control.recommended:
            self.fields["sure"] = forms.BooleanField(
                label="I know that this is not recommended and will refuse mail from "
                "real companies."
            )

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the buttons."""
        return bare(token=True)
