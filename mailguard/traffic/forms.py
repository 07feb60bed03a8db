"""What of the mail log is kept."""

from typing import Any, Self

from crispy_forms.helper import FormHelper
from django import forms

from mailguard.forms import bare
from mailguard.traffic.models import Log
from mailguard.traffic.retention import LONGEST

__all__ = ["KeepForm"]


class KeepForm(forms.Form):
    """How long attempts are kept, and how much of an address."""

    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST,
        label="Days to keep attempts",
        help_text="They are personal data. Hourly counts are kept for good.",
    )
    domains_only = forms.BooleanField(
        required=False,
        label="Keep domains only",
        help_text="From now on the part before the @ and the lines of the log are not "
        "kept. An address can then not be searched for.",
    )

    @classmethod
    def of(cls, log: Log) -> Self:
        """As it is now."""
        now: dict[str, Any] = {"days": log.keep_days, "domains_only": log.domains_only}
        return cls(initial=now)

    @property
    def sentence(self) -> str:
        """What is wrong, quoting what was typed."""
        typed = str(self.data.get("days", ""))[:40]
        wrong = " ".join(str(each) for each in self.errors.get("days", []))
        return f"“{typed}”: {wrong}"

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare(token=True)
