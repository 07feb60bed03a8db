"""MX records of our domains, asked of a DNS whose answers the test knows."""

from time import monotonic

from postfixconf.host.faults import LIFETIME
from postfixconf.host.mx import Exchange, is_here, look_up
from tests.support.dns import SERVFAIL, SILENT, Dns, Records

AT: Records = {
    ("own.example", "MX"): ["20 backup.isp.example", "10 MX.Own.Example"],
    ("mx.own.example", "A"): ["127.0.0.1"],
    ("backup.isp.example", "A"): ["192.0.2.50", "192.0.2.51"],
    ("backup.isp.example", "AAAA"): ["2001:db8::50"],
    ("alone.example", "A"): ["192.0.2.60"],
    ("nothing.example", "MX"): ["0 ."],
    ("broken.example", "MX"): SERVFAIL,
    ("silent.example", "MX"): SILENT,
}


def test_the_first_choice_comes_first_with_all_addresses(dns: Dns) -> None:
    with dns.answering(AT):
        found = look_up(["own.example"])["own.example"]
    first, second = found.exchanges
    assert first == Exchange("mx.own.example", 10, ("127.0.0.1",), here=True)
    assert second.addresses == ("192.0.2.50", "192.0.2.51", "2001:db8::50")
    assert (second.host, second.here) == ("backup.isp.example", False)


def test_a_domain_without_records_takes_its_own_mail(dns: Dns) -> None:
    with dns.answering(AT):
        found = look_up(["alone.example"])["alone.example"]
    assert found.exchanges == (Exchange("alone.example", 0, ("192.0.2.60",)),)


def test_a_domain_that_takes_no_mail_has_no_exchange(dns: Dns) -> None:
    with dns.answering(AT):
        found = look_up(["nothing.example"])["nothing.example"]
    assert (found.exchanges, found.trouble) == ((), "")


def test_what_does_not_answer_is_said_in_time(dns: Dns) -> None:
    names = ["gone.invalid", "broken.example", "silent.example", "own.example"]
    begun = monotonic()
    with dns.answering(AT):
        found = look_up(names)
    assert monotonic() - begun < 2 * LIFETIME + 1
    assert "does not exist" in found["gone.invalid"].trouble
    assert "fail" in found["broken.example"].trouble
    assert "did not answer" in found["silent.example"].trouble
    assert len(found["own.example"].exchanges) == 2


def test_only_addresses_of_this_machine_are_here() -> None:
    assert is_here("127.0.0.1")
    assert not is_here("192.0.2.50") and not is_here("2001:db8::50")
