"""What the forms of every room have in common.

A form quotes what is wrong: its fields keep every character that was typed, and a
reader of the library judges them. The tag, the token against forgery and the buttons
are the page's, unless a form says otherwise.
"""

from collections.abc import Callable
from typing import TypeVar

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from django import forms

from postfixconf.errors import BadValue, quoted

__all__ = ["Chosen", "Typed", "bare", "judged"]

T = TypeVar("T")


class Typed(forms.CharField):
    """What somebody typed, with every character: a reader of ours judges it."""

    def run_validators(self, value: str) -> None:
        """None: Django's would not quote what is wrong."""


class Chosen(forms.ChoiceField):
    """One of a few; anything else is quoted, and shortened."""

    def validate(self, value: str) -> None:
        """Raises ValidationError for what is none of them."""
        if not self.valid_value(value):
            raise forms.ValidationError(f"{quoted(value)}: choose one of the list")


def judged(read: Callable[[str], T], text: str) -> T:
    """What a reader makes of a text. Raises ValidationError with its complaint."""
    try:
        return read(text)
    except BadValue as cause:
        raise forms.ValidationError(f"{cause}.") from None


def bare(*rows: object, token: bool = False) -> FormHelper:
    """How crispy draws a form without its tag and buttons: these rows, or all fields.

    With `token` crispy adds the one against forgery, for a page that has none.
    """
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = not token
    if rows:
        helper.layout = Layout(*rows)
    return helper
