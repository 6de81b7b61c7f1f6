-- How products are delivered, and the supervision of what people deliver, from requirement to acceptance.

ALTER TABLE products
    ADD COLUMN delivery_type    text        NOT NULL DEFAULT 'saas' CHECK (delivery_type ~ '^[a-z][a-z_]*$'),
    ADD COLUMN product_class    text        NOT NULL DEFAULT 'common'
        CHECK (product_class IN ('common', 'self_service', 'joint')),
    ADD COLUMN asks_requirement boolean     NOT NULL DEFAULT true,
    ADD COLUMN delivery_days    integer     CHECK (delivery_days BETWEEN 1 AND 365),
    ADD COLUMN released_at      timestamptz,
    DROP CONSTRAINT nothing_is_sold_without_an_endpoint,
    ADD CONSTRAINT what_opens_by_itself_is_sold_with_an_endpoint
        CHECK (state <> 'on_sale' OR endpoint_id IS NOT NULL OR delivery_type <> 'saas');
COMMENT ON COLUMN products.delivery_type IS 'How what is sold reaches the buyer; says whether and by which flow that is supervised.';
COMMENT ON COLUMN products.asks_requirement IS 'Whether the flow begins with the buyer''s requirement, where the flow leaves that open.';
COMMENT ON COLUMN products.delivery_days IS 'Within how many calendar days the seller promises to deliver.';
COMMENT ON COLUMN products.released_at IS 'When it first went on sale: from then on it keeps its class and delivery type.';
UPDATE products SET released_at = created_at WHERE state <> 'draft';

CREATE FUNCTION refuse_other_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a product that was released keeps its class and the way it is delivered';
END $$;
CREATE TRIGGER products_keep_their_delivery BEFORE UPDATE OF delivery_type, product_class, released_at ON products
    FOR EACH ROW WHEN (OLD.released_at IS NOT NULL
                       AND (OLD.delivery_type, OLD.product_class, OLD.released_at)
                           IS DISTINCT FROM (NEW.delivery_type, NEW.product_class, NEW.released_at))
    EXECUTE FUNCTION refuse_other_delivery();

CREATE TABLE product_files (
    product_id uuid        NOT NULL REFERENCES products,
    kind       text        NOT NULL CHECK (kind IN ('requirement_template', 'acceptance_template')),
    file_id    uuid        NOT NULL REFERENCES files,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, kind)
);
COMMENT ON TABLE product_files IS 'The templates a seller attached: the requirement a buyer fills in, the standard a delivery is accepted by.';
CREATE INDEX product_files_by_file ON product_files (file_id);

ALTER TABLE orders ADD COLUMN delivery_type text NOT NULL DEFAULT 'saas';
COMMENT ON COLUMN orders.delivery_type IS 'How what was bought is delivered, as it was when the order was placed.';

CREATE TABLE recipients (
    order_id uuid PRIMARY KEY REFERENCES orders,
    name     text NOT NULL CHECK (name <> ''),
    phone    text NOT NULL CHECK (phone <> ''),
    address  text NOT NULL CHECK (address <> '')
);
COMMENT ON TABLE recipients IS 'To whom hardware is sent, as the order form said it.';

ALTER TABLE orders
    ADD COLUMN invoiced_at timestamptz,
    DROP CONSTRAINT orders_cancel_reason_check,
    ADD CONSTRAINT orders_cancel_reason_check
        CHECK (cancel_reason IN ('buyer', 'expired', 'opening_failed', 'renewal_failed', 'change_failed',
                                 'seller_refused', 'payment_declined', 'not_accepted'));
COMMENT ON COLUMN orders.invoiced_at IS 'When the buyer got an invoice; orders of before March 2023 close by it.';
ALTER TABLE refunds
    DROP CONSTRAINT refunds_reason_check,
    ADD CONSTRAINT refunds_reason_check CHECK (reason IN (
        'opening_failed', 'renewal_failed', 'change_failed', 'unsubscribed', 'renewal_cancelled', 'not_accepted'));

-- What people deliver has no seller's server behind it.
ALTER TABLE instances ALTER COLUMN endpoint_id DROP NOT NULL;
ALTER TABLE instances
    DROP CONSTRAINT an_open_instance_is_known_to_the_seller,
    ADD CONSTRAINT an_open_instance_is_known_to_the_seller
        CHECK (state <> 'running' OR seller_instance_id IS NOT NULL OR endpoint_id IS NULL);

