"""kill -9 at any moment while the log grows and rotates: every line once.

The follower commits its lines and its bookmark in one transaction, as intake does.
"""

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from postfixconf.host.logs import Bookmark, FileLog
from tests.support.rotating import RotatingLog, follow
from tests.support.site import ROOT
from tests.support.soak import full

FOLLOWER = """
import json, sqlite3, sys, time
from pathlib import Path
from postfixconf.host.logs import Bookmark, FileLog

log, store = FileLog(Path(sys.argv[1])), sqlite3.connect(sys.argv[2])
print("ready", flush=True)
while True:
    (kept,) = store.execute("SELECT json FROM bookmark").fetchone()
    chunk = log.read(Bookmark.from_json(json.loads(kept)), 4000)
    with store:
        for line in chunk.data.decode().splitlines():
            store.execute("INSERT INTO line VALUES (?)", (line,))
        kept = json.dumps(chunk.bookmark.as_json())
        store.execute("UPDATE bookmark SET json = ?", (kept,))
    if not chunk.more:
        time.sleep(0.002)
"""


def store_at(path: Path, bookmark: Bookmark) -> None:
    """The tables that the follower commits to."""
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("CREATE TABLE line (text TEXT)")
        store.execute("CREATE TABLE bookmark (json TEXT)")
        kept = json.dumps(bookmark.as_json())
        store.execute("INSERT INTO bookmark VALUES (?)", (kept,))


def write_and_rotate(written: RotatingLog, done: Event, sent: list[str]) -> None:
    """Lines in pieces, and all that rotation does, until `done`."""
    chance = random.Random(4)
    while not done.is_set():
        for _ in range(chance.randrange(1, 200)):
            line = f"line {len(sent)} {'x' * chance.randrange(120)}"
            written.write(line[:9])
            written.write(line[9:] + "\n")
            sent.append(line)
        if chance.random() < 0.3:
            written.copytruncate()
        elif chance.random() < 0.5:
            written.rename()
            sent.append(f"late {len(sent)}")
            written.write(sent[-1] + "\n", 1)
        if chance.random() < 0.5:
            written.pack(2)
        time.sleep(0.02)


def kill_a_follower(written: RotatingLog, store: Path, seconds: float) -> None:
    """Start one, and end it with SIGKILL some time after it began to read."""
    words = [sys.executable, "-c", FOLLOWER, str(written.path), str(store)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        assert process.poll() is None
        process.kill()


def test_every_line_comes_once_however_often_killed(tmp_path: Path) -> None:
    written, store = RotatingLog(tmp_path / "mail.log"), tmp_path / "store"
    log = FileLog(written.path)
    store_at(store, log.end())
    sent: list[str] = []
    done = Event()
    writer = Thread(target=write_and_rotate, args=(written, done, sent))
    writer.start()
    for _ in range(max(5, full(50))):
        kill_a_follower(written, store, random.uniform(0, 0.15))
    done.set()
    writer.join()
    with closing(sqlite3.connect(store)) as kept:
        seen = [text for (text,) in kept.execute("SELECT text FROM line")]
        (text,) = kept.execute("SELECT json FROM bookmark").fetchone()
    rest, _ = follow(log, Bookmark.from_json(json.loads(text)))
    assert seen, "killed before anything was read"
    assert sorted(seen + rest) == sorted(sent)
