"""Every SELECT on vouchers that people look at. Who may see a voucher is written once, in `_scope`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties import queries as parties
from tradehall.parties.model import Track

VoucherState = Literal["usable", "upcoming", "spent", "expired"]
VOUCHER_STATES: tuple[VoucherState, ...] = ("usable", "upcoming", "spent", "expired")
# As many as one payment can name, and its page offers.
MOST_PER_ORDER = 50
SHORTEST_CODE = 4


class Voucher(msgspec.Struct, frozen=True):
    """A voucher and whose it is. Amounts are minor units of `currency`.

    `issuer_id` is the seller who bears it, null where the marketplace does; `seller_id` whose products it pays for,
    null for everybody's; `scene` the sales scene that an order paid with it belongs to. It can be used from
    `valid_from` until `expires_at`.
    """

    id: UUID
    code: str
    name_en: str
    name_zh: str
    amount_minor: int
    remaining_minor: int
    currency: str
    state: VoucherState
    scene: Track | None
    buyer_id: UUID
    buyer_name_en: str
    buyer_name_zh: str
    issuer_id: UUID | None
    seller_id: UUID | None
    seller_name_en: str | None
    seller_name_zh: str | None
    valid_from: datetime
    expires_at: datetime
    created_at: datetime


class VoucherUse(msgspec.Struct, frozen=True):
    """What a voucher paid for an order, in minor units of the order's currency, and what of that came back to it."""

    voucher_id: UUID
    code: str
    name_en: str
    name_zh: str
    scene: Track | None
    amount_minor: int
    returned_minor: int


class VoucherFilter(msgspec.Struct, frozen=True):
    """What a list of vouchers is narrowed to. `text` is the beginning of a code, or part of the buyer's name."""

    state: VoucherState | None = None
    scene: Track | None = None
    buyer_id: UUID | None = None
    text: str = ""


def _scope(viewer: Actor) -> LiteralString:
    """The vouchers a viewer may see, as a condition on `vouchers v`."""
    return "true" if viewer.kind == "platform" else "v.buyer_id = %(viewer)s"


_ROW: LiteralString = """
    v.id, v.code, v.name_en, v.name_zh, v.amount_minor, v.remaining_minor, v.currency,
    CASE WHEN v.remaining_minor = 0 THEN 'spent' WHEN v.expires_at <= %(now)s THEN 'expired'
         WHEN v.valid_from > %(now)s THEN 'upcoming' ELSE 'usable' END AS state,
    v.scene, v.buyer_id, b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh, v.issuer_id, v.seller_id,
    s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, v.valid_from, v.expires_at, v.created_at
"""
_JOINS: LiteralString = """
    JOIN organisations b ON b.id = v.buyer_id LEFT JOIN organisations s ON s.id = v.seller_id
"""
_STATES: Mapping[VoucherState, LiteralString] = {
    "usable": "v.remaining_minor > 0 AND v.valid_from <= %(now)s AND v.expires_at > %(now)s",
    "upcoming": "v.remaining_minor > 0 AND v.valid_from > %(now)s AND v.expires_at > %(now)s",
    "spent": "v.remaining_minor = 0",
    "expired": "v.remaining_minor > 0 AND v.expires_at <= %(now)s",
}


async def vouchers(reader: Reader, viewer: Actor, wanted: PageRequest, only: VoucherFilter) -> Page[Voucher]:
    """The vouchers a viewer may see, newest first: a buyer's own, to operators all."""
    where, order = keyset(wanted, "v.id")
    narrowed: LiteralString = f"{_scope(viewer)} AND {where}"
    params: dict[str, Any] = {
        "viewer": viewer.organisation_id,
        "now": reader.now,
        "scene": only.scene,
        "buyer": only.buyer_id,
        **wanted.params,
    }
    if only.state:
        narrowed += f" AND {_STATES[only.state]}"
    if only.scene:
        narrowed += " AND v.scene = %(scene)s"
    if only.buyer_id:
        narrowed += " AND v.buyer_id = %(buyer)s"
    if text := only.text.strip():
        code = "".join(filter(str.isalnum, text.upper()))
        buyers = await parties.organisations(reader, PageRequest(limit=20), kind="buyer", text=text)
        params["code"] = f"{code}%" if len(code) >= SHORTEST_CODE else ""
        params["buyers"] = [row.id for row in buyers.items]
        narrowed += " AND (v.code LIKE %(code)s OR v.buyer_id = ANY(%(buyers)s))"
    rows = await reader.fetch_all(
        Voucher,
        f"""
        WITH picked AS (SELECT v.* FROM vouchers v WHERE {narrowed} ORDER BY {order} LIMIT %(fetch)s)
        SELECT {_ROW} FROM picked v {_JOINS} ORDER BY {order}
        """,
        params,
        by_values=bool(only.text.strip()),
    )
    return page(rows, wanted, lambda row: row.id)


async def voucher(reader: Reader, viewer: Actor, voucher_id: UUID) -> Voucher | None:
    """One voucher; None when there is none or the viewer may not see it."""
    return await reader.fetch_one(
        Voucher,
        f"SELECT {_ROW} FROM vouchers v {_JOINS} WHERE v.id = %(id)s AND {_scope(viewer)}",
        {"id": voucher_id, "viewer": viewer.organisation_id, "now": reader.now},
    )


async def usable_for(reader: Reader, viewer: Actor, seller_id: UUID, currency: str) -> list[Voucher]:
    """The buyer's vouchers that can pay an order now, in the order in which they are used; at most fifty."""
    return await reader.fetch_all(
        Voucher,
        f"""
        SELECT {_ROW} FROM vouchers v {_JOINS}
        WHERE v.buyer_id = %(viewer)s AND {_STATES["usable"]} AND v.currency = %(currency)s
          AND (v.seller_id IS NULL OR v.seller_id = %(seller)s)
        ORDER BY v.scene IS NULL, v.expires_at, v.id LIMIT %(most)s
        """,
        {
            "viewer": viewer.organisation_id,
            "seller": seller_id,
            "currency": currency,
            "now": reader.now,
            "most": MOST_PER_ORDER,
        },
    )


async def uses_of_order(reader: Reader, order_id: UUID) -> list[VoucherUse]:
    """What vouchers paid for an order, at most fifty; who may see the order is decided before."""
    return await reader.fetch_all(
        VoucherUse,
        """
        SELECT v.id AS voucher_id, v.code, v.name_en, v.name_zh, v.scene, u.amount_minor, u.returned_minor
        FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher_id
        WHERE u.order_id = %(order)s ORDER BY u.id LIMIT %(most)s
        """,
        {"order": order_id, "most": MOST_PER_ORDER},
    )
