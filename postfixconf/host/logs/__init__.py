"""The follower of the mail log: every line once, across rotation, restarts and kills.

    log = source_of(maillog_file)
    bookmark = log.end()              # log.older(bookmark) tells what stands before
    chunk = log.read(bookmark, 1 << 20)
    ...                               # commit chunk.data and chunk.bookmark together

`postfixconf.host.log` is another thing: the look at the end of the log that an apply
takes, which keeps no bookmark.
"""

from postfixconf.host.logs.bookmark import Bookmark, Chunk, Old, Place
from postfixconf.host.logs.files import FileLog
from postfixconf.host.logs.journal import JournalLog
from postfixconf.host.logs.slices import Slice, before, fingerprint, known_as, slices
from postfixconf.host.logs.source import source_of
from postfixconf.host.logs.suppressed import suppressed

__all__ = [
    "Bookmark",
    "Chunk",
    "FileLog",
    "JournalLog",
    "Old",
    "Place",
    "Slice",
    "before",
    "fingerprint",
    "known_as",
    "slices",
    "source_of",
    "suppressed",
]
