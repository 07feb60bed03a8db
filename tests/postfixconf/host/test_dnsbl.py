"""Whether a list can be trusted, asked of a DNS that knows every way to fail."""

import pytest

from postfixconf.host.dnsbl import check
from postfixconf.host.faults import LIFETIME, Fault
from postfixconf.policy.blocklists import LISTS
from tests.support.dns import SERVFAIL, SILENT, Dns, Failure
from tests.support.keyed import KEYS

ZEN, DBL, DNSWL = "zen.spamhaus.org", "dbl.spamhaus.org", "list.dnswl.org"
BY_ZONE = {each.zone: each for each in LISTS}


def faults(zone: str) -> tuple[Fault, ...]:
    """What one check finds."""
    return check([BY_ZONE[zone]])[zone].faults


def test_every_list_of_the_catalogue_is_healthy_here() -> None:
    found = check(LISTS, keys=KEYS)
    assert [each.zone for each in LISTS] == [*found]
    assert not any(each.faults for each in found.values())
    assert all(each.ms < LIFETIME * 1000 for each in found.values())


def test_all_test_points_are_asked(dns: Dns) -> None:
    dns.queries.clear()
    check([BY_ZONE[ZEN], BY_ZONE[DBL]])
    asked = {name for name, _ in dns.queries}
    nibbles = f"0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}"
    assert asked >= {f"{n}.0.0.127.{ZEN}" for n in (1, 2)}
    assert asked >= {f"{n}.{nibbles}{ZEN}" for n in (1, 2)}
    assert asked >= {f"{word}.{DBL}" for word in ("test", "invalid")}
    assert len(asked) == 7  # and a name that does not exist


@pytest.mark.parametrize("code", [252, 254, 255])
@pytest.mark.parametrize("zone", [ZEN, "bl.spamcop.net", DNSWL])
def test_a_list_that_refuses_to_answer(dns: Dns, zone: str, code: int) -> None:
    points = {(f"{n}.0.0.127.{zone}", "A"): [f"127.255.255.{code}"] for n in (1, 2)}
    with dns.answering(points):
        assert faults(zone) == (Fault.REFUSED,)


def test_a_list_of_domains_that_refuses_to_answer(dns: Dns) -> None:
    with dns.answering({(f"test.{DBL}", "A"): ["127.255.255.254"]}):
        assert faults(DBL) == (Fault.REFUSED,)


def test_an_allow_list_that_refuses_to_answer(dns: Dns) -> None:
    with dns.answering({(f"1.0.0.127.{DNSWL}", "A"): ["127.0.0.255"]}):
        assert faults(DNSWL) == (Fault.REFUSED,)


@pytest.mark.parametrize("zone", [ZEN, DNSWL, DBL])
def test_a_list_that_lists_everything(dns: Dns, zone: str) -> None:
    with dns.answering({(f"*.{zone}", "A"): ["127.0.0.2"]}):
        assert Fault.EVERYTHING in faults(zone)


def test_a_list_that_lists_every_ipv6_address(dns: Dns) -> None:
    name = f"1.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}{ZEN}"
    with dns.answering({(name, "A"): ["127.0.0.4"]}):
        assert faults(ZEN) == (Fault.EVERYTHING,)


@pytest.mark.parametrize(
    ("zone", "name"), [(ZEN, "2.0.0.127"), (DNSWL, "2.0.0.127"), (DBL, "test")]
)
def test_a_list_that_lists_nothing(dns: Dns, zone: str, name: str) -> None:
    with dns.answering({(f"{name}.{zone}", "A"): []}):
        assert faults(zone) == (Fault.NOTHING,)


def test_an_answer_that_is_no_code_of_the_list_is_no_listing(dns: Dns) -> None:
    with dns.answering({(f"2.0.0.127.{ZEN}", "A"): ["127.0.0.99"]}):
        assert faults(ZEN) == (Fault.NOTHING,)


def test_a_list_without_ipv6_may_still_refuse(dns: Dns) -> None:
    name = f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}{ZEN}"
    with dns.answering({(name, "A"): []}):
        health = check([BY_ZONE[ZEN]])[ZEN]
    assert (health.faults, health.grave) == ((Fault.NO_IPV6,), ())


def test_a_domain_that_somebody_else_has_now(dns: Dns) -> None:
    with dns.answering({(f"*.{DBL}", "A"): ["192.0.2.80"]}):
        assert Fault.OUTSIDE in faults(DBL)


def test_a_resolver_that_rewrites_what_does_not_exist(dns: Dns) -> None:
    with dns.answering({("*.invalid", "A"): ["192.0.2.80"]}):
        found = check(LISTS, keys=KEYS)
    assert {each.faults for each in found.values()} == {(Fault.REWRITTEN,)}
    assert all(each.grave for each in found.values())


@pytest.mark.parametrize(
    ("failure", "fault"), [(SILENT, Fault.TIMEOUT), (SERVFAIL, Fault.FAILED)]
)
def test_a_list_that_does_not_answer(dns: Dns, failure: Failure, fault: Fault) -> None:
    names = {(f"{n}.0.0.127.bl.spamcop.net", "ANY"): failure for n in (1, 2)}
    with dns.answering(names):
        found = check([BY_ZONE["bl.spamcop.net"], BY_ZONE[DNSWL]])
    assert found["bl.spamcop.net"].faults == (fault,)
    assert not found[DNSWL].faults


def test_a_resolver_that_does_not_answer_is_no_fault_of_the_list() -> None:
    found = check([BY_ZONE[ZEN]], ("127.0.0.99",))[ZEN]
    assert (found.faults, found.grave) == ((Fault.RESOLVER,), ())
    assert found.ms < 2 * LIFETIME * 1000
