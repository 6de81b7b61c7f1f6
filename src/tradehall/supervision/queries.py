"""Every SELECT on supervised orders. Who may see one is written once, in `_flows_of`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg import Rollback

from tradehall.catalog import queries as catalog
from tradehall.kernel.db import Reader, like
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.parties import queries as parties
from tradehall.supervision import turns
from tradehall.supervision.disputes.model import Dispute
from tradehall.supervision.errors import FlowMovedOn, FlowNotFound
from tradehall.supervision.flow import COMPLETED, SIDES, Side
from tradehall.supervision.model import STATES, FlowRow, Held, State
from tradehall.supervision.turns import QueueRequest
from tradehall.trading.queries import NUMBERS_SEARCHED, number_prefix

MOST_COUNTED = 1000
MOST_EVIDENCE = 1000
TRIES_TO_HOLD = 50

_ROW: LiteralString = """
    f.id, f.order_id, f.order_number, f.buyer_id, b.name_en AS buyer_name_en, b.name_zh AS buyer_name_zh,
    f.seller_id, s.name_en AS seller_name_en, s.name_zh AS seller_name_zh, f.product_id,
    l.product_name_en, l.product_name_zh, l.sku_name_en, l.sku_name_zh, o.total_minor, o.currency,
    o.state AS order_state, o.created_at AS ordered_at, f.delivery_type, f.version, f.node, f.turn, f.state,
    f.entered_at, f.due_at, f.frozen_at, f.opened_at, f.finished_at
"""
_JOINS: LiteralString = """
    JOIN orders o ON o.id = f.order_id
    JOIN order_lines l ON l.order_id = f.order_id
    JOIN organisations b ON b.id = f.buyer_id
    JOIN organisations s ON s.id = f.seller_id
"""
_HELD: LiteralString = f"""
    SELECT {_ROW}, f.product_class, f.scene, f.rule, f.reviewed, f.asks_requirement, f.delivery_days,
           f.rejections_by_seller, f.rejections_by_buyer, f.rejections_by_platform, f.acts, f.facts, f.secrets,
           f.timers, f.begins_at, o.paid_at, o.invoiced_at, l.number AS line_number,
           (SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.id), '[]') FROM disputes d
            WHERE d.flow_id = f.id AND d.finished_at IS NULL) AS disputes
    FROM supervision_flows f {_JOINS}
