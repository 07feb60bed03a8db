"""`python -m postfixconf.maillog`: what it prints, and what it does not choke on."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from postfixconf.maillog.__main__ import main
from tests.postfixconf.maillog.lines import line, refusal
from tests.support.site import ROOT

LINE = (
    line(refusal("454 4.1.8 <a@b>: Sender address rejected: Domain not found")) + b"\n"
)
KEY = "reject_unknown_sender_domain"
TOTALS = (
    *("received", "delivered", "deferred", "bounced"),
    *("rejected", "reject_warnings", "held", "discarded"),
)


def run(*words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """The command as a person runs it."""
    command = [sys.executable, "-m", "postfixconf.maillog", *words]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True)


def told(*words: str, stdin: bytes = b"") -> Any:
    """Its one object."""
    done = run(*words, "--json", stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_the_object_is_the_contracts(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(LINE)
    assert told(str(tmp_path / "mail.log")) == {
        "lines": 1,
        "unknown": 0,
        "totals": dict.fromkeys(TOTALS, 0) | {"rejected": 1},
        "controls": {KEY: {"reject": 1, "reject_warning": 0, "attempts": 1}},
    }


def test_files_gzipped_ones_and_stdin_are_counted_together(tmp_path: Path) -> None:
    plain, packed = tmp_path / "mail.log", tmp_path / "mail.log.1.gz"
    plain.write_bytes(LINE.rstrip())
    packed.write_bytes(gzip.compress(LINE * 2))
    result = told(str(packed), str(plain), "-", stdin=LINE)
    assert (result["lines"], result["controls"][KEY]["reject"]) == (4, 4)


def test_refusals_alone_leave_the_rest_out() -> None:
    result = told("-", "--rejects-only", stdin=LINE)
    assert result["controls"][KEY]["attempts"] == 1
    assert result["totals"]["rejected"] == 1
    assert (result["totals"]["received"], result["unknown"]) == (None, None)


def test_details_name_the_lines_that_are_not_understood() -> None:
    stdin = line("what is this", "postfix/qmgr") + b"\n" + line("554", "postfix/smtpd")
    result = told("-", "--details", stdin=stdin)
    assert result["unknown_kinds"] == {"qmgr: what": 1, "smtpd: no word": 1}
    assert result["unknown"] == 2


def test_people_get_a_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(LINE)
    assert main([str(tmp_path / "mail.log")]) == 0
    assert f"1  {KEY}: 1 refused, 0 would have been" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["missing", "directory", "cut.gz", "no.gz", "a\0b"])
def test_an_unreadable_file_is_one_sentence(tmp_path: Path, broken: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(LINE * 999)[:60])
    (tmp_path / "no.gz").write_bytes(LINE)
    name = str(tmp_path / broken)
    if "\0" in name:
        assert main([name, "--json"]) == 2
        return
    done = run(name, "--json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert repr(name) in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
