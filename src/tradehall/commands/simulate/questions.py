"""What the database is asked for each invariant: everything that is wrong, by its subject and what was seen.

Parameters: `now`, of the settings `grace` and `retention`, and `supervised`, what people deliver. Percent signs of
`format` are doubled for psycopg.
"""

from typing import LiteralString

_MONEY: tuple[LiteralString, ...] = (
    """
    -- Order by order: paid means a payment of its total, and never more back than came in.
    SELECT o.number AS subject, concat_ws(' ', o.order_type, o.state, o.cancel_reason, 'total', o.total_minor,
        'payments', p.n, 'of', p.sum, 'refunds', r.n, 'of', r.sum) AS seen
    FROM orders o
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM payments WHERE order_id = o.id) p
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM refunds WHERE order_id = o.id) r
    WHERE NOT CASE
        WHEN o.order_type = 'UNSUBSCRIBE' THEN p.n = 0 AND r.n = 0
        WHEN o.state = 'pending_payment' THEN p.n = 0 AND r.n = 0
        WHEN o.state = 'processing' THEN p.n = 1 AND p.sum = o.total_minor AND r.n = 0
        WHEN o.state = 'completed' THEN p.n = 1 AND p.sum = o.total_minor AND r.n <= 1 AND r.sum <= p.sum
        WHEN o.cancel_reason IN ('opening_failed', 'renewal_failed', 'change_failed', 'not_accepted')
            THEN p.n = 1 AND p.sum = o.total_minor AND r.n = 1 AND r.sum = p.sum
        WHEN o.cancel_reason IN ('refund_agreed', 'appeal_decided')
            THEN p.n = 1 AND p.sum = o.total_minor AND r.n = 1 AND r.sum BETWEEN 1 AND p.sum
        ELSE p.n = 0 AND r.n = 0 END
    """,
    """
    -- What an unsubscription says it returns is what it returns.
    SELECT o.number AS subject, format('returns %%s in refunds of %%s', o.total_minor, r.sum) AS seen
    FROM orders o
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS sum FROM refunds WHERE unsubscription_id = o.id) r
    WHERE o.order_type = 'UNSUBSCRIBE' AND o.total_minor <> r.sum
    """,
    """
    -- Of what is taken back in part the rest is held: it is the seller's.
    SELECT 'all' AS subject, format('paid %%s, held %%s, returned %%s', paid, held, returned) AS seen
    FROM (SELECT (SELECT coalesce(sum(amount_minor), 0) FROM payments) AS paid,
                 (SELECT coalesce(sum(total_minor), 0) FROM orders o
                  WHERE order_type <> 'UNSUBSCRIBE' AND state IN ('processing', 'completed')
                    AND NOT EXISTS (SELECT FROM refunds r WHERE r.order_id = o.id))
                 + (SELECT coalesce(sum(o.total_minor - r.amount_minor), 0) FROM orders o
                    JOIN refunds r ON r.order_id = o.id
                    WHERE o.cancel_reason IN ('refund_agreed', 'appeal_decided')) AS held,
                 (SELECT coalesce(sum(amount_minor), 0) FROM refunds) AS returned) m
    WHERE paid <> held + returned
    """,
    """
    -- A voucher holds what it was given, less what it paid for, and what came back to it.
    SELECT v.code AS subject, format('holds %%s of %%s', v.remaining_minor, v.amount_minor) AS seen FROM vouchers v
    WHERE v.remaining_minor <> v.amount_minor - (
        SELECT coalesce(sum(amount_minor - returned_minor), 0) FROM voucher_uses WHERE voucher_id = v.id)
    """,
    """
    -- What a payment and a refund say of vouchers is what their uses say.
    SELECT o.number AS subject, concat_ws(' ', 'vouchers paid', p.voucher_minor, 'by their uses', u.paid, 'returned',
        r.voucher_minor, 'by their uses', u.returned) AS seen
    FROM payments p JOIN orders o ON o.id = p.order_id LEFT JOIN refunds r ON r.order_id = o.id
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS paid, coalesce(sum(returned_minor), 0) AS returned
                        FROM voucher_uses WHERE order_id = o.id) u
    WHERE (p.voucher_minor, coalesce(r.voucher_minor, 0)) <> (u.paid, u.returned)
    """,
)

