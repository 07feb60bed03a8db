"""A practice server: a complete private Postfix made from the stock files.

It listens on one port of loopback, accepts any address at `practice.test`,
delivers into a directory of its own, trusts 127.0.0.1 only, and sends nothing
to the outside: every other destination is an error. It has a postgrey of its own, where
the program is installed, with its data beside: nothing asks it at first. For 587 and
465 it has ports of its own, in comments at first, a certificate made for it, and a
Dovecot that checks passwords, where that is installed.
"""

import shutil
from pathlib import Path

from postfixconf.errors import BadFile, HostError
from postfixconf.host import files, postgrey, practice_dovecot
from postfixconf.host.commands import run
from postfixconf.host.instance import Instance
from postfixconf.text.maincf import MainCf

__all__ = ["create", "settings"]

# The distribution's own files, first found wins (Debian; upstream's names).
STOCK_MAIN = ("/usr/share/postfix/main.cf.debian", "/etc/postfix/main.cf.default")
STOCK_MASTER = (
    "/usr/share/postfix/master.cf.dist",
    "/etc/postfix/master.cf.proto",
    "/etc/postfix/master.cf",
)
# What a chrooted smtpd reads (Debian's configure-instance.sh copies the same).
CHROOT = ("resolv.conf", "hosts", "services", "nsswitch.conf", "localtime", "host.conf")
SMTP = "smtp      inet  n       -       y       -       -       smtpd\n"
# How far postgrey's port is from Postfix's: 12525 beside 2525.
POSTGREY_PORT = 10_000
# Debian's and Red Hat's own whitelists, copied where they are there.
LISTS = {
    "whitelist_clients": (
        "/etc/postgrey/whitelist_clients",
        "/etc/postfix/postgrey_whitelist_clients",
    ),
    "whitelist_recipients": (
        "/etc/postgrey/whitelist_recipients",
        "/etc/postfix/postgrey_whitelist_recipients",
    ),
}
# How far its ports for 587 and 465 are from Postfix's: 2587 and 2465 beside 2525.
SUBMISSION_PORT, SUBMISSIONS_PORT = 62, -60
SUBMISSION = "#submission inet n       -       y       -       -       smtpd\n"
SUBMISSIONS = "#submissions     inet  n       -       y       -       -       smtpd\n"
# The machine's own, which the practice server does not use.
DROPPED = ("smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_security_level")


def settings(room: Path) -> dict[str, str]:
    """What the practice server in `room` adds to the stock main.cf."""
    return {
        "queue_directory": f"{room}/spool",
        "data_directory": f"{room}/data",
        "maillog_file": f"{room}/log/mail.log",
        "maillog_file_prefixes": str(room),
        "multi_instance_name": "postfix-practice",
        "multi_instance_enable": "yes",
        "myhostname": "mail.practice.test",
        "mydomain": "practice.test",
        "mydestination": "",
        "mynetworks": "127.0.0.1/32",
        "inet_interfaces": "loopback-only",
        "inet_protocols": "ipv4",
        "virtual_mailbox_domains": "practice.test",
        "virtual_mailbox_maps": "static:all",
        "virtual_mailbox_base": f"{room}/mail",
        "virtual_uid_maps": f"static:{run('id', '-u', 'postfix').out.strip()}",
        "virtual_gid_maps": f"static:{run('id', '-g', 'postfix').out.strip()}",
        "default_transport": "error:the practice server sends nothing to the outside",
        "relay_transport": "error:the practice server sends nothing to the outside",
        "smtpd_peername_lookup": "yes",
        "alias_maps": "",
        "alias_database": "",
        "smtpd_tls_security_level": "none",
        "smtpd_tls_cert_file": f"{room}/tls/cert.pem",
        "smtpd_tls_key_file": f"{room}/tls/key.pem",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": "private/auth",
    }


