"""Every kind of finding about settings, services and tables."""

from postfixconf.policy.finding import Level
from postfixconf.policy.linting.kind import Kind

__all__ = ["SETTINGS"]

SETTINGS: dict[str, Kind] = {
    "legacy_setting": Kind(
        Level.NOTE,
        "{0} is an old setting; today it is {1}.",
        "A later Postfix ignores it, and what it does is then gone without a word.",
        "Write {1} instead.",
    ),
    "unknown_setting": Kind(
        Level.WARNING,
        "Postfix {1} has no setting “{0}”: the line does nothing.",
        "A misspelt or removed setting is only a warning that nobody sees.",
        "Correct the name or take the line out.",
    ),
    "refused_before_sign_in": Kind(
        Level.WARNING,
        "With smtpd_delay_reject = no, clients are refused when they connect, your "
        "own roaming users too, before they can sign in.",
        "The log then knows neither sender nor recipient of what was refused.",
        "Take smtpd_delay_reject out.",
    ),
    "delay_reject_off": Kind(
        Level.NOTE,
        "smtpd_delay_reject = no has rules decide before sender and recipient are "
        "known.",
        "The next rule in the client or greeting list refuses your own users before "
        "they can sign in.",
        "Take smtpd_delay_reject out.",
    ),
    "override_shadows": Kind(
        Level.WARNING,
        "On {1} “-o {0}” of master.cf takes the place of main.cf: it is “{2}” there, "
        "and {3} does nothing.",
        "A switch in main.cf then does nothing on this port.",
        "Take the -o out, and say it in main.cf.",
    ),
    "chrooted_socket": Kind(
        Level.ERROR,
        "“{0}” is looked for inside {1} by the chrooted {2}, and is not there.",
        "A policy service that cannot be reached has Postfix answer 451 to all mail.",
        "Write it relative to the queue directory (unix:private/policy).",
    ),
    "map_untyped": Kind(
        Level.ERROR,
        "“{0}” has no type, so Postfix cannot open it.",
        "Where a table cannot be opened Postfix answers 451, or the daemon dies.",
        "Write the type before it ({1}:{0}).",
    ),
    "map_type_unknown": Kind(
        Level.ERROR,
        "This Postfix has no tables of type {0} (“{1}”).",
        "Where a table cannot be opened Postfix answers 451, or the daemon dies.",
        "Use another type, or install the package that brings it.",
    ),
    "map_missing": Kind(
        Level.ERROR,
        "{0} is not there.",
        "Where a table cannot be opened Postfix answers 451 to all mail that asks it.",
        "Make the file, or take the table out.",
    ),
    "map_not_built": Kind(
        Level.ERROR,
        "{0} was never built: {1} is not there.",
        "Where a table cannot be opened Postfix answers 451 to all mail that asks it.",
        "Run postmap {0}; for aliases, newaliases.",
    ),
    "map_stale": Kind(
        Level.WARNING,
        "{0} was changed after it was built: what was added is not in effect.",
        "Postfix reads the built file, not the text.",
        "Run postmap {0}; for aliases, newaliases.",
    ),
    "map_unreadable": Kind(
        Level.ERROR,
        "{0} cannot be read: {1}.",
        "Where a table cannot be opened Postfix answers 451 to all mail that asks it.",
        "Set it right with chmod or chown.",
    ),
    "map_malformed": Kind(
        Level.WARNING,
        "{0}, {1}.",
        "postmap exits 0 with such lines, and leaves them out.",
        "Correct the line and run postmap {0} where it is built.",
    ),
    "line_without_action": Kind(
        Level.WARNING,
        "“{0}” has no action behind it, so the line says nothing.",
        "postmap only warns, and leaves the line out.",
        "Write what to do (REJECT), or take the line out.",
    ),
    "comment_in_value": Kind(
        Level.WARNING,
        "“{0}” is no comment: Postfix knows none behind a value.",
        "In a list all that follows is dropped, further lines too; elsewhere the words "
        "are part of the value.",
        "Put the comment on a line of its own.",
    ),
    "comment_breaks": Kind(
        Level.ERROR,
        "“{0}” is no comment but part of the value, and Postfix cannot read it so.",
        "postconf exits 0 with it, but the daemons die or answer 451.",
        "Put the comment on a line of its own.",
    ),
    "assignment_in_value": Kind(
        Level.ERROR,
        "“{0}” stands inside the value, so it sets nothing and spoils {1}.",
        "A line that begins with a blank, or has lost its newline, belongs to the "
        "setting before it.",
        "Put it on a line of its own, without a blank before it.",
    ),
    "set_twice": Kind(
        Level.NOTE,
        "It is set {0} times; only the last counts.",
        "Who edits the first one wonders why nothing changes.",
        "Leave one of them.",
    ),
    "no_final_newline": Kind(
        Level.NOTE,
        "The last line has no newline; other tools glue the next setting to it.",
        "postconf -e of Debian 12 does.",
        "mailguard adds the newline with the first change.",
    ),
    "mynetworks_everyone": Kind(
        Level.ERROR,
        "{0} trusts the whole internet: anybody can send through this server.",
        "Who is in mynetworks passes every check and the relay protection.",
        "Name your own networks only.",
    ),
    "mynetworks_misread": Kind(
        Level.ERROR,
        "Postfix cannot read the network “{0}”: {1}.",
        "No check of Postfix's own finds it.",
        "Write {2} in its place.",
    ),
    "mynetworks_wide": Kind(
        Level.WARNING,
        "{0} trusts far more than your own network.",
        "Who is in mynetworks passes every check and the relay protection.",
        "Name your own networks only.",
    ),
    "mynetworks_gateway": Kind(
        Level.WARNING,
        "{0} holds {1}, {2}: where it hides the clients' addresses, strangers are "
        "trusted too.",
        "All the world then comes from that one address.",
        "Take the gateway's address out, or have it keep the clients' addresses.",
    ),
    "empty_relay_list": Kind(
        Level.WARNING,
        "smtpd_relay_restrictions is empty: {0}.",
        "Then any OK before reject_unauth_destination in the recipient list opens the"
        " relay.",
        "Write permit_mynetworks, permit_sasl_authenticated, "
        "reject_unauth_destination into it.",
    ),
    "no_compatibility_level": Kind(
        Level.NOTE,
        "There is no compatibility_level, so Postfix behaves as it did before 2015.",
        "The relay list is empty then, services are chrooted, and the subnet is "
        "trusted.",
        "Add compatibility_level = {0} after reading what changes with it "
        "(postconf(5)).",
    ),
}
