"""The statements by which `supervised.py` fills a marketplace, each for thousands of orders at once."""

from typing import LiteralString

PREPARED: LiteralString = """
    CREATE TEMP TABLE ways (way int PRIMARY KEY, delivery_type text, version int, fate text, place int, many int,
                            node text, turn text, steps int);
    CREATE TEMP TABLE way_steps (way int, n int, node text, to_node text, verb text, event text, side text);
    CREATE INDEX ON way_steps (way);
    CREATE TEMP TABLE procedures (kind text, place int, many int, node text, turn text);
    CREATE TEMP TABLE offers AS
        SELECT row_number() OVER (PARTITION BY p.seller_id ORDER BY p.id) AS place,
               count(*) OVER (PARTITION BY p.seller_id) AS many,
               dense_rank() OVER (ORDER BY p.seller_id <> %(seller)s, p.seller_id) - 1 AS seller_place,
               p.seller_id, p.id AS product, p.delivery_type, k.id AS sku, c.id AS price, p.name_en, p.name_zh,
               k.name_en AS sku_en, k.name_zh AS sku_zh, c.amount_minor AS amount
        FROM products p JOIN skus k ON k.product_id = p.id JOIN prices c ON c.sku_id = k.id
        WHERE p.delivery_type <> 'saas';
    CREATE TEMP TABLE buyers AS
        SELECT row_number() OVER (ORDER BY o.id <> %(buyer)s, o.id = %(small)s, o.id) - 1 AS place, o.id
        FROM organisations o WHERE o.kind = 'buyer';
    CREATE TEMP TABLE persons AS
        SELECT DISTINCT ON (organisation_id) organisation_id, person_id, p.name
        FROM memberships m JOIN people p ON p.id = m.person_id ORDER BY organisation_id, person_id;
    CREATE INDEX ON persons (organisation_id);
    ANALYZE offers; ANALYZE buyers; ANALYZE persons;
    CREATE TEMP TABLE made (
        id uuid, flow uuid, number text, at timestamptz, paid_at timestamptz, course interval, way int, steps int,
        fate text, node text, turn text, version int, delivery_type text, buyer uuid, seller uuid, product uuid,
        sku uuid, price uuid, name_en text, name_zh text, sku_en text, sku_zh text, amount bigint,
        entered_at timestamptz, due_at timestamptz, frozen_at timestamptz, finished_at timestamptz, voucher bigint,
        dispute uuid, dispute_kind text, disputed_at timestamptz, chance float8, draw float8);
    -- The hash of an entry, given the one before.
    CREATE FUNCTION pg_temp.linked(before bytea, seq bigint, signed text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS
        $$ BEGIN RETURN sha256(before || convert_to(seq || E'\\n' || signed, 'UTF8')); END $$;
    CREATE AGGREGATE pg_temp.chained (bigint, text) (SFUNC = pg_temp.linked, STYPE = bytea, INITCOND = '');
"""

