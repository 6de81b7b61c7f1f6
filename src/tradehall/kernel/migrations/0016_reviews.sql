-- What buyers say of what they bought, and how many stars each product has.

CREATE TABLE reviews (
    id             uuid        PRIMARY KEY,
    order_id       uuid        NOT NULL REFERENCES orders,
    product_id     uuid        NOT NULL REFERENCES products,
    buyer_id       uuid        NOT NULL REFERENCES organisations,
    seller_id      uuid        NOT NULL REFERENCES organisations,
    state          text        NOT NULL CHECK (state IN ('waiting', 'published', 'rejected', 'withdrawn')),
    version        integer     NOT NULL DEFAULT 1 CHECK (version > 0),
    rating         smallint    NOT NULL CHECK (rating BETWEEN 1 AND 5),
    text           text        NOT NULL CHECK (length(text) <= 2000),
    named          boolean     NOT NULL,
    submission     uuid        NOT NULL,
    written_by     uuid        NOT NULL REFERENCES people,
    written_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    decided_by     uuid        REFERENCES people,
    decided_at     timestamptz,
    reason         text        CHECK (length(reason) BETWEEN 1 AND 500),
    answer         text        CHECK (length(answer) BETWEEN 1 AND 2000),
    answer_version integer     NOT NULL DEFAULT 0 CHECK (answer_version >= 0),
    answered_by    uuid        REFERENCES people,
    answered_at    timestamptz,
    CONSTRAINT an_order_is_reviewed_once UNIQUE (order_id),
    CONSTRAINT what_is_rejected_says_why CHECK ((state = 'rejected') = (reason IS NOT NULL)),
    CONSTRAINT what_is_decided_says_by_whom CHECK (
        (state IN ('published', 'rejected')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)),
    CONSTRAINT only_what_is_published_has_an_answer CHECK (answer IS NULL OR state = 'published'),
    CHECK ((answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (answered_by IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE reviews IS 'What a buyer says of an order that is completed: stars and a text, published when the platform has seen it.';
COMMENT ON COLUMN reviews.version IS 'Counts what was written: whoever decides or writes says which version they saw.';
COMMENT ON COLUMN reviews.named IS 'Whether the public reads the buyer''s whole name.';
COMMENT ON COLUMN reviews.submission IS 'UUIDv7 of when it was handed in last: its place among those that wait.';
COMMENT ON COLUMN reviews.answer_version IS 'Counts the seller''s answers, changes and removals; never goes back.';
-- Ids are UUIDv7 of created_at, so newest first is by id.
CREATE INDEX reviews_of_product ON reviews (product_id, state, id);
CREATE INDEX reviews_of_seller ON reviews (seller_id, state, id);
CREATE INDEX reviews_of_seller_by_rating ON reviews (seller_id, rating, id) WHERE state = 'published';
CREATE INDEX reviews_of_seller_unanswered ON reviews (seller_id, id) WHERE state = 'published' AND answer IS NULL;
CREATE INDEX reviews_of_buyer ON reviews (buyer_id, id);
CREATE INDEX reviews_by_state ON reviews (state, id);
CREATE INDEX reviews_waiting ON reviews (submission) WHERE state = 'waiting';

CREATE TABLE product_ratings (
    product_id uuid   PRIMARY KEY REFERENCES products,
    seller_id  uuid   NOT NULL REFERENCES organisations,
    one        bigint NOT NULL DEFAULT 0 CHECK (one >= 0),
    two        bigint NOT NULL DEFAULT 0 CHECK (two >= 0),
    three      bigint NOT NULL DEFAULT 0 CHECK (three >= 0),
    four       bigint NOT NULL DEFAULT 0 CHECK (four >= 0),
    five       bigint NOT NULL DEFAULT 0 CHECK (five >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE product_ratings IS 'How many published reviews of a product give it how many stars.';
CREATE INDEX product_ratings_of_seller ON product_ratings (seller_id, product_id);
