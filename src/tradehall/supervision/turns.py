"""Paging by deadline: a page of a work queue starts after the deadline at which the one before ended."""

import base64
import binascii
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, Protocol, TypeVar
from uuid import UUID

import msgspec

from tradehall.kernel.errors import invalid
from tradehall.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT, Page

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = struct.Struct(">q16s")  # microseconds since 1970, and an id


class Queued(Protocol):
    """What stands in a queue: a supervised order, or a dispute about one."""

    @property
    def id(self) -> UUID: ...

    @property
    def due_at(self) -> datetime | None: ...


T = TypeVar("T", bound=Queued)


class Deadline(msgspec.Struct, frozen=True):
    """The place of a supervised order in a queue: by when its turn should be taken, and its id."""

    due_at: datetime
    id: UUID


class QueueRequest(msgspec.Struct, frozen=True):
    """Which page of a queue is wanted: the orders due after `after`, or those before `before`, at most `limit`."""

    limit: int = DEFAULT_LIMIT
    after: Deadline | None = None
    before: Deadline | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that `keyset` and LIMIT %(fetch)s refer to."""
        from_place = self.before or self.after
        return {
            "place_due": from_place.due_at if from_place else None,
            "place_id": from_place.id if from_place else None,
            "fetch": self.limit + 1,
        }


def queue_request(limit: int | None = None, after: str | None = None, before: str | None = None) -> QueueRequest:
    """A request from what stands in a URL. Raises Invalid for a limit or cursor that is none."""
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise invalid("limit", "Choose a number from {low} to {high}.", low=1, high=MAX_LIMIT)
    return QueueRequest(limit or DEFAULT_LIMIT, _read(after, "after"), _read(before, "before"))


def keyset(wanted: QueueRequest, table: LiteralString = "f") -> tuple[LiteralString, LiteralString]:
    """The WHERE condition and the ORDER BY of a page on `supervision_flows f`, or on another table by its alias, for a
    query given `wanted.params`."""
    place: LiteralString = f"({table}.due_at, {table}.id)"
    if wanted.before:
        return f"{place} < (%(place_due)s, %(place_id)s)", f"{table}.due_at DESC, {table}.id DESC"
    if wanted.after:
        return f"{place} > (%(place_due)s, %(place_id)s)", f"{table}.due_at, {table}.id"
    return "true", f"{table}.due_at, {table}.id"


def page(rows: Sequence[T], wanted: QueueRequest) -> Page[T]:
    """Cuts the rows of a query that fetched one more than the page shows into a page, the soonest due first."""
    more = len(rows) > wanted.limit
    shown = list(rows[: wanted.limit])
    if wanted.before:
        shown.reverse()
    if not shown:
        return Page([])
    later = more if not wanted.before else True
    sooner = more if wanted.before else wanted.after is not None
    return Page(
        shown,
        next=place_of(shown[-1]) if later else None,
        previous=place_of(shown[0]) if sooner else None,
    )


def place_of(row: Queued) -> str:
    """A place in a queue as it stands in a URL."""
    assert row.due_at, "what is open is due some time"
    place = _PLACE.pack((row.due_at - _EPOCH) // timedelta(microseconds=1), row.id.bytes)
    return base64.urlsafe_b64encode(place).decode()


def _read(text: str | None, field: str) -> Deadline | None:
    if not text:
        return None
    try:
        microseconds, place = _PLACE.unpack(base64.urlsafe_b64decode(text))
        return Deadline(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=place))
    except (ValueError, OverflowError, binascii.Error, struct.error) as error:
        raise invalid(field, "This is not a page of this list; start from its first page.") from error
