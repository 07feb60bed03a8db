"""The rows of what is wanted besides modes: have one, or have it not."""

from django.db.models import Model

from mailguard.protection.models import KeyInUse, ListKey, ListOrder, OwnList
from postfixconf.errors import BadPolicy

__all__ = ["keep", "keep_key", "keep_list", "keep_order"]


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


def keep(model: type[Model], field: str, value: str, after: str) -> None:
    """Have the row with this value, or have it not."""
    rows, one = model._default_manager, {field: value}
    if not after:
        rows.filter(**one).delete()
    elif not rows.filter(**one).exists():
        rows.create(**one)


def keep_order(name: str, names: tuple[str, ...]) -> None:
    """Have one list in this order; none is as it was found."""
    ListOrder.objects.filter(parameter=name).delete()
    if names:
        ListOrder.objects.create(parameter=name, names=names)
