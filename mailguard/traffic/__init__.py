"""What the mail log says: attempts, counts, evidence, and why a mail was refused.

It follows the mail log through the worker, keeps recent attempts and hourly counts,
and answers questions about them. It knows no revision and writes no policy: letting
a sender in is a link to the page of entries.
"""
