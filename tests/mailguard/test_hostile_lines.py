"""Whatever a stranger gets into the log: no page breaks, and none shows markup."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
from django.apps import apps
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.servers.models import Server
from mailguard.traffic import evidence, intake, suggesting
from mailguard.traffic.models import Attempt, Hit, Log
from mailguard.traffic.understanding import Reader
from tests.support.corpus import corpus
from tests.support.hostile import MARKS, TEMPLATES, Page, crowd, template_lines
from tests.support.hostile import with_stamp as stamped
from tests.support.logged import refusal, server_with
from tests.support.soak import full

PAGES = ("/", "/search/", "/protection/", "/log/", "/greylisting/suggestions/")
PERIODS = ("/?period=24h", "/?period=7d", "/?period=30d")
FILTERS = ("/search/?verdict=would", "/search/?verdict=refused", "/search/?text=mg-")
Take = Callable[[Iterable[bytes]], None]


@pytest.fixture
def server(db: None, tmp_path: Path) -> Server:
    """A server of which only the log is of interest."""
    return server_with(tmp_path)[0]


@pytest.fixture
def take(server: Server) -> Take:
    """Takes lines in, up to what pages are made of."""

    def taken(lines: Iterable[bytes]) -> None:
        log, reader = intake.log_of(server), Reader(server, domains_only=False)
        intake.keep(log, reader.read(b"".join(lines)))
        intake.keep(log, reader.end())
        evidence.refresh(server, 3)
        suggesting.work_out(server)

    return taken


def faults(client: Client, paths: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The pages that a stranger changed, and how."""
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = Page(answer.content.decode()).faults
        if found:
            yield path, found[:5]


def misfits() -> list[tuple[str, object]]:
    """Values that a stricter database would not take."""
    return [
        (f"{model.__name__}.{field.attname}", value)
        for model in apps.get_app_config("traffic").get_models()
        for field in model._meta.concrete_fields
        for value in model._default_manager.values_list(field.attname, flat=True)
        if not fits(value, field.max_length)
    ]


def fits(value: object, longest: int | None) -> bool:
    """Whether it is encodable text without NUL that is no longer than its column."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return True
    plain = "\0" not in value and not re.search("[\ud800-\udfff]", value)
    return plain and (longest is None or len(value) <= longest)


def every_page(most: int = 400) -> Iterator[str]:
    """All that show what was logged; of many attempts some."""
    yield from (*PAGES, *PERIODS, *FILTERS)
    keys = [*Attempt.objects.order_by("key").values_list("pk", flat=True)[:most]]
    yield from (f"/search/{key}/" for key in keys)
    controls = Hit.objects.order_by("control").values_list("control", flat=True)
    yield from (f"/search/?control={each}" for each in controls.distinct()[:most])


def test_every_field_of_every_line_is_shown_as_text(client: Client, take: Take) -> None:
    take(template_lines())
    assert Attempt.objects.count() > 60
    assert not misfits()
    assert not [*faults(client, every_page())]


def test_what_is_dangerous_is_shown_marked(client: Client, take: Take) -> None:
    take(
        refusal(1).replace(b"pc7", mark.encode("utf-8", "surrogateescape"))
        for mark in MARKS
    )
    text = "".join(
        Page(client.get(path).content.decode()).text for path in every_page()
    )
    for said in ("<mg-a>", r"\x1b[31m\x07", r"\u202emg-h\u200b", r"\udcffmg-i"):
        assert said in text


@pytest.mark.parametrize("seed", range(full(40)))
def test_spoiled_lines_of_real_logs_break_nothing(
    client: Client, take: Take, seed: int
) -> None:
    chance, known = Random(seed), list[bytes]()
    for path in chance.sample(corpus("logs"), 8):
        known += path.read_bytes().splitlines()[:3000]
    take(crowd(chance, known, 1500))
    assert not misfits()
    assert not [*faults(client, every_page(60))]


SLOW = settings(
    max_examples=full(500),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FIELDS = st.one_of(st.sampled_from(MARKS), st.text(max_size=40), st.just(""))


@SLOW
@given(template=st.sampled_from(TEMPLATES), fields=st.lists(FIELDS, min_size=9))
def test_any_text_in_any_field_is_text(
    client: Client, take: Take, template: str, fields: list[str]
) -> None:
    Attempt.objects.all().delete()
    take([stamped(template.format(*fields))])
    assert not [*faults(client, ("/search/", "/log/", *every_page(2)))]


@SLOW
@given(lines=st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_lines(take: Take, lines: list[bytes]) -> None:
    before = Log.objects.filter(lines__gt=0).values_list("lines", flat=True).first()
    data = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    take([data])
    if lines:
        assert Log.objects.get().lines == (before or 0) + len(lines)
