-- What every room stands on: the journal, rows that wait, idempotency keys, a sandbox's clock.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE events (
    subject_kind text        NOT NULL,
    subject_id   uuid        NOT NULL,
    seq          integer     NOT NULL CHECK (seq > 0),
    kind         text        NOT NULL,
    at           timestamptz NOT NULL,
    entry        text        NOT NULL,
    hash         bytea       NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, seq)
);
COMMENT ON TABLE events IS 'Append-only: every change, chained by hash within its subject.';
COMMENT ON COLUMN events.entry IS 'Canonical JSON, kept as text because the hash is over its very bytes.';

CREATE TABLE journal_heads (
    subject_kind text    NOT NULL,
    subject_id   uuid    NOT NULL,
    seq          integer NOT NULL,
    hash         bytea   NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE journal_heads IS 'The last entry of every chain: serialises its writers and shows when entries were cut off.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END $$;

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Writes events in order, each at the end of its subject's chain, whose head is locked and moved on.
CREATE FUNCTION append_events(
    subject_kinds text[], subject_ids uuid[], kinds text[], moments timestamptz[], entries text[], signed text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head record;
BEGIN
    FOR i IN 1..array_length(kinds, 1) LOOP
        INSERT INTO journal_heads AS h (subject_kind, subject_id, seq, hash)
        VALUES (subject_kinds[i], subject_ids[i], 1, sha256(convert_to('1' || E'\n' || signed[i], 'UTF8')))
        ON CONFLICT (subject_kind, subject_id) DO UPDATE
            SET seq = h.seq + 1,
                hash = sha256(h.hash || convert_to((h.seq + 1)::text || E'\n' || signed[i], 'UTF8'))
        RETURNING h.seq, h.hash INTO head;
        INSERT INTO events (subject_kind, subject_id, seq, kind, at, entry, hash)
        VALUES (subject_kinds[i], subject_ids[i], head.seq, kinds[i], moments[i], entries[i], head.hash);
    END LOOP;
END $$;

CREATE TABLE due_rows (
    id           uuid        PRIMARY KEY,
    kind         text        NOT NULL,
    subject_id   uuid        NOT NULL,
    due_at       timestamptz NOT NULL,
    leased_until timestamptz,
    attempts     integer     NOT NULL DEFAULT 0,
    last_error   text,
    parked_at    timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT one_row_per_kind_and_subject UNIQUE (kind, subject_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE due_rows IS 'Work that waits for its moment. Carried out: deleted in the same transaction. Failing again and again: parked.';
COMMENT ON COLUMN due_rows.leased_until IS 'In the database''s own time, not the sandbox''s.';
CREATE INDEX due_rows_next ON due_rows (due_at) WHERE parked_at IS NULL;
CREATE INDEX due_rows_parked ON due_rows (parked_at) WHERE parked_at IS NOT NULL;

CREATE TABLE idempotency_keys (
    owner_id    uuid        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      bytea,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE INDEX idempotency_keys_old ON idempotency_keys (created_at);

CREATE TABLE installation (
    only_row     boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    mode         text     NOT NULL CHECK (mode IN ('production', 'sandbox')),
    clock_offset interval NOT NULL DEFAULT '0',
    CONSTRAINT a_production_clock_never_moves CHECK (mode = 'sandbox' OR clock_offset = '0')
);
COMMENT ON TABLE installation IS 'What this database was made for; a sandbox never becomes a production installation.';
