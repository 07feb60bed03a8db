"""The server's own resolver, with our patience instead of its own.

What is asked and how an answer is judged is the caller's: `dnsbl`, `mx`.
"""

import dns.resolver

from postfixconf.host.faults import LIFETIME

__all__ = ["resolver_of"]

TRY = 1.0  # seconds, of a question that may take LIFETIME in all


def resolver_of(nameservers: tuple[str, ...] = ()) -> dns.resolver.Resolver:
    """These name servers, or those of /etc/resolv.conf where none are named."""
    resolver = dns.resolver.Resolver(configure=not nameservers)
    if nameservers:
        resolver.nameservers = list(nameservers)
    resolver.timeout, resolver.lifetime = TRY, LIFETIME
    return resolver
