"""Figures on the pages: beside a switch, before a risky one, and on the dashboard."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.attention import attention
from mailguard.traffic.evidence import refresh
from mailguard.traffic.models import Log, Verdict
from tests.support.evidence import ago, correspond, daily, hit, hits, hour, live

RULE = "reject_non_fqdn_sender"
RISKY = "dnsbl:zen.spamhaus.org"
SILENT = "disable_vrfy_command"
GREY = "greylisting"
WOULD, REFUSED, PUT_OFF = Verdict.WOULD, Verdict.REFUSED, Verdict.PUT_OFF
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e.example"


@pytest.fixture
def host(db: None) -> Server:
    """A server of which only the log matters."""
    return Server.objects.create(name="local", config_dir="/etc/postfix")


def text(client: Client, path: str) -> str:
    """A page as one line."""
    return " ".join(client.get(path).content.decode().split())


def beside(client: Client, key: str, path: str = "/protection/") -> str:
    """The words beside one switch, without markup."""
    page = text(client, path)
    _, _, rest = page.partition(f'data-testid="evidence-{key}"')
    words = re.sub(
        r"<[^>]+>", " ", "<" + re.split(r'class="risks"|</section>', rest)[0]
    )
    return " ".join(words.split())


def test_a_switch_in_test_says_what_it_would_have_refused(
    client: Client, host: Server
) -> None:
    live(host, RULE, "test")
    hits(host, RULE, WOULD, 14)
    hour(host, Verdict.ACCEPTED, 3210, timezone.now())
    refresh(host, 9)
    said = beside(client, RULE)
    assert "14 would have been refused" in said
    assert "of 3,210 messages in 7 days" in said


def test_put_off_is_not_called_refused(client: Client, host: Server) -> None:
    live(host, RULE, "on")
    hits(host, RULE, PUT_OFF, 3)
    refresh(host, 9)
    said = beside(client, RULE)
    assert "3 put off" in said
    assert "refused" not in said


def test_an_allow_list_lets_somebody_past(client: Client, host: Server) -> None:
    said = beside(client, "dnswl:list.dnswl.org")
    assert "No evidence possible: Postfix writes no line when this lets" in said


def test_greylisting_refuses_nobody_and_is_ready_after_days_of_learning(
    client: Client, host: Server
) -> None:
    correspond("carol@partner.example")
    live(host, GREY, "test")
    hit(host, GREY, WOULD, timezone.now(), sender="carol@partner.example")
    hour(host, Verdict.ACCEPTED, 2000, timezone.now())
    refresh(host, 9)
    said = beside(client, GREY, "/greylisting/")
    assert "1 would have been put off" in said and "refused" not in said
    assert "Still learning: 2,000 messages in less than a day" in said
    hour(host, Verdict.ACCEPTED, 1, ago(days=8))
    assert "Ready to turn on" in beside(client, GREY, "/greylisting/")


def test_usual_senders_are_named_first_with_a_way_to_them(
    client: Client, host: Server
) -> None:
    correspond("carol@partner.example")
    live(host, RISKY, "test")
    hit(host, RISKY, WOULD, timezone.now(), sender="carol@partner.example")
    refresh(host, 9)
    assert "Look at these first : 1 from senders you usually accept" in beside(
        client, RISKY
    )
    link = "/search/?control=dnsbl%3Azen.spamhaus.org&amp;verdict=would&amp;time=week"
    assert link in text(client, "/protection/")


def test_enough_traffic_says_ready(client: Client, host: Server) -> None:
    live(host, RULE, "test")
    hour(host, Verdict.ACCEPTED, 1000, timezone.now())
    assert "Ready to turn on" in beside(client, RULE)


def test_what_is_not_recommended_is_not_called_ready(
    client: Client, host: Server
) -> None:
    live(host, "reject_unknown_client_hostname", "test")
    hour(host, Verdict.ACCEPTED, 1000, timezone.now())
    said = beside(client, "reject_unknown_client_hostname")
    assert "Leave it in test: it is not recommended" in said


def test_nothing_switches_a_control_by_itself(client: Client, host: Server) -> None:
    live(host, RULE, "test")
    hour(host, Verdict.ACCEPTED, 1000, timezone.now())
    refresh(host, 9)
    client.get("/protection/")
    assert host.live_set.get(key=RULE).mode == "test"


def test_a_control_that_is_off_has_no_nought(client: Client, host: Server) -> None:
    said = beside(client, RULE)
    assert "No evidence while it is off" in said
    assert "0" not in said


def test_where_no_evidence_is_possible_it_says_so(client: Client, host: Server) -> None:
    live(host, SILENT, "on")
    said = beside(client, SILENT)
    assert "No evidence possible" in said
    assert "0" not in said


def test_a_control_that_met_nothing_says_so_while_it_works(
    client: Client, host: Server
) -> None:
    live(host, RULE, "on")
    hour(host, Verdict.ACCEPTED, 1, timezone.now())
    assert "0 refused of 1 message in 7 days" in beside(client, RULE)


def test_the_confirmation_has_the_numbers(client: Client, host: Server) -> None:
    live(host, RISKY, "test")
    hits(host, RISKY, WOULD, 14)
    refresh(host, 9)
    said = beside(client, RISKY, f"/protection/{RISKY}/confirm/")
    assert "14 would have been refused" in said


def test_the_own_domain_stop_has_its_numbers_on_its_own_page(
    client: Client, host: Server
) -> None:
    live(host, "own_domains", "test")
    hits(host, "own_domains", WOULD, 2)
    refresh(host, 9)
    assert "2 would have been refused" in beside(client, "own_domains", "/domains/")


def test_the_dashboard_tells_the_day_in_one_sentence(
    client: Client, host: Server
) -> None:
    now = timezone.now()
    for verdict, number in ((Verdict.ACCEPTED, 312), (REFUSED, 41), (PUT_OFF, 3)):
        hour(host, verdict, number, now)
    hour(host, WOULD, 5, now)
    told = "Today 312 accepted, 41 refused, 3 put off; 5 would have been refused"
    assert told in text(client, "/")


def test_greylisted_mail_is_told_apart_from_what_else_was_put_off(
    client: Client, host: Server
) -> None:
    hour(host, PUT_OFF, 10, timezone.now())
    hour(host, PUT_OFF, 7, timezone.now(), "greylisting")
    assert "7 greylisted, 3 put off." in text(client, "/")


def test_without_mail_the_dashboard_says_what_to_do(
    client: Client, host: Server
) -> None:
    assert "as soon as Postfix writes to its log" in text(client, "/")
    Server.objects.update(config_dir="/srv/practice")
    assert "make demo" in text(client, "/")


def test_a_chart_has_a_table_behind_it(client: Client, host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 1234, timezone.now())
    page = text(client, "/?period=30d")
    assert "<td>1,234</td>" in page
    assert page.count('<th scope="row">') >= 30


def test_a_chart_of_one_control_is_an_address(client: Client, host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 1234, timezone.now())
    hour(host, WOULD, 56, timezone.now(), RISKY)
    page = text(client, f"/?period=7d&control={RISKY}")
    assert "<td>56</td>" in page
    assert "<td>1,234</td>" not in page


@pytest.mark.parametrize(
    "query", ["period=9y&control=nonsense", "period=%00", "control=%3Cb%3E"]
)
def test_an_address_that_means_nothing_shows_all_mail(
    client: Client, host: Server, query: str
) -> None:
    hour(host, Verdict.ACCEPTED, 1234, timezone.now())
    page = text(client, f"/?{query}")
    assert "All mail, 24 hours" in page
    assert "<b>" not in page


def test_the_ten_first_lead_to_their_messages(client: Client, host: Server) -> None:
    hour(host, REFUSED, 41, timezone.now())
    daily(host, "domain", "a&b=c.example", REFUSED, 41)
    refresh(host, 9)
    assert "/search/?text=@a%26b%3Dc.example" in text(client, "/")


def test_a_total_leads_to_its_messages(client: Client, host: Server) -> None:
    hour(host, PUT_OFF, 41, timezone.now())
    link = "/search/?control=greylisting&amp;verdict=put%20off&amp;time=month"
    assert link in text(client, "/?period=30d")


def test_a_hostile_domain_is_text_on_the_dashboard(
    client: Client, host: Server
) -> None:
    hour(host, REFUSED, 41, timezone.now())
    daily(host, "domain", HOSTILE, REFUSED, 41)
    refresh(host, 9)
    page = text(client, "/")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e.example" in page


def test_trouble_with_the_log_needs_attention(client: Client, host: Server) -> None:
    Log.objects.create(server=host, trouble="/var/log/<b>mail.log: permission denied")
    page = text(client, "/")
    assert "The mail log cannot be read: /var/log/&lt;b&gt;mail.log" in page


def test_lines_that_the_system_threw_away_need_attention(host: Server) -> None:
    Log.objects.create(server=host, suppressed=1500, suppressed_at=ago(hours=2))
    (said,) = attention(host)
    assert "threw away 1,500 lines" in said


def test_what_was_thrown_away_long_ago_is_forgotten(host: Server) -> None:
    Log.objects.create(server=host, suppressed=1500, suppressed_at=ago(days=2))
    assert attention(host) == []


def test_a_silent_log_needs_attention(host: Server) -> None:
    log = Log.objects.create(server=host, last_line_at=ago(days=3))
    assert "nothing to the mail log for 3\xa0days" in attention(host)[0]
    log.last_line_at = timezone.now() - timedelta(hours=3)
    log.save()
    assert attention(host) == []


@pytest.mark.parametrize("path", ["/", "/protection/"])
def test_a_page_never_touches_the_rows_of_attempts(
    client: Client, host: Server, path: str
) -> None:
    hits(host, RULE, WOULD, 3)
    hour(host, Verdict.ACCEPTED, 3, timezone.now())
    refresh(host, 9)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get(path)
    asked = " ".join(each["sql"] for each in seen)
    for table in ("traffic_hit", "traffic_attempt", "traffic_daily"):
        assert table not in asked
