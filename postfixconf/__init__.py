"""Postfix configuration as values: read it, change one thing, write it back.

>>> MainCf.parse("myhostname = a.example\\n").set("biff", "no").render()
'myhostname = a.example\\nbiff = no\\n'
"""

from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule

__all__ = ["MainCf", "MasterCf", "Rule"]
