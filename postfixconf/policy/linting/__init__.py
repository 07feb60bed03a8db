"""What the linter looks for: a small function a kind, the words as data.

Each function takes what is there as `Seen` and yields `Said`; `kinds` has the
sentence, the reason and the remedy. Nothing here opens a file: what tables hold
comes in as `Around`.
"""
