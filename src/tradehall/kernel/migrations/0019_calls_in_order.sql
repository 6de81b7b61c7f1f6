-- Of calls that are due at the same moment the older goes first: where a row lies on the disk decides nothing, and a
-- simulation goes the same way again. The function stays as it was but for this.
DO $$
DECLARE
    was text := pg_get_functiondef('claim_seller_calls'::regproc);
BEGIN
    ASSERT was LIKE '%ORDER BY w.due_at LIMIT%', 'claims are ordered by when they are due';
    EXECUTE replace(was, 'ORDER BY w.due_at LIMIT', 'ORDER BY w.due_at, w.id LIMIT');
END $$;
