"""Probes: what a file of them may hold."""

import pytest

from postfixconf.errors import BadValue
from postfixconf.policy.probes import Expect, Probe, Verdict

FULL = {
    "client_address": "192.0.2.7",
    "client_name": "mx.example",
    "reverse_client_name": "host-7.example",
    "helo": "mx.example",
    "sender": "a@example",
    "recipient": "b@practice.test",
    "sasl_username": "anna",
    "service": "submission",
    "expect": "accept",
}


def test_a_probe_reads_back_as_it_was_told() -> None:
    probe = Probe.from_json(FULL)
    assert probe.as_json() == FULL
    assert Probe.from_json(probe.as_json()) == probe


def test_without_a_reverse_name_it_is_the_client_name() -> None:
    told = {name: FULL[name] for name in FULL if name != "reverse_client_name"}
    assert Probe.from_json(told).reverse == "mx.example"
    nameless = Probe.from_json(told | {"reverse_client_name": ""})
    assert nameless.reverse == ""
    assert Probe.from_json(nameless.as_json()) == nameless


def test_the_null_sender_is_kept() -> None:
    probe = Probe.from_json(FULL | {"sender": ""})
    assert probe.as_json()["sender"] == ""


@pytest.mark.parametrize(
    "line, told",
    [
        ("nonsense", "'nonsense': is not JSON"),
        ("[1]", "'[1]': is not a JSON object"),
        ('{"helo": "x"}', "has no client_address"),
        ('{"colour": "red"}', "'colour': is nothing that a probe has"),
        ('{"helo": 7}', "'7': helo is not a text"),
    ],
)
def test_a_bad_line_is_quoted(line: str, told: str) -> None:
    with pytest.raises(BadValue) as caught:
        Probe.from_line(line)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("client_address", "192.0.2", "'192.0.2': is no IP address"),
        ("helo", "x\r\nMAIL FROM:<>", "helo holds a control character"),
        ("sender", "a\nb@example", "sender holds a control character"),
        ("recipient", "", "recipient is empty"),
        ("helo", "", "helo is empty"),
        ("helo", "x" * 513, "helo is longer than 512 characters"),
        ("expect", "maybe", "'maybe': is none of accept, reject, defer, refuse"),
    ],
)
def test_a_bad_value_is_quoted(name: str, value: str, told: str) -> None:
    with pytest.raises(BadValue) as caught:
        Probe.from_json(FULL | {name: value})
    assert told in str(caught.value)


def test_refuse_is_met_by_a_defer() -> None:
    assert Expect.REFUSE.met_by(Verdict.DEFER)
    assert Expect.REFUSE.met_by(Verdict.REJECT)
    assert not Expect.REFUSE.met_by(Verdict.ACCEPT)
    assert not Expect.REJECT.met_by(Verdict.DEFER)
