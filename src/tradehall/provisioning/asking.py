"""What is asked of sellers when something happened in trading. Reactions: each writes a call that a worker makes."""

from datetime import datetime
from uuid import UUID

import msgspec

from tradehall.catalog import delivery
from tradehall.catalog.delivery import INSTANT
from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM, Event
from tradehall.kernel.money import decimal_text
from tradehall.protocols.requests import Generation, Scene
from tradehall.provisioning import lane, queries
from tradehall.provisioning.delivered import Handover, open_delivered
from tradehall.provisioning.lane import Target
from tradehall.provisioning.model import INSTANCE_MOVES, Purpose, activity_for, window
from tradehall.settings import Settings
from tradehall.trading.queries import refund_number


class _Opening(msgspec.Struct, frozen=True):
    """The instance a paid order line became, and the endpoint that hears of paid orders, if the seller has one."""

    line_number: str
    order_number: str
    seller_id: UUID
    general_endpoint_id: UUID | None


class _Line(msgspec.Struct, frozen=True):
    """An order about an instance as the protocol tells it."""

    order_id: UUID
    order_number: str
    order_type: str
    line_number: str
    instance_id: UUID
    seller_id: UUID
    endpoint_id: UUID | None
    generation: Generation | None
    seller_instance_id: str
    charging_mode: str
    sku_code: str
    product_code: str
    product_name: str
    quantity: int
    period_type: str
    period_number: int
    total_minor: int
    currency: str
    ends_at: datetime
    other_product: bool
    other_form: bool
    general_endpoint_id: UUID | None

    @property
    def by_hand(self) -> bool:
        """Whether people delivered it: no server of the seller's knows of it."""
        return self.endpoint_id is None

    @property
    def to(self) -> Target:
        assert self.endpoint_id, "only a server can be asked"
        assert self.generation, "a server speaks one generation"
        return Target(
            self.seller_id,
            self.endpoint_id,
            self.generation,
            self.order_id,
            self.order_number,
            self.line_number,
            self.instance_id,
        )


