"""What people do with their messages, and operators with those that could not be sent."""

from datetime import timedelta
from uuid import UUID

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import lowest_id
from tradehall.notices import queries
from tradehall.notices.errors import NotFailed, NoticeNotFound, SendingNotFound
from tradehall.notices.model import Notice, NoticeKind, SendingState
from tradehall.notices.sending import CHANNEL, MAIL_WINDOW

BATCH = 5000


async def read(tx: Tx, notice_id: UUID) -> Notice:
    """Marks one of the actor's messages as read and gives it; reading it again changes nothing.

    Raises NoticeNotFound.
    """
    found = await queries.notice(tx, tx.actor, notice_id)
    if found is None:
        raise NoticeNotFound
    if found.read_at is None:
        await tx.execute(
            "UPDATE notices SET read_at = %(now)s WHERE id = %(id)s AND read_at IS NULL",
            {"id": notice_id, "now": tx.now},
        )
    return found


async def read_all(tx: Tx) -> int:
    """Marks all of the actor's messages as read that were there when they asked; says how many."""
    marked: int = await tx.fetch_value(
        """
        WITH marked AS (
            UPDATE notices SET read_at = %(now)s
            WHERE person_id = %(person)s AND organisation_id = %(organisation)s AND read_at IS NULL
            RETURNING id
        )
        SELECT count(*) FROM marked
        """,
        {"person": tx.actor.person_id, "organisation": tx.actor.organisation_id, "now": tx.now},
    )
    return marked


async def read_about(tx: Tx, number: str, kind: NoticeKind) -> None:
    """Marks the actor's messages of one kind about an order as read: they have seen on its page what these tell."""
    await tx.execute(
        """
        UPDATE notices SET read_at = %(now)s
        WHERE person_id = %(person)s AND organisation_id = %(organisation)s AND read_at IS NULL
          AND kind = %(kind)s AND order_number = %(number)s
        """,
        {
            "now": tx.now,
            "person": tx.actor.person_id,
            "organisation": tx.actor.organisation_id,
            "kind": kind,
            "number": number,
        },
    )


async def send_again(tx: Tx, sending_id: UUID) -> None:
    """Has a mail or SMS that failed tried again, at once. Raises SendingNotFound or NotFailed."""
    if await tx.fetch_value(
        """
        UPDATE notice_sendings SET state = 'waiting', attempts = 0, due_at = %(now)s, leased_until = NULL,
               give_up_at = %(now)s + %(window)s
        WHERE id = %(id)s AND state = 'failed' RETURNING true
        """,
        {"id": sending_id, "now": tx.now, "window": MAIL_WINDOW},
    ):
        await tx.record("notice.sent_again", "notice_sending", sending_id, {})
        await tx.notify(CHANNEL)
        return
    state: SendingState | None = await tx.fetch_value(
        "SELECT state FROM notice_sendings WHERE id = %(id)s", {"id": sending_id}
    )
    raise SendingNotFound if state is None else NotFailed


async def forget_old(tx: Tx, keep: timedelta) -> bool:
    """Housekeeping: deletes the oldest notices that are older than `keep`, and what was sent of them; one batch.

    Whether there may be more of them.
    """
    # Ids are UUIDv7: the oldest come first, and the primary key finds them.
    deleted: int = await tx.fetch_value(
        """
        WITH old AS (
            DELETE FROM notices WHERE id IN (
                SELECT id FROM notices WHERE id < %(bound)s ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
            RETURNING id
        )
        SELECT count(*) FROM old
        """,
        {"bound": lowest_id(tx.now - keep), "batch": BATCH},
    )
    return deleted == BATCH