"""


class FlowFilter(msgspec.Struct, frozen=True):
    """What a list of supervised orders is narrowed to. `number` is the beginning of an order's number, at least twelve
    characters of it, `product` part of a product's name; `since` and `until` bound the time of payment. `turn` is whose
    turn it is, `overdue` that it should have been taken, and `mine` that the viewer is one who can take it."""

    state: State | None = None
    turn: Side | None = None
    delivery_type: str = ""
    node: str = ""
    number: str = ""
    product: str = ""
    overdue: bool = False
    since: datetime | None = None
    until: datetime | None = None
    mine: bool = False


def _flows_of(viewer: Actor) -> LiteralString:
    """The supervised orders a viewer may see, as a condition on `supervision_flows f`."""
    return {
        "system": "true",
        "platform": "true",
        "seller": "f.seller_id = %(viewer)s",
        "buyer": "f.buyer_id = %(viewer)s",
    }[viewer.kind]


def _theirs(viewer: Actor) -> LiteralString:
    """The orders whose turn the viewer can take for their side: see judges_their_own."""
    return f"NOT {parties.belongs_to_a_side('f')}" if viewer.kind == "platform" else "true"


async def judges_their_own(reader: Reader, viewer: Actor, held: Held) -> bool:
    """Whether a viewer is of the platform and belongs to one of the two sides as well: then somebody else judges its
    delivery and its disputes."""
    sides = (held.buyer_id, held.seller_id)
    return viewer.kind == "platform" and await parties.belongs_to_any(reader, viewer.person_id, sides)


async def flow(reader: Reader, viewer: Actor, number: str) -> Held | None:
    """The supervised order of this number; None when there is none or the viewer may not see it."""
    return await _held(
        reader,
        f"{_HELD} WHERE f.order_number = %(number)s AND {_flows_of(viewer)}",
        {"number": number, "viewer": viewer.organisation_id},
    )


async def existing_flow(reader: Reader, viewer: Actor, number: str) -> Held:
    """The supervised order of this number. Raises FlowNotFound when there is none or the viewer may not see it."""
    held = await flow(reader, viewer, number)
    if held is None:
        raise FlowNotFound
    return held


async def hold(reader: Reader, viewer: Actor, number: str, timers: str) -> Held:
    """The supervised order of this number, its due row (of the kind `timers`) and then its own row locked.

    It may be given another due row while it is waited for, and somebody may hold that one and wait for the order: two
    who each wait for what the other has would wait for ever. So it is let go of then, and taken anew. Raises
    FlowNotFound, or FlowMovedOn where that happens again and again.
    """
    params = {"number": number, "viewer": viewer.organisation_id, "kind": timers}
    for _ in range(TRIES_TO_HOLD):
        async with reader.connection.transaction() as trying:
            flow_id, both = await _locked(reader, viewer, params)
            if flow_id and not both:
                raise Rollback(trying)
        if flow_id is None:
            raise FlowNotFound
        if both:
            # Read by itself: it may have moved on while it was waited for.
            return await flow_by_id(reader, flow_id)
    raise FlowMovedOn


async def _locked(reader: Reader, viewer: Actor, params: dict[str, Any]) -> tuple[UUID | None, bool]:
    """Locks the due row that there is, and then the order; its id, and whether its due row is locked with it."""
    flow_id: UUID | None = await reader.fetch_value(
        f"""
        WITH found AS MATERIALIZED (
            SELECT f.id FROM supervision_flows f WHERE f.order_number = %(number)s AND {_flows_of(viewer)}
        ), timers AS MATERIALIZED (
            SELECT d.id FROM due_rows d WHERE d.kind = %(kind)s AND d.subject_id = (SELECT id FROM found) FOR UPDATE
        )
        SELECT f.id FROM supervision_flows f
        WHERE f.id = (SELECT id FROM found) AND (SELECT count(*) FROM timers) >= 0 FOR NO KEY UPDATE
        """,
        params,
    )
    if flow_id is None:
        return None, False
    both: bool = await reader.fetch_value(
        """
        WITH there AS (
            SELECT FROM due_rows WHERE kind = %(kind)s AND subject_id = %(flow)s
        ), mine AS MATERIALIZED (
            SELECT id FROM due_rows WHERE kind = %(kind)s AND subject_id = %(flow)s FOR UPDATE SKIP LOCKED
        )
        SELECT (SELECT count(*) FROM there) = (SELECT count(*) FROM mine)
        """,
        params | {"flow": flow_id},
    )
    return flow_id, both


async def flow_by_id(reader: Reader, flow_id: UUID) -> Held:
    """A supervised order, for who may see them all."""
    held = await _held(reader, f"{_HELD} WHERE f.id = %(id)s", {"id": flow_id})
    assert held is not None, "a flow is never deleted"
    return held


async def locked(reader: Reader, flow_id: UUID) -> Held:
    """A supervised order, its row locked, and not its due row."""
    await reader.fetch_value("SELECT true FROM supervision_flows WHERE id = %(id)s FOR NO KEY UPDATE", {"id": flow_id})
    return await flow_by_id(reader, flow_id)


async def _held(reader: Reader, sql: LiteralString, params: dict[str, Any]) -> Held | None:
    held = await reader.fetch_one(Held, sql, params)
    if held is None:
        return None
    timers = {name: datetime.fromisoformat(str(at)) for name, at in held.timers.items()}
    return msgspec.structs.replace(held, timers=timers, disputes=msgspec.convert(held.disputes, list[Dispute]))


async def flows(reader: Reader, viewer: Actor, wanted: PageRequest, only: FlowFilter) -> Page[FlowRow]:
    """The supervised orders a viewer may see, newest first."""
    where, order = keyset(wanted, "f.id")
    narrowed, params = await _narrowed(reader, viewer, only)
    seen = f"{_flows_of(viewer)} AND {narrowed} AND {where}"
    branches = [_branch(viewer, only, f"{_IN_STATE[state]} AND {seen}", order) for state in _states(only)]
    return page(await _merged(reader, only, branches, order, params | wanted.params), wanted, lambda row: row.id)


async def queue(reader: Reader, viewer: Actor, wanted: QueueRequest, only: FlowFilter) -> Page[FlowRow]:
    """The supervised orders that wait for the side whose `turn` is asked for, or for any: the soonest due first."""
    where, order = turns.keyset(wanted)
    narrowed, params = await _narrowed(reader, viewer, only)
    waits = f"f.state = 'open' AND f.frozen_at IS NULL AND {_flows_of(viewer)}"
    seen = f"{waits} AND {narrowed} AND {_named(only)} AND {where}"
    sides = [only.turn] if only.turn else SIDES
    branches = [f"{_PICK} WHERE {_TURN_OF[side]} AND {seen} ORDER BY {order} LIMIT %(fetch)s" for side in sides]
    if "open" not in _states(only):
        return Page([])
    return turns.page(await _merged(reader, only, branches, order, params | wanted.params), wanted)


async def work_queue(reader: Reader, viewer: Actor, limit: int = 50) -> list[FlowRow]:
    """The supervised orders in which the viewer can take the turn for their side, the soonest due first."""
    side = next((side for side in SIDES if side == viewer.kind), None)
    if side is None:
        return []
    found = await queue(reader, viewer, QueueRequest(limit), FlowFilter(turn=side, mine=True))
    return list(found.items)


class Counts(msgspec.Struct, frozen=True):
    """How many supervised orders there are for the viewer, each at most a thousand."""

    open: int
    completed: int
    cancelled: int
    mine: int
    overdue: int


async def counts(reader: Reader, viewer: Actor) -> Counts:
    """What the tabs of the viewer's list count."""
    seen = _flows_of(viewer)
    found = await reader.fetch_one(
        Counts,
        f"""
        SELECT (SELECT count(*) FROM (SELECT FROM supervision_flows f
                    WHERE f.state = 'open' AND {seen} LIMIT %(most)s) t) AS open,
               (SELECT count(*) FROM (SELECT FROM supervision_flows f
                    WHERE f.state = 'completed' AND {seen} LIMIT %(most)s) t) AS completed,
               (SELECT count(*) FROM (SELECT FROM supervision_flows f
                    WHERE f.state = 'cancelled' AND {seen} LIMIT %(most)s) t) AS cancelled,
               (SELECT count(*) FROM (SELECT FROM supervision_flows f
                    WHERE f.state = 'open' AND f.turn = %(side)s AND f.frozen_at IS NULL AND {seen}
                      AND {_theirs(viewer)} LIMIT %(most)s) t) AS mine,
               (SELECT count(*) FROM (SELECT FROM supervision_flows f
                    WHERE f.state = 'open' AND f.turn IN ('buyer', 'seller', 'platform') AND f.due_at < %(now)s
                      AND f.frozen_at IS NULL AND {seen} LIMIT %(most)s) t) AS overdue
        """,
        {
            "viewer": viewer.organisation_id,
            "person": viewer.person_id,
            "side": viewer.kind,
            "now": reader.now,
            "most": MOST_COUNTED,
        },
    )
    assert found is not None, "counting always answers"
    return found


