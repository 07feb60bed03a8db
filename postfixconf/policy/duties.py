"""The ports that a plan answers for: what each of them has to do once it is live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postfixconf.policy.control import Mode
from postfixconf.policy.found import Found
from postfixconf.policy.listener import Listener, SignIn, counted, receiving
from postfixconf.policy.policy import Policy
from postfixconf.text.mastercf import MasterCf

__all__ = ["Duty", "duties"]


@dataclass(frozen=True)
class Duty:
    """A listener of master.cf, by its name there.

    Where people sign in, TLS is a must and nobody else relays; where they do not, AUTH
    is not offered, with TLS or without. `wrapped` ones speak TLS from the start. Of a
    `new` one nothing is excused by how it was before. One that is not `ours` somebody
    wrote by hand: it has to answer and to let people sign in, and may do more.
    """

    service: str
    wrapped: bool = False
    signs_in: bool = True
    new: bool = False
    ours: bool = True


def duties(
    policy: Policy,
    found: Mapping[str, Found],
    adopted: MasterCf,
    before: MasterCf,
    after: MasterCf,
    *,
    ending: bool,
) -> Iterator[Duty]:
    """What a policy wants of the ports, with master.cf as adopted, as it is and as it
    would be.

    `found` are the controls as adopted: port 25 is asked only where a policy ends AUTH
    there that was found. `ending` says whether this very change ends it.
    """
    there, by_hand = listeners(before), listeners(adopted)
    for each in policy.controls.every:
        mode = policy.modes.get(each.key, found[each.key].mode)
        match each.place:
            case Listener() as place if mode is Mode.ON:
                for service in place.services(after):
                    new = service.name not in there
                    ours = service.name not in by_hand
                    if service.command == "smtpd":
                        yield Duty(service.name, place.wrapped, new=new, ours=ours)
            case SignIn() if mode is Mode.OFF and found[each.key].mode is Mode.ON:
                fronts = receiving(after)
                for service in counted(after):
                    ours = service in fronts or service.command == "postscreen"
                    if ours and service.type == "inet":
                        yield Duty(service.name, signs_in=False, new=ending)
            case _:
                pass


def listeners(master: MasterCf) -> set[str]:
    """The ports that a master.cf listens on, by name."""
    return {each.name for each in master.services() if each.type == "inet"}
