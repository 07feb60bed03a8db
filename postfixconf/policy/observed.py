"""What a server has now, as a value: its texts and what its Postfix knows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from postfixconf.policy.linting.around import Around
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["Facts", "Observed", "Texts", "front_services"]

SMTP_PORTS = ("smtp", "25")


@dataclass(frozen=True)
class Texts:
    """What a person may have written by hand; odd bytes are lone surrogates.

    main.cf and master.cf whole, of the table `access` the lines outside our block,
    and postgrey's options file: empty where a file is not there.
    """

    main: str
    master: str
    access: str = ""
    options: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over all bytes, in hexadecimal."""
        hashed = hashlib.sha256()
        told = (self.main, self.master, self.access)
        for text in (*told, self.options) if self.options else told:
            data = text.encode("utf-8", "surrogateescape")
            hashed.update(b"%d:" % len(data) + data)
        return hashed.hexdigest()


@dataclass(frozen=True)
class Facts:
    """What the installed Postfix is: version, table types, and every default.

    `defaults` holds each parameter this Postfix knows with its built-in value,
    `$` not expanded (`postconf -d`). `default_table_type` is what an indexed
    table is made of here (hash, lmdb, cdb). `config_directory` is where this
    instance's files are. `postgrey` is how Postfix reaches the postgrey of this
    server, empty where there is none; `postgrey_options` is its options file, and
    `postgrey_lists` are mailguard's lists for it that are there, by their paths in the
    configuration directory. `missing_files` are the certificates and keys that main.cf
    or master.cf name for TLS and that are not there.
    """

    version: str
    defaults: Mapping[str, str]
    table_types: tuple[str, ...]
    default_table_type: str
    config_directory: str = ""
    postgrey: str = ""
    postgrey_options: str = ""
    postgrey_lists: tuple[str, ...] = ()
    missing_files: tuple[str, ...] = ()

    def knows(self, parameter: str) -> bool:
        """Whether this Postfix has the parameter at all."""
        return parameter in self.defaults


@dataclass(frozen=True)
class Observed:
    """One server as the worker saw it; `running` says whether master is alive.

    `tables` are the SHA-256 digests of what we wrote into each table of entries,
    by its path in the configuration directory: of `access` our block only. `around`
    is what the linter knows of the tables in files; it is not part of the digest.
    """

    texts: Texts
    facts: Facts
    running: bool
    tables: Mapping[str, str] = field(default_factory=dict)
    around: Around = field(default_factory=Around)

    @property
    def digest(self) -> str:
        """SHA-256 over everything that is compared for hand edits."""
        told = [f"{path}={digest}" for path, digest in sorted(self.tables.items())]
        return hashlib.sha256(
            "\n".join([self.texts.digest, *told]).encode()
        ).hexdigest()


def effective(main: MainCf, facts: Facts, parameter: str) -> str:
    """A parameter's value as Postfix starts from it: the file's, or its default."""
    value = main.get(parameter)
    return facts.defaults.get(parameter, "") if value is None else value


def front_services(master: MasterCf) -> tuple[Service, ...]:
    """The smtpd services that strangers reach on port 25.

    The `smtp` or `25` listener, on any address, or the `pass` service behind
    postscreen; where there is none (a private port), the first smtpd listener.
    """
    smtpds = [each for each in master.services() if each.command == "smtpd"]
    front = [
        each
        for each in smtpds
        if each.type == "pass"
        or (each.type == "inet" and each.name.rpartition(":")[2] in SMTP_PORTS)
    ]
    return tuple(front or [each for each in smtpds if each.type == "inet"][:1])
