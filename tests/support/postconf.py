"""postconf(1) as the oracle: what Postfix itself reads in a configuration.

Files are dated a minute back, or postconf would wait for them to cool down.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

__all__ = ["Postconf", "Said"]

# postconf derives parameters (`relay_destination_rate_delay`) from services.
TRANSPORTS = "error lmtp local relay retry smtp virtual"
STOCK_MASTER = "smtp inet n - n - - smtpd\n" + "".join(
    f"{name} unix - - n - - {name}\n" for name in TRANSPORTS.split()
)
FATAL = "postconf: fatal:"
UNUSED = "unused parameter: "


@dataclass(frozen=True)
class Said:
    """What postconf printed, line by line."""

    lines: list[str]
    errors: list[str]

    @property
    def fatal(self) -> str:
        """Why postconf refused, "" if it did not."""
        return "".join(each for each in self.errors if FATAL in each)

    @property
    def unused(self) -> set[str]:
        """The names it warned about as meaning nothing to it."""
        found = (each.partition(UNUSED)[2] for each in self.errors if UNUSED in each)
        return {each.partition("=")[0] for each in found}

    @property
    def settings(self) -> dict[str, str]:
        """`name = value` lines as a dictionary."""
        pairs = (line.partition("=") for line in self.lines)
        return {name.strip(" "): value.strip(" ") for name, _, value in pairs}


class Postconf:
    """A configuration directory to write files into and ask postconf about.

    `config_directory` is reported by every `-n`, since it is not the default:
    it is left out of what `main` returns.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        """Put a file in place, old enough for postconf not to wait."""
        path = self.directory / name
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        old = time.time() - 60
        os.utime(path, (old, old))

    def ask(self, *arguments: str) -> Said:
        """Run `postconf -c DIR …` and take it apart.

        A program of Postfix's that refuses sleeps a second before it ends; it
        has said everything by then, and is not waited for.
        """
        command = ["postconf", "-c", str(self.directory), *arguments]
        errors = []
        with (
            TemporaryFile() as output,
            subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE) as run,
        ):
            for line in run.stderr or ():
                errors.append(line.decode("utf-8", "surrogateescape").rstrip("\n"))
                if FATAL in errors[-1]:
                    run.kill()
            run.wait()
            output.seek(0)
            text = output.read().decode("utf-8", "surrogateescape")
        return Said(text.split("\n")[:-1], errors)

    def main(self, text: str, *options: str) -> Said:
        """What `postconf -n` says about `text` as main.cf."""
        self.write("main.cf", text)
        self.write("master.cf", STOCK_MASTER)
        said = self.ask(*options, "-n")
        own = f"config_directory = {self.directory}"
        return Said([line for line in said.lines if line != own], said.errors)

    def values(self, names: list[str], *options: str) -> list[str]:
        """What `postconf -h` prints for known names in the main.cf last written."""
        return self.ask(*options, "-h", *names).lines if names else []

    def master(self, text: str, *arguments: str) -> Said:
        """What postconf says about `text` as master.cf; `-M` without arguments."""
        self.write("main.cf", "")
        self.write("master.cf", text)
        return self.ask(*(arguments or ("-M",)))
