"""Where parcels are: what couriers tell, through one interface, and the test carrier that sandboxes have."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field

TEST_COURIER = "test"
COURIERS: tuple[tuple[str, str], ...] = (
    ("sf", N_("SF Express")),
    ("ems", N_("EMS")),
    ("jd", N_("JD Logistics")),
    ("sto", N_("STO Express")),
    ("yto", N_("YTO Express")),
    ("zto", N_("ZTO Express")),
    ("yunda", N_("Yunda Express")),
    ("deppon", N_("Deppon")),
    ("other", N_("Another courier")),
    (TEST_COURIER, N_("Test carrier")),
)


def offered(fields: Iterable[Field], sandbox: bool) -> tuple[Field, ...]:
    """Fields as they are asked: the test carrier carries nothing outside a sandbox."""
    real = tuple(one for one in COURIERS if sandbox or one[0] != TEST_COURIER)
    return tuple(
        msgspec.structs.replace(field, choices=real) if field.choices is COURIERS else field for field in fields
    )


class Parcel(msgspec.Struct, frozen=True):
    """What a courier is asked about; couriers tell of a parcel only to who knows its recipient's phone."""

    courier: str
    number: str
    phone: str
    posted_at: datetime


class Tracking(msgspec.Struct, frozen=True):
    """What it answers. "hidden": the phone is not the one on the parcel, so nothing is told."""

    status: Literal["unknown", "in_transit", "signed", "hidden"]
    at: datetime | None = None


class Carrier(Protocol):
    """A way to ask couriers where a parcel is."""

    async def track(self, parcel: Parcel, now: datetime) -> Tracking:
        """How a parcel stands. Raises OSError when the courier cannot be asked just now."""
        ...


class NoCarrier:
    """No courier can be asked: nothing is known of any parcel."""

    async def track(self, parcel: Parcel, now: datetime) -> Tracking:
        return Tracking("unknown")


_TEST_NUMBER = re.compile(r"TEST-(\d{1,3}|NEVER|HIDDEN)(-.*)?", re.IGNORECASE)


class TestCarrier:
    """A carrier whose parcels say in their number what becomes of them.

    TEST-3-anything is signed for after three days, TEST-NEVER stays under way, TEST-HIDDEN carries another phone.
    """

    async def track(self, parcel: Parcel, now: datetime) -> Tracking:
        found = _TEST_NUMBER.fullmatch(parcel.number.strip())
        if parcel.courier != TEST_COURIER or found is None:
            return Tracking("unknown")
        fate = found[1].upper()
        if fate == "HIDDEN":
            return Tracking("hidden")
        if fate == "NEVER":
            return Tracking("in_transit")
        signed_at = parcel.posted_at + timedelta(days=int(fate))
        return Tracking("signed", signed_at) if signed_at <= now else Tracking("in_transit")


def carrier_for(sandbox: bool) -> Carrier:
    """The carrier of an installation: the test carrier of a sandbox."""
    return TestCarrier() if sandbox else NoCarrier()
