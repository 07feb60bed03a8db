"""A value as words with the raw text between them, edited word by word.

`gaps` are the document's own bytes before, between and after the words: blanks,
commas, line breaks, comment lines. An edit keeps every gap it can:

- a word put in takes the separator, line break and indentation of the gap it
  is put into (at the end: of the last gap), and stands before the comment
  lines that introduce the word after it;
- a word taken out takes its line with it if it stood alone there, and leaves
  the comment lines; commas neither double nor dangle.

It does not know names or restrictions, and does not check that the result
reads back as wanted: the caller does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from postfixconf.text.lines import BLANK, is_text

__all__ = ["Layout", "become", "common"]

INDENT = "    "


class Gap(NamedTuple):
    """A gap with a line break in it, cut into its parts.

    `before` ends the first line (comma, blanks, `\\r`), `middle` is whole
    comment and blank lines, `lead` begins the last line.
    """

    before: str
    middle: str
    lead: str

    @property
    def comma(self) -> str:
        """The comma that ends the first line, if one does."""
        return "," if "," in self.before else ""

    @property
    def newline(self) -> str:
        """The line break in the line's own style."""
        return "\r\n" if self.before.endswith("\r") else "\n"

    @property
    def text(self) -> str:
        """The gap put together again."""
        return f"{self.before}\n{self.middle}{self.lead}"

    @property
    def plain(self) -> str:
        """The same separator without comments and trailing blanks."""
        return f"{self.comma}{self.newline}{self.lead}"


def cut(gap: str) -> Gap | None:
    """The parts of a gap that breaks the line; None for one that does not."""
    before, newline, rest = gap.partition("\n")
    middle, ended, lead = rest.rpartition("\n")
    return Gap(before, middle + ended, lead) if newline else None


@dataclass(frozen=True)
class Layout:
    """`words` with the gaps around them: always one gap more than words.

    `comma` separates two words where the value has too few to show its own
    style: "," in restriction lists, "" elsewhere. `roomy` says that a blank
    stands before the `=`, so an empty value filled gets one after it too.

    >>> Layout(("", ", ", ""), ("a", "b")).insert(1, "x").text
    'a, x, b'
    """

    gaps: tuple[str, ...]
    words: tuple[str, ...]
    comma: str = ""
    roomy: bool = True

    @property
    def text(self) -> str:
        """The raw text of the whole value."""
        pairs = zip(self.gaps, (*self.words, ""), strict=True)
        return "".join(gap + word for gap, word in pairs)

    def insert(self, at: int, word: str) -> "Layout":
        """`word` becomes word number `at`; the value has at least one word."""
        if at == len(self.words):
            pair = self.split_last()
        elif at == 0:
            pair = self.split_first()
        else:
            pair = split_inner(self.gaps[at])
        gaps = (*self.gaps[:at], *pair, *self.gaps[at + 1 :])
        return replace(self, gaps=gaps, words=spliced(self.words, at, at, word))

    def remove(self, at: int) -> "Layout":
        """Word number `at` goes; at least one other word stays."""
        left, right = self.saved(at), self.gaps[at + 1]
        if at == 0:
            gap = merge_first(left, right)
        elif at == len(self.words) - 1:
            gap = merge_last(left, right)
        else:
            gap = merge_inner(left, right)
        gaps = (*self.gaps[:at], gap, *self.gaps[at + 2 :])
        return replace(self, gaps=gaps, words=spliced(self.words, at, at + 1))

    def put(self, at: int, word: str) -> "Layout":
        """`word` takes the place of word number `at`."""
        gaps = spliced(self.gaps, at, at + 1, self.saved(at))
        return replace(self, gaps=gaps, words=spliced(self.words, at, at + 1, word))

    def saved(self, at: int) -> str:
        """The gap before word `at`, with the comment lines inside the word."""
        gap, comments = self.gaps[at], without_text(self.words[at].split("\n")[1:-1])
        if not comments:
            return gap
        parts = cut(gap) or Gap(gap.rstrip(BLANK), "", INDENT)
        return parts._replace(middle=parts.middle + comments).text

    def comments(self) -> str:
        """Every comment and blank line in the value, each with its newline."""
        return without_text(self.text.split("\n")[1:-1])

    def flat(self, value: str) -> str:
        """`value` alone on the first line, the comment lines kept below it."""
        first = self.gaps[0].partition("\n")[0]
        head = first[: len(first) - len(first.lstrip(" \t"))]
        if self.roomy and head == (" " if not value else ""):
            head = "" if not value else " "
        below = self.comments().removesuffix("\n").removesuffix("\r")
        newline = "\r\n" if "\r\n" in self.text else "\n"
        return head + value + (newline + below if below else "")

    def like(self, at: int) -> str:
        """A fresh separator in the style of gap `at`, which is between words."""
        if len(self.words) > 1:
            parts = cut(self.gaps[at])
            return parts.plain if parts else self.gaps[at]
        head = cut(self.gaps[0]) if self.comma else None
        return self.comma + (head.plain if head else " ")

    def split_first(self) -> tuple[str, str]:
        """The gaps around a word put in before all others."""
        head, fresh = cut(self.gaps[0]), self.like(1)
        if head and head.middle and "," not in fresh.rpartition("\n")[2]:
            comma = "," if "," in fresh else ""
            below = head._replace(before=comma + head.newline.removesuffix("\n"))
            return head._replace(middle="").text, below.text
        return self.gaps[0], fresh

    def split_last(self) -> tuple[str, str]:
        """The gaps around a word put in after all others."""
        fresh, tail = self.like(len(self.words) - 1), self.gaps[-1]
        parts = cut(fresh)
        if parts is None:
            return fresh, tail
        if "," in tail:
            return tail + parts.newline + parts.lead, ","
        return parts.comma + tail + parts.newline + parts.lead, ""


