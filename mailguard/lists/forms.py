"""The forms about entries. Each says what is wrong by quoting it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div
from django import forms
from django.conf import settings
from django.utils import timezone

from mailguard.forms import Chosen, Typed, bare, judged
from mailguard.lists.checks import Guard, doubts
from mailguard.lists.models import Entry as Row
from mailguard.lists.reading import read_expires, read_note
from mailguard.lists.services import find
from postfixconf.errors import BadValue, quoted
from postfixconf.policy.entries import Entry, Kind, Side

__all__ = [
    "GREY_KINDS",
    "KINDS",
    "Doubted",
    "EntryForm",
    "NoteForm",
    "Noted",
    "UploadForm",
]

GREY_KINDS = {
    Kind.GREY_CLIENT: "Client, for greylisting alone",
    Kind.GREY_RECIPIENT: "Recipient, for greylisting alone",
}
SIDES = {Side.ALLOW: "Allow", Side.DENY: "Deny"}
KINDS = {
    Kind.SENDER: "Sender address",
    Kind.SENDER_DOMAIN: "Sender domain",
    Kind.CLIENT: "Client address or network",
    Kind.CLIENT_NAME: "Client name",
    Kind.HELO: "Greeting (HELO)",
}
LARGEST = 200 * 1024 * 1024  # bytes


class When(forms.DateTimeInput):
    """A field with a calendar, that still shows what is no time."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["type"] = "datetime-local" if is_time(value) else "text"
        return context

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, datetime):
            return timezone.localtime(value).strftime("%Y-%m-%dT%H:%M")
        return str(value) if value else None


def is_time(value: Any) -> bool:
    """Whether a calendar can show it."""
    try:
        return not value or isinstance(value, datetime) or bool(read_expires(value))
    except BadValue:
        return False


class Noted(forms.Form):
    """Whatever has a note that says why it is there."""

    note = Typed(
        required=False,
        strip=False,
        help_text="Why, for whoever reads it in a year.",
    )

    def clean_note(self) -> str:
        """One line of visible text."""
        return judged(read_note, self.cleaned_data["note"])

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare(Div(*self.fields, css_class="fields"))


class NoteForm(Noted):
    """Why an entry is there, and until when."""

    expires = Typed(
        required=False,
        strip=False,
        widget=When,
        label="Until",
        help_text=f"Empty: for good. The time zone is {settings.TIME_ZONE}.",
    )

    def clean_expires(self) -> datetime | None:
        """A time that is still to come."""
        return judged(read_expires, self.cleaned_data["expires"])

    @classmethod
    def of(cls, row: Row) -> "NoteForm":
        """As it is now."""
        return cls(initial={"note": row.note, "expires": row.expires_at})


class Doubted(NoteForm):
    """A new entry. `doubts` has to be empty, or confirmed, before it is added."""

    sure = forms.CharField(required=False, widget=forms.HiddenInput)

    entry: Entry | None = None
    doubts: tuple[str, ...] = ()

    @property
    def wanted(self) -> Entry:
        """The entry that a valid form asks for."""
        if self.entry is None:
            raise ValueError("the form is not valid")
        return self.entry

    def ask(self, entry: Entry, told: str, doubts: Iterator[str]) -> None:
        """Take the entry, and show its doubts unless just this was confirmed."""
        self.entry = entry
        if self.cleaned_data["sure"] != told:
            self.doubts = tuple(doubts)
        if self.doubts:
            self.data = {**dict(self.data.items()), "sure": told}


class EntryForm(Doubted):
    """Whom to let in or keep out."""

    side = Chosen(choices=SIDES.items(), label="Let in or keep out?")
    kind = Chosen(choices=KINDS.items(), label="Whom, by")
    value = Typed(
        strip=False,
        label="Value",
        help_text="user@example.org, example.org, 192.0.2.7 or 192.0.2.0/24",
    )

    field_order = ["side", "kind", "value", "note", "expires", "sure"]

    def __init__(
        self, guard: Guard, data: Any = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"side": Side.DENY, **(initial or {})})
        self.guard = guard

    def clean(self) -> None:
        """Side, kind and value together make an entry."""
        given = self.cleaned_data
        if not {"side", "kind", "value"} <= given.keys():
            return
        try:
            entry = self.guard.read(given["side"], given["kind"], given["value"])
            moved = list(moves(entry))
        except BadValue as cause:
            self.add_error("value", f"{cause}.")
            return
        told = f"{entry.side} {entry.kind} {entry.value}"
        self.ask(entry, told, chain(doubts(entry), moved))


def moves(entry: Entry) -> Iterator[str]:
    """A sentence where the value stands on the other list.

    Raises BadValue where it stands on this one.
    """
    known = find(entry.kind, entry.value)
    if known is None:
        return
    if known.side == entry.side:
        raise BadValue(entry.value, f"is on the {known.side} list already")
    yield f"{entry.value} is on the {known.side} list now, and would leave it."


class UploadForm(forms.Form):
    """A file of entries."""

    file = forms.FileField(
        label="CSV file",
        help_text="Columns: side, kind, value, note, expires. At most 200 MB.",
        allow_empty_file=True,
    )

    def clean_file(self) -> Any:
        """Not empty, and not too large."""
        file = self.cleaned_data["file"]
        if not file.size:
            raise forms.ValidationError(f"{quoted(file.name)} is empty.")
        if file.size > LARGEST:
            raise forms.ValidationError(
                f"{quoted(file.name)} has {file.size:,} bytes, 200 MB are possible."
            )
        return file

    @property
    def helper(self) -> FormHelper:
        """How crispy draws it; the page adds the button."""
        return bare()
