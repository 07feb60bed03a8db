"""Blocks read as a whole say what their lines say one by one."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfixconf.maillog.attempt import Attempt, Key, Outcome
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.intake import Batch, Greylist, Intake
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Foreign, Greylisted, Unknown
from tests.postfixconf.maillog.lines import CLOCK, NOW, line, refusal
from tests.postfixconf.maillog.test_forged import GREETINGS, SENDERS
from tests.postfixconf.maillog.test_laws import ANY, REAL, law
from tests.postfixconf.maillog.test_totals import FULL

HELO = "504 5.5.2 <%s>: Helo command rejected: need fully-qualified hostname"
DOMAIN = "450 4.1.8 <%s>: Sender address rejected: Domain not found"
RECORDED = refusal("mailguard reverse=mail.good.example", verb="info")
ACCEPTED = line("4F1A2B3C4D: client=mx.good.example[192.0.2.7]")
QUEUED = line("4F1A2B3C4D: from=<a@b>, size=1, nrcpt=2 (queue active)", "postfix/qmgr")


def by_lines(lines: list[bytes]) -> tuple[dict[Key, Attempt], Batch]:
    """The reference: every line read and merged by itself."""
    merged, whole = Attempts(), Batch(lines=len(lines))
    known: dict[Key, Attempt] = {}
    for raw in lines:
        seen = read(raw, CLOCK)
        known |= {each.key: each for each in merged.feed(seen, raw)}
        whole.foreign += isinstance(seen.record, Foreign)
        if isinstance(seen.record, Unknown):
            whole.unknown[seen.record.kind] += seen.times
        if isinstance(seen.record, Greylisted):
            whole.greylisted += [Greylist(seen.at, seen.host, seen.record)] * seen.times
    return known | {each.key: each for each in merged.flush()}, whole


def by_blocks(blocks: list[bytes]) -> tuple[dict[Key, Attempt], Batch]:
    """The same of blocks."""
    intake, whole = Intake(CLOCK), Batch()
    known: dict[Key, Attempt] = {}
    for block in blocks:
        batch = intake.feed(block)
        known |= {each.key: each for each in batch.attempts}
        whole.lines += batch.lines
        whole.foreign += batch.foreign
        whole.unknown += batch.unknown
        whole.greylisted += batch.greylisted
    return known | {each.key: each for each in intake.flush()}, whole


def agree(lines: list[bytes], cuts: list[int]) -> None:
    """Blocks cut before the given lines say what the lines say."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(lines)}), len(lines)]
    pairs = pairwise(edges)
    blocks = [b"".join(each + b"\n" for each in lines[a:b]) for a, b in pairs]
    expected, plain = by_lines(lines)
    found, whole = by_blocks(blocks)
    assert (found, whole) == (expected, plain)
    assert [each.raw for each in found.values()] == [expected[key].raw for key in found]


@FULL
def test_a_whole_log_says_what_its_lines_say(path: Path) -> None:
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    agree(lines, [*range(0, len(lines), 331)])


@pytest.mark.parametrize("text", [HELO, DOMAIN])
def test_forged_lines_are_read_alike(text: str) -> None:
    words = [(text % each, each, "a@b.example") for each in GREETINGS]
    words += [(text % each.replace('"', ""), "pc7", each) for each in SENDERS]
    said = [refusal(what, helo=helo, sender=sender) for what, helo, sender in words]
    agree([line(each) for each in said], [3])


@law
@given(
    st.lists(ANY.map(lambda text: text.replace(b"\n", b" ")), min_size=1, max_size=9),
    st.lists(st.integers(1, 8), max_size=3),
)
def test_any_bytes_are_read_alike(lines: list[bytes], cuts: list[int]) -> None:
    agree(lines, cuts)


