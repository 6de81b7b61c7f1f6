-- Instances, and the calls made to sellers: one table is the queue, the retry schedule and the message log.

CREATE TABLE instances (
    id                 uuid        PRIMARY KEY,
    order_id           uuid        NOT NULL REFERENCES orders,
    order_line_id      uuid        NOT NULL REFERENCES order_lines,
    buyer_id           uuid        NOT NULL,
    seller_id          uuid        NOT NULL,
    product_id         uuid        NOT NULL,
    endpoint_id        uuid        NOT NULL REFERENCES endpoints,
    months             integer     CHECK (months > 0),
    state              text        NOT NULL CHECK (state IN ('opening', 'running', 'failed', 'released')),
    seller_instance_id text        CHECK (length(seller_instance_id) BETWEEN 1 AND 64),
    outcome_unknown    boolean     NOT NULL DEFAULT false,
    front_end_url      text,
    admin_url          text,
    user_name          text,
    password           bytea,
    memo               text,
    details_at         timestamptz,
    opened_at          timestamptz,
    expires_at         timestamptz,
    closed_at          timestamptz,
    created_at         timestamptz NOT NULL,
    CONSTRAINT one_instance_per_line UNIQUE (order_line_id),
    CONSTRAINT an_open_instance_is_known_to_the_seller CHECK (state <> 'running' OR seller_instance_id IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON COLUMN instances.months IS 'For how many calendar months it was bought; null when not by the period.';
COMMENT ON COLUMN instances.seller_instance_id IS 'The seller''s instanceId: opaque, any characters, the first one ever answered.';
COMMENT ON COLUMN instances.outcome_unknown IS 'Some call may have created the instance although no answer said so.';
CREATE INDEX instances_of_order ON instances (order_id);
CREATE INDEX instances_of_buyer ON instances (buyer_id, id);
CREATE INDEX instances_of_seller ON instances (seller_id, id);

CREATE TABLE seller_calls (
    id             uuid        PRIMARY KEY,
    seller_id      uuid        NOT NULL,
    endpoint_id    uuid        NOT NULL REFERENCES endpoints,
    activity       text        NOT NULL
        CHECK (activity IN ('newInstance', 'queryInstance', 'releaseInstance', 'orderNotify')),
    purpose        text        NOT NULL CHECK (purpose IN ('open', 'await_opening', 'details', 'release', 'notify')),
    lane           uuid        NOT NULL,
    place          bigint      GENERATED ALWAYS AS IDENTITY,
    order_id       uuid        NOT NULL,
    order_number   text        COLLATE "C" NOT NULL,
    line_number    text        NOT NULL,
    instance_id    uuid        REFERENCES instances,
    parameters     jsonb       NOT NULL DEFAULT '{}',
    state          text        NOT NULL
        CHECK (state IN ('queued', 'waiting', 'running', 'succeeded', 'failed', 'cancelled')),
    due_at         timestamptz NOT NULL,
    window_ends_at timestamptz NOT NULL,
    attempts       integer     NOT NULL DEFAULT 0,
    first_sent     integer,
    worker         uuid,
    leased_until   timestamptz,
    verdict        text,
    result_code    text,
    trouble        text,
    last_attempt_at timestamptz,
    settled_at     timestamptz,
    request_id     text        NOT NULL,
    created_at     timestamptz NOT NULL,
    CHECK ((state = 'running') = (worker IS NOT NULL AND leased_until IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (settled_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN seller_calls.lane IS 'Calls of one lane go out strictly one after the other: an instance''s, or one notification''s own.';
COMMENT ON COLUMN seller_calls.first_sent IS 'The first try that may have reached the seller; null while none has.';
COMMENT ON COLUMN seller_calls.place IS 'The order within a lane; ids made in the same millisecond do not tell.';
COMMENT ON COLUMN seller_calls.leased_until IS 'In the database''s own time, not the sandbox''s.';

-- The head of a lane is waiting or running; all behind it are queued. The order is a fact of the database.
CREATE UNIQUE INDEX one_head_per_lane ON seller_calls (lane) WHERE state IN ('waiting', 'running');
CREATE INDEX seller_calls_queued ON seller_calls (lane, place) WHERE state = 'queued';
CREATE INDEX seller_calls_waiting ON seller_calls (seller_id, due_at) WHERE state = 'waiting';
CREATE INDEX seller_calls_due ON seller_calls (due_at) WHERE state = 'waiting';
CREATE INDEX seller_calls_running ON seller_calls (seller_id) WHERE state = 'running';
CREATE INDEX seller_calls_leases ON seller_calls (leased_until) WHERE state = 'running';
CREATE INDEX seller_calls_of_seller ON seller_calls (seller_id, id);
CREATE INDEX seller_calls_of_order ON seller_calls (order_id, id);
-- What a seller or an operator looks for among millions: the failing, and the rarer interfaces. A call that succeeds at
-- once never enters these.
CREATE INDEX seller_calls_troubled ON seller_calls (seller_id, id)
    WHERE state = 'failed' OR (state = 'waiting' AND attempts > 0 AND verdict <> 'in_progress');
CREATE INDEX seller_calls_all_troubled ON seller_calls (id)
    WHERE state = 'failed' OR (state = 'waiting' AND attempts > 0 AND verdict <> 'in_progress');
CREATE INDEX seller_calls_rarer ON seller_calls (seller_id, activity, id)
    WHERE activity IN ('releaseInstance', 'orderNotify');

CREATE TABLE call_attempts (
    call_id          uuid        NOT NULL REFERENCES seller_calls,
    number           integer     NOT NULL,
    seller_id        uuid        NOT NULL,
    activity         text        NOT NULL,
    started_at       timestamptz NOT NULL,
    milliseconds     real,
    url              text,
    request_body     text,
    status           integer,
    response_headers jsonb,
    response_body    text,
    truncated        boolean     NOT NULL DEFAULT false,
    verdict          text        NOT NULL
        CHECK (verdict IN ('success', 'in_progress', 'refused', 'unreadable', 'unreachable', 'timed_out', 'interrupted')),
    result_code      text,
    trouble          text,
    message          text,
    warnings         text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (call_id, number)
);
COMMENT ON COLUMN call_attempts.verdict IS 'interrupted: the worker died with the call under way, and what the seller did is unknown.';
CREATE INDEX call_attempts_recent ON call_attempts (seller_id, activity, started_at);

-- Hands out due calls: to any one seller never more at once than its cap, over all workers; a call whose worker has
-- been silent past its lease goes back to waiting first, its lost attempt on record.
CREATE FUNCTION claim_seller_calls(p_worker uuid, p_now timestamptz, p_room integer, p_cap integer, p_lease interval)
RETURNS SETOF seller_calls LANGUAGE plpgsql ROWS 8 AS $$
DECLARE
    seller record;
    free   integer;
    taken  integer;
    room   integer := p_room;
BEGIN
    -- A claim that a crash of the database undoes is simply made again, so nobody waits for it to reach the disk.
    PERFORM set_config('synchronous_commit', 'off', true);

    -- Instances are locked before calls, as everybody does; where someone else is busy, the next claim sees to it.
    WITH silent AS MATERIALIZED (
        SELECT c.id, c.instance_id FROM seller_calls c
        WHERE c.state = 'running' AND c.leased_until < clock_timestamp()
        ORDER BY c.leased_until LIMIT p_room
    ), held AS MATERIALIZED (
        SELECT i.id FROM instances i WHERE i.id IN (SELECT instance_id FROM silent)
        ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED
    ), lost AS (
        UPDATE seller_calls c SET state = 'waiting', worker = NULL, leased_until = NULL, due_at = p_now,
               first_sent = coalesce(c.first_sent, c.attempts)
        WHERE c.id IN (
            SELECT r.id FROM seller_calls r JOIN silent USING (id)
            WHERE r.state = 'running' AND r.leased_until < clock_timestamp()
              AND (r.instance_id IS NULL OR r.instance_id IN (SELECT id FROM held))
            FOR UPDATE OF r SKIP LOCKED
        )
        RETURNING c.*
    ), opening AS (
        UPDATE instances i SET outcome_unknown = true
        FROM lost WHERE i.id = lost.instance_id AND lost.activity = 'newInstance' AND NOT i.outcome_unknown
    )
    INSERT INTO call_attempts (call_id, number, seller_id, activity, started_at, verdict)
    SELECT id, attempts, seller_id, activity, last_attempt_at, 'interrupted' FROM lost
    ON CONFLICT DO NOTHING;

    FOR seller IN
        -- From seller to seller through the index, without walking a dead seller's thousands of waiting calls.
        WITH RECURSIVE hop AS (
            (SELECT c.seller_id FROM seller_calls c WHERE c.state = 'waiting' ORDER BY c.seller_id LIMIT 1)
            UNION ALL
            SELECT (SELECT c.seller_id FROM seller_calls c
                    WHERE c.state = 'waiting' AND c.seller_id > hop.seller_id ORDER BY c.seller_id LIMIT 1)
            FROM hop WHERE hop.seller_id IS NOT NULL
        )
        SELECT hop.seller_id AS id FROM hop
        WHERE hop.seller_id IS NOT NULL AND EXISTS (
            SELECT FROM seller_calls c
            WHERE c.state = 'waiting' AND c.seller_id = hop.seller_id AND c.due_at <= p_now)
        ORDER BY random()
    LOOP
        EXIT WHEN room <= 0;
        -- One worker at a time claims for a seller, or two could each see the same free places.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended(seller.id::text, 7));
        SELECT p_cap - count(*) INTO free FROM seller_calls c WHERE c.seller_id = seller.id AND c.state = 'running';
        IF free > 0 THEN
            RETURN QUERY
            UPDATE seller_calls c
            SET state = 'running', worker = p_worker, leased_until = clock_timestamp() + p_lease,
                attempts = c.attempts + 1, last_attempt_at = p_now,
                -- A window counts from the first try: workers that were away must not cost a seller its tries.
                window_ends_at = CASE WHEN c.attempts = 0 AND c.purpose <> 'await_opening'
                                      THEN p_now + (c.window_ends_at - c.created_at) ELSE c.window_ends_at END
            WHERE c.id IN (
                SELECT w.id FROM seller_calls w
                WHERE w.state = 'waiting' AND w.seller_id = seller.id AND w.due_at <= p_now
                ORDER BY w.due_at LIMIT least(free, room) FOR UPDATE SKIP LOCKED
            )
            RETURNING c.*;
            GET DIAGNOSTICS taken = ROW_COUNT;
            room := room - taken;
        END IF;
    END LOOP;
END $$;

-- Records a try and moves its call on: to p_state, or back to waiting until p_due_at. What a query learned of the
-- instance is stored, and the next call of the lane moves up. False when another worker has taken the call over: the
-- try is on record, yet the call was not this worker's to move. One statement, because every call ends with it. What can
-- simply be asked again need not be durable the moment it is written.
CREATE FUNCTION conclude_seller_call(
    p_call uuid, p_number integer, p_lane uuid, p_instance uuid, p_now timestamptz, p_state text,
    p_due_at timestamptz, p_sent boolean, p_attempt jsonb, p_details jsonb, p_durable boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT p_durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;

    -- Whoever changes a lane holds its instance.
    PERFORM FROM instances WHERE id = p_instance FOR NO KEY UPDATE;

    -- A try declared lost whose answer arrives after all: the record is put right.
    INSERT INTO call_attempts SELECT t.* FROM jsonb_populate_record(NULL::call_attempts, p_attempt) t
    ON CONFLICT (call_id, number) DO UPDATE SET
        milliseconds = excluded.milliseconds, url = excluded.url, request_body = excluded.request_body,
        status = excluded.status, response_headers = excluded.response_headers,
        response_body = excluded.response_body, truncated = excluded.truncated, verdict = excluded.verdict,
        result_code = excluded.result_code, trouble = excluded.trouble, message = excluded.message,
        warnings = excluded.warnings;

    UPDATE seller_calls
    SET state = p_state, due_at = coalesce(p_due_at, due_at), worker = NULL, leased_until = NULL,
        settled_at = CASE WHEN p_due_at IS NULL THEN p_now END,
        verdict = p_attempt->>'verdict', result_code = p_attempt->>'result_code', trouble = p_attempt->>'trouble',
        first_sent = CASE WHEN p_sent THEN coalesce(first_sent, p_number) ELSE first_sent END
    WHERE id = p_call AND state = 'running' AND attempts = p_number;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF p_details IS NOT NULL THEN
        UPDATE instances SET
            front_end_url = p_details->>'front_end_url', admin_url = p_details->>'admin_url',
            user_name = p_details->>'user_name', password = decode(p_details->>'password', 'base64'),
            memo = p_details->>'memo', details_at = p_now
        WHERE id = p_instance;
    END IF;

    IF p_due_at IS NULL THEN
        UPDATE seller_calls SET state = 'waiting'
        WHERE id = (SELECT id FROM seller_calls WHERE lane = p_lane AND state = 'queued' ORDER BY place LIMIT 1);
        IF FOUND THEN
            PERFORM pg_notify('seller_call', '');
        END IF;
    END IF;
    RETURN true;
END $$;
