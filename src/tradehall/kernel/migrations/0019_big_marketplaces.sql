-- What years of supervised orders ask for: statistics of long periods, and searches of a buyer with many.

-- Long periods are read from whole months, a seller's too: in two years of a million orders the days alone
-- come to half a million rows, and the steps of a big seller to as many.

CREATE TABLE supervision_months (
    seller_id     uuid    NOT NULL,
    month         date    NOT NULL,
    delivery_type text    NOT NULL,
    node          text    NOT NULL,
    bucket        integer NOT NULL,
    steps         bigint  NOT NULL,
    seconds       bigint  NOT NULL,
    late          bigint  NOT NULL,
    rejected      bigint  NOT NULL,
    PRIMARY KEY (seller_id, month, delivery_type, node, bucket)
) WITH (fillfactor = 90);
COMMENT ON TABLE supervision_months IS 'How nodes were left, by the month: the days that are added up so far.';
COMMENT ON COLUMN supervision_months.seller_id IS 'Whose orders; all zeros: everybody''s together.';
COMMENT ON COLUMN supervision_months.month IS 'Its first day.';

CREATE TABLE supervision_day_counts (
    seller_id     uuid   NOT NULL,
    day           date   NOT NULL,
    delivery_type text   NOT NULL,
    began         bigint NOT NULL,
    completed     bigint NOT NULL,
    cancelled     bigint NOT NULL,
    PRIMARY KEY (seller_id, day, delivery_type)
);
COMMENT ON TABLE supervision_day_counts IS 'What began and ended on each day that is added up; all zeros: everybody''s together.';

-- The housekeeping adds all days up anew, into these as well; until it has, statistics read the steps themselves.
TRUNCATE supervision_days, supervision_days_until;

-- A buyer looks for what it ordered by the product's name.
CREATE INDEX supervision_products_of_buyer ON supervision_flows (buyer_id, product_id, state, id);