DRAWN: LiteralString = """
    INSERT INTO made
    WITH drawn AS MATERIALIZED (
        SELECT %(begin)s::timestamptz + (%(span)s::interval * ((i + random()) / %(total)s)) AS at, random() AS a,
               random() AS b, random() AS c, random() AS d, random() AS chance, random() AS draw, random() AS e,
               random() AS f, 1 + floor(3 * random() * random())::int AS times,
               CASE WHEN random() < %(big_seller)s THEN 0
                    ELSE 1 + floor(%(sellers)s * random() * random())::int END AS seller_place,
               CASE WHEN i %% %(small_each)s = 7 THEN %(buyers)s - 1 WHEN random() < %(big_buyer)s THEN 0
                    ELSE 1 + floor((%(buyers)s - 2) * random() * random())::int END AS buyer_place
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i
    ), fated AS MATERIALIZED (
        SELECT drawn.*, b.id AS buyer, o.*, extract(epoch FROM %(now)s::timestamptz - drawn.at) / 86400 AS age,
               CASE WHEN drawn.a < greatest(0.004, 0.85 * exp(extract(epoch FROM drawn.at - %(now)s) / 86400 / 25))
                    THEN 'open' WHEN drawn.b < 0.04 THEN 'cancelled' ELSE 'completed' END AS fate
        FROM drawn JOIN buyers b ON b.place = drawn.buyer_place
        JOIN offers o ON o.seller_place = drawn.seller_place AND o.place = 1 + floor(o.many * drawn.c)::int
    ), walked AS (
        SELECT f.*, w.way, w.steps, w.node, w.turn, w.version, interval '1 day' * CASE f.fate
                   WHEN 'open' THEN f.age * (0.4 + 0.6 * f.e) ELSE least(f.age * 0.95, 2 + 38 * f.e) END AS course
        FROM fated f JOIN ways w ON w.delivery_type = f.delivery_type AND w.fate = f.fate
            AND w.place = 1 + floor(w.many * f.d)::int
    )
    SELECT pg_temp.v7(at), pg_temp.v7(at), next_order_number(at), at, at, course, way, steps, fate, node, turn,
           version, delivery_type, buyer, seller_id, product, sku, price, name_en, name_zh, sku_en, sku_zh,
           amount * times,
           at + course, at + course + interval '1 day' * (2 + 28 * f),
           CASE WHEN fate = 'open' AND chance < 0.07 THEN at + course + (%(now)s - at - course) * f END,
           CASE WHEN fate <> 'open' THEN at + course END,
           CASE WHEN draw < 0.05 THEN (amount * times * e)::bigint + 1 ELSE 0 END,
           CASE WHEN chance < 0.07 THEN pg_temp.v7(CASE fate WHEN 'open' THEN at + course + (%(now)s - at - course) * f
                                                             ELSE at + course * 0.7 END) END,
           CASE WHEN chance < 0.03 THEN 'appeal' WHEN delivery_type = 'hardware' AND chance < 0.06 THEN 'return'
                ELSE 'refund' END,
           CASE fate WHEN 'open' THEN at + course + (%(now)s - at - course) * f ELSE at + course * 0.7 END, chance, draw
    FROM walked
"""

