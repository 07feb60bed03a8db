"""Where the bars of a chart stand.

Widths are in percent and heights in pixels: a page stretches a chart to any width,
and its letters and patterns stay as they are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from mailguard.traffic.series import Bucket, Part, Period

__all__ = ["Bar", "Chart", "Slot", "Spark", "draw", "lying", "scale", "sparkline"]

PLOT = 180  # pixels from the highest line to the lowest
SPARK = 28
LYING = 8
SEEN = 2  # what is there at all is this high
FREE = 0.16  # of a bucket's width

# From the bottom up. What would have been refused was accepted or refused by another
# rule: with all mail it stands beside the others and not on them.
ALL = (Part.ACCEPTED, Part.GREYLISTED, Part.PUT_OFF, Part.REFUSED)
ONE = (Part.WOULD, Part.PUT_OFF, Part.REFUSED)


@dataclass(frozen=True)
class Bar:
    """A piece of a bar: x and width in percent, y and height in pixels."""

    part: Part
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Slot:
    """A bucket as it is drawn.

    `name` says when it is, `cells` how many met with what, `title` both in words.
    `label` stands below it and is empty below most.
    """

    name: str
    cells: tuple[str, ...]
    title: str
    label: str
    x: float
    width: float
    bars: tuple[Bar, ...]

    @property
    def middle(self) -> float:
        """Where its label stands, in percent."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Chart:
    """A chart: its parts with their totals, its lines with their y, its slots."""

    totals: tuple[tuple[Part, int], ...]
    lines: tuple[tuple[float, int], ...]
    slots: tuple[Slot, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(count for _, count in self.totals)


def draw(period: Period, buckets: list[Bucket], *, one: bool) -> Chart:
    """The chart of all mail, or of `one` control, which knows no accepted mail."""
    stack, parts = (ONE, ONE) if one else (ALL, (*ALL, Part.WOULD))
    lines = scale(max(_height(each.counts, stack) for each in buckets))
    unit, width = PLOT / lines[-1], 100 / len(buckets)
    slots = tuple(
        Slot(
            name=_name(period, each),
            cells=tuple(f"{each.counts[part]:,}" for part in parts),
            title=_title(each.counts, parts),
            label=_label(period, each, len(buckets) - n),
            x=width * n,
            width=width,
            bars=tuple(_bars(each.counts, stack, width * n, width, unit)),
        )
        for n, each in enumerate(buckets)
    )
    totals = tuple((part, sum(b.counts[part] for b in buckets)) for part in parts)
    return Chart(totals, tuple((PLOT - n * unit, n) for n in lines), slots)


def scale(most: int) -> list[int]:
    """Two to five round numbers from nought, the last not below `most`.

    >>> scale(37)
    [0, 10, 20, 30, 40]
    """
    step = 1
    while step * 4 < most:
        step = step // 2 * 5 if str(step).startswith("2") else step * 2
    return [step * n for n in range(max(1, -(-most // step)) + 1)]


def _height(counts: Counter[Part], stack: tuple[Part, ...]) -> int:
    return max(sum(counts[part] for part in stack), counts[Part.WOULD])


def _bars(
    counts: Counter[Part], stack: tuple[Part, ...], x: float, width: float, unit: float
) -> Iterator[Bar]:
    free = width * (1 - FREE)
    apart = counts[Part.WOULD] > 0 and Part.WOULD not in stack
    wide = free * 0.66 if apart else free
    left, level = x + width * FREE / 2, float(PLOT)
    for part in stack:
        if counts[part] > 0:
            tall = max(SEEN, counts[part] * unit)
            level -= tall
            yield Bar(part, left, level, wide, tall)
    if apart:
        tall = max(SEEN, counts[Part.WOULD] * unit)
        yield Bar(Part.WOULD, left + wide, PLOT - tall, free - wide, tall)


def _name(period: Period, bucket: Bucket) -> str:
    start, end = timezone.localtime(bucket.start), timezone.localtime(bucket.end)
    if period is Period.MONTH:
        return f"{start:%a} {start.day} {start:%b}"
    return f"{start:%a} {start.day} {start:%b}, {start:%H:%M} to {end:%H:%M}"


def _title(counts: Counter[Part], parts: tuple[Part, ...]) -> str:
    met = [f"{counts[part]:,} {part.words}" for part in parts if counts[part]]
    return ", ".join(met) or "nothing"


def _label(period: Period, bucket: Bucket, from_end: int) -> str:
    local = timezone.localtime(bucket.start)
    if period is Period.DAY:
        return f"{local:%H:%M}" if local.hour % 6 == 0 else ""
    if period is Period.WEEK:
        return f"{local:%a} {local.day}" if local.hour < 6 else ""
    return f"{local.day} {local:%b}" if from_end % 7 == 1 else ""


def lying(parts: Iterable[tuple[Part, int]], most: int) -> list[Bar]:
    """The pieces of a bar that lies down, as long as its share of `most`."""
    bars: list[Bar] = []
    left = 0.0
    for part, count in parts:
        width = 100 * count / most
        bars.append(Bar(part, left, 0, width, LYING))
        left += width
    return bars


@dataclass(frozen=True)
class Spark:
    """One bar of a sparkline in pixels, with its words."""

    x: int
    y: int
    height: int
    title: str


def sparkline(days: Iterable[tuple[str, int]]) -> list[Spark]:
    """A bar for each name and count; a nought is a line on the ground."""
    named = list(days)
    most = max((count for _, count in named), default=0) or 1
    heights = [max(SEEN + 1, SPARK * n // most) if n else 1 for _, n in named]
    return [
        Spark(12 * n, SPARK - height, height, f"{name} {count:,}")
        for n, ((name, count), height) in enumerate(zip(named, heights, strict=True))
    ]