def create(room: Path, port: int) -> Instance:
    """Make the practice server in `room` unless it is there, and return it.

    `room` is absolute and every directory above it open to user postfix. What
    is there already is kept as it is, whatever was done to it since. Raises
    HostError without a Postfix on the machine.
    """
    instance = Instance(room / "etc")
    if not (room / "etc" / "main.cf").exists():
        _make_directories(room)
        _make_certificate(room / "tls")
        _write(room / "etc" / "master.cf", _master(stock(STOCK_MASTER), port))
        _write(room / "etc" / "main.cf", _main(stock(STOCK_MAIN), room))
    _fill_chroot(room / "spool" / "etc")
    _open_log(room / "log" / "mail.log")
    if practice_dovecot.installed():
        practice_dovecot.furnish(room)
    if postgrey.installed():
        _make_postgrey(room / "postgrey", port)
    return instance


def stock(candidates: tuple[str, ...]) -> str:
    """The distribution's own file, the first of `candidates` that is there."""
    for candidate in candidates:
        if Path(candidate).is_file():
            return files.read(Path(candidate)).text
    raise HostError(
        f"Postfix is not installed: none of {', '.join(candidates)} is here"
    )


def _make_directories(room: Path) -> None:
    for name in ("etc", "mail", "log", "spool", "data"):
        (room / name).mkdir(parents=True, exist_ok=True, mode=0o755)
    for name in ("mail", "data"):
        shutil.chown(room / name, "postfix", "postfix")
    # Postfix fills its own queue directory at the first start.


def _make_certificate(room: Path) -> None:
    """A key, and a certificate that nobody vouches for but the key itself."""
    room.mkdir(parents=True, exist_ok=True)
    words = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    name = ("-subj", "/CN=mail.practice.test", "-days", "3650")
    more = ("-addext", "subjectAltName=DNS:mail.practice.test,IP:127.0.0.1")
    out = ("-keyout", str(room / "key.pem"), "-out", str(room / "cert.pem"))
    run("openssl", "req", *words, *name, *more, *out)


def _make_postgrey(room: Path, port: int) -> None:
    """The options, lists and data of its postgrey; what is there is kept."""
    if (room / "options").exists():
        return
    (room / "data").mkdir(parents=True, exist_ok=True)
    shutil.chown(room / "data", "postgrey", "postgrey")
    words = [f"--inet=127.0.0.1:{port + POSTGREY_PORT}", f"--dbdir={room}/data"]
    for name, candidates in LISTS.items():
        found = next((x for x in map(Path, candidates) if x.is_file()), None)
        _write(room / name, files.read(found).text if found else "")
        words += [
            f"--{name.replace('_', '-')}={room / name}{x}" for x in ("", ".local")
        ]
    lines = "".join(f" \\\n    {word}" for word in words)
    _write(room / "options", f'# How postgrey is started.\nPOSTGREY_OPTS="{lines}"\n')


def _main(text: str, room: Path) -> str:
    document = MainCf.parse(text)
    for name in DROPPED:
        document = document.remove(name)
    for name, value in settings(room).items():
        document = document.set(name, value)
    return document.render()


def _master(text: str, port: int) -> str:
    """The stock services, their ports exchanged for `port` and its neighbours."""
    if SMTP not in text:
        raise BadFile("master.cf", 1, text[:60], "no stock line for the SMTP port")
    text = text.replace(SMTP, SMTP.replace("smtp      inet", f"{port:<9} inet"), 1)
    submission, submissions = port + SUBMISSION_PORT, port + SUBMISSIONS_PORT
    text = text.replace(SUBMISSION, SUBMISSION.replace("submission", f"{submission}"))
    return text.replace(
        SUBMISSIONS, SUBMISSIONS.replace("submissions", f"{submissions:<11}")
    )


def _open_log(path: Path) -> None:
    """Have a log that user postfix may write too.

    Before Postfix runs, postsuper(1) writes into it itself, as that user, of each queue
    file that a stop under load has left half made; where it may not, Postfix does not
    start (seen on 3.7.11).
    """
    path.touch(mode=0o644)
    shutil.chown(path, "postfix", "postfix")


def _fill_chroot(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in CHROOT:
        source = Path("/etc") / name
        if source.is_file():
            shutil.copyfile(source, directory / name)


def _write(path: Path, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    files.replace(files.Saved(path, data, 0o644, 0, 0))