STORY = [
    line(RECORDED),
    line(refusal(DOMAIN % "a@b", verb="reject_warning")),
    line(refusal(HELO % "pc7")),
    ACCEPTED,
    line(RECORDED.replace("NOQUEUE", "4F1A2B3C4D").replace("bob@", "carol@")),
    line(refusal(HELO % "pc7", recipient="eve@b", queue_id="4F1A2B3C4D")),
    line("4F1A2B3C4D: message-id=<m@x>", "postfix/cleanup"),
    line("4F1A2B3C4D: message-id=<m@x>#015", "postfix/cleanup"),
    QUEUED,
    line("4F1A2B3C4D: to=<bob@practice.test>, status=sent (ok)", "postfix/smtp"),
    line("4F1A2B3C4D: to=<carol@practice.test>, status=bounced", "postfix/smtp"),
    line("4F1A2B3C4D: removed", "postfix/qmgr"),
    line("disconnect from mx.good.example[192.0.2.7]"),
    line(refusal("503 5.5.0 <DATA>: x", command="DATA", queue_id="4F1A2B3C4D")),
    line("message repeated 2 times: [ " + refusal(HELO % "pc7") + "]"),
    line(
        "action=greylist, reason=new, client_name=x, client_address=192.0.2.7, "
        "sender=a@b, recipient=c@d",
        "postgrey",
    ),
    *REAL[:5],
]


@law
@given(
    st.lists(st.sampled_from(STORY), min_size=1, max_size=16),
    st.lists(st.integers(1, 15), max_size=3),
)
def test_any_order_of_lines_is_read_alike(lines: list[bytes], cuts: list[int]) -> None:
    agree(lines, cuts)


def test_a_batch_has_each_attempt_once_and_the_last_time() -> None:
    batch = Intake(CLOCK).feed(b"\n".join([*STORY[:12], b"nonsense"]))
    assert len({each.key for each in batch.attempts}) == len(batch.attempts) == 4
    assert (batch.lines, batch.foreign) == (13, 1)
    assert batch.last == NOW.replace(day=2, hour=8, minute=1, second=2)


def test_an_accepted_recipient_is_handed_out_at_once_with_its_last_key() -> None:
    intake = Intake(CLOCK)
    [accepted] = intake.feed(b"\n".join([line(RECORDED), ACCEPTED])).attempts
    key = accepted.key
    assert accepted.outcome is Outcome.ACCEPTED
    assert key == ("mx", "postfix", "4F1A2B3C4D", "bob@practice.test")
    [delivered] = intake.feed(STORY[9]).attempts
    assert (delivered.key, delivered.reverse_name) == (key, "mail.good.example")


def test_what_settle_has_handed_out_keeps_its_key() -> None:
    intake = Intake(CLOCK)
    intake.feed(line(RECORDED))
    assert intake.settle(NOW - timedelta(days=30)) == []
    [undecided] = intake.settle(NOW)
    key = undecided.key
    assert (undecided.outcome, intake.settle(NOW)) == (Outcome.UNDECIDED, [])
    [accepted] = intake.feed(ACCEPTED).attempts
    assert (accepted.key, accepted.outcome) == (key, Outcome.ACCEPTED)


def test_texts_of_this_server_name_its_controls() -> None:
    intake = Intake(CLOCK, own_reply="5.7.1 ours", greylist_text="Come back")
    own = line(refusal("554 5.7.1 <x>: Client host rejected: 5.7.1 ours"))
    grey = line(refusal("450 4.2.0 <b>: Recipient address rejected: Come back later"))
    batch = intake.feed(own + b"\n" + grey)
    controls = [each.control for each in batch.attempts]
    assert controls == ["own_domains", "greylisting"]


def test_kept_lines_are_few_and_short() -> None:
    warning = refusal("450 4.1.8 %s x", verb="reject_warning")
    lines = [line(warning % ("z" * 3000)) for _ in range(12)]
    [attempt] = Intake(CLOCK).feed(b"\n".join([*lines, ACCEPTED])).attempts
    assert len(attempt.raw) <= 8
    assert {len(each) for each in attempt.raw} == {2000}
