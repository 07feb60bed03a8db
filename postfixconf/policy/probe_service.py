"""The private service of master.cf through which the live server is asked.

Its socket is reachable by root and postfix only, so any client may be named there.
"""

from functools import lru_cache

from postfixconf.policy.finding import Finding, Level
from postfixconf.policy.observed import front_services
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import option_line

__all__ = ["PROBE_OVERRIDES", "PROBE_SERVICE", "taken_name", "with_probe_service"]

PROBE_SERVICE = "mailguard"
PROBE_OVERRIDES = {
    "smtpd_authorized_xclient_hosts": "static:ok",
    "smtpd_client_event_limit_exceptions": "static:all",
    "smtpd_delay_reject": "yes",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "1000",
    "smtpd_junk_command_limit": "1000",
    "smtpd_milters": "",
    # Nothing is ever sent there: with speed_adjust smtpd connects after the message,
    # and a probe ends before it. Without a filter an accepted recipient opens a queue
    # file, and one that is left takes a token of in_flow_delay with it: after a
    # hundred, all mail waits a second (seen on 3.7.11).
    "smtpd_proxy_filter": "unix:mailguard-nowhere",
    "smtpd_proxy_options": "speed_adjust",
    "smtpd_soft_error_limit": "1000",
    "smtpd_tls_security_level": "none",
    "smtpd_tls_wrappermode": "no",
    "smtpd_upstream_proxy_protocol": "",
    "syslog_name": "postfix/mailguard",
}


def taken_name(master: MasterCf) -> tuple[Finding, ...]:
    """A finding where somebody else's service has the name of our probe service."""
    for each in master.services():
        ours = each.overrides().get("syslog_name") == PROBE_OVERRIDES["syslog_name"]
        if (each.name, each.type) == (PROBE_SERVICE, "unix") and not ours:
            sentence = "There is already a service named mailguard that is not ours."
            remedy = "Give it another name in master.cf, and adopt the edit."
            place = "master.cf"
            return (
                Finding(
                    Level.ERROR, "name_taken", place, sentence, remedy, blocks=True
                ),
            )
    return ()


@lru_cache(maxsize=16)
def with_probe_service(text: str) -> str:
    """master.cf with the private probe service, its overrides as on port 25."""
    document = MasterCf.parse(text)
    fronts = front_services(document)
    chroot = fronts[0].chroot if fronts else "n"
    overrides = (fronts[0].overrides() if fronts else {}) | PROBE_OVERRIDES
    head = f"{PROBE_SERVICE:<9} unix  y       -       {chroot:<7} -       -       smtpd"
    service = f"{head}\n"
    for name, value in overrides.items():
        if value.count("{") == value.count("}"):  # a lone brace cannot be quoted
            service += option_line(name, value)
    if any(each.name == PROBE_SERVICE for each in document.services()):
        if service in text:
            return text
        document = document.remove(PROBE_SERVICE, "unix")
    return document.add(service).render()
