-- What a buyer has and for how long: subscriptions, and the orders that try, renew, change and end them.

-- What sellers allow.
ALTER TABLE skus ADD COLUMN trial_days integer CHECK (trial_days BETWEEN 3 AND 180);
COMMENT ON COLUMN skus.trial_days IS 'For how many days the specification may be tried before it is bought; null: not at all.';

CREATE TABLE upgrade_rules (
    id          uuid        PRIMARY KEY,
    seller_id   uuid        NOT NULL REFERENCES organisations,
    product_id  uuid        NOT NULL REFERENCES products,
    from_sku_id uuid        NOT NULL REFERENCES skus,
    to_sku_id   uuid        NOT NULL REFERENCES skus,
    step_factor integer     NOT NULL DEFAULT 1 CHECK (step_factor BETWEEN 1 AND 5),
    created_at  timestamptz NOT NULL,
    CONSTRAINT one_upgrade_rule_per_way UNIQUE (from_sku_id, to_sku_id)
);
COMMENT ON TABLE upgrade_rules IS 'Which specification may become which during a term; one and the same: it may only be expanded.';
COMMENT ON COLUMN upgrade_rules.step_factor IS 'Quantities grow by this many of the specification''s own steps.';
CREATE INDEX upgrade_rules_of_product ON upgrade_rules (product_id, id);
CREATE INDEX upgrade_rules_to_sku ON upgrade_rules (to_sku_id);

ALTER TABLE endpoints
    ADD COLUMN generation   text    NOT NULL DEFAULT 'V2' CHECK (generation IN ('V2', 'V1')),
    ADD COLUMN encryption   text    NOT NULL DEFAULT 'AES256' CHECK (encryption IN ('AES256', 'AES128')),
    ADD COLUMN revisions    boolean NOT NULL DEFAULT false,
    ADD COLUMN asks_contact boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN endpoints.generation IS 'Which generation of the protocol the seller''s server speaks.';
COMMENT ON COLUMN endpoints.encryption IS 'V1: how account fields are encrypted on the wire.';
COMMENT ON COLUMN endpoints.revisions IS 'V2: calls carry the instance''s revision, so that one that is late can be told.';
COMMENT ON COLUMN endpoints.asks_contact IS 'V1: newInstance carries the buyer''s e-mail address, encrypted.';

