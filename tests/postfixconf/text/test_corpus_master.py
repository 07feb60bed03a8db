"""Every master.cf of the corpus: read as Postfix reads it, edited losslessly."""

from pathlib import Path

import pytest

from postfixconf import MasterCf
from postfixconf.errors import BadFile
from postfixconf.text.lines import newline_of
from postfixconf.text.services import Service
from tests.support.corpus import corpus, text_of
from tests.support.postconf import Postconf, Said

FILES = corpus("master.cf")
NEW = "mailguard-test unix y - n - - smtpd\n  -o smtpd_helo_required=yes"
BLANKS = " \t\r\n"

# postconf -M takes `-osmtpd_helo_required=yes` apart at the second `o`. The
# daemons do not: they read options with getopt(3).
MISREAD_BY_POSTCONF = {"override_glued_to_its_option.master.cf"}


def name_of(path: Path) -> str:
    """A file's name, to tell the cases apart."""
    return path.name


def is_readable(path: Path) -> bool:
    """Whether the library reads the file; Postfix agrees, see the first test."""
    try:
        MasterCf.parse(text_of(path))
    except BadFile:
        return False
    return True


def shown(service: Service) -> str:
    """A service as `postconf -M` prints it, columns closed up."""
    args = (f"{{{arg}}}" if set(BLANKS) & set(arg) else arg for arg in service.args)
    fields = (service.name, service.type, service.private, service.unpriv)
    rest = (service.chroot, service.wakeup, service.maxproc, service.command)
    return " ".join([*fields, *rest, *args])


every = pytest.mark.parametrize("path", FILES, ids=name_of)
each_readable = pytest.mark.parametrize(
    "path", [path for path in FILES if is_readable(path)], ids=name_of
)


@pytest.fixture(scope="module")
def printed(postconf: Postconf) -> dict[Path, Said]:
    """What `postconf -M` says of every file."""
    return {path: postconf.master(text_of(path)) for path in FILES}


@every
def test_a_file_is_refused_exactly_where_postfix_refuses_it(
    path: Path, printed: dict[Path, Said]
) -> None:
    refused = "none"
    try:
        MasterCf.parse(text_of(path))
    except BadFile as problem:
        count, field = f"line {problem.line}: bad field count", f'"{problem.text}" in'
        refused = count if "eight fields" in str(problem) else field
    assert refused in (printed[path].fatal or "none")


@each_readable
def test_rendering_gives_back_every_byte(path: Path) -> None:
    rendered = MasterCf.parse(text_of(path)).render()
    assert rendered.encode("utf-8", "surrogateescape") == path.read_bytes()


@each_readable
def test_services_are_what_postconf_prints(
    path: Path, printed: dict[Path, Said]
) -> None:
    services = map(shown, MasterCf.parse(text_of(path)).services())
    lines = (" ".join(line.split()) for line in printed[path].lines)
    same = [" ".join(text.split()) for text in services] == list(lines)
    assert same != (path.name in MISREAD_BY_POSTCONF)


@each_readable
def test_a_service_added_and_removed_restores_the_bytes(path: Path) -> None:
    text = text_of(path)
    doc = MasterCf.parse(text).add(NEW)
    assert doc.services()[-1].overrides() == {"smtpd_helo_required": "yes"}
    ended = text if text.endswith("\n") else text + newline_of(text)
    assert doc.remove("mailguard-test", "unix").render() == ended


@each_readable
def test_removing_every_fourth_service_takes_nothing_else(path: Path) -> None:
    doc = MasterCf.parse(text_of(path))
    for service in doc.services()[::4]:
        without = doc.remove(service.name, service.type)
        key = (service.name, service.type)
        assert comments(without) == comments(doc)
        assert without.services() == tuple(
            each for each in doc.services() if (each.name, each.type) != key
        )


@each_readable
def test_an_overrides_rules_set_again_change_nothing(path: Path) -> None:
    doc = MasterCf.parse(text_of(path))
    for service in doc.services():
        for parameter in service.overrides():
            key = (service.name, service.type, parameter)
            assert doc.set_rules(*key, doc.rules(*key)) is doc


@each_readable
def test_an_overrides_rules_read_back_and_nothing_else_changes(path: Path) -> None:
    doc = MasterCf.parse(text_of(path))
    last = {(each.name, each.type): each for each in doc.services()}
    for (name, kind), service in last.items():
        lists = [key for key in service.overrides() if key.endswith("_restrictions")]
        for parameter in lists:
            rules = doc.rules(name, kind, parameter)[::-1]
            edited = doc.set_rules(name, kind, parameter, rules)
            assert edited.rules(name, kind, parameter) == rules
            assert changed_overrides(doc, edited) <= {parameter}


def changed_overrides(doc: MasterCf, edited: MasterCf) -> set[str]:
    """The names of the overrides that differ, service by service."""
    pairs = zip(doc.services(), edited.services(), strict=True)
    return {
        name
        for old, new in pairs
        for name, _ in old.overrides().items() ^ new.overrides().items()
    }


def comments(doc: MasterCf) -> list[str]:
    """The document's comment lines."""
    return [line for line in doc.text.split("\n") if line.lstrip().startswith("#")]
