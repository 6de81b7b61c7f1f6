"""Reads everything of one order, in one snapshot of the database."""

import re
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from tradehall.casefile import statement
from tradehall.casefile.conversation import message_files, messages_of
from tradehall.casefile.ledger import lines_for
from tradehall.casefile.model import Case, Handed, MadeCall, Viewer
from tradehall.catalog import templates
from tradehall.kernel.db import Reader
from tradehall.kernel.files import clean_name, files_of
from tradehall.kernel.journal import Actor, Entry
from tradehall.provisioning.model import Attempt, Call
from tradehall.provisioning.queries import CALL_COLUMNS
from tradehall.supervision import queries as supervision
from tradehall.supervision.model import Held
from tradehall.supervision.standing import recipient_of
from tradehall.trading import queries as trading
from tradehall.trading.errors import OrderNotFound

BATCH = 500
_BEFORE_ALL = UUID(int=0)


async def case_of(reader: Reader, viewer: Actor, side: Viewer, number: str) -> Case:
    """All of an order that is the viewer's, whatever of it that may then be shown. `reader` sees one snapshot. Raises
    OrderNotFound."""
    order = await trading.order(reader, viewer, number)
    if order is None:
        raise OrderNotFound
    held = await supervision.flow(reader, viewer, number)
    entries = await _entries(reader, order.id)
    last = entries[-1] if entries else None
    evidence = await _evidence(reader, held)
    messages = await messages_of(reader, side, held.id) if held else []
    return Case(
        order,
        held,
        await recipient_of(reader, order, held),
        entries,
        last.seq if last else 0,
        last.hash if last else b"",
        [
            *(await _templates(reader, order.product_id, order.created_at)),
            *evidence,
            *(await message_files(reader, messages, len(evidence) + 1, member_name)),
        ],
        messages,
        await _calls(reader, order.id) if side != "buyer" else [],
        await lines_for(reader, side, order.id),
        reader.now,
    )


async def _entries(reader: Reader, order_id: UUID) -> list[Entry]:
    """The whole chain; a case file leaves none of it out."""
    found: list[Entry] = []
    while True:
        rows = await reader.fetch_all(
            Entry,
            """
            SELECT subject_kind, subject_id, seq, kind, at, entry, hash FROM events
            WHERE subject_kind = 'order' AND subject_id = %(order)s AND seq > %(after)s ORDER BY seq LIMIT %(most)s
            """,
            {"order": order_id, "after": found[-1].seq if found else 0, "most": BATCH},
        )
        found += rows
        if len(rows) < BATCH:
            return found


class _Piece(msgspec.Struct, frozen=True):
    id: UUID
    file_id: UUID
    side: str
    verb: str
    kind: str
    act: int
    by: str


_EVIDENCE: LiteralString = """
    SELECT e.id, e.file_id, e.side, e.verb, e.kind, e.act, p.name AS by
    FROM supervision_evidence e JOIN files x ON x.id = e.file_id JOIN people p ON p.id = x.uploaded_by
    WHERE e.flow_id = %(flow)s AND e.act IS NOT NULL AND e.id > %(after)s ORDER BY e.id LIMIT %(most)s
"""


async def _evidence(reader: Reader, held: Held | None) -> list[Handed]:
    """Every file that was handed in with an act; drafts are nobody's evidence."""
    found: list[Handed] = []
    after = _BEFORE_ALL
    while held is not None:
        rows = await reader.fetch_all(_Piece, _EVIDENCE, {"flow": held.id, "after": after, "most": BATCH})
        stored = await files_of(reader, [row.file_id for row in rows])
        for row in rows:
            file = stored[row.file_id]
            name = member_name(len(found) + 1, file.name)
            found.append(Handed(row.id, file, name, row.side, row.verb, row.kind, row.act, row.by, file.created_at))
        if len(rows) < BATCH:
            break
        after = rows[-1].id
    return found


async def _templates(reader: Reader, product_id: UUID, at: datetime) -> list[Handed]:
    """What the seller had attached to the product when it was ordered: the standard it is accepted by."""
    attached = await templates.templates_at(reader, product_id, at)
    stored = await files_of(reader, [one.file_id for one in attached])
    return [
        Handed(
            one.file_id, file, f"{statement.FILES}{one.kind.replace('_', '-')}-{_safe(file.name)}", "seller", "",
            one.kind, None, "", file.created_at,
        )
        for one in attached
        if (file := stored.get(one.file_id))
    ]  # fmt: skip


def member_name(number: int, name: str) -> str:
    """What a file is called in the archive: its place in time, and its name."""
    return f"{statement.FILES}{number:04d}-{_safe(name)}"


def _safe(name: str) -> str:
    """A name that means nothing to any file system."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", clean_name(name)).strip(". ")[-120:] or "file"


async def _calls(reader: Reader, order_id: UUID) -> list[MadeCall]:
    """Every call to the seller's server for this order, and every try of each, as the message log keeps them."""
    found: list[MadeCall] = []
    after = _BEFORE_ALL
    while True:
        calls = await reader.fetch_all(
            Call,
            f"""
            SELECT {CALL_COLUMNS} FROM seller_calls c WHERE c.order_id = %(order)s AND c.id > %(after)s
            ORDER BY c.id LIMIT %(most)s
            """,
            {"order": order_id, "after": after, "most": BATCH},
        )
        found += [MadeCall(call, await _attempts(reader, call.id)) for call in calls]
        if len(calls) < BATCH:
            return found
        after = calls[-1].id


async def _attempts(reader: Reader, call_id: UUID) -> list[Attempt]:
    found: list[Attempt] = []
    while True:
        rows = await reader.fetch_all(
            Attempt,
            """
            SELECT call_id, number, started_at, milliseconds, url, request_body, status, response_headers,
                   response_body, truncated, verdict, result_code, trouble, message, warnings
            FROM call_attempts WHERE call_id = %(call)s AND number > %(after)s ORDER BY number LIMIT %(most)s
            """,
            {"call": call_id, "after": found[-1].number if found else 0, "most": BATCH},
        )
        found += rows
        if len(rows) < BATCH:
            return found
