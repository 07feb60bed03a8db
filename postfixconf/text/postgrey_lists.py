"""postgrey's whitelists, read as postgrey 1.37 reads them.

    document = parse(text, Which.CLIENTS)
    [line.text for line in document.lines if line.form]      # what postgrey compares
    [line.fault for line in document.lines if line.fault]    # what is wrong, and why
    document.render() == text

One line is one entry, without what follows a `#`. postgrey checks nothing itself: what
is no entry is passed over in silence, or compared as a name that nobody has, and one
regular expression that Perl cannot compile kills the daemon. So each line gets a fault
where it does not mean what it seems to; a fault is `grave` where the line kills
postgrey, or lets in everybody.

Whether Perl compiles a regular expression, and what that matches, is asked of Perl
(`postfixconf.host.perl`): not here.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from postfixconf.errors import BadValue
from postfixconf.text.postgrey_samples import CLIENTS, RECIPIENTS

__all__ = [
    "SAMPLES",
    "Document",
    "Form",
    "Line",
    "Which",
    "covers",
    "form_of",
    "parse",
    "read_entry",
]

# Perl's \s and \d of a line that is read as bytes.
SPACE = " \t\n\r\f\v"
FOUR = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?", re.ASCII)
THREE = re.compile(r"\d{1,3}(?:\.\d{1,3}){2}", re.ASCII)
TWO = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
REGEX = re.compile(rf"/[^{SPACE}]+/")
WORD = re.compile(rf"[^{SPACE}]+")
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
LOCAL = re.compile(r"[A-Za-z0-9!%&'*+/=?^_~.-]{1,64}")
OCTAL = re.compile(r"(?:^|\.)0\d")
OCTAL_ZEROS = re.compile(r"((?:^|\.))0+(?=\d)")
WIDEST = {4: 8, 6: 16}  # prefix lengths: a wider network is many owners'
LONGEST = 253  # characters of a name
LONGEST_REGEX = 300
EVERYTHING = frozenset({".", "*", "*.*", "/", "%", "@", "*@*", "@*"})
NAMELESS = "unknown"  # what Postfix calls every client without a name


class Which(StrEnum):
    """Which of the two lists."""

    CLIENTS = "clients"
    RECIPIENTS = "recipients"


class Form(StrEnum):
    """As what postgrey compares an entry, in plain words."""

    HOST = "host name and everything below"
    ADDRESS = "address"
    NETWORK = "network"
    REGEX = "regular expression"
    MAILBOX = "recipient address"
    LOCAL = "recipient at every domain"
    DOMAIN = "recipient domain and everything below"


# What no single entry may match two owners of: (owner, name or recipient).
SAMPLES = {Which.CLIENTS: CLIENTS, Which.RECIPIENTS: RECIPIENTS}


@dataclass(frozen=True)
class Line:
    """One line: `raw` with its end, and `text` as postgrey compares it.

    `form` is None for what postgrey passes over: a comment, an empty line, or what it
    cannot read, which has a `fault`.
    """

    number: int
    raw: str
    text: str
    form: Form | None = None
    fault: str = ""
    grave: bool = False

    @property
    def sentence(self) -> str:
        """The fault with its place, quoting the line."""
        return f"Line {self.number}: {BadValue(self.text, self.fault)}."


@dataclass(frozen=True)
class Document:
    """A whole list, every byte kept."""

    which: Which
    lines: tuple[Line, ...]

    def render(self) -> str:
        """Exactly the text it was parsed from."""
        return "".join(line.raw for line in self.lines)

    @property
    def entries(self) -> tuple[Line, ...]:
        """The lines that are meant as an entry, good or not."""
        return tuple(line for line in self.lines if line.text)

    @property
    def values(self) -> frozenset[str]:
        """What postgrey compares."""
        return frozenset(line.text for line in self.lines if line.form)


def parse(text: str, which: Which) -> Document:
    """Read a list; anything is read, and what is wrong has a fault."""
    pieces = text.split("\n")
    raws = [f"{piece}\n" for piece in pieces[:-1]] + [pieces[-1]] * bool(pieces[-1])
    return Document(
        which, tuple(_line(number, raw, which) for number, raw in enumerate(raws, 1))
    )


def read_entry(which: Which, text: str) -> str:
    """One entry as it is stored and written. Raises BadValue, which quotes the text.

    A name or address in small letters; of a regular expression, which Perl has yet to
    compile, every character. An address with bits beyond its prefix is its network.
    """
    value = text.strip()
    if not value:
        raise BadValue(text, "empty")
    if not value.isascii() or not value.isprintable():
        raise BadValue(text, "holds characters that are not plain ASCII")
    line = _line(1, value, which)
    if line.text != value:
        raise BadValue(text, "a # begins a comment there: what follows it is lost")
    if line.fault or line.form is None:
        raise BadValue(text, line.fault or "no entry of such a list")
    if line.form is Form.REGEX:
        if len(value) > LONGEST_REGEX:
            raise BadValue(text, f"longer than {LONGEST_REGEX} characters")
        return value
    if line.form in (Form.ADDRESS, Form.NETWORK):
        network = _network(value)
        one = network.prefixlen == network.max_prefixlen
        return str(network.network_address if one else network)
    return value.lower()


def covers(which: Which, value: str, name: str, address: str = "") -> bool:
    """Whether an entry is met by a client's name or address, or by a recipient.

    False for a regular expression: only Perl knows. `value` is as `read_entry` gives
    it, `name` a recipient's address in the list of recipients.
    """
    form, value, name = _line(1, value, which).form, value.lower(), name.lower()
    match form:
        case Form.HOST:
            return name == value or name.endswith(f".{value}")
        case Form.ADDRESS | Form.NETWORK:
            try:
                return ipaddress.ip_address(address) in _network(value)
            except ValueError:
                return False
        case Form.DOMAIN:
            return name.endswith((f"@{value}", f".{value}"))
        case Form.MAILBOX | Form.LOCAL:
            local, _, domain = value.partition("@")
            user, _, at = name.rpartition("@")
            return user.partition("+")[0] == local and domain in ("", at)
    return False


def form_of(which: Which, value: str) -> Form | None:
    """As what postgrey compares an entry; None for what it passes over."""
    return _line(1, value, which).form


def _line(number: int, raw: str, which: Which) -> Line:
    text = raw.rstrip("\n").partition("#")[0].strip(SPACE)
    if not text:
        return Line(number, raw, "")
    read = _client if which is Which.CLIENTS else _recipient
    form, fault, grave = read(text)
    return Line(number, raw, text, form, fault, grave)


Read = tuple[Form | None, str, bool]


def _client(text: str) -> Read:
    """How a line of the list of clients is read, in the order postgrey tries."""
    if REGEX.fullmatch(text):
        return Form.REGEX, "", False
    if FOUR.fullmatch(text) or THREE.fullmatch(text):
        return _address(text)
    if TWO.fullmatch(text):
        told = (
            f"postgrey reads two numbers as {text}.0.0/24, not as /16: write "
            f"{text}.0.0/16"
        )
        return Form.NETWORK, told, True
    if text.count(":") >= 2:
        return _address(text)
    if not WORD.fullmatch(text):
        return None, "neither a host name, an address nor a regular expression", False
    return Form.HOST, *_name(text, Form.HOST)


def _recipient(text: str) -> Read:
    """How a line of the list of recipients is read."""
    if REGEX.fullmatch(text):
        return Form.REGEX, "", False
    if not WORD.fullmatch(text):
        return None, "neither an address, a domain nor a regular expression", False
    user, at, domain = text.partition("@")
    if text in EVERYTHING:
        return Form.DOMAIN, "means everything, or nothing: name whom you mean", True
    if not at:
        return Form.DOMAIN, *_name(text, Form.DOMAIN)
    if not LOCAL.fullmatch(user):
        return Form.LOCAL, "what stands before the @ is not part of an address", False
    if not domain:
        return Form.LOCAL, "", False
    return Form.MAILBOX, *_name(domain, Form.MAILBOX)


def _address(text: str) -> Read:
    """An address or a network, where NetAddr::IP reads it as it seems."""
    try:
        network = _network(text)
    except ValueError:
        return None, "not an address or network, so postgrey passes it over", False
    if OCTAL.search(text) and ":" not in text:
        return Form.NETWORK, "a number that begins with 0 is read as octal", True
    if network.prefixlen < WIDEST[network.version]:
        size = f"{network.num_addresses:,}" if network.version == 4 else "countless"
        return Form.NETWORK, f"holds {size} addresses, of many owners", True
    one = network.prefixlen == network.max_prefixlen
    return (Form.ADDRESS if one else Form.NETWORK), "", False


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network that a line names. Raises ValueError."""
    if "%" in text:
        raise ValueError("an address of one link only")
    if THREE.fullmatch(text):
        text = f"{text}.0/24"
    if FOUR.fullmatch(text):
        text = OCTAL_ZEROS.sub(r"\1", text)
    return ipaddress.ip_network(text, strict=False)


