"""Every SELECT on the ledger. Who may see a posting is written once, in `_scope`, how much of it in `_LINES`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, page
from tradehall.ledger.model import (
    SHOWN,
    Balance,
    Cause,
    LedgerFilter,
    Line,
    OrderMoney,
    Posting,
    PostingKind,
    Releasable,
    SellerTotals,
    Shown,
    Side,
    money_of,
    side_of,
)
from tradehall.trading.queries import NUMBERS_SEARCHED, number_prefix

_HIGHEST = 2**63 - 1


def _scope(viewer: Actor) -> LiteralString:
    """The postings a viewer may list, as a condition on `ledger_postings p`. Buyers see those of an order alone."""
    return {"platform": "true", "seller": "p.seller_id = %(viewer)s"}[viewer.kind]


# The lines of `ledger_postings p` as each side is told them. Whoever sees fewer accounts sees them together, so that
# what it sees sums to zero too.
_LINES: Mapping[Side, Mapping[Shown, LiteralString]] = {
    "platform": {
        "buyer": "p.buyer_minor",
        "platform_vouchers": "p.platform_vouchers_minor",
        "seller_vouchers": "p.seller_vouchers_minor",
        "escrow": "p.escrow_minor",
        "payable": "p.payable_minor",
        "fee": "p.fee_minor",
        "refunds": "p.refunds_minor",
    },
    "seller": {
        "buyer": "p.buyer_minor + p.platform_vouchers_minor + p.refunds_minor",
        "seller_vouchers": "p.seller_vouchers_minor",
        "escrow": "p.escrow_minor",
        "payable": "p.payable_minor",
        "fee": "p.fee_minor",
    },
    "buyer": {
        "buyer": "p.buyer_minor",
        "vouchers": """
            CASE WHEN p.kind IN ('paid', 'returned') THEN p.platform_vouchers_minor + p.seller_vouchers_minor ELSE 0 END
        """,
        "escrow": "p.escrow_minor",
        "seller": "CASE WHEN p.kind IN ('released', 'taken_back') THEN -p.escrow_minor ELSE 0 END",
        "refunds": "p.refunds_minor",
    },
}


def _accounts(side: Side) -> LiteralString:
    """A set of (account, amount_minor, place), one row for each account of the posting that moved."""
    names: LiteralString = ", ".join(["'" + account + "'" for account in _LINES[side]])
    amounts: LiteralString = ", ".join(_LINES[side].values())
    return f"""(
        SELECT * FROM unnest(ARRAY[{names}], ARRAY[{amounts}]) WITH ORDINALITY AS v (account, amount_minor, place)
        WHERE v.amount_minor <> 0)"""


class _Row(msgspec.Struct, frozen=True):
    """A line with its posting."""

    number: int
    kind: PostingKind
    cause: Cause
    at: datetime
    order_number: str
    seller_name_en: str
    seller_name_zh: str
    currency: str
    releasable_at: datetime | None
    account: Shown
    amount_minor: int


_COLUMNS: LiteralString = """
    p.number, p.kind, p.cause, p.at, o.number AS order_number, s.name_en AS seller_name_en,
    s.name_zh AS seller_name_zh, p.currency, p.releasable_at, a.account, a.amount_minor
"""


def _postings(rows: Sequence[_Row]) -> list[Posting]:
    """The postings whose lines come one after the other."""
    postings: list[Posting] = []
    for row in rows:
        if not postings or postings[-1].number != row.number:
            values = {name: getattr(row, name) for name in Posting.__struct_fields__ if name != "lines"}
            postings.append(Posting(**values, lines=[]))
        postings[-1].lines.append(Line(row.account, row.amount_minor))
    return postings


async def lines_of(reader: Reader, order_id: UUID, side: Side = "platform") -> list[Posting]:
    """An order's postings with their lines, oldest first; four at most. Who may see the order is decided before, `side`
    says how much of it."""
    rows = await reader.fetch_all(
        _Row,
        f"""
        SELECT {_COLUMNS}
        FROM ledger_postings p JOIN orders o ON o.id = p.order_id JOIN organisations s ON s.id = p.seller_id
        CROSS JOIN LATERAL {_accounts(side)} a
        WHERE p.order_id = %(order)s ORDER BY p.number, a.place
        """,
        {"order": order_id},
    )
    return _postings(rows)


async def money_of_order(reader: Reader, viewer: Actor, order_id: UUID, currency: str) -> OrderMoney:
    """Where the money of an order is that the viewer was shown."""
    side = side_of(viewer)
    return money_of(currency, await lines_of(reader, order_id, side), side)


async def postings(reader: Reader, viewer: Actor, wanted: PageRequest, only: LedgerFilter) -> Page[Posting]:
    """The postings a viewer may see, newest first; with an account, those that move it and their lines in it."""
    side = side_of(viewer)
    before, after = (min(one.int, _HIGHEST) if one else None for one in (wanted.before, wanted.after))
    where: LiteralString = "true"
    order: LiteralString = "p.number DESC"
    if before is not None:
        where, order = "p.number > %(before)s", "p.number ASC"
    elif after is not None:
        where = "p.number < %(after)s"
    narrowed: LiteralString = f"{_scope(viewer)} AND {where}"
    params: dict[str, Any] = {
        "viewer": viewer.organisation_id,
        "account": only.account,
        "seller": only.seller_id,
        "before": before,
        "after": after,
        "fetch": wanted.fetch,
    }
    shown: LiteralString = "true"
    if only.account:
        if only.account not in SHOWN[side]:
            return Page([])
        narrowed += f" AND ({_LINES[side][only.account]}) <> 0"
        shown = "a.account = %(account)s"
    if only.seller_id:
        narrowed += " AND p.seller_id = %(seller)s"
    if text := only.text.strip():
        narrowed += """
            AND p.order_id IN (SELECT id FROM orders WHERE number LIKE %(begins)s ORDER BY number DESC LIMIT %(most)s)
        """
        params |= {"begins": number_prefix(text), "most": NUMBERS_SEARCHED}
    rows = await reader.fetch_all(
        _Row,
        f"""
        WITH picked AS (SELECT p.* FROM ledger_postings p WHERE {narrowed} ORDER BY {order} LIMIT %(fetch)s)
        SELECT {_COLUMNS}
        FROM picked p JOIN orders o ON o.id = p.order_id JOIN organisations s ON s.id = p.seller_id
        CROSS JOIN LATERAL {_accounts(side)} a
        WHERE {shown} ORDER BY {order}, a.place
        """,
        params,
        by_values=bool(only.text.strip()),
    )
    return page(_postings(rows), wanted, lambda posting: UUID(int=posting.number))


_SUMS: LiteralString = """
    buyer_minor, platform_vouchers_minor, seller_vouchers_minor, escrow_minor, payable_minor, fee_minor, refunds_minor