CREATE TABLE subscriptions (
    id             uuid        PRIMARY KEY,
    order_id       uuid        NOT NULL,
    order_line_id  uuid        NOT NULL,
    buyer_id       uuid        NOT NULL,
    seller_id      uuid        NOT NULL,
    product_id     uuid        NOT NULL,
    sku_id         uuid        NOT NULL,
    price_id       uuid        NOT NULL,
    quantity       integer     NOT NULL CHECK (quantity > 0),
    charging_mode  text        NOT NULL,
    unit_minor     bigint      NOT NULL CHECK (unit_minor >= 0),
    trial          boolean     NOT NULL DEFAULT false,
    state          text        NOT NULL CHECK (state IN ('active', 'grace', 'frozen', 'ended')),
    began_at       timestamptz NOT NULL,
    bought_at      timestamptz NOT NULL,
    expires_at     timestamptz,
    frozen_at      timestamptz,
    suspended_at   timestamptz,
    suspended_why  text,
    ended_at       timestamptz,
    end_reason     text CHECK (end_reason IN ('expired', 'unsubscribed')),
    auto_renew_by  uuid        REFERENCES people,
    CONSTRAINT one_subscription_per_line UNIQUE (order_line_id),
    CHECK ((charging_mode = 'PERIOD') = (expires_at IS NOT NULL)),
    CHECK ((state = 'frozen') = (frozen_at IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL AND end_reason IS NOT NULL)),
    CHECK ((suspended_at IS NULL) = (suspended_why IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE subscriptions IS 'What a buyer has, from the moment it was opened; its id is the instance''s.';
COMMENT ON COLUMN subscriptions.unit_minor IS 'What a unit of the present quantity and price was sold for.';
COMMENT ON COLUMN subscriptions.bought_at IS 'When it was last bought anew: the days of the unconditional refund count from here.';
COMMENT ON COLUMN subscriptions.suspended_at IS 'Since when the marketplace has it frozen for a violation, whatever its term.';
COMMENT ON COLUMN subscriptions.auto_renew_by IS 'Who had it renewed automatically; null: it is not.';
CREATE INDEX subscriptions_by_expiry ON subscriptions (buyer_id, expires_at) WHERE state <> 'ended';

ALTER TABLE orders DROP CONSTRAINT orders_order_type_check, DROP CONSTRAINT orders_cancel_reason_check;
ALTER TABLE orders
    ADD CONSTRAINT orders_order_type_check
        CHECK (order_type IN ('NEW', 'TRIAL', 'TRIAL_TO_FORMAL', 'RENEW', 'CHANGE', 'UNSUBSCRIBE')),
    ADD CONSTRAINT orders_cancel_reason_check
        CHECK (cancel_reason IN ('buyer', 'expired', 'opening_failed', 'renewal_failed', 'change_failed',
                                 'seller_refused', 'payment_declined')),
    ADD COLUMN subscription_id uuid REFERENCES subscriptions,
    ADD COLUMN reverses_id     uuid REFERENCES orders,
    ADD COLUMN automatic       boolean NOT NULL DEFAULT false,
    ADD COLUMN check_state     text CHECK (check_state IN ('awaited', 'passed')),
    ADD COLUMN cancel_message  text,
    ADD CONSTRAINT what_is_changed_is_named CHECK ((order_type IN ('NEW', 'TRIAL')) = (subscription_id IS NULL));
COMMENT ON COLUMN orders.subscription_id IS 'What the order is about, unless it is the one that begins it.';
COMMENT ON COLUMN orders.reverses_id IS 'The renewal that an unsubscription takes back before it began.';
COMMENT ON COLUMN orders.check_state IS 'Whether the seller allowed the change that a renewal brings; null where nobody has to ask.';
COMMENT ON COLUMN orders.cancel_message IS 'What the seller said when it refused.';
-- Most orders are new purchases and are found through other indexes.
CREATE INDEX orders_of_buyer_by_type ON orders (buyer_id, order_type, id) WHERE order_type <> 'NEW';
CREATE INDEX orders_of_seller_by_type ON orders (seller_id, order_type, id) WHERE order_type <> 'NEW';
CREATE INDEX orders_by_type ON orders (order_type, id) WHERE order_type <> 'NEW';
CREATE UNIQUE INDEX a_renewal_is_reversed_once ON orders (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX orders_of_subscription ON orders (subscription_id, id) WHERE subscription_id IS NOT NULL;
CREATE UNIQUE INDEX one_open_order_per_subscription ON orders (subscription_id)
    WHERE subscription_id IS NOT NULL AND order_type <> 'UNSUBSCRIBE' AND state IN ('pending_payment', 'processing');
CREATE UNIQUE INDEX a_product_is_tried_once ON orders (buyer_id, product_id)
    WHERE order_type = 'TRIAL' AND state <> 'cancelled';

ALTER TABLE order_lines DROP CONSTRAINT order_lines_period_number_check;
ALTER TABLE order_lines
    ADD CONSTRAINT order_lines_period_type_check CHECK (period_type IN ('day', 'month', 'year')),
    ADD CONSTRAINT order_lines_period_number_check CHECK (period_number BETWEEN 1 AND 2000),
    ADD COLUMN starts_at     timestamptz,
    ADD COLUMN ends_at       timestamptz,
    ADD COLUMN from_sku_id   uuid REFERENCES skus,
    ADD COLUMN from_price_id uuid REFERENCES prices,
    ADD COLUMN from_quantity integer,
    ADD COLUMN from_unit_minor bigint,
    ADD COLUMN reckoning     jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN order_lines.starts_at IS 'The term that a renewal, conversion or change is for; what is opened begins when it is open.';
COMMENT ON COLUMN order_lines.from_sku_id IS 'What the subscription was before this order.';
COMMENT ON COLUMN order_lines.reckoning IS 'How the price came about, step by step.';

CREATE TABLE unsubscribe_chances (
    buyer_id uuid    NOT NULL REFERENCES organisations,
    year     integer NOT NULL,
    number   integer NOT NULL CHECK (number BETWEEN 1 AND 10),
    order_id uuid    NOT NULL REFERENCES orders,
    PRIMARY KEY (buyer_id, year, number)
);
COMMENT ON TABLE unsubscribe_chances IS 'An organisation takes money back without giving a reason ten times a year.';

ALTER TABLE refunds DROP CONSTRAINT refunds_reason_check, DROP CONSTRAINT refunds_number_key;
ALTER TABLE refunds
    ADD CONSTRAINT refunds_reason_check CHECK (reason IN (
        'opening_failed', 'renewal_failed', 'change_failed', 'unsubscribed', 'renewal_cancelled')),
    ADD COLUMN unsubscription_id uuid REFERENCES orders;
COMMENT ON COLUMN refunds.number IS 'On the wire the number of the unsubscription: its order''s, where there is one.';
CREATE INDEX refunds_by_unsubscription ON refunds (unsubscription_id) WHERE unsubscription_id IS NOT NULL;

-- What was opened before there were subscriptions has one from now on, and its life ahead of it.
INSERT INTO subscriptions (id, order_id, order_line_id, buyer_id, seller_id, product_id, sku_id, price_id, quantity,
                           charging_mode, unit_minor, state, began_at, bought_at, expires_at)
SELECT i.id, i.order_id, i.order_line_id, i.buyer_id, i.seller_id, i.product_id, l.sku_id, l.price_id, l.quantity,
       l.charging_mode, l.unit_minor, 'active', i.opened_at, o.paid_at, i.expires_at
FROM instances i JOIN orders o ON o.id = i.order_id JOIN order_lines l ON l.id = i.order_line_id
WHERE i.state = 'running';
INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
SELECT gen_random_uuid(), 'subscription.life', id, expires_at, began_at FROM subscriptions
WHERE expires_at IS NOT NULL;

-- Instances that live on: frozen, released; each change to one has a number of its own.
ALTER TABLE instances DROP CONSTRAINT instances_state_check;
ALTER TABLE instances
    ADD CONSTRAINT instances_state_check
        CHECK (state IN ('opening', 'running', 'frozen', 'ending', 'failed', 'released')),
    DROP COLUMN months,
    DROP COLUMN expires_at,
    ADD COLUMN revision bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN instances.revision IS 'Counts what was asked of the seller for this instance, so that a late call can be told from a newer one.';

ALTER TABLE seller_calls DROP CONSTRAINT seller_calls_activity_check, DROP CONSTRAINT seller_calls_purpose_check;
ALTER TABLE seller_calls
    ADD CONSTRAINT seller_calls_activity_check CHECK (activity IN (
        'newInstance', 'queryInstance', 'refreshInstance', 'updateInstanceStatus', 'releaseInstance', 'upgradeInstance',
        'changeInstanceCheck', 'orderNotify', 'expireInstance', 'upgrade', 'instanceStatus')),
    ADD CONSTRAINT seller_calls_purpose_check CHECK (purpose IN (
        'open', 'await_opening', 'investigate', 'details', 'renew', 'change', 'check', 'freeze', 'unfreeze', 'release',
        'notify')),
    ADD COLUMN revision bigint;
COMMENT ON COLUMN seller_calls.revision IS 'The instance''s revision that this call brings about; null where it changes nothing.';
DROP INDEX seller_calls_rarer;
CREATE INDEX seller_calls_rarer ON seller_calls (seller_id, activity, id)
    WHERE activity NOT IN ('newInstance', 'queryInstance');
CREATE INDEX seller_calls_of_status ON seller_calls (lane, place) WHERE purpose IN ('freeze', 'unfreeze', 'release');
