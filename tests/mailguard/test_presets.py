"""Taking a preset: what it changes, what it leaves, and what it names."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import presets, worker
from mailguard.changes.presets import Line
from mailguard.errors import NotNow
from mailguard.protection import naming
from mailguard.protection import services as protection
from mailguard.servers.models import Server
from mailguard.traffic.evidence import refresh
from mailguard.traffic.models import Verdict
from postfixconf.policy.presets import PRESETS, Preset
from tests.support.changing import want
from tests.support.evidence import correspond, hit, hits, hour, live
from tests.support.practice import Practice

CAREFUL, STANDARD, STRICT, MANUAL = PRESETS
FULL, VRFY = "reject_non_fqdn_sender", "disable_vrfy_command"
ZEN = "dnsbl:zen.spamhaus.org"
RECIPIENT = "smtpd_recipient_restrictions"


@pytest.fixture
def server(shared_practice: Practice, db: None) -> Server:
    """One for all: nothing here reaches Postfix."""
    made = Server.objects.create(
        name="local", config_dir=str(shared_practice.instance.config_dir)
    )
    worker.tend(made)
    made.refresh_from_db()
    return made


def take(
    server: Server,
    actor: Actor,
    preset: Preset,
    *,
    on: bool = False,
    also: tuple[str, ...] = (),
) -> list[Change]:
    """As the page sends it at first, with more ticks."""
    found = presets.lines(server, preset, on=on)
    ticks = presets.defaults(found, preset) | set(also)
    return presets.take(server=server, preset=preset, on=on, ticks=ticks, actor=actor)


def line(server: Server, preset: Preset, key: str, *, on: bool = False) -> Line:
    """One line of a preset."""
    return next(x for x in presets.lines(server, preset, on=on) if x.key == key)


def mode(key: str) -> str:
    """The wanted mode of a control."""
    return protection.wanted().modes[key].value


def run(*words: str) -> tuple[int, Any]:
    """A command of manage.py with --json."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*words, "--json", stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def test_a_preset_comes_in_test_mode_and_throws_no_switch(
    server: Server, alice: Actor
) -> None:
    changes = take(server, alice, STANDARD)
    assert {each.after for each in changes} == {"test"}
    assert (mode(FULL), mode(ZEN), mode(VRFY)) == ("test", "test", "off")
    assert "cannot be tested" in line(server, STANDARD, VRFY).why


def test_a_switch_that_is_ticked_is_thrown(server: Server, alice: Actor) -> None:
    take(server, alice, CAREFUL, also=(VRFY,))
    assert mode(VRFY) == "on"


def test_what_is_stricter_stays_unless_it_is_ticked(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **{FULL: "on", "dnsbl:psbl.surriel.com": "on"})
    take(server, alice, CAREFUL)
    assert (mode(FULL), mode("dnsbl:psbl.surriel.com")) == ("on", "on")
    take(server, alice, CAREFUL, also=(FULL, "dnsbl:psbl.surriel.com"))
    assert (mode(FULL), mode("dnsbl:psbl.surriel.com")) == ("test", "off")


def test_taken_as_on_it_is_on_with_what_it_needs(server: Server, alice: Actor) -> None:
    take(server, alice, STANDARD, on=True)
    assert {
        mode(key) for key in STANDARD.keys if line(server, STANDARD, key).row.switchable
    } == {"on"}


def test_taken_twice_it_changes_nothing(server: Server, alice: Actor) -> None:
    for preset in PRESETS:
        take(server, alice, preset)
        assert take(server, alice, preset) == []


def test_own_domains_are_named_before_they_are_guarded(
    server: Server, alice: Actor
) -> None:
    found = line(server, STRICT, "own_domains")
    assert (found.offer, "Name your own domains" in found.why) == (None, True)
    naming.add_domain(text="ours.example", actor=alice)
    take(server, alice, STRICT)
    assert mode("own_domains") == "test"


def test_no_preset_has_own_domains_refuse(server: Server, alice: Actor) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    for _ in range(2):
        take(server, alice, STRICT, on=True)
        assert (mode("own_domains"), mode(ZEN)) == ("test", "on")
    assert "from its own page only" in line(server, STRICT, "own_domains", on=True).why
    want(server, alice, own_domains="on")
    take(server, alice, STRICT, on=True)
    assert mode("own_domains") == "on"


def test_what_is_set_elsewhere_is_named(server: Server) -> None:
    rule = "  -o smtpd_client_restrictions=permit_mynetworks\n"
    server.adopted_master = f"2525 inet n - n - - smtpd\n{rule}".encode()
    server.save()
    found = line(server, STANDARD, "reject_unknown_reverse_client_hostname")
    assert found.offer is None
    assert "Set elsewhere (-o smtpd_client_restrictions" in found.why


