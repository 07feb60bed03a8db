"""Pins on the command line: a file of probes, the list, one removed."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.lists import pins
from mailguard.lists.models import Pin
from postfixconf.policy.probes import Expect, Probe
from tests.support.hostile import MARKS
from tests.support.traffic import seen

FULL: dict[str, Any] = {
    "client_address": "192.0.2.7",
    "client_name": "mx1.example.org",
    "helo": "mx1.example.org",
    "sender": "bob@example.org",
    "recipient": "alice@practice.test",
}


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py pins … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("pins", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three pins and an empty line."""
    lines = [
        FULL,
        FULL | {"sender": "a\u2028b@example.org", "expect": "refuse"},
        FULL | {"client_address": "2001:db8::7", "expect": "reject"},
    ]
    path = tmp_path / "pins.jsonl"
    told = [json.dumps(each, ensure_ascii=False) for each in lines]
    path.write_text("\n".join([told[0], "", *told[1:]]) + "\r\n")
    return path


def test_a_file_is_pinned_listed_and_removed(db: None, file: Path) -> None:
    code, told = run("add", str(file), "--note", "from the audit")
    assert (code, told["added"]) == (0, 3)
    assert [each["expect"] for each in told["pins"]] == ["accept", "refuse", "refuse"]
    code, told = run("list")
    assert told["pins"][0]["probe"]["client_address"] == "2001:db8::7"
    assert {each["note"] for each in told["pins"]} == {"from the audit"}
    number = str(told["pins"][0]["number"])
    assert run("remove", number, "--reason", "gone")[0] == 0
    assert (Pin.objects.count(), Change.objects.all()[0].reason) == (2, "gone")


def test_what_is_listed_can_be_added_again(
    db: None, file: Path, tmp_path: Path
) -> None:
    run("add", str(file))
    lines = [json.dumps(each["probe"]) for each in run("list")[1]["pins"]]
    Pin.objects.all().delete()
    (tmp_path / "again").write_text("\n".join(lines))
    assert run("add", str(tmp_path / "again"))[1]["added"] == 3


def test_the_list_tells_how_much_is_tried_for_a_domain(db: None, alice: Actor) -> None:
    seen(sender="bob@example.org")
    pins.add_domain(domain="example.org", expect=Expect.ACCEPT, actor=alice)
    (told,) = run("list")[1]["pins"]
    assert (told["domain"], told["tried"], told["author"]) == (
        "example.org",
        1,
        "alice",
    )


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        json.dumps(FULL | {"client_address": "nowhere"}),
        json.dumps(FULL | {"helo": "x\n"}),
        json.dumps(FULL | {"sender": "x" * 2048}),
        json.dumps(FULL | {"sender": "\ud800"}),
        json.dumps(FULL | {"expect": "defer"}),
        json.dumps(FULL | {"expect": "maybe"}),
        json.dumps({"helo": "x"}),
        json.dumps(FULL),
        *(json.dumps(FULL | {"colour": mark}) for mark in MARKS[:3]),
    ],
)
def test_a_bad_line_is_quoted_with_its_number_and_nothing_is_pinned(
    db: None, file: Path, line: str
) -> None:
    file.write_text(file.read_text() + line + "\n")
    code, told = run("add", str(file))
    assert (code, told["error"], told["quoted"]) == (2, "bad_input", line)
    assert "line 5: " in told["message"]
    assert len(told["message"]) < 500
    assert not Pin.objects.exists()
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("add",),
        ("add", "/no/such/file"),
        ("add", "/"),
        ("add", "x\0y"),
        ("list", "x"),
        ("remove", "7", "--reason", "x"),
        ("remove", "²", "--reason", "x"),
        ("remove", "9" * 60, "--reason", "x"),
        ("remove", "x", "--reason", "y"),
    ],
)
def test_words_that_mean_nothing_are_quoted(db: None, words: tuple[str, ...]) -> None:
    code, told = run(*words)
    assert (code, told["error"]) == (2, "bad_input")
    assert told["quoted"] in " ".join(words)


def test_a_pin_is_not_removed_without_a_reason(db: None, alice: Actor) -> None:
    row = pins.add_envelope(probe=Probe(**FULL), actor=alice)
    code, told = run("remove", str(row.pk))
    assert code == 2
    assert "say why" in told["message"]
    assert Pin.objects.exists()


def test_a_file_that_is_no_text_is_named(db: None, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    assert run("add", str(tmp_path / "odd"))[1]["quoted"] == str(tmp_path / "odd")
