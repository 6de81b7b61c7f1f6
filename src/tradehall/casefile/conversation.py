"""The messages of a case and their files, as far as they are for whom the case file is made."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tradehall.casefile.model import CaseMessage, Handed, Receipt, Viewer
from tradehall.kernel.db import Reader
from tradehall.kernel.files import files_of

BATCH = 500


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    side: str
    author_name: str
    text: str
    replies_to: int | None
    created_at: datetime
    receipts: list[dict[str, Any]]
    files: list[UUID]


async def messages_of(reader: Reader, side: Viewer, flow_id: UUID) -> list[CaseMessage]:
    """What was written, oldest first; of what one side alone exchanges with the platform, the other reads nothing."""
    found: list[CaseMessage] = []
    while True:
        rows = await reader.fetch_all(
            _Row,
            """
            SELECT m.id, m.number, m.side, m.author_name, m.text, r.number AS replies_to, m.created_at,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('side', c.side, 'read_at', c.read_at,
                                                                 'read_by', coalesce(c.read_by_name, ''))
                                              ORDER BY c.side), '[]')
                    FROM case_receipts c WHERE c.message_id = m.id) AS receipts,
                   ARRAY(SELECT f.id FROM case_message_files f WHERE f.message_id = m.id ORDER BY f.id) AS files
            FROM case_messages m LEFT JOIN case_messages r ON r.id = m.reply_to
            WHERE m.flow_id = %(flow)s AND m.number > %(after)s
              AND CASE %(side)s WHEN 'buyer' THEN m.side = 'buyer' OR m.to_buyer
                                WHEN 'seller' THEN m.side = 'seller' OR m.to_seller ELSE true END
            ORDER BY m.number LIMIT %(most)s
            """,
            {"flow": flow_id, "side": side, "after": found[-1].number if found else 0, "most": BATCH},
        )
        found += [_told(row, side) for row in rows]
        if len(rows) < BATCH:
            return found


def _told(row: _Row, side: Viewer) -> CaseMessage:
    receipts = msgspec.convert(row.receipts, list[Receipt])
    if side != "platform":
        receipts = [
            msgspec.structs.replace(one, read_by="") if one.side == "platform" else one for one in receipts
        ]  # fmt: skip
    author = "" if row.side == "platform" and side != "platform" else row.author_name
    return CaseMessage(row.number, row.side, author, row.created_at, row.text, row.replies_to, receipts, row.files)


class _File(msgspec.Struct, frozen=True):
    id: UUID
    file_id: UUID


async def message_files(
    reader: Reader, messages: Sequence[CaseMessage], first: int, name: Callable[[int, str], str]
) -> list[Handed]:
    """The files that were sent with messages; `name` makes a member's name of its number and the file's name."""
    senders = {file: one for one in messages for file in one.files}
    rows = await reader.fetch_all(
        _File,
        "SELECT id, file_id FROM case_message_files WHERE id = ANY(%(ids)s) ORDER BY id LIMIT %(most)s",
        {"ids": list(senders), "most": len(senders)},
    )
    stored = await files_of(reader, [row.file_id for row in rows])
    found: list[Handed] = []
    for row in sorted(rows, key=lambda row: (senders[row.id].number, row.id)):
        file, sender = stored[row.file_id], senders[row.id]
        member = name(first + len(found), file.name)
        found.append(Handed(row.id, file, member, sender.side, "message", "message", None, sender.author, sender.at))
    return found
