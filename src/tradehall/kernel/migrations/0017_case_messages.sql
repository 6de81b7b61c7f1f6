-- What buyer, seller and platform write to each other inside a supervised order; how whoever is late was pressed; and the
-- steps that orders took, from which statistics are made.

CREATE TABLE case_messages (
    id          uuid        PRIMARY KEY,
    flow_id     uuid        NOT NULL REFERENCES supervision_flows,
    number      integer     NOT NULL CHECK (number > 0),
    side        text        NOT NULL CHECK (side IN ('buyer', 'seller', 'platform')),
    to_buyer    boolean     NOT NULL,
    to_seller   boolean     NOT NULL,
    to_platform boolean     NOT NULL,
    author_id   uuid        NOT NULL,
    author_name text        NOT NULL,
    text        text        NOT NULL CHECK (length(text) <= 5000),
    reply_to    uuid        REFERENCES case_messages,
    created_at  timestamptz NOT NULL,
    CONSTRAINT messages_are_numbered UNIQUE (flow_id, number),
    CHECK (to_buyer OR to_seller OR to_platform),
    CHECK (NOT CASE side WHEN 'buyer' THEN to_buyer WHEN 'seller' THEN to_seller ELSE to_platform END)
);
COMMENT ON TABLE case_messages IS 'Messages inside supervised orders: part of the evidence, so they never change.';
COMMENT ON COLUMN case_messages.to_platform IS 'Written to the platform; it may read all of them.';
CREATE INDEX case_messages_answered ON case_messages (reply_to);

CREATE FUNCTION refuse_message_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a message that was sent never changes';
END $$;
CREATE TRIGGER messages_never_change BEFORE UPDATE OR DELETE ON case_messages
    FOR EACH ROW EXECUTE FUNCTION refuse_message_change();

