"""Where supervised orders come from: an order is paid of something that people deliver."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.settings import Settings
from tradehall.supervision import codes
from tradehall.supervision.acceptance import ProductClass, Rule, is_reviewed, rule_for
from tradehall.supervision.flows import flow_for
from tradehall.supervision.model import ALL_JOINT_REVIEWED_UNTIL, first_reminder, lasting_timers, term_of
from tradehall.supervision.moving import PROMISED, arm, told
from tradehall.trading.vouchers import scene_of_order


class _Opening(msgspec.Struct, frozen=True):
    order_number: str
    buyer_id: UUID
    seller_id: UUID
    product_id: UUID
    delivery_type: str
    product_class: ProductClass
    asks_requirement: bool
    delivery_days: int | None
    placed_at: datetime
    recipient_name: str | None
    recipient_phone: str | None
    recipient_address: str | None


async def open_flow(tx: Tx, settings: Settings, order_id: UUID) -> None:
    """Begins the supervision of an order that was just paid, by the flow that its day of ordering has."""
    order = await tx.fetch_one(
        _Opening,
        """
        SELECT o.number AS order_number, o.buyer_id, o.seller_id, o.product_id, o.delivery_type, p.product_class,
               p.asks_requirement, p.delivery_days, o.created_at AS placed_at, r.name AS recipient_name,
               r.phone AS recipient_phone, r.address AS recipient_address
        FROM orders o JOIN products p ON p.id = o.product_id LEFT JOIN recipients r ON r.order_id = o.id
        WHERE o.id = %(order)s
        """,
        {"order": order_id},
    )
    assert order is not None, "what is paid is an order"
    scene = await scene_of_order(tx, order_id)
    zone = ZoneInfo(settings.default_timezone)
    flow = flow_for(order.delivery_type, order.placed_at, zone)
    node = flow.begins(order.asks_requirement)
    rule: Rule = rule_for(order.product_class, scene)
    all_reviewed = datetime.combine(ALL_JOINT_REVIEWED_UNTIL, datetime.min.time(), zone)
    days = order.delivery_days or settings.delivery_days
    due_at = tx.now + term_of(node.term, settings, days) if node.term else None
    timers = lasting_timers(order.placed_at, tx.now, settings)
    if due_at:
        timers["remind"] = first_reminder(tx.now, due_at)
    flow_id = new_id(tx.now)
    facts: dict[str, Any] = {PROMISED: due_at} if node.term == "delivery" else {}
    if order.recipient_name:
        facts["recipient"] = {
            "recipient_name": order.recipient_name,
            "recipient_phone": order.recipient_phone,
            "recipient_address": order.recipient_address,
        }
    if order.delivery_type == "license_system_id":
        facts["system_id"] = codes.system_id(flow_id)
    await tx.execute(
        """
        INSERT INTO supervision_flows (id, order_id, order_number, buyer_id, seller_id, product_id, delivery_type,
                                       version, product_class, scene, rule, reviewed, node, turn, state,
                                       asks_requirement, delivery_days, entered_at, due_at, timers, facts,
                                       opened_at)
        VALUES (%(id)s, %(order)s, %(number)s, %(buyer)s, %(seller)s, %(product)s, %(type)s, %(version)s,
                %(class)s, %(scene)s, %(rule)s, %(reviewed)s, %(node)s, %(turn)s, 'open', %(asks)s, %(days)s,
                %(now)s, %(due)s, %(timers)s, %(facts)s, %(now)s)
        """,
        {
            "id": flow_id,
            "order": order_id,
            "number": order.order_number,
            "buyer": order.buyer_id,
            "seller": order.seller_id,
            "product": order.product_id,
            "type": order.delivery_type,
            "version": flow.version,
            "class": order.product_class,
            "scene": scene if order.product_class == "joint" else None,
            "rule": rule,
            "reviewed": is_reviewed(order.product_class, scene, tx.now, all_reviewed),
            "node": node.key,
            "turn": node.actor,
            "asks": order.asks_requirement or not flow.without_requirement,
            "days": days,
            "now": tx.now,
            "due": due_at,
            "timers": told(timers),
            "facts": told(facts),
        },
    )
    if order.delivery_type == "license_code":
        await codes.issue(tx, order_id, order.buyer_id, order.seller_id)
    await arm(tx, flow_id)
    facts = {"flow": flow_id, "type": flow.type, "version": flow.version, "node": node.key, "turn": node.actor}
    await tx.record("supervision.opened", "order", order_id, facts | {"by": due_at})
