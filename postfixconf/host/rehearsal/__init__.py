"""Trying a configuration on a real Postfix before it is live.

`rehearsing` starts a throw-away Postfix that listens on private sockets and delivers
nothing; probes become any client, and the verdict is Postfix's own.
"""
