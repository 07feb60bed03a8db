"""The restriction lists of smtpd, by name (postconf(5), SMTPD_ACCESS_README)."""

__all__ = [
    "CLIENT",
    "DATA",
    "END_OF_DATA",
    "ETRN",
    "HELO",
    "RECIPIENT",
    "RELAY",
    "RESTRICTION_LISTS",
    "SENDER",
]

CLIENT = "smtpd_client_restrictions"
HELO = "smtpd_helo_restrictions"
SENDER = "smtpd_sender_restrictions"
RELAY = "smtpd_relay_restrictions"
RECIPIENT = "smtpd_recipient_restrictions"
DATA = "smtpd_data_restrictions"
END_OF_DATA = "smtpd_end_of_data_restrictions"
ETRN = "smtpd_etrn_restrictions"

# Every list a rule of ours may be found in, in the order Postfix evaluates them.
RESTRICTION_LISTS = (CLIENT, HELO, SENDER, RELAY, RECIPIENT, DATA, END_OF_DATA, ETRN)