# What follows from what was drawn, table by table.
WRITTEN: tuple[LiteralString, ...] = (
    """
    INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                        total_minor, request_id, created_at, expires_at, paid_at, completed_at, cancelled_at,
                        cancel_reason, delivery_type)
    SELECT m.id, m.number, 'NEW', m.buyer, m.seller, p.person_id, m.product,
           CASE m.fate WHEN 'open' THEN 'processing' ELSE m.fate END, 'CNY', m.amount, 'bench', m.at,
           m.at + interval '7 days', m.paid_at, CASE WHEN m.fate = 'completed' THEN m.finished_at END,
           CASE WHEN m.fate = 'cancelled' THEN m.finished_at END,
           CASE WHEN m.fate = 'cancelled' THEN 'refund_agreed' END, m.delivery_type
    FROM made m JOIN persons p ON p.organisation_id = m.buyer
    """,
    """
    INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en, product_name_zh,
                             sku_name_en, sku_name_zh, charging_mode, quantity, unit_minor, total_minor)
    SELECT pg_temp.v7(at), id, seller, number || '-000001', sku, price, name_en, name_zh, sku_en, sku_zh, 'ONE_TIME', 1,
           amount, amount FROM made
    """,
    """
    INSERT INTO payments (id, order_id, gateway, reference, amount_minor, currency, paid_by, created_at, voucher_minor)
    SELECT pg_temp.v7(m.at), m.id, 'test', 'TP' || m.number, m.amount, 'CNY', p.person_id, m.paid_at, m.voucher
    FROM made m JOIN persons p ON p.organisation_id = m.buyer
    """,
    """
    INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, reference, created_at,
                         refunded_at, voucher_minor)
    SELECT pg_temp.v7(finished_at), id, next_order_number(finished_at), 'refund_agreed', amount, 'CNY', 'refunded',
           'TR' || number, finished_at, finished_at, voucher FROM made WHERE fate = 'cancelled'
    """,
    """
    INSERT INTO vouchers (id, code, issuer_id, name_en, name_zh, amount_minor, remaining_minor, currency, scene,
                          buyer_id, seller_id, valid_from, expires_at, created_by, created_at)
    SELECT m.id, 'V' || upper(substr(md5(m.number), 1, 15)), CASE WHEN m.draw < 0.02 THEN m.seller END, 'Voucher',
           '代金券', m.voucher + 5000, CASE WHEN m.fate = 'cancelled' THEN m.voucher + 5000
                                          WHEN m.draw < 0.035 THEN 5000 ELSE 0 END, 'CNY', NULL, m.buyer,
           CASE WHEN m.draw < 0.02 THEN m.seller END, m.at - interval '30 days', m.at + interval '1 year', p.person_id,
           m.at - interval '30 days'
    FROM made m JOIN persons p ON p.organisation_id = m.buyer WHERE m.voucher > 0
    """,
    """
    INSERT INTO voucher_uses (id, voucher_id, order_id, amount_minor, returned_minor, created_at)
    SELECT pg_temp.v7(at), id, id, voucher, CASE WHEN fate = 'cancelled' THEN voucher ELSE 0 END, paid_at
    FROM made WHERE voucher > 0
    """,
    """
    INSERT INTO supervision_flows (id, order_id, order_number, buyer_id, seller_id, product_id, delivery_type, version,
                                   product_class, rule, reviewed, node, turn, state, asks_requirement, delivery_days,
                                   entered_at, due_at, frozen_at, timers, timers_left, acts, facts, opened_at,
                                   finished_at, begins_at)
    SELECT flow, id, number, buyer, seller, product, delivery_type, version, 'common', 'seller_defined', false, node,
           turn, CASE fate WHEN 'open' THEN 'open' ELSE fate END, true, 30, entered_at, due_at, frozen_at,
           CASE WHEN fate = 'open' AND frozen_at IS NULL THEN jsonb_build_object('remind', due_at) ELSE '{}' END,
           CASE WHEN frozen_at IS NOT NULL THEN '{"due": 100000}'::jsonb END, steps,
           jsonb_build_object('submit_requirement', jsonb_build_object('requirement', repeat('What is needed. ', 12))),
           paid_at, finished_at, CASE WHEN fate = 'completed' THEN finished_at END
    FROM made
    """,
    """
    INSERT INTO supervision_steps (flow_id, seller_id, delivery_type, node, to_node, at, seconds, late, rejected)
    SELECT flow, seller, delivery_type, '', coalesce((SELECT s.node FROM way_steps s WHERE s.way = m.way AND s.n = 1),
                                                     node), paid_at, 0, false, false
    FROM made m
    UNION ALL
    SELECT m.flow, m.seller, m.delivery_type, s.node, s.to_node, m.paid_at + m.course * s.n / greatest(m.steps, 1),
           extract(epoch FROM m.course / m.steps)::bigint, m.chance > 0.8, s.verb LIKE 'reject%%'
    FROM made m JOIN way_steps s ON s.way = m.way
    UNION ALL
    SELECT flow, seller, delivery_type, node, 'cancelled', finished_at, 3600, false, false
    FROM made WHERE fate = 'cancelled'
    """,
    """
    INSERT INTO disputes (id, flow_id, order_number, buyer_id, seller_id, kind, opened_by, opener_id, node, turn,
                          outcome, amount_minor, granted_minor, currency, entered_at, due_at, facts, opened_at,
                          finished_at)
    SELECT m.dispute, m.flow, m.number, m.buyer, m.seller, m.dispute_kind, 'buyer', p.person_id,
           CASE WHEN m.fate = 'open' THEN d.node ELSE 'closed' END, CASE WHEN m.fate = 'open' THEN d.turn ELSE '' END,
           CASE m.fate WHEN 'open' THEN NULL WHEN 'cancelled' THEN 'refund'
                ELSE (ARRAY['resume', 'withdrawn', 'redeliver', 'refused'])[1 + floor(4 * m.draw)::int] END, m.amount,
           CASE WHEN m.fate = 'cancelled' THEN m.amount END, 'CNY', m.disputed_at,
           CASE WHEN m.fate = 'open' THEN m.disputed_at + interval '1 day' * (3 + 10 * m.draw) END,
           '{"decision": {"outcome": "resume", "amount_minor": null, "person": ""}}', m.disputed_at,
           CASE WHEN m.fate <> 'open' THEN m.disputed_at + (m.finished_at - m.disputed_at) * 0.9 END
    FROM made m JOIN persons p ON p.organisation_id = m.buyer
    JOIN procedures d ON d.kind = m.dispute_kind AND d.place = floor(m.draw * d.many)
    WHERE m.dispute IS NOT NULL
    """,
    """
    INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
    SELECT gen_random_uuid(), 'supervision.timers', flow, greatest(due_at, %(now)s + interval '1 hour'), at
    FROM made WHERE fate = 'open' AND frozen_at IS NULL
    """,
    """
    INSERT INTO supervision_pressure (flow_id, entered_at, level, reminded, reminded_at)
    SELECT flow, entered_at, 2, 1, due_at FROM made WHERE fate = 'open' AND due_at < %(now)s
    """,
    # Two files for whatever the seller hands over.
    """
    WITH handed AS MATERIALIZED (
        SELECT gen_random_uuid() AS file, pg_temp.v7(moment) AS piece, m.flow, m.seller, p.person_id, s.verb, s.n,
               moment
        FROM made m JOIN way_steps s ON s.way = m.way AND s.side = 'seller'
        JOIN persons p ON p.organisation_id = m.seller
        CROSS JOIN LATERAL (SELECT m.paid_at + m.course * s.n / m.steps AS moment) t, generate_series(1, 2)
        WHERE s.verb NOT LIKE 'reject%%' AND s.verb NOT LIKE 'confirm%%'
    ), stored AS (
        INSERT INTO files (id, owner_id, uploaded_by, name, media_type, size, sha256, storage_key, created_at)
        SELECT file, seller, person_id, 'delivery proof.png', 'image/png', 81234, sha256(file::text::bytea),
               'bench/' || file, moment FROM handed
    )
    INSERT INTO supervision_evidence (id, flow_id, file_id, side, verb, kind, act, created_at)
    SELECT piece, flow, file, 'seller', verb, 'screenshots', n, moment FROM handed
    """,
    # A quarter of all orders is talked about, in up to twelve messages; of the last of them some are unread.
    """
    WITH said AS MATERIALIZED (
        SELECT pg_temp.v7(m.paid_at + (coalesce(m.finished_at, %(now)s) - m.paid_at) * n / 13) AS id, m.flow, n,
               CASE WHEN n %% 2 = 1 THEN 'buyer' ELSE 'seller' END AS side, m.buyer, m.seller,
               n = 1 + floor(12 * m.draw * m.draw)::int AND m.fate = 'open' AND m.chance < 0.5 AS unread,
               m.paid_at + (coalesce(m.finished_at, %(now)s) - m.paid_at) * n / 13 AS at
        FROM made m, generate_series(1, 1 + floor(12 * m.draw * m.draw)::int) n WHERE m.chance < 0.25 OR m.chance > 0.97
    ), written AS (
        INSERT INTO case_messages (id, flow_id, number, side, to_buyer, to_seller, to_platform, author_id, author_name,
                                   text, created_at)
        SELECT s.id, s.flow, s.n, s.side, s.side = 'seller', s.side = 'buyer', s.n = 3, p.person_id, p.name,
               'When do you think this can be seen to? ' || s.n, s.at
        FROM said s JOIN persons p ON p.organisation_id = CASE s.side WHEN 'buyer' THEN s.buyer ELSE s.seller END
    )
    INSERT INTO case_receipts (message_id, side, flow_id, organisation_id, from_side, read_at, read_by, read_by_name)
    SELECT s.id, r.side, s.flow, r.organisation, s.side, CASE WHEN NOT s.unread THEN s.at END,
           CASE WHEN NOT s.unread THEN s.id END, CASE WHEN NOT s.unread THEN 'Somebody' END
    FROM said s CROSS JOIN LATERAL (VALUES
        ('buyer', s.buyer, s.side = 'seller'), ('seller', s.seller, s.side = 'buyer'), ('platform', NULL, s.n = 3)
    ) AS r (side, organisation, wanted) WHERE r.wanted
    """,
    """
    INSERT INTO reviews (id, order_id, product_id, buyer_id, seller_id, state, rating, text, named, submission,
                         written_by, written_at, created_at, decided_by, decided_at, answer, answered_by, answered_at,
                         answer_version, reason)
    SELECT r.id, m.id, m.product, m.buyer, m.seller, r.state, 1 + floor(5 * sqrt(m.draw))::int,
           repeat('It does what it says. ', 8), false, r.id, p.person_id, r.at, r.at,
           CASE WHEN r.state <> 'waiting' THEN %(operator)s::uuid END, CASE WHEN r.state <> 'waiting' THEN r.at END,
           CASE WHEN r.answered THEN 'Thank you.' END, CASE WHEN r.answered THEN p.person_id END,
           CASE WHEN r.answered THEN r.at END, r.answered::int, CASE WHEN r.state = 'rejected' THEN 'Rude.' END
    FROM made m JOIN persons p ON p.organisation_id = m.buyer CROSS JOIN LATERAL (
        SELECT pg_temp.v7(m.finished_at + interval '1 day') AS id, m.finished_at + interval '1 day' AS at,
               s.state, s.state = 'published' AND m.draw < 0.6 AS answered
        FROM (SELECT CASE WHEN m.finished_at > %(now)s - interval '3 days' THEN 'waiting'
                          WHEN m.draw > 0.97 THEN 'rejected' ELSE 'published' END AS state) s) r
    WHERE m.fate = 'completed' AND m.chance BETWEEN 0.3 AND 0.5
    """,
    # Each side is told of each turn, and of the end.
    """
    INSERT INTO notices (id, person_id, organisation_id, kind, order_number, link, facts, urgent, created_at, read_at)
    SELECT pg_temp.v7(t.at), t.person_id, t.organisation_id, t.kind, t.number, '/orders/' || t.number,
           '{"node": "acceptance"}', false, t.at, CASE WHEN t.at < %(now)s - interval '20 days' THEN t.at END
    FROM (
        SELECT p.person_id, p.organisation_id, 'turn' AS kind, m.number,
               m.paid_at + m.course * s.n / greatest(m.steps, 1) AS at
        FROM made m JOIN way_steps s ON s.way = m.way
        JOIN persons p ON p.organisation_id = CASE s.side WHEN 'buyer' THEN m.seller ELSE m.buyer END
        UNION ALL
        SELECT p.person_id, p.organisation_id, 'accepted', m.number, m.finished_at
        FROM made m JOIN persons p ON p.organisation_id IN (m.buyer, m.seller) WHERE m.fate = 'completed'
        UNION ALL
        SELECT %(operator)s, %(platform)s, 'appeal_to_decide', m.number, m.disputed_at
        FROM made m WHERE m.dispute IS NOT NULL AND m.dispute_kind = 'appeal'
    ) t WHERE t.at > %(now)s - interval '1 year'
    """,
    # The log, chained as the journal chains it.
    """
    WITH happened AS (
        SELECT id, 0 AS n, 'order.placed' AS kind, at, 'buyer' AS side, '{}'::json AS facts FROM made
        UNION ALL SELECT id, 1, 'order.paid', paid_at, 'buyer', '{}' FROM made
        UNION ALL SELECT id, 2, 'supervision.opened', paid_at, 'system',
                         json_build_object('flow', flow, 'node', node, 'turn', turn) FROM made
        UNION ALL
        SELECT m.id, 2 + s.n, 'supervision.' || s.event, m.paid_at + m.course * s.n / m.steps, s.side,
               json_build_object('flow', m.flow, 'act', s.n, 'verb', s.verb, 'node', s.node, 'to', s.to_node,
                                 'turn', s.side, 'answers', json_build_object('note', repeat('Done as agreed. ', 6)),
                                 'files', '[]'::json)
        FROM made m JOIN way_steps s ON s.way = m.way
        UNION ALL SELECT id, 50, dispute_kind || '.opened', disputed_at, 'buyer',
                         json_build_object('flow', flow, 'dispute', dispute, 'turn', 'platform')
                  FROM made WHERE dispute IS NOT NULL AND dispute_kind = 'appeal'
        UNION ALL SELECT id, 97, 'order.completed', finished_at, 'system', '{}' FROM made WHERE fate = 'completed'
        UNION ALL SELECT id, 97, 'supervision.cancelled', finished_at, 'system',
                         json_build_object('flow', flow, 'node', node, 'turn', '', 'reason', 'refund_agreed')
                  FROM made WHERE fate = 'cancelled'
        UNION ALL SELECT id, 98, 'order.refunded', finished_at, 'system', '{}' FROM made WHERE fate = 'cancelled'
    ), entered AS (
        SELECT h.id, row_number() OVER (PARTITION BY h.id ORDER BY h.at, h.n) AS seq, h.kind, h.at,
               json_build_object('actor', json_build_object('kind', h.side, 'name', 'Somebody', 'organisation', NULL,
                                 'person', NULL), 'facts', h.facts, 'request_id', 'bench')::text AS entry
        FROM happened h
    ), chained AS MATERIALIZED (
        SELECT id, seq, kind, at, entry,
               pg_temp.chained(seq, kind || E'\\n' || (extract(epoch FROM at) * 1000000)::bigint || E'\\n' || entry)
                   OVER (PARTITION BY id ORDER BY seq) AS hash
        FROM entered
    ), heads AS (
        INSERT INTO journal_heads (subject_kind, subject_id, seq, hash)
        SELECT DISTINCT ON (id) 'order', id, seq, hash FROM chained ORDER BY id, seq DESC
    )
    INSERT INTO events (subject_kind, subject_id, seq, kind, at, entry, hash)
    SELECT 'order', id, seq, kind, at, entry, hash FROM chained ORDER BY id, seq
    """,
)

