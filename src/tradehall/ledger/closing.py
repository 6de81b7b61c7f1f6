"""Closing: sums of postings are taken over into the balances now and then, so that a balance is read in no time.

No order ever waits for a balance: orders only insert postings, and nobody but the closing writes balances. A balance is
what was closed and, through an index, the sum of what has come since.

Postings are numbered when they are written and appear when their transaction ends, not always in that order. So closing
takes two steps: it notes how far the numbers go and which transactions there are, and takes over what it noted once all
of those are over; nothing below can appear any more. It needs neither locks nor a clock.
"""

from tradehall.kernel.db import Tx

# Postings that are taken over at once.
BATCH = 100_000


async def close(tx: Tx, batch: int = BATCH) -> bool:
    """Takes over what was noted before, and notes what has come since; whether more could be taken over at once."""
    more: bool | None = await tx.fetch_value(
        """
        WITH closing AS (
            SELECT closed_to, least(next_to, closed_to + %(batch)s) AS up_to FROM ledger_closing
            WHERE closed_to < next_to AND next_xid <= pg_snapshot_xmin(pg_current_snapshot()) FOR UPDATE
        ), added AS (
            INSERT INTO ledger_balances AS b (seller_id, currency, buyer_minor, platform_vouchers_minor,
                                              seller_vouchers_minor, escrow_minor, payable_minor, fee_minor,
                                              refunds_minor, paid_minor, returned_minor)
            SELECT p.seller_id, p.currency, sum(p.buyer_minor), sum(p.platform_vouchers_minor),
                   sum(p.seller_vouchers_minor), sum(p.escrow_minor), sum(p.payable_minor), sum(p.fee_minor),
                   sum(p.refunds_minor), coalesce(sum(p.escrow_minor) FILTER (WHERE p.kind = 'paid'), 0),
                   coalesce(-sum(p.escrow_minor) FILTER (WHERE p.kind = 'returned'), 0)
            FROM closing c JOIN ledger_postings p ON p.number > c.closed_to AND p.number <= c.up_to
            GROUP BY p.seller_id, p.currency
            ON CONFLICT (seller_id, currency) DO UPDATE SET
                buyer_minor = b.buyer_minor + excluded.buyer_minor,
                platform_vouchers_minor = b.platform_vouchers_minor + excluded.platform_vouchers_minor,
                seller_vouchers_minor = b.seller_vouchers_minor + excluded.seller_vouchers_minor,
                escrow_minor = b.escrow_minor + excluded.escrow_minor,
                payable_minor = b.payable_minor + excluded.payable_minor,
                fee_minor = b.fee_minor + excluded.fee_minor,
                refunds_minor = b.refunds_minor + excluded.refunds_minor,
                paid_minor = b.paid_minor + excluded.paid_minor,
                returned_minor = b.returned_minor + excluded.returned_minor
        )
        UPDATE ledger_closing l SET closed_to = c.up_to FROM closing c RETURNING l.closed_to < l.next_to
        """,
        {"batch": batch},
    )
    if more:
        return True
    # Whoever has a number below the highest had one of these transactions before it: an order is written before it is
    # posted. A note of a later transaction than any was made before this database was restored, and is made anew.
    noted = await tx.fetch_value(
        """
        UPDATE ledger_closing SET next_to = n.highest, next_xid = pg_snapshot_xmax(pg_current_snapshot())
        FROM (SELECT max(number) AS highest FROM ledger_postings) n
        WHERE n.highest > next_to AND closed_to = next_to OR next_xid > pg_snapshot_xmax(pg_current_snapshot())
        RETURNING next_to - closed_to
        """
    )
    return noted is not None and noted >= batch
