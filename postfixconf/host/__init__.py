"""Effects: the files, commands and sockets of one Postfix on this machine.

Everything that can change a server is in here; what it should become is
decided in `postfixconf.policy`, without touching anything.
"""
