"""The recorder on a real Postfix: what it writes, and that it decides nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from postfixconf.host.apply import Applied, Refused, RolledBack
from postfixconf.host.recovery import recover
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Client, Verdict
from postfixconf.policy.recorder import RECORDER, RECORDER_TABLE
from tests.postfixconf.host.test_recover import kill_at
from tests.support.conversations import GOOD, SETTINGS, TO
from tests.support.dns import Dns
from tests.support.practice import Practice, fail_at, serving
from tests.support.waiting import eventually

ON = {RECORDER: "on"}
OUT = "victim@elsewhere.example"
RULES = (
    "permit_mynetworks, reject_unauth_destination, reject_non_fqdn_sender,"
    " reject_unknown_sender_domain, reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"
)
ENVELOPES = [
    (sender, to, src)
    for sender in ("", GOOD, "root@web1", "a@norelay.invalid")
    for to in (TO, OUT, "postmaster", "a@relay.example", f"{OUT}@practice.test")
    for src in ("127.0.0.1", "127.0.0.2", "127.0.0.10", "127.0.0.20", "127.0.0.66")
]
# What the relay list says, and what stands in the recipient list.
SERVERS = {
    "the relay list refuses": {"smtpd_recipient_restrictions": RULES},
    "the recipient list refuses": {
        "smtpd_recipient_restrictions": RULES,
        "smtpd_relay_restrictions": "",
    },
    "no recipient list": {},
}
NAMES = {
    r"it\"s.example": "unknown",
    r"a\032b.example": "unknown",
    r"$1.${0}.example": "unknown",
    r"x\;from=<boss\@practice.test>.example": "unknown",
    r"\226\128\174.example": "unknown",
    "a_b.example": "a_b.example",
    "192.0.2.1": "unknown",
    "--.example": "unknown",
    ".".join(["x" * 63] * 3 + ["y" * 61]): ".".join(["x" * 63] * 3 + ["y" * 61]),
}


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A server on which the recorder is live."""
    extra = {"smtpd_recipient_restrictions": RULES}
    with serving(settings=SETTINGS | extra) as practice:
        assert isinstance(practice.apply(ON), Applied)
        # The log is in order: once this is in it, so is what the proof led to.
        mark = practice.instance.log.mark()
        assert practice.attempt(GOOD, TO, src="127.0.0.10").ok
        eventually(lambda: "disconnect from mx.good" in practice.log(mark))
        yield practice


def said(server: Practice, mark: int) -> list[str]:
    """What the recorder wrote since the mark, once the session is over."""
    eventually(lambda: "disconnect from" in server.log(mark))
    lines = server.log(mark).splitlines()
    return [line.partition("]: ")[2] for line in lines if "mailguard reverse" in line]


def replies(server: Practice) -> list[str]:
    """What every envelope is answered."""
    found = []
    for sender, to, src in ENVELOPES:
        reply = server.attempt(sender, to, src=src)
        found.append(f"{src} <{sender}> <{to}>: {reply}")
    return found


def test_an_accepted_recipient_leaves_exactly_this_line(server: Practice) -> None:
    mark = server.instance.log.mark()
    assert server.attempt(GOOD, TO, src="127.0.0.10", helo="laptop").ok
    assert said(server, mark) == [
        "NOQUEUE: info: RCPT from mx.good.example[127.0.0.10]: "
        "mailguard reverse=mx.good.example; "
        f"from=<{GOOD}> to=<{TO}> proto=SMTP helo=<laptop>"
    ]


@pytest.mark.parametrize(
    ("src", "reverse"),
    [
        ("127.0.0.1", "localhost"),  # one of our own people
        ("127.0.0.20", "liar.example"),  # the log says unknown[127.0.0.20]
        ("127.0.0.66", "unknown"),
        ("127.0.0.77", "unknown"),
    ],
)
def test_the_reverse_name_is_the_true_one(
    server: Practice, src: str, reverse: str
) -> None:
    mark = server.instance.log.mark()
    assert server.attempt(GOOD, TO, src=src).ok
    [line] = said(server, mark)
    assert f"]: mailguard reverse={reverse}; from=" in line


@pytest.mark.parametrize(
    ("sender", "src"),
    [
        ("root@web1", "127.0.0.10"),
        ("a@norelay.invalid", "127.0.0.66"),
        ("", "127.0.0.2"),
    ],
)
def test_a_recipient_that_is_refused_behind_it_is_written_down(
    server: Practice, sender: str, src: str
) -> None:
    mark = server.instance.log.mark()
    assert not server.attempt(sender, TO, src=src).ok
    [line] = said(server, mark)
    assert f"from=<{sender}> to=<{TO}>" in line


