"""Perl's own judgement of postgrey's lists: postgrey is a Perl script.

Patterns and samples reach Perl as data on its standard input, and are compiled as
postgrey compiles them: `qr{$1}i`, without `use re 'eval'`, so that no code in them
runs. One process judges a whole list. A pattern that Perl thinks about for more than
two seconds ends that process by SIGALRM; the last answer tells which one it was.

What is not handled: patterns that are quick on our samples and slow on other names.
"""

import base64
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from postfixconf.errors import CommandFailed
from postfixconf.host.commands import run
from postfixconf.text.postgrey_lists import SAMPLES, Document, Form, Line, Which, parse

__all__ = ["Tried", "checked", "faults", "try_on"]

TIMEOUT = 30.0  # seconds for a whole list
SECONDS = 2  # for one pattern on all samples
MOST_SLOW = 3
UNTRIED = "was not tried: Perl took too long with three before it"
SLOW = "takes Perl too long to try: it would hold up all mail"
BROKEN = "Perl cannot compile it"  # what kills postgrey
PLAINEST = ("a" * 60 + ".", "1" * 60 + ".", "a-" * 60, "a." * 60)
# Reads `s BASE64` samples, then `p BASE64` patterns; answers each pattern with one
# line: `ok` and the numbers of the samples it matches, or `bad` and why.
SCRIPT = r"""
use strict; use MIME::Base64 qw(decode_base64); $| = 1;
my @samples; my ($seconds) = (shift) =~ /^(\d+)$/;
while (my $line = <STDIN>) {
    chomp $line;
    my ($what, $coded) = split / /, $line, 2;
    my $text = decode_base64($coded);
    if ($what eq 's') { push @samples, $text; next }
    alarm $seconds;
    my $compiled = eval { qr{$text}i };
    if (!defined $compiled) {
        my $why = $@; $why =~ s/\s+/ /g; $why =~ s/ at -e line \d+.*//;
        print "bad $why\n"; next;
    }
    my @met = grep { $samples[$_] =~ $compiled } 0 .. $#samples;
    print "ok @met\n";
}
"""


@dataclass(frozen=True)
class Tried:
    """What Perl says of a pattern: why it does not compile, or what it matches.

    `met` are the numbers of the samples.
    """

    why: str = ""
    met: frozenset[int] = frozenset()


def try_on(patterns: Sequence[str], samples: Sequence[str]) -> list[Tried]:
    """Compile each pattern and try it on the samples, as postgrey would.

    A pattern is what stands between the two `/`. Raises CommandFailed where there is
    no Perl.
    """
    found: list[Tried] = []
    while len(found) < len(patterns):
        rest = patterns[len(found) :]
        given = "".join(
            f"{what} {coded(text)}\n"
            for what, texts in (("s", samples), ("p", rest))
            for text in texts
        )
        words = ("perl", "-T", "-e", SCRIPT, str(SECONDS))
        done = run(*words, given=given, timeout=TIMEOUT, check=False)
        found += [told(line) for line in done.out.splitlines()][: len(rest)]
        if len(found) < len(patterns):
            if done.code != -signal.SIGALRM:
                raise CommandFailed("perl", f"exit {done.code}", done.err[-500:])
            found.append(Tried(SLOW))
        if sum(each.why == SLOW for each in found) == MOST_SLOW:
            found += [Tried(UNTRIED)] * (len(patterns) - len(found))
    return found


def coded(text: str) -> str:
    """Any bytes on one line."""
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def told(line: str) -> Tried:
    """One answer."""
    word, _, rest = line.partition(" ")
    if word == "bad":
        return Tried(f"{BROKEN} ({rest.strip()})")
    return Tried(met=frozenset(map(int, rest.split())))


def checked(document: Document) -> Document:
    """The list with Perl's faults too. Raises CommandFailed without a Perl."""
    ours = [line for line in document.lines if line.form is Form.REGEX]
    samples = SAMPLES[document.which]
    names = [name for _, name in samples] + [*PLAINEST, "unknown"]
    patterns = [line.text[1:-1] for line in ours]
    judged = {
        line.number: judgement(line, tried, [owner for owner, _ in samples])
        for line, tried in zip(ours, try_on(patterns, names), strict=True)
    }
    lines = tuple(judged.get(line.number, line) for line in document.lines)
    return replace(document, lines=lines)


def judgement(line: Line, tried: Tried, owners: Sequence[str]) -> Line:
    """One regular expression with what Perl says of it."""
    if tried.why:
        return replace(line, fault=tried.why, grave=True)
    met = {owners[at] for at in tried.met if at < len(owners)}
    if len(met) > 1:
        some = " and ".join(sorted(met)[:2])
        told = f"matches what belongs to different owners, as {some}"
        return replace(line, fault=told, grave=True)
    if len(owners) + len(PLAINEST) in tried.met:
        told = "matches “unknown”, which Postfix calls every client without a name"
        return replace(line, fault=told, grave=True)
    return line


def faults(text: str, which: Which) -> list[Line]:
    """The lines of a list that something is wrong with. Raises CommandFailed."""
    return [line for line in checked(parse(text, which)).lines if line.fault]
