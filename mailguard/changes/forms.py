"""The form on the Review page: why, and how gently."""

from crispy_forms.helper import FormHelper
from django import forms

__all__ = ["AdoptForm", "ApplyForm"]

LONGEST_REASON = 1000  # characters


class ReasonForm(forms.Form):
    """A reason, one line."""

    reason = forms.CharField(max_length=LONGEST_REASON, strip=True)

    def clean_reason(self) -> str:
        """Printable text only: a reason stands in histories and logs."""
        reason: str = self.cleaned_data["reason"]
        if not reason.isprintable():
            raise forms.ValidationError(
                "%(text)s holds control characters. Nothing was changed.",
                params={"text": ascii(reason[:80])},
            )
        return reason

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        helper = FormHelper()
        helper.form_tag = False
        return helper


class ApplyForm(ReasonForm):
    """Why, the plan that was reviewed, and reload or restart."""

    reload = forms.BooleanField(
        required=False,
        label="Reload instead of restart",
        help_text="Open connections are kept; they finish with the old rules.",
    )
    reviewed = forms.CharField(widget=forms.HiddenInput)

    field_order = ["reason", "reload", "reviewed"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["reason"].label = "Why are you making this change?"
        self.fields["reason"].help_text = "It stands in the history, with your name."


class AdoptForm(ReasonForm):
    """Why a hand edit is taken over."""
