"""postgrey's lists are read as postgrey's own code reads them, and nothing is lost."""

import ipaddress
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from postfixconf.errors import BadValue
from postfixconf.host.perl import checked
from postfixconf.text.postgrey_files import (
    canary,
    canary_in,
    written,
)
from postfixconf.text.postgrey_lists import (
    Document,
    Form,
    Which,
    covers,
    parse,
    read_entry,
)
from postfixconf.text.postgrey_refresh import diff, refusal, shrunk
from tests.support.corpus import corpus, text_of

CLIENTS, RECIPIENTS = Which.CLIENTS, Which.RECIPIENTS
FILES = [path for path in corpus("postgrey") if "md5sum" not in path.name]
VERSIONS = [path for path in FILES if path.name.startswith("schweikert+postgrey__c")]
ODD = [
    "", "# only a comment", "  example.com  # why", "example.com\r", "\texample.com",
    "/^mail\\d+\\.example\\.com$/", "/a b/", "/a#b/", "//", "/", ".", "*", "com", "x y",
    "/ex/i", "1.2.3.4", "1.2.3", "10.1", "10", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/0",
    "010.1.2.3", "010.1.2", "1.2.3.", "::1", "2001:db8::/32", "2001:db8::/129", "a:b:c",
    "fe80::1%lo", "user@", "user@example.com", "@example.com", "@", "a@b@c", "ex.com.",
    ".example.com", "unknown", "<html>", "::ffff:1.2.3.4", "2001:DB8::1", "1:2",
    "u+x@example.com", "\x0bexample.com", "mül.example", "/^mül/",
]  # fmt: skip
# postgrey's two subs, taken out of the installed script, on one file a line.
ORACLE = r"""
use NetAddr::IP; use JSON::PP; local $/; open(my $s, '<', '/usr/sbin/postgrey');
my $source = <$s>; $/ = "\n"; $SIG{__WARN__} = sub {};
for my $name ('read_clients_whitelists', 'read_recipients_whitelists') {
    my ($sub) = $source =~ /^(sub \Q$name\E\(\$\)\n\{.*?^\})/ms;
    eval $sub; die $@ if $@;
}
my @found;
while (my $file = <STDIN>) {
    chomp $file;
    my $self = {postgrey => {whitelist_clients_files => [$file],
                             whitelist_recipients_files => [$file]}};
    eval { read_clients_whitelists($self); read_recipients_whitelists($self) };
    push @found, {
        clients => scalar @{$self->{postgrey}{whitelist_clients}},
        ips => [map { "$_" } @{$self->{postgrey}{whitelist_ips}}],
        recipients => scalar @{$self->{postgrey}{whitelist_recipients}},
    };
}
print encode_json(\@found);
"""


def which_of(path: Path) -> Which:
    """Which list a file of the corpus is."""
    return RECIPIENTS if "recipients" in path.name else CLIENTS


@cache
def versions() -> list[Document]:
    """The published list at every version, the oldest first, judged by Perl too."""
    return [checked(parse(text_of(path), CLIENTS)) for path in VERSIONS]


