"""A test sign-in: does the server let somebody in with this name and password?

Where a port offers AUTH it is asked as a mail program would ask; before that, Dovecot
itself is, by its own protocol. Either happens in the process of whoever asks: through a
task the password would lie in the broker, and maybe in its file. It is in no argument
of a program, in no error and in no sentence: what the server says is searched for it.

On the way to ourselves nobody sits in between, so no certificate is checked here; that
is the certificate's own check.
"""

import base64
import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import HostError
from postfixconf.host.conversation import NAME, unverified
from postfixconf.host.readiness import dovecot
from postfixconf.host.readiness.check import STEPS
from postfixconf.host.readiness.settings import Settings, number_of, service_of
from postfixconf.policy.listener import receiving
from postfixconf.text.mastercf import MasterCf

__all__ = ["Answer", "Place", "places", "service_of_server", "sign_in"]

SECONDS = 8.0  # for one reply: a wrong password is answered late
SHOWN = 300  # characters of what a server said
LOCAL = ("all", "loopback-only", "localhost", "127.0.0.1")
HERE = "127.0.0.1"
TEMPORARY = 454  # RFC 4954: no word about the password
# The remedies, by whether Cyrus SASL is asked and not Dovecot.
NOBODY_ASKED = {
    False: "That says nothing of the password: Dovecot had trouble of its own. Look "
    "into Dovecot's log.",
    True: "That says nothing of the password: either saslauthd does not run, or user "
    "postfix may not use its socket, or may not read sasldb2. The mail log says which: "
    "“SASL authentication failure”, “SASL authentication problem”.",
}
REFUSED = {
    False: "If name and password are right, look into the mail log.",
    True: "If the password is right, type the name as NAME@REALM: sasldb2 knows people "
    "by both (sasldblistusers2 lists them). Else look into the mail log.",
}


@dataclass(frozen=True)
class Place:
    """Where to ask: a port with TLS from the start (`wrapped`) or with STARTTLS."""

    host: str
    port: int
    wrapped: bool = False

    def __str__(self) -> str:
        return f"Port {self.port}"


@dataclass(frozen=True)
class Answer:
    """Whether it let somebody in (None: nobody was asked), and where, as a sentence.

    `unasked` says that Postfix asked for the password, and then could ask nobody.
    """

    ok: bool | None
    sentence: str
    remedy: str = ""
    unasked: bool = False


def places(master: MasterCf, settings: Settings) -> list[Place]:
    """The ports that may offer AUTH: 587 and 465 where they are on, then port 25."""
    found = []
    for step in STEPS:
        service = service_of(step, master)
        if service is not None:
            overrides = service.overrides()
            wrapped = overrides.get("smtpd_tls_wrappermode") == "yes"
            found.append(
                Place(host_of(service.name, settings), number_of(step, master), wrapped)
            )
    for each in receiving(master):
        number = each.name.rpartition(":")[2]
        port = 25 if number == "smtp" else int(number) if number.isdigit() else 0
        if each.type == "inet" and port:
            found.append(Place(host_of(each.name, settings), port))
    return found


def host_of(name: str, settings: Settings) -> str:
    """An address at which a listener of master.cf can be reached from here."""
    host = name.rpartition(":")[0].strip("[]")
    listed = settings.get("inet_interfaces").replace(",", " ").split()
    if host or not listed or set(listed) & set(LOCAL):
        return host or HERE
    return listed[0]


def sign_in(
    asked: list[Place], service: dovecot.Service | None, user: str, password: str
) -> Answer:
    """Try it at the first place that offers AUTH, else by Dovecot's own `service`.

    None is for Cyrus SASL, which has no such thing for all of its sources.
    """
    told = []
    for place in asked:
        answer = at_port(place, user, password, cyrus=service is None)
        if answer.ok is not None:
            return answer
        told.append(answer.sentence)
    if service is not None:
        return by_dovecot(service, user, password)
    said = " ".join(told)
    remedy = "Switch 587 on first, or set Dovecot up: then it can be tried here."
    return Answer(None, f"Nobody could be asked. {said}".strip(), remedy)


