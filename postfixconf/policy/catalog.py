"""The controls, as data. A new control is one entry here and its tests.

Forms, warnings, the linter, log attribution and help are derived from these
entries. The sentences speak to an administrator; the facts behind them are
postconf(5), the manual page this project started from, and the log texts of
smtpd_check.c.
"""

from postfixconf.errors import BadPolicy
from postfixconf.policy import blocklists
from postfixconf.policy.control import Control, Group, Restriction, Risk, Stop, Switch
from postfixconf.policy.greylisting import GREYLISTING, Greylist
from postfixconf.policy.recorder import RECORDER, Recorder
from postfixconf.policy.restriction_lists import CLIENT, DATA, RECIPIENT
from postfixconf.policy.sending_controls import SENDING
from postfixconf.policy.unusable_lists import refusal, without_key

__all__ = ["CONTROLS", "control"]

HELO_NEEDS = ("smtpd_helo_required",)

CONTROLS: tuple[Control, ...] = (
    Control(
        key="reject_unknown_reverse_client_hostname",
        group=Group.CONNECTION,
        place=Restriction(CLIENT, 10, ("reject_unknown_reverse_client_hostname",)),
        title="Refuse servers without a reverse name",
        stops="Hijacked home computers and throw-away servers, whose address has no "
        "name in the DNS.",
        loses="Mail from a company whose provider forgot the reverse name, and all "
        "mail while your own DNS does not answer (the sender retries).",
        risk=Risk.MEDIUM,
        reply="450 4.7.25 Client host rejected: cannot find your reverse hostname",
        signature="Client host rejected: cannot find your reverse hostname",
    ),
    Control(
        key="reject_unknown_client_hostname",
        group=Group.CONNECTION,
        place=Restriction(
            CLIENT, 20, ("reject_unknown_client_hostname", "reject_unknown_client")
        ),
        title="Refuse servers whose name and address do not agree",
        stops="Servers whose reverse name does not lead back to their address.",
        loses="Mail from many real companies: reverse names that do not match are "
        "common, with large senders too.",
        risk=Risk.HIGH,
        reply="450 4.7.25 Client host rejected: cannot find your hostname",
        signature="Client host rejected: cannot find your hostname",
        recommended=False,
    ),
    Control(
        key="smtpd_helo_required",
        group=Group.GREETING,
        place=Switch("smtpd_helo_required"),
        title="Insist on a greeting",
        stops="Crude spam programs that start without saying HELO, and with it slip "
        "past every greeting check.",
        loses="Mail from home-grown programs and devices that send without a greeting.",
        risk=Risk.LOW,
        reply="503 5.5.1 Error: send HELO/EHLO first",
        signature=None,
        since="2.0",
    ),
    Control(
        key="reject_invalid_helo_hostname",
        group=Group.GREETING,
        place=Restriction(
            RECIPIENT, 10, ("reject_invalid_helo_hostname", "reject_invalid_hostname")
        ),
        title="Refuse greetings that cannot be a host name",
        stops="Senders who greet with a malformed name, as spam programs do.",
        loses="Mail from a badly set-up program or device; real mail servers greet "
        "with a proper name.",
        risk=Risk.LOW,
        reply="501 5.5.2 <x@y>: Helo command rejected: Invalid name",
        signature="Helo command rejected: Invalid name",
        needs=HELO_NEEDS,
    ),
    Control(
        key="reject_non_fqdn_helo_hostname",
        group=Group.GREETING,
        place=Restriction(
            RECIPIENT, 20, ("reject_non_fqdn_helo_hostname", "reject_non_fqdn_hostname")
        ),
        title="Refuse greetings without a full host name",
        stops="Infected PCs that greet with a short name such as “laptop”.",
        loses="Mail from a small office whose server greets with its short name.",
        risk=Risk.MEDIUM,
        reply="504 5.5.2 <pc7>: Helo command rejected: need fully-qualified hostname",
        signature="Helo command rejected: need fully-qualified hostname",
        needs=HELO_NEEDS,
    ),
    Control(
        key="reject_unknown_helo_hostname",
        group=Group.GREETING,
        place=Restriction(
            RECIPIENT, 50, ("reject_unknown_helo_hostname", "reject_unknown_hostname")
        ),
        title="Refuse greetings with a name the DNS does not know",
        stops="Senders who greet with an invented name.",
        loses="Mail from large companies whose servers greet with an internal name: "
        "a well-known one was rejected this way for months.",
        risk=Risk.HIGH,
        reply="450 4.7.1 <inside.example>: Helo command rejected: Host not found",
        signature="Helo command rejected: Host not found",
        recommended=False,
        needs=HELO_NEEDS,
    ),
    Control(
        key="reject_non_fqdn_sender",
        group=Group.SENDER,
        place=Restriction(RECIPIENT, 30, ("reject_non_fqdn_sender",)),
        title="Refuse senders without a full domain",
        stops="Mail whose sender address could never be answered, such as “root@web1”.",
        loses="Reports of a badly set-up server or printer that sends as “root@host”.",
        risk=Risk.LOW,
        reply="504 5.5.2 <root@web1>: Sender address rejected: need fully-qualified "
        "address",
        signature="Sender address rejected: need fully-qualified address",
    ),
    Control(
        key="reject_unknown_sender_domain",
        group=Group.SENDER,
        place=Restriction(RECIPIENT, 60, ("reject_unknown_sender_domain",)),
        title="Refuse senders whose domain does not exist",
        stops="Mail from invented domains, which nobody could answer or bounce to.",
        loses="Mail from a domain whose DNS is broken at that moment (the sender "
        "retries), and newsletters sent with a made-up sender.",
        risk=Risk.LOW,
        reply="450 4.1.8 <a@void.example>: Sender address rejected: Domain not found",
        signature="Sender address rejected: Domain not found",
    ),
    Control(
        key="own_domains",
        group=Group.SENDER,
        place=Stop("mailguard_own_domains"),
        title="Refuse outsiders who send as your own domains",
        stops="Forged mail that claims to come from you or a colleague. It looks at "
        "the envelope sender only: the From line that people see is DMARC's business.",
        loses="Mail of your own people who still send through port 25 from outside, "
        "newsletters and help desks that send in your name, the web host's contact "
        "form, and mail that is forwarded back to you.",
        risk=Risk.HIGH,
        reply="554 5.7.1 Client host rejected: You send with an address of this "
        "server's own…",
        signature="Client host rejected: You send with an address of this server's own",
    ),
    Control(
        key="reject_non_fqdn_recipient",
        group=Group.RECIPIENT,
        place=Restriction(RECIPIENT, 40, ("reject_non_fqdn_recipient",)),
        title="Refuse recipients without a full domain",
        stops="Spam sent blindly to bare names such as “info@mail”.",
        loses="Mail of local programs that write to a bare name over SMTP.",
        risk=Risk.LOW,
        reply="504 5.5.2 <info@mail>: Recipient address rejected: need fully-qualified "
        "address",
        signature="Recipient address rejected: need fully-qualified address",
    ),
    Control(
        key="reject_unknown_recipient_domain",
        group=Group.RECIPIENT,
        place=Restriction(RECIPIENT, 70, ("reject_unknown_recipient_domain",)),
        title="Refuse recipients whose domain does not exist",
        stops="Mail to a domain you relay for that has vanished from the DNS. In this "
        "place it does almost nothing else: strangers are refused as relays before.",
        loses="Mail to your own relay domains while their DNS is broken (the sender "
        "retries).",
        risk=Risk.LOW,
        reply="450 4.1.2 <a@x.example>: Recipient address rejected: Domain not found",
        signature="Recipient address rejected: Domain not found",
    ),
    *blocklists.controls(),
    Control(
        key=GREYLISTING,
        group=Group.GREYLISTING,
        # Behind every other policy service, whose rank is 1000.
        place=Greylist(RECIPIENT, 1001),
        title="Ask unknown senders to come back later (greylisting)",
        stops="Spam programs that never try again. Whoever comes back after some "
        "minutes is let in, and waits no more after a few times.",
        loses="Nothing that is sent again, as mail servers do; but the first mail of "
        "somebody new comes minutes late, or hours from senders who come back late or "
        "from another server each time.",
        risk=Risk.MEDIUM,
        reply="450 4.2.0 <you@here.example>: Recipient address rejected: Greylisted…",
        signature="Recipient address rejected: Greylisted",
        since="3.0",
    ),
    Control(
        key="disable_vrfy_command",
        group=Group.PROTOCOL,
        place=Switch("disable_vrfy_command"),
        title="Do not tell who has a mailbox",
        stops="Address harvesters who ask with VRFY which addresses exist.",
        loses="No mail. A monitoring script that asks with VRFY has to ask otherwise.",
        risk=Risk.LOW,
        reply="502 5.5.1 VRFY command is disabled",
        signature=None,
        since="2.0",
    ),
    Control(
        key="strict_rfc821_envelopes",
        group=Group.PROTOCOL,
        place=Switch("strict_rfc821_envelopes"),
        title="Insist on properly written addresses",
        stops="Programs that do not put envelope addresses in <angle brackets>, or add "
        "a name to them.",
        loses="Mail from home-grown programs and ancient mail clients on PCs.",
        risk=Risk.MEDIUM,
        reply="501 5.1.7 Bad sender address syntax",
        signature=None,
        since="2.0",
    ),
    Control(
        key="reject_unauth_pipelining",
        group=Group.PROTOCOL,
        place=Restriction(DATA, 10, ("reject_unauth_pipelining",)),
        title="Refuse senders who talk without waiting",
        stops="Spam programs that send all commands at once, before they may.",
        loses="Mail from a few broken programs; real mail servers wait for their turn.",
        risk=Risk.LOW,
        reply="503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command "
        "pipelining",
        signature="Improper use of SMTP command pipelining",
    ),
    Control(
        key="smtpd_forbid_unauth_pipelining",
        group=Group.PROTOCOL,
        place=Switch("smtpd_forbid_unauth_pipelining"),
        title="Hang up on senders who talk without waiting",
        stops="The same programs, at any command, by ending the connection. It also "
        "closes the door to SMTP smuggling.",
        loses="Mail from a few broken programs that send ahead.",
        risk=Risk.LOW,
        reply="554 5.5.0 Error: SMTP protocol synchronization",
        signature=None,
        since="3.7.6",
    ),
    Control(
        key="smtpd_forbid_bare_newline",
        group=Group.PROTOCOL,
        place=Switch("smtpd_forbid_bare_newline"),
        title="Stop SMTP smuggling",
        stops="Forged messages hidden inside another one behind a bad line ending.",
        loses="Almost no mail: a bad line ending is corrected. Programs on your own "
        "network are exempt.",
        risk=Risk.LOW,
        reply="None: the line ending is corrected, the hidden message stays hidden",
        signature=None,
        since="3.7.9",
    ),
    Control(
        key=RECORDER,
        group=Group.EVIDENCE,
        place=Recorder(RECIPIENT),
        title="Record who writes to whom, for evidence and rehearsal",
        stops="Nothing. It writes down each recipient that gets past the earlier "
        "checks, accepted or not: with the client, its true reverse name, greeting and "
        "sender. A later change can then be tried on your own mail.",
        loses="Nothing. It adds a line to the mail log for every recipient, your own "
        "people's mail included; logrotate decides how long they stay.",
        risk=Risk.LOW,
        reply="NOQUEUE: info: RCPT from mx.good.example[192.0.2.1]: … mailguard "
        "reverse=mx.good.example; from=<a@good.example> to=<b@here.example> …",
        signature=None,
        since="3.0",
    ),
    *SENDING,
)

_BY_KEY = {control.key: control for control in CONTROLS}


def control(key: str) -> Control:
    """The control with this key. Raises BadPolicy, which quotes the key.

    Of a list that is dead or needs a key it says so.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        said = refusal(key.partition(":")[2]).rstrip(".") or "no such control"
        raise BadPolicy(without_key(key), said) from None
