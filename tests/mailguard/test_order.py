"""Rules in another order, through the services and pages, without a browser."""

import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import draft, order, presets, restore, services, undo, worker
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.differences import AS_FOUND, Difference
from mailguard.servers.models import Server
from postfixconf.policy.ordering import names_of
from postfixconf.policy.presets import PRESETS
from tests.support.changing import allow, apply, carried_out, waiting, want
from tests.support.practice import STRANGER, Practice
from tests.support.smtp import Reply

RECIPIENT = "smtpd_recipient_restrictions"
WHAT = f"order {RECIPIENT}"
FULL, KNOWN, HELO = (
    "reject_non_fqdn_sender",
    "reject_unknown_sender_domain",
    "reject_non_fqdn_helo_hostname",
)
MANUAL = PRESETS[-1]
THREE = {FULL: "on", KNOWN: "on", HELO: "on"}
PERMITS = ("permit_mynetworks", "permit_sasl_authenticated")


def up(server: Server, alice: Actor, key: str, times: int = 1) -> None:
    """Move a rule of the recipient list up."""
    for _ in range(times):
        order.step(server=server, name=RECIPIENT, key=key, up=True, actor=alice)


def names(server: Server) -> tuple[str, ...]:
    """The recipient list as it will stand."""
    server.refresh_from_db()
    return names_of(order.standing(server).then[RECIPIENT].rules)


def on_disk(server: Server) -> str:
    """The live main.cf."""
    return (Path(server.config_dir) / "main.cf").read_text()


def doubly_wrong(practice: Practice, src: str = STRANGER) -> Reply:
    """A sender that two rules would refuse, each with words of its own."""
    return practice.attempt("short@name", "b@practice.test", src=src, helo="laptop")


