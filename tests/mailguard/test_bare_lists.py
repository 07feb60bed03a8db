"""A list found without return codes: one click, Review, apply, and the way back."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import draft, panic, restore, services, undo, worker
from mailguard.changes.models import State
from mailguard.protection import filters
from mailguard.protection import services as protection
from mailguard.protection.differences import Difference, between, with_one
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.practice import Practice

ZEN, ZONE = "dnsbl:zen.spamhaus.org", "zen.spamhaus.org"
MARK = Difference(f"codes {ZEN}", "", "as catalogued")
RECIPIENT = "smtpd_recipient_restrictions"
BARE = "reject_rbl_client zen.spamhaus.org"
CODED = f"{BARE}=127.0.0.[2..11]"
LISTED, BY_ERROR = "127.0.0.2", "127.0.0.88"  # the second by 127.255.255.254
FIX = {"fix": f"{ZONE}=filtered"}


def main_cf(server: Server) -> Path:
    """The file."""
    return Path(server.config_dir) / "main.cf"


def rule(server: Server) -> str:
    """The rule that asks the list, as it stands in the file; empty where none does."""
    rules = MainCf.parse(main_cf(server).read_text()).rules(RECIPIENT)
    return next((x.text for x in rules if "zen.spamhaus" in x.text), "")


def code(practice: Practice, client: str) -> int:
    """The answer to an honest envelope."""
    sender, to = "alice@good.example", "bob@practice.test"
    return practice.attempt(sender, to, src=client, helo="mx.good.example").code


def adopt(server: Server, alice: Actor) -> None:
    """Take over what somebody wrote by hand."""
    worker.tend(server)
    made = services.request_adoption(server=server, actor=alice, reason="by hand")
    assert carried_out(made, server).state == State.APPLIED


def rewrite(server: Server, old: str, new: str) -> None:
    """Somebody edits main.cf by hand."""
    path = main_cf(server)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def bare(server: Server, alice: Actor, practice: Practice) -> Server:
    """A server that asks a list without codes, adopted so."""
    main = MainCf.parse(main_cf(server).read_text())
    rules = ", ".join(x.text for x in main.rules(RECIPIENT))
    value = ", ".join(filter(None, (rules, "permit_mynetworks", BARE)))
    main_cf(server).write_text(main.set(RECIPIENT, value).render())
    practice.instance.reload()
    adopt(server, alice)
    assert rule(server) == BARE
    return server


def test_one_click_ends_that_an_error_of_the_list_refuses_everybody(
    client: Client, bare: Server, alice: Actor, practice: Practice
) -> None:
    before = main_cf(bare).read_bytes()
    assert [code(practice, x) for x in (LISTED, BY_ERROR)] == [554, 554]
    assert "Ask it with its codes" in client.get("/findings/").content.decode()
    page = client.post("/findings/mend/", FIX, follow=True).content.decode()
    assert "This waits in the draft" in page and "Ask it with" not in page
    assert main_cf(bare).read_bytes() == before
    review = client.get("/review/").content.decode()
    assert "Return codes of Spamhaus ZEN" in review and "as catalogued" in review
    assert apply(bare, alice).changes == [vars(MARK)]
    assert rule(bare) == CODED
    assert [code(practice, x) for x in (LISTED, BY_ERROR)] == [554, 250]
    assert "unfiltered_blocklist" not in client.get("/findings/").content.decode()
    back = undo.undo(server=bare, actor=alice, change=MARK, reason="as it was")
    assert carried_out(back, bare).state == State.APPLIED
    assert main_cf(bare).read_bytes() == before
    told = Change.objects.filter(what=MARK.what).order_by("pk")
    assert [(x.before, x.after) for x in told] == [
        ("", "as catalogued"),
        ("as catalogued", ""),
    ]


def test_a_list_that_is_switched_on_again_has_its_codes(
    client: Client, bare: Server, alice: Actor, practice: Practice
) -> None:
    want(bare, alice, **{ZEN: "test"})
    then = apply(bare, alice)
    assert rule(bare) == f"warn_if_reject {CODED}"
    answer = client.post(
        f"/protection/{ZEN}/confirm/", {"confirmed": "on"}, follow=True
    )
    assert "asked with its return codes" in answer.content.decode()
    assert sorted(waiting(bare)) == [MARK.what, ZEN]
    revision = apply(bare, alice, draft.only(bare, ZEN))
    assert [each["what"] for each in revision.changes] == [MARK.what, ZEN]
    assert (rule(bare), code(practice, BY_ERROR)) == (CODED, 250)
    made = panic.request_panic(server=bare, actor=alice, reason="quiet")
    assert carried_out(made, bare).state == State.APPLIED
    assert rule(bare) == f"warn_if_reject {CODED}"
    back = restore.request_restore(
        server=bare, actor=alice, revision=then, reason="back"
    )
    assert carried_out(back, bare).state == State.APPLIED
    assert bare.live_policy["filtered"] == []


def test_what_is_off_and_on_again_in_the_draft_has_its_codes_too(
    bare: Server, alice: Actor
) -> None:
    want(bare, alice, **{ZEN: "off"})
    want(bare, alice, **{ZEN: "on"})
    assert waiting(bare) == [MARK.what]
    services.discard(server=bare, actor=alice)
    assert services.plan_of(bare).empty


def test_a_list_that_stays_on_and_one_that_was_never_found_get_no_mark(
    bare: Server, alice: Actor
) -> None:
    want(bare, alice, **{ZEN: "on", "dnsbl:bl.spamcop.net": "on"})
    assert waiting(bare) == ["dnsbl:bl.spamcop.net"]


def test_codes_that_are_adopted_need_no_mark_and_are_no_change(
    bare: Server, alice: Actor
) -> None:
    filters.filter_zone(server=bare, zone=ZONE, actor=alice)
    then = apply(bare, alice)
    rewrite(bare, "permit_mynetworks, ", "permit_mynetworks,  ")
    count = Change.objects.count()
    adopt(bare, alice)
    assert bare.live_policy["filtered"] == [] and protection.wanted().filtered == ()
    assert Change.objects.count() == count and waiting(bare) == []
    assert restore.preview(bare, then).settings == ()
    with pytest.raises(BadPolicy):
        filters.filter_zone(server=bare, zone=ZONE, actor=alice)


def test_codes_that_somebody_took_away_are_told_and_stay_away(
    client: Client, bare: Server, alice: Actor
) -> None:
    filters.filter_zone(server=bare, zone=ZONE, actor=alice)
    apply(bare, alice)
    rewrite(bare, CODED, BARE)
    worker.tend(bare)
    page = client.get("/findings/").content.decode()
    assert "unfiltered_blocklist" in page and "Ask it with its codes" not in page
    adopt(bare, alice)
    assert Change.objects.latest("pk").what == MARK.what
    assert (rule(bare), waiting(bare)) == (BARE, [])
    assert "Ask it with its codes" in client.get("/findings/").content.decode()


def test_a_mark_that_waits_outlives_an_adoption_while_it_is_needed(
    bare: Server, alice: Actor
) -> None:
    filters.filter_zone(server=bare, zone=ZONE, actor=alice)
    rewrite(bare, "permit_mynetworks, ", "permit_mynetworks,  ")
    adopt(bare, alice)
    assert waiting(bare) == [MARK.what]
    rewrite(bare, BARE, f"{BARE}=127.0.0.2")
    adopt(bare, alice)
    assert waiting(bare) == []


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(words[0], "--json", *words[1:], stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def test_a_script_gives_a_list_its_codes(bare: Server) -> None:
    ended, told = run("blocklists", "filter", "zen.spamhaus.org")
    assert (ended, told["filtered"]) == (0, [ZEN])
    ended, told = run("blocklists", "filter", "bl.spamcop.net")
    assert (ended, told["quoted"]) == (2, "bl.spamcop.net")


def test_a_script_that_switches_it_on_gives_it_its_codes(bare: Server) -> None:
    run("set", f"{ZEN}=test")
    _, told = run("set", f"{ZEN}=on")
    assert vars(MARK) in told["changes"]


def test_a_mark_is_one_difference_there_and_back() -> None:
    with_it = with_one(Policy(), MARK)
    assert list(between(Policy(), with_it)) == [MARK]
    assert with_one(with_it, MARK.reverse) == Policy()
    assert MARK.title == "Return codes of Spamhaus ZEN"
