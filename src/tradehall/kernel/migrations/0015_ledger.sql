-- The ledger: where the money of every order is, in postings that sum to zero and never change.

CREATE FUNCTION fee_of(base_minor bigint, fee_rate integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT round(base_minor::numeric * fee_rate / 10000)::bigint
$$;
COMMENT ON FUNCTION fee_of IS 'The platform fee on an amount at a rate in basis points, rounded half up to a minor unit.';

CREATE TABLE ledger_postings (
    number                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id                uuid        NOT NULL REFERENCES orders,
    kind                    text        NOT NULL,
    cause                   text        NOT NULL,
    at                      timestamptz NOT NULL,
    buyer_id                uuid        NOT NULL,
    seller_id               uuid        NOT NULL,
    currency                text        NOT NULL,
    fee_rate                integer     NOT NULL,
    releasable_at           timestamptz,
    buyer_minor             bigint      NOT NULL DEFAULT 0,
    platform_vouchers_minor bigint      NOT NULL DEFAULT 0,
    seller_vouchers_minor   bigint      NOT NULL DEFAULT 0,
    escrow_minor            bigint      NOT NULL,
    payable_minor           bigint      NOT NULL DEFAULT 0,
    fee_minor               bigint      NOT NULL DEFAULT 0,
    refunds_minor           bigint      NOT NULL DEFAULT 0,
    CONSTRAINT one_posting_per_order_and_kind UNIQUE (order_id, kind),
    CONSTRAINT a_posting_sums_to_zero CHECK (buyer_minor + platform_vouchers_minor + seller_vouchers_minor
        + escrow_minor + payable_minor + fee_minor + refunds_minor = 0)
);
COMMENT ON TABLE ledger_postings IS 'Append-only. A row is one posting of one order in one currency, its columns named _minor are its lines: what came into an account is positive, what left it negative.';
COMMENT ON COLUMN ledger_postings.number IS 'Grows in the order of writing, with gaps where a transaction came to nothing.';
COMMENT ON COLUMN ledger_postings.kind IS 'paid: into escrow; released: out of it to seller and platform; taken_back: into it again; returned: out of it to the buyer.';
COMMENT ON COLUMN ledger_postings.cause IS 'The kind of the event of this order, at this moment, that it follows from.';
COMMENT ON COLUMN ledger_postings.fee_rate IS 'The platform''s part in basis points, as it was when the order was paid.';
COMMENT ON COLUMN ledger_postings.releasable_at IS 'From when on it may be settled: a renewal from the start of its term.';
COMMENT ON COLUMN ledger_postings.buyer_minor IS 'The buyer''s money that the gateway collected.';
COMMENT ON COLUMN ledger_postings.platform_vouchers_minor IS 'Vouchers that the platform bears.';
COMMENT ON COLUMN ledger_postings.seller_vouchers_minor IS 'Vouchers that the seller bears.';
COMMENT ON COLUMN ledger_postings.escrow_minor IS 'Held by the platform until it is decided whose it is.';
COMMENT ON COLUMN ledger_postings.payable_minor IS 'Owed to the seller.';
COMMENT ON COLUMN ledger_postings.fee_minor IS 'The platform''s fee, or its share of a joint product.';
COMMENT ON COLUMN ledger_postings.refunds_minor IS 'Money that the gateway gave back to the buyer.';
CREATE INDEX ledger_postings_of_seller ON ledger_postings (seller_id, number);
-- Most orders are paid without vouchers, not refunded, and releasable at once: these hold the others alone.
CREATE INDEX ledger_platform_vouchers ON ledger_postings (number) WHERE platform_vouchers_minor <> 0;
CREATE INDEX ledger_seller_vouchers ON ledger_postings (number) WHERE seller_vouchers_minor <> 0;
CREATE INDEX ledger_vouchers_of_seller ON ledger_postings (seller_id, number) WHERE seller_vouchers_minor <> 0;
CREATE INDEX ledger_refunds ON ledger_postings (number) WHERE refunds_minor <> 0;
CREATE INDEX ledger_releasable_later ON ledger_postings (seller_id, releasable_at) WHERE releasable_at > at;

-- What closed postings sum up to. Orders never write here: closing adds, now and then, what has come since.
CREATE TABLE ledger_balances (
    seller_id               uuid   NOT NULL,
    currency                text   NOT NULL,
    buyer_minor             bigint NOT NULL,
    platform_vouchers_minor bigint NOT NULL,
    seller_vouchers_minor   bigint NOT NULL,
    escrow_minor            bigint NOT NULL,
    payable_minor           bigint NOT NULL,
    fee_minor               bigint NOT NULL,
    refunds_minor           bigint NOT NULL,
    paid_minor              bigint NOT NULL,
    returned_minor          bigint NOT NULL,
    PRIMARY KEY (seller_id, currency),
    CONSTRAINT balances_sum_to_zero CHECK (buyer_minor + platform_vouchers_minor + seller_vouchers_minor
        + escrow_minor + payable_minor + fee_minor + refunds_minor = 0)
);
COMMENT ON TABLE ledger_balances IS 'Sums of all postings up to ledger_closing.closed_to.';
COMMENT ON COLUMN ledger_balances.paid_minor IS 'What ever came into escrow by payments.';
COMMENT ON COLUMN ledger_balances.returned_minor IS 'What ever left escrow back to buyers, by the gateway and to vouchers.';

CREATE TABLE ledger_closing (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    closed_to bigint  NOT NULL,
    next_to   bigint  NOT NULL,
    next_xid  xid8    NOT NULL,
    CHECK (closed_to <= next_to)
);
COMMENT ON TABLE ledger_closing IS 'Up to which number postings are in ledger_balances, and up to which they will be.';
COMMENT ON COLUMN ledger_closing.next_xid IS 'Once every transaction before this one is over, no posting up to next_to can appear any more.';
INSERT INTO ledger_closing (closed_to, next_to, next_xid)
VALUES (0, 0, pg_snapshot_xmax(pg_current_snapshot()));

-- The parts of a refund that vouchers had paid, by who bears them: by what each had paid, in whole units that add up.
CREATE FUNCTION vouchers_returned(of_order uuid, share_minor bigint, OUT platform_minor bigint, OUT seller_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(part) FILTER (WHERE issuer_id IS NULL), 0)::bigint,
           coalesce(sum(part) FILTER (WHERE issuer_id IS NOT NULL), 0)::bigint
    FROM (SELECT issuer_id, div(share_minor::numeric * upto, total) - div(share_minor::numeric * (upto - use), total) AS part
          FROM (SELECT v.issuer_id, u.amount_minor AS use, sum(u.amount_minor) OVER (ORDER BY v.id) AS upto,
                       sum(u.amount_minor) OVER () AS total
                FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher_id
                WHERE u.order_id = of_order AND share_minor > 0) used) parts
$$;

-- What was paid, completed and refunded before there was a ledger, at the fees that hold if nothing else is set.
INSERT INTO ledger_postings (order_id, kind, cause, at, buyer_id, seller_id, currency, fee_rate, releasable_at,
                             buyer_minor, platform_vouchers_minor, seller_vouchers_minor, escrow_minor, payable_minor,
                             fee_minor, refunds_minor)
WITH known AS (
    SELECT o.id, o.buyer_id, o.seller_id, y.currency, y.created_at AS paid_at, y.amount_minor AS total,
           y.amount_minor - y.voucher_minor AS money, u.platform, u.seller,
           CASE p.product_class WHEN 'joint' THEN 3000 ELSE 500 END AS rate, o.completed_at,
           greatest(o.completed_at, l.starts_at) AS releasable_at, r.refunded_at, r.amount_minor AS back,
           r.amount_minor - r.voucher_minor - r.lost_minor AS money_back, b.platform_minor AS platform_back,
           b.seller_minor AS seller_back,
           y.amount_minor - r.amount_minor - (u.seller - b.seller_minor) AS kept
    FROM payments y
    JOIN orders o ON o.id = y.order_id
    JOIN order_lines l ON l.order_id = o.id
    JOIN products p ON p.id = o.product_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.amount_minor) FILTER (WHERE v.issuer_id IS NULL), 0)::bigint AS platform,
               coalesce(sum(s.amount_minor) FILTER (WHERE v.issuer_id IS NOT NULL), 0)::bigint AS seller
        FROM voucher_uses s JOIN vouchers v ON v.id = s.voucher_id WHERE s.order_id = o.id) u
    LEFT JOIN refunds r ON r.order_id = o.id AND r.state = 'refunded' AND r.amount_minor > 0
    CROSS JOIN LATERAL vouchers_returned(o.id, r.voucher_minor + r.lost_minor) b
    WHERE y.amount_minor > 0
), postings AS (
    SELECT id, 1 AS place, 'paid' AS kind, 'order.paid' AS cause, paid_at AS at, NULL::timestamptz AS releasable_at,
           -money AS a_buyer, -platform AS a_platform, -seller AS a_seller, total AS a_escrow, 0::bigint AS a_payable,
           0::bigint AS a_fee, 0::bigint AS a_refunds
    FROM known
    UNION ALL
    SELECT id, 2, 'released', 'order.completed', completed_at, releasable_at, 0, 0, seller, -total,
           total - seller - fee_of(total - seller, rate), fee_of(total - seller, rate), 0
    FROM known WHERE completed_at IS NOT NULL
    UNION ALL
    SELECT id, 3, 'taken_back', 'order.refunded', refunded_at, releasable_at, 0, 0, -seller_back, back,
           kept - fee_of(kept, rate) - (total - seller - fee_of(total - seller, rate)),
           fee_of(kept, rate) - fee_of(total - seller, rate), 0
    FROM known WHERE completed_at IS NOT NULL AND refunded_at IS NOT NULL
    UNION ALL
    SELECT id, 4, 'returned', 'order.refunded', refunded_at, NULL, 0, platform_back, seller_back, -back, 0, 0,
           money_back
    FROM known WHERE refunded_at IS NOT NULL
    UNION ALL
    SELECT id, 5, 'released', 'order.refunded', refunded_at, refunded_at, 0, 0, seller - seller_back, back - total,
           kept - fee_of(kept, rate), fee_of(kept, rate), 0
    FROM known WHERE completed_at IS NULL AND back < total
)
SELECT w.id, w.kind, w.cause, w.at, k.buyer_id, k.seller_id, k.currency, k.rate, w.releasable_at, w.a_buyer,
       w.a_platform, w.a_seller, w.a_escrow, w.a_payable, w.a_fee, w.a_refunds
