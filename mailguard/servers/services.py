"""Looking at servers. The web process calls only what reads rows."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from mailguard.servers.models import Live, Observed, Server
from postfixconf.errors import PostfixconfError
from postfixconf.host.instance import Instance
from postfixconf.host.observe import observe
from postfixconf.policy import observed as library
from postfixconf.policy.linting.around import Around

__all__ = [
    "adopted_texts",
    "as_bytes",
    "as_text",
    "config_dir",
    "instance_of",
    "keep_observed",
    "last_observed",
    "local",
    "look",
    "set_live",
    "worker_alive",
]

SILENT_AFTER = timedelta(seconds=20)


def config_dir() -> Path:
    """The configuration directory that is looked after."""
    return Path(settings.CONFIG_DIR or settings.HOME / "practice" / "etc")


def local() -> Server:
    """The one server of today, made at the first call."""
    server, _ = Server.objects.get_or_create(
        name="local", defaults={"config_dir": str(config_dir())}
    )
    return server


def instance_of(server: Server) -> Instance:
    """The Postfix behind a server. For the worker only."""
    return Instance(Path(server.config_dir))


def as_bytes(text: str) -> bytes:
    """Text of a configuration file as the database keeps it."""
    return text.encode("utf-8", "surrogateescape")


def as_text(data: bytes | memoryview | None) -> str:
    """Bytes from the database as the library reads them."""
    return bytes(data or b"").decode("utf-8", "surrogateescape")


def look(server: Server) -> library.Observed | None:
    """See what the server has now and keep it; None where that failed."""
    try:
        seen = observe(instance_of(server))
    except PostfixconfError as cause:
        Observed.objects.update_or_create(
            server=server,
            defaults={"at": timezone.now(), "trouble": str(cause)[:1000]},
        )
        return None
    keep_observed(server, seen)
    return seen


def keep_observed(server: Server, seen: library.Observed) -> None:
    """Store what was seen."""
    Observed.objects.update_or_create(
        server=server,
        defaults={
            "at": timezone.now(),
            "main": as_bytes(seen.texts.main),
            "master": as_bytes(seen.texts.master),
            "access": as_bytes(seen.texts.access),
            "options": as_bytes(seen.texts.options),
            "tables": dict(seen.tables),
            "digest": seen.digest,
            "facts": asdict(seen.facts),
            "around": asdict(seen.around),
            "running": seen.running,
            "trouble": "",
        },
    )


def last_observed(server: Server) -> library.Observed | None:
    """What was last seen, as the library's value; None before the first look."""
    row = Observed.objects.filter(server=server).exclude(digest="").first()
    if row is None:
        return None
    lists = ("table_types", "postgrey_lists", "missing_files")
    facts = row.facts | {name: tuple(row.facts.get(name, ())) for name in lists}
    return library.Observed(
        library.Texts(*map(as_text, (row.main, row.master, row.access, row.options))),
        library.Facts(**facts),
        row.running,
        row.tables,
        Around.from_json(row.around),
    )


def adopted_texts(server: Server) -> library.Texts | None:
    """The files as last adopted; None before the first adoption."""
    if server.adopted_main is None or server.adopted_master is None:
        return None
    return library.Texts(
        as_text(server.adopted_main),
        as_text(server.adopted_master),
        options=as_text(server.adopted_options),
    )


def set_live(server: Server, modes: Mapping[str, str], number: int) -> None:
    """Keep what is live now; a mode that did not change keeps its revision."""
    before = dict(Live.objects.filter(server=server).values_list("key", "mode"))
    Live.objects.bulk_create(
        (
            Live(server=server, key=key, mode=mode, since_revision=number)
            for key, mode in modes.items()
            if before.get(key) != mode
        ),
        update_conflicts=True,
        unique_fields=["server", "key"],
        update_fields=["mode", "since_revision"],
    )


def worker_alive(server: Server) -> bool:
    """Whether the worker looked at the server within the last 20 seconds."""
    row = Observed.objects.filter(server=server).only("at").first()
    return row is not None and timezone.now() - row.at < SILENT_AFTER
