"""The ports that a plan answers for: what each of them has to do once it is live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postfixconf.policy.control import Mode
from postfixconf.policy.found import Found
from postfixconf.policy.listener import Listener, SignIn, counted, port_of
from postfixconf.policy.observed import SMTP_PORTS
from postfixconf.policy.policy import Policy
from postfixconf.text.mastercf import MasterCf

__all__ = ["Door", "doors"]


@dataclass(frozen=True)
class Door:
    """A listener of master.cf, by its name there.

    Where people sign in, TLS is a must and nobody else relays; where they do not, AUTH
    is not offered, with TLS or without. `wrapped` ones speak TLS from the start.
    """

    service: str
    wrapped: bool = False
    signs_in: bool = True


def doors(
    policy: Policy, found: Mapping[str, Found], master: MasterCf
) -> Iterator[Door]:
    """What a policy wants of the ports, with `master` as it would be.

    `found` are the controls as adopted: port 25 is asked only where a policy ends AUTH
    there that was found.
    """
    for each in policy.controls.every:
        mode = policy.modes.get(each.key, found[each.key].mode)
        match each.place:
            case Listener() as place if mode is Mode.ON:
                for service in place.services(master):
                    if service.command == "smtpd":
                        yield Door(service.name, place.wrapped)
            case SignIn() if mode is Mode.OFF and found[each.key].mode is Mode.ON:
                for service in counted(master):
                    if service.type == "inet" and port_of(service) in SMTP_PORTS:
                        yield Door(service.name, signs_in=False)
            case _:
                pass
