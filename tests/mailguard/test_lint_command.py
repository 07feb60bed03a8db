"""`./manage.py lint DIR`, as a script would use it."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.corpus import OWN

SOUND = "compatibility_level = 3.6\nmynetworks = 127.0.0.0/8\n"


def linted(directory: Path | str) -> tuple[int, dict[str, Any]]:
    """The exit code and what stands on standard output."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("lint", str(directory), "--json", stdout=out)
    assert isinstance(ended.value.code, int)
    return ended.value.code, json.loads(out.getvalue())


def codes(directory: Path) -> set[str]:
    """The kinds that are found."""
    return {each["code"] for each in linted(directory)[1]["findings"]}


def test_a_sound_directory_has_no_finding_and_exits_0(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(SOUND)
    assert linted(tmp_path) == (0, {"findings": []})


def test_an_error_exits_1_and_says_why_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(
        "smtpd_client_restrictions = reject_foo\n" + SOUND
    )
    code, told = linted(tmp_path)
    [found] = told["findings"]
    assert (code, found["code"], found["level"]) == (1, "unknown_restriction", "error")
    assert all(found[name] for name in ("place", "sentence", "why", "remedy"))


def test_a_warning_alone_exits_0(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(SOUND + "mynetworks_style = class\nbiff = no")
    code, told = linted(tmp_path)
    assert (code, [x["code"] for x in told["findings"]]) == (0, ["no_final_newline"])


def test_master_cf_is_judged_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(SOUND + "smtpd_helo_required = yes\n")
    service = "smtp inet n - n - - smtpd -o smtpd_helo_required=no\n"
    (tmp_path / "master.cf").write_text(service)
    assert codes(tmp_path) == {"override_shadows"}


@pytest.mark.parametrize(
    ("text", "quoted"), [("biff no\n", "biff no"), ("= x\n", "= x"), (None, None)]
)
def test_what_postfix_cannot_read_is_quoted_and_exits_2(
    tmp_path: Path, text: str | None, quoted: str | None
) -> None:
    if text is not None:
        (tmp_path / "main.cf").write_text(text)
    code, told = linted(tmp_path)
    assert (code, told["error"]) == (2, "bad_input")
    assert told["quoted"] == (quoted or str(tmp_path))


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "master.cf")
    table = f"{SOUND}virtual_alias_maps = texthash:{tmp_path}/pipe\n"
    (tmp_path / "main.cf").write_text(table)
    assert codes(tmp_path) == {"map_unreadable"}


def test_no_database_is_asked(tmp_path: Path) -> None:
    (tmp_path / "sql.cf").write_text("hosts = 192.0.2.1\n")
    table = f"{SOUND}virtual_alias_maps = static:x mysql:{tmp_path}/sql.cf\n"
    (tmp_path / "main.cf").write_text(table)
    assert codes(tmp_path) <= {"map_type_unknown"}


@pytest.mark.parametrize("path", sorted((OWN / "main.cf").iterdir()), ids=str)
def test_every_trap_of_ours_is_judged_or_quoted(tmp_path: Path, path: Path) -> None:
    (tmp_path / "main.cf").write_bytes(path.read_bytes())
    code, told = linted(tmp_path)
    assert ("quoted" in told) is (code == 2)
