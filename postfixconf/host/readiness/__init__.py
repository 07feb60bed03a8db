"""Whether a server is ready for people to send through 587 and 465.

Each check returns values and raises nothing for a machine that is not as it should be:
what is wrong is the answer. All but the test sign-in wants root, and is the worker's.
"""

from postfixconf.host.readiness.check import PORTS, STEPS, Check, Level
from postfixconf.host.readiness.look import Looked, look

__all__ = ["PORTS", "STEPS", "Check", "Level", "Looked", "look"]
