"""What can go wrong in the library, drawn once.

PostfixconfError
├── BadValue          a name or value that may not enter a configuration
│   └── BadPolicy         a wanted state that names something unknown
├── BadFile           a file Postfix itself would not read, with its line
├── Locked            another apply holds the configuration directory
└── HostError         the machine refused
    ├── CommandFailed     a command ended badly or took too long
    ├── FileFailed        a file could not be read or written
    ├── NotFetched        something that was asked for over HTTPS did not come whole
    ├── HandEdited        a file holds what neither we nor the old state put there
    ├── Refusal           a reason not to begin an apply
    └── Unproven          the live server does not work after a change, or relays

An expected outcome of an apply is a value (`postfixconf.host.apply`), never
one of these.
"""

from postfixconf.masking import masked

__all__ = [
    "BadFile",
    "BadPolicy",
    "BadValue",
    "CommandFailed",
    "FileFailed",
    "HandEdited",
    "HostError",
    "Locked",
    "NotFetched",
    "PostfixconfError",
    "Refusal",
    "Unproven",
    "quoted",
]

LONGEST_QUOTE = 80


def quoted(text: str) -> str:
    """`text` as an error shows it: escaped, in quotes, at most 80 characters.

    What is known to be somebody's key is masked.

    >>> quoted("a\\nb")
    "'a\\\\nb'"
    """
    text = masked(text)
    if len(text) > LONGEST_QUOTE:
        return f"{text[:LONGEST_QUOTE]!r}… ({len(text)} characters)"
    return repr(text)


class PostfixconfError(Exception):
    """The root: everything the library raises on purpose."""


class BadValue(PostfixconfError):
    """A name or value that may not enter a configuration.

    `text` is the offending text as it was given; `reason` says why it was
    refused. The message quotes the text.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{quoted(text)}: {reason}")
        self.text = masked(text)
        self.reason = reason


class BadFile(PostfixconfError):
    """A file Postfix itself would not read.

    `line` counts from 1; `text` is the offending line.
    """

    def __init__(self, name: str, line: int, text: str, reason: str) -> None:
        super().__init__(f"{name}, line {line}: {reason}: {quoted(text)}")
        self.name = name
        self.line = line
        self.text = text
        self.reason = reason


class BadPolicy(BadValue):
    """A wanted state that names something unknown or impossible."""


class Locked(PostfixconfError):
    """Another apply holds the configuration directory."""


class HostError(PostfixconfError):
    """The machine refused."""


class CommandFailed(HostError):
    """A command ended badly or took too long; `said` is what it printed."""

    def __init__(self, command: str, reason: str, said: str = "") -> None:
        super().__init__(f"{command}: {reason}" + (f": {said}" if said else ""))
        self.command = command
        self.reason = reason
        self.said = said


class FileFailed(HostError):
    """A file could not be read or written."""

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(f"{path}: {cause.strerror or cause}")
        self.path = path
        self.cause = cause


class NotFetched(HostError):
    """What was asked for over HTTPS did not come, or not whole, or from elsewhere."""


class HandEdited(HostError):
    """A file holds neither the old nor the new bytes: somebody else wrote it."""


class Refusal(HostError):
    """A reason not to begin an apply."""


class Unproven(HostError):
    """The live server does not work after the change, or relays for strangers."""