"""


async def balances(reader: Reader) -> list[Balance]:
    """What every account holds, by currency: what was closed and what has come since."""
    return await reader.fetch_all(
        Balance,
        f"""
        SELECT currency, sum(buyer_minor)::bigint AS buyer, sum(platform_vouchers_minor)::bigint AS platform_vouchers,
               sum(seller_vouchers_minor)::bigint AS seller_vouchers, sum(escrow_minor)::bigint AS escrow,
               sum(payable_minor)::bigint AS payable, sum(fee_minor)::bigint AS fee,
               sum(refunds_minor)::bigint AS refunds
        FROM (SELECT currency, {_SUMS} FROM ledger_balances
              UNION ALL
              SELECT currency, {_SUMS} FROM ledger_closing c JOIN ledger_postings p ON p.number > c.closed_to) b
        GROUP BY currency ORDER BY currency
        """,
    )


async def totals_of_seller(reader: Reader, seller_id: UUID) -> list[SellerTotals]:
    """A seller's money, by currency."""
    return await reader.fetch_all(
        SellerTotals,
        """
        SELECT b.currency, sum(b.paid)::bigint AS paid_minor, sum(b.escrow)::bigint AS held_minor,
               (sum(b.payable) - coalesce(min(f.later), 0))::bigint AS releasable_minor,
               coalesce(min(f.later), 0)::bigint AS later_minor, sum(b.fee)::bigint AS fee_minor,
               sum(b.returned)::bigint AS returned_minor
        FROM (SELECT currency, paid_minor AS paid, escrow_minor AS escrow, payable_minor AS payable, fee_minor AS fee,
                     returned_minor AS returned
              FROM ledger_balances WHERE seller_id = %(seller)s
              UNION ALL
              SELECT p.currency, CASE WHEN p.kind = 'paid' THEN p.escrow_minor ELSE 0 END, p.escrow_minor,
                     p.payable_minor, p.fee_minor, CASE WHEN p.kind = 'returned' THEN -p.escrow_minor ELSE 0 END
              FROM ledger_closing c JOIN ledger_postings p ON p.number > c.closed_to
              WHERE p.seller_id = %(seller)s) b
        LEFT JOIN (SELECT currency, sum(payable_minor) AS later FROM ledger_postings
                   WHERE seller_id = %(seller)s AND releasable_at > %(now)s AND releasable_at > at
                   GROUP BY currency) f ON f.currency = b.currency
        GROUP BY b.currency ORDER BY b.currency
        """,
        {"seller": seller_id, "now": reader.now},
    )


async def releasable(
    reader: Reader, seller_id: UUID, until: datetime, *, after: int = 0, limit: int = 500
) -> list[Releasable]:
    """What a seller is owed from some moment up to `until` on, posting by posting, by their numbers after `after`: what
    a settlement reads. What was taken back since counts against it."""
    return await reader.fetch_all(
        Releasable,
        """
        SELECT p.number, p.order_id, o.number AS order_number, p.kind, p.at, p.releasable_at, p.currency,
               p.payable_minor, p.fee_minor
        FROM ledger_postings p JOIN orders o ON o.id = p.order_id
        WHERE p.seller_id = %(seller)s AND p.number > %(after)s AND p.kind IN ('released', 'taken_back')
          AND p.releasable_at < %(until)s
        ORDER BY p.number LIMIT %(limit)s
        """,
        {"seller": seller_id, "after": after, "until": until, "limit": limit},
    )
