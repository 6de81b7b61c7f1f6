"""What the database is asked about supervised orders: everything that is wrong, by its subject and what was seen.

Parameters: `supervised`, the delivery types that people deliver. Percent signs are doubled for psycopg.
"""

from typing import LiteralString

_ACCEPTED: tuple[LiteralString, ...] = (
    """
    -- Paid is supervised; completed, had and billable is accepted; money goes back only of what was not.
    SELECT o.number AS subject, concat_ws(' ', o.delivery_type, 'flow', coalesce(f.state, 'none'), 'order', o.state,
        o.cancel_reason, 'subscription', coalesce(s.state, 'none'), 'refund', coalesce(r.reason, 'none')) AS seen
    FROM orders o
    LEFT JOIN supervision_flows f ON f.order_id = o.id
    LEFT JOIN subscriptions s ON s.order_id = o.id
    LEFT JOIN refunds r ON r.order_id = o.id
    WHERE o.delivery_type = ANY(%(supervised)s) AND o.order_type = 'NEW' AND NOT CASE
        WHEN o.paid_at IS NULL THEN f.id IS NULL AND s.id IS NULL AND r.id IS NULL AND o.state <> 'completed'
        WHEN f.state = 'open' THEN o.state = 'processing' AND s.id IS NULL AND r.id IS NULL
        WHEN f.state = 'completed' THEN o.state = 'completed' AND s.id IS NOT NULL
            AND coalesce(r.reason = 'unsubscribed', true)
        WHEN f.state = 'cancelled' THEN o.state = 'cancelled' AND o.cancel_reason = 'not_accepted' AND s.id IS NULL
            AND r.reason = 'not_accepted' AND r.amount_minor = o.total_minor
        ELSE false END
    """,
)

_TIMERS: tuple[LiteralString, ...] = (
    """
    -- What is open and not frozen has one due row, at the earliest of its timers; everything else has neither.
    SELECT f.order_number AS subject, concat_ws(' ', f.state, CASE WHEN f.frozen_at IS NOT NULL THEN 'frozen' END,
        'timers', f.timers::text, 'due', coalesce(d.due_at::text, 'never')) AS seen
    FROM supervision_flows f
    LEFT JOIN due_rows d ON d.kind = 'supervision.timers' AND d.subject_id = f.id
    WHERE d.parked_at IS NULL AND d.last_error IS NULL AND NOT CASE
        WHEN f.state = 'open' AND f.frozen_at IS NULL
            THEN d.due_at IS NOT DISTINCT FROM (SELECT min(t.value::timestamptz) FROM jsonb_each_text(f.timers) t)
        ELSE f.timers = '{}' AND d.id IS NULL END
    """,
    """
    SELECT d.subject_id::text AS subject, 'a timer of no supervised order' AS seen FROM due_rows d
    WHERE d.kind = 'supervision.timers' AND NOT EXISTS (SELECT FROM supervision_flows f WHERE f.id = d.subject_id)
    """,
)

_RENEWALS: tuple[LiteralString, ...] = (
    """
    SELECT o.number AS subject, format('%%s of %%s is supervised', o.order_type, o.delivery_type) AS seen
    FROM supervision_flows f JOIN orders o ON o.id = f.order_id
    WHERE o.order_type <> 'NEW' OR o.delivery_type <> ALL(%(supervised)s)
    """,
)

_EVIDENCE: tuple[LiteralString, ...] = (
    """
    -- What was handed in is what the log says was, byte for byte; what was not is nobody's proof.
    SELECT coalesce(h.number, l.number) AS subject,
           format('%%s: handed in with %%s, logged with %%s', coalesce(h.id, l.id), coalesce(h.told, 'nothing'),
                  coalesce(l.told, 'nothing')) AS seen
    FROM (SELECT e.id, f.order_number AS number, concat_ws(' ', e.act, e.kind, encode(x.sha256, 'hex')) AS told
          FROM supervision_evidence e JOIN supervision_flows f ON f.id = e.flow_id JOIN files x ON x.id = e.file_id
          WHERE e.act IS NOT NULL) h
    FULL JOIN (
          SELECT (p.piece->>'id')::uuid AS id, f.order_number AS number,
                 concat_ws(' ', v.facts->>'act', p.piece->>'kind', p.piece->>'sha256') AS told
          FROM supervision_flows f
          JOIN LATERAL (SELECT entry::jsonb->'facts' AS facts FROM events
                        WHERE subject_kind = 'order' AND subject_id = f.order_id AND kind LIKE 'supervision.%%'
                          AND entry LIKE '%%sha256%%') v ON true
          CROSS JOIN LATERAL jsonb_array_elements(v.facts->'files') AS p (piece)) l ON l.id = h.id
    WHERE h.told IS DISTINCT FROM l.told
    """,
    """
    -- A code is claimed when the log says so, and activated once.
    SELECT f.order_number AS subject, concat_ws(' ', 'claimed', c.claimed_at, 'activated', c.activated_at,
        'claims', v.claims, 'activations', v.activations) AS seen
    FROM supervision_flows f
    LEFT JOIN license_codes c ON c.order_id = f.order_id
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'supervision.code_claimed') AS claims,
               max(at) FILTER (WHERE kind = 'supervision.code_claimed') AS claimed_at,
               count(*) FILTER (WHERE kind = 'supervision.code_activated') AS activations,
               max(at) FILTER (WHERE kind = 'supervision.code_activated') AS activated_at
        FROM events WHERE subject_kind = 'order' AND subject_id = f.order_id
          AND kind IN ('supervision.code_claimed', 'supervision.code_activated')) v
    WHERE (c.id IS NOT NULL) <> (f.delivery_type = 'license_code') OR v.claims > 1 OR v.activations > 1
       OR (c.claimed_at, c.activated_at) IS DISTINCT FROM (v.claimed_at, v.activated_at)
    """,
)

SUPERVISED: tuple[tuple[str, tuple[LiteralString, ...]], ...] = (
    ("paid_out_only_when_accepted", _ACCEPTED),
    ("no_timer_on_frozen_or_finished", _TIMERS),
    ("renewals_open_no_flow", _RENEWALS),
    ("evidence_stays", _EVIDENCE),
)