_FORGOTTEN: tuple[LiteralString, ...] = (
    """
    -- A term that runs has its next step scheduled, no later than it is due, or a paid order about it is under way.
    SELECT o.number AS subject, format('%%s, expires %%s: no next step is scheduled', s.state, s.expires_at) AS seen
    FROM subscriptions s JOIN orders o ON o.id = s.order_id
    WHERE s.state <> 'ended' AND s.expires_at IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM due_rows d
        WHERE d.kind = 'subscription.life' AND d.subject_id = s.id AND d.parked_at IS NULL
          AND d.due_at <= greatest(%(now)s, s.expires_at
            + CASE WHEN s.state = 'active' OR s.trial THEN interval '0' ELSE %(grace)s END
            + CASE WHEN s.state = 'frozen' THEN %(retention)s ELSE interval '0' END))
      AND NOT EXISTS (SELECT FROM orders b WHERE b.subscription_id = s.id AND b.order_type <> 'UNSUBSCRIBE'
                      AND b.state = 'processing')
    """,
    """
    -- What is to be renewed by itself will be.
    SELECT o.number AS subject, format('%%s, expires %%s: no renewal is scheduled', s.state, s.expires_at) AS seen
    FROM subscriptions s JOIN orders o ON o.id = s.order_id
    WHERE s.state IN ('active', 'grace') AND s.auto_renew_by IS NOT NULL AND NOT s.trial
      AND NOT EXISTS (SELECT FROM due_rows d WHERE d.kind = 'subscription.renewal' AND d.subject_id = s.id
                      AND d.parked_at IS NULL AND d.due_at <= greatest(%(now)s + interval '2 days', s.expires_at))
      AND NOT EXISTS (SELECT FROM orders b WHERE b.subscription_id = s.id AND b.order_type <> 'UNSUBSCRIBE'
                      AND b.state = 'processing')
    """,
    """
    SELECT o.number AS subject, 'unpaid, and nothing ends it' AS seen FROM orders o
    WHERE o.state = 'pending_payment' AND NOT EXISTS (
        SELECT FROM due_rows d WHERE d.kind = 'order.expire' AND d.subject_id = o.id AND d.parked_at IS NULL)
    """,
    """
    -- Somebody works on every order in process.
    SELECT o.number AS subject, format('%%s in process, and nobody works on it', o.order_type) AS seen FROM orders o
    WHERE o.state = 'processing' AND NOT CASE
        WHEN o.order_type = 'UNSUBSCRIBE' THEN EXISTS (
            SELECT FROM refunds r JOIN due_rows d ON d.kind = 'order.refund' AND d.subject_id = r.order_id
            WHERE r.unsubscription_id = o.id AND r.state = 'requested' AND d.parked_at IS NULL)
        WHEN o.order_type = 'NEW' AND o.delivery_type = ANY(%(supervised)s) THEN EXISTS (
            SELECT FROM supervision_flows f WHERE f.order_id = o.id AND f.state = 'open')
        ELSE EXISTS (
            SELECT FROM seller_calls c
            WHERE c.order_id = o.id AND c.purpose IN ('open', 'await_opening', 'investigate', 'renew', 'change')
              AND (c.state IN ('queued', 'waiting', 'running')
                   OR c.state = 'failed' AND EXISTS (
                      SELECT FROM due_rows d WHERE d.kind = 'call.investigation' AND d.subject_id = c.id
                      AND d.parked_at IS NULL))) END
    """,
    """
    SELECT o.number AS subject, 'a refund is requested, and nobody carries it out' AS seen
    FROM refunds r JOIN orders o ON o.id = r.order_id
    WHERE r.state = 'requested' AND NOT EXISTS (
        SELECT FROM due_rows d WHERE d.kind = 'order.refund' AND d.subject_id = o.id AND d.parked_at IS NULL)
    """,
    """
    SELECT o.number AS subject, 'waits for the seller''s word, and nobody asks' AS seen FROM orders o
    WHERE o.state = 'pending_payment' AND o.check_state = 'awaited' AND NOT EXISTS (
        SELECT FROM seller_calls c WHERE c.order_id = o.id AND c.purpose = 'check'
        AND c.state IN ('queued', 'waiting', 'running'))
    """,
    """
    -- Each lane that has calls has one head.
    SELECT lane::text AS subject, string_agg(purpose || ' ' || state, ', ' ORDER BY place) AS seen FROM seller_calls
    WHERE state IN ('queued', 'waiting', 'running') GROUP BY lane
    HAVING count(*) FILTER (WHERE state <> 'queued') <> 1
    """,
    """
    -- What is over is being released, or that waits for a person.
    SELECT o.number AS subject, format('its instance is %%s, and nobody releases it', i.state) AS seen
    FROM instances i JOIN orders o ON o.id = i.order_id
    WHERE i.state = 'ending' AND NOT EXISTS (
        SELECT FROM seller_calls c WHERE c.lane = i.id AND c.purpose = 'release'
        AND c.state IN ('queued', 'waiting', 'running', 'failed'))
    """,
)

