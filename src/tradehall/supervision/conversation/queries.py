"""Every SELECT on messages inside supervised orders. Who may read one is written once, in `_messages_of`."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import Page, PageRequest, page
from tradehall.supervision.flow import SIDES, Side

MOST_COUNTED = 100
EXCERPT = 200


class MessageFile(msgspec.Struct, frozen=True):
    """A file of a message, or a draft of one. Who of the platform handed it in is named to the platform alone."""

    id: UUID
    file_id: UUID
    message_id: UUID | None
    side: Side
    name: str
    media_type: str
    size: int
    sha256: bytes
    has_thumbnail: bool
    uploaded_by_name: str
    created_at: datetime

    @property
    def digest(self) -> str:
        return self.sha256.hex()


class Receipt(msgspec.Struct, frozen=True):
    """A side that a message was written to, and who of it read it first."""

    message_id: UUID
    side: Side
    read_at: datetime | None
    read_by_name: str


class Message(msgspec.Struct, frozen=True):
    """A message as its readers see it. `author_name` is empty for people of the platform, but to the platform."""

    id: UUID
    number: int
    side: Side
    to: list[Side]
    author_name: str
    text: str
    reply_to: UUID | None
    created_at: datetime
    replied_number: int | None = None
    replied_side: Side | None = None
    replied_text: str = ""
    receipts: list[Receipt] = []
    files: list[MessageFile] = []

    def unread(self, side: str) -> bool:
        return any(one.side == side and one.read_at is None for one in self.receipts)


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    side: Side
    to_buyer: bool
    to_seller: bool
    to_platform: bool
    author_name: str
    text: str
    reply_to: UUID | None
    created_at: datetime
    replied_number: int | None
    replied_side: Side | None
    replied_text: str

    @property
    def to(self) -> list[Side]:
        named = {"buyer": self.to_buyer, "seller": self.to_seller, "platform": self.to_platform}
        return [side for side in SIDES if named[side]]


def _messages_of(viewer: Actor, alias: LiteralString = "m") -> LiteralString:
    """The messages of an order that a viewer was shown which they may read, as a condition on `case_messages m`."""
    return {
        "system": "true",
        "platform": "true",
        "seller": f"({alias}.side = 'seller' OR {alias}.to_seller)",
        "buyer": f"({alias}.side = 'buyer' OR {alias}.to_buyer)",
    }[viewer.kind]


def _rows_of(viewer: Actor) -> LiteralString:
    """What is answered is quoted to those alone who may read it."""
    return f"""
        SELECT m.id, m.number, m.side, m.to_buyer, m.to_seller, m.to_platform, m.text, m.reply_to, m.created_at,
               CASE WHEN m.side = 'platform' AND NOT %(all)s THEN '' ELSE m.author_name END AS author_name,
               r.number AS replied_number, r.side AS replied_side, coalesce(left(r.text, {EXCERPT}), '') AS replied_text
        FROM case_messages m LEFT JOIN case_messages r ON r.id = m.reply_to AND {_messages_of(viewer, "r")}
    """


async def messages(reader: Reader, viewer: Actor, flow_id: UUID, wanted: PageRequest) -> Page[Message]:
    """The messages of a supervised order the viewer was shown, newest first."""
    where, order = _keyset(wanted)
    rows = await reader.fetch_all(
        _Row,
        f"""
        {_rows_of(viewer)} WHERE m.flow_id = %(flow)s AND {_messages_of(viewer)} AND {where}
        ORDER BY {order} LIMIT %(fetch)s
        """,
        {"flow": flow_id, "all": viewer.kind in ("platform", "system")} | wanted.params,
    )
    found = page(rows, wanted, lambda row: row.id)
    return Page(await _whole(reader, viewer, found.items), found.next, found.previous)


def _keyset(wanted: PageRequest) -> tuple[LiteralString, LiteralString]:
    """As paging.keyset, but by number: messages written at the same time have their order from there."""
    if wanted.before:
        return "m.number > (SELECT a.number FROM case_messages a WHERE a.id = %(before)s)", "m.number ASC"
    if wanted.after:
        return "m.number < (SELECT a.number FROM case_messages a WHERE a.id = %(after)s)", "m.number DESC"
    return "true", "m.number DESC"


async def message(reader: Reader, viewer: Actor, flow_id: UUID, message_id: UUID) -> Message | None:
    """One message of a supervised order the viewer was shown; None where they may not read it."""
    rows = await reader.fetch_all(
        _Row,
        f"""
        {_rows_of(viewer)} WHERE m.id = %(id)s AND m.flow_id = %(flow)s AND {_messages_of(viewer)}
        """,
        {"id": message_id, "flow": flow_id, "all": viewer.kind in ("platform", "system")},
    )
    return next(iter(await _whole(reader, viewer, rows)), None)


async def _whole(reader: Reader, viewer: Actor, rows: Sequence[_Row]) -> list[Message]:
    """With their files, and with who read them."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    params = {"ids": ids, "all": viewer.kind in ("platform", "system")}
    files = await reader.fetch_all(
        MessageFile, f"{_FILE} WHERE c.message_id = ANY(%(ids)s) ORDER BY c.message_id, c.id LIMIT 2000", params
    )
    receipts = await reader.fetch_all(
        Receipt,
        """
        SELECT message_id, side, read_at,
               CASE WHEN side = 'platform' AND NOT %(all)s THEN '' ELSE coalesce(read_by_name, '') END AS read_by_name
        FROM case_receipts WHERE message_id = ANY(%(ids)s) ORDER BY message_id, side LIMIT 1000
        """,
        params,
    )
    return [
        Message(
            id=row.id,
            number=row.number,
            side=row.side,
            to=row.to,
            author_name=row.author_name,
            text=row.text,
            reply_to=row.reply_to,
            created_at=row.created_at,
            replied_number=row.replied_number,
            replied_side=row.replied_side,
            replied_text=row.replied_text,
            receipts=[one for one in receipts if one.message_id == row.id],
            files=[one for one in files if one.message_id == row.id],
        )
        for row in rows
    ]


