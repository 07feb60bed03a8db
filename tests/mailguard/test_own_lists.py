"""Lists of one's own: a control like the catalogue's, from the form to the server."""

import pytest

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import demotion, draft, history, restore, undo
from mailguard.changes import services as changes
from mailguard.changes.models import Revision, State
from mailguard.protection import health, own_lists
from mailguard.protection import services as protection
from mailguard.protection.models import ListCheck
from mailguard.servers.models import Live, Server
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Mode
from postfixconf.policy.listing import Asked
from tests.support.changing import apply, carried_out, waiting, want
from tests.support.dns import Dns
from tests.support.keyed import OWN, own_records
from tests.support.practice import Practice
from tests.support.waiting import eventually

CONTROL = f"dnsbl:{OWN}"
GOOD, TO = "alice@good.example", "bob@practice.test"
LISTED = "127.0.0.108"


@pytest.fixture(autouse=True)
def _answering(dns: Dns) -> object:
    with dns.answering(own_records()):
        yield


def add(alice: Actor, zone: str = OWN, codes: str = "127.0.0.2") -> None:
    """One more list of addresses."""
    own_lists.add(
        zone=zone, asked=[Asked.CLIENT], codes=codes, actor=alice, name="Paid list"
    )


@pytest.fixture
def listed(server: Server, alice: Actor) -> Server:
    """The list refuses."""
    add(alice)
    want(server, alice, **{CONTROL: "on"})
    assert apply(server, alice).state == State.APPLIED
    return server


def code(practice: Practice, client: str = LISTED) -> int:
    """The answer to an honest envelope."""
    return practice.attempt(GOOD, TO, src=client, helo="mx.good.example").code


def test_a_list_of_ones_own_refuses_like_any_other(
    listed: Server, practice: Practice
) -> None:
    main = (practice.instance.config_dir / "main.cf").read_text()
    assert f"reject_rbl_client {OWN}=127.0.0.2" in main
    assert code(practice) == 554
    assert code(practice, "127.0.0.10") == 250
    assert Live.objects.get(key=CONTROL).mode == "on"


def test_in_test_mode_it_only_warns(
    listed: Server, alice: Actor, practice: Practice
) -> None:
    want(listed, alice, **{CONTROL: "test"})
    apply(listed, alice)
    assert code(practice) == 250
    eventually(lambda: "reject_warning" in practice.log())
    assert f"blocked using {OWN}" in practice.log()


def test_taking_it_out_takes_its_rule_out_and_a_restore_brings_it_back(
    listed: Server, alice: Actor, practice: Practice
) -> None:
    second = Revision.objects.get(number=2)
    own_lists.remove(zone=OWN, actor=alice)
    assert waiting(listed) == [f"list {OWN}", CONTROL]
    assert apply(listed, alice).state == State.APPLIED
    assert OWN not in practice.observed().texts.main
    assert code(practice) == 250
    back = restore.request_restore(
        server=listed, actor=alice, revision=second, reason="it was good"
    )
    assert carried_out(back, listed).state == State.APPLIED
    assert code(practice) == 554
    assert protection.wanted().zones[0].name == "Paid list"


def test_a_restore_of_before_takes_it_out(
    listed: Server, alice: Actor, practice: Practice
) -> None:
    first = Revision.objects.get(number=1)
    back = restore.request_restore(
        server=listed, actor=alice, revision=first, reason="as found"
    )
    assert carried_out(back, listed).state == State.APPLIED
    assert practice.observed().texts.main == practice.adopted.main
    assert not protection.wanted().zones


def test_a_rule_that_was_adopted_goes_with_its_list(
    listed: Server, alice: Actor, practice: Practice
) -> None:
    adopted = changes.request_adoption(server=listed, actor=alice, reason="as it is")
    carried_out(adopted, listed)
    own_lists.remove(zone=OWN, actor=alice)
    assert apply(listed, alice).state == State.APPLIED
    assert OWN not in practice.observed().texts.main


def test_every_change_of_it_is_on_record_and_can_be_undone(
    listed: Server, alice: Actor
) -> None:
    told = list(Change.objects.order_by("pk").values_list("what", "before", "after"))
    assert (f"list {OWN}", "", "dnsbl 127.0.0.2 Paid list") in told
    assert (CONTROL, "off", "on") in told
    [change] = [
        x for x in Revision.objects.get(number=2).differences if x.what == CONTROL
    ]
    back = undo.undo(server=listed, actor=alice, change=change, reason="too bold")
    assert carried_out(back, listed).state == State.APPLIED
    assert Live.objects.get(key=CONTROL).mode == "off"
    assert history.compare(*Revision.objects.filter(number__in=(1, 2))).settings


