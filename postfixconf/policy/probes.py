"""A probe: one SMTP envelope, who sends it, and the verdict it must get.

Every text of one reaches an SMTP conversation or a page, and may have been written
by a stranger: control characters are refused, so that no line can end early.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from postfixconf.errors import BadValue

__all__ = ["Expect", "Probe", "Verdict"]

LONGEST = 512  # characters of a HELO name, a host name or an address
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Verdict(StrEnum):
    """What Postfix answered: 2xx, 5xx, or 4xx."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"


class Expect(StrEnum):
    """The verdict a probe must get; `refuse` is a reject or a defer."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"
    REFUSE = "refuse"

    def met_by(self, verdict: Verdict) -> bool:
        """Whether a verdict is as expected."""
        if self is Expect.REFUSE:
            return verdict is not Verdict.ACCEPT
        return self.value == verdict.value


@dataclass(frozen=True)
class Probe:
    """One envelope with the identity of the client that sends it.

    `client_name` is the host name that resolves back to the address, "" for none
    (Postfix then says `unknown`); `reverse_client_name` is what the address resolves
    to, whether or not it resolves back: where it is None it is the client name. A
    `sender` of "" is the null sender. `sasl_username` is who has signed in, `service`
    a service of master.cf (`submission`, or `465/inet`), "" for port 25. Raises
    BadValue, which quotes the text.
    """

    client_address: str
    helo: str
    sender: str
    recipient: str
    client_name: str = ""
    reverse_client_name: str | None = None
    sasl_username: str = ""
    service: str = ""
    expect: Expect | None = None

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.client_address)
        except ValueError as cause:
            raise BadValue(self.client_address, "is no IP address") from cause
        for name, text in self.texts().items():
            if CONTROL.search(text):
                raise BadValue(text, f"{name} holds a control character")
            if len(text) > LONGEST:
                raise BadValue(text, f"{name} is longer than {LONGEST} characters")
        if not self.helo:
            raise BadValue(self.helo, "helo is empty")
        if not self.recipient:
            raise BadValue(self.recipient, "recipient is empty")

    @property
    def reverse(self) -> str:
        """What the address resolves to, "" for nothing."""
        if self.reverse_client_name is None:
            return self.client_name
        return self.reverse_client_name

    def texts(self) -> dict[str, str]:
        """Every text that a stranger may have written, by its name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: text for name, text in values.items() if isinstance(text, str)}

    def as_json(self) -> dict[str, str]:
        """The probe as an object of a file of probes, without what it leaves open."""
        given = {name: value for name, value in asdict(self).items() if value}
        if self.reverse_client_name is not None:
            given["reverse_client_name"] = self.reverse_client_name
        return given | {"sender": self.sender}

    @classmethod
    def from_line(cls, line: str) -> "Probe":
        """The probe of one line of a file of probes. Raises BadValue."""
        try:
            told = json.loads(line)
        except ValueError as cause:
            raise BadValue(line, f"is not JSON: {cause}") from cause
        if not isinstance(told, dict):
            raise BadValue(line, "is not a JSON object")
        return cls.from_json(told)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Probe":
        """The probe of an object. Raises BadValue."""
        known = {each.name for each in fields(cls)}
        for name, value in told.items():
            if name not in known:
                raise BadValue(name, "is nothing that a probe has")
            if value is not None and not isinstance(value, str):
                raise BadValue(str(value), f"{name} is not a text")
        given = {name: value for name, value in told.items() if value is not None}
        for name in ("client_address", "helo", "sender", "recipient"):
            if name not in given:
                raise BadValue(json.dumps(told), f"has no {name}")
        expect = given.pop("expect", None)
        if expect is not None and expect not in set(Expect):
            raise BadValue(expect, f"is none of {', '.join(Expect)}")
        return cls(**given, expect=Expect(expect) if expect else None)
