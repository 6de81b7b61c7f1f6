-- What is for sale, and the seller's servers that produce it.

CREATE TABLE endpoints (
    id              uuid        PRIMARY KEY,
    seller_id       uuid        NOT NULL REFERENCES organisations,
    interface_class text        NOT NULL CHECK (interface_class IN ('basic', 'general')),
    name            text        NOT NULL CHECK (name <> ''),
    address         text        NOT NULL CHECK (address ~ '^https?://'),
    access_key      bytea       NOT NULL,
    key_hint        text        NOT NULL,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
COMMENT ON TABLE endpoints IS 'A seller''s production interface. Class basic makes instances, class general hears of paid orders.';
COMMENT ON COLUMN endpoints.access_key IS 'Sealed with the installation''s secret key.';
CREATE INDEX endpoints_by_seller ON endpoints (seller_id, id);
CREATE UNIQUE INDEX one_general_endpoint_per_seller ON endpoints (seller_id) WHERE interface_class = 'general';

CREATE TABLE products (
    id             uuid        PRIMARY KEY,
    seller_id      uuid        NOT NULL REFERENCES organisations,
    endpoint_id    uuid        REFERENCES endpoints,
    slug           text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    category       text        NOT NULL,
    name_en        text        NOT NULL CHECK (name_en <> ''),
    name_zh        text        NOT NULL CHECK (name_zh <> ''),
    summary_en     text        NOT NULL,
    summary_zh     text        NOT NULL,
    description_en text        NOT NULL,
    description_zh text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('draft', 'on_sale', 'off_sale')),
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    CONSTRAINT nothing_is_sold_without_an_endpoint CHECK (state <> 'on_sale' OR endpoint_id IS NOT NULL)
);
CREATE INDEX products_by_seller ON products (seller_id, id);
CREATE INDEX products_on_sale ON products (id) WHERE state = 'on_sale';
CREATE INDEX products_by_category ON products (category, id) WHERE state = 'on_sale';
CREATE INDEX products_by_text ON products
    USING gin ((lower(name_en || ' ' || name_zh || ' ' || summary_en || ' ' || summary_zh)) gin_trgm_ops);

CREATE TABLE skus (
    id               uuid    PRIMARY KEY,
    product_id       uuid    NOT NULL REFERENCES products,
    code             text    NOT NULL UNIQUE,
    position         integer NOT NULL,
    name_en          text    NOT NULL CHECK (name_en <> ''),
    name_zh          text    NOT NULL CHECK (name_zh <> ''),
    quantity_name_en text,
    quantity_name_zh text,
    quantity_min     integer NOT NULL DEFAULT 1 CHECK (quantity_min > 0),
    quantity_max     integer NOT NULL DEFAULT 1,
    quantity_step    integer NOT NULL DEFAULT 1 CHECK (quantity_step > 0),
    on_sale          boolean NOT NULL DEFAULT true,
    CHECK (quantity_max >= quantity_min),
    CHECK ((quantity_name_en IS NULL) = (quantity_name_zh IS NULL)),
    CONSTRAINT without_a_quantity_attribute_one_is_sold
        CHECK (quantity_name_en IS NOT NULL OR (quantity_min = 1 AND quantity_max = 1))
);
COMMENT ON TABLE skus IS 'A specification of a product; code is the protocol''s skuCode.';
CREATE INDEX skus_by_product ON skus (product_id, position);

CREATE TABLE prices (
    id            uuid    PRIMARY KEY,
    sku_id        uuid    NOT NULL REFERENCES skus,
    code          text    NOT NULL UNIQUE,
    charging_mode text    NOT NULL CHECK (charging_mode IN ('PERIOD', 'ONE_TIME', 'ON_DEMAND')),
    period_type   text    CHECK (period_type IN ('month', 'year')),
    amount_minor  bigint  NOT NULL CHECK (amount_minor >= 0),
    currency      text    NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    unit_en       text,
    unit_zh       text,
    on_sale       boolean NOT NULL DEFAULT true,
    CHECK ((charging_mode = 'PERIOD') = (period_type IS NOT NULL)),
    CHECK ((charging_mode = 'ON_DEMAND') = (unit_en IS NOT NULL AND unit_zh IS NOT NULL))
);
COMMENT ON TABLE prices IS 'One way to buy a specification; code is the protocol''s productId, one per specification and period.';
CREATE UNIQUE INDEX one_price_per_way_to_buy ON prices (sku_id, charging_mode, coalesce(period_type, ''));
