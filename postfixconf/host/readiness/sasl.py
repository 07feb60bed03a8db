"""Whether smtpd can ask somebody who may sign in: Dovecot, or Cyrus SASL.

That it knows people is proven only by a test sign-in (signin.py).
"""

from pathlib import Path

from postfixconf.errors import HostError, quoted
from postfixconf.host.readiness import dovecot
from postfixconf.host.readiness.allowed import allowed
from postfixconf.host.readiness.check import Check, hindrance, well
from postfixconf.host.readiness.cyrus import COMMON, cyrus
from postfixconf.host.readiness.settings import Settings

__all__ = ["sasl"]

PATH = "smtpd_sasl_path"


def sasl(settings: Settings) -> Check:
    """What there is to say of the service behind AUTH."""
    kind = settings.get("smtpd_sasl_type")
    if kind == "dovecot":
        return by_dovecot(settings)
    if kind == "cyrus":
        return cyrus(settings)
    return hindrance(
        f"smtpd_sasl_type is {quoted(kind)}, which is neither dovecot nor cyrus.",
        "Set it to the one that knows your people, in main.cf.",
    )


def by_dovecot(settings: Settings) -> Check:
    """Dovecot's socket: there, reachable for user postfix, and speaking."""
    queue, value = Path(settings.get("queue_directory")), settings.get(PATH)
    try:
        service = dovecot.Service.of(value, queue, chroot=settings.chroot)
    except ValueError:
        said = f"smtpd_sasl_path is {quoted(value)}: that has no number for a port."
        return hindrance(said, "Write inet:host:port.")
    remedy = (
        "See that Dovecot runs, and let it listen there: in "
        "/etc/dovecot/conf.d/10-master.conf, inside “service auth { … }”: "
        f"unix_listener {service} {{ mode = 0660 user = postfix group = postfix }}."
    )
    if service.path is None:
        remedy = f"See that Dovecot runs and has an inet_listener on {service}."
    elif not service.path.exists():
        where = " (smtpd is in a chroot and sees nothing else)"
        said = f"Dovecot does not listen where smtpd looks for it: {service} is missing"
        return hindrance(f"{said}{where * settings.chroot}.", remedy)
    elif not allowed("-w", service.path, settings.get("mail_owner")):
        said = f"smtpd, which is user {settings.get('mail_owner')}, may not use "
        return hindrance(f"{said}Dovecot's socket {service}.", remedy)
    try:
        mechanisms = dovecot.greet(service).mechanisms
    except HostError as cause:
        said = f"smtpd gets no answer from Dovecot at {service}: {cause}."
        return hindrance(said, remedy)
    if not set(COMMON).intersection(mechanisms):
        told = ", ".join(quoted(each)[1:-1] for each in mechanisms) or "nothing"
        return hindrance(
            f"Dovecot at {service} offers {told}, and mail programs speak PLAIN.",
            "Set “auth_mechanisms = plain login” in Dovecot's 10-auth.conf.",
        )
    return well(f"Dovecot answers at {service} and offers {', '.join(mechanisms)}.")