def test_what_the_installed_postfix_lacks_is_named(server: Server) -> None:
    found = [x for x in presets.lines(server, STANDARD, on=True) if not x.row.available]
    for each in found:
        assert (each.offer, each.why[:13]) == (None, "Not available")


def test_the_manual_brings_its_order(server: Server, alice: Actor) -> None:
    changes = take(server, alice, MANUAL)
    assert changes[-1].what == f"order {RECIPIENT}"
    assert changes[-1].reason == "preset As in the manual, test"
    order = protection.wanted().order[RECIPIENT]
    assert order.index("reject_non_fqdn_recipient") < order.index(
        "reject_invalid_helo_hostname"
    )


def test_without_its_tick_the_order_stays(server: Server, alice: Actor) -> None:
    found = presets.lines(server, MANUAL, on=False)
    ticks = presets.defaults(found, MANUAL) - {presets.ORDER}
    presets.take(server=server, preset=MANUAL, on=False, ticks=ticks, actor=alice)
    assert protection.wanted().order == {}


def test_what_was_switched_meanwhile_is_not_turned_down(
    server: Server, alice: Actor
) -> None:
    seen = presets.digest_of(presets.lines(server, CAREFUL, on=False))
    want(server, alice, **{FULL: "on"})
    with pytest.raises(NotNow, match="while you were looking"):
        presets.take(
            server=server,
            preset=CAREFUL,
            on=False,
            ticks={FULL},
            actor=alice,
            seen=seen,
        )
    assert mode(FULL) == "on"


def test_the_page_takes_what_is_ticked_and_leads_to_the_review(
    client: Client, server: Server
) -> None:
    page = client.get("/protection/presets/careful/")
    told = {"seen": page.context["seen"], "take": [FULL, VRFY]}
    assert client.post("/protection/presets/careful/", told)["Location"] == "/review/"
    assert (mode(FULL), mode(VRFY), mode("reject_non_fqdn_recipient")) == (
        "test",
        "on",
        "off",
    )


def test_an_outdated_page_changes_nothing_and_keeps_the_ticks(
    client: Client, server: Server
) -> None:
    told = {"seen": "of before", "take": [FULL]}
    page = client.post("/protection/presets/careful/", told)
    assert "Nothing was changed" in page.content.decode()
    ticked = [
        x.line.key for _, group in page.context["groups"] for x in group if x.ticked
    ]
    assert ticked == [FULL]
    assert mode(FULL) == "off"


def test_on_is_confirmed_with_numbers(client: Client, server: Server) -> None:
    page = client.get("/protection/presets/standard/?as=on").content.decode()
    assert "This refuses mail from the next apply on" in page
    assert "no evidence" in page
    assert "Take it as on, in the draft" in page


def test_the_numbers_are_those_of_what_goes_on(client: Client, server: Server) -> None:
    for key in (FULL, ZEN):
        live(server, key, "test")
    hits(server, FULL, Verdict.WOULD, 14)
    hit(server, ZEN, Verdict.WOULD, timezone.now(), sender="a@partner.example")
    correspond("a@partner.example")
    hour(server, Verdict.ACCEPTED, 3210, timezone.now())
    refresh(server, 9)
    page = client.get("/protection/presets/standard/?as=on").content.decode()
    said = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "at most 15 of 3,210 messages, 1 of them from senders you usually" in said
    assert "Of 11 protections there is no evidence here: they were never tried" in said


def test_each_line_says_what_it_can_lose(client: Client, server: Server) -> None:
    page = client.get("/protection/presets/strict/")
    shown = [x for _, group in page.context["groups"] for x in group]
    assert page.content.decode().count("Can lose:") == len(shown) > 10


def test_no_such_preset_is_not_found(client: Client, server: Server) -> None:
    assert client.get("/protection/presets/nonsense/").status_code == 404


def test_a_script_takes_one_and_reads_what_was_left(server: Server) -> None:
    code, told = run("preset", "standard")
    assert code == 0
    assert {"what": FULL, "before": "off", "after": "test"} in told["changes"]
    assert VRFY in [each["key"] for each in told["left"]]
    code, told = run("preset", "standard", "--on", "--tick", FULL)
    assert {"what": FULL, "before": "test", "after": "on"} in told["changes"]


def test_a_script_sees_all_of_them(server: Server) -> None:
    code, told = run("presets")
    assert (code, [each["name"] for each in told["presets"]]) == (
        0,
        ["careful", "standard", "strict", "manual"],
    )


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("careful", "--tick", "nonsense"), ("careful", "--tick", ZEN)],
)
def test_a_script_gets_its_bad_word_quoted(
    server: Server, words: tuple[str, ...]
) -> None:
    code, told = run("preset", *words)
    assert (code, told["quoted"]) == (2, words[-1])
