"""What the linter calls a hindrance is one: asked of Postfix, past the linter."""

from dataclasses import replace

from postfixconf.host.apply import Applied, RolledBack
from postfixconf.host.commands import run
from postfixconf.policy.entries import Entry
from tests.support.practice import REHEARSED, Practice

SENDER = "smtpd_sender_restrictions"
DENIED = [Entry.read("deny", "sender", "pest@bad.example")]
PEST, BOB = "pest@bad.example", "bob@practice.test"


def adopt(practice: Practice, main: str = "", options: str = "") -> None:
    """What somebody wrote by hand, as the starting point of every plan."""
    directory = practice.instance.config_dir
    with (directory / "main.cf").open("a") as file:
        file.write(main)
    text = (directory / "master.cf").read_text()
    head, smtpd, rest = text.partition(" smtpd\n")
    (directory / "master.cf").write_text(f"{head}{smtpd}{options}{rest}")
    practice.instance.restart()
    practice.adopted = practice.observed().texts


def past_the_linter(practice: Practice) -> list[str]:
    """Bring a deny entry live whatever is found; the codes of what forbade it."""
    made = practice.plan({}, DENIED)
    assert isinstance(practice.apply(replace(made, findings=())), Applied)
    return [each.code for each in made.blocking]


def test_without_a_hindrance_the_entry_refuses(practice: Practice) -> None:
    assert past_the_linter(practice) == []
    assert practice.attempt(PEST, BOB).code == 554


def test_behind_an_override_the_entry_does_nothing(practice: Practice) -> None:
    adopt(practice, options=f"  -o {{ {SENDER} = permit_mynetworks }}\n")
    assert past_the_linter(practice) == ["entries_overridden"]
    assert practice.attempt(PEST, BOB).ok


def test_a_table_of_two_types_is_read_by_one_of_them_only(practice: Practice) -> None:
    directory = practice.instance.config_dir
    (directory / "access").write_text("old@bad.example REJECT\n")
    run("postmap", "-c", str(directory), f"btree:{directory}/access")
    adopt(practice, f"{SENDER} = check_sender_access proxy:btree:{directory}/access\n")
    assert practice.attempt("old@bad.example", BOB).code == 554
    made = practice.plan({}, DENIED)
    outcome = practice.apply(replace(made, findings=()), demands=REHEARSED)
    assert [each.code for each in made.blocking] == ["access_asked_as_another"]
    assert isinstance(outcome, RolledBack)
    assert "access.db: Invalid argument" in outcome.cause