_FILE: LiteralString = """
    SELECT c.id, c.file_id, c.message_id, c.side, x.name, x.media_type, x.size, x.sha256,
           x.thumbnail_key IS NOT NULL AS has_thumbnail, c.created_at,
           CASE WHEN c.side = 'platform' AND NOT %(all)s THEN '' ELSE p.name END AS uploaded_by_name
    FROM case_message_files c JOIN files x ON x.id = c.file_id JOIN people p ON p.id = x.uploaded_by
"""


async def drafted_files(reader: Reader, flow_id: UUID, side: str) -> list[MessageFile]:
    """The files a side has handed in for its next message."""
    return await reader.fetch_all(
        MessageFile,
        f"{_FILE} WHERE c.flow_id = %(flow)s AND c.side = %(side)s AND c.message_id IS NULL ORDER BY c.id LIMIT 100",
        {"flow": flow_id, "side": side, "all": True},
    )


async def drafted_count(reader: Reader, flow_id: UUID, side: str) -> int:
    """How many these are."""
    count: int = await reader.fetch_value(
        """
        SELECT count(*) FROM case_message_files
        WHERE flow_id = %(flow)s AND side = %(side)s AND message_id IS NULL
        """,
        {"flow": flow_id, "side": side},
    )
    return count


async def message_file(reader: Reader, viewer: Actor, flow_id: UUID, piece: UUID) -> MessageFile | None:
    """One file of the messages of a supervised order the viewer was shown: of those they may read, and their own
    side's drafts."""
    return await reader.fetch_one(
        MessageFile,
        f"""
        {_FILE} LEFT JOIN case_messages m ON m.id = c.message_id
        WHERE c.id = %(id)s AND c.flow_id = %(flow)s
          AND CASE WHEN m.id IS NULL THEN c.side = %(side)s ELSE {_messages_of(viewer)} END
        """,
        {"id": piece, "flow": flow_id, "side": viewer.kind, "all": viewer.kind in ("platform", "system")},
    )


class Latest(msgspec.Struct, frozen=True):
    """What a page that is open asks for: the number of the last message, and how many of them are unread."""

    number: int
    unread: int


async def latest(reader: Reader, viewer: Actor, flow_id: UUID) -> Latest:
    """How far the messages of a supervised order have come, as far as the viewer may read them."""
    found = await reader.fetch_one(
        Latest,
        f"""
        SELECT coalesce((SELECT max(m.number) FROM case_messages m
                         WHERE m.flow_id = %(flow)s AND {_messages_of(viewer)}), 0) AS number,
               (SELECT count(*) FROM case_receipts
                WHERE flow_id = %(flow)s AND side = %(side)s AND read_at IS NULL) AS unread
        """,
        {"flow": flow_id, "side": viewer.kind},
    )
    assert found is not None, "counting always answers"
    return found