_PICK: LiteralString = "SELECT f.id, f.due_at FROM supervision_flows f"
_IN_STATE: dict[State, LiteralString] = {
    "open": "f.state = 'open'",
    "completed": "f.state = 'completed'",
    "cancelled": "f.state = 'cancelled'",
}
_TURN_OF: dict[Side, LiteralString] = {
    "buyer": "f.turn = 'buyer'",
    "seller": "f.turn = 'seller'",
    "platform": "f.turn = 'platform'",
}


def _states(only: FlowFilter) -> list[State]:
    """The states in which there can be what is wanted: each is a range of an index, and their pages are merged."""
    possible: set[State] = set(STATES)
    if only.turn or only.overdue:
        possible &= {"open"}
    if only.node:
        possible &= {"completed"} if only.node == COMPLETED else {"open", "cancelled"}
    return [state for state in STATES if state in possible and only.state in (None, state)]


def _branch(viewer: Actor, only: FlowFilter, seen: LiteralString, order: LiteralString) -> LiteralString:
    """The first of a page's orders in one state, from the index that finds them soonest."""
    if only.number.strip():
        # Some thousand orders begin alike at most.
        return f"""
            SELECT f.id, f.due_at FROM (
                SELECT f.* FROM supervision_flows f WHERE {_flows_of(viewer)} AND f.order_number LIKE %(number)s
                ORDER BY f.order_number DESC LIMIT %(numbers)s) f
            WHERE {seen} AND {_named(only)} ORDER BY {order} LIMIT %(fetch)s
        """
    if only.product.strip():
        return f"""
            SELECT f.id, f.due_at FROM unnest(%(products)s::uuid[]) AS wanted (id), LATERAL (
                {_PICK} WHERE f.product_id = wanted.id AND {seen} ORDER BY {order} LIMIT %(fetch)s) f
            ORDER BY {order} LIMIT %(fetch)s
        """
    return f"{_PICK} WHERE {seen} ORDER BY {order} LIMIT %(fetch)s"