def test_each_recipient_of_a_message_has_its_line(server: Practice) -> None:
    mark = server.instance.log.mark()
    with server.smtp(src="127.0.0.10") as client:
        client.mail(GOOD)
        for name in ("bob", "carol", "dave"):
            assert client.rcpt(f"{name}@practice.test").ok
        client.quit()
    names = [re.findall(r"to=<(\w+)@", line) for line in said(server, mark)]
    assert names == [["bob"], ["carol"], ["dave"]]


def test_a_relay_attempt_is_refused_before_it(server: Practice) -> None:
    mark = server.instance.log.mark()
    assert "Relay access denied" in server.attempt(GOOD, OUT).text
    assert said(server, mark) == []


def test_the_reader_of_the_log_knows_the_line(server: Practice) -> None:
    mark = server.instance.log.mark()
    assert server.attempt(GOOD, TO, src="127.0.0.20", helo="laptop").ok
    said(server, mark)
    lines = [x for x in server.log(mark).splitlines() if "mailguard reverse" in x]
    seen = read(lines[0].encode(), Clock(datetime.now(UTC))).record
    assert isinstance(seen, Verdict)
    assert attribute(seen).key == RECORDER
    assert (seen.verb, seen.reason) == ("info", "mailguard reverse=liar.example")
    assert (seen.client, seen.helo) == (Client("unknown", "127.0.0.20"), "laptop")


@pytest.mark.parametrize(("name", "written"), NAMES.items(), ids=range(len(NAMES)))
def test_a_hostile_reverse_name_stays_in_its_place(
    server: Practice, dns: Dns, name: str, written: str
) -> None:
    mark = server.instance.log.mark()
    with dns.answering({("30.0.0.127.in-addr.arpa", "PTR"): [name]}):
        assert server.attempt(GOOD, TO, src="127.0.0.30", helo="laptop").ok
    assert said(server, mark) == [
        f"NOQUEUE: info: RCPT from unknown[127.0.0.30]: mailguard reverse={written}; "
        f"from=<{GOOD}> to=<{TO}> proto=SMTP helo=<laptop>"
    ]


@pytest.mark.parametrize("settings", SERVERS.values(), ids=SERVERS.keys())
def test_no_verdict_changes_while_it_is_on(dns: Dns, settings: dict[str, str]) -> None:
    with serving(2526, SETTINGS | settings) as practice:
        before = replies(practice)
        assert isinstance(practice.apply(ON), Applied)
        assert replies(practice) == before
        assert any("Relay access denied" in each for each in before)
        eventually(lambda: "mailguard reverse=" in practice.log())


def test_off_restores_every_byte(practice: Practice) -> None:
    main = practice.instance.config_dir / "main.cf"
    before = main.read_bytes()
    assert isinstance(practice.apply(ON), Applied)
    assert RECORDER_TABLE.encode() in main.read_bytes()
    assert isinstance(practice.apply({RECORDER: "off"}), Applied)
    assert main.read_bytes() == before
    assert practice.works_for_strangers()


def test_one_that_stands_already_is_adopted_as_on(practice: Practice) -> None:
    assert isinstance(practice.apply(ON), Applied)
    practice.adopted = practice.observed().texts
    assert practice.plan(ON).empty
    assert isinstance(practice.apply({RECORDER: "off"}), Applied)
    assert RECORDER_TABLE not in practice.instance.main().text


def test_a_hand_edit_of_its_table_refuses_the_apply(practice: Practice) -> None:
    assert isinstance(practice.apply(ON), Applied)
    made = practice.plan({RECORDER: "off"})
    table = practice.instance.config_dir / RECORDER_TABLE
    table.write_text(edited := table.read_text() + "# by hand\n")
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert "mailguard/recorder was edited by hand" in outcome.cause
    assert table.read_text() == edited


@pytest.mark.parametrize(
    "moment",
    ["stage", "between the renames", "restart", "before the outcome is written"],
)
def test_killed_on_the_way_it_leaves_no_table(practice: Practice, moment: str) -> None:
    kill_at(moment, practice, key=RECORDER)
    recover(practice.instance, practice.checkpoints)
    assert practice.works()
    assert set(practice.files()) <= {"main.cf", "mailguard", "master.cf"}
    assert list(practice.instance.config_dir.glob("mailguard/*")) == []


def test_a_failed_probe_takes_the_table_back(practice: Practice) -> None:
    outcome = practice.apply(ON, fail_at("probe"))
    assert isinstance(outcome, RolledBack)
    assert practice.works()
    assert list((practice.instance.config_dir / "mailguard").iterdir()) == []
