"""A rehearsal talks to nothing that is live: no filter, milter or policy service.

The candidate has everything that smtpd would connect to, and the test listens there.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postfixconf.host.rehearsal.running import Candidate, Rehearsal, rehearsing
from postfixconf.host.rehearsal.safety import rehearse
from postfixconf.host.rehearsal.trace import Outcome, trace
from postfixconf.policy.probes import Probe
from postfixconf.text.mastercf import MasterCf
from tests.support.dns import Dns
from tests.support.listening import Ears, listening
from tests.support.practice import Practice, serving
from tests.support.rehearsed import old, untouched

MAIN = """
default_transport = smtp:[127.0.0.1]:10029
inet_interfaces = all
inet_protocols = all
mynetworks = 127.0.0.0/8 [::1]/128 [2001:db8:1::]/64
content_filter = smtp:[127.0.0.1]:10024
smtpd_milters = inet:127.0.0.1:8891, unix:milter.sock
non_smtpd_milters = inet:127.0.0.1:8891
milter_default_action = tempfail
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_client_connection_rate_limit = 1
smtpd_restriction_classes = greylist
greylist = check_policy_service {in_class}
elsewhere = {elsewhere}
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination,
    check_recipient_access inline:{{bob@practice.test=greylist}},
    check_recipient_access inline:{{ {{ a@practice.test = check_policy_service
        {in_value}, reject_non_fqdn_helo_hostname }} }},
    check_client_access hash:$config_directory/clients,
    check_sender_access regexp:$elsewhere/senders,
    check_helo_access texthash:${{elsewhere}}/helos,
    check_policy_service {{ {in_list}, timeout = 3s }},
    reject_unverified_sender, reject_unverified_recipient,
    reject_unknown_sender_domain
"""
MASTER = """
smtp      inet  n       -       y       -       1       postscreen
smtpd     pass  -       -       y       -       -       smtpd
  -o smtpd_proxy_filter=127.0.0.1:10027
  -o smtpd_upstream_proxy_protocol=haproxy
dnsblog   unix  -       -       y       -       0       dnsblog
tlsproxy  unix  -       -       y       -       0       tlsproxy
submission inet n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
465       inet  n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o { smtpd_sasl_auth_enable = yes }
  -o { smtpd_client_restrictions = check_policy_service inet:127.0.0.1:10036,
       permit_sasl_authenticated, reject }
127.0.0.1:10026 inet n  -       n       -       -       smtpd
  -o content_filter=
  -o smtpd_milters=
  -o { smtpd_recipient_restrictions = permit_mynetworks, reject }
"""
POLICY = {
    "in_list": "inet:127.0.0.1:10023",
    "in_class": "unix:private/policy",
    "in_value": "inet:127.0.0.1:10030",
}
FRONT, SUBMISSION, SMTPS, BACK = "smtpd", "submission", "465", "127.0.0.1:10026"
PORTS = (25, 465, 587, 8891, 10023, 10024, 10026, 10027, 10029, 10030, 10031, 10032)
TCP = [f"127.0.0.1:{port}" for port in (*PORTS, 10033, 10034, 10035, 10036)]
UNIX = ("milter.sock", "private/policy", "private/auth", "private/anvil")
CLIENTS = (
    "192.0.2.9 check_policy_service inet:127.0.0.1:10031\n"
    "192.0.2.10 REJECT by the table\n"
    "192.0.2.11 Check_Policy_Service\n\tinet:127.0.0.1:10031, "
    "reject\n"
)
SENDERS = (
    "if /^late/\n"
    "/@good/ check_policy_service { inet:127.0.0.1:10032, default_action=DUNNO }\n"
    "endif\n"
    "/^spam@/ REJECT by the pattern\n"
    "/^proven@/ reject_unverified_sender, reject\n"
)
HELOS = "slow.example greylist\nrude.example REJECT by the text\n"


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    with serving() as practice:
        yield practice


@pytest.fixture(scope="module")
def candidate(server: Practice) -> Candidate:
    """A configuration with everything; only its tables are where they would be."""
    config, queue = server.instance.config_dir, server.instance.queue_directory
    elsewhere = server.room / "elsewhere"
    elsewhere.mkdir()
    old(config / "clients", CLIENTS)
    postmap(config, "hash", config / "clients")
    old(elsewhere / "senders", SENDERS)
    old(elsewhere / "helos", HELOS)
    texts = server.observed().texts
    main = texts.main + MAIN.format(**POLICY, elsewhere=elsewhere)
    master = MasterCf.parse(texts.master).remove("2525", "inet").render() + MASTER
    return Candidate(main, master, config, queue)


def postmap(config: Path, kind: str, path: Path) -> None:
    """Build an indexed table."""
    subprocess.run(["postmap", "-c", str(config), f"{kind}:{path}"], check=True)


@pytest.fixture
def ears(server: Practice) -> Iterator[Ears]:
    """Somebody at each address; the live sockets make room for a while."""
    queue = server.instance.queue_directory
    paths = [queue / name for name in UNIX]
    moved = [path for path in paths if path.exists()]
    for path in moved:
        path.rename(path.with_name(f"{path.name}.live"))
    try:
        with listening([*TCP, *map(str, paths), "[::1]:25", "[::1]:10023"]) as found:
            yield found
    finally:
        for path in paths:
            path.unlink()
        for path in moved:
            path.with_name(f"{path.name}.live").rename(path)


def code(running: Rehearsal, service: str = "", **said: str) -> int:
    """The code that an envelope gets, a stranger's by default."""
    usual = {
        "client_address": "192.0.2.66",
        "client_name": "mx.stranger.example",
        "helo": "mx.stranger.example",
        "sender": "alice@good.example",
        "recipient": "bob@practice.test",
    }
    return running.ask([Probe(**(usual | said), service=service)])[0].code  # type: ignore[arg-type]


