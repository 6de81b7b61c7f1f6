"""What is asked to prove that the ledger is right: each question finds everything that is wrong, by order.

The ledger is compared with what it does not write itself: payments and refunds, vouchers and their uses, orders, their
supervision, and the journal. Nothing is asked in the words the postings were reckoned with.
"""

from typing import LiteralString

# What is wrong by name → what it means, for whoever reads the verdict.
MEANING: dict[str, str] = {
    "not_zero": "a posting, or a balance, does not sum to zero",
    "balance_differs": "what was closed is not the sum of the postings up to there",
    "paid_differs": "what came into escrow is not what was paid, or by whom",
    "returned_differs": "what went back is not what was refunded, or to whom",
    "returned_too_much": "more went back than was paid",
    "escrow_differs": "what is held is not what is still undecided",
    "released_too_early": "money was released before the order was completed or its supervision accepted",
    "released_wrong": "seller and platform did not get what there was to share, or not once",
    "no_event": "a posting belongs to no event of its order, or to several",
}

_POSTED: LiteralString = """
    SELECT order_id, min(currency) AS currency, count(DISTINCT currency) AS currencies,
           sum(buyer_minor) AS buyer, sum(platform_vouchers_minor) AS platform, sum(escrow_minor) AS escrow,
           sum(payable_minor) AS payable, sum(fee_minor) AS fee, sum(refunds_minor) AS refunds,
           sum(seller_vouchers_minor) AS seller,
           sum(seller_vouchers_minor) FILTER (WHERE kind = 'paid') AS seller_paid,
           sum(seller_vouchers_minor) FILTER (WHERE kind = 'returned') AS seller_back,
           sum(escrow_minor) FILTER (WHERE kind = 'paid') AS paid,
           -coalesce(sum(escrow_minor) FILTER (WHERE kind = 'returned'), 0) AS returned,
           count(*) FILTER (WHERE kind = 'released') AS releases
    FROM ledger_postings GROUP BY order_id
"""

