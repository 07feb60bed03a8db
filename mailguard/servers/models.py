"""A server, what was last seen of it, and what is live on it."""

from django.db import models

__all__ = ["Live", "Observed", "Server"]


class Server(models.Model):
    """One Postfix instance.

    `adopted_main`, `adopted_master` and `adopted_options` (postgrey's) are its files
    as last adopted, from which every plan starts; empty until the first adoption.
    `live_policy` is the policy that is live. `written_tables` are the digests of our
    tables as last written, `written_as` the type and the kind of keys they were written
    with (as `changes.tables.made_as` tells it), `stale_tables` those that somebody
    changed and that have to be made anew.
    """

    name = models.SlugField(unique=True)
    config_dir = models.CharField(max_length=500)
    prefer_reload = models.BooleanField(default=False)
    adopted_main = models.BinaryField(null=True)
    adopted_master = models.BinaryField(null=True)
    adopted_options = models.BinaryField(default=b"")
    # SHA-256 of all files as mailguard last wrote or adopted them.
    written_digest = models.CharField(max_length=64, blank=True)
    live_policy = models.JSONField(default=dict)
    written_tables = models.JSONField(default=dict)
    written_as = models.JSONField(default=dict)
    stale_tables = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class Observed(models.Model):
    """What the worker last saw. `trouble` says why it could not look.

    `around` is what stands around the files, as the linter needs it.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    at = models.DateTimeField()
    main = models.BinaryField(default=b"")
    master = models.BinaryField(default=b"")
    access = models.BinaryField(default=b"")
    options = models.BinaryField(default=b"")
    tables = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    around = models.JSONField(default=dict)
    running = models.BooleanField(default=False)
    trouble = models.CharField(max_length=1000, blank=True)

    def __str__(self) -> str:
        return f"{self.server} at {self.at}"


class Live(models.Model):
    """The mode of one control on one server, and the revision that set it."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    mode = models.CharField(max_length=4)
    since_revision = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "key"], name="one_live_mode")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.mode}"
