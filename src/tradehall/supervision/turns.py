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
from tradehall.kernel.paging import DEFAULT_LIMIT, NO_PAGE, Page, cut, page_limit

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
    return QueueRequest(page_limit(limit), _read(after, "after"), _read(before, "before"))


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
    return cut(rows, wanted.limit, wanted.after, wanted.before, place_of)


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
        raise invalid(field, NO_PAGE) from error
