-- Files that people hand in: what is stored where. The bytes lie in the file store, under storage_key.

CREATE TABLE files (
    id            uuid        PRIMARY KEY,
    owner_id      uuid        NOT NULL,
    uploaded_by   uuid        NOT NULL,
    name          text        NOT NULL CHECK (name <> '' AND length(name) <= 255),
    media_type    text        NOT NULL,
    size          bigint      NOT NULL CHECK (size > 0),
    sha256        bytea       NOT NULL CHECK (length(sha256) = 32),
    storage_key   text        NOT NULL UNIQUE,
    thumbnail_key text,
    created_at    timestamptz NOT NULL
);
COMMENT ON TABLE files IS 'Who handed in what and when; a row never changes.';
COMMENT ON COLUMN files.owner_id IS 'The organisation for which it was handed in.';
CREATE INDEX files_of_owner ON files (owner_id, id);

CREATE FUNCTION refuse_file_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a file that was handed in never changes';
END $$;

CREATE TRIGGER files_never_change BEFORE UPDATE ON files FOR EACH ROW EXECUTE FUNCTION refuse_file_change();
