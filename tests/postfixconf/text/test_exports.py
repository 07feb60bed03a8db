"""What the library offers by name."""

import postfixconf
from postfixconf.text import maincf, mastercf, rules


def test_the_library_exports_exactly_these_names_sorted() -> None:
    assert postfixconf.__all__ == ["MainCf", "MasterCf", "Rule"]


def test_the_exports_are_the_text_rooms_own() -> None:
    assert postfixconf.MainCf is maincf.MainCf
    assert postfixconf.MasterCf is mastercf.MasterCf
    assert postfixconf.Rule is rules.Rule