CREATE TABLE case_receipts (
    message_id      uuid        NOT NULL REFERENCES case_messages,
    side            text        NOT NULL CHECK (side IN ('buyer', 'seller', 'platform')),
    flow_id         uuid        NOT NULL,
    organisation_id uuid,
    from_side       text        NOT NULL,
    mail_at         timestamptz,
    read_at         timestamptz,
    read_by         uuid,
    read_by_name    text,
    PRIMARY KEY (message_id, side),
    CHECK ((organisation_id IS NULL) = (side = 'platform')),
    CHECK ((read_at IS NULL) = (read_by IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE case_receipts IS 'Whom a message was written to, and who of that side read it first.';
COMMENT ON COLUMN case_receipts.organisation_id IS 'Buyer or seller; the platform is one side, whoever of it reads.';
COMMENT ON COLUMN case_receipts.mail_at IS 'When a mail about it goes out; null where an earlier one speaks for it.';
CREATE INDEX case_receipts_unread ON case_receipts (side, organisation_id, flow_id) WHERE read_at IS NULL;
CREATE INDEX case_receipts_of_flow ON case_receipts (flow_id, side, from_side, message_id);

CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'who read a message first, and when, never changes';
END $$;
CREATE TRIGGER receipts_keep_their_reader BEFORE UPDATE ON case_receipts
    FOR EACH ROW WHEN (OLD.read_at IS NOT NULL) EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER receipts_stay BEFORE DELETE ON case_receipts
    FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();

CREATE TABLE case_message_files (
    id         uuid        PRIMARY KEY,
    flow_id    uuid        NOT NULL REFERENCES supervision_flows,
    file_id    uuid        NOT NULL REFERENCES files,
    side       text        NOT NULL CHECK (side IN ('buyer', 'seller', 'platform')),
    message_id uuid        REFERENCES case_messages,
    created_at timestamptz NOT NULL,
    CONSTRAINT a_file_is_sent_once UNIQUE (file_id)
);
COMMENT ON TABLE case_message_files IS 'Files of messages: drafts of a side until they are sent, then never changed.';
CREATE INDEX case_message_files_of_flow ON case_message_files (flow_id, id);
CREATE INDEX case_message_files_of_message ON case_message_files (message_id);

CREATE FUNCTION refuse_sent_file_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.message_id IS NOT NULL THEN
        RAISE EXCEPTION 'a file that was sent never changes';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sent_files_never_change BEFORE UPDATE OR DELETE ON case_message_files
    FOR EACH ROW EXECUTE FUNCTION refuse_sent_file_change();

CREATE TABLE message_templates (
    id              uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    name            text        NOT NULL CHECK (name <> '' AND length(name) <= 60),
    text            text        NOT NULL CHECK (text <> '' AND length(text) <= 2000),
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
COMMENT ON TABLE message_templates IS 'An organisation''s own templates of messages.';
CREATE UNIQUE INDEX message_templates_are_named_apart ON message_templates (organisation_id, lower(name));

CREATE TABLE supervision_pressure (
    flow_id         uuid        PRIMARY KEY REFERENCES supervision_flows,
    entered_at      timestamptz NOT NULL,
    level           integer     NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 4),
    reminded        integer     NOT NULL DEFAULT 0,
    reminded_at     timestamptz,
    urged           integer     NOT NULL DEFAULT 0,
    buyer_urged_at  timestamptz,
    seller_urged_at timestamptz
) WITH (fillfactor = 80);
COMMENT ON TABLE supervision_pressure IS 'How often whoever''s turn it is was reminded of it, and by whom.';
COMMENT ON COLUMN supervision_pressure.entered_at IS 'The turn it is about: a later one begins anew.';

CREATE TABLE supervision_steps (
    flow_id       uuid        NOT NULL,
    seller_id     uuid        NOT NULL,
    delivery_type text        NOT NULL,
    node          text        NOT NULL,
    to_node       text        NOT NULL,
    at            timestamptz NOT NULL,
    seconds       bigint      NOT NULL,
    late          boolean     NOT NULL,
    rejected      boolean     NOT NULL
);
COMMENT ON TABLE supervision_steps IS 'Every step an order took: from which node (empty: it began), after how long, where to.';
COMMENT ON COLUMN supervision_steps.to_node IS 'A node, or "cancelled".';
CREATE INDEX supervision_steps_by_day ON supervision_steps (at, delivery_type, node)
    INCLUDE (to_node, seconds, late, rejected);
CREATE INDEX supervision_steps_of_seller ON supervision_steps (seller_id, at, delivery_type, node)
    INCLUDE (to_node, seconds, late, rejected);

CREATE FUNCTION note_supervision_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := coalesce(NEW.finished_at, NEW.entered_at);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO supervision_steps
        VALUES (NEW.id, NEW.seller_id, NEW.delivery_type, '', NEW.node, NEW.entered_at, 0, false, false);
        RETURN NULL;
    END IF;
    INSERT INTO supervision_steps VALUES (
        NEW.id, NEW.seller_id, NEW.delivery_type, OLD.node,
        CASE NEW.state WHEN 'cancelled' THEN 'cancelled' ELSE NEW.node END, moment,
        greatest(0, extract(epoch FROM moment - OLD.entered_at))::bigint,
        OLD.frozen_at IS NULL AND coalesce(OLD.due_at < moment, false),
        NEW.rejections_by_buyer > OLD.rejections_by_buyer OR NEW.rejections_by_seller > OLD.rejections_by_seller
            OR NEW.rejections_by_platform > OLD.rejections_by_platform);
    RETURN NULL;
END $$;
CREATE TRIGGER flows_note_their_beginning AFTER INSERT ON supervision_flows
    FOR EACH ROW EXECUTE FUNCTION note_supervision_step();
CREATE TRIGGER flows_note_their_steps AFTER UPDATE OF node, state ON supervision_flows
    FOR EACH ROW WHEN (OLD.node IS DISTINCT FROM NEW.node OR OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION note_supervision_step();

CREATE TABLE supervision_days (
    day           date    NOT NULL,
    delivery_type text    NOT NULL,
    node          text    NOT NULL,
    to_node       text    NOT NULL,
    bucket        integer NOT NULL,
    steps         bigint  NOT NULL,
    seconds       bigint  NOT NULL,
    late          bigint  NOT NULL,
    rejected      bigint  NOT NULL,
    PRIMARY KEY (day, delivery_type, node, to_node, bucket)
);
COMMENT ON TABLE supervision_days IS 'The steps of whole days, added up: long periods are read from here.';
COMMENT ON COLUMN supervision_days.bucket IS 'How long they took, as a step of a growing scale (supervision/statistics.py).';

CREATE TABLE supervision_days_until (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    day      date    NOT NULL
);
COMMENT ON TABLE supervision_days_until IS 'The first day that is not yet added up.';

-- Statistics of what is under way read nothing but this.
CREATE INDEX supervision_open ON supervision_flows (seller_id, delivery_type, node, turn, entered_at)
    INCLUDE (due_at, frozen_at, version) WHERE state = 'open';
