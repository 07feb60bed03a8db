"""What is wrong with the configuration in any directory."""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mailguard import command
from postfixconf.host.examine import examine
from postfixconf.policy.lint import Finding, Level


class Command(command.Command):
    alone = True
    help = "Say what is wrong with the main.cf and master.cf in a directory."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("directory", help="a directory with a main.cf")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        findings = examine(Path(options["directory"]))
        wrong = any(each.level is Level.ERROR for each in findings)
        code = command.Exit.REFUSED if wrong else command.Exit.DONE
        text = "\n".join(map(in_words, findings)) or "Nothing is wrong."
        return code, {"findings": [asdict(each) for each in findings]}, text


def in_words(finding: Finding) -> str:
    """A finding as lines for people."""
    return (
        f"{finding.level}: {finding.place}: {finding.sentence}\n"
        f"    {finding.why}\n    {finding.remedy}"
    )
