"""What can be wrong with a list in the DNS; `dnsbl` finds it out."""

from enum import StrEnum

__all__ = ["LIFETIME", "Fault"]

LIFETIME = 3.0  # seconds that the DNS has for one answer


class Fault(StrEnum):
    """What is wrong with a list, or with the way to it."""

    RESOLVER = "resolver_silent"
    REWRITTEN = "nxdomain_rewritten"
    REFUSED = "refuses_to_answer"
    OUTSIDE = "answers_outside_127"
    EVERYTHING = "lists_everything"
    NOTHING = "lists_nothing"
    TIMEOUT = "times_out"
    FAILED = "fails"
    NO_IPV6 = "no_ipv6_test_point"

    @property
    def sentence(self) -> str:
        """What was seen, in plain words."""
        return SENTENCES[self]

    @property
    def grave(self) -> bool:
        """Whether a list with this fault may not refuse anybody."""
        return self not in (Fault.RESOLVER, Fault.NO_IPV6)


SENTENCES = {
    Fault.RESOLVER: "This server's resolver does not answer at all.",
    Fault.REWRITTEN: "This server's resolver invents answers for names that do not "
    "exist: use another one.",
    Fault.REFUSED: "The list refuses to answer this server's resolver (127.255.255.x): "
    "a public resolver, too many questions, or no registration.",
    Fault.OUTSIDE: "It answers with an address outside of 127.0.0.0/8: somebody else "
    "has the domain now, or a resolver on the way invents answers.",
    Fault.EVERYTHING: "It lists an address that must never be listed: it lists "
    "everybody.",
    Fault.NOTHING: "It does not list its own test point: it lists nobody.",
    Fault.TIMEOUT: f"It does not answer within {LIFETIME:.0f} seconds.",
    Fault.FAILED: "Its name servers fail.",
    Fault.NO_IPV6: "It does not list its IPv6 test point: only IPv4 is checked.",
}