class _Unread(msgspec.Struct, frozen=True):
    flow_id: UUID
    unread: int


def _to(viewer: Actor) -> LiteralString:
    """What was written to the viewer's side, as a condition on `case_receipts c`."""
    if viewer.kind == "platform":
        return "c.side = 'platform' AND c.organisation_id IS NULL"
    return "c.side = %(side)s AND c.organisation_id = %(organisation)s"


async def unread_of(reader: Reader, viewer: Actor, flows: Sequence[UUID]) -> dict[UUID, int]:
    """How many messages are unread for the viewer's side, of those of a page of orders that have any."""
    if not flows:
        return {}
    rows = await reader.fetch_all(
        _Unread,
        f"""
        SELECT c.flow_id, count(*) AS unread FROM case_receipts c
        WHERE {_to(viewer)} AND c.read_at IS NULL AND c.flow_id = ANY(%(flows)s) GROUP BY c.flow_id LIMIT 1000
        """,
        {"side": viewer.kind, "organisation": viewer.organisation_id, "flows": list(flows)},
    )
    return {row.flow_id: row.unread for row in rows}


class UnreadCase(msgspec.Struct, frozen=True):
    """An order in which something unread waits for a side: the last that was written."""

    order_number: str
    product_name_en: str
    product_name_zh: str
    unread: int
    from_side: Side
    text: str
    created_at: datetime


async def unread_count(reader: Reader, viewer: Actor) -> int:
    """How many messages are unread for the viewer's side, counted to a hundred at most."""
    count: int = await reader.fetch_value(
        f"""
        SELECT count(*) FROM (SELECT FROM case_receipts c WHERE {_to(viewer)} AND c.read_at IS NULL LIMIT %(most)s) t
        """,
        {"side": viewer.kind, "organisation": viewer.organisation_id, "most": MOST_COUNTED},
    )
    return count


async def unread_cases(reader: Reader, viewer: Actor, limit: int = 5) -> list[UnreadCase]:
    """The orders in which something was written to the viewer's side and nobody has read it, the latest first; of
    more than a hundred unread messages, some."""
    return await reader.fetch_all(
        UnreadCase,
        f"""
        WITH unread AS MATERIALIZED (
            SELECT c.flow_id, c.message_id FROM case_receipts c WHERE {_to(viewer)} AND c.read_at IS NULL
            LIMIT %(most)s
        ), cases AS (
            SELECT DISTINCT ON (flow_id) flow_id, message_id, count(*) OVER (PARTITION BY flow_id) AS unread
            FROM unread ORDER BY flow_id, message_id DESC
        )
        SELECT f.order_number, l.product_name_en, l.product_name_zh, cases.unread, m.side AS from_side,
               left(m.text, {EXCERPT}) AS text, m.created_at
        FROM cases JOIN case_messages m ON m.id = cases.message_id JOIN supervision_flows f ON f.id = cases.flow_id
        JOIN order_lines l ON l.order_id = f.order_id
        ORDER BY m.id DESC LIMIT %(limit)s
        """,
        {"side": viewer.kind, "organisation": viewer.organisation_id, "most": MOST_COUNTED, "limit": limit},
    )


class Announced(msgspec.Struct, frozen=True):
    """What a side is told of a message that was just sent to it. `mail_at` is when by mail, None: not of this one."""

    side: Side
    excerpt: str
    mail_at: datetime | None


async def announced(reader: Reader, message_id: UUID) -> list[Announced]:
    """Whom a message was written to, and what they are told of it; for who tells them."""
    return await reader.fetch_all(
        Announced,
        f"""
        SELECT c.side, c.mail_at,
               CASE WHEN m.text <> '' THEN left(m.text, {EXCERPT}) ELSE (
                   SELECT string_agg(x.name, ', ') FROM case_message_files f JOIN files x ON x.id = f.file_id
                   WHERE f.message_id = m.id) END AS excerpt
        FROM case_receipts c JOIN case_messages m ON m.id = c.message_id WHERE c.message_id = %(message)s LIMIT 3
        """,
        {"message": message_id},
    )
