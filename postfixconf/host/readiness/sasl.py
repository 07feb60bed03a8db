"""Whether smtpd can ask somebody who may sign in: Dovecot, or Cyrus SASL.

That it knows people is proven only by a test sign-in (signin.py).
"""

from pathlib import Path

from postfixconf.errors import CommandFailed, HostError, quoted
from postfixconf.host.commands import run
from postfixconf.host.readiness import dovecot
from postfixconf.host.readiness.check import Check, Level
from postfixconf.host.readiness.settings import Settings

__all__ = ["sasl"]

COMMON = ("PLAIN", "LOGIN")  # what mail programs speak, over TLS
# Where libsasl2 looks for NAME.conf: Debian's Postfix first, then as it was built.
CYRUS_DIRECTORIES = (
    *("/etc/postfix/sasl", "/etc/sasl2", "/usr/lib/sasl2", "/usr/lib64/sasl2"),
    *("/var/lib/sasl2", "/usr/local/lib/sasl2"),
)
PLUGINS = ("usr/lib/*/sasl2", "usr/lib/sasl2", "usr/lib64/sasl2")
SASLAUTHD = "/var/run/saslauthd"


def sasl(settings: Settings) -> Check:
    """What there is to say of the service behind AUTH."""
    kind = settings.get("smtpd_sasl_type")
    if kind == "dovecot":
        return by_dovecot(settings)
    if kind == "cyrus":
        return by_cyrus(settings)
    return hindrance(
        f"smtpd_sasl_type is {quoted(kind)}, which is neither dovecot nor cyrus.",
        "Set it to the one that knows your people, in main.cf.",
    )


def by_dovecot(settings: Settings) -> Check:
    """Dovecot's socket: there, reachable for user postfix, and speaking."""
    queue, value = Path(settings.get("queue_directory")), settings.get(PATH)
    try:
        service = dovecot.Service.of(value, queue, chroot=settings.chroot)
    except ValueError:
        said = f"smtpd_sasl_path is {quoted(value)}: that has no number for a port."
        return hindrance(said, "Write inet:host:port.")
    remedy = (
        "See that Dovecot runs, and let it listen there: in "
        "/etc/dovecot/conf.d/10-master.conf, inside “service auth { … }”: "
        f"unix_listener {service} {{ mode = 0660 user = postfix group = postfix }}."
    )
    if service.path is None:
        remedy = f"See that Dovecot runs and has an inet_listener on {service}."
    elif not service.path.exists():
        where = " (smtpd is in a chroot and sees nothing else)"
        said = f"Dovecot does not listen where smtpd looks for it: {service} is missing"
        return hindrance(f"{said}{where * settings.chroot}.", remedy)
    elif not reachable(service.path, settings.get("mail_owner")):
        said = f"smtpd, which is user {settings.get('mail_owner')}, may not use "
        return hindrance(f"{said}Dovecot's socket {service}.", remedy)
    try:
        mechanisms = dovecot.greet(service).mechanisms
    except HostError as cause:
        said = f"smtpd gets no answer from Dovecot at {service}: {cause}."
        return hindrance(said, remedy)
    if not set(COMMON).intersection(mechanisms):
        told = ", ".join(quoted(each)[1:-1] for each in mechanisms) or "nothing"
        return hindrance(
            f"Dovecot at {service} offers {told}, and mail programs speak PLAIN.",
            "Set “auth_mechanisms = plain login” in Dovecot's 10-auth.conf.",
        )
    return well(f"Dovecot answers at {service} and offers {', '.join(mechanisms)}.")


PATH = "smtpd_sasl_path"


def reachable(path: Path, user: str) -> bool:
    """Whether a user with its first group alone, as smtpd is, may use a socket."""
    words = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    try:
        return run(*words, "test", "-w", str(path), check=False, timeout=5).code != 1
    except CommandFailed:
        return True  # nobody can tell: the greeting will


