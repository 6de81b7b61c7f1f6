"""What events on an order move in the ledger. Reactions all, each one statement that does nothing when repeated.

A posting is reckoned from rows of the same transaction and from the order's earlier postings, never from anything that
could have changed meanwhile: the fee is the one of the day the order was paid.
"""

from tradehall.kernel.db import Tx
from tradehall.kernel.journal import Event
from tradehall.settings import Settings


class Ledger:
    """The reactions that post."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def hold(self, tx: Tx, event: Event) -> None:
        """What was paid, with money and vouchers, is held in escrow. Reaction to order.paid.

        What cost nothing moves nothing.
        """
        if not event.facts["amount_minor"]:
            return
        await tx.execute(
            """
            INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate,
                                         buyer_minor, platform_vouchers_minor, seller_vouchers_minor, escrow_minor)
            SELECT o.id, 'paid', 'order.paid', %(now)s, o.buyer_id, o.seller_id, y.currency,
                   CASE p.product_class WHEN 'joint' THEN %(joint)s ELSE %(fee)s END,
                   y.voucher_minor - y.amount_minor, -u.platform, -u.seller, y.amount_minor
            FROM payments y JOIN orders o ON o.id = y.order_id JOIN products p ON p.id = o.product_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(s.amount_minor) FILTER (WHERE v.issuer_id IS NULL), 0)::bigint AS platform,
                       coalesce(sum(s.amount_minor) FILTER (WHERE v.issuer_id IS NOT NULL), 0)::bigint AS seller
                FROM voucher_uses s JOIN vouchers v ON v.id = s.voucher_id
                WHERE s.order_id = y.order_id AND y.voucher_minor > 0) u
            WHERE y.order_id = %(order)s AND y.amount_minor > 0
            ON CONFLICT (order_id, kind) DO NOTHING
            """,
            {
                "order": event.subject_id,
                "now": tx.now,
                "fee": self._settings.platform_fee,
                "joint": self._settings.joint_share,
            },
        )

    async def release(self, tx: Tx, event: Event) -> None:
        """What was held is the seller's, less the platform's fee. Reaction to order.completed.

        What the seller's own vouchers had paid is nobody's money: it is made good where it came from. Orders that take
        back others, and those that cost nothing, hold nothing to release.
        """
        await tx.execute(
            """
            INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate,
                                         releasable_at, seller_vouchers_minor, escrow_minor, payable_minor, fee_minor)
            SELECT p.order_id, 'released', 'order.completed', %(now)s, p.buyer_id, p.seller_id, p.currency, p.fee_rate,
                   greatest(%(now)s, l.starts_at), -p.seller_vouchers_minor, -p.escrow_minor, b.base - f.fee, f.fee
            FROM ledger_postings p JOIN order_lines l ON l.order_id = p.order_id
            CROSS JOIN LATERAL (SELECT p.escrow_minor + p.seller_vouchers_minor AS base) b
            CROSS JOIN LATERAL (SELECT fee_of(b.base, p.fee_rate) AS fee) f
            WHERE p.order_id = %(order)s AND p.kind = 'paid'
            ON CONFLICT (order_id, kind) DO NOTHING
            """,
            {"order": event.subject_id, "now": tx.now},
        )

    async def give_back(self, tx: Tx, event: Event) -> None:
        """What was returned leaves escrow; what had been released comes back into it before. Reaction to
        order.refunded.

        What a cancelled order keeps of its payment is released now. What expired vouchers lost stays with whoever bears
        them: their part of the refund goes where it came from, whether or not it can be spent again.
        """
        if not event.facts["amount_minor"]:
            return
        await tx.execute(
            """
            INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate,
                                         releasable_at, platform_vouchers_minor, seller_vouchers_minor, escrow_minor,
                                         payable_minor, fee_minor, refunds_minor)
            WITH refunded AS (
                SELECT p.order_id, p.buyer_id, p.seller_id, p.currency, p.fee_rate, p.escrow_minor AS paid,
                       -p.seller_vouchers_minor AS vouchers, r.amount_minor AS back,
                       r.amount_minor - r.voucher_minor - r.lost_minor AS money_back,
                       b.platform_minor AS platform_back, b.seller_minor AS seller_back, s.releasable_at
                FROM ledger_postings p
                JOIN refunds r ON r.order_id = p.order_id AND r.state = 'refunded'
                CROSS JOIN LATERAL vouchers_returned(p.order_id, r.voucher_minor + r.lost_minor) b
                LEFT JOIN ledger_postings s
                    ON s.order_id = p.order_id AND s.kind = 'released' AND s.cause = 'order.completed'
                WHERE p.order_id = %(order)s AND p.kind = 'paid' AND r.amount_minor > 0
            ), based AS (
                SELECT *, paid - vouchers AS base, paid - back - (vouchers - seller_back) AS kept FROM refunded
            ), moved (kind, releasable_at, platform_vouchers, seller_vouchers, escrow, payable, fee, refunds) AS (
                SELECT 'taken_back', releasable_at, 0, -seller_back, back,
                       kept - fee_of(kept, fee_rate) - (base - fee_of(base, fee_rate)),
                       fee_of(kept, fee_rate) - fee_of(base, fee_rate), 0
                FROM based WHERE releasable_at IS NOT NULL
                UNION ALL
                SELECT 'returned', NULL, platform_back, seller_back, -back, 0, 0, money_back FROM based
                UNION ALL
                SELECT 'released', %(now)s, 0, vouchers - seller_back, back - paid, kept - fee_of(kept, fee_rate),
                       fee_of(kept, fee_rate), 0
                FROM based WHERE releasable_at IS NULL AND back < paid
            )
            SELECT b.order_id, m.kind, 'order.refunded', %(now)s, b.buyer_id, b.seller_id, b.currency, b.fee_rate,
                   m.releasable_at, m.platform_vouchers, m.seller_vouchers, m.escrow, m.payable, m.fee, m.refunds
            FROM moved m CROSS JOIN based b
            ON CONFLICT (order_id, kind) DO NOTHING
            """,
            {"order": event.subject_id, "now": tx.now},
        )
