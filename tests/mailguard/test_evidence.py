"""What a control did lately: different ones a day, of usual senders, step by step."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic import evidence
from mailguard.traffic.advice import Word
from mailguard.traffic.beside import Beside, beside
from mailguard.traffic.evidence import Figures, refresh
from mailguard.traffic.models import Daily, Evidence, Hit, Log, Verdict
from mailguard.traffic.tops import tops
from postfixconf.policy.control import Mode
from tests.support.evidence import ago, correspond, daily, hit, hits, hour, live

RULE = "reject_non_fqdn_sender"
OTHER = "reject_non_fqdn_helo_hostname"
WOULD, REFUSED, PUT_OFF = Verdict.WOULD, Verdict.REFUSED, Verdict.PUT_OFF


@pytest.fixture
def host(db: None) -> Server:
    """A server of which only the log matters."""
    return Server.objects.create(name="local", config_dir="/etc/postfix")


def shown(server: Server, mode: Mode = Mode.TEST, key: str = RULE) -> Beside:
    """What stands beside a control."""
    return beside(server, {key: mode})[key]


def rested(key: str = RULE) -> None:
    """As if the last count were long ago."""
    Evidence.objects.filter(control=key).update(at=ago(minutes=30))


def stop_after_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which the time is up once the first day was counted."""
    clock = iter([0.0, 0.0, 0.0])
    monkeypatch.setattr(evidence, "monotonic", lambda: next(clock, 5.0))


def test_the_same_sender_counts_once_a_day_however_often_it_tries(host: Server) -> None:
    for _ in range(5):
        hit(host, RULE, PUT_OFF, timezone.now(), who="one")
    hits(host, RULE, PUT_OFF, 2)
    refresh(host, 9)
    assert (shown(host).hits, shown(host).attempts) == (3, 7)


def test_each_verdict_is_told_apart(host: Server) -> None:
    hits(host, RULE, REFUSED, 3)
    hits(host, RULE, PUT_OFF, 2)
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    assert shown(host).parts == [(REFUSED, 3), (PUT_OFF, 2), (WOULD, 1)]


def test_hits_of_usual_senders_are_counted(host: Server) -> None:
    correspond("carol@partner.example")
    hit(host, RULE, WOULD, timezone.now(), sender="Carol@partner.example")
    hit(host, RULE, WOULD, timezone.now(), sender="win@lottery.example")
    refresh(host, 9)
    assert (shown(host).hits, shown(host).usual) == (2, 1)


def test_a_new_hit_is_counted_at_the_next_refresh(host: Server) -> None:
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    rested()
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    assert shown(host).hits == 2


def test_a_day_that_did_not_change_is_not_counted_again(host: Server) -> None:
    hit(host, RULE, WOULD, ago(days=3))
    refresh(host, 9)
    Hit.objects.all().delete()
    rested()
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    assert shown(host).hits == 2


def test_an_old_log_read_late_changes_its_days(host: Server) -> None:
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    rested()
    hit(host, RULE, WOULD, ago(days=4))
    refresh(host, 9)
    assert [each.hits for each in shown(host).week] == [0, 0, 1, 0, 0, 0, 1]


def test_a_sender_that_becomes_usual_is_noticed_within_the_hour(host: Server) -> None:
    hit(host, RULE, WOULD, timezone.now(), sender="carol@partner.example")
    refresh(host, 9)
    correspond("carol@partner.example")
    row = Evidence.objects.get(control=RULE)
    row.figures["days"][-1]["at"] -= 3700
    row.save()
    rested()
    refresh(host, 9)
    assert shown(host).usual == 1


def test_a_costly_control_rests_before_it_is_counted_again(host: Server) -> None:
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    row = Evidence.objects.get(control=RULE)
    row.figures["took"] = 60
    row.save()
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    assert shown(host).hits == 1


def test_without_time_nothing_is_counted(host: Server) -> None:
    hits(host, RULE, WOULD, 1)
    refresh(host, 0)
    assert not Evidence.objects.exists()