def by_postgrey(lines: list[str], room: Path) -> list[dict[str, object]]:
    """What postgrey's own code makes of each line."""
    for number, line in enumerate(lines):
        data = f"{line}\n".encode("utf-8", "surrogateescape")
        (room / str(number)).write_bytes(data)
    files = "".join(f"{room / str(n)}\n" for n in range(len(lines)))
    done = subprocess.run(
        ["perl", "-e", ORACLE], input=files, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_byte_of_a_list_is_kept(path: Path) -> None:
    assert parse(text_of(path), which_of(path)).render() == text_of(path)


def test_each_line_is_read_as_postgreys_own_code_reads_it(tmp_path: Path) -> None:
    some = {line.rstrip("\n") for path in FILES for line in text_of(path).split("\n")}
    lines = sorted(some | set(ODD))
    for line, said in zip(lines, by_postgrey(lines, tmp_path), strict=True):
        client, recipient = (parse(line, which).lines[:1] for which in Which)
        form = client[0].form if client else None
        network = form in (Form.ADDRESS, Form.NETWORK)
        assert said["clients"] == (form in (Form.REGEX, Form.HOST)), line
        assert bool(said["ips"]) == network, line
        assert said["recipients"] == bool(recipient and recipient[0].form), line


@pytest.mark.parametrize(
    "text", ["1.2.3.4", "1.2.3", "1.2.3.9/24", "1.2.3.0/25", "2001:db8::1", "1:2::/32"]
)
def test_a_good_network_is_the_one_that_postgrey_takes(
    text: str, tmp_path: Path
) -> None:
    (said,) = by_postgrey([text], tmp_path)
    (found,) = map(str, said["ips"])  # type: ignore[call-overload]
    ours = ipaddress.ip_network(read_entry(CLIENTS, text))
    assert ipaddress.ip_network(found, strict=False) == ours


@pytest.mark.skipif(len(VERSIONS) < 2, reason="the published list is not here")
def test_every_published_version_may_follow_the_one_before_it() -> None:
    before: Document | None = None
    for version in versions():
        gone = shrunk(version, before)
        assert refusal(version, before, most=max(gone, 30)) == ""
        before = version


@pytest.mark.skipif(len(VERSIONS) < 2, reason="the published list is not here")
def test_the_diff_of_two_versions_makes_one_of_the_other(tmp_path: Path) -> None:
    for one, other in zip(versions(), versions()[1:], strict=False):
        if one.render() == other.render():
            continue
        room = tmp_path / "list"
        room.write_bytes(one.render().encode("utf-8", "surrogateescape"))
        told = diff(one.render(), other.render())
        come = {line[1:] for line in re.findall(r"^\+(?!\+\+ ).*$", told, re.MULTILINE)}
        gone = {line[1:] for line in re.findall(r"^-(?!-- ).*$", told, re.MULTILINE)}
        patched = subprocess.run(
            ["patch", "--quiet", str(room)],
            input=told.encode("utf-8", "surrogateescape"),
            check=False,
        )
        assert patched.returncode == 0
        assert text_of(room).rstrip("\n") == other.render().rstrip("\n")
        entries = parse("\n".join(come), CLIENTS).values
        assert other.values - one.values <= entries
        assert one.values - other.values <= parse("\n".join(gone), CLIENTS).values


@pytest.mark.parametrize(
    ("which", "text", "value"),
    [
        (CLIENTS, " Mail.Example.COM ", "mail.example.com"),
        (CLIENTS, "192.0.2.9/24", "192.0.2.0/24"),
        (CLIENTS, "192.0.2", "192.0.2.0/24"),
        (CLIENTS, "2001:DB8::0/32", "2001:db8::/32"),
        (CLIENTS, "/^Mail\\d+\\.Example\\.com$/", "/^Mail\\d+\\.Example\\.com$/"),
        (RECIPIENTS, "Bob@Example.com", "bob@example.com"),
        (RECIPIENTS, "abuse@", "abuse@"),
        (RECIPIENTS, "example.com", "example.com"),
    ],
)
def test_an_entry_has_one_spelling(which: Which, text: str, value: str) -> None:
    assert read_entry(which, text) == value
    assert read_entry(which, value) == value


@pytest.mark.parametrize("which", Which)
@pytest.mark.parametrize(
    "text",
    ["", " ", "a\nb.example", "a.example\n/(/", "a b", "com", ".", "*", "mül.example",
     "x" * 400, "a.example # note", "/a#b/", "/a b/", "/" + "a" * 400 + "/", "a\0b.io",
     "<html>", "unknown@", "$(id).example", "`id`.example"],
)  # fmt: skip
def test_what_is_no_entry_is_refused_and_quoted(which: Which, text: str) -> None:
    if which is RECIPIENTS and text == "unknown@":
        return  # a person like any other
    with pytest.raises(BadValue):
        read_entry(which, text)


def test_a_network_of_two_numbers_is_refused_with_the_reason() -> None:
    with pytest.raises(BadValue, match=r"'10.1': .* as 10.1.0.0/24, not as /16"):
        read_entry(CLIENTS, "10.1")


@pytest.mark.parametrize(
    ("value", "name", "address", "met"),
    [
        ("example.com", "mail.example.com", "", True),
        ("example.com", "example.com", "", True),
        ("example.com", "notexample.com", "", False),
        ("192.0.2.0/24", "unknown", "192.0.2.7", True),
        ("192.0.2.7", "unknown", "192.0.2.8", False),
        ("192.0.2.0/24", "unknown", "2001:db8::1", False),
        ("/example/", "mail.example.com", "", False),
    ],
)
def test_a_client_meets_an_entry_as_in_postgrey(
    value: str, name: str, address: str, met: bool
) -> None:
    assert covers(CLIENTS, value, name, address) is met


@pytest.mark.parametrize(
    ("value", "recipient", "met"),
    [
        ("bob@example.com", "Bob+list@example.com", True),
        ("bob@example.com", "bobby@example.com", False),
        ("abuse@", "abuse@example.net", True),
        ("example.com", "bob@mail.example.com", True),
        ("example.com", "bob@example.org", False),
    ],
)
def test_a_recipient_meets_an_entry_as_in_postgrey(
    value: str, recipient: str, met: bool
) -> None:
    assert covers(RECIPIENTS, value, recipient) is met


def test_a_list_of_ours_has_a_name_that_no_other_version_has() -> None:
    one, other = written("a.example\n"), written("b.example\n")
    assert canary_in(one) == canary("a.example\n") != canary_in(other)
    assert not [line for line in parse(one, CLIENTS).lines if line.fault]
    assert canary_in("a.example\n") is None
