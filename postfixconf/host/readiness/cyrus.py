"""Cyrus SASL behind smtpd: its file, its mechanisms, and what it asks about passwords.

smtpd reads the file before it gives root up and enters its chroot; the passwords are
looked up after that, by user postfix with all its groups (seen on 3.7.11). Where they
cannot be, Postfix goes on offering AUTH and answers 454 to whoever signs in.

Other sources than saslauthd and sasldb (sql, ldapdb) are not looked at.
"""

import re
import socket
from contextlib import suppress
from pathlib import Path

from postfixconf.host.readiness.allowed import allowed, group_of
from postfixconf.host.readiness.check import Check, hindrance, well
from postfixconf.host.readiness.settings import Settings

__all__ = ["cyrus", "is_sasldb"]

COMMON = ("PLAIN", "LOGIN")  # what mail programs speak, over TLS
# Where libsasl2 looks for NAME.conf on systems that leave that to it.
DIRECTORIES = ("/etc/sasl2", "/etc/sasl", "/usr/lib/sasl2", "/usr/lib64/sasl2")
# Debian's smtpd has a list of its own, below its configuration directory and then
# this; cyrus_sasl_config_path does nothing there (its patch 07_sasl_config).
BUILT_IN = re.compile(rb"\0sasl:(/[\x21-\x7e]+)\0")
PLUGINS = ("usr/lib/*/sasl2", "usr/lib/sasl2", "usr/lib64/sasl2")
SASLAUTHD = "/var/run/saslauthd"
SECONDS = 3.0  # for saslauthd to take a connection
TEMPORARY = "Who signs in gets “454 Temporary authentication failure”."


def cyrus(settings: Settings) -> Check:
    """What there is to say of it."""
    directories = directories_of(settings)
    name = f"{settings.get('smtpd_sasl_path')}.conf"
    file = next((x for each in directories if (x := each / name).exists()), None)
    if file is None:
        return elsewhere(settings, directories, name)
    try:
        told = options(file.read_text("utf-8", "replace"))
    except OSError as cause:
        said = f"{file} cannot be read: {cause.strerror}."
        return hindrance(said, "Let root read it.")
    wanted = told.get("mech_list", " ".join(COMMON)).upper().split()
    usable = [each for each in COMMON if each in wanted and plugin(each)]
    if not usable:
        return hindrance(
            f"By {file}, Cyrus SASL offers neither PLAIN nor LOGIN.",
            "Add the line “mech_list: PLAIN LOGIN” and see that its modules are here.",
            "apt-get install libsasl2-modules",
        )
    return source(told, settings) or well(
        f"Cyrus SASL is set up in {file} and offers {', '.join(usable)}. "
        f"{realm(told, settings)}Only a test sign-in tells whether it knows anybody."
    )


def directories_of(settings: Settings) -> tuple[Path, ...]:
    """Where this Postfix looks for NAME.conf."""
    built_in = None
    if daemons := settings.get("daemon_directory"):
        with suppress(OSError):
            built_in = BUILT_IN.search(Path(daemons, "smtpd").read_bytes())
    if built_in:
        own = Path(settings.get("config_directory"), "sasl")
        return own, *map(Path, built_in[1].decode().split(":"))
    value = settings.get("cyrus_sasl_config_path")
    return tuple(map(Path, value.split(":") if value else DIRECTORIES))


def elsewhere(settings: Settings, directories: tuple[Path, ...], name: str) -> Check:
    """Its file is not where it is read; it may lie where main.cf says."""
    right = directories[0] / name
    value = settings.get("cyrus_sasl_config_path").split(":")
    lost = [x for each in value if each and (x := Path(each, name)).exists()]
    if lost:
        return hindrance(
            f"Cyrus SASL is not set up: {lost[0]} is not read. This Postfix looks in "
            f"{directories[0]}, whatever cyrus_sasl_config_path says.",
            "Move the file there, then restart Postfix.",
            f"mkdir -p {right.parent} && mv {lost[0]} {right}",
        )
    return hindrance(
        f"Cyrus SASL is not set up: there is no {name}.",
        f"Write {right}, for instance with “pwcheck_method: saslauthd” and "
        "“mech_list: PLAIN LOGIN”; or let Postfix ask Dovecot, if it is here: "
        "smtpd_sasl_type = dovecot.",
    )


