"""The rows of what is wanted besides modes: have one, or have it not."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from mailguard.protection.models import (
    FilteredList,
    KeyInUse,
    ListKey,
    ListOrder,
    OwnList,
)
from postfixconf.errors import BadPolicy

__all__ = ["forget_filtered", "keep", "keep_key", "keep_list", "keep_order"]


def keep_list(zone: str, told: str) -> None:
    """Have the list as it is told, or not at all."""
    if told:
        OwnList.objects.update_or_create(zone=zone, defaults={"told": told})
    else:
        OwnList.objects.filter(zone=zone).delete()


def keep_key(name: str, number: int | None) -> None:
    """Want the key with this number. Raises BadPolicy where it is not kept."""
    if number is None:
        KeyInUse.objects.filter(name=name).delete()
        return
    row = ListKey.objects.filter(pk=number, name=name).first()
    if row is None:
        raise BadPolicy(name, "that key is not kept any more: type it again")
    KeyInUse.objects.update_or_create(name=name, defaults={"key": row})


def keep(rows: QuerySet[Any], field: str, value: str, after: str) -> None:
    """Have the row with this value, or have it not."""
    if after:
        rows.model.objects.get_or_create(**{field: value})
    else:
        rows.filter(**{field: value}).delete()


def forget_filtered(bare: Collection[str]) -> None:
    """Want codes for these controls alone: the others have some of their own."""
    FilteredList.objects.exclude(key__in=bare).delete()


def keep_order(name: str, names: tuple[str, ...]) -> None:
    """Have one list in this order; none is as it was found."""
    ListOrder.objects.filter(parameter=name).delete()
    if names:
        ListOrder.objects.create(parameter=name, names=names)
