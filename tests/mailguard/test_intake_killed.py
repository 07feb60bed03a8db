"""kill -9 at any moment, into the database: every line once, every attempt right."""

import time
from collections import Counter
from pathlib import Path
from random import Random
from threading import Event, Thread

from tests.support.killed import killable
from tests.support.logged import configured
from tests.support.rotating import RotatingLog
from tests.support.soak import full
from tests.support.written import Mail


def write_and_rotate(
    log: RotatingLog, mail: Mail, done: Event, sent: list[str]
) -> None:
    """Lines in pieces, and all that rotation does, until `done`."""
    chance = mail.chance
    while not done.is_set():
        rotated = chance.choice(("", "", "rename", "copytruncate"))
        if rotated == "rename":
            log.rename()
        elif rotated == "copytruncate":
            log.copytruncate()
        for number in range(chance.randrange(1, 60)):
            [line] = mail.lines(1)
            late = 1 if rotated == "rename" and number < 5 else 0
            log.write(line[:40], late)  # its writer is told later
            log.write(line[40:] + "\n", late)
            sent.append(line)
        if chance.random() < 0.5:
            log.pack(2)
        time.sleep(0.01)
    for line in mail.rest():
        log.write(line + "\n")
        sent.append(line)


def counted(truth: dict[str, tuple[str, str, str]]) -> Counter[str]:
    """What the hours must say of it."""
    hours = Counter(outcome for outcome, _, _ in truth.values())
    hours["would"] = sum(
        bool(warned) and outcome == "accepted" for outcome, warned, _ in truth.values()
    )
    return hours


def test_every_attempt_is_right_however_often_killed(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    log = RotatingLog(configured(tmp_path / "log"))
    mail, done, sent = Mail(Random(7)), Event(), list[str]()
    with killable(tmp_path / "home", tmp_path / "log") as child:
        child.together("drain")  # following begins at an empty log
        writer = Thread(target=write_and_rotate, args=(log, mail, done, sent))
        writer.start()
        chance = Random()
        alive = [
            child.kill("follow", chance.uniform(0.005, 0.2))
            for _ in range(max(8, full(50)))
        ]
        done.set()
        writer.join()
        assert child.together("drain", "drain") == [0, 0]
        kept = child.sums()
    assert all(alive)
    assert kept["lines"] == len(sent)
    assert kept["by sender"] == {key: [*each] for key, each in mail.truth.items()}
    assert kept["attempts"] == len(mail.truth)
    assert Counter(kept["hours"]) == counted(mail.truth)
    assert kept["tries"] == mail.tries