def by_cyrus(settings: Settings) -> Check:
    """Cyrus SASL: its file, its mechanisms, and what it asks about passwords."""
    file = cyrus_file(settings)
    name = f"{settings.get(PATH)}.conf"
    if file is None:
        where = settings.get("cyrus_sasl_config_path") or CYRUS_DIRECTORIES[0]
        return hindrance(
            f"Cyrus SASL is not set up: there is no {name}.",
            f"Write {where}/{name}, for instance with “pwcheck_method: saslauthd” and "
            "“mech_list: PLAIN LOGIN”; or let Postfix ask Dovecot, if it is here: "
            "smtpd_sasl_type = dovecot.",
        )
    try:
        told = options(file.read_text("utf-8", "replace"))
    except OSError as cause:
        return hindrance(
            f"{file} cannot be read: {cause.strerror}.", "Let root read it."
        )
    wanted = told.get("mech_list", " ".join(COMMON)).upper().split()
    usable = [each for each in COMMON if each in wanted and plugin(each)]
    if not usable:
        return hindrance(
            f"By {file}, Cyrus SASL offers neither PLAIN nor LOGIN.",
            "Add the line “mech_list: PLAIN LOGIN” and see that its modules are here.",
            "apt-get install libsasl2-modules",
        )
    missing = source(told, settings)
    if missing:
        return hindrance(*missing)
    return well(
        f"Cyrus SASL is set up in {file} and offers {', '.join(usable)}. "
        "Only a test sign-in tells whether it knows anybody."
    )


def cyrus_file(settings: Settings) -> Path | None:
    """The file that libsasl2 reads for smtpd; None where there is none."""
    value = settings.get("cyrus_sasl_config_path")
    directories = value.split(":") if value else CYRUS_DIRECTORIES
    paths = (Path(each, f"{settings.get(PATH)}.conf") for each in directories)
    return next((path for path in paths if path.exists()), None)


def options(text: str) -> dict[str, str]:
    """The `name: value` lines of Cyrus SASL."""
    pairs = (line.partition(":") for line in text.splitlines() if line[:1] != "#")
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value}


def plugin(mechanism: str) -> bool:
    """Whether the module of a mechanism is installed."""
    name = f"lib{mechanism.lower()}.so*"
    return any(any(Path("/").glob(f"{each}/{name}")) for each in PLUGINS)


def source(told: dict[str, str], settings: Settings) -> tuple[str, str, str] | None:
    """What is missing of where Cyrus SASL looks passwords up.

    As sentence, remedy and command; None where it is there, or the method is unknown.
    """
    root = Path(settings.get("queue_directory") if settings.chroot else "/")
    inside = " inside smtpd's chroot" * settings.chroot
    method = told.get("pwcheck_method", "auxprop").split()[:1]
    if method == ["saslauthd"]:
        mux = told.get("saslauthd_path", f"{SASLAUTHD}/mux")
        if not (root / mux.lstrip("/")).exists():
            where = root / mux.lstrip("/")
            remedy = f"Start it with its socket in {where.parent} (option -m)."
            said = f"saslauthd does not listen{inside}: {where} is missing."
            return said, remedy, "systemctl enable --now saslauthd"
    elif method == ["auxprop"] and told.get("auxprop_plugin", "sasldb") == "sasldb":
        file = root / told.get("sasldb_path", "/etc/sasldb2").lstrip("/")
        if not file.exists():
            said = f"Cyrus SASL knows nobody{inside}: {file} is missing."
            command = f"saslpasswd2 -c -f {file} -u $(postconf -h myhostname) NAME"
            return said, "Add somebody, and let group postfix read the file.", command
    return None


def well(sentence: str) -> Check:
    """All as it should be."""
    return Check("sasl", Level.OK, sentence)


def hindrance(sentence: str, remedy: str, command: str = "") -> Check:
    """Nobody could sign in."""
    return Check("sasl", Level.HINDRANCE, sentence, remedy, command)
