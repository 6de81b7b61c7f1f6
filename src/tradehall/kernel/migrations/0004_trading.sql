-- Orders, their lines, payments and refunds.

CREATE SEQUENCE order_number_seq;

-- CS, the minute in China's time, and five characters that never repeat within sixty million orders: the sequence
-- stepped by a number coprime to 36^5, so that neighbours look unrelated and no retry for a collision is ever needed.
CREATE FUNCTION next_order_number(at timestamptz) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'CS' || to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYMMDDHH24MI')
           || substr(d, (n / 1679616)::int + 1, 1) || substr(d, (n / 46656 % 36)::int + 1, 1)
           || substr(d, (n / 1296 % 36)::int + 1, 1) || substr(d, (n / 36 % 36)::int + 1, 1)
           || substr(d, (n % 36)::int + 1, 1)
    FROM (SELECT (nextval('order_number_seq') * 22695475 + 48213371) % 60466176 AS n,
                 '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' AS d) AS tail
$$;

CREATE TABLE orders (
    id            uuid        PRIMARY KEY,
    number        text        COLLATE "C" NOT NULL,
    order_type    text        NOT NULL CHECK (order_type IN ('NEW')),
    buyer_id      uuid        NOT NULL REFERENCES organisations,
    seller_id     uuid        NOT NULL REFERENCES organisations,
    placed_by     uuid        NOT NULL REFERENCES people,
    product_id    uuid        NOT NULL REFERENCES products,
    state         text        NOT NULL CHECK (state IN ('pending_payment', 'processing', 'completed', 'cancelled')),
    currency      text        NOT NULL,
    total_minor   bigint      NOT NULL CHECK (total_minor >= 0),
    request_id    text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    paid_at       timestamptz,
    completed_at  timestamptz,
    cancelled_at  timestamptz,
    cancel_reason text CHECK (cancel_reason IN ('buyer', 'expired', 'opening_failed')),
    CONSTRAINT one_order_per_number UNIQUE (number),
    CHECK ((state = 'pending_payment') = (paid_at IS NULL AND cancelled_at IS NULL)),
    CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL AND cancel_reason IS NOT NULL))
) WITH (fillfactor = 80);
-- Ids are UUIDv7 of created_at, so "newest first" is "by id" and a span of time is a range of ids; every list is served
-- by one of these. Numbers collate as bytes so that their beginning can be looked up.
CREATE INDEX orders_of_buyer ON orders (buyer_id, id);
CREATE INDEX orders_of_seller ON orders (seller_id, id);
CREATE INDEX orders_of_seller_by_buyer ON orders (seller_id, buyer_id, id);
CREATE INDEX orders_of_product ON orders (product_id, id);
-- Most orders are completed and are found through the indexes above; the others have indexes of their own.
CREATE INDEX orders_of_buyer_by_state ON orders (buyer_id, state, id) WHERE state <> 'completed';
CREATE INDEX orders_of_seller_by_state ON orders (seller_id, state, id) WHERE state <> 'completed';
CREATE INDEX orders_by_state ON orders (state, id) WHERE state <> 'completed';

CREATE TABLE order_lines (
    id              uuid    PRIMARY KEY,
    order_id        uuid    NOT NULL REFERENCES orders,
    seller_id       uuid    NOT NULL,
    number          text    NOT NULL UNIQUE,
    sku_id          uuid    NOT NULL REFERENCES skus,
    price_id        uuid    NOT NULL REFERENCES prices,
    product_name_en text    NOT NULL,
    product_name_zh text    NOT NULL,
    sku_name_en     text    NOT NULL,
    sku_name_zh     text    NOT NULL,
    charging_mode   text    NOT NULL,
    period_type     text,
    period_number   integer CHECK (period_number BETWEEN 1 AND 36),
    quantity        integer NOT NULL CHECK (quantity > 0),
    unit_minor      bigint  NOT NULL,
    total_minor     bigint  NOT NULL CHECK (total_minor >= 0),
    CHECK ((charging_mode = 'PERIOD') = (period_type IS NOT NULL AND period_number IS NOT NULL))
);
COMMENT ON TABLE order_lines IS 'What was bought, with names and prices as they were at that moment.';
CREATE INDEX order_lines_of_order ON order_lines (order_id);

CREATE TABLE payments (
    id           uuid        PRIMARY KEY,
    order_id     uuid        NOT NULL REFERENCES orders,
    gateway      text        NOT NULL,
    reference    text        NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor >= 0),
    currency     text        NOT NULL,
    paid_by      uuid        NOT NULL REFERENCES people,
    created_at   timestamptz NOT NULL,
    CONSTRAINT paying_twice_is_one_payment UNIQUE (order_id)
);

CREATE TABLE refunds (
    id           uuid        PRIMARY KEY,
    order_id     uuid        NOT NULL REFERENCES orders,
    number       text        NOT NULL UNIQUE,
    reason       text        NOT NULL CHECK (reason IN ('opening_failed')),
    amount_minor bigint      NOT NULL CHECK (amount_minor >= 0),
    currency     text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('requested', 'refunded')),
    reference    text,
    created_at   timestamptz NOT NULL,
    refunded_at  timestamptz,
    CONSTRAINT an_order_is_refunded_once UNIQUE (order_id),
    CHECK ((state = 'refunded') = (refunded_at IS NOT NULL AND reference IS NOT NULL))
);
