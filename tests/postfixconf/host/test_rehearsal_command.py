"""`python -m postfixconf.host.rehearsal`: what it prints, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.rehearsed import old
from tests.support.site import ROOT

GOOD = {
    "client_address": "192.0.2.66",
    "helo": "mx.good.example",
    "sender": "alice@good.example",
    "recipient": "bob@practice.test",
}
RELAYED = GOOD | {"recipient": "x@elsewhere.example", "expect": "accept"}


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    settings = {
        "smtpd_helo_restrictions": "warn_if_reject reject_non_fqdn_helo_hostname"
    }
    with serving(settings=settings) as practice:
        yield practice


def ended(
    config: Path, probes: str, *words: str, user: int = 0
) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code, what was printed, and the complaint."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "postfixconf.host.rehearsal"),
            *("--config", str(config), "--probes", "-", *words),
        ],
        cwd=ROOT,
        input=probes,
        capture_output=True,
        text=True,
        check=False,
        user=user,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines, done.stderr


def asked(*probes: dict[str, str]) -> str:
    """A file of probes."""
    return "".join(json.dumps(each) + "\n" for each in probes)


def test_each_probe_has_a_line_in_order(server: Practice) -> None:
    short = GOOD | {"helo": "laptop", "expect": "accept"}
    code, lines, said = ended(server.instance.config_dir, "\n" + asked(GOOD, short))
    assert (code, said) == (0, "")
    assert lines[0] == {
        "n": 1,
        "verdict": "accept",
        "code": 250,
        "text": "2.1.5 Ok",
        "control": None,
        "warned": [],
        "as_expected": True,
    }
    assert lines[1]["warned"] == ["reject_non_fqdn_helo_hostname"]


def test_one_that_is_not_as_expected_is_exit_1(server: Practice) -> None:
    code, lines, _ = ended(server.instance.config_dir, asked(GOOD, RELAYED))
    assert code == 1
    assert [each["as_expected"] for each in lines] == [True, False]
    assert lines[1]["verdict"] == "defer"
    assert lines[1]["control"] == "relay_protection"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "'not json': is not JSON"),
        ('{"helo": "x"}', "has no client_address"),
        (asked(GOOD | {"client_address": "300.1.1.1"}), "300.1.1.1"),
        (asked(GOOD | {"sender": "a@b\r\nRCPT TO:<x>"}), "a control character"),
        (asked(GOOD | {"expect": "maybe"}), "maybe"),
    ],
)
def test_a_bad_line_is_quoted_with_its_number(
    server: Practice, line: str, said: str
) -> None:
    code, lines, complaint = ended(server.instance.config_dir, asked(GOOD) + line)
    assert (code, lines) == (2, [])
    assert said in complaint
    assert "(line 2)" in complaint


def test_a_service_that_is_not_there_is_bad_input(server: Practice) -> None:
    probes = asked(GOOD | {"service": "submission"})
    code, lines, said = ended(server.instance.config_dir, probes)
    assert (code, lines) == (2, [])
    assert "'submission': is none of the services 2525/inet" in said


def test_a_file_that_is_not_there_is_bad_input(server: Practice) -> None:
    code, _, said = ended(server.instance.config_dir, "", "--probes", "/nowhere/file")
    assert code == 2
    assert "/nowhere/file" in said


def test_a_postfix_that_does_not_start_is_exit_3(
    server: Practice, tmp_path: Path
) -> None:
    main = server.instance.main().text
    old(tmp_path / "main.cf", f"{main}mydestination_recipient_limit = 5 # five\n")
    old(tmp_path / "master.cf", server.instance.master().text)
    assert ended(tmp_path, asked(GOOD))[0] == 0  # nobody reads that parameter
    old(tmp_path / "main.cf", f"{main}message_size_limit = 5 # MB\n")
    code, lines, said = ended(tmp_path, asked(GOOD))
    assert (code, lines) == (3, [])
    assert "message_size_limit" in said


def test_a_directory_without_configuration_is_exit_3(tmp_path: Path) -> None:
    code, _, said = ended(tmp_path, asked(GOOD))
    assert code == 3
    assert "main.cf" in said


def test_no_probes_at_all_are_fine(server: Practice) -> None:
    assert ended(server.instance.config_dir, "") == (0, [], "")


def test_who_is_not_root_is_told_so(server: Practice) -> None:
    code, _, said = ended(server.instance.config_dir, asked(GOOD), user=65534)
    assert code == 3
    assert "root" in said


def test_a_trace_tells_each_rule(server: Practice) -> None:
    probes = asked(RELAYED | {"helo": "laptop"})
    code, [line], _ = ended(server.instance.config_dir, probes, "--trace")
    assert code == 1
    assert [(x["list"], x["rule"], x["outcome"]) for x in line["trace"]] == [
        (
            "smtpd_helo_restrictions",
            "warn_if_reject reject_non_fqdn_helo_hostname",
            "would have refused",
        ),
        ("smtpd_relay_restrictions", "permit_mynetworks", "no decision"),
        ("smtpd_relay_restrictions", "permit_sasl_authenticated", "no decision"),
        ("smtpd_relay_restrictions", "defer_unauth_destination", "refused"),
    ]