async def _merged(
    reader: Reader,
    only: FlowFilter,
    branches: Sequence[LiteralString],
    order: LiteralString,
    params: dict[str, Any],
) -> list[FlowRow]:
    """The first of what all branches pick, names joined to these few rows only."""
    if not branches:
        return []
    picked: LiteralString = "\nUNION ALL ".join(f"({branch})" for branch in branches)
    return await reader.fetch_all(
        FlowRow,
        f"""
        WITH picked AS (
            SELECT f.id FROM ({picked}) f ORDER BY {order} LIMIT %(fetch)s)
        SELECT {_ROW} FROM picked JOIN supervision_flows f USING (id) {_JOINS} ORDER BY {order}
        """,
        params,
        by_values=bool(only.number.strip()),
    )


async def _products_named(reader: Reader, viewer: Actor, text: str) -> list[UUID]:
    """The products with this text in their name that a search goes through: a buyer's are those it ordered."""
    if viewer.kind != "buyer":
        return await catalog.product_names(reader, text, viewer.organisation_id if viewer.kind == "seller" else None)
    # From one product to the next in the index: a buyer has many more orders than products.
    return await reader.fetch_values(
        """
        WITH RECURSIVE ordered (product_id) AS (
            (SELECT f.product_id FROM supervision_flows f WHERE f.buyer_id = %(viewer)s
             ORDER BY f.product_id LIMIT 1)
            UNION ALL
            SELECT (SELECT f.product_id FROM supervision_flows f
                    WHERE f.buyer_id = %(viewer)s AND f.product_id > o.product_id ORDER BY f.product_id LIMIT 1)
            FROM ordered o WHERE o.product_id IS NOT NULL
        )
        SELECT p.id FROM ordered o JOIN products p ON p.id = o.product_id
        WHERE lower(p.name_en || ' ' || p.name_zh) LIKE %(like)s LIMIT 50
        """,
        {"viewer": viewer.organisation_id, "like": like(text)},
    )


def _named(only: FlowFilter) -> LiteralString:
    """Where products are wanted, only orders of these. Besides a search product by product, it would mislead the
    planner to another index."""
    return "f.product_id = ANY(%(products)s)" if only.product.strip() else "true"


async def _narrowed(reader: Reader, viewer: Actor, only: FlowFilter) -> tuple[LiteralString, dict[str, Any]]:
    """What is wanted beyond state and product, as a condition on `supervision_flows f`, and all parameters."""
    narrowed: LiteralString = "true"
    products: list[UUID] = []
    if only.turn:
        narrowed += f" AND {_TURN_OF[only.turn]}"
    if only.mine:
        narrowed += f" AND {_theirs(viewer)}"
    if only.overdue:
        narrowed += " AND f.due_at < %(now)s AND f.frozen_at IS NULL"
    if only.delivery_type:
        narrowed += " AND f.delivery_type = %(type)s"
    if only.node:
        narrowed += " AND f.node = %(node)s"
    if only.number.strip():
        narrowed += " AND f.order_number LIKE %(number)s"
    if only.product.strip():
        products = await _products_named(reader, viewer, only.product)
    if only.since:
        narrowed += " AND f.id >= %(since)s"
    if only.until:
        narrowed += " AND f.id < %(until)s"
    return narrowed, {
        "viewer": viewer.organisation_id,
        "person": viewer.person_id,
        "now": reader.now,
        "type": only.delivery_type,
        "node": only.node,
        "number": number_prefix(only.number),
        "numbers": NUMBERS_SEARCHED,
        "products": products,
        "since": lowest_id(only.since) if only.since else None,
        "until": lowest_id(only.until) if only.until else None,
    }


class Evidence(msgspec.Struct, frozen=True):
    """A file of a supervised order. `act` is the number of the act it was handed in with, None while it is a draft."""

    id: UUID
    flow_id: UUID
    file_id: UUID
    side: Side
    verb: str
    kind: str
    act: int | None
    name: str
    media_type: str
    size: int
    sha256: bytes
    has_thumbnail: bool
    uploaded_by_name: str
    created_at: datetime

    @property
    def digest(self) -> str:
        return self.sha256.hex()


