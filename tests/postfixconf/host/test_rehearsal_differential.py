"""A rehearsal and the live server agree: on every verdict, code, text and control.

The same envelopes are asked of both under policies that switch every control on and
off: of the live server by XCLIENT, and from real addresses whose names are in the DNS.
"""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from postfixconf.host.apply import Applied
from postfixconf.host.apply_journal import Journal
from postfixconf.host.apply_steps import staged
from postfixconf.host.rehearsal.running import rehearsing, trials
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Group
from postfixconf.policy.plan import Plan
from postfixconf.policy.probes import Probe
from tests.support import sasl
from tests.support.differing import (
    SETTINGS,
    Answer,
    Wanted,
    asked,
    envelopes,
    met,
    policies,
    real_envelopes,
)
from tests.support.dns import Dns, Records
from tests.support.practice import REHEARSED, Practice, serving
from tests.support.soak import full

POLICIES = max(10, full(50))
ENVELOPES = max(400, full(2000))
REAL = 40  # envelopes a policy
# Addresses beside those of 127.0.0.0/8, and what DNS has for one of them.
ADDRESSES = ("2001:db8::66", "2001:db8::67")
WORLD: Records = {
    (f"6.6.0.0.{'0.' * 20}8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): ["mx6.good.example"],
    ("mx6.good.example", "AAAA"): ["2001:db8::66"],
}
# The first list that is on refuses whom the others list as well: they speak together
# here, and each by itself in test_controls.
LISTS = [each.key for each in CONTROLS if each.group is Group.BLOCKLISTS]
# What these refuse is said before RCPT, or never at RCPT: their verdicts are those of
# the others.
SILENT = {
    "smtpd_helo_required",
    "disable_vrfy_command",
    "strict_rfc821_envelopes",
    "reject_unauth_pipelining",
    "smtpd_forbid_unauth_pipelining",
    "smtpd_forbid_bare_newline",
    "recorder",
}


@dataclass
class Tally:
    """What was compared, by control: `on` counts policies, the others verdicts."""

    on: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    rejections: int = 0
    first: str = ""

    def add(
        self, wanted: Wanted, probe: Probe, rehearsed: Answer, live: Answer
    ) -> None:
        """One envelope."""
        self.asked += 1
        self.rejections += live.code >= 400
        keys = [key for key in wanted.modes if wanted.is_on(key)]
        self.verdicts.update(keys)
        self.refused[live.control] += live.control != ""
        self.warned.update(live.warned)
        if rehearsed != live:
            self.differing.update({live.control, rehearsed.control})
            self.first = self.first or f"{probe}\nrehearsed {rehearsed}\nlive {live}"

    def __str__(self) -> str:
        keys = [each.key for each in CONTROLS]
        keys += sorted({*self.refused, *self.differing} - {*keys, ""})
        head = ("control", "on", "verdicts", "refused", "warned", "differ")
        rows = [
            (
                *(key, self.on[key], self.verdicts[key], self.refused[key]),
                *(self.warned[key], self.differing[key]),
            )
            for key in keys
        ]
        lines = [
            "{:40}{:>4}{:>10}{:>9}{:>8}{:>7}".format(*row) for row in (head, *rows)
        ]
        share = 100 * self.rejections / self.asked
        lines.append(f"{self.asked} verdicts, {share:.0f} % refused or put off")
        return "\n".join(lines)


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A server that says who each client is, reachable from more addresses."""
    for address in ADDRESSES:
        command = ["ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad"]
        subprocess.run(command, check=True)
    with dns.answering(WORLD), sasl.serving(), serving(settings=SETTINGS) as practice:
        yield practice


def rehearsed(server: Practice, made: Plan, probes: list[Probe]) -> list[Answer]:
    """What a rehearsal of a plan says, with the tables that it would write."""
    with staged(made, server.instance, Journal()) as new:
        tables = {each.target: each.temporary for each in new}
        with rehearsing(trials(made, server.instance, tables)[0]) as running:
            answers = running.ask(probes)
    return [Answer(x.code, x.text, x.control, x.warned) for x in answers]


def test_every_verdict_is_the_live_one(
    server: Practice, record_property: Callable[[str, object], None]
) -> None:
    by_xclient, real = Tally(), Tally()
    for number, wanted in enumerate(policies(POLICIES)):
        made = server.plan(wanted.modes, wanted.entries, wanted.own)
        probes = envelopes(ENVELOPES, number)
        others = real_envelopes(REAL, number)
        answers = rehearsed(server, made, [*probes, *others])
        assert isinstance(server.apply(made, demands=REHEARSED), Applied)
        live = [*asked(server, probes), *met(server, others)]
        for at, (probe, *both) in enumerate(
            zip([*probes, *others], answers, live, strict=True)
        ):
            (by_xclient if at < len(probes) else real).add(wanted, probe, *both)
        for tally in (by_xclient, real):
            tally.on.update(key for key in wanted.modes if wanted.is_on(key))
    record_property("table", f"by XCLIENT\n{by_xclient}\n\nreal clients\n{real}")
    assert not by_xclient.first, by_xclient.first
    assert not real.first, real.first
    assert by_xclient.asked == POLICIES * ENVELOPES
    assert real.asked >= 200
    for tally in (by_xclient, real):
        assert tally.rejections > 0.2 * tally.asked
    for each in (x for x in CONTROLS if x.key != "greylisting" and not x.sends):
        assert by_xclient.on[each.key] >= 5
        spoken = [each.key] if each.group is not Group.BLOCKLISTS else LISTS
        assert any(by_xclient.refused[key] for key in spoken) or each.key in SILENT
        assert any(by_xclient.warned[key] for key in spoken) or each.key in SILENT
