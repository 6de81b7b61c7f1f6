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
        WHEN f.state = 'cancelled' THEN o.state = 'cancelled' AND s.id IS NULL AND r.reason = o.cancel_reason
            AND (r.amount_minor = o.total_minor OR o.cancel_reason IN ('refund_agreed', 'appeal_decided'))
            AND o.cancel_reason IN ('not_accepted', 'refund_agreed', 'appeal_decided')
        ELSE false END
    """,
)

_TIMERS: tuple[LiteralString, ...] = (
    """
    -- An order has one due row, at the earliest of what runs: its own timers unless it is frozen, and those of its
    -- disputes that are not paused. What is frozen, paused or finished has none.
    SELECT f.order_number AS subject, concat_ws(' ', f.state, CASE WHEN f.frozen_at IS NOT NULL THEN 'frozen' END,
        'timers', f.timers::text, 'due', coalesce(d.due_at::text, 'never'), 'disputes', p.first_at) AS seen
    FROM supervision_flows f
    LEFT JOIN due_rows d ON d.kind = 'supervision.timers' AND d.subject_id = f.id
    CROSS JOIN LATERAL (
        SELECT min(t.value::timestamptz) AS first_at FROM disputes x CROSS JOIN jsonb_each_text(x.timers) t
        WHERE x.flow_id = f.id) p
    WHERE d.parked_at IS NULL AND d.last_error IS NULL AND NOT (
        (f.timers = '{}' OR f.state = 'open' AND f.frozen_at IS NULL)
        AND (p.first_at IS NULL OR f.state = 'open')
        AND d.due_at IS NOT DISTINCT FROM least(
            (SELECT min(t.value::timestamptz) FROM jsonb_each_text(f.timers) t), p.first_at))
    """,
    """
    SELECT order_number AS subject, format('%%s at %%s has timers', kind, node) AS seen FROM disputes
    WHERE timers <> '{}' AND (finished_at IS NOT NULL OR paused_at IS NOT NULL)
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
                        WHERE subject_kind = 'order' AND subject_id = f.order_id
                          AND split_part(kind, '.', 1) IN ('supervision', 'appeal', 'refund', 'return')
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

_FROZEN: tuple[LiteralString, ...] = (
    """
    SELECT f.order_number AS subject, concat_ws(' ', f.state, CASE WHEN f.frozen_at IS NOT NULL THEN 'frozen' END,
        'appeals', x.appeals, 'refunds', x.refunds, 'paused', x.paused) AS seen
    FROM supervision_flows f
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'appeal') AS appeals, count(*) FILTER (WHERE kind <> 'appeal') AS refunds,
               count(*) FILTER (WHERE paused_at IS NOT NULL) AS paused
        FROM disputes WHERE flow_id = f.id AND finished_at IS NULL) x
    WHERE (f.frozen_at IS NOT NULL) <> (x.appeals + x.refunds > 0)
       OR f.state <> 'open' AND x.appeals + x.refunds > 0
       OR x.appeals > 1 OR x.refunds > 1 OR x.paused <> least(x.appeals, x.refunds)
    """,
)

_TIME_KEPT: tuple[LiteralString, ...] = (
    """
    -- The term stands still from the moment on at which it was frozen or paused, and nothing that runs was lost of it.
    SELECT order_number AS subject, format('frozen at %%s, due at %%s, left are %%s', since, due_at, left_) AS seen
    FROM (SELECT order_number, frozen_at AS since, due_at, timers_left AS left_ FROM supervision_flows
          UNION ALL SELECT order_number, paused_at, due_at, timers_left FROM disputes) t
    WHERE since IS NOT NULL AND (
        (left_->>'due')::numeric IS DISTINCT FROM extract(epoch FROM due_at - since)
        OR EXISTS (SELECT FROM jsonb_each_text(left_) l WHERE l.key = 'lapse' AND l.value <> left_->>'due'))
    """,
)

_MONEY_BACK: tuple[LiteralString, ...] = (
    """
    -- What was granted is what goes back, and nothing else is taken back but by the rule of a year.
    SELECT f.order_number AS subject, concat_ws(' ', f.state, o.cancel_reason, 'granted', x.granted, 'in', x.n,
        'refunds', r.n, 'of', r.sum, 'paid', p.amount_minor) AS seen
    FROM supervision_flows f JOIN orders o ON o.id = f.order_id
    LEFT JOIN payments p ON p.order_id = o.id
    CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(granted_minor), 0) AS granted,
                               string_agg(kind, ' ') AS kinds, bool_or(facts ? 'propose') AS proposed
                        FROM disputes WHERE flow_id = f.id AND outcome = 'refund') x
    CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM refunds
                        WHERE order_id = o.id AND unsubscription_id IS NULL) r
    WHERE x.granted > coalesce(p.amount_minor, 0) OR r.sum > coalesce(p.amount_minor, 0) OR NOT CASE
        WHEN f.state <> 'cancelled' THEN x.n = 0 AND r.n = 0
        WHEN o.cancel_reason = 'not_accepted' THEN x.n = 0 AND r.n = 1
        WHEN o.cancel_reason = 'appeal_decided' THEN x.n = 1 AND r.n = 1 AND r.sum = x.granted AND x.kinds = 'appeal'
        ELSE x.n = 1 AND r.n = 1 AND r.sum = x.granted AND (x.kinds <> 'appeal' OR x.proposed) END
    """,
    """
    -- Ended by a dispute, it ended as that said.
    SELECT d.order_number AS subject, format('%%s ended with %%s, the order is %%s', d.kind, d.outcome, f.state) AS seen
    FROM disputes d JOIN supervision_flows f ON f.id = d.flow_id
    WHERE d.outcome = 'accept' AND f.state <> 'completed' OR d.outcome = 'refund' AND f.state <> 'cancelled'
    """,
)

_IMPARTIAL: tuple[LiteralString, ...] = (
    """
    SELECT f.order_number AS subject, format('%%s by a member of a side', v.kind) AS seen
    FROM supervision_flows f
    JOIN events v ON v.subject_kind = 'order' AND v.subject_id = f.order_id
     AND split_part(v.kind, '.', 1) IN ('appeal', 'refund', 'return')
    CROSS JOIN LATERAL (SELECT v.entry::jsonb->'actor' AS who) a
    WHERE a.who->>'kind' = 'platform' AND EXISTS (
        SELECT FROM memberships m WHERE m.person_id = (a.who->>'person')::uuid
        AND m.organisation_id IN (f.buyer_id, f.seller_id))
    """,
    """
    SELECT d.order_number AS subject, 'who decided it has confirmed it' AS seen
    FROM disputes d JOIN supervision_flows f ON f.id = d.flow_id
    JOIN events v ON v.subject_kind = 'order' AND v.subject_id = f.order_id AND v.kind = 'appeal.decision_confirmed'
    CROSS JOIN LATERAL (SELECT v.entry::jsonb AS said) e
    WHERE e.said->'facts'->>'dispute' = d.id::text
      AND e.said->'actor'->>'person' IS NOT DISTINCT FROM d.facts->'decision'->>'person'
    """,
)

SUPERVISED: tuple[tuple[str, tuple[LiteralString, ...]], ...] = (
    ("paid_out_only_when_accepted", _ACCEPTED),
    ("no_timer_on_frozen_or_finished", _TIMERS),
    ("renewals_open_no_flow", _RENEWALS),
    ("evidence_stays", _EVIDENCE),
    ("frozen_while_disputed", _FROZEN),
    ("time_kept", _TIME_KEPT),
    ("money_back_as_ruled", _MONEY_BACK),
    ("nobody_judges_their_own", _IMPARTIAL),
)
