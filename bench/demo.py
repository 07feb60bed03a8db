"""`make demo`: a few thousand seeded envelopes for the running practice server.

Good mail, spam, newsletters and forged senders, from clients 127.0.0.2 to
127.0.0.250. The same seed sends the same envelopes.
"""

import argparse
import random
import smtplib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

SEED = 25
COUNT = 3000
RECIPIENTS = ("alice", "bob", "info", "sales", "office")


@dataclass(frozen=True)
class Envelope:
    """One message: who connects, how it greets, from whom and to whom."""

    kind: str
    client: str
    helo: str
    sender: str
    recipient: str


def envelopes(count: int, seed: int) -> Iterator[Envelope]:
    """`count` envelopes: 55 % good, 25 % spam, 15 % newsletters, 5 % forged."""
    chance = random.Random(seed)
    kinds = ("good", "spam", "newsletter", "forged")
    for kind in chance.choices(kinds, weights=(55, 25, 15, 5), k=count):
        number = chance.randrange(40)
        to = f"{chance.choice(RECIPIENTS)}@practice.test"
        if kind == "good":
            host = f"mx.partner{number}.example"
            sender = f"person{chance.randrange(9)}@partner{number}.example"
            yield Envelope(kind, f"127.0.0.{10 + number}", host, sender, to)
        elif kind == "newsletter":
            host = f"out{number % 4}.letters.example"
            client = f"127.0.0.{60 + number % 4}"
            yield Envelope(kind, client, host, f"bounce+{number}@letters.example", to)
        elif kind == "spam":
            helo = chance.choice(
                ("laptop", "pc-7", "localhost", "user@home", "x.example")
            )
            sender = chance.choice(("root@web1", "win@prize.invalid", "", "a@b"))
            if helo == "x.example":  # gets through: nobody else writes as this one
                sender = f"deal{number}@x.example"
            client = f"127.0.0.{chance.choice((2, *range(100, 160)))}"
            yield Envelope(kind, client, helo, sender, to)
        else:
            helo, sender = "mail.forger.example", "boss@practice.test"
            yield Envelope(kind, f"127.0.0.{200 + number}", helo, sender, to)


def send(envelope: Envelope, port: int) -> int:
    """Send one message; the code of the reply that decided."""
    source = (envelope.client, 0)
    try:
        with smtplib.SMTP("127.0.0.1", port, source_address=source) as client:
            client.helo(envelope.helo)
            message = f"Subject: demo {envelope.kind}\r\n\r\nA demonstration.\r\n"
            client.sendmail(envelope.sender, [envelope.recipient], message)
    except smtplib.SMTPRecipientsRefused as refused:
        return refused.recipients[envelope.recipient][0]
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    return 250


def main() -> None:
    """Send, and say how many of each kind were accepted, put off and refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--port", type=int, default=2525)
    options = parser.parse_args()
    replies: Counter[tuple[str, int]] = Counter()
    try:
        for envelope in envelopes(options.count, options.seed):
            replies[envelope.kind, send(envelope, options.port) // 100] += 1
    except ConnectionRefusedError:
        print(f"Nothing listens on port {options.port}: start `make run` first.")
        sys.exit(3)
    for kind in ("good", "newsletter", "spam", "forged"):
        accepted, put_off, refused = (replies[kind, code] for code in (2, 4, 5))
        print(
            f"{kind:12} accepted {accepted:5}  put off {put_off:5}  refused {refused:5}"
        )


if __name__ == "__main__":
    main()
