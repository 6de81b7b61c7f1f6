-- Keys with which the installation signs case files.

CREATE TABLE signing_keys (
    id          uuid        PRIMARY KEY,
    public_key  bytea       NOT NULL UNIQUE CHECK (length(public_key) = 32),
    private_key bytea,
    created_at  timestamptz NOT NULL,
    retired_at  timestamptz,
    CHECK ((retired_at IS NULL) = (private_key IS NOT NULL))
);
COMMENT ON TABLE signing_keys IS 'Ed25519 keys that sign case files: one current, and those before it, which stay known.';
COMMENT ON COLUMN signing_keys.private_key IS 'Sealed; destroyed when the key is retired.';
CREATE UNIQUE INDEX one_signing_key_is_current ON signing_keys ((true)) WHERE retired_at IS NULL;
