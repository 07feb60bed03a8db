"""When a control is ready to be turned on, and when somebody has to look first."""

import pytest

from mailguard.traffic.advice import Seen, Word, advice
from postfixconf.policy.control import Mode

TABLE = [
    # messages, days, hits, usual, before, mode, word
    (0, 0, 0, 0, 0, Mode.TEST, Word.WAIT),
    (999, 6, 30, 0, 0, Mode.TEST, Word.WAIT),
    (19, 30, 0, 0, 0, Mode.TEST, Word.WAIT),
    (1000, 0, 30, 0, 0, Mode.TEST, Word.READY),
    (20, 7, 0, 0, 0, Mode.TEST, Word.READY),
    (5000, 9, 30, 0, 30, Mode.TEST, Word.READY),
    (5000, 9, 30, 1, 30, Mode.TEST, Word.LOOK),
    (3, 0, 1, 1, 0, Mode.TEST, Word.LOOK),
    (5000, 9, 30, 0, 10, Mode.TEST, Word.LOOK),
    (5000, 9, 9, 0, 1, Mode.TEST, Word.READY),
    (5000, 9, 30, 0, 10, Mode.ON, Word.NOTHING),
    (5000, 9, 30, 2, 30, Mode.ON, Word.LOOK),
    (5000, 9, 30, 2, 30, Mode.OFF, Word.NOTHING),
]


@pytest.mark.parametrize("case", TABLE)
def test_advice_follows_from_what_was_seen(
    case: tuple[int, int, int, int, int, Mode, Word],
) -> None:
    *figures, mode, word = case
    assert advice(Seen(*figures), mode).word is word


def test_what_is_not_recommended_is_never_ready() -> None:
    given = advice(Seen(messages=5000, days=9), Mode.TEST, recommended=False)
    assert given.word is Word.WAIT
    assert given.sentence == "Leave it in test: it is not recommended"


def test_advice_to_wait_says_how_much_was_seen() -> None:
    said = advice(Seen(messages=1, days=1), Mode.TEST).sentence
    assert said == "Not enough traffic yet: 1 message in 1 day"


def test_who_waits_once_is_no_reason_to_look() -> None:
    seen = Seen(messages=5000, days=9, hits=1200, usual=800, before=10)
    assert advice(seen, Mode.TEST, waits=True).word is Word.READY
    assert advice(seen, Mode.ON, waits=True).word is Word.NOTHING
    young = Seen(messages=5000, days=2, hits=1200)
    assert advice(young, Mode.TEST, waits=True).word is Word.WAIT


def test_advice_to_look_says_why() -> None:
    seen = Seen(messages=5000, days=9, hits=1200, usual=2, before=100)
    assert advice(seen, Mode.TEST).reasons == (
        "2 from senders you usually accept",
        "1,200 this week, 100 the week before",
    )
