"""What is wanted: the modes of controls, their order, own domains, greylisting.

And what was found of the lists in the DNS that some controls ask.
"""

from django.db import models

from mailguard.servers.models import Server
from postfixconf.host.faults import Fault
from postfixconf.policy.control import Mode
from postfixconf.policy.own_domains import REPLY

__all__ = [
    "FilteredList",
    "GreylistSetting",
    "KeyInUse",
    "ListCheck",
    "ListDay",
    "ListKey",
    "ListOrder",
    "MxLookup",
    "OwnDomain",
    "OwnException",
    "OwnList",
    "OwnReply",
    "Relay",
    "Setting",
    "TrustedNetwork",
]


class Setting(models.Model):
    """One control of the catalogue and the mode it is wanted in."""

    key = models.CharField(max_length=200, unique=True)
    mode = models.CharField(
        max_length=4,
        choices=[(mode.value, mode.name.title()) for mode in Mode],
        default=Mode.OFF.value,
    )

    def __str__(self) -> str:
        return f"{self.key} {self.mode}"


class FilteredList(models.Model):
    """A control whose list was found without return codes and gets the catalogue's."""

    key = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class GreylistSetting(models.Model):
    """One setting of greylisting that is not postgrey's default.

    `name` and `value` are as `Greylisting.told` has them (delay: seconds as digits).
    """

    name = models.CharField(max_length=40, unique=True)
    value = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class ListOrder(models.Model):
    """A restriction list whose rules stand otherwise than found or recommended.

    `names` are those of `postfixconf.policy.ordering`, from top to bottom.
    """

    parameter = models.CharField(max_length=100, unique=True)
    names = models.JSONField(default=list)

    class Meta:
        ordering = ["parameter"]

    def __str__(self) -> str:
        return f"{self.parameter}: {', '.join(self.names)}"


class OwnDomain(models.Model):
    """A domain that only one's own people may use as envelope sender."""

    domain = models.CharField(max_length=253, unique=True)

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain


class OwnException(models.Model):
    """A client address or network that may send with an own domain all the same."""

    network = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ["network"]

    def __str__(self) -> str:
        return self.network


class Relay(models.Model):
    """A relay in front: a backup MX or filter service, by its address or network."""

    network = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ["network"]

    def __str__(self) -> str:
        return self.network


class TrustedNetwork(models.Model):
    """An entry that mynetworks shall have, or not have where `wanted` is false.

    `network` is as `postfixconf.policy.networks.spelled` names it.
    """

    network = models.CharField(max_length=50, unique=True)
    wanted = models.BooleanField(default=True)

    class Meta:
        ordering = ["network"]

    def __str__(self) -> str:
        return self.network if self.wanted else f"not {self.network}"


class OwnReply(models.Model):
    """What a refused outsider reads; at most one row."""

    text = models.CharField(max_length=200, default=REPLY)

    def __str__(self) -> str:
        return self.text


class OwnList(models.Model):
    """A list in the DNS that somebody added, as `own_lists.told` tells it."""

    zone = models.CharField(max_length=180, unique=True)
    told = models.CharField(max_length=300)

    class Meta:
        ordering = ["zone"]

    def __str__(self) -> str:
        return self.zone


class ListKey(models.Model):
    """A key that lists are asked with, sealed; rows are only ever added.

    `name` is what it opens: `dq.spamhaus.net`, or the zone of an own list. A policy
    names a key by the number of its row, so that an old one can be brought back.
    """

    name = models.CharField(max_length=180)
    sealed = models.BinaryField()
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"key {self.pk} of {self.name}"


class KeyInUse(models.Model):
    """Which key is wanted for a name; none where there is no row."""

    name = models.CharField(max_length=180, unique=True)
    key = models.ForeignKey(ListKey, on_delete=models.PROTECT)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.key}"


class ListCheck(models.Model):
    """One check of a list in the DNS; kept 30 days.

    `at` is empty until the worker has made it. `faults` are those of
    `postfixconf.host.faults.Fault`, `trusted` says that none of them is grave. `ms` is
    the slowest answer in milliseconds.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    zone = models.CharField(max_length=253)
    asked_at = models.DateTimeField()
    at = models.DateTimeField(null=True)
    faults = models.JSONField(default=list)
    trusted = models.BooleanField(default=False)
    ms = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["server", "zone", "at"], name="check_of_list"),
            models.Index(fields=["at"], name="check_at"),
        ]

    def __str__(self) -> str:
        return f"{self.zone} at {self.at}: {', '.join(self.faults) or 'healthy'}"

    @property
    def sentences(self) -> list[str]:
        """Its faults in plain words."""
        return [Fault(each).sentence for each in self.faults]


class MxLookup(models.Model):
    """The MX records of a domain, as last looked up.

    `exchanges` are those of `postfixconf.host.mx.Exchange`, `trouble` says why there
    are none.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    domain = models.CharField(max_length=253)
    at = models.DateTimeField()
    exchanges = models.JSONField(default=list)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["server", "domain"], name="one_mx")
        ]

    def __str__(self) -> str:
        return f"MX of {self.domain}"


class ListDay(models.Model):
    """The checks of a list on one day, counted; `ms` is the slowest answer."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    zone = models.CharField(max_length=253)
    day = models.DateField()
    checks = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    ms = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "day", "zone"], name="one_day_of_a_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.zone} on {self.day}: {self.failed} of {self.checks} failed"
