-- People, the organisations they act for, and how they sign in.

CREATE TABLE organisations (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('buyer', 'seller', 'platform')),
    name_en    text        NOT NULL CHECK (name_en <> ''),
    name_zh    text        NOT NULL CHECK (name_zh <> ''),
    created_at timestamptz NOT NULL
);
CREATE INDEX organisations_by_name ON organisations USING gin ((lower(name_en || ' ' || name_zh)) gin_trgm_ops);
CREATE INDEX organisations_by_kind ON organisations (kind, id);

CREATE TABLE people (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL CHECK (email = lower(email) AND email LIKE '%_@_%'),
    name          text        NOT NULL CHECK (name <> ''),
    password_hash text        NOT NULL,
    locale        text        CHECK (locale IN ('en', 'zh')),
    timezone      text,
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL,
    CONSTRAINT one_person_per_email UNIQUE (email)
);

CREATE TABLE memberships (
    person_id       uuid NOT NULL REFERENCES people,
    organisation_id uuid NOT NULL REFERENCES organisations,
    role            text NOT NULL CHECK (role IN ('member', 'admin')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (person_id, organisation_id)
);
CREATE INDEX memberships_by_organisation ON memberships (organisation_id, person_id);

CREATE TABLE sessions (
    token_hash      bytea       PRIMARY KEY,
    person_id       uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    user_agent      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    FOREIGN KEY (person_id, organisation_id) REFERENCES memberships ON DELETE CASCADE
);
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the cookie: who reads the database cannot sign in with it.';
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_old ON sessions (expires_at);

CREATE TABLE api_tokens (
    id              uuid        PRIMARY KEY,
    token_hash      bytea       NOT NULL UNIQUE,
    hint            text        NOT NULL,
    person_id       uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    name            text        NOT NULL CHECK (name <> ''),
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    FOREIGN KEY (person_id, organisation_id) REFERENCES memberships ON DELETE CASCADE
);
CREATE INDEX api_tokens_by_person ON api_tokens (person_id, id);

CREATE TABLE sign_in_failures (
    key        text        PRIMARY KEY,
    failures   integer     NOT NULL,
    first_at   timestamptz NOT NULL
);
COMMENT ON TABLE sign_in_failures IS 'Wrong passwords per account and per address since first_at.';
CREATE INDEX sign_in_failures_old ON sign_in_failures (first_at);
