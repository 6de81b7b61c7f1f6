"""Keyset paging: a page starts after the last row of the one before, so the millionth costs what the first does."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Generic, LiteralString, TypeVar
from uuid import UUID

import msgspec

from tradehall.kernel.errors import invalid
from tradehall.kernel.i18n import N_

T = TypeVar("T")

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
NO_PAGE = N_("This is not a page of this list; start from its first page.")


class PageRequest(msgspec.Struct, frozen=True):
    """Which page is wanted: the rows older than `after`, or those newer than `before`, at most `limit` (1 to 100)."""

    limit: int = DEFAULT_LIMIT
    after: UUID | None = None
    before: UUID | None = None

    @property
    def fetch(self) -> int:
        """One row more than the page shows: it tells whether there is a further page."""
        return self.limit + 1

    @property
    def params(self) -> dict[str, UUID | int | None]:
        """The parameters that `keyset` and LIMIT %(fetch)s refer to."""
        return {"after": self.after, "before": self.before, "fetch": self.fetch}


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of rows, newest first, and the cursors of its neighbours."""

    items: Sequence[T]
    next: str | None = None
    previous: str | None = None


def page_request(limit: int | None = None, after: str | None = None, before: str | None = None) -> PageRequest:
    """A request from what stands in a URL. Raises Invalid for a limit or cursor that is none."""
    return PageRequest(page_limit(limit), _read(after, "after"), _read(before, "before"))


def page_limit(limit: int | None) -> int:
    """How many rows a page shows, where nothing is said the usual. Raises Invalid."""
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise invalid("limit", "Choose a number from {low} to {high}.", low=1, high=MAX_LIMIT)
    return limit or DEFAULT_LIMIT


def keyset(
    wanted: PageRequest, column: LiteralString = "id", *, oldest_first: bool = False
) -> tuple[LiteralString, LiteralString]:
    """The WHERE condition and the ORDER BY of a page, for a query given `wanted.params`; newest first, if nothing else
    is said."""
    if wanted.before:
        return (
            (f"{column} < %(before)s", f"{column} DESC")
            if oldest_first
            else (f"{column} > %(before)s", f"{column} ASC")
        )
    if oldest_first:
        return f"{column} > %(after)s" if wanted.after else "true", f"{column} ASC"
    if wanted.after:
        return f"{column} < %(after)s", f"{column} DESC"
    return "true", f"{column} DESC"


def page(rows: Sequence[T], wanted: PageRequest, key: Callable[[T], UUID]) -> Page[T]:
    """Cuts the rows of a query that fetched `wanted.fetch` of them into a page.

    Rows come newest first; for `before` the query reads upwards, oldest of the newer first, and they are turned here.
    """
    return cut(rows, wanted.limit, wanted.after, wanted.before, lambda row: cursor(key(row)))


def cut(
    rows: Sequence[T], limit: int, after: object | None, before: object | None, place: Callable[[T], str]
) -> Page[T]:
    """The same in whatever order rows come; `place` is a row's cursor, `after` and `before` those asked for."""
    more = len(rows) > limit
    shown = list(rows[:limit])
    if before:
        shown.reverse()
    if not shown:
        return Page([])
    further = more if not before else True
    nearer = more if before else after is not None
    return Page(
        shown,
        next=place(shown[-1]) if further else None,
        previous=place(shown[0]) if nearer else None,
    )


def cursor(key: UUID) -> str:
    """A row's place as people may copy it: opaque, safe in a URL."""
    return base64.urlsafe_b64encode(key.bytes).rstrip(b"=").decode()


def _read(text: str | None, field: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    except (ValueError, binascii.Error) as error:
        raise invalid(field, NO_PAGE) from error
