-- Pairs of access key id and secret (AK/SK) with which sellers sign their calls of the open APIs.

CREATE TABLE api_credentials (
    id              uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    access_key_id   text        COLLATE "C" NOT NULL CHECK (access_key_id ~ '^[A-Z0-9]{20}$'),
    secret          bytea,
    name            text        NOT NULL CHECK (name <> ''),
    created_by      uuid        NOT NULL REFERENCES people,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    CONSTRAINT one_credential_per_access_key_id UNIQUE (access_key_id),
    CHECK ((revoked_at IS NULL) = (secret IS NOT NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE api_credentials IS 'What sellers'' programs sign with; they act for the organisation, whoever made them.';
COMMENT ON COLUMN api_credentials.secret IS 'Sealed with the installation''s secret key, for the row''s id; forgotten when revoked.';
COMMENT ON COLUMN api_credentials.last_used_at IS 'When a call was last signed with it, to the minute.';
CREATE INDEX api_credentials_of_organisation ON api_credentials (organisation_id, id);
CREATE INDEX api_credentials_by_creator ON api_credentials (created_by);

-- What was ordered and never delivered is released under its refund's number, so sellers ask for that as for an order.
CREATE INDEX refunds_by_number ON refunds (number) WHERE unsubscription_id IS NULL;
