"""The sign-in form."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django.contrib.auth.forms import AuthenticationForm

__all__ = ["SignInForm"]


class SignInForm(AuthenticationForm):
    """User name and password."""

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it."""
        helper = FormHelper()
        helper.add_input(Submit("sign-in", "Sign in", css_class="w-100"))
        return helper
