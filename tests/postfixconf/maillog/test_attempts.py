"""One attempt is one RCPT, whatever number of lines it left."""

from datetime import timedelta

from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.parse import read
from tests.postfixconf.maillog.lines import CLOCK, NOW, line, refusal

HELO = "504 5.5.2 <pc7>: Helo command rejected: need fully-qualified hostname"
NAME = "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]"
DATA = (
    "503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining"
)
ACCEPTED = "4F1A2B3C4D: client=mx.good.example[192.0.2.7]"
CONNECT = "connect from mx.good.example[192.0.2.7]"
DISCONNECT = "disconnect from mx.good.example[192.0.2.7] ehlo=1 commands=1"
SENT = (
    "4F1A2B3C4D: to=<bob@practice.test>, relay=virtual, delay=1, delays=1/0/0/0, "
    "dsn=2.0.0, status=%s (said so)"
)


def warned(text: str, **how: str) -> str:
    """A warning."""
    return refusal(text, verb="reject_warning", **how)


def merged(*messages: str | bytes, attempts: Attempts | None = None) -> list[Attempt]:
    """The last state of every attempt, in the order of their beginnings."""
    known: dict[object, Attempt] = {}
    merging = attempts or Attempts()
    for each in messages:
        raw = each if isinstance(each, bytes) else line(each)
        known |= {told.key: told for told in merging.feed(read(raw, CLOCK))}
    known |= {told.key: told for told in merging.flush()}
    return [*known.values()]


def test_warnings_and_a_refusal_are_one_attempt() -> None:
    [attempt] = merged(warned(NAME, helo="pc7"), refusal(HELO, helo="pc7"))
    assert attempt.outcome is Outcome.REFUSED
    assert attempt.control == "reject_non_fqdn_helo_hostname"
    assert attempt.warned == ("reject_unknown_client_hostname",)
    assert (attempt.code, attempt.status, attempt.helo) == (504, "5.5.2", "pc7")


def test_a_4xx_is_put_off() -> None:
    [attempt] = merged(refusal(NAME))
    assert attempt.outcome is Outcome.PUT_OFF


def test_two_recipients_are_two_attempts() -> None:
    first, second = merged(refusal(NAME), refusal(NAME, recipient="carol@x.example"))
    assert (first.recipient, second.recipient) == (
        "bob@practice.test",
        "carol@x.example",
    )


def test_the_same_refusal_again_is_another_attempt() -> None:
    assert len(merged(refusal(NAME), refusal(NAME), refusal(NAME))) == 3


def test_the_same_warning_in_another_session_is_another_attempt() -> None:
    assert len(merged(warned(NAME), DISCONNECT, CONNECT, warned(NAME))) == 2


def test_a_rule_in_two_lists_warns_once() -> None:
    [attempt] = merged(warned(NAME), warned(NAME))
    assert attempt.warned == ("reject_unknown_client_hostname",)


def test_another_process_is_another_attempt() -> None:
    assert len(merged(line(warned(NAME), pid=7), line(warned(NAME), pid=8))) == 2


def test_an_accepted_recipient_has_its_queue_id_and_delivery() -> None:
    [attempt] = merged(warned(NAME), ACCEPTED, DISCONNECT, *virtual("sent"))
    assert (attempt.outcome, attempt.queue_id) == (Outcome.ACCEPTED, "4F1A2B3C4D")
    assert attempt.delivery is not None
    assert attempt.delivery.status == "sent"
    assert attempt.warned == ("reject_unknown_client_hostname",)


def virtual(*statuses: str) -> list[bytes]:
    """Lines of the delivery agent."""
    return [line(SENT % status, "postfix/virtual") for status in statuses]


def test_the_last_delivery_stands() -> None:
    [attempt] = merged(ACCEPTED, *virtual("deferred", "bounced"))
    assert attempt.delivery is not None
    assert attempt.delivery.status == "bounced"
    assert attempt.client is not None


def test_a_refused_data_joins_the_recipient_it_names() -> None:
    after = refusal(DATA, command="DATA", queue_id="4F1A2B3C4D")
    [attempt] = merged(warned(NAME), ACCEPTED, after, DISCONNECT)
    assert (attempt.outcome, attempt.command) == (Outcome.REFUSED, "DATA")
    assert attempt.control == "reject_unauth_pipelining"
    assert attempt.warned == ("reject_unknown_client_hostname",)


def test_a_message_that_cleanup_rejects_is_refused() -> None:
    check = line(
        "4F1A2B3C4D: reject: header X: y from h[192.0.2.7]; from=<a>: 5.7.1 no",
        "postfix/cleanup",
    )
    [attempt] = merged(warned(NAME), ACCEPTED, DISCONNECT, check)
    assert (attempt.outcome, attempt.control) == (Outcome.REFUSED, "header_checks")
    assert attempt.recipient == "bob@practice.test"


