"""Every kind of finding in one table, and a finding in words."""

from postfixconf.policy.finding import Finding
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.rule_kinds import RULES
from postfixconf.policy.linting.setting_kinds import SETTINGS

__all__ = ["KINDS", "finding"]

KINDS = RULES | SETTINGS


def finding(said: Said) -> Finding:
    """What was found, in words."""
    kind = KINDS[said.code]
    return Finding(
        kind.level,
        said.code,
        said.place,
        kind.sentence.format(*said.words),
        kind.remedy.format(*said.words),
        kind.blocks,
        kind.why,
        said.fix,
    )
