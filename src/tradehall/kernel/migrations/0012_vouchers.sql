-- Cash vouchers that pay for orders, and the track a buyer belongs to.

ALTER TABLE organisations
    ADD COLUMN track text CHECK (track IN ('empowerment', 'base')),
    ADD CONSTRAINT only_buyers_are_in_a_track CHECK (track IS NULL OR kind = 'buyer');
COMMENT ON COLUMN organisations.track IS 'The sales scene a buyer belongs to; null: none.';

CREATE TABLE vouchers (
    id              uuid        PRIMARY KEY,
    code            text        COLLATE "C" NOT NULL CHECK (code ~ '^[0-9A-Z]{16}$'),
    issuer_id       uuid        REFERENCES organisations,
    name_en         text        NOT NULL CHECK (name_en <> ''),
    name_zh         text        NOT NULL CHECK (name_zh <> ''),
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    remaining_minor bigint      NOT NULL,
    currency        text        NOT NULL,
    scene           text        CHECK (scene IN ('empowerment', 'base')),
    buyer_id        uuid        NOT NULL REFERENCES organisations,
    seller_id       uuid        REFERENCES organisations,
    valid_from      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL REFERENCES people,
    created_at      timestamptz NOT NULL,
    CONSTRAINT one_voucher_per_code UNIQUE (code),
    CONSTRAINT a_voucher_is_never_overspent CHECK (remaining_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT sellers_pay_for_their_own_products CHECK (issuer_id IS NULL OR seller_id = issuer_id),
    CHECK (valid_from < expires_at)
) WITH (fillfactor = 80);
COMMENT ON TABLE vouchers IS 'Money a buyer was given to spend here: in part or whole, on any number of orders, until it expires.';
COMMENT ON COLUMN vouchers.issuer_id IS 'The seller who bears it; null: the marketplace does.';
COMMENT ON COLUMN vouchers.scene IS 'The sales scene that an order paid with it belongs to; null: it says nothing of that.';
COMMENT ON COLUMN vouchers.seller_id IS 'Whose products it pays for; null: everybody''s.';
-- Ids are UUIDv7 of created_at, so newest first is by id.
CREATE INDEX vouchers_of_buyer ON vouchers (buyer_id, id);
CREATE INDEX vouchers_of_buyer_to_spend ON vouchers (buyer_id, expires_at) WHERE remaining_minor > 0;
CREATE INDEX vouchers_to_spend ON vouchers (id) WHERE remaining_minor > 0;
CREATE INDEX vouchers_spent ON vouchers (id) WHERE remaining_minor = 0;
CREATE INDEX vouchers_by_issuer ON vouchers (issuer_id);
CREATE INDEX vouchers_by_seller ON vouchers (seller_id);
CREATE INDEX vouchers_by_creator ON vouchers (created_by);

CREATE TABLE voucher_uses (
    id             uuid        PRIMARY KEY,
    voucher_id     uuid        NOT NULL REFERENCES vouchers,
    order_id       uuid        NOT NULL REFERENCES orders,
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    returned_minor bigint      NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL,
    CONSTRAINT a_voucher_pays_for_an_order_once UNIQUE (voucher_id, order_id),
    CHECK (returned_minor BETWEEN 0 AND amount_minor)
);
COMMENT ON TABLE voucher_uses IS 'What of a voucher paid for an order, and what of that came back to it with a refund.';
CREATE INDEX voucher_uses_of_order ON voucher_uses (order_id);

ALTER TABLE payments
    ADD COLUMN voucher_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT vouchers_pay_no_more_than_all CHECK (voucher_minor BETWEEN 0 AND amount_minor);
COMMENT ON COLUMN payments.voucher_minor IS 'What vouchers paid of the amount; the gateway collected the rest.';

ALTER TABLE refunds
    ADD COLUMN voucher_minor bigint NOT NULL DEFAULT 0 CHECK (voucher_minor >= 0),
    ADD COLUMN lost_minor    bigint NOT NULL DEFAULT 0 CHECK (lost_minor >= 0),
    ADD CONSTRAINT a_refund_is_the_sum_of_its_parts CHECK (voucher_minor + lost_minor <= amount_minor);
COMMENT ON COLUMN refunds.voucher_minor IS 'What of the amount came back to vouchers; known once it is refunded.';
COMMENT ON COLUMN refunds.lost_minor IS 'What of the amount vouchers had paid that have expired since; the gateway gave back the rest.';
