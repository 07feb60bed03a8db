"""Lists in the DNS that were found without return codes: asking them with codes.

Without codes any answer is a listing, "too many queries" too. Such a rule stays as it
was found until a person says so, or switches the list on (`services.set_mode`).
"""

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.protection import services
from mailguard.protection.differences import CODED, CODES, Difference
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy

__all__ = ["filter_zone"]


@transaction.atomic
def filter_zone(
    *, server: Server, zone: str, actor: Actor, reason: str = ""
) -> list[Change]:
    """Want a list asked with the catalogue's return codes, in the modes that it has.

    Every question that it was found without them. Returns the changes put on record,
    none where that is wanted already. Raises BadPolicy where it was not found so.
    """
    found = services.found_on(server, services.wanted().controls)
    bare = [key for key in found if found[key].bare and found[key].switchable]
    keys = [key for key in bare if key.partition(":")[2] == zone]
    if not keys:
        raise BadPolicy(
            zone, f"it was not {services.BARE}, where a click can change it"
        )
    made = [
        services.put(
            change=Difference(f"{CODES} {key}", "", CODED), actor=actor, reason=reason
        )
        for key in keys
    ]
    return [change for change in made if change is not None]
