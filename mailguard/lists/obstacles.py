"""What an allowed sender may still meet: the rules of this server that are not ours."""

from collections.abc import Iterator

from mailguard.protection import services as protection
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.lookups import NEVER
from postfixconf.policy.observed import effective
from postfixconf.policy.ranks import PERMITS, managed
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list

__all__ = ["foreign_rules"]

OURS = "$config_directory/mailguard/"


def foreign_rules(server: Server) -> Iterator[tuple[str, str]]:
    """(list, rule) of what somebody wrote by hand; relay protection is left out."""
    seen = servers.last_observed(server)
    if seen is None:
        return
    main, controls = MainCf.parse(seen.texts.main), protection.live(server).controls
    for name in RESTRICTION_LISTS:
        if name in NEVER:
            continue
        for rule in parse_list(effective(main, seen.facts, name)):
            ours = managed(rule, controls) or OURS in (rule.argument or "")
            if not ours and rule not in PERMITS and rule.key != "permit":
                yield name, rule.text