def test_mail_of_local_programs_is_no_attempt() -> None:
    picked = line("4F1A2B3C4D: uid=0 from=<root>", "postfix/pickup")
    assert merged(picked, *virtual("sent")) == []


def test_a_restart_in_between_finds_the_same_key() -> None:
    before = merged(warned(NAME), ACCEPTED, DISCONNECT)
    after = merged(*virtual("sent"))
    assert [each.key for each in before] == [each.key for each in after]
    assert after[0].client is None


def test_keys_are_the_same_whenever_a_log_is_read() -> None:
    log = (refusal(NAME), refusal(NAME), warned(HELO), ACCEPTED, DISCONNECT)
    keys = [each.key for each in merged(*log)]
    assert keys == [each.key for each in merged(*log)]
    assert len({*keys}) == 3


def test_an_idle_attempt_can_be_settled() -> None:
    attempts = Attempts()
    assert attempts.feed(read(line(warned(NAME)), CLOCK)) == []
    assert attempts.settle(NOW - timedelta(days=30)) == []
    [attempt] = attempts.settle(NOW)
    assert attempt.outcome is Outcome.UNDECIDED


def test_memory_is_bounded_and_nothing_is_lost() -> None:
    attempts = Attempts(sessions=3, messages=3)
    lines = [line(warned(NAME), pid=pid) for pid in range(50)]
    lines += [line(f"{n:010X}: client=h[192.0.2.7]", pid=n) for n in range(50)]
    assert len(merged(*lines, attempts=attempts)) == 50
    assert len(attempts._queue) <= 3


def test_probes_and_others_are_no_attempts() -> None:
    probe = line(refusal(NAME), "postfix/mailguard/smtpd")
    assert merged(probe, b"nonsense", line("x", "dovecot")) == []


def test_a_message_that_returns_from_a_content_filter_is_one_attempt() -> None:
    back = "5F1A2B3C4D: client=localhost[127.0.0.1], orig_queue_id=4F1A2B3C4D"
    filtered, final = virtual("sent")[0], virtual("bounced")[0]
    final = final.replace(b"4F1A", b"5F1A")
    for order in ((filtered, final), (final, filtered)):
        [attempt] = merged(ACCEPTED, f"{back}, orig_client=mx[192.0.2.7]", *order)
        assert attempt.queue_id == "4F1A2B3C4D"
        assert attempt.delivery is not None
        assert attempt.delivery.status == "bounced"


def test_a_milters_refusal_names_the_envelope() -> None:
    said = refusal(
        "4.7.1 Try later", verb="milter-reject", command="END-OF-MESSAGE"
    ).replace("NOQUEUE", "4F1A2B3C4D")
    [attempt] = merged(ACCEPTED, line(said, "postfix/cleanup"))
    assert (attempt.outcome, attempt.control) == (Outcome.PUT_OFF, "milter")
    assert (attempt.sender, attempt.text) == ("alice@good.example", "Try later")
    assert attempt.recipient == "bob@practice.test"


def test_a_message_that_a_forward_file_sent_on_is_no_attempt() -> None:
    own = line("4F1A2B3C4D: message-id=<m@x>", "postfix/cleanup")
    assert merged(own, *virtual("sent")) == []


def test_another_client_in_the_same_session_is_another_attempt() -> None:
    other = "4F1A2B3C4D: client=other.example[192.0.2.8]"
    first, second = merged(warned(NAME), other, *virtual("sent"))
    assert (first.outcome, second.warned) == (Outcome.UNDECIDED, ())
    assert second.client is not None
    assert second.client.address == "192.0.2.8"


def test_a_recipient_behind_an_alias_has_one_key() -> None:
    delivery = SENT.replace("relay", "orig_to=<Bob@practice.test>, relay") % "sent"
    delivery = delivery.replace("to=<bob@practice.test>", "to=<team@x.example>", 1)
    [attempt] = merged(warned(NAME), ACCEPTED, line(delivery, "postfix/virtual"))
    assert attempt.recipient == "bob@practice.test"
    assert attempt.delivery is not None


def test_a_recipient_that_a_proxy_took_is_accepted() -> None:
    proxied = ACCEPTED.replace("4F1A2B3C4D", "NOQUEUE")
    [attempt] = merged(warned(NAME), proxied, DISCONNECT)
    assert (attempt.outcome, attempt.queue_id) == (Outcome.ACCEPTED, None)


def test_the_recorders_name_is_cut() -> None:
    said = refusal(f"mailguard reverse={'x' * 999}", verb="info")
    [attempt] = merged(said, ACCEPTED)
    assert attempt.reverse_name == "x" * 255
