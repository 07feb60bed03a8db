"""One small form a switch, and what somebody confirms who could cut people off."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Field, Layout
from django import forms
from django.urls import reverse

from postfixconf.policy.control import Control, Mode

__all__ = ["SureForm", "SwitchForm"]


class SwitchForm(forms.Form):
    """On or off: a field named by the control's key."""

    def __init__(self, control: Control, mode: Mode, data: Any = None) -> None:
        super().__init__(data)
        self.control = control
        self.fields[control.key] = forms.BooleanField(
            label="Enabled", required=False, initial=mode is Mode.ON
        )

    @property
    def mode(self) -> Mode:
        """The mode that a valid form asks for."""
        return Mode.ON if self.cleaned_data[self.control.key] else Mode.OFF

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it: it saves itself, with a button where there is no JS."""
        helper = FormHelper()
        helper.form_action = reverse("sending:switch", args=[self.control.key])
        helper.form_class = "switches"
        helper.attrs = {
            "hx-post": helper.form_action,
            "hx-trigger": "change",
            "hx-target": "body",
            "hx-swap": "innerHTML show:none swap:100ms",
            "hx-push-url": "true",
            "aria-labelledby": f"title-{self.control.key}",
        }
        save = '<button class="btn btn-sm btn-outline-secondary no-js">Save</button>'
        helper.layout = Layout(Field(self.control.key), HTML(save))
        return helper


class SureForm(forms.Form):
    """That somebody has read what it means."""

    def __init__(self, key: str, mode: Mode, data: Any = None) -> None:
        super().__init__(data)
        self.fields[key] = forms.ChoiceField(
            choices=[(mode.value, mode.value)],
            initial=mode.value,
            widget=forms.HiddenInput,
            error_messages={
                "invalid_choice": "“%(value)s” is not what this page asks about: "
                "somebody else has changed it. Nothing was changed."
            },
        )
        self.fields["sure"] = forms.BooleanField(
            label="I have read it, and mean it.",
            error_messages={"required": "Tick it to go on. Nothing was changed."},
        )

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the buttons."""
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper
