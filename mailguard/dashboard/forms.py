"""What the chart is of and how far it goes back, as the address says."""

from django import forms
from django.http import QueryDict

from mailguard.dashboard.traffic import choices
from mailguard.traffic.series import Period

__all__ = ["ChartForm"]


class ChartForm(forms.Form):
    """The chart somebody wants; a word that is none gives the usual one."""

    period = forms.ChoiceField(
        required=False,
        choices=[(each.value, each.words) for each in Period],
        widget=forms.HiddenInput,
    )
    control = forms.ChoiceField(required=False, choices=choices, label="What of")

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, label_suffix="")
        self.fields["control"].widget.attrs["class"] = "form-select"
        self.is_valid()

    @property
    def span(self) -> Period:
        """How far back."""
        return Period(self.cleaned_data.get("period") or Period.DAY)

    @property
    def key(self) -> str:
        """The control, or "" for all mail."""
        return self.cleaned_data.get("control") or ""
