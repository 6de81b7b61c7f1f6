"""Money going back to the buyer."""

from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.trading.actions import NOTHING_TO_PAY, ORDER_CHANNEL, PAID_BY_VOUCHERS
from tradehall.trading.model import Gateway
from tradehall.trading.vouchers import Returned, give_back

REFUND = "order.refund"


class _Refundable(msgspec.Struct, frozen=True):
    id: UUID
    number: str
    amount_minor: int
    currency: str
    payment_reference: str
    paid_minor: int
    voucher_minor: int
    unsubscription_id: UUID | None


async def carry_out_refund(tx: Tx, gateway: Gateway, row: DueRow) -> None:
    """Has the gateway return its share of the money, and vouchers theirs unless they have expired. Repeated after a
    crash it uses the same key, so the money goes back once."""
    refund = await tx.fetch_one(
        _Refundable,
        """
        SELECT r.id, r.number, r.amount_minor, r.currency, p.reference AS payment_reference,
               p.amount_minor AS paid_minor, p.voucher_minor, r.unsubscription_id
        FROM refunds r JOIN payments p USING (order_id)
        WHERE r.order_id = %(order)s AND r.state = 'requested' FOR UPDATE OF r
        """,
        {"order": row.subject_id},
    )
    if refund is None:
        return
    returned = Returned(refund.amount_minor)
    if refund.voucher_minor:
        returned = await give_back(tx, row.subject_id, refund.amount_minor, refund.paid_minor, refund.voucher_minor)
    receipt = PAID_BY_VOUCHERS if returned.facts else NOTHING_TO_PAY
    if returned.money_minor:
        receipt = await gateway.give_back(
            str(refund.id), refund.payment_reference, returned.money_minor, refund.currency
        )
    await tx.execute(
        """
        UPDATE refunds SET state = 'refunded', refunded_at = %(now)s, reference = %(reference)s,
               voucher_minor = %(vouchers)s, lost_minor = %(lost)s
        WHERE id = %(id)s
        """,
        {
            "id": refund.id,
            "now": tx.now,
            "reference": receipt.reference,
            "vouchers": returned.voucher_minor,
            "lost": returned.lost_minor,
        },
    )
    facts = {
        "number": refund.number,
        "amount_minor": refund.amount_minor,
        "reference": receipt.reference,
        **returned.facts,
    }
    await tx.record("order.refunded", "order", row.subject_id, facts)
    if refund.unsubscription_id:
        await _complete_unsubscription(tx, refund.unsubscription_id)


async def _complete_unsubscription(tx: Tx, order_id: UUID) -> None:
    """An unsubscription is completed when all its money is back."""
    await tx.fetch_value("SELECT true FROM orders WHERE id = %(id)s FOR NO KEY UPDATE", {"id": order_id})
    completed = await tx.fetch_value(
        """
        UPDATE orders SET state = 'completed', completed_at = %(now)s
        WHERE id = %(id)s AND state = 'processing'
          AND NOT EXISTS (SELECT FROM refunds WHERE unsubscription_id = %(id)s AND state = 'requested')
        RETURNING true, pg_notify(%(channel)s, number)
        """,
        {"id": order_id, "now": tx.now, "channel": ORDER_CHANNEL},
    )
    if completed:
        await tx.record("order.completed", "order", order_id, {})
