"""Restriction classes: which main.cf declares, and one of ours put in or taken out.

A class is declared in one parameter and defined in one of its own name: the two
change together.
"""

import re

from postfixconf.text.maincf import MainCf

__all__ = ["CLASSES", "declared", "with_class"]

CLASSES = "smtpd_restriction_classes"


def declared(main: MainCf) -> tuple[str, ...]:
    """The classes that main.cf declares, in its order."""
    words = re.split(r"[,\s]+", main.get(CLASSES) or "")
    return tuple(each for each in words if each)


def with_class(main: MainCf, name: str, value: str) -> MainCf:
    """Declare a class and define it as `value`, or take both out where that is ""."""
    classes = declared(main)
    if not value:
        if main.get(name) is None:
            return main
        rest = [each for each in classes if each != name]
        main = main.remove(name)
        return main.set(CLASSES, ", ".join(rest)) if rest else main.remove(CLASSES)
    if name not in classes:
        before = main.get(CLASSES)
        main = main.set(CLASSES, f"{before}, {name}" if before else name)
    return main if main.get(name) == value else main.set(name, value)