def at_port(place: Place, user: str, password: str, *, cyrus: bool = False) -> Answer:
    """What a port says; `ok` is None where it offers no AUTH, or does not answer."""
    try:
        with connected(place) as smtp:
            secured = isinstance(smtp.sock, ssl.SSLSocket)
            if not smtp.has_extn("auth"):
                return Answer(None, f"{place} offers no AUTH.")
            code, text = plainly(smtp, user, password)
    except (OSError, smtplib.SMTPException, UnicodeError) as cause:
        said = f"{place} does not answer as it should: {reason(cause)}."
        return Answer(None, without(said, user, password))
    how = "over TLS" if secured else "without TLS: anybody on the way could read it"
    if code == 235:
        return Answer(True, f"{place} lets {user} sign in, {how}.")
    said = f"{code} {text.decode('utf-8', 'replace')}"[:SHOWN]
    if code == TEMPORARY:
        sentence = f"{place} could not check the password of {user}. It said: {said}"
        remedy = NOBODY_ASKED[cyrus]
        return Answer(False, without(sentence, "", password), remedy, unasked=True)
    sentence = f"{place} did not let {user} in. It said: {said}"
    return Answer(False, without(sentence, "", password), REFUSED[cyrus])


def connected(place: Place) -> smtplib.SMTP:
    """A greeted connection, over TLS where that is offered."""
    context = unverified()
    if place.wrapped:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            place.host, place.port, NAME, timeout=SECONDS, context=context
        )
        smtp.ehlo()
        return smtp
    smtp = smtplib.SMTP(place.host, place.port, NAME, timeout=SECONDS)
    try:
        smtp.ehlo()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


def plainly(smtp: smtplib.SMTP, user: str, password: str) -> tuple[int, bytes]:
    """AUTH PLAIN, or LOGIN where that alone is offered: the last reply."""
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        return smtp.docmd("AUTH", f"PLAIN {coded(f'{chr(0)}{user}{chr(0)}{password}')}")
    if "LOGIN" not in offered:
        raise smtplib.SMTPException(f"it offers {' '.join(offered)[:60]} only")
    code, said = smtp.docmd("AUTH", f"LOGIN {coded(user)}")
    return smtp.docmd(coded(password)) if code == 334 else (code, said)


def by_dovecot(service: dovecot.Service, user: str, password: str) -> Answer:
    """What Dovecot itself says."""
    try:
        said = dovecot.sign_in(service, user, password)
    except HostError as cause:
        sentence = f"No port offers AUTH yet, and Dovecot could not be asked: {cause}."
        remedy = "Once 587 is switched on, it can be tried there."
        return Answer(None, sentence, remedy)
    if not said:
        return Answer(True, f"Dovecot lets {user} in. No port offers AUTH yet.")
    told = without(said[:SHOWN], user, password)
    remedy = "If name and password are right, look into Dovecot's log."
    return Answer(False, f"Dovecot did not let {user} in: {told}.", remedy)


def coded(text: str) -> str:
    """The text as AUTH wants it."""
    return base64.b64encode(text.encode()).decode()


def reason(cause: Exception) -> str:
    """Why a conversation failed, in a few words."""
    return str(getattr(cause, "strerror", None) or cause)[:SHOWN]


def without(text: str, user: str, password: str) -> str:
    """The text without the password in any form that a server could repeat it in."""
    whole = coded(f"\0{user}\0{password}")
    for secret in (whole, coded(password), password):
        text = text.replace(secret, "…") if secret else text
    return text


def service_of_server(settings: Settings) -> dovecot.Service | None:
    """Dovecot's service where Postfix asks it; None for Cyrus."""
    if settings.get("smtpd_sasl_type") != "dovecot":
        return None
    queue = Path(settings.get("queue_directory"))
    try:
        value = settings.get("smtpd_sasl_path")
        return dovecot.Service.of(value, queue, chroot=settings.chroot)
    except ValueError:
        return None
