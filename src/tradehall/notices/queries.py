"""Every SELECT on notices. Somebody's messages are theirs in the organisation they act for, and nobody else's."""

from uuid import UUID

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, keyset, page
from tradehall.notices.model import MOST_COUNTED, Notice, NoticeKind, Sending, SendingState

_COLUMNS = "id, kind, order_number, link, facts, urgent, created_at, read_at"


async def inbox(
    reader: Reader, actor: Actor, wanted: PageRequest, *, unread: bool = False, kind: NoticeKind | None = None
) -> Page[Notice]:
    """What the actor was told, newest first; only what is unread, or of one kind."""
    where, order = keyset(wanted)
    # Not "or": each of these has an index that holds it in order.
    only_kind = "AND kind = %(kind)s" if kind else ""
    only_unread = "AND read_at IS NULL" if unread else ""
    rows = await reader.fetch_all(
        Notice,
        f"""
        SELECT {_COLUMNS} FROM notices
        WHERE person_id = %(person)s AND organisation_id = %(organisation)s AND {where} {only_kind} {only_unread}
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"person": actor.person_id, "organisation": actor.organisation_id, "kind": kind, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


async def notice(reader: Reader, actor: Actor, notice_id: UUID) -> Notice | None:
    """One of the actor's messages; None when it is not theirs."""
    return await reader.fetch_one(
        Notice,
        f"""
        SELECT {_COLUMNS} FROM notices
        WHERE id = %(id)s AND person_id = %(person)s AND organisation_id = %(organisation)s
        """,
        {"id": notice_id, "person": actor.person_id, "organisation": actor.organisation_id},
    )


async def unread(reader: Reader, person_id: UUID | None, organisation_id: UUID | None) -> int:
    """How many messages somebody has not read, for the bell; MOST_COUNTED when there are that many or more."""
    count: int = await reader.fetch_value(
        """
        SELECT count(*) FROM (
            SELECT FROM notices
            WHERE person_id = %(person)s AND organisation_id = %(organisation)s AND read_at IS NULL
            LIMIT %(most)s) counted
        """,
        {"person": person_id, "organisation": organisation_id, "most": MOST_COUNTED},
    )
    return count


async def sendings(reader: Reader, wanted: PageRequest, state: SendingState) -> Page[Sending]:
    """Mails and SMS that failed, or that are still to be sent, newest first; for operators."""
    where, order = keyset(wanted, "s.id")
    rows = await reader.fetch_all(
        Sending,
        f"""
        SELECT s.id, s.channel, s.address, s.state, n.kind, n.order_number, s.attempts, s.due_at, s.last_error,
               s.created_at
        FROM notice_sendings s JOIN notices n ON n.id = s.notice_id
        WHERE s.state = %(state)s AND s.state <> 'sent' AND {where} ORDER BY {order} LIMIT %(fetch)s
        """,
        {"state": state, **wanted.params},
    )
    return page(rows, wanted, lambda row: row.id)


async def failed_count(reader: Reader) -> int:
    """How many sendings failed, counted to MOST_COUNTED at most."""
    count: int = await reader.fetch_value(
        "SELECT count(*) FROM (SELECT FROM notice_sendings WHERE state = 'failed' LIMIT %(most)s) counted",
        {"most": MOST_COUNTED},
    )
    return count
