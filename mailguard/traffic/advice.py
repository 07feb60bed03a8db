"""What the figures of a control say to do. Advice only: nothing acts on it."""

from dataclasses import dataclass
from enum import StrEnum

from postfixconf.policy.control import Mode

__all__ = ["Advice", "Seen", "Word", "advice"]

# Enough to judge by: a week that had some mail, or many messages sooner.
ENOUGH_DAYS = 7
SOME = 20
MANY = 1000
ROSE = 3  # times the week before
FEW = 10  # below that, a rise is chance


class Word(StrEnum):
    """What to do: nothing, wait, look at some mail, or turn it on."""

    NOTHING = "nothing"
    WAIT = "wait"
    LOOK = "look"
    READY = "ready"


@dataclass(frozen=True)
class Seen:
    """What was seen since the control is in its present mode.

    `messages` are all attempts, `days` whole days with mail behind them. `hits` are
    different (client network, sender, recipient) a day over seven days, `usual` those
    whose sender is otherwise accepted, `before` the hits of the week before.
    """

    messages: int
    days: int
    hits: int = 0
    usual: int = 0
    before: int = 0


@dataclass(frozen=True)
class Advice:
    """A word, its sentence, and what made it."""

    word: Word
    sentence: str = ""
    reasons: tuple[str, ...] = ()


def advice(
    seen: Seen, mode: Mode, *, waits: bool = False, recommended: bool = True
) -> Advice:
    """Whether a control in `mode` is ready to be turned on, or needs a look.

    Mail of usual senders is worth a look however little was seen. Not so where the
    control only has people wait (`waits`): there everybody does once, and what counts
    is that most were met while it only learned, which takes days, not messages. What
    is not recommended is never ready: next month's mail is another.
    """
    if mode is Mode.OFF:
        return Advice(Word.NOTHING)
    if waits:
        return _of_waiting(seen, mode)
    usual = [f"{seen.usual:,} from senders you usually accept"] if seen.usual else []
    if mode is Mode.ON:  # a wave of spam is what it is there for
        word = Word.LOOK if usual else Word.NOTHING
        return Advice(word, "Look at these" if usual else "", tuple(usual))
    if reasons := (*usual, *_rise(seen)):
        return Advice(Word.LOOK, "Look at these first", reasons)
    if seen.messages >= MANY or (seen.days >= ENOUGH_DAYS and seen.messages >= SOME):
        if not recommended:
            return Advice(Word.WAIT, "Leave it in test: it is not recommended")
        return Advice(Word.READY, "Ready to turn on")
    return Advice(Word.WAIT, f"Not enough traffic yet: {_amount(seen)}")


def _of_waiting(seen: Seen, mode: Mode) -> Advice:
    if mode is Mode.ON:
        return Advice(Word.NOTHING)
    if seen.days >= ENOUGH_DAYS and seen.messages >= SOME:
        return Advice(Word.READY, "Ready to turn on")
    return Advice(Word.WAIT, f"Still learning: {_amount(seen)}")


def _rise(seen: Seen) -> tuple[str, ...]:
    if seen.before and seen.hits >= max(FEW, ROSE * seen.before):
        return (f"{seen.hits:,} this week, {seen.before:,} the week before",)
    return ()


def _amount(seen: Seen) -> str:
    days = f"{seen.days} day{'' if seen.days == 1 else 's'}"
    messages = f"{seen.messages:,} message{'' if seen.messages == 1 else 's'}"
    return f"{messages} in {days if seen.days else 'less than a day'}"