FROM postings w JOIN known k USING (id) ORDER BY w.at, w.id, w.place;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END $$;
CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Asked when the transaction ends: events are the last that is written in one. What a row has to look like is asked here
-- too, where it costs nothing more; as CHECKs these conditions are read and planned anew by every statement.
CREATE FUNCTION refuse_unsound_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE NEW.kind
        WHEN 'paid' THEN NEW.escrow_minor > 0 AND NEW.buyer_minor <= 0 AND NEW.platform_vouchers_minor <= 0
            AND NEW.seller_vouchers_minor <= 0 AND NEW.payable_minor = 0 AND NEW.fee_minor = 0 AND NEW.refunds_minor = 0
        WHEN 'released' THEN NEW.escrow_minor < 0 AND NEW.payable_minor >= 0 AND NEW.fee_minor >= 0
            AND NEW.seller_vouchers_minor >= 0 AND NEW.buyer_minor = 0 AND NEW.platform_vouchers_minor = 0
            AND NEW.refunds_minor = 0
        WHEN 'taken_back' THEN NEW.escrow_minor > 0 AND NEW.payable_minor <= 0 AND NEW.fee_minor <= 0
            AND NEW.seller_vouchers_minor <= 0 AND NEW.buyer_minor = 0 AND NEW.platform_vouchers_minor = 0
            AND NEW.refunds_minor = 0
        WHEN 'returned' THEN NEW.escrow_minor < 0 AND NEW.refunds_minor >= 0 AND NEW.platform_vouchers_minor >= 0
            AND NEW.seller_vouchers_minor >= 0 AND NEW.buyer_minor = 0 AND NEW.payable_minor = 0 AND NEW.fee_minor = 0
        ELSE false END)
        OR (NEW.kind IN ('released', 'taken_back')) <> (NEW.releasable_at IS NOT NULL)
        OR NEW.fee_rate NOT BETWEEN 0 AND 10000
    THEN
        RAISE EXCEPTION 'posting % does not move what its kind (%) says', NEW.number, NEW.kind
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (CASE NEW.kind WHEN 'paid' THEN NEW.cause = 'order.paid'
                         WHEN 'released' THEN NEW.cause IN ('order.completed', 'order.refunded')
                         ELSE NEW.cause = 'order.refunded' END)
       OR NOT EXISTS (SELECT FROM events WHERE subject_kind = 'order' AND subject_id = NEW.order_id
                      AND kind = NEW.cause AND at = NEW.at)
    THEN
        RAISE EXCEPTION 'posting % (%) of order % belongs to no event', NEW.number, NEW.kind, NEW.order_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_posting_is_sound AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsound_posting();
