"""Suggestions in plain words, as a page shows them."""

from dataclasses import dataclass

from postfixconf.maillog.suggestions import Kind, Sign, Suggestion

__all__ = ["Shown", "shown"]

TITLES = {
    Kind.POOL: "sends from a pool of servers",
    Kind.NEVER_PASSED: "gives up before it may pass",
    Kind.EARLY_RETRY: "comes back too early",
}
SIGNS = {
    Sign.NAMED: "its servers have names that lead back to them",
    Sign.KIN: "its servers belong together, or to the sender they name",
    Sign.PATIENT: "it leaves a minute or more between its tries",
    Sign.RECIPIENTS: "it writes to several of your people",
    Sign.MESSAGES: "it came back with more than one message",
}
AGAINST = {
    Sign.NAMED: "its address has no name, so nobody vouches for it",
    Sign.KIN: "its servers belong to somebody else than the senders they name",
    Sign.PATIENT: "it hardly waits between its tries",
}


@dataclass(frozen=True)
class Shown:
    """One suggestion as it stands on a page."""

    who: str
    title: str
    happened: str
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    lines: tuple[str, ...]
    senders: tuple[str, ...]
    hosts: tuple[str, ...]


def shown(suggestion: Suggestion) -> Shown:
    """A suggestion in words."""
    signs = suggestion.signs
    return Shown(
        suggestion.who,
        TITLES[suggestion.kind],
        happened(suggestion),
        tuple(words for sign, words in SIGNS.items() if sign in signs),
        tuple(words for sign, words in AGAINST.items() if sign not in signs),
        suggestion.lines,
        suggestion.senders,
        suggestion.hosts,
    )


def happened(suggestion: Suggestion) -> str:
    """What was seen, in figures."""
    seen = suggestion.evidence
    people = counted(seen.recipients, "person", "people")
    mail = f"{counted(seen.messages, 'message')} to {people}"
    wait = duration(seen.waited)
    if suggestion.kind is Kind.POOL:
        return (
            f"{mail} came from {counted(seen.networks, 'network')}, and each network"
            f" had to wait anew: {counted(seen.tries, 'try', 'tries')}, up to {wait}"
            " for one message."
        )
    early = f"{seen.early:,} of {counted(seen.tries, 'try', 'tries')}"
    if suggestion.kind is Kind.NEVER_PASSED:
        return (
            f"{mail} tried again, {seen.lost:,} of them in vain: {early} came before"
            f" the delay was over, the last one after {wait} at most."
        )
    return (
        f"{mail} tried again, and {early} came before the delay was over. All of it"
        f" got in, after {wait} at most."
    )


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its word."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: int) -> str:
    """A time that somebody waited, in its largest units."""
    minutes = max(round(seconds / 60), 1)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return counted(minutes, "minute")
    return counted(hours, "hour") + (f" {rest} min" if rest and hours < 10 else "")