OUT = "x@elsewhere.example"


def test_each_service_answers_and_nothing_live_is_touched(
    server: Practice, candidate: Candidate, ears: Ears
) -> None:
    with untouched(server), rehearsing(candidate) as running:
        assert running.staged.front == "smtpd/pass"
        assert code(running) == code(running, FRONT) == 250
        assert code(running, recipient=OUT) == 454
        assert code(running, sasl_username="alice") == 503  # no AUTH on port 25
        for trusted in ("127.0.0.9", "::1", "2001:db8:1::7"):
            assert code(running, client_address=trusted, recipient=OUT) == 250
        assert code(running, client_address="2001:db8:2::7", recipient=OUT) == 454
        assert code(running, sender="a@norelay.invalid") == 450  # DNS, in the chroot
        for service in (SUBMISSION, SMTPS):
            assert code(running, service) == 554
            assert code(running, service, sasl_username="alice", recipient=OUT) == 250
        assert code(running, BACK) == 554
        assert code(running, BACK, client_address="127.0.0.1", recipient=OUT) == 250
    assert not ears.connections()


def test_what_tables_answer_is_passed_over(candidate: Candidate, ears: Ears) -> None:
    with rehearsing(candidate) as running:
        assert code(running, client_address="192.0.2.9") == 250
        assert code(running, client_address="192.0.2.10") == 554
        assert code(running, client_address="192.0.2.11") == 554
        assert code(running, sender="late@good.example") == 250
        assert code(running, sender="spam@good.example") == 554
        assert code(running, sender="proven@good.example") == 554
        assert code(running, helo="slow.example") == 250
        assert code(running, helo="rude.example") == 554
        assert code(running, recipient="a@practice.test") == 250
        assert code(running, recipient="a@practice.test", helo="laptop") == 504
    assert not ears.connections()


def test_what_is_not_rehearsed_is_said(candidate: Candidate) -> None:
    with rehearsing(candidate) as running:
        said = "; ".join(running.left_out)
    for clause in (
        "policy services are not asked",
        "sender addresses are not verified",
        "recipient addresses are not verified",
        "postscreen is not asked",
        "milters are not asked",
        "content filters see nothing",
        "rate limits do not count",
    ):
        assert clause in said


def test_a_trace_shows_what_was_passed_over(candidate: Candidate, ears: Ears) -> None:
    probe = Probe("192.0.2.9", "mx.example", "late@good.example", "bob@practice.test")
    with rehearsing(candidate, traced=True) as running:
        steps = trace(running, probe)
    passed = [each.rule for each in steps if each.outcome is Outcome.NOT_ASKED]
    assert passed == [
        f"check_policy_service {{ {POLICY['in_list']}, timeout = 3s }}",
        "reject_unverified_sender",
        "reject_unverified_recipient",
        f"check_policy_service {POLICY['in_class']}",
    ]
    clients = candidate.config_dir / "clients"
    assert f"check_client_access hash:{clients}" in [each.rule for each in steps]
    assert not ears.connections()


def test_a_policy_service_is_connected_to_once_and_told_nothing(
    server: Practice, candidate: Candidate, ears: Ears
) -> None:
    with untouched(server):
        report = rehearse(candidate, candidate)
    assert not report.refusals()
    queue = server.instance.queue_directory
    assert ears.connections() == {
        "127.0.0.1:10023": 1,
        "127.0.0.1:10036": 1,
        str(queue / "private/policy"): 1,
    }
    assert not +ears.octets


KINDS = ("hash", "btree", "texthash", "cidr")


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_the_change_writes_is_looked_into(
    server: Practice, candidate: Candidate, ears: Ears, tmp_path: Path, kind: str
) -> None:
    tmp_path.chmod(0o755)
    config = server.instance.config_dir
    built, target = tmp_path / "built", config / "mailguard" / "new"
    old(
        built, "192.0.2.9 check_policy_service inet:127.0.0.1:10033\n192.0.2.7 REJECT\n"
    )
    exchanged = {target: built}
    if kind in ("hash", "btree"):
        postmap(config, kind, built)
        exchanged[target.with_name("new.db")] = tmp_path / "built.db"
    rule = f"check_client_access {kind}:$config_directory/mailguard/new"
    lines = f"smtpd_client_restrictions = {rule}\n"
    changed = Candidate(
        server.observed().texts.main + lines,
        candidate.master,
        config,
        candidate.queue_directory,
        exchanged,
    )
    with rehearsing(changed) as running:
        assert code(running, client_address="192.0.2.9") == 250
        assert code(running, client_address="192.0.2.7") == 554
    assert not ears.connections()


def test_a_large_table_is_looked_into(
    server: Practice, candidate: Candidate, ears: Ears, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    table = tmp_path / "many"
    lines = [f"user{n}@many.example REJECT\n" for n in range(60_000)]
    lines[30_000] = "late@good.example check_policy_service inet:127.0.0.1:10034\n"
    old(table, "".join(lines))
    postmap(server.instance.config_dir, "hash", table)
    rule = f"smtpd_sender_restrictions = check_sender_access proxy:hash:{table}\n"
    changed = Candidate(
        server.observed().texts.main + rule,
        candidate.master,
        candidate.config_dir,
        candidate.queue_directory,
    )
    with rehearsing(changed) as running:
        assert code(running, sender="late@good.example") == 250
        assert code(running, sender="user59999@many.example") == 554
    assert not ears.connections()