def _name(text: str, form: Form) -> tuple[str, bool]:
    """What is wrong with a name: a fault, and whether it is grave."""
    if text in EVERYTHING:
        return "means everything, or nothing: name whom you mean", True
    if text.startswith("/") or (text.endswith("/") and form is Form.HOST):
        told = "a regular expression stands between two /, without spaces and #"
        return told, False
    if text.startswith("."):
        told = f"matches nothing with a dot in front: write {text.lstrip('.')}"
        return told, False
    bare = text.rstrip(".")
    if len(text) > LONGEST or not all(LABEL.fullmatch(x) for x in bare.split(".")):
        return "not a host or domain name", False
    if form is Form.HOST and bare.lower() == NAMELESS:
        return "is what Postfix calls every client without a name", True
    if bare != text:
        return f"matches nothing with a dot at the end: write {bare}", False
    if form is not Form.MAILBOX and "." not in text and text.lower() != "localhost":
        return "a whole top-level domain, or no full name", True
    if form is not Form.MAILBOX and _shared(text, form):
        return "everybody can register a name below it: it is not one owner's", True
    return "", False


def _shared(text: str, form: Form) -> bool:
    """Whether names of two owners end in it."""
    which = Which.CLIENTS if form is Form.HOST else Which.RECIPIENTS
    end = text.lower()
    owners = {
        owner for owner, name in SAMPLES[which] if name.endswith((f".{end}", f"@{end}"))
    }
    return len(owners) > 1