QUESTIONS: tuple[tuple[str, LiteralString], ...] = (
    (
        "not_zero",
        """
        SELECT o.number AS subject, concat_ws(' ', 'posting', p.number, p.kind, 'sums to', b.sum) AS seen
        FROM ledger_postings p JOIN orders o ON o.id = p.order_id
        CROSS JOIN LATERAL (SELECT p.buyer_minor + p.platform_vouchers_minor + p.seller_vouchers_minor + p.escrow_minor
                                   + p.payable_minor + p.fee_minor + p.refunds_minor AS sum) b
        WHERE b.sum <> 0
        """,
    ),
    (
        "not_zero",
        """
        SELECT s.name_en AS subject, concat_ws(' ', 'the balance in', b.currency, 'sums to', z.sum) AS seen
        FROM ledger_balances b JOIN organisations s ON s.id = b.seller_id
        CROSS JOIN LATERAL (SELECT b.buyer_minor + b.platform_vouchers_minor + b.seller_vouchers_minor + b.escrow_minor
                                   + b.payable_minor + b.fee_minor + b.refunds_minor AS sum) z
        WHERE z.sum <> 0
        """,
    ),
    (
        "balance_differs",
        """
        SELECT coalesce(s.name_en, 'nobody') AS subject,
               concat_ws(' ', 'in', currency, 'balance', b.sums, 'postings', p.sums) AS seen
        FROM (SELECT seller_id, currency, (buyer_minor, platform_vouchers_minor, seller_vouchers_minor, escrow_minor,
                     payable_minor, fee_minor, refunds_minor, paid_minor, returned_minor)::text AS sums
              FROM ledger_balances) b
        FULL JOIN (SELECT p.seller_id, p.currency, (sum(p.buyer_minor), sum(p.platform_vouchers_minor),
                          sum(p.seller_vouchers_minor), sum(p.escrow_minor), sum(p.payable_minor), sum(p.fee_minor),
                          sum(p.refunds_minor), coalesce(sum(p.escrow_minor) FILTER (WHERE p.kind = 'paid'), 0),
                          coalesce(-sum(p.escrow_minor) FILTER (WHERE p.kind = 'returned'), 0))::text AS sums
                   FROM ledger_postings p WHERE p.number <= (SELECT closed_to FROM ledger_closing)
                   GROUP BY p.seller_id, p.currency) p USING (seller_id, currency)
        LEFT JOIN organisations s ON s.id = seller_id
        WHERE b.sums IS DISTINCT FROM p.sums
        """,
    ),
    (
        "paid_differs",
        f"""
        SELECT o.number AS subject, concat_ws(' ', 'paid', y.amount_minor, y.currency, 'of it by vouchers',
               y.voucher_minor, 'of them the seller''s', u.seller, 'posted', coalesce(p.paid, 0), p.currency,
               'buyer', p.buyer, 'seller''s vouchers', p.seller_paid) AS seen
        FROM payments y FULL JOIN ({_POSTED}) p USING (order_id) JOIN orders o ON o.id = order_id
        CROSS JOIN LATERAL (SELECT coalesce(sum(s.amount_minor), 0) AS seller FROM voucher_uses s
                            JOIN vouchers v ON v.id = s.voucher_id
                            WHERE s.order_id = o.id AND v.issuer_id = o.seller_id) u
        WHERE coalesce(y.amount_minor, 0) > 0 AND p.paid IS NULL OR p.paid IS NOT NULL AND (
            (p.paid, -p.buyer, -p.seller_paid, p.currency, p.currencies)
            IS DISTINCT FROM (y.amount_minor, y.amount_minor - y.voucher_minor, u.seller, y.currency, 1)
            OR y.currency <> o.currency)
        """,
    ),
    (
        "returned_differs",
        f"""
        -- What is lost of an expired voucher stays with whoever bears it: at least what came back, at most all it paid.
        SELECT o.number AS subject, concat_ws(' ', 'refunded', r.amount_minor, 'by vouchers', r.voucher_minor,
               'lost', r.lost_minor, 'posted', p.returned, 'money', p.refunds, 'seller''s vouchers', p.seller_back,
               'of which came back', u.back) AS seen
        FROM (SELECT * FROM refunds WHERE state = 'refunded' AND amount_minor > 0) r
        FULL JOIN (SELECT * FROM ({_POSTED}) p WHERE p.returned <> 0 OR p.refunds <> 0) p USING (order_id)
        JOIN orders o ON o.id = order_id
        CROSS JOIN LATERAL (SELECT coalesce(sum(s.returned_minor), 0) AS back, coalesce(sum(s.amount_minor), 0) AS paid
                            FROM voucher_uses s JOIN vouchers v ON v.id = s.voucher_id
                            WHERE s.order_id = o.id AND v.issuer_id IS NOT NULL) u
        WHERE (p.returned, p.refunds) IS DISTINCT FROM
              (r.amount_minor, r.amount_minor - r.voucher_minor - r.lost_minor)
           OR p.seller_back NOT BETWEEN u.back AND least(u.paid, u.back + r.lost_minor)
        """,
    ),
    (
        "returned_too_much",
        f"""
        SELECT o.number AS subject, concat_ws(' ', 'paid', p.paid, 'returned', p.returned) AS seen
        FROM ({_POSTED}) p JOIN orders o ON o.id = p.order_id
        WHERE p.returned > p.paid OR p.refunds > -p.buyer OR p.platform > 0 OR p.seller > 0
        """,
    ),
    (
        "escrow_differs",
        f"""
        -- Held is what was paid for orders under way, and for cancelled ones until the money is back.
        SELECT o.number AS subject, concat_ws(' ', o.state, 'refund', coalesce(r.state, 'none'), 'paid', p.paid, 'held',
               p.escrow) AS seen
        FROM ({_POSTED}) p JOIN orders o ON o.id = p.order_id LEFT JOIN refunds r ON r.order_id = o.id
        WHERE p.escrow <> CASE WHEN o.state = 'processing' OR o.state = 'cancelled' AND r.state = 'requested'
                               THEN p.paid ELSE 0 END
        """,
    ),
    (
        "released_too_early",
        """
        SELECT o.number AS subject, concat_ws(' ', 'released at', p.at, 'the order is', o.state, 'its supervision',
               coalesce(f.state, 'none')) AS seen
        FROM ledger_postings p JOIN orders o ON o.id = p.order_id LEFT JOIN supervision_flows f ON f.order_id = o.id
        WHERE p.kind = 'released' AND NOT CASE p.cause
            WHEN 'order.completed' THEN o.state = 'completed' AND o.completed_at = p.at
                AND (f.id IS NULL OR f.state = 'completed' AND f.finished_at <= p.at)
            ELSE o.state = 'cancelled' AND (f.id IS NULL OR f.state = 'cancelled' AND f.finished_at <= p.at) END
        """,
    ),
    (
        "released_wrong",
        f"""
        -- Once it is decided, seller and platform share what nobody got back and no voucher of the seller's had paid.
        SELECT o.number AS subject, concat_ws(' ', 'to share', s.base, 'payable', p.payable, 'fee', p.fee, 'releases',
               p.releases) AS seen
        FROM ({_POSTED}) p JOIN orders o ON o.id = p.order_id
        CROSS JOIN LATERAL (SELECT CASE WHEN p.escrow = 0 THEN -p.buyer - p.refunds - p.platform ELSE 0 END AS base) s
        WHERE p.payable < 0 OR p.fee < 0 OR p.payable + p.fee <> s.base OR p.releases > 1
           OR o.state = 'completed' AND p.releases = 0 OR p.escrow = 0 AND p.seller <> 0
              AND p.releases > 0
        """,
    ),
    (
        "no_event",
        """
        SELECT o.number AS subject, concat_ws(' ', 'posting', p.number, p.kind, 'of', p.cause, 'at', p.at, 'events',
               e.n) AS seen
        FROM ledger_postings p JOIN orders o ON o.id = p.order_id
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM events v WHERE v.subject_kind = 'order'
                            AND v.subject_id = p.order_id AND v.kind = p.cause AND v.at = p.at) e
        WHERE e.n <> 1
        """,
    ),
)
