"""The forms of the page Blocklists. A key that was typed is never drawn again."""

import re
from typing import Any

from django import forms

from mailguard.forms import Typed, judged
from mailguard.protection.domain_forms import ValueForm
from postfixconf.policy.codes import read_codes
from postfixconf.policy.listing import DOMAINS, Asked
from postfixconf.policy.own_lists import new_zone, read_key, read_name

__all__ = ["ASKS", "KeyForm", "ListForm"]

# What a list can be asked about, in the words of the page.
ASKS: dict[str, tuple[str, tuple[Asked, ...]]] = {
    "dnsbl": ("Addresses of mail servers", (Asked.CLIENT,)),
    "rhsbl": ("Domains: of senders, greetings and reverse names", DOMAINS),
    "rhsbl_sender": ("Domains of senders only", (Asked.SENDER,)),
    "rhsbl_helo": ("Domains of greetings (HELO) only", (Asked.HELO,)),
    "rhsbl_reverse": ("Domains of reverse names only", (Asked.REVERSE,)),
    "dnswl": ("Addresses to let past the blocklists (an allow list)", (Asked.ALLOW,)),
}


class Hidden(forms.PasswordInput):
    """A key is typed unseen; browsers are asked not to keep it."""

    def __init__(self) -> None:
        hints = {"autocomplete": "off", "spellcheck": "false", "data-1p-ignore": ""}
        super().__init__(attrs=hints, render_value=False)


class ListForm(ValueForm):
    """One more list."""

    zone = Typed(
        strip=False,
        help_text="The domain that is asked, such as bl.example.org, without a key.",
    )
    asks = forms.ChoiceField(
        label="What it lists",
        choices=[(word, title) for word, (title, _) in ASKS.items()],
    )
    codes = Typed(
        strip=False,
        error_messages={
            "required": "A list needs return codes: without, an error of "
            "the list refuses everybody."
        },
        label="Answers that are a listing",
        help_text="As its owner says: 127.0.0.2, or 127.0.0.[2..11]. Without them an "
        "error of the list would refuse everybody.",
    )
    name = Typed(
        strip=False,
        required=False,
        label="Name",
        help_text="What it is called here. Empty: its zone.",
    )
    key = Typed(
        strip=False,
        required=False,
        widget=Hidden,
        help_text="Only where its owner gave you one, which stands before the zone.",
    )

    def clean_zone(self) -> str:
        """In its one spelling."""
        return judged(new_zone, self.cleaned_data["zone"])

    def clean_codes(self) -> str:
        """As Postfix reads them."""
        return judged(read_codes, self.cleaned_data["codes"].strip())

    def clean_name(self) -> str:
        """One short line."""
        return judged(read_name, self.cleaned_data["name"])

    def clean_key(self) -> str:
        """As it was typed, once it can be one."""
        key = str(self.cleaned_data["key"])
        if key:
            judged(lambda text: read_key(text, self.data.get("zone", "")), key)
        return key

    @property
    def asked(self) -> tuple[Asked, ...]:
        """What a valid form says that it is asked about."""
        return ASKS[self.cleaned_data["asks"]][1]


class KeyForm(ValueForm):
    """A key. One that stands already is named by who typed it, and when."""

    key = Typed(strip=False, widget=Hidden, label="Key")

    def __init__(self, name: str, data: Any = None) -> None:
        super().__init__(data)
        self.name = name
        # Whatever was sent as a name: a % would be taken for a place to fill in.
        self.auto_id = f"id_key_{re.sub('[^a-z0-9]', '-', name)}_%s"

    def clean_key(self) -> str:
        """As it was typed, once it can be one."""
        key = str(self.cleaned_data["key"])
        judged(lambda text: read_key(text, self.name), key)
        return key
