from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.errors import Invalid
from tradehall.kernel.paging import Page, PageRequest, cursor, page, page_request

ROWS = [UUID(int=n) for n in range(1, 24)][::-1]  # newest first


def read(wanted: PageRequest) -> Page[UUID]:
    """What a query with `keyset` would give."""
    if wanted.before:
        rows = [row for row in ROWS[::-1] if row > wanted.before]
    else:
        rows = [row for row in ROWS if wanted.after is None or row < wanted.after]
    return page(rows[: wanted.fetch], wanted, lambda row: row)


@given(st.integers(1, 30))
def test_forward_and_back_again_shows_every_row_once(limit: int) -> None:
    shown: list[UUID] = []
    pages = [read(page_request(limit))]
    while pages[-1].next:
        pages.append(read(page_request(limit, after=pages[-1].next)))
    for one in pages:
        shown += one.items
    assert shown == ROWS
    assert pages[0].previous is None
    back = [pages[-1]]
    while back[-1].previous:
        back.append(read(page_request(limit, before=back[-1].previous)))
    assert back[-1].items == pages[0].items
    assert [row for one in reversed(back) for row in one.items] == ROWS


def test_no_rows_have_no_neighbours() -> None:
    assert page([], page_request(), lambda row: row) == Page([])


@given(st.uuids())
def test_a_cursor_names_its_row(key: UUID) -> None:
    assert page_request(after=cursor(key)).after == key
    assert cursor(key).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["x", "AAAA", "A" * 23, "A" * 21, "é" * 22, "!" * 22, "\0"])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        page_request(after=text)
    assert refused.value.fields[0].field == "after"


@pytest.mark.parametrize("limit", [0, -1, 101, 10**9])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(Invalid):
        page_request(limit)