def options(text: str) -> dict[str, str]:
    """The `name: value` lines of Cyrus SASL."""
    pairs = (line.partition(":") for line in text.splitlines() if line[:1] != "#")
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value}


def plugin(name: str) -> bool:
    """Whether a module is installed: that of a mechanism, or of a source."""
    file = f"lib{name.lower()}.so*"
    return any(any(Path("/").glob(f"{each}/{file}")) for each in PLUGINS)


def source(told: dict[str, str], settings: Settings) -> Check | None:
    """What is wrong with where passwords are looked up; None for nothing known."""
    method = told.get("pwcheck_method", "auxprop").split()[:1]
    if method == ["saslauthd"]:
        return by_saslauthd(inside(told.get("saslauthd_path"), SASLAUTHD), settings)
    if is_sasldb(told):
        return by_sasldb(inside(told.get("sasldb_path"), "/etc/sasldb2"), settings)
    return None


def is_sasldb(told: dict[str, str]) -> bool:
    """Whether sasldb2 alone knows the people."""
    method = told.get("pwcheck_method", "auxprop").split()[:1]
    return method == ["auxprop"] and told.get("auxprop_plugin", "sasldb") == "sasldb"


def by_saslauthd(path: str, settings: Settings) -> Check | None:
    """saslauthd's socket: there, open to user postfix, and answering."""
    mux = root_of(settings) / path
    user, chrooted = settings.get("mail_owner"), told_chroot(settings)
    start = f"Start it with its socket in {mux.parent} (option -m)."
    command = "systemctl enable --now saslauthd"
    if not mux.exists():
        said = f"saslauthd does not listen{chrooted}: {mux} is missing. {TEMPORARY}"
        return hindrance(said, start, command)
    if not allowed("-w", mux, user):
        return hindrance(
            f"smtpd, which is user {user}, may not use saslauthd's socket {mux}. "
            f"{TEMPORARY}",
            f"Let it into the group that may enter {mux.parent}, then restart Postfix.",
            f"usermod -a -G {group_of(mux.parent)} {user}",
        )
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(SECONDS)
        try:
            asked.connect(str(mux))
        except OSError as cause:
            why = cause.strerror or cause
            said = f"saslauthd does not run: nobody answers at {mux}, {why}."
            return hindrance(f"{said} {TEMPORARY}", start, command)
    return None


def by_sasldb(path: str, settings: Settings) -> Check | None:
    """The file of passwords: there, and open to user postfix."""
    file, user = root_of(settings) / path, settings.get("mail_owner")
    if not plugin("sasldb"):
        return hindrance(
            "Cyrus SASL cannot read its file of passwords: the module is not here. "
            f"{TEMPORARY}",
            "Install it, then restart Postfix.",
            "apt-get install libsasl2-modules-db",
        )
    if not file.exists():
        return hindrance(
            f"Cyrus SASL knows nobody{told_chroot(settings)}: {file} is missing.",
            f"Add somebody, and let user {user} read the file.",
            f"saslpasswd2 -c -f {file} -u {realm_of(settings)} NAME",
        )
    if allowed("-r", file, user):
        return None
    group = group_of(file)
    open_to = file.stat().st_mode & 0o040 and group != "root"
    return hindrance(
        f"smtpd, which is user {user}, may not read {file}. {TEMPORARY}",
        "Let it read the file, then restart Postfix.",
        f"usermod -a -G {group} {user}"
        if open_to
        else f"chgrp {user} {file} && chmod g+r {file}",
    )


def inside(value: str | None, usual: str) -> str:
    """A path of the file, or the usual one, without its first slash."""
    return (value or usual).lstrip("/")


def root_of(settings: Settings) -> Path:
    """What is `/` to smtpd when it looks a password up."""
    return Path(settings.get("queue_directory") if settings.chroot else "/")


def told_chroot(settings: Settings) -> str:
    """The words for its being in a chroot."""
    return " inside smtpd's chroot" * settings.chroot


def realm(told: dict[str, str], settings: Settings) -> str:
    """How sasldb2 calls somebody who signs in without an @, as a sentence."""
    if not is_sasldb(told):
        return ""
    return f"A name without @ is looked for as NAME@{realm_of(settings)}. "


def realm_of(settings: Settings) -> str:
    """The realm of a name without one (smtpd_sasl_local_domain, else our own name)."""
    return settings.get("smtpd_sasl_local_domain") or settings.get("myhostname")
