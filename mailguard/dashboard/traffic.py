"""What the dashboard tells of the mail: one sentence, a chart, and who was met most."""

from collections import Counter
from dataclasses import dataclass

from django.utils import timezone

from mailguard.protection import services as protection
from mailguard.servers.models import Server
from mailguard.traffic.charts import Bar, Chart, draw, lying
from mailguard.traffic.models import Daily, Hour
from mailguard.traffic.series import Part, Period, series, summary
from mailguard.traffic.tops import Top, tops

__all__ = ["Traffic", "choices", "sentence", "traffic"]

ALL_MAIL = "All mail"
TITLES = {  # and what a search wants before the value
    Daily.What.DOMAIN: ("Sender domains", "@"),
    Daily.What.CLIENT: ("Clients", ""),
    Daily.What.REASON: ("Reasons", ""),
}


@dataclass(frozen=True)
class Traffic:
    """The mail of `period`, or what the control `key` did with it.

    `ever` says whether any mail was counted at all. `tops` are titles with the first
    ten, whatever the control.
    """

    period: Period
    key: str
    title: str
    ever: bool
    sentence: str
    chart: Chart
    tops: list[tuple[str, str, list[tuple[Top, list[Bar]]]]]


def choices() -> list[tuple[str, str]]:
    """What a chart can be of: all mail, or a control that leaves lines in the log."""
    controls = protection.wanted().controls.offered
    known = [(each.key, each.title) for each in controls if each.signature]
    return [("", ALL_MAIL), *known]


def traffic(server: Server, period: Period, key: str) -> Traffic:
    """What to show; `key` is one of `choices`."""
    now = timezone.now()
    first_ten = tops(server, period)
    return Traffic(
        period=period,
        key=key,
        title=dict(choices())[key],
        ever=Hour.objects.filter(server=server, control="").exists(),
        sentence=sentence(summary(server, now)),
        chart=draw(period, series(server, period, key, now), one=bool(key)),
        tops=[(*told, barred(first_ten[what])) for what, told in TITLES.items()],
    )


def barred(rows: list[Top]) -> list[tuple[Top, list[Bar]]]:
    """Each with its bar, the first as long as the room."""
    return [(each, lying(each.parts, rows[0].total)) for each in rows]


def sentence(counts: Counter[Part]) -> str:
    """The day so far in one sentence."""
    if not any(counts.values()):
        return "No mail today so far."
    named = (Part.ACCEPTED, Part.REFUSED, Part.GREYLISTED, Part.PUT_OFF)
    always = (Part.ACCEPTED, Part.REFUSED)
    told = [
        f"{counts[part]:,} {part.words}"
        for part in named
        if counts[part] or part in always
    ]
    would = counts[Part.WOULD]
    test = f"; {would:,} {Part.WOULD.words} by rules in test" if would else ""
    return f"Today {', '.join(told)}{test}."
