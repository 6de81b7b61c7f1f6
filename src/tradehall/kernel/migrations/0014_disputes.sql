-- When it goes wrong: appeals, negotiated refunds and hardware returns; and the calendar their deadlines go by.

CREATE TABLE disputes (
    id            uuid        PRIMARY KEY,
    flow_id       uuid        NOT NULL REFERENCES supervision_flows,
    order_number  text        COLLATE "C" NOT NULL,
    buyer_id      uuid        NOT NULL,
    seller_id     uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('appeal', 'refund', 'return')),
    opened_by     text        NOT NULL CHECK (opened_by IN ('buyer', 'seller')),
    opener_id     uuid        REFERENCES people,
    node          text        NOT NULL,
    turn          text        NOT NULL CHECK (turn IN ('buyer', 'seller', 'platform', 'parties', '')),
    outcome       text        CHECK (outcome IN ('resume', 'redeliver', 'accept', 'refund', 'refused', 'withdrawn',
                                                 'superseded')),
    amount_minor  bigint      CHECK (amount_minor > 0),
    granted_minor bigint      CHECK (granted_minor > 0),
    currency      text        NOT NULL,
    acts          integer     NOT NULL DEFAULT 0,
    entered_at    timestamptz NOT NULL,
    due_at        timestamptz,
    paused_at     timestamptz,
    timers        jsonb       NOT NULL DEFAULT '{}',
    timers_left   jsonb,
    facts         jsonb       NOT NULL DEFAULT '{}',
    opened_at     timestamptz NOT NULL,
    finished_at   timestamptz,
    CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CHECK ((finished_at IS NULL) = (turn <> '')),
    CHECK ((finished_at IS NULL) = (due_at IS NOT NULL)),
    CHECK (finished_at IS NULL OR paused_at IS NULL),
    CHECK ((paused_at IS NULL) = (timers_left IS NULL)),
    CHECK ((granted_minor IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'refund'))
) WITH (fillfactor = 70);
COMMENT ON TABLE disputes IS 'Appeals, refunds and returns of supervised orders. While one is open its order is frozen.';
COMMENT ON COLUMN disputes.amount_minor IS 'What was asked for, in minor units; null where no amount was.';
COMMENT ON COLUMN disputes.granted_minor IS 'What went back to the buyer.';
COMMENT ON COLUMN disputes.paused_at IS 'Since when an appeal goes before this refund or return.';
COMMENT ON COLUMN disputes.timers_left IS 'Seconds each timer had left when it was paused.';
COMMENT ON COLUMN disputes.facts IS 'What was last supplied by each verb, and what became known since.';
CREATE UNIQUE INDEX one_appeal_at_a_time ON disputes (flow_id) WHERE finished_at IS NULL AND kind = 'appeal';
CREATE UNIQUE INDEX one_refund_at_a_time ON disputes (flow_id) WHERE finished_at IS NULL AND kind <> 'appeal';
CREATE INDEX disputes_of_flow ON disputes (flow_id, id);
-- Ids are UUIDv7 of the opening, so newest first is by id.
CREATE INDEX disputes_by_kind ON disputes (kind, id);
CREATE INDEX disputes_of_buyer ON disputes (buyer_id, id);
CREATE INDEX disputes_of_seller ON disputes (seller_id, id);
CREATE INDEX disputes_by_number ON disputes (order_number);
CREATE INDEX disputes_by_opener ON disputes (opener_id);
CREATE INDEX disputes_by_outcome ON disputes (kind, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX disputes_of_outcome ON disputes (outcome, id) WHERE finished_at IS NOT NULL;
-- Work queues: what is due first. What is paused waits for nobody.
CREATE INDEX disputes_due ON disputes (turn, due_at, id) WHERE finished_at IS NULL AND paused_at IS NULL;
CREATE INDEX disputes_open ON disputes (due_at, id) WHERE finished_at IS NULL;
CREATE INDEX disputes_open_of_buyer ON disputes (buyer_id, due_at, id) WHERE finished_at IS NULL;
CREATE INDEX disputes_open_of_seller ON disputes (seller_id, due_at, id) WHERE finished_at IS NULL;

CREATE TABLE calendar_days (
    day     date    PRIMARY KEY,
    working boolean NOT NULL,
    name    text    NOT NULL CHECK (name <> '')
);
COMMENT ON TABLE calendar_days IS 'Days that are not as their weekday says: holidays, and weekend days that are worked.';

ALTER TABLE orders
    DROP CONSTRAINT orders_cancel_reason_check,
    ADD CONSTRAINT orders_cancel_reason_check
        CHECK (cancel_reason IN ('buyer', 'expired', 'opening_failed', 'renewal_failed', 'change_failed',
                                 'seller_refused', 'payment_declined', 'not_accepted', 'refund_agreed',
                                 'appeal_decided'));
ALTER TABLE refunds
    DROP CONSTRAINT refunds_reason_check,
    ADD CONSTRAINT refunds_reason_check CHECK (reason IN (
        'opening_failed', 'renewal_failed', 'change_failed', 'unsubscribed', 'renewal_cancelled', 'not_accepted',
        'refund_agreed', 'appeal_decided'));
-- A refund never returns more than was paid, whoever asks for it.
CREATE FUNCTION refuse_too_large_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.amount_minor > (SELECT amount_minor FROM payments WHERE order_id = NEW.order_id) THEN
        RAISE EXCEPTION 'a refund never returns more than was paid';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refunds_return_no_more_than_was_paid BEFORE INSERT OR UPDATE OF amount_minor ON refunds
    FOR EACH ROW EXECUTE FUNCTION refuse_too_large_refund();
