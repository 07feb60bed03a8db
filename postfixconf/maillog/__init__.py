"""The pure room: mail log lines, read into records, attempts and counts.

It does: tell Postfix's and postgrey's lines from others', read what they say with
text that strangers chose kept in its place, name the control that a refusal comes
from, and merge the lines of one RCPT into one attempt.

It does not: open files (only `__main__` does), follow a growing log, or know what
a configuration holds. Bytes come in; text in records is UTF-8 with
`surrogateescape`, so any byte survives.
"""
