-- What people are told: station messages, and which of them go out by mail and SMS.

ALTER TABLE people
    ADD COLUMN phone        text    CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
    ADD COLUMN mail_notices boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN people.phone IS 'As E.164 writes it, +8613800138000. Urgent notices go there by SMS.';
COMMENT ON COLUMN people.mail_notices IS 'Whether notices are sent to the person''s e-mail address, too.';

ALTER TABLE organisations ADD COLUMN account_manager_id uuid REFERENCES people;
COMMENT ON COLUMN organisations.account_manager_id IS 'Who of the platform looks after this buyer.';
CREATE INDEX organisations_of_account_manager ON organisations (account_manager_id);

CREATE TABLE notices (
    id              uuid        PRIMARY KEY,
    person_id       uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    kind            text        NOT NULL,
    order_number    text        COLLATE "C",
    link            text        NOT NULL CHECK (link ~ '^/[^/]'),
    facts           jsonb       NOT NULL,
    urgent          boolean     NOT NULL,
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    FOREIGN KEY (person_id, organisation_id) REFERENCES memberships ON DELETE CASCADE
) WITH (fillfactor = 90);
COMMENT ON TABLE notices IS 'Station messages: a row per person told. The words are chosen when it is read, in the reader''s language.';
COMMENT ON COLUMN notices.facts IS 'What the words of this kind are filled in with.';
CREATE INDEX notices_of_person ON notices (person_id, organisation_id, id);
CREATE INDEX notices_unread ON notices (person_id, organisation_id, id) WHERE read_at IS NULL;
CREATE INDEX notices_by_kind ON notices (person_id, organisation_id, kind, id);

CREATE TABLE notice_sendings (
    id           uuid        PRIMARY KEY,
    notice_id    uuid        NOT NULL REFERENCES notices ON DELETE CASCADE,
    channel      text        NOT NULL CHECK (channel IN ('mail', 'sms')),
    address      text        NOT NULL CHECK (address <> ''),
    state        text        NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    due_at       timestamptz NOT NULL,
    give_up_at   timestamptz NOT NULL,
    leased_until timestamptz,
    attempts     integer     NOT NULL DEFAULT 0,
    last_error   text,
    reference    text,
    created_at   timestamptz NOT NULL,
    sent_at      timestamptz,
    CONSTRAINT once_each_way UNIQUE (notice_id, channel),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE notice_sendings IS 'Mails and SMS, each sent at least once; the row is the queue.';
COMMENT ON COLUMN notice_sendings.leased_until IS 'In the database''s own time, not the sandbox''s.';
COMMENT ON COLUMN notice_sendings.reference IS 'What the receiving server said when it took it.';
CREATE INDEX notice_sendings_due ON notice_sendings (due_at) WHERE state = 'waiting';
CREATE INDEX notice_sendings_by_state ON notice_sendings (state, id) WHERE state <> 'sent';
