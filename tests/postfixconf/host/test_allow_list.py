"""An allow list spares its servers the blocklists, and never opens the relay."""

from postfixconf.host.apply import Applied
from tests.support.practice import Practice

ALLOW, BLOCK = "dnswl:list.dnswl.org", "dnsbl:zen.spamhaus.org"
BOTH, REFUSING = "127.0.0.50", "127.0.0.51"  # on both lists; refused an answer by one
LOCAL, OUT = "bob@practice.test", "carol@elsewhere.example"
SENDER = "alice@good.example"
# Lists in which an allow list that meant OK would let strangers relay.
OPEN = (
    "smtpd_relay_restrictions =\n",
    "smtpd_recipient_restrictions = permit_dnswl_client list.dnswl.org,"
    " permit_mynetworks, reject_unauth_destination\n",
)


def code(server: Practice, client: str, to: str) -> int:
    """The answer to one envelope."""
    return server.attempt(SENDER, to, src=client, helo="mx.good.example").code


def test_a_listed_client_passes_the_blocklist_and_relays_nothing(
    practice: Practice,
) -> None:
    assert isinstance(practice.apply({BLOCK: "on"}), Applied)
    assert code(practice, BOTH, LOCAL) == 554
    assert isinstance(practice.apply({BLOCK: "on", ALLOW: "on"}), Applied)
    assert code(practice, BOTH, LOCAL) == 250
    assert code(practice, BOTH, OUT) == 454
    assert code(practice, "127.0.0.2", LOCAL) == 554


def test_an_error_code_of_an_allow_list_permits_nothing(practice: Practice) -> None:
    assert isinstance(practice.apply({BLOCK: "on", ALLOW: "on"}), Applied)
    assert code(practice, REFUSING, LOCAL) == 554


def test_postfix_ignores_an_allow_list_for_mail_to_others(practice: Practice) -> None:
    main = practice.instance.config_dir / "main.cf"
    lines = main.read_text().splitlines(keepends=True)
    kept = [x for x in lines if not x.startswith(("smtpd_relay", "smtpd_recip"))]
    practice.instance.stop()
    main.write_text("".join(kept) + "".join(OPEN))
    practice.instance.start()
    assert code(practice, BOTH, LOCAL) == 250
    assert code(practice, BOTH, OUT) == 554
