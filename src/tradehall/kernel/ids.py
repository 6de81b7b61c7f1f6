"""Identifiers: UUIDv7 (RFC 9562), so that rows made later sort later, indexes grow at their end, and a list can be cut
to a span of time by its ids alone."""

import os
import time
from datetime import datetime
from uuid import UUID

_RANDOM_BITS = (1 << 62) - 1
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62


class Source:
    """What new ids are made of."""

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000


source = Source()
"""Replaced only by who has to see the same ids once more: a simulation that is repeated."""


def new_id(at: datetime | None = None) -> UUID:
    """A new UUIDv7 of the moment `at`, in milliseconds; of the machine's clock when none is given."""
    random = int.from_bytes(source.random(10), "big")
    return UUID(
        int=_time_bits(at) | _VERSION_AND_VARIANT | (random >> 68 & 0xFFF) << 64 | random & _RANDOM_BITS,
    )


def lowest_id(at: datetime) -> UUID:
    """The bound below which every id made before `at` lies, and none made at or after it."""
    return UUID(int=_time_bits(at))


def _time_bits(at: datetime | None) -> int:
    milliseconds = source.milliseconds() if at is None else int(at.timestamp() * 1000)
    return (milliseconds & 0xFFFF_FFFF_FFFF) << 80
