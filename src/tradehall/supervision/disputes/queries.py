"""Every SELECT on disputes. Who may see one is written once, in `_disputes_of`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties import queries as parties
from tradehall.supervision import turns
from tradehall.supervision.disputes.model import PROCEDURES, Dispute, Party, Turn
from tradehall.supervision.disputes.steps import Kind, Outcome
from tradehall.supervision.flow import Flow, Node
from tradehall.supervision.queries import Contact
from tradehall.supervision.turns import QueueRequest
from tradehall.trading.queries import NUMBERS_SEARCHED, number_prefix

MOST_COUNTED = 1000
# More than one order ever has; the oldest of more are left out.
MOST_OF_AN_ORDER = 100

State = Literal["mine", "open", "closed"]

# Somebody of the platform handles no dispute of an organisation they belong to.
_BELONGS = parties.belongs_to_a_side("d")
_ROW: LiteralString = f"""
    d.id, d.flow_id, d.order_number, d.kind, d.opened_by, d.node, d.turn, d.outcome, d.amount_minor, d.granted_minor,
    d.currency, d.due_at, d.paused_at, d.opened_at, d.finished_at,
    b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh,
    l.product_name_en, l.product_name_zh, l.sku_name_en, l.sku_name_zh, o.total_minor,
    (%(platform)s AND {_BELONGS}) AS barred
"""
_JOINS: LiteralString = """
    JOIN supervision_flows f ON f.id = d.flow_id
    JOIN orders o ON o.id = f.order_id
    JOIN order_lines l ON l.order_id = f.order_id
    JOIN organisations b ON b.id = d.buyer_id
    JOIN organisations s ON s.id = d.seller_id
"""
# Whose turn it is: of both sides where a proposal waits for both, of the platform where the viewer can take it.
_TURN_OF: dict[str, LiteralString] = {
    "buyer": "d.turn IN ('buyer', 'parties')",
    "seller": "d.turn IN ('seller', 'parties')",
    "platform": f"d.turn = 'platform' AND NOT {_BELONGS}",
}


class DisputeRow(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal, a refund or a return as lists show it. `barred`: the viewer is of the platform and belongs to one of
    the two sides as well, so that somebody else handles it."""

    id: UUID
    flow_id: UUID
    order_number: str
    kind: Kind
    opened_by: Party
    node: str
    turn: Turn
    outcome: Outcome | None
    amount_minor: int | None
    granted_minor: int | None
    currency: str
    due_at: datetime | None
    paused_at: datetime | None
    opened_at: datetime
    finished_at: datetime | None
    buyer_name_en: str
    buyer_name_zh: str
    seller_name_en: str
    seller_name_zh: str
    product_name_en: str
    product_name_zh: str
    sku_name_en: str
    sku_name_zh: str
    total_minor: int
    barred: bool

    @property
    def flow(self) -> Flow:
        return PROCEDURES[self.kind]

    @property
    def at(self) -> Node:
        return self.flow.node(self.node)

    def waits_for(self, side: str) -> bool:
        """Whether it is this side's turn in it, and the viewer one who can take it."""
        if self.finished_at or self.paused_at or self.barred:
            return False
        return self.turn == side or (self.turn == "parties" and side in ("buyer", "seller"))

    def overdue(self, now: datetime) -> bool:
        return self.paused_at is None and self.due_at is not None and self.due_at < now


class DisputeFilter(msgspec.Struct, frozen=True):
    """What a list of disputes is narrowed to: "mine" are those in which it is the viewer's turn. `number` is the
    beginning of an order's number, at least twelve characters of it; `since` and `until` bound the opening."""

    state: State | None = None
    kind: Kind | None = None
    outcome: Outcome | None = None
    number: str = ""
    overdue: bool = False
    since: datetime | None = None
    until: datetime | None = None


def _disputes_of(viewer: Actor) -> LiteralString:
    """The disputes a viewer may see, as a condition on `disputes d`."""
    return {
        "system": "true",
        "platform": "true",
        "seller": "d.seller_id = %(viewer)s",
        "buyer": "d.buyer_id = %(viewer)s",
    }[viewer.kind]


async def disputes(reader: Reader, viewer: Actor, wanted: PageRequest, only: DisputeFilter) -> Page[DisputeRow]:
    """The disputes a viewer may see, newest first."""
    where, order = keyset(wanted, "d.id")
    rows = await _picked(reader, viewer, only, where, order, wanted.params)
    return page(rows, wanted, lambda row: row.id)


async def queue(reader: Reader, viewer: Actor, wanted: QueueRequest, only: DisputeFilter) -> Page[DisputeRow]:
    """Those under way, the soonest due first."""
    if only.state == "closed" or only.outcome:
        return Page([])
    where, order = turns.keyset(wanted, "d")
    rows = await _picked(reader, viewer, only, f"d.finished_at IS NULL AND {where}", order, wanted.params)
    return turns.page(rows, wanted)


async def work_queue(reader: Reader, viewer: Actor, limit: int) -> list[DisputeRow]:
    """Those in which it is the viewer's side's turn, the soonest due first."""
    found = await queue(reader, viewer, QueueRequest(limit), DisputeFilter(state="mine"))
    return list(found.items)


