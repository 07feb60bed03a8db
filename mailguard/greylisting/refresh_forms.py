"""The forms about the published list. Each says what is wrong by quoting it."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div
from django import forms

from mailguard.forms import Chosen, Typed, bare, judged
from mailguard.greylisting.refresh_models import Every, Schedule
from postfixconf.errors import quoted
from postfixconf.host.download import read_url
from postfixconf.text.postgrey_refresh import LARGEST

__all__ = ["FileForm", "ScheduleForm"]


class Plain(forms.Form):
    """Drawn by crispy; the page adds the button."""

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it."""
        return bare(Div(*self.fields, css_class="fields"))


class ScheduleForm(Plain):
    """When the list is fetched, and from where."""

    every = Chosen(choices=Every.choices, label="Fetch it")
    url = Typed(
        label="From",
        help_text="https only: its certificate is checked, no other host is visited.",
    )
    most = Typed(
        label="Refuse it when more than this share is gone (%)",
        help_text="A list that suddenly shrinks was cut off, or is another one.",
    )

    @classmethod
    def of(cls, row: Schedule) -> "ScheduleForm":
        """As it is now."""
        return cls(initial={"every": row.every, "url": row.url, "most": row.most})

    def clean_url(self) -> str:
        """An address that can be fetched."""
        return judged(read_url, self.cleaned_data["url"])

    def clean_most(self) -> int:
        """A share in percent."""
        text = self.cleaned_data["most"].strip()
        if not (text.isascii() and text.isdigit() and len(text) < 4):
            raise forms.ValidationError(f"{quoted(text)}: a whole number, 0 to 100.")
        if int(text) > 100:
            raise forms.ValidationError(f"{quoted(text)}: at most 100 percent.")
        return int(text)


class FileForm(Plain):
    """A list from one's own disk, for a server without a way to the internet."""

    file = forms.FileField(
        label="A file with the list",
        help_text="As postgrey_whitelist_clients is: one client a line, at most 1 MB.",
        allow_empty_file=True,
    )

    def clean_file(self) -> Any:
        """Small enough to be looked at; all else the worker judges."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(
                f"{quoted(file.name)} has {file.size:,} bytes, at most {LARGEST:,} are "
                "read. Nothing was changed."
            )
        return file
