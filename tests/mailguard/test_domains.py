"""Own domains: the page and the command, without a browser."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import worker
from mailguard.protection import naming
from mailguard.protection.domains import own_domains
from mailguard.protection.models import (
    OwnDomain,
    OwnException,
    OwnReply,
    Setting,
)
from mailguard.servers.models import Server
from postfixconf.policy import sources
from postfixconf.policy.entries import Lookup
from postfixconf.policy.own_domains import REPLY, OwnDomains
from postfixconf.text.access import lines_of
from tests.support.practice import Practice

ODD = [
    "",
    "a.example\nevil.example",
    "a.example OK",
    "# a.example",
    "$mydomain",
    "{a.example}",
    '"a.example"',
    "a\x00.example",
    "a\x1b.example",
    "\u202ea.example",
    "x" * 10_000 + ".example",
]


@pytest.fixture
def server(shared_practice: Practice, db: None) -> Server:
    """One for all: nothing here reaches Postfix."""
    made = Server.objects.create(
        name="local", config_dir=str(shared_practice.instance.config_dir)
    )
    worker.tend(made)
    return made


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py domains … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("domains", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def test_the_page_says_that_it_is_about_the_envelope_only(
    client: Client, server: Server
) -> None:
    page = client.get("/domains/").content.decode()
    assert "envelope sender" in page
    assert "DMARC" in page


def test_a_domain_is_added_in_its_one_spelling(client: Client, server: Server) -> None:
    client.post("/domains/add/", {"domain": " @Ours.EXAMPLE. "})
    assert own_domains().domains == ("ours.example",)
    assert Change.objects.get(what="domain ours.example").actor_name == "alice"


def test_what_the_server_takes_mail_for_is_one_click_away(
    client: Client, server: Server
) -> None:
    assert 'value="practice.test"' in client.get("/domains/").content.decode()
    client.post("/domains/add/", {"domain": "practice.test"})
    assert "+ practice.test" not in client.get("/domains/").content.decode()


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize(
    ("path", "form", "field"),
    [("add", "domain_form", "domain"), ("except", "exception_form", "network")],
)
def test_an_odd_text_is_quoted_and_stands_in_its_field(
    client: Client, server: Server, path: str, form: str, field: str, text: str
) -> None:
    answer = client.post(f"/domains/{path}/", {field: text})
    error = answer.context[form].errors[field][0]
    assert not text or repr(text[:20])[1:-1] in error
    assert answer.context[form][field].value() == text
    assert own_domains() == OwnDomains()


@pytest.mark.parametrize("text", ["", "ä", "a\nb", "\x1b", "\u202e", "x" * 10_000])
def test_an_odd_reply_is_quoted_and_the_old_one_stays(
    client: Client, server: Server, text: str
) -> None:
    answer = client.post("/domains/reply/", {"reply": text})
    assert answer.context["reply_form"].errors["reply"]
    assert own_domains().reply == REPLY


def test_the_reply_is_changed(client: Client, server: Server) -> None:
    client.post("/domains/reply/", {"reply": "Use port 587, # $please {now}"})
    assert own_domains().reply == "Use port 587, # $please {now}"


def test_an_exception_comes_and_goes(client: Client, server: Server) -> None:
    client.post("/domains/except/", {"network": "192.0.2.9/24"})
    assert own_domains().exceptions == ("192.0.2.0/24",)
    client.post("/domains/refuse/", {"value": "192.0.2.0/24"})
    assert own_domains().exceptions == ()


def test_without_a_domain_the_stop_cannot_be_switched_on(
    client: Client, server: Server
) -> None:
    answers = {"own_domains": "on", "own_domains.test": "on"}
    page = client.post("/protection/own_domains/", answers, follow=True)
    assert "name your own domains first" in page.content.decode()


def test_switching_leads_back_to_the_page(
    client: Client, server: Server, alice: Actor
) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    answers = {"own_domains": "on", "own_domains.test": "on"}
    answer = client.post("/protection/own_domains/", answers)
    assert answer["Location"] == "/domains/"
    assert Setting.objects.get(key="own_domains").mode == "test"


def test_on_is_confirmed_with_its_condition_named(
    client: Client, server: Server, alice: Actor
) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    page = client.post("/protection/own_domains/", {"own_domains": "on"}, follow=True)
    assert "nobody sends through port 25 from outside" in page.content.decode()
    client.post("/protection/own_domains/confirm/", {"confirmed": "own_domains"})
    assert Setting.objects.get(key="own_domains").mode == "on"


def test_no_other_confirmation_speaks_of_port_25(
    client: Client, server: Server
) -> None:
    page = client.get("/protection/reject_unknown_client_hostname/confirm/")
    assert "port 25 from outside" not in page.content.decode()


def test_the_last_domain_may_go_and_the_page_says_what_that_means(
    client: Client, server: Server, alice: Actor
) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    Setting.objects.filter(key="own_domains").update(mode="on")
    answer = client.post("/domains/remove/", {"value": "ours.example"}, follow=True)
    assert "switched on and does nothing" in answer.content.decode()
    assert "It does nothing now" in client.get("/domains/").content.decode()


@pytest.mark.parametrize("value", ["", "never.example", "a\nb", "\x00", "x" * 10_000])
def test_taking_out_what_is_not_there_changes_nothing(
    client: Client, server: Server, alice: Actor, value: str
) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    before = Change.objects.count()
    for path in ("remove", "refuse"):
        answer = client.post(f"/domains/{path}/", {"value": value}, follow=True)
        assert answer.status_code == 200
    assert Change.objects.count() == before


@pytest.mark.parametrize("path", ["add", "remove", "except", "refuse", "reply"])
def test_coming_back_from_signing_in_shows_the_page(
    client: Client, server: Server, path: str
) -> None:
    assert client.get(f"/domains/{path}/")["Location"] == "/domains/"


def test_a_script_adds_and_removes(server: Server) -> None:
    assert run("add", "Ours.example") == (0, {"domains": ["ours.example"]})
    assert Change.objects.get(what="domain ours.example").actor_name.startswith("cli:")
    assert run("remove", "ours.example") == (0, {"domains": []})


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (("grow", "a.example"), "grow"),
        (("remove", "never.example"), "never.example"),
        (("add", "a b"), "a b"),
        (("add", ""), ""),
        (("add", "$mydomain"), "$mydomain"),
    ],
)
def test_a_script_gets_exit_2_and_the_bad_word_quoted(
    server: Server, words: tuple[str, ...], quoted: str
) -> None:
    code, told = run(*words)
    assert (code, told["error"], told["quoted"]) == (2, "bad_input", quoted)


TEXTS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[a-zß-ž0-9@._-]{1,12}\.[a-z]{2,5}", fullmatch=True),
)
MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(text=TEXTS, by_script=st.booleans())
def test_whatever_is_taken_is_a_line_of_the_sender_table(
    client: Client, server: Server, text: str, by_script: bool
) -> None:
    OwnDomain.objects.all().delete()
    if by_script:
        run("add", "--", text)
    else:
        client.post("/domains/add/", {"domain": text})
    own = own_domains()
    made = "".join(sources.lines(Lookup.ACCESS, (), own, dotted=False))
    keys = [line.key for line in lines_of(made)]
    assert keys[:1] == list(own.domains)
    assert {line.action for line in lines_of(made)} <= {"mailguard_own_domains"}


@MANY
@given(network=TEXTS, reply=TEXTS)
def test_whatever_is_taken_is_a_line_of_the_client_table(
    client: Client, server: Server, network: str, reply: str
) -> None:
    OwnException.objects.all().delete()
    OwnReply.objects.all().delete()
    client.post("/domains/except/", {"network": network})
    client.post("/domains/reply/", {"reply": reply})
    own = own_domains()
    *excepted, four, six = lines_of("".join(own.lines()))
    assert [line.key for line in excepted] == list(own.exceptions)
    assert {four.action, six.action} == {f"REJECT {own.reply}"}
