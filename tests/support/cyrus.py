"""Cyrus SASL behind the smtpd of a practice server, as an administrator sets it up.

Alice is in a sasldb2 of the server's own; saslauthd, where it runs, looks there too.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from postfixconf.host import files
from postfixconf.host.instance import Instance
from postfixconf.text.mastercf import MasterCf
from tests.support.practice import configure
from tests.support.waiting import eventually

__all__ = ["PASSWORD", "REALM", "USER", "Cyrus", "covered", "prepare"]

USER, REALM, PASSWORD = "alice@practice.test", "practice.test", "Kornrade 5138"
MECHANISMS = "mech_list: PLAIN LOGIN\n"
SASLDB = Path("/etc/sasldb2")  # where saslauthd looks, and nowhere else


class Cyrus:
    """Its files, in `room`: a directory that user postfix may enter."""

    def __init__(self, instance: Instance, room: Path) -> None:
        self.instance, self.room = instance, room
        self.file = instance.config_dir / "sasl" / "smtpd.conf"
        self.sasldb = room / "sasldb2"
        self.mux = room / "run" / "mux"

    def by_sasldb(self) -> None:
        """Have smtpd look into sasldb2 itself."""
        source = f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\n{MECHANISMS}"
        self.file.write_text(f"{source}sasldb_path: {self.sasldb}\n")

    def by_saslauthd(self) -> None:
        """Have smtpd ask saslauthd."""
        source = f"pwcheck_method: saslauthd\n{MECHANISMS}"
        self.file.write_text(f"{source}saslauthd_path: {self.mux}\n")

    @contextmanager
    def saslauthd(self) -> Iterator[None]:
        """Let it run. Its end ends its whole process group: it has one of its own."""
        words = [
            "saslauthd",
            "-d",
            "-a",
            "sasldb",
            "-n",
            "1",
            "-m",
            str(self.mux.parent),
        ]
        with covered(SASLDB, self.sasldb):
            process = subprocess.Popen(
                words, start_new_session=True, stderr=subprocess.DEVNULL
            )
            try:
                eventually(self.mux.exists, seconds=20)
                yield
            finally:
                process.terminate()
                process.wait(timeout=20)


def prepare(instance: Instance, room: Path) -> Cyrus:
    """Set it up, and AUTH on port 25 out of the chroot; Postfix has to be told."""
    made = Cyrus(instance, room)
    made.file.parent.mkdir()
    made.mux.parent.mkdir()
    shutil.chown(made.mux.parent, "root", "sasl")
    made.mux.parent.chmod(0o710)  # as Debian has /var/run/saslauthd
    words = ["saslpasswd2", "-c", "-p", "-f", str(made.sasldb), "-u", REALM, "alice"]
    subprocess.run(words, input=PASSWORD, text=True, check=True, timeout=20)
    shutil.chown(made.sasldb, "root", "postfix")
    made.sasldb.chmod(0o640)
    made.by_sasldb()
    settings = {"smtpd_sasl_type": "cyrus", "smtpd_sasl_path": "smtpd"}
    configure(instance, settings | {"smtpd_sasl_auth_enable": "yes"})
    saved = instance.master()
    text = saved.text.replace("inet  n       -       y ", "inet  n       -       n ")
    assert MasterCf.parse(text).services()[0].chroot == "n"
    files.replace(replace(saved, data=text.encode()))
    return made


@contextmanager
def covered(path: Path, by: Path) -> Iterator[None]:
    """Another file in the place of one of the machine's, for this process alone."""
    subprocess.run(["mount", "--bind", str(by), str(path)], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True, timeout=10)
