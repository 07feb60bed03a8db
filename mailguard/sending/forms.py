"""One small form a switch, and what somebody confirms who could cut people off."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.protection.forms import ControlForm
from postfixconf.policy.control import Mode

__all__ = ["SureForm", "SwitchForm"]


class SwitchForm(ControlForm):
    """The mode of one way in."""

    saves = "sending:switch"


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
