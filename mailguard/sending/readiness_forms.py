"""A name and a password to try; both are gone with the answer."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms

__all__ = ["SignInForm"]

LONGEST = 200


class SignInForm(forms.Form):
    """What a mail program would sign in with."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST,
        help_text="As it stands in the mail program, often the whole address.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label="Password",
        max_length=LONGEST,
        strip=False,
        help_text="It is tried once and kept nowhere.",
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "new-password"}
        ),
    )

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper
