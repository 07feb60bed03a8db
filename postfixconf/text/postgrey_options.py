"""postgrey's options file, edited without touching what was not asked for.

Debian's is `/etc/default/postgrey`, Red Hat's and ClearOS's `/etc/sysconfig/postgrey`:
assignments of shell variables, whose words the service gets as its arguments. A
`Convention` says which variables; `postgrey(8)` says what the words mean.

What this does not handle, and refuses with a sentence: commands, variables inside the
variables that matter (`$OTHER`), quotes inside their values, options that postgrey does
not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from postfixconf.errors import BadValue
from postfixconf.text.shell import Assignment, ShellFile

__all__ = ["DEBIAN", "RED_HAT", "Convention", "Options", "convention_of"]


@dataclass(frozen=True)
class Convention:
    """Which variables of its options file an installation hands to postgrey.

    `holds` are those with words, in the order they are given; a new word goes into
    `adds`. `text` is the one with the text of the refusal, None where none is handed
    on. `listens` is where postgrey listens if no word says so, as an option. `lists`
    are the packaged lists that it reads unless others are named, by the option that
    names them; one that ends in `.local` beside each is read too.
    """

    holds: tuple[str, ...]
    adds: str
    text: str | None
    listens: str
    lists: Mapping[str, str]


DEBIAN = Convention(
    ("POSTGREY_OPTS",),
    "POSTGREY_OPTS",
    "POSTGREY_TEXT",
    "",
    {
        "whitelist-clients": "/etc/postgrey/whitelist_clients",
        "whitelist-recipients": "/etc/postgrey/whitelist_recipients",
    },
)
# EPEL's unit names the first five; ClearOS's older script OPTIONS.
RED_HAT = Convention(
    (
        *("OPTIONS", "POSTGREY_TYPE", "POSTGREY_PID", "POSTGREY_GROUP"),
        *("POSTGREY_USER", "POSTGREY_DELAY", "POSTGREY_OPTS"),
    ),
    "POSTGREY_OPTS",
    None,
    "--unix=/var/spool/postfix/postgrey/socket",
    {
        "whitelist-clients": "/etc/postfix/postgrey_whitelist_clients",
        "whitelist-recipients": "/etc/postfix/postgrey_whitelist_recipients",
    },
)

SYSCONFIG = "/sysconfig/"  # where Red Hat keeps such files


def convention_of(path: str) -> Convention:
    """The convention of the options file at `path`."""
    return RED_HAT if SYSCONFIG in path else DEBIAN


FLAG, VALUE, PERHAPS = "flag", "value", "perhaps"
SHORT = {"u": "unix", "i": "inet", "d": "daemonize", "v": "verbose", "q": "quiet"}
SAME = {"facility": "syslog-facility", "syslogfacility": "syslog-facility"}
KNOWN = {
    **dict.fromkeys(("daemonize", "verbose", "quiet", "privacy", "exim"), FLAG),
    **dict.fromkeys(("lookup-by-subnet", "lookup-by-host"), FLAG),
    **dict.fromkeys(("unix", "inet", "socketmode", "user", "group"), VALUE),
    **dict.fromkeys(("dbdir", "pidfile", "delay", "max-age", "ipv4cidr"), VALUE),
    **dict.fromkeys(("ipv6cidr", "whitelist-clients"), VALUE),
    **dict.fromkeys(("whitelist-recipients", "syslog-facility"), VALUE),
    **dict.fromkeys(("retry-window", "greylist-action", "greylist-text"), VALUE),
    **dict.fromkeys(("hostname", "listen-queue-size", "x-greylist-header"), VALUE),
    "auto-whitelist-clients": PERHAPS,
}
UNQUOTED = set("\"'\\$`\n\r\0")


class Word(NamedTuple):
    """One option: its name, value, and the words of a variable that hold it."""

    variable: str
    name: str
    value: str
    first: int
    last: int


@dataclass(frozen=True)
class Options:
    """An options file of postgrey's.

    >>> Options.parse('POSTGREY_OPTS="--inet=10023"\\n').get("inet")
    '10023'

    Editing returns a new one. Every method that takes a value raises BadValue for one
    that cannot stand there.
    """

    file: ShellFile
    convention: Convention

    @classmethod
    def parse(
        cls, text: str, convention: Convention = DEBIAN, name: str = "postgrey"
    ) -> "Options":
        """The options in a file's text.

        Raises BadFile, which quotes the line, for what cannot be understood.
        """
        made = cls(ShellFile.parse(text, name), convention)
        list(made.options())
        if convention.text is not None and (said := made._of(convention.text)):
            made.file.readable(said)
        return made

    def render(self) -> str:
        """The file's text."""
        return self.file.text

    def options(self) -> Iterator[Word]:
        """Every option in the order that postgrey reads them."""
        for variable in self.convention.holds:
            found = self._of(variable)
            if found is not None:
                yield from self._words(found)

    def get(self, name: str) -> str | None:
        """The value of an option, "" for one without; None where it is not given."""
        values = self.all(name)
        return values[-1] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """The values of an option that may be given several times."""
        return tuple(each.value for each in self.options() if each.name == name)

    @property
    def text(self) -> str | None:
        """The text of the refusal; None where the installation's own is used."""
        found = self.convention.text and self._of(self.convention.text)
        return (found.value or None) if found else self.get("greylist-text")

    def arguments(self) -> tuple[str, ...]:
        """All words for postgrey, as its start script would give them."""
        words = [w for v in self.convention.holds for w in self._split(v)]
        named = self.get("inet") or self.get("unix")
        words += [self.convention.listens] if not named else []
        text = self.text if self.convention.text else None
        words += [f"--greylist-text={text}"] if text else []
        return tuple(word for word in words if word)

    def with_value(self, name: str, value: str) -> "Options":
        """The same with an option given this value: where it stands, or at the end."""
        check(name, value)
        found = [each for each in self.options() if each.name == name]
        word = f"--{name}={value}" if value or KNOWN[name] == VALUE else f"--{name}"
        if not found:
            return self._added(word)
        if found[-1].value == value:
            return self
        last = found[-1]
        spelled = self._split(last.variable)[last.first]
        apart = last.last > last.first
        new = [spelled, value] if apart else [f"{spelled.partition('=')[0]}={value}"]
        return self._spliced(last, new)

    def without(self, name: str) -> "Options":
        """The same with an option not given."""
        made = self
        while found := [each for each in made.options() if each.name == name]:
            made = made._spliced(found[-1], [])
        return made

    def with_list(self, name: str, path: str) -> "Options":
        """The same with one more list of this option's read.

        The first that is named drops the installation's own two: those are named too.
        """
        check(name, path)
        made, known = self, self.all(name)
        if path in known:
            return self
        packaged = self.convention.lists[name]
        for each in (*(() if known else (packaged, f"{packaged}.local")), path):
            made = made._added(f"--{name}={each}")
        return made

    def with_text(self, text: str | None) -> "Options":
        """The same with this text of the refusal; with None, the installation's own.

        Raises BadValue where this installation hands no text on.
        """
        variable = self.convention.text
        if variable is None:
            raise BadValue(text or "", "this installation of postgrey takes no text")
        if text is None:
            return Options(self.file.remove(variable), self.convention)
        if bad := UNQUOTED & set(text):
            raise BadValue(text, f"may not hold {min(bad)!r}")
        return Options(self.file.set(variable, text), self.convention)

    def _of(self, variable: str) -> Assignment | None:
        return self.file.last(variable)

    def _split(self, variable: str) -> list[str]:
        """The words of a variable."""
        found = self._of(variable)
        return found.value.split() if found else []

    def _words(self, found: Assignment) -> Iterator[Word]:
        """The options in one variable. Raises BadFile."""
        self.file.readable(found)
        words, at = found.value.split(), 0
        if odd := next((each for each in words if set("\"'\\") & set(each)), None):
            raise self.file.bad(found, f"quotes inside a value, in {odd}")
        while at < len(words):
            name, equals, value = option(words[at])
            kind = KNOWN.get(name)
            if kind is None or (kind == FLAG and equals):
                raise self.file.bad(found, f"postgrey has no option {words[at]}")
            first, rest = at, words[at + 1 : at + 2]
            follows = kind == VALUE or (kind == PERHAPS and rest[:1] and is_value(rest))
            if not equals and follows:
                if not rest:
                    raise self.file.bad(found, f"{words[at]} needs a value")
                at, value = at + 1, rest[0]
            yield Word(found.name, name, value, first, at)
            at += 1

    def _added(self, word: str) -> "Options":
        """With one more word at the end of the variable for new ones."""
        where = self.convention.adds
        known = [each for each in self.convention.holds if self._of(each)]
        if where not in known and known == ["OPTIONS"]:
            where = "OPTIONS"
        return Options(self.file.with_word(where, word), self.convention)

    def _spliced(self, word: Word, new: list[str]) -> "Options":
        made = self.file.splice(word.variable, word.first, word.last, new)
        return Options(made, self.convention)


def option(word: str) -> tuple[str, str, str]:
    """A word as (name, "=", value); the name is "" where it is no option."""
    if not word.startswith("-"):
        return "", "", ""
    name, equals, value = word.lstrip("-").partition("=")
    name = SHORT.get(name, name)
    return SAME.get(name, name), equals, value


def is_value(words: Sequence[str]) -> bool:
    """Whether the next word is a value and no option."""
    return not words[0].startswith("-")


def check(name: str, value: str) -> None:
    """Raises BadValue for a value that cannot stand as one word."""
    if name not in KNOWN:
        raise BadValue(name, "postgrey has no such option")
    if UNQUOTED & set(value) or len(value.split()) > 1 or value != value.strip():
        raise BadValue(value, f"cannot stand as the value of --{name}")
