"""The published list of clients: when to fetch it, and each time it was fetched."""

from datetime import timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mailguard.servers.models import Server
from postfixconf.host.refresh import text_of
from postfixconf.text.postgrey_refresh import SHRINK

__all__ = ["OPEN", "PUBLISHED", "Every", "Refresh", "Schedule", "Source", "State"]

PUBLISHED = "https://postgrey.schweikert.ch/pub/postgrey_whitelist_clients"


class Every(models.TextChoices):
    """How often the list is fetched."""

    OFF = "off", "only when somebody asks"
    WEEKLY = "weekly", "every week"
    MONTHLY = "monthly", "every month"

    @property
    def interval(self) -> timedelta | None:
        """The time from one to the next; None for never."""
        return {
            Every.WEEKLY: timedelta(days=7),
            Every.MONTHLY: timedelta(days=30),
        }.get(self)


class Source(models.TextChoices):
    """Where a list comes from."""

    WEB = "web", "fetched"
    FILE = "file", "uploaded"
    BACK = "back", "put back"


class State(models.TextChoices):
    """queued → fetching → installing → one of the rest."""

    QUEUED = "queued", "waiting for the worker"
    FETCHING = "fetching", "being fetched"
    INSTALLING = "installing", "being checked and put in place"
    UNCHANGED = "unchanged", "nothing new"
    APPLIED = "applied", "live"
    REFUSED = "refused", "refused, nothing was changed"
    ROLLED_BACK = "rolled_back", "failed, the old list was put back"
    BROKEN = "broken", "failed, and so did the way back"


OPEN = (State.QUEUED, State.FETCHING, State.INSTALLING)


class Schedule(models.Model):
    """When and from where the list is fetched.

    `most` is the percent of its entries that may be gone at once. `unread` are those
    of mailguard's lists that no running postgrey was started with, as the worker saw
    at `looked_at`.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    every = models.CharField(max_length=7, choices=Every.choices, default=Every.OFF)
    url = models.CharField(max_length=500, default=PUBLISHED)
    most = models.PositiveSmallIntegerField(
        default=SHRINK, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )

    unread = models.JSONField(default=list)
    looked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.url} {self.every}"


class Refresh(models.Model):
    """One attempt to make another list the live one; a finished row never changes.

    `name` is its address, or the file's name. `data` is the list once it was judged
    good, `before` what it was compared with, and `expected` the digest of the file that
    it may replace, empty for any. `etag` and `modified` are by what the web server
    knows this version. `notes` are sentences about lines that postgrey passes over.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    source = models.CharField(max_length=4, choices=Source.choices)
    name = models.CharField(max_length=500)
    state = models.CharField(max_length=11, choices=State.choices, default=State.QUEUED)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    over_edit = models.BooleanField(default=False)  # even over a hand edit
    data = models.BinaryField(default=b"")
    before = models.BinaryField(default=b"")
    expected = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=200, blank=True)
    modified = models.CharField(max_length=100, blank=True)
    entries = models.PositiveIntegerField(default=0)
    come = models.PositiveIntegerField(default=0)
    go = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list)
    said = models.TextField(blank=True)
    cause = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"

    @property
    def open(self) -> bool:
        """Whether the worker still has something to do."""
        return self.state in OPEN

    @property
    def text(self) -> str:
        """The list as the library reads it."""
        return text_of(bytes(self.data))

    @property
    def text_before(self) -> str:
        """What it was compared with."""
        return text_of(bytes(self.before))
