"""Which rules ask the sender table, `$config_directory/access`, however spelled.

Told from the text of a rule or value alone: a table that names another is not
followed.
"""

import re

from postfixconf.policy.entries import Lookup
from postfixconf.policy.observed import Facts
from postfixconf.text.rules import Rule

__all__ = ["path_pattern", "reads_access", "types_in"]

SPELLED = r"\$config_directory|\$\{config_directory\}|\$\(config_directory\)"


def path_pattern(facts: Facts) -> str:
    """A regular expression for the table's path in every spelling."""
    directory = re.escape(facts.config_directory or "/etc/postfix")
    return rf"(?:{SPELLED}|{directory})/{Lookup.ACCESS}"


def reads_access(rule: Rule, facts: Facts) -> bool:
    """Whether a rule asks the table for anything."""
    where = rule.argument or "" if rule.key.startswith("check_") else rule.name
    pattern = rf"[:,{{\s]{path_pattern(facts)}(?:[,}}\s]|$)"
    return re.search(pattern, where) is not None


def types_in(value: str, facts: Facts) -> frozenset[str]:
    """The types that a value asks it as: hash where it says `proxy:hash:PATH`."""
    pattern = rf"(\w+):{path_pattern(facts)}(?=[,}}\s]|$)"
    return frozenset(re.findall(pattern, value))
