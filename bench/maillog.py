"""`make bench`: counting a mail log, against pflogsumm on the same file.

The file is made of seeded sessions, one line in twelve a refusal or a warning.
MAILGUARD_BENCH_LOG names another file to read instead, MAILGUARD_BENCH_MB its size.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SIZE = int(os.environ.get("MAILGUARD_BENCH_MB", "300")) << 20
CHUNK = 4000  # sessions made at once
REFUSED = 0.08  # of the lines
REASONS = (
    "450 4.7.25 Client host rejected: cannot find your hostname, [{ip}]",
    "504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname",
    "450 4.1.8 <{sender}>: Sender address rejected: Domain not found",
    "554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org;"
    " https://www.spamhaus.org/query/ip/{ip}",
    "454 4.7.1 <{to}>: Relay access denied",
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox"
    " table",
    "450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see"
    " http://postgrey.schweikert.ch/help/practice.test.html",
    "554 5.7.1 <{sender}>: Sender address rejected: Access denied",
)


def session(chance: random.Random, number: int, refusals: int) -> Iterator[str]:
    """The lines of one client: refusals first, then one message with its delivery."""
    stamp = f"Nov {1 + number // 86400 % 28:2} {number // 3600 % 24:02}:"
    stamp += f"{number // 60 % 60:02}:{number % 60:02} mx postfix"
    ip = f"192.0.{chance.randrange(256)}.{chance.randrange(256)}"
    name, pid = (
        f"mx{chance.randrange(5000)}.sender.example",
        chance.randrange(1000, 32000),
    )
    words = {"ip": ip, "helo": f"pc{chance.randrange(99)}"}
    words |= {"sender": f"user{chance.randrange(99999)}@d{number % 977}.example"}
    words |= {"to": f"user{chance.randrange(5000)}@practice.test"}
    end = "from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>".format(**words)
    smtpd = f"{stamp}/smtpd[{pid}]:"
    yield f"{smtpd} connect from {name}[{ip}]\n"
    for _ in range(refusals):
        verb = chance.choice(("reject", "reject", "reject", "reject_warning"))
        text = chance.choice(REASONS).format(**words)
        yield f"{smtpd} NOQUEUE: {verb}: RCPT from {name}[{ip}]: {text}; {end}\n"
    queue_id = f"{chance.getrandbits(44):011X}"
    yield f"{smtpd} {queue_id}: client={name}[{ip}]\n"
    yield f"{stamp}/cleanup[811]: {queue_id}: message-id=<{number}.x@{name}>\n"
    yield f"{stamp}/qmgr[77]: {queue_id}: from=<{words['sender']}>, size=20480, nrcpt=1"
    yield " (queue active)\n"
    status = chance.choice(("sent", "sent", "sent", "deferred", "bounced"))
    yield f"{stamp}/smtp[{pid + 1}]: {queue_id}: to=<{words['to']}>, relay=in.example"
    yield "[198.51.100.7]:25, delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0"
    yield f", status={status} (250 2.0.0 Ok: queued as 4F1A2B3C4D)\n"
    yield f"{stamp}/qmgr[77]: {queue_id}: removed\n"
    yield f"{smtpd} disconnect from {name}[{ip}] ehlo=1 mail=1 rcpt=1 data=1 quit=1"
    yield " commands=5\n"


def write(path: Path) -> None:
    """A log of SIZE bytes."""
    chance = random.Random(4)  # the same log every time
    number = 0
    with path.open("w") as file:
        while file.tell() < SIZE:
            for _ in range(CHUNK):
                refusals = int(chance.random() < 7 * REFUSED / (1 - REFUSED))
                file.writelines(session(chance, number, refusals))
                number += 1


class Run(NamedTuple):
    """Processor seconds and megabytes of one command, and what it printed."""

    seconds: float
    megabytes: float
    said: bytes


def run(*command: str) -> Run:
    """The better of two runs. Processor time: other work on the machine is not ours."""
    runs = []
    for _ in range(2):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, command
        process.stdout.close()
        process.returncode = 0
        seconds = usage.ru_utime + usage.ru_stime
        runs.append(Run(seconds, usage.ru_maxrss / 1024, said))
    return min(runs)


ATTEMPTS = """
import sys
from datetime import UTC, datetime
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.intake import Intake

intake, rest, lines = Intake(Clock(datetime.now(UTC))), b"", 0
with open(sys.argv[1], "rb") as file:
    while block := file.read(1 << 16):
        whole, newline, rest = (rest + block).rpartition(b"\\n")
        lines += intake.feed(whole + newline).lines
intake.flush()
print(lines)
"""


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as directory:
        path = Path(os.environ.get("MAILGUARD_BENCH_LOG") or f"{directory}/mail.log")
        if not path.exists():
            write(path)
        count = [sys.executable, "-m", "postfixconf.maillog", str(path), "--json"]
        full, rejects = run(*count), run(*count, "--rejects-only")
        merged = run(sys.executable, "-c", ATTEMPTS, str(path))
        theirs = run("pflogsumm", str(path))
        size = path.stat().st_size >> 20
    told = json.loads(full.said)
    peak = max(full.megabytes, rejects.megabytes)
    share = told["totals"]["rejected"] + told["totals"]["reject_warnings"]
    print(f"log lines                    {told['lines']:>10,}   {size} MB, ", end="")
    print(f"{100 * share / told['lines']:.1f} % refusals and warnings")
    print(f"pflogsumm                    {theirs.seconds:10.2f} s")
    print(f"full totals                  {full.seconds:10.2f} s   ", end="")
    print(f"{theirs.seconds / full.seconds:.1f} times as fast (budget 4)")
    print(f"refusals alone               {rejects.seconds:10.2f} s   ", end="")
    print(f"{theirs.seconds / rejects.seconds:.1f} times as fast (budget 10)")
    print(f"attempts                     {merged.seconds:10.2f} s   ", end="")
    print(f"{theirs.seconds / merged.seconds:.1f} times as fast, ", end="")
    print(f"{told['lines'] / merged.seconds:,.0f} lines/s, {merged.megabytes:.0f} MB")
    print(f"memory at its most           {peak:10.0f} MB  (budget 100 MB)")


if __name__ == "__main__":
    main()
