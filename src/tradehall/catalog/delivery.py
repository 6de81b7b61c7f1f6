"""How what is sold reaches its buyer. The flows of service supervision add the ways that people deliver."""

from typing import Literal

import msgspec

from tradehall.catalog.model import ChargingMode
from tradehall.kernel.i18n import N_

Reach = Literal["server", "people", "nothing"]


class Delivery(msgspec.Struct, frozen=True):
    """A delivery type. What is bought is made by the seller's "server", delivered by "people" under supervision, or
    needs "nothing" and is there as soon as it is paid for. `charging` are the ways it may be sold."""

    key: str
    label: str
    reach: Reach
    charging: tuple[ChargingMode, ...]
    asks_recipient: bool = False
    requirement_optional: bool = False

    @property
    def supervised(self) -> bool:
        return self.reach == "people"


INSTANT = "saas"
_known: dict[str, Delivery] = {}


def add(delivery: Delivery) -> None:
    """Makes a delivery type known; each is added once, as its module is loaded."""
    _known[delivery.key] = delivery


def deliveries() -> list[Delivery]:
    """Every delivery type, in the order they were added."""
    return list(_known.values())


def delivery(key: str) -> Delivery:
    """The delivery type of this key. Raises KeyError."""
    return _known[key]


def known(key: str) -> bool:
    return key in _known


add(Delivery(INSTANT, N_("SaaS, opened at once"), "server", ("PERIOD", "ONE_TIME", "ON_DEMAND")))
add(Delivery("image", N_("Image"), "nothing", ("PERIOD", "ONE_TIME", "ON_DEMAND")))
add(Delivery("api", N_("API"), "nothing", ("PERIOD", "ONE_TIME", "ON_DEMAND")))