_STATES: tuple[LiteralString, ...] = (
    """
    SELECT o.number AS subject, format('subscription %%s, instance %%s', s.state, i.state) AS seen
    FROM subscriptions s JOIN instances i ON i.id = s.id JOIN orders o ON o.id = s.order_id
    WHERE (s.state = 'ended') <> (i.state IN ('ending', 'released'))
       OR s.state <> 'ended' AND i.state NOT IN ('running', 'frozen')
    """,
    """
    SELECT o.number AS subject, concat_ws(' ', o.state, o.cancel_reason, 'instance', coalesce(i.state, 'none'),
                                          'subscription', coalesce(s.state, 'none')) AS seen
    FROM orders o LEFT JOIN instances i ON i.order_id = o.id LEFT JOIN subscriptions s ON s.order_id = o.id
    WHERE o.order_type IN ('NEW', 'TRIAL') AND o.delivery_type <> ALL(%(supervised)s) AND NOT CASE o.state
        WHEN 'pending_payment' THEN i.id IS NULL AND s.id IS NULL
        WHEN 'processing' THEN i.state = 'opening' AND s.id IS NULL
        WHEN 'completed' THEN s.id = i.id
        ELSE s.id IS NULL AND (o.cancel_reason = 'opening_failed') = (coalesce(i.state, '') IN ('failed', 'released'))
        END
    """,
)

_OVERDUE: tuple[LiteralString, ...] = (
    """
    SELECT d.kind || ' ' || d.subject_id AS subject, format('due at %%s', d.due_at) AS seen FROM due_rows d
    WHERE d.parked_at IS NULL AND d.due_at < %(now)s - interval '6 hours'
    """,
    """
    SELECT c.id::text AS subject, format('%%s of %%s: %%s, due at %%s until %%s', c.purpose, c.order_number, c.state,
                                         c.due_at, c.window_ends_at) AS seen
    FROM seller_calls c
    WHERE c.state IN ('waiting', 'running') AND greatest(c.due_at, c.window_ends_at) < %(now)s - interval '6 hours'
    """,
)

_SURPRISES: tuple[LiteralString, ...] = (
    """
    SELECT d.kind || ' ' || d.subject_id AS subject, d.last_error AS seen FROM due_rows d WHERE d.last_error IS NOT NULL
    """,
)

ALWAYS: tuple[tuple[str, tuple[LiteralString, ...]], ...] = (
    ("money_adds_up", _MONEY),
    ("nothing_forgotten", _FORGOTTEN),
    ("states_agree", _STATES),
    ("nothing_overdue", _OVERDUE),
    ("no_surprise", _SURPRISES),
)

# Once nothing happens any more: nothing waits but what waits for a person.
AT_LAST: tuple[tuple[str, tuple[LiteralString, ...]], ...] = (
    (
        "nothing_overdue",
        (
            """
            SELECT kind || ' ' || subject_id AS subject, format('is still to be done, at %%s', due_at) AS seen
            FROM due_rows
            """,
            """
            SELECT id::text AS subject, format('%%s of %%s is still %%s', purpose, order_number, state) AS seen
            FROM seller_calls WHERE state IN ('queued', 'waiting', 'running')
            """,
        ),
    ),
    (
        "nothing_forgotten",
        (
            """
            -- What people deliver may wait for them for ever.
            SELECT number AS subject, format('%%s is still %%s', order_type, state) AS seen FROM orders o
            WHERE state IN ('pending_payment', 'processing')
              AND NOT EXISTS (SELECT FROM supervision_flows f WHERE f.order_id = o.id AND f.state = 'open')
            """,
        ),
    ),
)
