"""Relays in front: the page, the command, history and the way back."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import restore, undo, worker
from mailguard.changes import services as changes
from mailguard.changes.models import Revision
from mailguard.protection import naming, services
from mailguard.protection.differences import Difference, between, with_one
from mailguard.protection.fronts import relays
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.policy.policy import Policy
from tests.mailguard.test_domains import ODD

ADDED = Difference("relay 192.0.2.7", "", "in front")


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py relays … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("relays", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def apply(server: Server, actor: Actor, reason: str = "why not") -> Revision:
    """Bring the draft live."""
    made = changes.request_apply(server=server, actor=actor, reason=reason)
    assert made is not None
    worker.carry_out(made)
    made.refresh_from_db()
    assert made.state == "applied", made.cause
    server.refresh_from_db()
    return made


def test_a_relay_comes_and_goes_by_the_page(client: Client, server: Server) -> None:
    client.post("/relays/add/", {"relay": " 192.0.2.9/24"})
    assert relays() == ("192.0.2.0/24",)
    assert "192.0.2.0/24" in client.get("/relays/").content.decode()
    assert Change.objects.get(what="relay 192.0.2.0/24").actor_name == "alice"
    client.post("/relays/remove/", {"value": "192.0.2.0/24"})
    assert relays() == ()


def test_the_page_says_what_a_relay_still_has_to_pass(
    client: Client, server: Server
) -> None:
    page = client.get("/relays/").content.decode()
    assert "relay protection" in page.split("It still has to pass")[1]
    assert "greylisting" in page.split("It still has to pass")[0]


@pytest.mark.parametrize("text", [*ODD, "0.0.0.0/0", "mx.example.org"])
def test_an_odd_relay_is_quoted_and_stands_in_its_field(
    client: Client, server: Server, text: str
) -> None:
    form = client.post("/relays/add/", {"relay": text}).context["form"]
    assert not text or repr(text[:20])[1:-1] in form.errors["relay"][0]
    assert form["relay"].value() == text
    assert relays() == ()


@pytest.mark.parametrize("path", ["add", "remove"])
def test_coming_back_from_signing_in_shows_the_page(
    client: Client, server: Server, path: str
) -> None:
    assert client.get(f"/relays/{path}/")["Location"] == "/relays/"


def test_a_script_adds_and_removes(server: Server) -> None:
    assert run("add", "192.0.2.7/32") == (0, {"relays": ["192.0.2.7"]})
    assert run("remove", "192.0.2.7") == (0, {"relays": []})


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (("grow", "192.0.2.7"), "grow"),
        (("remove", "192.0.2.7"), "192.0.2.7"),
        (("add", "mx.example"), "mx.example"),
        (("add", ""), ""),
    ],
)
def test_a_script_gets_exit_2_and_the_bad_word_quoted(
    server: Server, words: tuple[str, ...], quoted: str
) -> None:
    code, told = run(*words)
    assert (code, told["error"], told["quoted"]) == (2, "bad_input", quoted)


def test_a_relay_is_one_difference_there_and_back() -> None:
    with_it = with_one(Policy(), ADDED)
    assert list(between(Policy(), with_it)) == [ADDED]
    assert with_one(with_it, ADDED.reverse) == Policy()
    assert ADDED.title == "Relay in front"


def test_a_policy_of_before_names_no_relay() -> None:
    told = Policy(relays=("192.0.2.7",)).as_json()
    assert Policy.from_json(told).relays == ("192.0.2.7",)
    del told["relays"]
    assert Policy.from_json(told) == Policy()


@pytest.mark.parametrize("value", ["mx.example", "192.0.2.9/24", "0.0.0.0/0", "a\nb"])
def test_a_stored_relay_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(BadValue):
        Policy.from_json(Policy().as_json() | {"relays": [value]})


def test_a_relay_goes_live_and_stands_in_the_history(
    client: Client, server: Server, alice: Actor
) -> None:
    services.set_mode(
        server=server, key="reject_non_fqdn_sender", mode="on", actor=alice
    )
    naming.add_relay(text="192.0.2.7", actor=alice)
    review = client.get("/review/").content.decode()
    assert "Relay in front" in review and "relay 192.0.2.7" in review
    revision = apply(server, alice)
    assert {"what": ADDED.what, "before": "", "after": "in front"} in revision.changes
    assert server.live_policy["relays"] == ["192.0.2.7"]


def test_a_relay_is_taken_back_alone_and_restored(server: Server, alice: Actor) -> None:
    services.set_mode(
        server=server, key="reject_non_fqdn_sender", mode="on", actor=alice
    )
    naming.add_relay(text="192.0.2.7", actor=alice)
    then = apply(server, alice)
    revision = undo.undo(server=server, actor=alice, change=ADDED, reason="no more")
    assert revision is not None
    worker.carry_out(revision)
    server.refresh_from_db()
    assert server.live_policy["relays"] == [] and relays() == ()
    back = restore.request_restore(
        server=server, actor=alice, revision=then, reason="after all"
    )
    assert back is not None
    worker.carry_out(back)
    assert relays() == ("192.0.2.7",)


def test_a_hand_edit_keeps_the_relays_that_are_live_and_that_wait(
    server: Server, alice: Actor
) -> None:
    services.set_mode(
        server=server, key="reject_non_fqdn_sender", mode="on", actor=alice
    )
    naming.add_relay(text="192.0.2.7", actor=alice)
    apply(server, alice)
    naming.add_relay(text="192.0.2.8", actor=alice)
    main = servers.instance_of(server).config_dir / "main.cf"
    main.write_text(main.read_text() + "# by hand\n")
    adopted = changes.request_adoption(server=server, actor=alice, reason="mine")
    worker.carry_out(adopted)
    server.refresh_from_db()
    assert server.live_policy["relays"] == ["192.0.2.7"]
    assert relays() == ("192.0.2.7", "192.0.2.8")
    assert [each.what for each in changes.draft(server).changes] == ["relay 192.0.2.8"]