def without_text(lines: Iterable[str]) -> str:
    """The comment and blank lines among these, each with its newline."""
    return "".join(f"{line}\n" for line in lines if not is_text(line))


def spliced(row: tuple[str, ...], start: int, end: int, *new: str) -> tuple[str, ...]:
    """`row` with `new` in place of `row[start:end]`."""
    return (*row[:start], *new, *row[end:])


def split_inner(gap: str) -> tuple[str, str]:
    """The gaps around a word put in between two others."""
    parts = cut(gap)
    if parts is None:
        return gap, gap
    carriage = parts.newline.removesuffix("\n")
    below = parts._replace(before=parts.comma + carriage)
    return parts._replace(middle="").text, below.text


def merge_inner(left: str, right: str) -> str:
    """The gap left where a word between two others is taken out."""
    above, below = cut(left), cut(right)
    if above and below:
        middle = above.middle + below.middle
        return Gap(above.before, middle, below.lead).text
    if above:
        return left
    return right if below or "," in right else left


def merge_first(left: str, right: str) -> str:
    """The gap before the new first word, where the first is taken out."""
    above, below = cut(left), cut(right)
    if below is None:
        return left
    if above:
        return above._replace(middle=above.middle + below.middle).text
    if not below.middle:
        return left
    before = left.rstrip(BLANK) + below.newline.removesuffix("\n")
    return Gap(before, below.middle, below.lead.replace(",", "")).text


def merge_last(left: str, right: str) -> str:
    """The gap after the new last word, where the last is taken out."""
    above = cut(left)
    if above is None:
        return right
    before = above.before if "," in right else above.before.replace(",", "")
    comments = above.middle + without_text(right.split("\n")[1:])
    kept = f"{before}\n{comments}" if comments else before
    return kept.removesuffix("\n").removesuffix("\r")


def common(old: Sequence[object], new: Sequence[object]) -> list[tuple[int, int]]:
    """The (old, new) positions of a longest common subsequence.

    Swapping `old` and `new` swaps the pairs where one contains the other, so
    what an edit put in, its undoing takes out. Equal ends are matched first;
    a middle of more than a million pairs is taken as wholly different.
    """
    start, stop = 0, min(len(old), len(new))
    while start < stop and old[start] == new[start]:
        start += 1
    ends = 0
    while ends < stop - start and old[-1 - ends] == new[-1 - ends]:
        ends += 1
    inner = longest(old[start : len(old) - ends], new[start : len(new) - ends])
    return [
        *((at, at) for at in range(start)),
        *((i + start, j + start) for i, j in inner),
        *((len(old) - at, len(new) - at) for at in range(ends, 0, -1)),
    ]


def longest(old: Sequence[object], new: Sequence[object]) -> list[tuple[int, int]]:
    """`common` by dynamic programming; the leftmost of equal solutions."""
    if len(old) * len(new) > 1_000_000:
        return []
    length = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            same = old[i] == new[j]
            longer = max(length[i + 1][j], length[i][j + 1])
            length[i][j] = length[i + 1][j + 1] + 1 if same else longer
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def become(
    layout: Layout, pairs: Sequence[tuple[int, int]], wanted: Sequence[str]
) -> Layout:
    """The layout edited so that its words are `wanted`, neither being empty.

    `pairs` are the (present, wanted) positions of words that stay as they are.
    Between two that stay, words are exchanged in place as far as both sides
    reach; the rest is put in or taken out.
    """
    stays = [*pairs, (len(layout.words), len(wanted))]
    starts = [(0, 0), *((i + 1, j + 1) for i, j in pairs)]
    for (i, j), (i_end, j_end) in reversed(list(zip(starts, stays, strict=True))):
        both = min(i_end - i, j_end - j)
        for at in range(both):
            layout = layout.put(i + at, wanted[j + at])
        for at in range(j + both, j_end):
            layout = layout.insert(i + at - j, wanted[at])
        for at in reversed(range(i + both, i_end)):
            layout = layout.remove(at)
    return layout
