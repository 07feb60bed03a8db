"""Laws that hold for any bytes, and for any line that smtpd can write."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Check, Client, Foreign, Unknown, Verdict
from postfixconf.maillog.totals import Totals
from tests.postfixconf.maillog.lines import CLOCK, line, refusal, verdict
from tests.support.corpus import OWN, corpus
from tests.support.soak import full

law = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=full(4000),
    suppress_health_check=[HealthCheck.too_slow],
)

REAL = [
    each
    for path in corpus("logs")
    if path.suffix == ".log"
    for each in path.read_bytes().split(b"\n")[:: 1 if OWN in path.parents else 97]
]
PIECES = (
    *(b"NOQUEUE: ", b"4F1A2B3C4D: ", b"reject: ", b"reject_warning: RCPT from "),
    *(
        b"x[192.0.2.7]",
        b": 554 5.7.1 ",
        b"<",
        b">: ",
        b"; from=<",
        b"> to=<",
        b" helo=<",
    ),
    *(b"Helo command rejected: ", b"] blocked using ", b"status=sent (", b"postfix/"),
    *(
        b"message repeated 2 times: [ ",
        b"]",
        b"\n",
        b"\0",
        b"\xff",
        b"client=",
        b"smtpd[7]: ",
    ),
    *(
        b"Nov  2 08:01:02 mx ",
        b"2026-11-02T08:01:02Z mx ",
        b"Sender address rejected: ",
    ),
)
NAMES = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z]{2,5}){0,2}", fullmatch=True)
ADDRESSES = st.one_of(
    st.just(""),
    st.builds("{}@{}".format, NAMES, NAMES),
    st.builds('"{}"@{}'.format, st.text("ab <>;:=@[]", max_size=30), NAMES),
)
GREETINGS = st.text("abc.-<>;: =?[]fromtohel", min_size=1, max_size=60)
VERBS = st.sampled_from(["reject", "reject_warning"])
REASONS = st.sampled_from(
    [
        "Client host rejected: cannot find your hostname, [192.0.2.7]",
        "Service unavailable; Client host [192.0.2.7] blocked using x.example; why",
        "<{sender}>: Sender address rejected: Domain not found",
        "<{recipient}>: Recipient address rejected: Greylisted, see http://x",
        "<{recipient}>: Relay access denied",
        "<mx.example[192.0.2.7]>: Client host rejected: Access denied",
    ]
)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A real line with something cut out and something put in."""
    text = draw(st.sampled_from(REAL))
    first, second = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    middle = b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=4)))
    return text[:first] + middle + text[second:]


ANY = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=24).map(b"".join),
    mutilated(),
)


def test_fixtures_without_heads_are_read_under_any_program() -> None:
    rows = [
        each.partition(b"\t")
        for path in corpus("logs-headerless")
        if path.suffix == ".tsv"
        for each in path.read_bytes().split(b"\n")
    ]
    for program, _, message in rows:
        name = program.decode() if b"/" in program else "postfix/smtpd"
        seen = read(line("", name) + message, CLOCK)
        assert not isinstance(seen.record, Foreign)


@law
@given(text=ANY)
def test_no_bytes_make_it_raise(text: bytes) -> None:
    attempts = Attempts()
    for each in (text, line("") + text):
        seen = read(each, CLOCK)
        attempts.feed(seen)
        if isinstance(seen.record, Verdict | Check):
            assert attribute(seen.record).key
    attempts.flush()


@law
@given(lines=st.lists(ANY.map(lambda text: text.replace(b"\n", b" ")), max_size=6))
def test_blocks_count_what_lines_say(lines: list[bytes]) -> None:
    totals = Totals()
    totals.feed(b"\n".join(lines) + b"\n")
    seen = [read(each, CLOCK) for each in lines]
    unknown = sum(s.times for s in seen if isinstance(s.record, Unknown))
    result = totals.result()
    assert (result["lines"], result["unknown"]) == (max(1, len(lines)), unknown)
    verdicts = [
        s.record.verb
        for s in seen
        for _ in range(s.times)
        if isinstance(s.record, Verdict)
    ]
    everything = result["controls"] | totals.details()["others"]
    for verb in ("reject", "reject_warning"):
        expected = verdicts.count(verb)
        assert sum(counts[verb] for counts in everything.values()) == expected


@law
@given(VERBS, REASONS, ADDRESSES, NAMES, NAMES, GREETINGS)
def test_a_written_line_is_read_back(
    verb: str, reason: str, sender: str, name: str, user: str, helo: str
) -> None:
    recipient = f"{user}@practice.test"
    text = reason.format(sender=sender, recipient=recipient)
    said = refusal(
        f"554 5.7.1 {text}" if "Domain" not in text else f"450 4.1.8 {text}",
        verb=verb,
        client=f"{name}[2001:db8::1]",
        sender=sender,
        recipient=recipient,
        helo=helo,
    )
    seen = verdict(said)
    assert (seen.verb, seen.client) == (verb, Client(name, "2001:db8::1"))
    assert (seen.sender, seen.recipient, seen.helo) == (sender, recipient, helo)
    assert seen.text == text
    assert not re.match("<", seen.reason)