class Asking:
    """The reactions that ask something of a seller."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def _until(self, tx: Tx, purpose: Purpose) -> datetime:
        return tx.now + window(purpose, self._settings)

    async def carry_out(self, tx: Tx, event: Event) -> None:
        """A paid order is carried out: something opens, is renewed or becomes another thing. Reaction to order.paid."""
        match event.facts.get("order_type", "NEW"):
            case "NEW" | "TRIAL":
                if (delivered := event.facts.get("delivery_type", INSTANT)) == INSTANT:
                    await self._open(tx, event)
                else:
                    await self._without_server(tx, event, delivered)
            case "RENEW" | "TRIAL_TO_FORMAL" as order_type:
                await self._renew(tx, event.subject_id, order_type)
            case "CHANGE":
                await self._change(tx, event.subject_id)

    async def _open(self, tx: Tx, event: Event) -> None:
        """A paid order line becomes an instance that opens, and a call that asks for it."""
        instance_id = new_id(tx.now)
        line = await tx.fetch_one(
            _Opening,
            """
            WITH line AS (
                SELECT l.id, l.number AS line_number, o.number AS order_number, o.buyer_id, o.seller_id, o.product_id,
                       p.endpoint_id, g.id AS general_endpoint_id
                FROM orders o
                JOIN order_lines l ON l.order_id = o.id
                JOIN products p ON p.id = o.product_id
                LEFT JOIN endpoints g ON g.seller_id = o.seller_id AND g.interface_class = 'general'
                WHERE o.id = %(order)s
            ), opening AS (
                INSERT INTO instances (id, order_id, order_line_id, buyer_id, seller_id, product_id, endpoint_id,
                                       state, revision, created_at)
                SELECT %(id)s, %(order)s, id, buyer_id, seller_id, product_id, endpoint_id, 'opening', 1, %(now)s
                FROM line
            ), asked AS (
                -- The first call of a new lane, written at once: nothing can be before it.
                INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                          line_number, instance_id, state, due_at, window_ends_at, request_id,
                                          created_at, revision)
                SELECT %(call)s, seller_id, endpoint_id, 'newInstance', 'open', %(id)s, %(order)s, order_number,
                       line_number, %(id)s, 'waiting', %(now)s, %(until)s, %(request)s, %(now)s, 1
                FROM line
                RETURNING pg_notify(%(channel)s, '')
            )
            SELECT line_number, order_number, seller_id, general_endpoint_id FROM line, asked
            """,
            {
                "id": instance_id,
                "call": new_id(tx.now),
                "order": event.subject_id,
                "until": self._until(tx, "open"),
                "request": tx.request_id,
                "channel": lane.CHANNEL,
                "now": tx.now,
            },
        )
        assert line is not None, "a paid order has a line"
        if line.general_endpoint_id:
            await self._notify(
                tx, line.seller_id, line.general_endpoint_id, event.subject_id, line.order_number, line.line_number
            )

    async def _without_server(self, tx: Tx, event: Event, delivery_type: str) -> None:
        """What no server makes: people deliver it, or it is there as soon as it is paid for."""
        if delivery.delivery(delivery_type).reach == "nothing":
            instance_id = new_id(tx.now)
            await open_delivered(tx, event.subject_id, instance_id, Handover())
            await tx.record("instance.opened", "order", event.subject_id, {"instance": instance_id})
        if delivery_type == "image":
            return  # sellers never hear of these (§4.2)
        await self._notify_of(tx, event.subject_id)

    async def tell_taken_back(self, tx: Tx, event: Event) -> None:
        """What people were to deliver is taken back, and no server has an instance of it to release: the seller's is
        notified of the order that takes it back, which it can then query. Reaction to supervision.cancelled, after
        the refund was asked for."""
        if refund := await refund_number(tx, event.subject_id):
            await self._notify_of(tx, event.subject_id, refund)

    async def _notify_of(self, tx: Tx, order_id: UUID, refund: str | None = None) -> None:
        """Notifies the seller's server of an order, or of its refund, where it has one that wants to hear of orders."""
        told = await tx.fetch_one(
            _Opening,
            """
            SELECT l.number AS line_number, o.number AS order_number, o.seller_id, g.id AS general_endpoint_id
            FROM orders o JOIN order_lines l ON l.order_id = o.id
            LEFT JOIN endpoints g ON g.seller_id = o.seller_id AND g.interface_class = 'general'
            WHERE o.id = %(order)s
            """,
            {"order": order_id},
        )
        assert told is not None, "a paid order has a line"
        number, line = (refund, f"{refund}-000001") if refund else (told.order_number, told.line_number)
        if told.general_endpoint_id:
            await self._notify(tx, told.seller_id, told.general_endpoint_id, order_id, number, line)

    async def _notify(
        self, tx: Tx, seller_id: UUID, endpoint_id: UUID, order_id: UUID, order_number: str, line_number: str
    ) -> None:
        to = Target(seller_id, endpoint_id, "V2", order_id, order_number, line_number, None)
        await lane.enqueue(tx, "notify", to, self._until(tx, "notify"), lane=new_id(tx.now))

    async def _renew(self, tx: Tx, order_id: UUID, order_type: str) -> None:
        line = await self._line(tx, order_id)
        if line.by_hand:
            # Nobody has to be asked, and no new supervision begins: what is renewed was accepted before.
            await tx.record("instance.renewed", "order", order_id, {"instance": line.instance_id})
            await self._tell(tx, line)
            return
        scene: Scene = "RENEWAL"
        if order_type == "TRIAL_TO_FORMAL":
            scene = "TRIAL_TO_FORMAL"
        elif line.other_form:
            scene = "RENEWAL_CHANGE"
        await self._ask(tx, "renew", line, self._of_renewal(line, scene, line.ends_at))
        await self._tell(tx, line)

    def _of_renewal(self, line: _Line, scene: Scene, expires_at: datetime) -> dict[str, str]:
        parameters = {
            "instance": line.seller_instance_id,
            "scene": scene,
            "expires_at": expires_at.isoformat(),
            "amount": decimal_text(line.total_minor, line.currency),
        }
        if line.period_type in ("month", "year"):
            parameters |= {"period_type": line.period_type, "period_number": str(line.period_number)}
        if line.other_product:
            parameters["product"] = line.product_code
        return parameters

    async def _change(self, tx: Tx, order_id: UUID) -> None:
        line = await self._line(tx, order_id)
        parameters = {
            "instance": line.seller_instance_id,
            "sku": line.sku_code,
            "product": line.product_code,
            "quantity": str(line.quantity),
        }
        await self._ask(tx, "change", line, parameters)
        await self._tell(tx, line)

    async def check_change(self, tx: Tx, event: Event) -> None:
        """A renewal that changes something asks the seller first whether it may. Reaction to order.placed."""
        if event.facts.get("check") != "awaited":
            return
        line = await self._line(tx, event.subject_id)
        parameters = {
            "instance": line.seller_instance_id,
            "sku": line.sku_code,
            "product": line.product_code,
            "quantity": str(line.quantity),
            "product_name": line.product_name,
        }
        await self._ask(tx, "check", line, parameters)

    async def take_back_renewal(self, tx: Tx, event: Event) -> None:
        """A renewal that had not begun was cancelled: the seller hears of the earlier expiry. Reaction to
        subscription.renewal_cancelled."""
        order_id: UUID = await tx.fetch_value(
            "SELECT id FROM orders WHERE number = %(number)s", {"number": event.facts["number"]}
        )
        line = await self._line(tx, order_id)
        if line.by_hand:
            return
        parameters = self._of_renewal(line, "UNSUBSCRIBE_RENEWAL_PERIOD", event.facts["expires_at"])
        await self._ask(tx, "renew", line, parameters)

    async def _line(self, tx: Tx, order_id: UUID) -> _Line:
        """An order about an instance, the instance's row locked: whoever changes a lane holds it."""
        await tx.fetch_value(
            """
            SELECT true FROM instances WHERE id = (SELECT subscription_id FROM orders WHERE id = %(order)s)
            FOR NO KEY UPDATE
            """,
            {"order": order_id},
        )
        line = await tx.fetch_one(
            _Line,
            """
            SELECT o.id AS order_id, o.number AS order_number, o.order_type, l.number AS line_number,
                   i.id AS instance_id, i.seller_id, i.endpoint_id, e.generation,
                   coalesce(i.seller_instance_id, '') AS seller_instance_id, l.charging_mode, k.code AS sku_code,
                   r.code AS product_code, l.product_name_zh || ',' || l.sku_name_zh AS product_name, l.quantity,
                   l.period_type, l.period_number, o.total_minor, o.currency, l.ends_at,
                   r.id <> l.from_price_id AS other_product,
                   (l.sku_id, l.quantity) <> (l.from_sku_id, l.from_quantity) AS other_form,
                   g.id AS general_endpoint_id
            FROM orders o
            JOIN order_lines l ON l.order_id = o.id
            JOIN instances i ON i.id = o.subscription_id
            LEFT JOIN endpoints e ON e.id = i.endpoint_id
            JOIN skus k ON k.id = l.sku_id
            JOIN prices r ON r.id = l.price_id
            LEFT JOIN endpoints g ON g.seller_id = o.seller_id AND g.interface_class = 'general'
            WHERE o.id = %(order)s
            """,
            {"order": order_id},
        )
        assert line is not None, "an order about a subscription names its instance"
        return line

    async def _ask(self, tx: Tx, purpose: Purpose, line: _Line, parameters: dict[str, str]) -> None:
        await lane.enqueue(tx, purpose, line.to, self._until(tx, purpose), lane=line.instance_id, parameters=parameters)

    async def _tell(self, tx: Tx, line: _Line) -> None:
        if line.general_endpoint_id:
            await self._notify(
                tx, line.seller_id, line.general_endpoint_id, line.order_id, line.order_number, line.line_number
            )

    # --- its life ----------------------------------------------------------------------------------------------------

    async def freeze(self, tx: Tx, event: Event) -> None:
        """An application may not be used any more. Reaction to subscription.frozen and subscription.suspended."""
        if not (event.facts.get("suspended") or event.facts.get("frozen")):
            await self._set_status(tx, event, "freeze")

    async def unfreeze(self, tx: Tx, event: Event) -> None:
        """It may be used again. Reaction to subscription.thawed and subscription.suspension_lifted."""
        if not (event.facts.get("suspended") or event.facts.get("frozen")):
            await self._set_status(tx, event, "unfreeze")

    async def freeze_again(self, tx: Tx, event: Event) -> None:
        """In the first generation a renewal lets an application be used again: not one that is suspended. Reaction to
        subscription.renewed and subscription.converted."""
        if not event.facts.get("suspended"):
            return
        held = await queries.instance_for_update(tx, SYSTEM, event.facts["instance"])
        assert held is not None, "a subscription has its instance"
        if held.generation == "V1":
            await self._set_status(tx, event, "freeze")

    async def _set_status(self, tx: Tx, event: Event, purpose: Purpose) -> None:
        instance_id = event.facts["instance"]
        held = await queries.instance_for_update(tx, SYSTEM, instance_id)
        assert held is not None, "a subscription has its instance"
        await lane.supersede(tx, instance_id)
        if held.generation is None:
            await move(tx, instance_id, "unfreeze" if purpose == "unfreeze" else "freeze")
            return
        parameters = {"instance": held.seller_instance_id, "mode": held.charging_mode}
        if activity_for(purpose, held.generation, parameters) is None:
            # The first generation's renewal lets an instance be used again by itself: nothing is sent.
            verb = "unfreeze" if purpose == "unfreeze" else "freeze"
            await move(tx, instance_id, verb)
            return
        await lane.enqueue(
            tx, purpose, held.target(instance_id), self._until(tx, purpose), lane=instance_id, parameters=parameters
        )

    async def release(self, tx: Tx, event: Event) -> None:
        """What a buyer had is over: the seller is to delete the instance. Reaction to subscription.ended."""
        instance_id = event.facts["instance"]
        held = await queries.instance_for_update(tx, SYSTEM, instance_id)
        assert held is not None, "a subscription has its instance"
        await lane.supersede(tx, instance_id)
        await move(tx, instance_id, "end")
        if held.generation is None:
            await move(tx, instance_id, "release")
            return
        parameters = {"instance": held.seller_instance_id}
        if "number" in event.facts:
            parameters["refund"] = event.facts["number"]
        await lane.enqueue(
            tx, "release", held.target(instance_id), self._until(tx, "release"), lane=instance_id,
            parameters=parameters,
        )  # fmt: skip


async def move(tx: Tx, instance_id: UUID, verb: str) -> bool:
    """Moves an instance by a verb of its table; False when it is in no state for that."""
    for (state, known), following in INSTANCE_MOVES.items():
        if known == verb and await tx.fetch_value(
            """
            UPDATE instances SET state = %(to)s, closed_at = CASE WHEN %(to)s = 'released' THEN %(now)s::timestamptz END
            WHERE id = %(id)s AND state = %(from)s RETURNING true
            """,
            {"id": instance_id, "from": state, "to": following, "now": tx.now},
        ):
            return True
    return False
