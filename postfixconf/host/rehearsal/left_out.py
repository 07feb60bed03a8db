"""What a rehearsal does not ask: taken out of lists and of tables, and said.

Policy services and address verification reach a live service or another server, and
wait for it. They are passed over wherever Postfix would meet them: in a list, in a
restriction class, in the answer of a table. Pure.
"""

import re
from collections.abc import Iterator

from postfixconf.policy.probe_service import PROBE_SERVICE
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import split_list

__all__ = ["INERT", "NOT_ASKED", "PASSED_OVER", "left_out", "passed_over", "silenced"]

# Says nothing where there is no TLS: one word, it stands for what is passed over.
INERT = "permit_tls_all_clientcerts"
PASSED_OVER = {
    "check_policy_service": "policy services are not asked (greylisting, SPF and such)",
    "reject_unverified_sender": "sender addresses are not verified",
    "reject_unverified_recipient": "recipient addresses are not verified",
}
NOT_ASKED = ("check_policy_service", "reject_unverified_")  # as they begin
# The same in a table's answer; its argument may stand on a line that goes on.
ANSWERED = re.compile(
    r"(?<![^\s,{}=])(?:check_policy_service[\s,]+(?:\{[^{}]*\}|[^\s,{}]+)"
    r"|reject_unverified_(?:sender|recipient)(?![^\s,{}]))",
    re.IGNORECASE,
)
# Tables that another program answers.
ELSEWHERE = re.compile(r"(?<![\w-])(?:ldap|memcache|mysql|pgsql|socketmap|sqlite|tcp):")


def passed_over(value: str) -> str:
    """A list without what is not asked in a rehearsal; any other text as it is."""
    low = value.lower()
    if not any(name in low for name in NOT_ASKED):
        return value
    spans = list(split_list(value))
    for at in reversed(range(len(spans))):
        start, end = spans[at]
        name = value[start:end].lower()
        if name in PASSED_OVER:
            takes = name.startswith("check_") and at + 1 < len(spans)
            end = spans[at + 1][1] if takes else end
            value = value[:start] + INERT + value[end:]
        elif "{" in name:  # a table in the list itself
            value = value[:start] + silenced(value[start:end]) + value[end:]
    return value


def silenced(text: str) -> str:
    """What a table answers, without what is not asked in a rehearsal."""
    return ANSWERED.sub(INERT, text)


def left_out(main: MainCf, master: MasterCf) -> Iterator[str]:
    """What this configuration has that is not rehearsed, a clause each."""
    services = [each for each in master.services() if each.name != PROBE_SERVICE]
    values = [(main.get(name) or "").lower() for name in main.names()]
    values += [v.lower() for each in services for v in each.overrides().values()]
    for name, clause in PASSED_OVER.items():
        if any(name in value for value in values):
            yield clause
    set_somewhere = {
        name
        for overrides in (
            {name: main.get(name) or "" for name in main.names()},
            *(each.overrides() for each in services if each.command == "smtpd"),
        )
        for name, value in overrides.items()
        if value
    }
    if any(each.command == "postscreen" for each in services):
        yield "postscreen is not asked"
    if "smtpd_milters" in set_somewhere:
        yield "milters are not asked"
    if {"smtpd_proxy_filter", "content_filter"} & set_somewhere:
        yield "content filters see nothing"
    if any(re.fullmatch(r"smtpd_client_\w+_limit", each) for each in set_somewhere):
        yield "rate limits do not count"
    if any(ELSEWHERE.search(value) for value in values):
        yield "tables of other programs (ldap, mysql, …) are asked as they are now"
    if any(re.search(r"permit_tls_|check_ccert_access", value) for value in values):
        yield "client certificates are not shown"
