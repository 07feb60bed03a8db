"""The forms of a change: why, how gently, and which part of the history."""

from collections.abc import Iterable
from typing import Any, cast

from crispy_forms.helper import FormHelper
from django import forms
from django.http import QueryDict

from mailguard.changes.models import State
from mailguard.changes.templatetags.changes import fit
from mailguard.forms import bare

__all__ = ["AdoptForm", "ApplyForm", "FilterForm", "ReasonForm"]

LONGEST_REASON = 1000  # characters


class ReasonForm(forms.Form):
    """A reason, one line."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        strip=True,
        label="Why are you making this change?",
        help_text="It stands in the history, with your name.",
    )

    def clean_reason(self) -> str:
        """Printable text only: a reason stands in histories and logs."""
        return printable(self.cleaned_data["reason"])

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare(token=True)


def printable(reason: str) -> str:
    """A reason that may stand in a history. Raises ValidationError, quoting it."""
    if not reason.isprintable():
        raise forms.ValidationError(
            "“%(text)s” holds invisible characters. Nothing was changed.",
            params={"text": fit(reason[:80])},
        )
    return reason


class ApplyForm(ReasonForm):
    """Why, reload or restart, why a pin may break, and the plan that was reviewed.

    Where nothing is pinned, nobody is asked about pins.
    """

    reload = forms.BooleanField(
        required=False,
        label="Reload instead of restart",
        help_text="Open connections are kept; they finish with the old rules.",
    )
    override = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        label="Why may a pin break?",
        help_text="With a reason it is applied although a pin does not hold. "
        "Empty: every pin has to hold.",
    )
    reviewed = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: QueryDict | None = None,
        initial: dict[str, Any] | None = None,
        *,
        pinned: bool = False,
    ) -> None:
        super().__init__(data, initial=initial)
        if not pinned:
            del self.fields["override"]

    def clean_override(self) -> str:
        """Printable text, as a reason is."""
        return printable(self.cleaned_data["override"])

    def show_plan(self, digest: str) -> None:
        """Have the form say which plan the person is looking at now."""
        self.initial["reviewed"] = digest
        if self.is_bound:
            self.data = {**dict(self.data.items()), "reviewed": digest}


class AdoptForm(ReasonForm):
    """Why a hand edit is taken over."""

    def __init__(self, data: QueryDict | None = None) -> None:
        # Its field stands on one page with ApplyForm's.
        super().__init__(data, auto_id="id_adopt_%s")
        self.fields["reason"].label = "Why do you take it over?"
        self.fields["reason"].help_text = ""


class FilterForm(forms.Form):
    """Which revisions or changes to show; a word that fits none shows them all."""

    text = forms.CharField(required=False, max_length=100, label="Text")
    by = forms.ChoiceField(required=False, label="Who")
    outcome = forms.ChoiceField(
        required=False, choices=[("", "any"), *State.choices], label="Outcome"
    )

    def __init__(self, data: QueryDict, names: Iterable[str], *, outcome: bool) -> None:
        super().__init__(data, label_suffix="")
        people = [("", "anybody"), *((name, name) for name in names)]
        cast(forms.ChoiceField, self.fields["by"]).choices = people
        if not outcome:
            del self.fields["outcome"]
        for field in self.fields.values():
            choice = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if choice else "form-control"

    @property
    def chosen(self) -> dict[str, str]:
        """What was chosen, by field; nothing for what was left open or is not there."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