# People of the platform are named to it alone.
_EVIDENCE: LiteralString = """
    SELECT e.id, e.flow_id, e.file_id, e.side, e.verb, e.kind, e.act, x.name, x.media_type, x.size, x.sha256,
           x.thumbnail_key IS NOT NULL AS has_thumbnail, e.created_at,
           CASE WHEN e.side = 'platform' AND %(side)s IN ('buyer', 'seller') THEN '' ELSE p.name END AS uploaded_by_name
    FROM supervision_evidence e JOIN files x ON x.id = e.file_id JOIN people p ON p.id = x.uploaded_by
"""


def _evidence_of(viewer: Actor) -> LiteralString:
    """The files of an order a viewer may see, as a condition on `supervision_evidence e`: drafts are a side's own."""
    return "true" if viewer.kind == "system" else "(e.act IS NOT NULL OR e.side = %(side)s)"


async def evidence(reader: Reader, viewer: Actor, flow_id: UUID) -> list[Evidence]:
    """The files of a supervised order the viewer was shown before, oldest first, its last thousand."""
    rows = await reader.fetch_all(
        Evidence,
        f"{_EVIDENCE} WHERE e.flow_id = %(flow)s AND {_evidence_of(viewer)} ORDER BY e.id DESC LIMIT {MOST_EVIDENCE}",
        {"flow": flow_id, "side": viewer.kind},
    )
    return rows[::-1]


async def drafted_files(reader: Reader, flow_id: UUID, side: str, verb: str) -> list[Evidence]:
    """The files a side has handed in for a verb and not yet acted with."""
    return await reader.fetch_all(
        Evidence,
        f"""
        {_EVIDENCE} WHERE e.flow_id = %(flow)s AND e.act IS NULL AND e.side = %(side)s AND e.verb = %(verb)s
        ORDER BY e.id LIMIT %(most)s
        """,
        {"flow": flow_id, "side": side, "verb": verb, "most": MOST_EVIDENCE},
    )


async def piece_of_evidence(reader: Reader, viewer: Actor, number: str, evidence_id: UUID) -> Evidence | None:
    """One file of a supervised order of the viewer's."""
    return await reader.fetch_one(
        Evidence,
        f"""
        {_EVIDENCE} JOIN supervision_flows f ON f.id = e.flow_id
        WHERE e.id = %(id)s AND f.order_number = %(number)s AND {_flows_of(viewer)} AND {_evidence_of(viewer)}
        """,
        {"id": evidence_id, "number": number, "viewer": viewer.organisation_id, "side": viewer.kind},
    )


async def drafts(reader: Reader, viewer: Actor, flow_id: UUID) -> dict[str, dict[str, Any]]:
    """What the viewer's side has written so far, by verb."""
    rows = await reader.fetch_all(
        _Draft,
        "SELECT verb, answers FROM supervision_drafts WHERE flow_id = %(flow)s AND side = %(side)s LIMIT 60",
        {"flow": flow_id, "side": viewer.kind},
    )
    return {row.verb: row.answers for row in rows}


class _Draft(msgspec.Struct, frozen=True):
    verb: str
    answers: dict[str, Any]


async def code_for(reader: Reader, viewer: Actor, held: Held) -> str | None:
    """The authorisation code as the viewer may see it: both sides get it with the delivery, one to claim it and one to
    know whose it is; the platform never."""
    if held.delivery_type != "license_code" or viewer.kind == "platform" or "deliver" not in held.facts:
        return None
    return await code_of(reader, held.order_id)


async def code_of(reader: Reader, order_id: UUID) -> str | None:
    """The authorisation code issued for an order."""
    code: str | None = await reader.fetch_value(
        "SELECT code FROM license_codes WHERE order_id = %(order)s", {"order": order_id}
    )
    return code


class Contact(msgspec.Struct, frozen=True):
    """Whom to reach at the other side."""

    name: str
    email: str
    phone: str | None


async def contacts(reader: Reader, organisation_id: UUID) -> list[Contact]:
    """The people of an organisation who can be reached about an order, administrators first; at most five."""
    return await reader.fetch_all(
        Contact,
        """
        SELECT p.name, p.email, p.phone FROM memberships m JOIN people p ON p.id = m.person_id
        WHERE m.organisation_id = %(organisation)s AND p.disabled_at IS NULL ORDER BY m.role, p.id LIMIT 5
        """,
        {"organisation": organisation_id},
    )
