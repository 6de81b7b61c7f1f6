-- Several access keys per endpoint, so that a seller can change its key while calls go on.

CREATE TABLE access_keys (
    id           uuid        PRIMARY KEY,
    seller_id    uuid        NOT NULL REFERENCES organisations,
    endpoint_id  uuid        NOT NULL REFERENCES endpoints,
    sealed       bytea,
    fingerprint  bytea,
    hint         text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('current', 'overlapping', 'retired')),
    created_at   timestamptz NOT NULL,
    retires_at   timestamptz,
    last_used_at timestamptz,
    CHECK ((state = 'retired') = (sealed IS NULL)),
    CHECK (state <> 'retired' OR fingerprint IS NULL),
    CHECK ((state = 'current') = (retires_at IS NULL))
);
COMMENT ON TABLE access_keys IS 'The keys that a seller''s server checks signatures with; nothing but its last characters is kept of a retired one.';
COMMENT ON COLUMN access_keys.sealed IS 'Sealed with the installation''s secret key, for the endpoint.';
COMMENT ON COLUMN access_keys.fingerprint IS 'Tells, without opening them, whether two of a seller''s keys are the same; null until first compared.';
COMMENT ON COLUMN access_keys.retires_at IS 'Until when calls may be signed with an overlapping key; when a retired one went.';
COMMENT ON COLUMN access_keys.last_used_at IS 'When the seller''s server last accepted it, to the hour.';
CREATE UNIQUE INDEX one_current_access_key ON access_keys (endpoint_id) WHERE state = 'current';
CREATE INDEX access_keys_of_endpoint ON access_keys (endpoint_id, id);
CREATE INDEX access_keys_live ON access_keys (endpoint_id) WHERE state <> 'retired';
CREATE INDEX access_keys_of_seller ON access_keys (seller_id);

INSERT INTO access_keys (id, seller_id, endpoint_id, sealed, hint, state, created_at)
SELECT gen_random_uuid(), seller_id, id, access_key, key_hint, 'current', updated_at FROM endpoints;

ALTER TABLE endpoints DROP COLUMN access_key, DROP COLUMN key_hint;
