-- Fairness between sellers: a circuit for each seller's server, which opens when the server does not answer, and a rate.

ALTER TABLE seller_calls
    ADD COLUMN urgent  boolean NOT NULL DEFAULT false,
    ADD COLUMN untried boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN seller_calls.urgent IS 'A person wants it made now, whether or not the server is being called.';
COMMENT ON COLUMN seller_calls.untried IS 'Handed out to be given up without calling: its time was over while the server did not answer.';

CREATE TABLE circuits (
    endpoint_id  uuid        PRIMARY KEY REFERENCES endpoints,
    seller_id    uuid        NOT NULL,
    failed_calls uuid[]      NOT NULL DEFAULT '{}',
    failed_at    timestamptz,
    opened_at    timestamptz,
    probe_at     timestamptz,
    pause        interval,
    probe_call   uuid,
    probe_try    integer,
    closed_at    timestamptz,
    CHECK ((failed_calls = '{}') = (failed_at IS NULL)),
    CHECK (opened_at IS NULL OR failed_at IS NOT NULL),
    CHECK ((opened_at IS NULL) = (probe_at IS NULL) AND (opened_at IS NULL) = (pause IS NULL)),
    CHECK ((probe_call IS NULL) = (probe_try IS NULL) AND (probe_call IS NULL OR opened_at IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE circuits IS 'Of each server that ever failed: the calls in a row it did not answer, and whether it is being called at all.';
COMMENT ON COLUMN circuits.failed_calls IS 'Each call once, however often it was tried: one order alone keeps the pace that the protocol gives it.';
COMMENT ON COLUMN circuits.opened_at IS 'Since when its calls wait, but for a probe; null while they go out.';
COMMENT ON COLUMN circuits.pause IS 'How long after the next probe, should that fail, the one after it goes out.';
COMMENT ON COLUMN circuits.probe_call IS 'The last probe: with probe_try the try that decides, as long as that is under way.';
COMMENT ON COLUMN circuits.closed_at IS 'When it last closed. The window of a call that had to wait until then has been running meanwhile.';
CREATE INDEX circuits_troubled ON circuits (endpoint_id) WHERE failed_calls <> '{}';

CREATE TABLE seller_rates (
    seller_id uuid        PRIMARY KEY,
    ready_at  timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE seller_rates IS 'A bucket of tokens per seller, kept by whoever claims its calls.';
COMMENT ON COLUMN seller_rates.ready_at IS 'From when on the bucket holds a token; those that came in since follow from the rate.';

-- Claims go from server to server, and look for calls that are urgent or whose time is over without reading the others.
DROP INDEX seller_calls_waiting;
DROP INDEX seller_calls_due;
CREATE INDEX seller_calls_waiting ON seller_calls (seller_id, endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX seller_calls_windows ON seller_calls (endpoint_id, window_ends_at) WHERE state = 'waiting';
CREATE INDEX seller_calls_urgent ON seller_calls (endpoint_id, due_at) WHERE state = 'waiting' AND urgent;

-- Every server with calls that wait, and the first moment at which one of them may go out. `held`: only one that is
-- urgent or whose time is over may, or the probe.
CREATE VIEW waiting_servers AS
WITH RECURSIVE hop AS (
    (SELECT c.seller_id, c.endpoint_id FROM seller_calls c WHERE c.state = 'waiting'
     ORDER BY c.seller_id, c.endpoint_id LIMIT 1)
    UNION ALL
    SELECT following.seller_id, following.endpoint_id FROM hop, LATERAL (
        SELECT c.seller_id, c.endpoint_id FROM seller_calls c
        WHERE c.state = 'waiting' AND (c.seller_id, c.endpoint_id) > (hop.seller_id, hop.endpoint_id)
        ORDER BY c.seller_id, c.endpoint_id LIMIT 1
    ) following
)
SELECT hop.seller_id, hop.endpoint_id, coalesce(k.failed_calls <> '{}', false) AS failing, k.opened_at IS NOT NULL AS held,
       k.closed_at,
       CASE WHEN k.opened_at IS NULL THEN greatest(head.due_at, r.ready_at) ELSE least(
           (SELECT min(c.window_ends_at) FROM seller_calls c
            WHERE c.state = 'waiting' AND c.endpoint_id = hop.endpoint_id),
           (SELECT min(c.due_at) FROM seller_calls c
            WHERE c.state = 'waiting' AND c.urgent AND c.endpoint_id = hop.endpoint_id),
           CASE WHEN NOT EXISTS (SELECT FROM seller_calls p WHERE p.id = k.probe_call AND p.state = 'running'
                                 AND p.attempts = k.probe_try)
                THEN greatest(k.probe_at, head.due_at, r.ready_at) END
       ) END AS next_at
FROM hop
CROSS JOIN LATERAL (
    SELECT c.due_at FROM seller_calls c
    WHERE c.state = 'waiting' AND c.seller_id = hop.seller_id AND c.endpoint_id = hop.endpoint_id
    ORDER BY c.due_at LIMIT 1
) head
LEFT JOIN circuits k ON k.endpoint_id = hop.endpoint_id
LEFT JOIN seller_rates r ON r.seller_id = hop.seller_id;

-- Writes an event on a server into the journal, in the very form in which the application writes them.
CREATE FUNCTION note_on_endpoint(p_kind text, p_endpoint uuid, p_now timestamptz, p_request text, p_facts text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    entry text := format(
        '{"actor":{"kind":"system","name":"","organisation":null,"person":null},"facts":%s,"request_id":%s}',
        p_facts, to_json(p_request));
BEGIN
    PERFORM append_events(
        ARRAY['endpoint'], ARRAY[p_endpoint], ARRAY[p_kind], ARRAY[p_now], ARRAY[entry],
        ARRAY[concat_ws(E'\n', p_kind, (extract(epoch FROM p_now) * 1000000)::bigint, entry)]);
END $$;

-- The server answers again: its failures are forgotten, and what waited because of them is due at once.
CREATE FUNCTION close_circuit(p_endpoint uuid, p_now timestamptz, p_request text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    was circuits;
BEGIN
    SELECT * INTO was FROM circuits WHERE endpoint_id = p_endpoint AND failed_calls <> '{}' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE circuits SET failed_calls = '{}', failed_at = NULL, opened_at = NULL, probe_at = NULL, pause = NULL,
        probe_call = NULL, probe_try = NULL,
        closed_at = CASE WHEN was.opened_at IS NULL THEN closed_at ELSE p_now END
    WHERE endpoint_id = p_endpoint;
    IF was.opened_at IS NULL THEN
        RETURN;
    END IF;
    -- What someone else is busy with at this moment is seen to by them.
    UPDATE seller_calls SET due_at = p_now WHERE id IN (
        SELECT c.id FROM seller_calls c
        WHERE c.state = 'waiting' AND c.seller_id = was.seller_id AND c.endpoint_id = p_endpoint AND c.due_at > p_now
          AND c.verdict IN ('unreachable', 'timed_out', 'unreadable', 'interrupted')
        FOR NO KEY UPDATE SKIP LOCKED);
    PERFORM note_on_endpoint('circuit.closed', p_endpoint, p_now, p_request, format(
        '{"open_seconds":%s,"seller":"%s"}', extract(epoch FROM p_now - was.opened_at)::bigint, was.seller_id));
    PERFORM pg_notify('seller_call', '');
END $$;

-- Hands out due calls: to any one seller never more at once than its cap, over all workers, nor more a second than its
-- rate; a call whose worker has been silent past its lease goes back to waiting first, its lost attempt on record.
--
-- A server that failed to answer `p_trip_after` calls in a row is not called any more (0: it always is): its circuit
-- opens. Then only these calls go out: every so often one as a probe; what a person restarted; and what has come to the
-- end of its time, for its last try. When such a try has failed, all others that have come to their end are handed out
-- to be given up untried, so that nobody waits longer because of others. All of that goes by p_now; leases by the
-- database's own time.
DROP FUNCTION claim_seller_calls(uuid, timestamptz, integer, integer, interval);
CREATE FUNCTION claim_seller_calls(
    p_worker uuid, p_now timestamptz, p_room integer, p_cap integer, p_lease interval, p_rate integer DEFAULT 0,
    p_trip_after integer DEFAULT 0, p_pause interval DEFAULT '1 minute', p_longest_pause interval DEFAULT '10 minutes')
-- Its statements are planned once: planned anew with each claim's values, they would cost more than they take.
RETURNS SETOF seller_calls LANGUAGE plpgsql ROWS 8 SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- A server that failed last gets no more places than this: if it hangs, the workers' other places are for others.
    careful CONSTANT integer := 2;
    server   record;
    circuit  circuits;
    busy     record;
    free     integer;
    taken    integer;
    room     integer := p_room;
    picked   uuid[];
    hopeless uuid[];
    ready    timestamptz;
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
               first_sent = CASE WHEN c.untried THEN c.first_sent ELSE coalesce(c.first_sent, c.attempts) END
        WHERE c.id IN (
            SELECT r.id FROM seller_calls r JOIN silent USING (id)
            WHERE r.state = 'running' AND r.leased_until < clock_timestamp()
              AND (r.instance_id IS NULL OR r.instance_id IN (SELECT id FROM held))
            FOR UPDATE OF r SKIP LOCKED
        )
        RETURNING c.*
    ), opening AS (
        UPDATE instances i SET outcome_unknown = true
        FROM lost WHERE i.id = lost.instance_id AND lost.activity = 'newInstance' AND NOT lost.untried
          AND NOT i.outcome_unknown
    ), failing AS (
        -- All that a worker leaves behind counts as one: its death is rarely the server's doing.
        INSERT INTO circuits AS k (endpoint_id, seller_id, failed_calls, failed_at)
        SELECT DISTINCT ON (endpoint_id) endpoint_id, seller_id, ARRAY[id], p_now FROM lost WHERE NOT untried
        ORDER BY endpoint_id, id
        ON CONFLICT (endpoint_id) DO UPDATE
            SET failed_calls = k.failed_calls || excluded.failed_calls, failed_at = p_now
            WHERE k.opened_at IS NULL AND NOT k.failed_calls @> excluded.failed_calls
    )
    INSERT INTO call_attempts (call_id, number, seller_id, activity, started_at, verdict, trouble)
    SELECT id, attempts, seller_id, activity, last_attempt_at,
           CASE WHEN untried THEN 'unreachable' ELSE 'interrupted' END, CASE WHEN untried THEN 'circuit_open' END
    FROM lost ON CONFLICT DO NOTHING;

    FOR server IN SELECT * FROM waiting_servers s WHERE s.next_at <= p_now ORDER BY random() LOOP
        EXIT WHEN room <= 0;
        -- One worker at a time claims for a seller, or two could each see the same free places.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended(server.seller_id::text, 7));
        circuit := NULL;
        IF server.failing THEN
            -- As it is now: another claim may just have made the probe. Where a call is just ending, the next one looks.
            SELECT * INTO circuit FROM circuits k WHERE k.endpoint_id = server.endpoint_id
            FOR NO KEY UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            IF p_trip_after = 0 THEN
                PERFORM close_circuit(server.endpoint_id, p_now, '');
                circuit := NULL;
            ELSIF circuit.opened_at IS NULL AND cardinality(circuit.failed_calls) >= p_trip_after THEN
                UPDATE circuits k SET opened_at = failed_at, probe_at = failed_at + p_pause, pause = p_pause
                WHERE k.endpoint_id = server.endpoint_id RETURNING * INTO circuit;
                PERFORM note_on_endpoint('circuit.opened', server.endpoint_id, p_now, '', format(
                    '{"failed_in_a_row":%s,"pause_seconds":%s,"seller":"%s"}',
                    cardinality(circuit.failed_calls), extract(epoch FROM p_pause)::bigint, server.seller_id));
            END IF;
        END IF;

        SELECT count(*) AS all_of_it, count(*) FILTER (WHERE c.endpoint_id = server.endpoint_id) AS here INTO busy
        FROM seller_calls c WHERE c.seller_id = server.seller_id AND c.state = 'running' AND NOT c.untried;
        free := least(p_cap - busy.all_of_it, room);
        IF circuit.failed_at IS NOT NULL THEN
            free := least(free, careful - busy.here);
        END IF;
        IF p_rate > 0 THEN
            -- A full bucket holds a second's worth. An opening takes two tokens: the question for the instance's details
            -- follows it at once, without coming by here.
            SELECT r.ready_at INTO ready FROM seller_rates r WHERE r.seller_id = server.seller_id;
            ready := greatest(ready, p_now - interval '1 second' * (greatest(p_rate, 2) - 1) / p_rate);
            free := least(free, (floor(extract(epoch FROM p_now - ready) * p_rate)::integer + 2) / 2);
        END IF;

        picked := '{}';
        hopeless := '{}';
        IF circuit.opened_at IS NULL THEN
            IF free > 0 THEN
                picked := ARRAY(
                    SELECT w.id FROM seller_calls w
                    WHERE w.state = 'waiting' AND w.seller_id = server.seller_id
                      AND w.endpoint_id = server.endpoint_id AND w.due_at <= p_now
                    ORDER BY w.due_at LIMIT free FOR UPDATE SKIP LOCKED);
            END IF;
        ELSE
            -- A try made after their time was over has failed: theirs would, too.
            hopeless := ARRAY(
                SELECT w.id FROM seller_calls w
                WHERE w.state = 'waiting' AND NOT w.urgent AND w.endpoint_id = server.endpoint_id
                  AND w.window_ends_at <= least(p_now, circuit.failed_at)
                ORDER BY w.window_ends_at LIMIT least(room, p_cap) FOR UPDATE SKIP LOCKED);
            free := least(free, room - cardinality(hopeless));
            IF free > 0 THEN
                picked := ARRAY(
                    SELECT w.id FROM seller_calls w
                    WHERE w.state = 'waiting' AND w.urgent AND w.endpoint_id = server.endpoint_id AND w.due_at <= p_now
                    ORDER BY w.due_at LIMIT free FOR UPDATE SKIP LOCKED);
            END IF;
            IF free > cardinality(picked) THEN
                picked := picked || ARRAY(
                    SELECT w.id FROM seller_calls w
                    WHERE w.state = 'waiting' AND w.endpoint_id = server.endpoint_id
                      AND w.window_ends_at <= p_now AND w.window_ends_at > circuit.failed_at AND w.id <> ALL (picked)
                    ORDER BY w.window_ends_at LIMIT free - cardinality(picked) FOR UPDATE SKIP LOCKED);
            END IF;
            IF free > 0 AND circuit.probe_at <= p_now AND NOT EXISTS (
                SELECT FROM seller_calls p
                WHERE p.id = circuit.probe_call AND p.state = 'running' AND p.attempts = circuit.probe_try)
            THEN
                IF picked = '{}' THEN
                    picked := ARRAY(
                        SELECT w.id FROM seller_calls w
                        WHERE w.state = 'waiting' AND w.seller_id = server.seller_id
                          AND w.endpoint_id = server.endpoint_id AND w.due_at <= p_now AND w.id <> ALL (hopeless)
                        ORDER BY w.due_at LIMIT 1 FOR UPDATE SKIP LOCKED);
                END IF;
                UPDATE circuits k SET probe_call = c.id, probe_try = c.attempts + 1,
                    pause = least(k.pause * 2, p_longest_pause)
                FROM seller_calls c WHERE k.endpoint_id = server.endpoint_id AND c.id = picked[1];
            END IF;
        END IF;
        CONTINUE WHEN picked = '{}' AND hopeless = '{}';

        RETURN QUERY
        UPDATE seller_calls c
        SET state = 'running', worker = p_worker, leased_until = clock_timestamp() + p_lease,
            attempts = c.attempts + 1, last_attempt_at = p_now, urgent = false, untried = c.id = ANY (hopeless),
            -- A window counts from the first try: workers that were away must not cost a seller its tries. Its server
            -- being away does.
            window_ends_at = CASE WHEN c.attempts = 0 AND c.purpose <> 'await_opening' AND circuit.opened_at IS NULL
                                       AND (server.closed_at IS NULL OR c.created_at >= server.closed_at)
                                  THEN p_now + (c.window_ends_at - c.created_at) ELSE c.window_ends_at END
        WHERE c.id = ANY (picked || hopeless)
        RETURNING c.*;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
        IF p_rate > 0 AND picked <> '{}' THEN
            SELECT count(*) + count(*) FILTER (WHERE c.purpose = 'open') INTO taken
            FROM seller_calls c WHERE c.id = ANY (picked);
            INSERT INTO seller_rates AS r (seller_id, ready_at)
            VALUES (server.seller_id, ready + interval '1 second' * taken / p_rate)
            ON CONFLICT (seller_id) DO UPDATE SET ready_at = excluded.ready_at;
        END IF;
    END LOOP;
END $$;

-- Records a try and moves its call on: to p_state, or back to waiting until p_due_at. What a query learned of the
-- instance is stored, and the next call of the lane moves up. False when another worker has taken the call over: the
-- try is on record, yet the call was not this worker's to move. One statement, because every call ends with it. What can
-- simply be asked again need not be durable the moment it is written.
CREATE OR REPLACE FUNCTION conclude_seller_call(
    p_call uuid, p_number integer, p_lane uuid, p_instance uuid, p_now timestamptz, p_state text,
    p_due_at timestamptz, p_sent boolean, p_attempt jsonb, p_details jsonb, p_durable boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    concluded record;
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
    WHERE id = p_call AND state = 'running' AND attempts = p_number
    RETURNING endpoint_id, seller_id, untried, request_id INTO concluded;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- No answer, or only a gateway's word for it. Whatever else came back, somebody is there: no refusal counts.
    IF p_attempt->>'verdict' IN ('unreachable', 'timed_out', 'interrupted')
       OR p_attempt->>'verdict' = 'unreadable' AND coalesce((p_attempt->>'status')::integer, 599) >= 500 THEN
        IF NOT concluded.untried THEN
            INSERT INTO circuits AS k (endpoint_id, seller_id, failed_calls, failed_at)
            VALUES (concluded.endpoint_id, concluded.seller_id, ARRAY[p_call], p_now)
            ON CONFLICT (endpoint_id) DO UPDATE SET
                failed_calls = CASE WHEN k.opened_at IS NOT NULL OR p_call = ANY (k.failed_calls)
                                         OR cardinality(k.failed_calls) >= 100
                                    THEN k.failed_calls ELSE k.failed_calls || p_call END,
                failed_at = p_now,
                probe_at = CASE WHEN k.probe_call = p_call AND k.probe_try = p_number THEN p_now + k.pause
                                ELSE k.probe_at END;
        END IF;
    ELSE
        PERFORM FROM circuits k WHERE k.endpoint_id = concluded.endpoint_id AND k.failed_calls <> '{}';
        IF FOUND THEN
            PERFORM close_circuit(concluded.endpoint_id, p_now, concluded.request_id);
        END IF;
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