def test_one_change_alone_brings_its_list(server: Server, alice: Actor) -> None:
    add(alice)
    want(server, alice, **{CONTROL: "test", "disable_vrfy_command": "on"})
    one = draft.only(server, CONTROL)
    assert [each.what for each in one.changes] == [f"list {OWN}", CONTROL]
    assert apply(server, alice, one).state == State.APPLIED
    assert waiting(server) == ["disable_vrfy_command"]


def test_it_is_checked_and_taken_back_where_it_lists_everything(
    listed: Server, dns: Dns, practice: Practice
) -> None:
    with dns.answering({(f"*.{OWN}", "A"): ["127.0.0.2"]}):
        health.ask(server=listed, lists=[x for x in health.known(listed) if x.own])
        demotion.watch(listed)
        carried_out(Revision.objects.first(), listed)
    assert Live.objects.get(key=CONTROL).mode == "test"
    assert [each.key for each in demotion.demoted(listed)] == [CONTROL]
    assert not ListCheck.objects.filter(zone=OWN).first().trusted  # type: ignore[union-attr]


def test_one_that_fails_does_not_go_on(server: Server, alice: Actor, dns: Dns) -> None:
    add(alice)
    want(server, alice, **{CONTROL: "on"})
    with dns.answering({(f"2.0.0.127.{OWN}", "A"): []}):
        refused = apply(server, alice)
    assert refused.state == State.REFUSED
    assert "Paid list: It does not list its own test point" in refused.cause


@pytest.mark.parametrize(
    ("zone", "codes", "said"),
    [
        ("spam.dnsbl.sorbs.net", "127.0.0.2", "is dead since 2024"),
        ("zen.spamhaus.org", "127.0.0.2", "in the catalogue already"),
        ("nodots", "127.0.0.2", "'nodots': a zone is a domain"),
        ("bl.example\nrelay", "127.0.0.2", "a zone is a domain"),
        ("bl.$mydomain.example", "127.0.0.2", "a zone is a domain"),
        ("192.0.2.1", "127.0.0.2", "an address is no zone"),
        (OWN, "", "a list needs return codes"),
        (OWN, "127.0.0.[9..2]", "'127.0.0.[9..2]': 9..2 is no range"),
        (OWN, "127.255.255.254", "refuses to answer"),
        (OWN, "127.0.0.2, permit", "'127.0.0.2, permit': write four octets"),
    ],
)
def test_what_is_wrong_is_quoted(
    server: Server, alice: Actor, zone: str, codes: str, said: str
) -> None:
    with pytest.raises(BadPolicy) as refused:
        add(alice, zone, codes)
    assert said in str(refused.value)
    assert not Change.objects.exists()


def test_an_allow_list_of_ones_own_opens_no_relay(
    server: Server, alice: Actor, practice: Practice
) -> None:
    asked = [Asked.ALLOW]
    own_lists.add(zone=OWN, asked=asked, codes="127.0.0.2", actor=alice)
    want(server, alice, **{f"dnswl:{OWN}": "on", "dnsbl:zen.spamhaus.org": "on"})
    assert apply(server, alice).state == State.APPLIED
    assert code(practice, "127.0.0.2") == 250
    out = practice.attempt(GOOD, "carol@elsewhere.example", src="127.0.0.2")
    assert out.code in (454, 554)


def test_a_rule_by_hand_is_taken_over_with_the_filter(
    server: Server, alice: Actor, practice: Practice
) -> None:
    main = practice.instance.config_dir / "main.cf"
    rule = f"permit_mynetworks, reject_rbl_client {OWN}, reject_unauth_destination"
    main.write_text(main.read_text() + f"smtpd_client_restrictions = {rule}\n")
    carried_out(
        changes.request_adoption(server=server, actor=alice, reason="by hand"), server
    )
    assert code(practice, "127.0.0.10") == 250
    add(alice)
    assert protection.wanted().modes[CONTROL] is Mode.ON
    assert apply(server, alice).state == State.APPLIED
    assert f"reject_rbl_client {OWN}=127.0.0.2" in practice.observed().texts.main


def test_its_test_point_may_answer_another_code_than_the_filter(
    server: Server, alice: Actor, practice: Practice, dns: Dns
) -> None:
    add(alice, codes="127.0.0.[4;9]")
    want(server, alice, **{CONTROL: "on"})
    with dns.answering({(f"109.0.0.127.{OWN}", "A"): ["127.0.0.9"]}):
        assert apply(server, alice).state == State.APPLIED
        assert code(practice) == 250
        assert code(practice, "127.0.0.109") == 554