def test_a_rule_that_is_moved_speaks_first_on_the_live_server(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    assert "Helo command rejected" in doubly_wrong(practice).text
    up(server, alice, FULL)
    assert apply(server, alice).state == State.APPLIED
    assert "Sender address rejected" in doubly_wrong(practice).text


def test_a_move_is_on_record_in_words(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    row = Change.objects.get(what=WHAT)
    assert (row.actor_name, row.before) == ("alice", AS_FOUND)
    assert row.after == f"{HELO}, {KNOWN}, {FULL}"
    assert Difference(WHAT, "", "").title == "Order of the recipient checks"
    assert waiting(server)[-1] == WHAT


def test_there_and_back_again_leaves_nothing_waiting(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    up(server, alice, KNOWN)
    order.step(server=server, name=RECIPIENT, key=KNOWN, up=False, actor=alice)
    assert waiting(server) == []
    assert protection.wanted().order == {}


def test_order_off_gives_the_bytes_back(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    before = on_disk(server)
    up(server, alice, KNOWN, 2)
    apply(server, alice)
    assert on_disk(server) != before
    order.arrange(server=server, how=order.How.FOUND, actor=alice)
    apply(server, alice)
    assert on_disk(server) == before


def test_no_rule_goes_before_the_permits(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    before = names(server)
    with pytest.raises(NotNow, match=r"your own people .* Nothing was moved"):
        up(server, alice, HELO)
    assert names(server) == before


def test_no_rule_goes_before_the_entries(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    allow(alice, "192.0.2.7", kind="client")
    with pytest.raises(NotNow, match=r"before your entries: whom you allow"):
        up(server, alice, HELO)


def test_the_first_and_the_last_go_no_further(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    with pytest.raises(NotNow, match="It is the last already"):
        order.step(server=server, name=RECIPIENT, key=KNOWN, up=False, actor=alice)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("mynetworks", FULL),
        (RECIPIENT, "x"),
        (RECIPIENT, "permit_mynetworks"),
        ("", ""),
    ],
)
def test_what_is_not_ours_is_not_moved(
    server: Server, alice: Actor, name: str, key: str
) -> None:
    want(server, alice, **THREE)
    with pytest.raises(NotNow, match="no such rule in this list"):
        order.step(server=server, name=name, key=key, up=True, actor=alice)


def test_a_rule_is_dropped_where_it_is_let_go(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    listing = order.standing(server).then[RECIPIENT]
    told = {
        "list": RECIPIENT,
        "key": KNOWN,
        "to": "2",
        "seen": order.digest_of(listing),
    }
    assert client.post("/protection/order/drop/", told)["Location"].endswith(
        f"#{KNOWN}"
    )
    assert names(server) == (*PERMITS, KNOWN, HELO, FULL)


@pytest.mark.parametrize("to", ["0", "1", "99", "-1", "x", "", "²", "9" * 50])
def test_a_drop_where_nothing_may_stand_changes_nothing(
    client: Client, server: Server, alice: Actor, to: str
) -> None:
    want(server, alice, **THREE)
    before = names(server)
    listing = order.standing(server).then[RECIPIENT]
    told = {"list": RECIPIENT, "key": KNOWN, "to": to, "seen": order.digest_of(listing)}
    page = client.post("/protection/order/drop/", told, follow=True).content.decode()
    assert "Nothing was moved." in page
    assert names(server) == before


def test_a_drop_on_a_list_that_has_changed_is_refused(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    told = {"list": RECIPIENT, "key": KNOWN, "to": "2", "seen": "of before"}
    page = client.post("/protection/order/drop/", told, follow=True).content.decode()
    assert "changed while you were looking" in page


def test_only_the_order_goes_live_and_the_rest_keeps_waiting(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    want(server, alice, reject_non_fqdn_recipient="on")
    up(server, alice, KNOWN, 2)
    revision = apply(server, alice, draft.only(server, WHAT))
    assert [each.what for each in revision.differences] == [WHAT]
    assert waiting(server) == ["reject_non_fqdn_recipient"]
    text = on_disk(server)
    assert text.index(KNOWN) < text.index(FULL)
    assert "reject_non_fqdn_recipient" not in text


def test_an_order_is_undone_alone(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    before = on_disk(server)
    up(server, alice, KNOWN)
    [change] = apply(server, alice).differences
    queued = undo.undo(server=server, actor=alice, change=change, reason="no")
    assert carried_out(queued, server).state == State.APPLIED
    assert on_disk(server) == before


def test_a_restore_brings_the_order_of_then(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    then = apply(server, alice)
    order.arrange(server=server, how=order.How.FOUND, actor=alice)
    apply(server, alice)
    found = restore.preview(server, then)
    assert [each.what for each in found.settings] == [WHAT]
    queued = restore.request_restore(
        server=server, actor=alice, revision=then, reason="back"
    )
    carried_out(queued, server)
    assert on_disk(server).index(KNOWN) < on_disk(server).index(FULL)


def test_discard_drops_a_waiting_order(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    up(server, alice, KNOWN)
    services.discard(server=server, actor=alice)
    assert waiting(server) == []


def adopted(server: Server, alice: Actor, practice: Practice, text: str) -> Revision:
    """Somebody writes main.cf by hand, and Alice adopts it."""
    (Path(server.config_dir) / "main.cf").write_text(text)
    worker.tend(server)
    queued = services.request_adoption(server=server, actor=alice, reason="by hand")
    return carried_out(queued, server)


def test_an_adoption_keeps_an_order_that_still_holds(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    apply(server, alice)
    revision = adopted(server, alice, practice, on_disk(server) + "# Bob\n")
    assert revision.changes == []
    assert waiting(server) == []
    assert services.plan_of(server).empty


def test_an_order_changed_by_hand_is_as_found(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    apply(server, alice)
    by_hand = on_disk(server).replace(f"{KNOWN},\n    {FULL}", f"{FULL},\n    {KNOWN}")
    assert by_hand != on_disk(server)
    revision = adopted(server, alice, practice, by_hand)
    assert [each["what"] for each in revision.changes] == [WHAT]
    assert (waiting(server), on_disk(server)) == ([], by_hand)
    assert services.plan_of(server).empty


def test_a_waiting_order_survives_an_adoption(
    server: Server, alice: Actor, practice: Practice
) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    up(server, alice, KNOWN)
    adopted(server, alice, practice, on_disk(server) + "# Bob\n")
    assert waiting(server) == [WHAT]


def test_the_manual_is_on_the_live_server_in_its_order(
    server: Server, alice: Actor, practice: Practice
) -> None:
    line = f"{RECIPIENT} = {', '.join(PERMITS)}, reject_unauth_destination\n"
    adopted(server, alice, practice, on_disk(server) + line)
    found = presets.lines(server, MANUAL, on=True)
    ticks = presets.defaults(found, MANUAL)
    presets.take(server=server, preset=MANUAL, on=True, ticks=ticks, actor=alice)
    assert apply(server, alice).state == State.APPLIED
    command = ["postconf", "-c", server.config_dir, "-h", RECIPIENT]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert " ".join(said.replace(",", "").split()) == (
        f"{' '.join(PERMITS)} reject_unauth_destination {HELO} {FULL} "
        f"reject_non_fqdn_recipient reject_invalid_helo_hostname "
        f"check_policy_service {{ {practice.postgrey.service} timeout=5s try_limit=1 "
        "default_action=DUNNO } reject_unknown_recipient_domain "
        "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"
    )
    assert "Helo command rejected" in doubly_wrong(practice, "127.0.0.10").text
    assert not practice.works_for_strangers()  # they wait


def test_the_page_marks_what_is_new_and_moved_and_goes(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    apply(server, alice)
    up(server, alice, KNOWN)
    want(server, alice, reject_non_fqdn_recipient="test", **{HELO: "off"})
    page = client.get("/protection/order/").content.decode()
    assert page.count("moved: live it stands elsewhere") == 1
    assert page.count("new: not live yet") == 1
    assert f"Gone after the next apply: <code>{HELO}</code>" in page
    assert "Asks the DNS about each message before" in page


def test_a_list_that_port_25_does_not_ask_says_so(
    client: Client, server: Server
) -> None:
    own = "  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
    server.adopted_master = f"smtp inet n - n - - smtpd\n{own}".encode()
    server.save()
    page = client.get("/protection/order/").content.decode()
    assert page.count("On port 25 this list is not asked") == 0  # it is empty
    server.adopted_main = bytes(server.adopted_main or b"") + (
        b"smtpd_recipient_restrictions = permit_mynetworks\n"
    )
    server.save()
    page = client.get("/protection/order/").content.decode()
    assert page.count("On port 25 this list is not asked") == 1


@pytest.mark.parametrize("path", ["move", "drop", "all"])
def test_coming_back_from_signing_in_shows_the_page(
    client: Client, server: Server, path: str
) -> None:
    assert client.get(f"/protection/order/{path}/")["Location"] == "/protection/order/"


def test_a_long_order_is_told_on_every_page_of_the_history(
    client: Client, server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    number = apply(server, alice).number
    for path in (
        "/history/changes/",
        f"/history/{number}/",
        f"/history/compare/?from=1&to={number}",
        f"/history/{number}/undo/?what={WHAT}",
        "/history/1/restore/",
    ):
        page = client.get(path).content.decode()
        assert "Order of the recipient checks" in page
        assert f"{HELO}, {KNOWN}, {FULL}" in page


def test_the_plan_of_a_script_has_the_order(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    up(server, alice, KNOWN)
    told = run("plan")
    [diff] = [each["diff"] for each in told["files"] if each["path"] == "main.cf"]
    assert diff.index(KNOWN) < diff.index(FULL)
    assert [each["what"] for each in told["changes"]][-1] == WHAT


def run(*words: str) -> Any:
    """A command's JSON object."""
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_script_moves_a_rule_and_puts_it_back(server: Server, alice: Actor) -> None:
    want(server, alice, **THREE)
    before = run("order")["lists"][RECIPIENT]
    moved = run("order", "move", RECIPIENT, KNOWN, "up")["lists"][RECIPIENT]
    assert moved.index(KNOWN) == before.index(KNOWN) - 1
    assert run("order", "found")["lists"][RECIPIENT] == before


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (("sort",), "sort"),
        (("move",), ""),
        (("move", "x", "y"), "x y"),
        (("move", RECIPIENT, KNOWN, "away"), f"{RECIPIENT} {KNOWN} away"),
    ],
)
def test_a_script_gets_what_is_no_order_quoted(
    server: Server, words: tuple[str, ...], quoted: str
) -> None:
    told = run("order", *words)
    assert (told["error"], told["quoted"]) == ("bad_input", quoted)


def test_a_script_is_told_why_a_rule_cannot_go_there(
    server: Server, alice: Actor
) -> None:
    want(server, alice, **THREE)
    told = run("order", "move", RECIPIENT, HELO, "up")
    assert (told["error"], "your own people" in told["message"]) == ("refused", True)
