"""Trusted networks: the page, the command, draft, history and the ways back."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import draft, restore, undo, worker
from mailguard.changes import services as changes
from mailguard.changes.models import Revision
from mailguard.errors import NotNow
from mailguard.protection import services
from mailguard.protection.differences import Difference, between, with_one
from mailguard.protection.models import TrustedNetwork
from mailguard.sending import trusting
from mailguard.sending.models import NetworkNote
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.policy.networks import Trusted
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from tests.mailguard.test_domains import ODD
from tests.support.changing import apply, waiting

LAN, PRINTER, HERE = "192.168.1.0/24", "192.168.1.20/32", "127.0.0.1/32"
ADDED = Difference(f"network {LAN}", "", "trusted")


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py networks … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("networks", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def named(server: Server) -> list[str]:
    """What the draft trusts."""
    return sorted(trusting.trusted(server))


def live(server: Server) -> Trusted:
    """mynetworks of main.cf as it stands."""
    return Trusted.of(MainCf.parse(main_of(server)))


def main_of(server: Server) -> str:
    """main.cf as it stands."""
    return (servers.instance_of(server).config_dir / "main.cf").read_text()


def write_main(server: Server, text: str) -> None:
    """A hand edit."""
    (servers.instance_of(server).config_dir / "main.cf").write_text(text)


def adopt(server: Server, actor: Actor) -> Revision:
    """Adopt a hand edit."""
    made = changes.request_adoption(server=server, actor=actor, reason="mine")
    worker.carry_out(made)
    made.refresh_from_db()
    assert made.state == "applied", made.cause
    server.refresh_from_db()
    return made


def trust(server: Server, actor: Actor, text: str = LAN, note: str = "office") -> None:
    trusting.add(server=server, text=text, actor=actor, note=note, confirmed=True)


def test_the_page_shows_what_was_found(client: Client, server: Server) -> None:
    page = client.get("/sending/networks/").content.decode()
    assert f'data-network="{HERE}"' in page and "as it was found" in page
    assert named(server) == [HERE] and waiting(server) == []
    assert not Change.objects.exists()  # nobody changed anything


def test_a_network_comes_and_goes_by_the_page(client: Client, server: Server) -> None:
    told = {"network": " 192.168.1.0/24", "note": "the office"}
    client.post("/sending/networks/add/", told)
    page = client.get("/sending/networks/").content.decode()
    assert LAN in page and "the office" in page and "waits to be trusted" in page
    change = Change.objects.get(what=f"network {LAN}")
    assert (change.actor_name, change.reason) == ("alice", "the office")
    assert waiting(server) == [f"network {LAN}"]
    client.post("/sending/networks/remove/", {"value": LAN})
    assert named(server) == [HERE] and waiting(server) == []
    row = NetworkNote.objects.get(network=LAN)
    assert (row.author_name, row.note) == ("alice", "the office")


@pytest.mark.parametrize(
    "text", [*ODD, "0.0.0.0/0", "::/0", "192.168.1.5/24", "12.0.0.0/7", HERE]
)
def test_an_odd_network_is_quoted_and_stands_in_its_field(
    client: Client, server: Server, text: str
) -> None:
    told = {"network": text, "note": ""}
    form = client.post("/sending/networks/add/", told).context["form"]
    assert not text or repr(text[:20])[1:-1] in form.errors["network"][0]
    assert form["network"].value() == text
    assert named(server) == [HERE]


def test_bits_behind_the_prefix_get_the_right_network_offered(
    client: Client, server: Server
) -> None:
    told = {"network": "192.168.1.5/24", "note": ""}
    page = client.post("/sending/networks/add/", told).content.decode()
    assert "write 192.168.1.0/24 for the network" in page


def test_an_odd_note_is_quoted(client: Client, server: Server) -> None:
    told = {"network": LAN, "note": "a\u202eb"}
    form = client.post("/sending/networks/add/", told).context["form"]
    assert "'a\\u202eb'" in form.errors["note"][0]
    assert named(server) == [HERE]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("5.9.0.0/24", "is public"),
        ("172.0.0.0/8", "far more than your own network"),
        ("172.17.0.0/16", "Docker"),
    ],
)
def test_a_doubtful_network_is_asked_back_once(
    client: Client, server: Server, network: str, said: str
) -> None:
    told = {"network": network, "note": "branch"}
    page = client.post("/sending/networks/add/", told).content.decode()
    assert said in page.split('data-testid="doubts"')[1].split("</ul>")[0]
    assert "Trust it all the same" in page and named(server) == [HERE]
    assert f'name="sure" value="{network}"' in page
    other = told | {"sure": network, "network": "5.9.1.0/24"}
    client.post("/sending/networks/add/", other)
    assert named(server) == [HERE]  # another one was confirmed
    client.post("/sending/networks/add/", told | {"sure": network})
    assert network in named(server)
    assert "Look at this one" in client.get("/sending/networks/").content.decode()


def test_taking_out_this_server_itself_is_asked_back(
    client: Client, server: Server
) -> None:
    where = "/sending/networks/remove/"
    page = client.post(where, {"value": HERE}).content.decode()
    assert "own programs" in page and named(server) == [HERE]
    client.post(where, {"value": HERE, "sure": HERE})
    assert named(server) == [] and waiting(server) == [f"network {HERE}"]
    page = client.get("/sending/networks/").content.decode()
    assert "waits to go" in page and "None is named" not in page


@pytest.mark.parametrize("path", ["remove", "note"])
@pytest.mark.parametrize("text", ["10.9.9.9", "<script>alert(1)</script>", ""])
def test_what_is_not_trusted_can_neither_go_nor_have_a_note(
    client: Client, server: Server, path: str, text: str
) -> None:
    told = {"value": text, "note": "x"}
    page = client.post(f"/sending/networks/{path}/", told, follow=True).content.decode()
    assert "Nothing was changed" in page and "<script>alert" not in page
    assert named(server) == [HERE] and not NetworkNote.objects.exists()


def test_a_note_is_changed_without_an_apply(client: Client, server: Server) -> None:
    told = {"value": HERE, "note": "<b>cron</b>"}
    page = client.post("/sending/networks/note/", told, follow=True).content.decode()
    assert "&lt;b&gt;cron" in page and "<b>cron" not in page
    client.post("/sending/networks/note/", told | {"note": "cron"})
    client.post("/sending/networks/note/", told | {"note": "cron"})
    assert NetworkNote.objects.get().note == "cron" and waiting(server) == []
    assert Change.objects.filter(what=f"network {HERE}", after="note “cron”").count()


@pytest.mark.parametrize("path", ["add", "remove", "note"])
def test_coming_back_from_signing_in_shows_the_page(
    client: Client, server: Server, path: str
) -> None:
    where = client.get(f"/sending/networks/{path}/")["Location"]
    assert where == "/sending/networks/"


def test_nobody_sees_it_without_signing_in(server: Server) -> None:
    assert Client().get("/sending/networks/").status_code == 302
    told = {"network": LAN, "note": ""}
    assert Client().post("/sending/networks/add/", told).status_code == 302
    assert named(server) == [HERE]


def test_a_script_lists_adds_and_removes(server: Server) -> None:
    code, told = run("add", "192.168.1.20", "--note", "copier", "--reason", "M6")
    assert code == 0 and told["networks"][1] == {
        "network": PRINTER,
        "wanted": True,
        "live": False,
        "note": "copier",
        "author": told["networks"][1]["author"],
        "sent": 0,
        "warnings": [],
    }
    assert told["networks"][1]["author"].startswith("cli:")
    assert Change.objects.get(what=f"network {PRINTER}").reason == "M6"
    assert run("list") == (0, told)
    assert [x["network"] for x in run("remove", PRINTER)[1]["networks"]] == [HERE]


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (("grow", LAN), "grow"),
        (("remove", "10.9.9.9"), "10.9.9.9"),
        (("remove", HERE), HERE),  # not confirmed
        (("add", "printer.lan"), "printer.lan"),
        (("add", "0.0.0.0/0", "--confirmed"), "0.0.0.0/0"),
        (("add", "12.0.0.0/7", "--confirmed"), "12.0.0.0/7"),
        (("add", "5.9.0.0/24"), "5.9.0.0/24"),
        (("add", LAN, "--note", "a\nb"), "a\nb"),
        (("add", ""), ""),
    ],
)
def test_a_script_gets_exit_2_and_the_bad_word_quoted(
    server: Server, words: tuple[str, ...], quoted: str
) -> None:
    code, told = run(*words)
    assert (code, told["error"], told["quoted"]) == (2, "bad_input", quoted)
    assert named(server) == [HERE]


def test_a_script_confirms(server: Server) -> None:
    assert run("add", "5.9.0.0/24", "--confirmed")[0] == 0
    assert run("remove", HERE, "--confirmed")[0] == 0
    assert named(server) == ["5.9.0.0/24"]


def test_a_network_is_one_difference_there_and_back() -> None:
    with_it = with_one(Policy(), ADDED)
    assert list(between(Policy(), with_it)) == [ADDED]
    assert list(between(with_one(with_it, ADDED.reverse), Policy())) == []
    assert ADDED.title == "Trusted network"


def test_a_network_goes_live_and_stands_in_the_history(
    client: Client, server: Server, alice: Actor
) -> None:
    before = main_of(server)
    trust(server, alice)
    review = client.get("/review/").content.decode()
    assert "Trusted network" in review and f"network {LAN}" in review
    revision = apply(server, alice)
    assert {"what": ADDED.what, "before": "", "after": "trusted"} in revision.changes
    assert live(server).entries == (HERE, LAN)
    assert "waits" not in client.get("/sending/networks/").content.decode()
    trusting.remove(server=server, text=LAN, actor=alice)
    apply(server, alice)
    assert main_of(server) == before


def test_it_is_taken_back_alone_and_restored(server: Server, alice: Actor) -> None:
    trust(server, alice)
    then = apply(server, alice)
    trust(server, alice, PRINTER)
    revision = undo.undo(server=server, actor=alice, change=ADDED, reason="no more")
    assert revision is not None
    worker.carry_out(revision)
    server.refresh_from_db()
    assert live(server).entries == (HERE,)
    assert named(server) == [HERE, PRINTER]
    back = restore.request_restore(
        server=server, actor=alice, revision=then, reason="after all"
    )
    assert back is not None
    worker.carry_out(back)
    assert live(server).entries == (HERE, LAN)
    server.refresh_from_db()
    assert named(server) == [HERE, LAN] and waiting(server) == []


def test_a_restore_of_before_brings_back_what_was_found(
    server: Server, alice: Actor
) -> None:
    before = main_of(server)
    trusting.remove(server=server, text=HERE, actor=alice, confirmed=True)
    trust(server, alice)
    apply(server, alice)
    assert live(server).entries == (LAN,)
    first = Revision.objects.get(number=1)
    back = restore.request_restore(
        server=server, actor=alice, revision=first, reason="as it was"
    )
    assert back is not None
    worker.carry_out(back)
    assert main_of(server) == before


def test_a_revision_of_before_the_feature_leaves_networks_alone(
    server: Server, alice: Actor
) -> None:
    trust(server, alice)
    apply(server, alice)
    first = Revision.objects.get(number=1)
    told = {name: each for name, each in first.policy.items() if name != "networks"}
    Revision.objects.filter(number=1).update(policy=told)
    first.refresh_from_db()
    server.refresh_from_db()
    assert restore.preview(server, first).empty


def test_a_server_of_before_the_feature_gets_its_networks(server: Server) -> None:
    del server.live_policy["networks"]
    server.save()
    TrustedNetwork.objects.all().delete()
    worker.tend(server)
    server.refresh_from_db()
    assert server.live_policy["networks"] == {HERE: True}
    assert named(server) == [HERE] and waiting(server) == []


def test_a_discarded_draft_leaves_no_trace(server: Server, alice: Actor) -> None:
    trust(server, alice)
    trusting.remove(server=server, text=HERE, actor=alice, confirmed=True)
    changes.discard(server=server, actor=alice)
    assert named(server) == [HERE] and waiting(server) == []


def test_only_one_of_two_is_applied(server: Server, alice: Actor) -> None:
    trust(server, alice)
    trust(server, alice, PRINTER)
    apply(server, alice, draft.only(server, f"network {PRINTER}"))
    assert live(server).entries == (HERE, PRINTER)
    assert waiting(server) == [f"network {LAN}"]


def test_a_hand_edit_is_adopted_entry_by_entry(server: Server, alice: Actor) -> None:
    trust(server, alice)
    apply(server, alice)
    trust(server, alice, PRINTER)
    edited = main_of(server).replace(LAN, "10.1.0.0/16 !10.1.0.1")
    write_main(server, edited)
    told = adopt(server, alice).changes
    assert {"what": "network 10.1.0.0/16", "before": "", "after": "trusted"} in told
    assert {"what": f"network {LAN}", "before": "trusted", "after": ""} in told
    assert named(server) == sorted([HERE, PRINTER, "10.1.0.0/16"])
    assert waiting(server) == [f"network {PRINTER}"]
    assert main_of(server) == edited
    apply(server, alice)
    assert live(server).entries == (HERE, "10.1.0.0/16", PRINTER)
    assert live(server).foreign == ("!10.1.0.1",)


def test_what_is_foreign_is_shown_and_kept(
    client: Client, server: Server, alice: Actor
) -> None:
    odd = "!192.168.1.0/24 cidr:/etc/<b>x $relay_domains"
    write_main(server, main_of(server).replace(HERE, f"{HERE} {odd}"))
    adopt(server, alice)
    page = client.get("/sending/networks/").content.decode()
    shown = page.split('data-testid="foreign"')[1]
    assert "cidr:/etc/&lt;b&gt;x" in shown and "lookup table" in shown
    told = {"network": PRINTER, "note": ""}
    page = client.post("/sending/networks/add/", told).content.decode()
    assert "has “!192.168.1.0/24” before it" in page
    assert named(server) == [HERE]


def test_behind_a_word_that_postfix_cannot_read_nothing_is_added_unasked(
    client: Client, server: Server, alice: Actor
) -> None:
    write_main(server, main_of(server).replace(HERE, f"{HERE} 127/8"))
    adopt(server, alice)
    told = {"network": PRINTER, "note": ""}
    page = client.post("/sending/networks/add/", told).content.decode()
    assert "“127/8” before it, which Postfix cannot read" in page


def test_a_service_with_networks_of_its_own_is_told(
    client: Client, server: Server, alice: Actor
) -> None:
    path = servers.instance_of(server).config_dir / "master.cf"
    inner = "127.0.0.1:10025 inet n - n - - smtpd\n  -o mynetworks=127.0.0.0/8\n"
    path.write_text(path.read_text() + inner)
    adopt(server, alice)
    page = client.get("/sending/networks/").content.decode()
    assert "-o mynetworks=127.0.0.0/8" in page and "127.0.0.1:10025" in page


@pytest.fixture
def styled(server: Server, alice: Actor) -> Server:
    """The server leaves it to mynetworks_style."""
    text = MainCf.parse(main_of(server)).remove("mynetworks").render()
    write_main(server, text + "mynetworks_style = subnet\n")
    adopt(server, alice)
    return server


def test_a_style_is_shown_with_what_it_trusts(client: Client, styled: Server) -> None:
    page = client.get("/sending/networks/").content.decode()
    assert "mynetworks_style = subnet" in page
    assert 'data-network="127.0.0.0/8"' in page
    assert waiting(styled) == []


def test_the_first_edit_takes_a_style_over(styled: Server, alice: Actor) -> None:
    before = main_of(styled)
    trust(styled, alice)
    assert waiting(styled) == ["network 127.0.0.0/8", f"network {LAN}"]
    apply(styled, alice, draft.only(styled, f"network {LAN}"))
    assert live(styled).entries == ("127.0.0.0/8", LAN)
    assert waiting(styled) == []
    first = Revision.objects.get(number=2)
    restored = restore.request_restore(
        server=styled, actor=alice, revision=first, reason="as it was"
    )
    assert restored is not None
    worker.carry_out(restored)
    assert main_of(styled) == before


def test_a_discarded_first_edit_leaves_it_to_the_style(
    styled: Server, alice: Actor
) -> None:
    trust(styled, alice)
    changes.discard(server=styled, actor=alice)
    assert waiting(styled) == [] and named(styled) == ["127.0.0.0/8"]
    with pytest.raises(NotNow):
        apply(styled, alice)


def test_the_last_one_of_a_style_stays(styled: Server, alice: Actor) -> None:
    with pytest.raises(BadValue, match="mynetworks_style decides again"):
        trusting.remove(server=styled, text="127.0.0.0/8", actor=alice, confirmed=True)
    trust(styled, alice)
    trusting.remove(server=styled, text="127.0.0.0/8", actor=alice, confirmed=True)
    apply(styled, alice)
    assert live(styled).entries == (LAN,)


def test_what_no_page_offers_no_apply_brings_live(server: Server, alice: Actor) -> None:
    change = Difference("network 0.0.0.0/0", "", "trusted")
    services.put(change=change, actor=alice, reason="")
    with pytest.raises(NotNow, match="anybody can send"):
        apply(server, alice)
    assert live(server).entries == (HERE,)