def test_when_time_is_short_the_longest_waiting_comes_first(
    host: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (RULE, OTHER):
        hits(host, key, WOULD, 1)
    refresh(host, 9)
    rested(OTHER)
    for key in (RULE, OTHER):
        hits(host, key, WOULD, 1)
    monkeypatch.setattr(evidence, "watched", lambda _: [RULE, OTHER])
    monkeypatch.setattr(evidence, "resting", lambda row: False)
    monkeypatch.setattr(evidence, "PERIODS", ())
    stop_after_one_day(monkeypatch)
    refresh(host, 1)
    assert (shown(host).hits, shown(host, key=OTHER).hits) == (1, 2)


def test_a_control_goes_on_where_its_time_was_up(
    host: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (0, 1, 2):
        hit(host, RULE, WOULD, ago(days=days))
    monkeypatch.setattr(evidence, "watched", lambda _: [RULE])
    monkeypatch.setattr(evidence, "resting", lambda row: False)
    monkeypatch.setattr(evidence, "PERIODS", ())
    found = []
    for _ in range(3):
        stop_after_one_day(monkeypatch)
        refresh(host, 1)
        found.append(shown(host).hits)
    assert found == [1, 2, 3]


def test_what_the_log_keeps_no_longer_stays_counted(host: Server) -> None:
    Log.objects.create(server=host, keep_days=3)
    Evidence.objects.create(
        server=host,
        control=RULE,
        at=ago(days=1),
        figures={
            "days": [
                {"date": str((ago(days=5)).date()), "would": 4, "counted": 4, "at": 1}
            ],
            "took": 0,
        },
    )
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    assert shown(host).hits == 5


def test_figures_of_an_earlier_day_move_to_their_place(host: Server) -> None:
    hits(host, RULE, WOULD, 2)
    refresh(host, 9)
    row = Evidence.objects.get(control=RULE)
    row.figures["days"][-1]["date"] = str(timezone.localdate() - timedelta(days=6))
    row.save()
    assert [each.hits for each in shown(host).week] == [2, 0, 0, 0, 0, 0, 0]


def test_messages_are_all_attempts_once(host: Server) -> None:
    for verdict in (Verdict.ACCEPTED, REFUSED, WOULD):
        hour(host, verdict, 10, timezone.now())
    assert shown(host).messages == 20


def test_messages_count_from_the_switch_on(host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 500, ago(days=2))
    live(host, RULE, "test", revision=3)
    refresh(host, 9)
    hour(host, Verdict.ACCEPTED, 7, timezone.now())
    assert (shown(host).messages, shown(host).whole) == (7, False)


def test_a_hit_of_today_moves_no_switch_back_to_midnight(host: Server) -> None:
    with timezone.override("UTC"):
        hour(host, Verdict.ACCEPTED, 2000, ago(hours=2))
        live(host, RULE, "test", revision=3)
        hits(host, RULE, WOULD, 4)
        refresh(host, 9)
        hour(host, Verdict.ACCEPTED, 7, timezone.now())
        assert shown(host).messages == 7
        assert shown(host).advice.word is Word.WAIT


def test_what_was_only_logged_before_counts_on(host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 30, ago(hours=3))
    live(host, RULE, "test", revision=3)
    refresh(host, 9)
    row = Evidence.objects.get(control=RULE)
    row.figures["heard"] = ago(hours=5).isoformat()
    row.save()
    rested()
    live(host, RULE, "on", revision=4)
    refresh(host, 9)
    hour(host, Verdict.ACCEPTED, 7, timezone.now())
    assert shown(host, Mode.ON).messages == 37


def test_a_server_found_with_a_rule_counts_the_whole_week(host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 500, ago(days=2))
    live(host, RULE, "on", revision=1)
    refresh(host, 9)
    assert (shown(host, Mode.ON).messages, shown(host, Mode.ON).whole) == (500, True)


def test_the_week_before_stands_beside_this_one(host: Server) -> None:
    hit(host, RULE, WOULD, ago(days=9))
    hits(host, RULE, WOULD, 4)
    refresh(host, 9)
    assert (shown(host).before, shown(host).hits) == (1, 4)


def test_a_control_never_seen_shows_a_nought_only_while_it_works(host: Server) -> None:
    assert not shown(host, Mode.OFF).shown
    assert shown(host, Mode.TEST).parts == [(WOULD, 0)]
    assert shown(host, Mode.ON).parts == [(REFUSED, 0)]


def test_what_leaves_no_line_has_no_evidence(host: Server) -> None:
    silent = shown(host, Mode.ON, "disable_vrfy_command")
    assert not silent.possible
    assert not silent.shown
    assert "disable_vrfy_command" not in evidence.watched(host)


def test_nothing_is_written_for_what_never_met_anything(host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 5, timezone.now())
    refresh(host, 9)
    assert not Evidence.objects.exists()


def test_figures_come_back_from_a_row_as_they_went(host: Server) -> None:
    hits(host, RULE, WOULD, 1)
    refresh(host, 9)
    row = Evidence.objects.get(control=RULE)
    assert Figures.of(row.figures).days[-1].would == 1


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "UTC"])
def test_a_hit_just_after_midnight_belongs_to_the_new_day(
    host: Server, zone: str
) -> None:
    with timezone.override(zone):
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0)
        hit(host, RULE, WOULD, midnight + timedelta(minutes=1))
        hit(host, RULE, WOULD, midnight - timedelta(minutes=1))
        refresh(host, 9)
        assert [each.hits for each in shown(host).week[-2:]] == [1, 1]


def test_a_late_hour_counts_on_both_sides_of_midnight(host: Server) -> None:
    with timezone.override("Asia/Kolkata"):
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0)
        hit(host, RULE, WOULD, midnight - timedelta(minutes=9))
        refresh(host, 9)
        rested()
        hit(host, RULE, WOULD, midnight + timedelta(minutes=9))
        refresh(host, 9)
        assert shown(host).hits == 2


def test_a_switch_starts_the_count_again(host: Server) -> None:
    live(host, RULE, "on", revision=2)
    refresh(host, 9)
    row = Evidence.objects.get(control=RULE)
    row.figures["since"] = ago(days=6).isoformat()
    row.save()
    rested()
    live(host, RULE, "test", revision=5)
    refresh(host, 9)
    figures = Figures.of(Evidence.objects.get(control=RULE).figures)
    assert figures.since > ago(minutes=5).isoformat()


def test_the_ten_first_are_worked_out_by_the_worker(host: Server) -> None:
    for number in range(12):
        daily(host, "domain", f"d{number}.example", REFUSED, number + 1)
    daily(host, "domain", "good.example", Verdict.ACCEPTED, 999)
    hour(host, REFUSED, 78, timezone.now())
    refresh(host, 9)
    found = tops(host, "7d")["domain"]
    assert [each.value for each in found][:2] == ["d11.example", "d10.example"]
    assert len(found) == 10


def test_the_ten_first_are_left_alone_while_nothing_changed(host: Server) -> None:
    hour(host, REFUSED, 1, timezone.now())
    daily(host, "domain", "d.example", REFUSED, 1)
    refresh(host, 9)
    Daily.objects.all().delete()
    rested("top:30d")
    refresh(host, 9)
    assert len(tops(host, "30d")["domain"]) == 1