async def _picked(
    reader: Reader,
    viewer: Actor,
    only: DisputeFilter,
    where: LiteralString,
    order: LiteralString,
    params: dict[str, Any],
) -> list[DisputeRow]:
    """The rows of one page, names joined to these few only."""
    narrowed, values = _narrowed(viewer, only)
    source: LiteralString = "disputes d"
    if only.number.strip():
        source = f"""
            (SELECT d.* FROM disputes d WHERE {_disputes_of(viewer)} AND d.order_number LIKE %(number)s
             ORDER BY d.order_number DESC LIMIT %(numbers)s) d
        """
    return await reader.fetch_all(
        DisputeRow,
        f"""
        WITH picked AS (
            SELECT d.id FROM {source} WHERE {_disputes_of(viewer)} AND {narrowed} AND {where}
            ORDER BY {order} LIMIT %(fetch)s)
        SELECT {_ROW} FROM picked JOIN disputes d USING (id) {_JOINS} ORDER BY {order}
        """,
        values | {"now": reader.now} | params,
        by_values=bool(only.number.strip()),
    )


def _narrowed(viewer: Actor, only: DisputeFilter) -> tuple[LiteralString, dict[str, Any]]:
    """What is wanted, as a condition on `disputes d`, and its parameters."""
    narrowed: LiteralString = "true"
    if only.state == "closed":
        narrowed += " AND d.finished_at IS NOT NULL"
    elif only.state:
        narrowed += " AND d.finished_at IS NULL"
    if only.state == "mine":
        narrowed += f" AND d.paused_at IS NULL AND {_TURN_OF.get(viewer.kind, 'false')}"
    if only.overdue:
        narrowed += " AND d.finished_at IS NULL AND d.paused_at IS NULL AND d.due_at < %(now)s"
    if only.kind:
        narrowed += " AND d.kind = %(kind)s"
    if only.outcome:
        narrowed += " AND d.outcome = %(outcome)s"
    if only.since:
        narrowed += " AND d.id >= %(since)s"
    if only.until:
        narrowed += " AND d.id < %(until)s"
    return narrowed, {
        "viewer": viewer.organisation_id,
        "person": viewer.person_id,
        "platform": viewer.kind == "platform",
        "kind": only.kind,
        "outcome": only.outcome,
        "number": number_prefix(only.number),
        "numbers": NUMBERS_SEARCHED,
        "since": lowest_id(only.since) if only.since else None,
        "until": lowest_id(only.until) if only.until else None,
    }


class Counts(msgspec.Struct, frozen=True):
    """How many disputes there are for the viewer, each at most a thousand."""

    mine: int
    open: int
    overdue: int
    closed: int


async def counts(reader: Reader, viewer: Actor) -> Counts:
    """What the tabs of the viewer's list count."""
    seen, mine = _disputes_of(viewer), _TURN_OF.get(viewer.kind, "false")
    found = await reader.fetch_one(
        Counts,
        f"""
        SELECT (SELECT count(*) FROM (SELECT FROM disputes d
                    WHERE d.finished_at IS NULL AND d.paused_at IS NULL AND {mine} AND {seen}
                    LIMIT %(most)s) t) AS mine,
               (SELECT count(*) FROM (SELECT FROM disputes d
                    WHERE d.finished_at IS NULL AND {seen} LIMIT %(most)s) t) AS open,
               (SELECT count(*) FROM (SELECT FROM disputes d
                    WHERE d.finished_at IS NULL AND d.paused_at IS NULL AND d.due_at < %(now)s AND {seen}
                    LIMIT %(most)s) t) AS overdue,
               (SELECT count(*) FROM (SELECT FROM disputes d
                    WHERE d.finished_at IS NOT NULL AND {seen} LIMIT %(most)s) t) AS closed
        """,
        {
            "viewer": viewer.organisation_id,
            "person": viewer.person_id,
            "now": reader.now,
            "most": MOST_COUNTED,
        },
    )
    assert found is not None, "counting always answers"
    return found


async def disputes_about(reader: Reader, flow_id: UUID) -> list[Dispute]:
    """All disputes about a supervised order the caller was shown, the latest first, those that are over included."""
    rows = await reader.fetch_values(
        "SELECT to_jsonb(d) FROM disputes d WHERE d.flow_id = %(flow)s ORDER BY d.id DESC LIMIT %(most)s",
        {"flow": flow_id, "most": MOST_OF_AN_ORDER},
    )
    return msgspec.convert(rows, list[Dispute])


class Pressing(msgspec.Struct, frozen=True):
    """The dispute that a frozen order waits for: an appeal goes before a refund."""

    flow_id: UUID
    kind: Kind
    turn: Turn
    due_at: datetime

    def waits_for(self, side: str) -> bool:
        """Whether it is this side's turn in it."""
        return self.turn == side or (self.turn == "parties" and side in ("buyer", "seller"))


async def pressing(reader: Reader, flow_ids: Sequence[UUID]) -> dict[UUID, Pressing]:
    """What those of a page of supervised orders wait for about which there is a dispute. The caller was shown them."""
    if not flow_ids:
        return {}
    rows = await reader.fetch_all(
        Pressing,
        """
        SELECT d.flow_id, d.kind, d.turn, d.due_at FROM disputes d
        WHERE d.flow_id = ANY(%(flows)s) AND d.finished_at IS NULL AND d.paused_at IS NULL
        """,
        {"flows": list(flow_ids)},
    )
    return {row.flow_id: row for row in rows}


async def opener_of(reader: Reader, dispute: Dispute) -> Contact | None:
    """How to reach the person who opened a dispute. Whether that may be shown, the caller knows."""
    return await reader.fetch_one(
        Contact, "SELECT name, email, phone FROM people WHERE id = %(person)s", {"person": dispute.opener_id}
    )
