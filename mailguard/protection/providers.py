"""Who sends mail for others by trade, known by the name of the machine. Data.

Registered domains of services that send newsletters, tickets and messages in their
customers' names, and words by which web hosts name their machines. A name that is not
here says nothing.
"""

import re

from mailguard.traffic.keys import organisation_of

__all__ = ["hosts_others", "sends_for_others"]

SENDERS = frozenset(
    """
    amazonses.com cleverreach.com cmail19.com cmail20.com constantcontact.com
    createsend.com emarsys.net exacttarget.com freshdesk.com freshemail.io
    getresponse.com hubspotemail.net inxserver.com inxserver.de klaviyomail.com
    mailchimpapp.net mailgun.net mailgun.org mailjet.com mandrillapp.com mcdlv.net
    mcsv.net mktomail.com mtasv.net mailerlite.com newsletter2go.com pardot.com
    postmarkapp.com rapidmail.de rsgsv.net salesforce.com sendgrid.net
    sender-sib.com sendinblue.com smtp2go.com sparkpostmail.com zendesk.com zoho.com
    """.split()
)
HOSTERS = frozenset(
    """
    1blu.de a2hosting.com bluehost.com contabo.net contaboserver.net dreamhost.com
    gandi.net hostgator.com hosteurope.de hostinger.io ionos.com kasserver.com
    kundenserver.de linode.com linodeusercontent.com one.com ovh.ca ovh.net
    secureserver.net siteground.biz siteground.eu strato.de stratoserver.net
    unifiedlayer.com webhostbox.net your-server.de
    """.split()
)
# A word of a machine's name, with a number behind it or not: `web12`, `vps-7`.
HOST = re.compile(
    r"(^|[.-])(web|www|webhost|hosting|host|cpanel|plesk|vps|vserver|shared|cluster)"
    r"[-\d]*(?=[.-])"
)


def sends_for_others(name: str) -> bool:
    """Whether a host belongs to a service that sends for its customers.

    >>> sends_for_others("mail12.mcsv.net")
    True
    """
    return organisation_of(name) in SENDERS


def hosts_others(name: str) -> bool:
    """Whether a host looks like a web host's.

    >>> hosts_others("web12.provider.example"), hosts_others("mx.good.example")
    (True, False)
    """
    return organisation_of(name) in HOSTERS or HOST.search(name.lower()) is not None
