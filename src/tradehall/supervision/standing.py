"""What orders tell of their supervision: whether there is one, at which node, whose turn it is, and from when on the
order is billable. What pages and API of orders read; the supervision's own pages read `queries`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from tradehall.catalog.delivery import delivery
from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.provisioning.steps import NextKind, NextStep
from tradehall.supervision.disputes.steps import Kind
from tradehall.supervision.flow import Node
from tradehall.supervision.flows import flow_of
from tradehall.supervision.model import Held
from tradehall.supervision.queries import flow
from tradehall.trading.model import Order, OrderRow, Recipient

_DISPUTED: dict[Kind, NextKind] = {"appeal": "appealed", "refund": "refund_asked", "return": "return_asked"}


def involves_supervision(order: OrderRow) -> bool:
    """Whether an order's delivery is supervised: never what changes something that was delivered before."""
    return order.order_type == "NEW" and delivery(order.delivery_type).supervised


async def supervision_of(reader: Reader, viewer: Actor, order: OrderRow) -> Held | None:
    """The supervision of an order the viewer was shown; None where there is none, or none yet."""
    return await flow(reader, viewer, order.number) if involves_supervision(order) else None


async def recipient_of(reader: Reader, order: OrderRow, held: Held | None) -> Recipient | None:
    """To whom an order is sent, as it was changed last; None for what is not sent. The caller was shown the order."""
    if not delivery(order.delivery_type).asks_recipient:
        return None
    if held and (told := held.facts.get("recipient")):
        return Recipient(told["recipient_name"], told["recipient_phone"], told["recipient_address"])
    return await reader.fetch_one(
        Recipient, "SELECT name, phone, address FROM recipients WHERE order_id = %(order)s", {"order": order.id}
    )


def next_in_supervision(step: NextStep, held: Held | None) -> NextStep:
    """What happens next with an order, its supervision included, and what is disputed about that: then it is somebody's
    turn."""
    if step.kind != "supervised" or held is None or held.state != "open":
        return step
    if dispute := held.appeal or held.refund:
        return NextStep(_DISPUTED[dispute.kind], dispute.turn or None, by=dispute.due_at, values={"node": dispute.node})
    return NextStep("supervised", held.turn or None, by=held.due_at, values={"node": held.node})


def billable_since(order: Order, held: Held | None) -> datetime | None:
    """From when on an order is paid out to its seller: once it is completed, and its supervision with it; None for what
    is not, and for what nothing is paid for."""
    if order.state != "completed" or order.order_type in ("TRIAL", "UNSUBSCRIBE"):
        return None
    if held is None:
        return order.completed_at
    return order.completed_at if held.state == "completed" else None


class Place(msgspec.Struct, frozen=True):
    """Where an order under supervision stands, as lists tell it."""

    order_id: UUID
    delivery_type: str
    version: int
    node: str
    due_at: datetime | None
    dispute: Kind | None

    @property
    def at(self) -> Node:
        return flow_of(self.delivery_type, self.version).node(self.node)


async def places_of(reader: Reader, orders: Sequence[OrderRow]) -> dict[UUID, Place]:
    """Where those of a page of orders stand that are under supervision. The caller was shown the orders."""
    wanted = [order.id for order in orders if order.state == "processing" and involves_supervision(order)]
    if not wanted:
        return {}
    rows = await reader.fetch_all(
        Place,
        """
        SELECT order_id, delivery_type, version, node, due_at,
               (SELECT d.kind FROM disputes d
                WHERE d.flow_id = f.id AND d.finished_at IS NULL AND d.paused_at IS NULL LIMIT 1) AS dispute
        FROM supervision_flows f WHERE order_id = ANY(%(orders)s) AND state = 'open'
        """,
        {"orders": wanted},
    )
    return {row.order_id: row for row in rows}