# Where the money of all orders is, supervised or not, in the order in which it moved.
POSTED: LiteralString = """
    INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate, releasable_at,
                                 buyer_minor, platform_vouchers_minor, seller_vouchers_minor, escrow_minor,
                                 payable_minor, fee_minor, refunds_minor)
    WITH paid AS MATERIALIZED (
        SELECT o.id, o.buyer_id, o.seller_id, o.currency, y.created_at AS paid_at, o.completed_at, r.refunded_at,
               y.amount_minor AS total, y.amount_minor - y.voucher_minor AS money,
               CASE WHEN v.issuer_id IS NULL THEN y.voucher_minor ELSE 0 END AS platform,
               CASE WHEN v.issuer_id IS NULL THEN 0 ELSE y.voucher_minor END AS seller
        FROM payments y JOIN orders o ON o.id = y.order_id LEFT JOIN refunds r ON r.order_id = o.id
        LEFT JOIN vouchers v ON v.id = o.id
    )
    SELECT w.* FROM (
        SELECT id, 'paid', 'order.paid', paid_at AS at, buyer_id, seller_id, currency, 500, NULL::timestamptz, -money,
               -platform, -seller, total, 0::bigint, 0::bigint, 0::bigint FROM paid
        UNION ALL
        SELECT id, 'released', 'order.completed', completed_at, buyer_id, seller_id, currency, 500, completed_at, 0, 0,
               seller, -total, total - seller - fee_of(total - seller, 500), fee_of(total - seller, 500), 0
        FROM paid WHERE completed_at IS NOT NULL
        UNION ALL
        SELECT id, 'returned', 'order.refunded', refunded_at, buyer_id, seller_id, currency, 500, NULL, 0, platform,
               seller, -total, 0, 0, money FROM paid WHERE refunded_at IS NOT NULL
    ) w ORDER BY w.at
"""
RATED: LiteralString = """
    INSERT INTO product_ratings (product_id, seller_id, one, two, three, four, five)
    SELECT product_id, seller_id, count(*) FILTER (WHERE rating = 1), count(*) FILTER (WHERE rating = 2),
           count(*) FILTER (WHERE rating = 3), count(*) FILTER (WHERE rating = 4), count(*) FILTER (WHERE rating = 5)
    FROM reviews WHERE state = 'published' GROUP BY product_id, seller_id
"""
# Small organisations with somebody in each, and what sellers sell that people deliver.
SMALL: LiteralString = """
    WITH made AS (
        INSERT INTO organisations (id, kind, name_en, name_zh, created_at)
        SELECT pg_temp.v7(%(begin)s), kind, kind || ' ' || n, name_zh || n, %(begin)s
        FROM (VALUES ('buyer', '买方', %(buyers)s), ('seller', '卖方', %(sellers)s)) AS k (kind, name_zh, many),
             generate_series(1, many) n
        RETURNING id
    ), everybody AS (
        SELECT id, gen_random_uuid() AS person FROM made
        UNION ALL
        SELECT o.id, gen_random_uuid() FROM organisations o
        WHERE NOT EXISTS (SELECT FROM memberships m WHERE m.organisation_id = o.id)
    ), known AS (
        INSERT INTO people (id, email, name, password_hash, created_at)
        SELECT person, person || '@bench.example', 'Somebody', 'none', %(begin)s FROM everybody
    )
    INSERT INTO memberships (person_id, organisation_id, role, created_at)
    SELECT person, id, 'admin', %(begin)s FROM everybody
"""
GOODS: LiteralString = """
    WITH wanted AS MATERIALIZED (
        SELECT o.id AS seller, t.type, gen_random_uuid() AS product, gen_random_uuid() AS sku,
               row_number() OVER () AS n
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM organisations WHERE kind = 'seller') o
        JOIN unnest(%(types)s::text[]) WITH ORDINALITY AS t (type, place)
            ON o.id = %(seller)s OR (o.place + t.place) %% 4 = 0
    ), goods AS (
        INSERT INTO products (id, seller_id, slug, category, name_en, name_zh, summary_en, summary_zh, description_en,
                              description_zh, state, created_at, delivery_type, released_at)
        SELECT product, seller, 'delivered-' || n, 'services', 'Delivered ' || replace(type, '_', ' ') || ' ' || n,
               '交付' || n, '', '', '', '', 'on_sale', %(begin)s, type, %(begin)s FROM wanted
    ), specifications AS (
        INSERT INTO skus (id, product_id, code, position, name_en, name_zh)
        SELECT sku, product, 'K' || n, 1, 'Standard', '标准版' FROM wanted
    )
    INSERT INTO prices (id, sku_id, code, charging_mode, amount_minor, currency)
    SELECT gen_random_uuid(), sku, 'P' || n, 'ONE_TIME', 10000 + n * 100, 'CNY' FROM wanted
"""