CREATE TABLE supervision_flows (
    id                     uuid        PRIMARY KEY,
    order_id               uuid        NOT NULL REFERENCES orders,
    order_number           text        COLLATE "C" NOT NULL,
    buyer_id               uuid        NOT NULL,
    seller_id              uuid        NOT NULL,
    product_id             uuid        NOT NULL,
    delivery_type          text        NOT NULL,
    version                integer     NOT NULL CHECK (version > 0),
    product_class          text        NOT NULL,
    scene                  text        CHECK (scene IN ('empowerment', 'base')),
    rule                   text        NOT NULL CHECK (rule IN ('seller_defined', 'empowerment', 'base')),
    reviewed               boolean     NOT NULL,
    node                   text        NOT NULL,
    turn                   text        NOT NULL CHECK (turn IN ('buyer', 'seller', 'platform', '')),
    state                  text        NOT NULL CHECK (state IN ('open', 'completed', 'cancelled')),
    asks_requirement       boolean     NOT NULL,
    delivery_days          integer     NOT NULL,
    entered_at             timestamptz NOT NULL,
    due_at                 timestamptz,
    frozen_at              timestamptz,
    timers                 jsonb       NOT NULL DEFAULT '{}',
    timers_left            jsonb,
    rejections_by_seller   integer     NOT NULL DEFAULT 0,
    rejections_by_buyer    integer     NOT NULL DEFAULT 0,
    rejections_by_platform integer     NOT NULL DEFAULT 0,
    acts                   integer     NOT NULL DEFAULT 0,
    facts                  jsonb       NOT NULL DEFAULT '{}',
    secrets                bytea,
    opened_at              timestamptz NOT NULL,
    finished_at            timestamptz,
    begins_at              timestamptz,
    CONSTRAINT one_flow_per_order UNIQUE (order_id),
    CHECK ((state = 'open') = (finished_at IS NULL)),
    CHECK ((state = 'open') = (turn <> '')),
    CHECK (state = 'open' OR frozen_at IS NULL),
    CHECK ((frozen_at IS NULL) = (timers_left IS NULL)),
    CHECK (state <> 'open' OR due_at IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE supervision_flows IS 'One per supervised order: at which node it stands, whose turn it is, and by when.';
COMMENT ON COLUMN supervision_flows.reviewed IS 'Whether the platform looks at a delivery before the buyer does.';
COMMENT ON COLUMN supervision_flows.acts IS 'How many times somebody acted: who acts says which state he saw.';
COMMENT ON COLUMN supervision_flows.facts IS 'What was last supplied by each verb, and what became known since: the parcel, the code.';
COMMENT ON COLUMN supervision_flows.secrets IS 'What was supplied of secret things, as sealed JSON.';
COMMENT ON COLUMN supervision_flows.timers IS 'What becomes of it by itself, and when: the earliest is its due row.';
COMMENT ON COLUMN supervision_flows.timers_left IS 'Seconds each timer had left when the flow was frozen.';
COMMENT ON COLUMN supervision_flows.begins_at IS 'The actual start of the service.';
-- Ids are UUIDv7 of the payment, so newest first is by id. Lists of all states are merged from one range of each.
CREATE INDEX supervision_flows_of_buyer ON supervision_flows (buyer_id, state, id);
CREATE INDEX supervision_flows_of_seller ON supervision_flows (seller_id, state, id);
CREATE INDEX supervision_flows_by_state ON supervision_flows (state, id);
CREATE INDEX supervision_flows_of_product ON supervision_flows (product_id, state, id);
CREATE INDEX supervision_types_of_seller ON supervision_flows (seller_id, delivery_type, state, id);
CREATE INDEX supervision_types ON supervision_flows (delivery_type, state, id);
CREATE INDEX supervision_nodes ON supervision_flows (node, id) WHERE state <> 'completed';
CREATE INDEX supervision_flows_by_number ON supervision_flows (order_number);
-- Work queues: whose turn it is, what is due first. What is frozen waits for nobody.
CREATE INDEX supervision_turns_of_buyer ON supervision_flows (buyer_id, turn, due_at, id)
    WHERE state = 'open' AND frozen_at IS NULL;
CREATE INDEX supervision_turns_of_seller ON supervision_flows (seller_id, turn, due_at, id)
    WHERE state = 'open' AND frozen_at IS NULL;
CREATE INDEX supervision_turns ON supervision_flows (turn, due_at, id) WHERE state = 'open' AND frozen_at IS NULL;

CREATE TABLE supervision_evidence (
    id         uuid        PRIMARY KEY,
    flow_id    uuid        NOT NULL REFERENCES supervision_flows,
    file_id    uuid        NOT NULL REFERENCES files,
    side       text        NOT NULL CHECK (side IN ('buyer', 'seller', 'platform')),
    verb       text        NOT NULL,
    kind       text        NOT NULL,
    act        integer,
    created_at timestamptz NOT NULL,
    CONSTRAINT a_file_is_handed_in_once UNIQUE (file_id)
);
COMMENT ON TABLE supervision_evidence IS 'Files handed in for a verb: drafts until the act, then never changed.';
COMMENT ON COLUMN supervision_evidence.act IS 'The number of the act they were handed in with; null while still a draft.';
CREATE INDEX supervision_evidence_of_flow ON supervision_evidence (flow_id, id);

CREATE FUNCTION refuse_evidence_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.act IS NOT NULL THEN
        RAISE EXCEPTION 'evidence that was handed in never changes';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER evidence_never_changes BEFORE UPDATE OR DELETE ON supervision_evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_evidence_change();

CREATE TABLE supervision_drafts (
    flow_id    uuid        NOT NULL REFERENCES supervision_flows,
    side       text        NOT NULL CHECK (side IN ('buyer', 'seller', 'platform')),
    verb       text        NOT NULL,
    answers    jsonb       NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, side, verb)
);
COMMENT ON TABLE supervision_drafts IS 'What somebody has written so far and not yet handed in.';

CREATE TABLE license_codes (
    id           uuid        PRIMARY KEY,
    code         text        NOT NULL UNIQUE CHECK (code LIKE 'PL%'),
    order_id     uuid        NOT NULL REFERENCES orders,
    buyer_id     uuid        NOT NULL,
    seller_id    uuid        NOT NULL,
    issued_at    timestamptz NOT NULL,
    claimed_at   timestamptz,
    activated_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT one_code_per_order UNIQUE (order_id),
    CHECK (activated_at IS NULL OR claimed_at IS NOT NULL)
);
COMMENT ON TABLE license_codes IS 'Authorisation codes: issued with the order, claimed by the buyer, activated once.';
