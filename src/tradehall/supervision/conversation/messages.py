"""What buyer, seller and platform write to each other inside a supervised order.

A message is evidence: with what it says, or, where only one side and the platform are to read it, with the fingerprint
of that, it stands in the order's journal and never changes. Files are drafts of a side until they are sent with one.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import FieldProblem, Invalid, invalid
from tradehall.kernel.files import no_longer_wanted
from tradehall.kernel.i18n import N_
from tradehall.kernel.ids import new_id
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.errors import (
    ConversationClosed,
    ConversationFull,
    MessageFileSent,
    MessageNotFound,
    TooManyMessages,
)
from tradehall.supervision.fields import LONG, MISSING, TOO_MANY
from tradehall.supervision.flow import SIDES, Side
from tradehall.supervision.model import Held

LONGEST = 5000
MOST_FILES = 10
MOST_MESSAGES = 1000
NOBODY = N_("Say whom you write to.")
NOT_TO_THEM = N_("You cannot write to these.")
ANSWERED = N_("What you answer is not a message of this order.")
# Whom each side may write to. Both other sides at once can only the platform.
ADDRESSEES: dict[Side, tuple[frozenset[Side], ...]] = {
    "buyer": (frozenset({"seller"}), frozenset({"platform"})),
    "seller": (frozenset({"buyer"}), frozenset({"platform"})),
    "platform": (frozenset({"buyer", "seller"}), frozenset({"buyer"}), frozenset({"seller"})),
}


class Sent(msgspec.Struct, frozen=True):
    """A message that was just sent: its id, and its number in the order."""

    id: UUID
    number: int


def open_until(held: Held, settings: Settings) -> datetime | None:
    """Until when people can write; None while the order is under way, frozen or not."""
    return held.finished_at + settings.messages_after if held.finished_at else None


def is_open(held: Held, settings: Settings, now: datetime) -> bool:
    until = open_until(held, settings)
    return until is None or now < until


class Conversation:
    """The verbs of messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, tx: Tx, number: str, text: str, to: Sequence[str], *, reply_to: UUID | None = None) -> Sent:
        """Sends what was written and the files that the side has as drafts.

        Raises FlowNotFound, ConversationClosed, ConversationFull, TooManyMessages, or Invalid naming what is wrong:
        `text`, `to`, `files` or `reply_to`.
        """
        held = await self._writing(tx, number)
        side, text = _side(tx), text.replace("\r\n", "\n").replace("\0", "").strip()
        files = await message_queries.drafted_files(tx, held.id, side)
        addressed = await self._check(tx, held, text, to, len(files), reply_to)
        count, recent = await self._numbers(tx, held, side)
        if count >= MOST_MESSAGES:
            raise ConversationFull(most=MOST_MESSAGES)
        if len(recent) >= self._settings.message_rate:
            raise TooManyMessages(most=self._settings.message_rate, at=recent[-1] + timedelta(hours=1))
        message_id = new_id(tx.now)
        await tx.execute(
            """
            INSERT INTO case_messages (id, flow_id, number, side, to_buyer, to_seller, to_platform, author_id,
                                       author_name, text, reply_to, created_at)
            VALUES (%(id)s, %(flow)s, %(number)s, %(side)s, %(to_buyer)s, %(to_seller)s, %(to_platform)s, %(author)s,
                    %(name)s, %(text)s, %(reply_to)s, %(now)s)
            """,
            {
                "id": message_id,
                "flow": held.id,
                "number": count + 1,
                "side": side,
                "to_buyer": "buyer" in addressed,
                "to_seller": "seller" in addressed,
                "to_platform": "platform" in addressed,
                "author": tx.actor.person_id,
                "name": tx.actor.name,
                "text": text,
                "reply_to": reply_to,
                "now": tx.now,
            },
        )
        await tx.execute(
            "UPDATE case_message_files SET message_id = %(message)s WHERE id = ANY(%(files)s) AND message_id IS NULL",
            {"message": message_id, "files": [one.id for one in files]},
        )
        for one in addressed:
            await self._address(tx, held, message_id, side, one)
        private = is_private(side, addressed)
        # Of a message that one side is not to read the journal, which both see, holds no more than proves it.
        facts = {
            "flow": held.id,
            "message": message_id,
            "number": count + 1,
            "sender": side,
            "addressed": addressed,
            "reply_to": reply_to,
            "text": None if private else text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "files": [{"id": one.id, "name": None if private else one.name, "sha256": one.digest} for one in files],
        }
        await tx.record("supervision.message_sent", "order", held.order_id, facts)
        return Sent(message_id, count + 1)

    async def _check(
        self, tx: Tx, held: Held, text: str, to: Sequence[str], files: int, reply_to: UUID | None
    ) -> list[Side]:
        """Whom it goes to, in the usual order. Raises Invalid, naming everything that is wrong."""
        problems: list[FieldProblem] = []
        side = _side(tx)
        addressed = [one for one in SIDES if one in to]
        if not to:
            problems.append(FieldProblem("to", NOBODY))
        elif len(addressed) != len(set(to)) or frozenset(addressed) not in ADDRESSEES[side]:
            problems.append(FieldProblem("to", NOT_TO_THEM))
        if not text and not files:
            problems.append(FieldProblem("text", MISSING))
        if len(text) > LONGEST:
            problems.append(FieldProblem("text", LONG, {"most": LONGEST}))
        if files > MOST_FILES:
            problems.append(FieldProblem("files", TOO_MANY, {"most": MOST_FILES, "now": files}))
        if reply_to and not await message_queries.message(tx, tx.actor, held.id, reply_to):
            problems.append(FieldProblem("reply_to", ANSWERED))
        if problems:
            raise Invalid(*problems)
        return addressed

    async def _numbers(self, tx: Tx, held: Held, side: Side) -> tuple[int, list[datetime]]:
        """How many messages the order has, and when those of this side within the last hour were sent, newest first."""
        count: int = await tx.fetch_value(
            "SELECT coalesce(max(number), 0) FROM case_messages WHERE flow_id = %(flow)s", {"flow": held.id}
        )
        recent: list[datetime] = await tx.fetch_values(
            """
            SELECT created_at FROM case_messages
            WHERE flow_id = %(flow)s AND side = %(side)s AND created_at > %(since)s
              AND number > %(count)s - %(most)s * 3
            ORDER BY number DESC LIMIT %(most)s
            """,
            {
                "flow": held.id,
                "side": side,
                "since": tx.now - timedelta(hours=1),
                "count": count,
                "most": self._settings.message_rate,
            },
        )
        return count, recent

    async def _address(self, tx: Tx, held: Held, message_id: UUID, side: Side, to: Side) -> None:
        """Writes down that a side is written to, and when it is to hear of it by mail: at once, but not before
        `message_mail_interval` has passed since the mail before, which speaks for all that is written until it goes."""
        last: datetime | None = await tx.fetch_value(
            """
            SELECT max(mail_at) FROM case_receipts
            WHERE flow_id = %(flow)s AND side = %(to)s AND from_side = %(side)s
            """,
            {"flow": held.id, "to": to, "side": side},
        )
        mail_at: datetime | None = tx.now
        if last:
            mail_at = None if last > tx.now else max(tx.now, last + self._settings.message_mail_interval)
        await tx.execute(
            """
            INSERT INTO case_receipts (message_id, side, flow_id, organisation_id, from_side, mail_at)
            VALUES (%(message)s, %(to)s, %(flow)s, %(organisation)s, %(side)s, %(mail_at)s)
            """,
            {
                "message": message_id,
                "to": to,
                "flow": held.id,
                "organisation": {"buyer": held.buyer_id, "seller": held.seller_id}.get(to),
                "side": side,
                "mail_at": mail_at,
            },
        )

    async def read(self, tx: Tx, number: str) -> int:
        """Everything that was written to the actor's side is read from now on, by the actor where nobody read it
        before; says how many were new. Raises FlowNotFound."""
        held = await queries.existing_flow(tx, tx.actor, number)
        marked: int = await tx.fetch_value(
            """
            WITH marked AS (
                UPDATE case_receipts SET read_at = %(now)s, read_by = %(person)s, read_by_name = %(name)s
                WHERE flow_id = %(flow)s AND side = %(side)s AND read_at IS NULL RETURNING message_id
            )
            SELECT count(*) FROM marked
            """,
            {
                "now": tx.now,
                "person": tx.actor.person_id,
                "name": tx.actor.name,
                "flow": held.id,
                "side": tx.actor.kind,
            },
        )
        return marked

    # --- files -------------------------------------------------------------------------------------------------------

    async def asked_for(self, reader: Reader, side: str, held: Held) -> None:
        """Looks whether a file for a message may be handed in now. Raises ConversationClosed, or Invalid where there
        are enough."""
        if not is_open(held, self._settings, reader.now):
            raise ConversationClosed
        number = await message_queries.drafted_count(reader, held.id, side)
        if number >= MOST_FILES:
            raise invalid("files", TOO_MANY, most=MOST_FILES, now=number + 1)

    async def attach(self, tx: Tx, number: str, file_id: UUID) -> UUID:
        """A file that was just received becomes a draft of the actor's side; returns what it is known by here. Raises
        what `asked_for` does."""
        held = await _locked(tx, number)
        await self.asked_for(tx, tx.actor.kind, held)
        piece = new_id(tx.now)
        await tx.execute(
            """
            INSERT INTO case_message_files (id, flow_id, file_id, side, created_at)
            VALUES (%(id)s, %(flow)s, %(file)s, %(side)s, %(now)s)
            """,
            {"id": piece, "flow": held.id, "file": file_id, "side": tx.actor.kind, "now": tx.now},
        )
        return piece

    async def take_back(self, tx: Tx, number: str, piece: UUID) -> None:
        """A draft is no longer wanted; taking it back twice is fine. Raises FlowNotFound, MessageNotFound or
        MessageFileSent."""
        held = await _locked(tx, number)
        found = await tx.fetch_one(
            _Piece,
            """
            SELECT message_id IS NOT NULL AS sent, side, file_id FROM case_message_files
            WHERE id = %(id)s AND flow_id = %(flow)s FOR UPDATE
            """,
            {"id": piece, "flow": held.id},
        )
        if found is None:
            return
        if found.side != tx.actor.kind:
            raise MessageNotFound
        if found.sent:
            raise MessageFileSent
        await tx.execute("DELETE FROM case_message_files WHERE id = %(id)s AND message_id IS NULL", {"id": piece})
        await no_longer_wanted(tx, found.file_id)

    async def _writing(self, tx: Tx, number: str) -> Held:
        """The order, held so that its messages are numbered one after the other. Raises ConversationClosed."""
        held = await _locked(tx, number)
        if not is_open(held, self._settings, tx.now):
            raise ConversationClosed
        return held


async def _locked(tx: Tx, number: str) -> Held:
    found = await queries.existing_flow(tx, tx.actor, number)
    return await queries.locked(tx, found.id)


class _Piece(msgspec.Struct, frozen=True):
    sent: bool
    side: str
    file_id: UUID


def _side(tx: Tx) -> Side:
    return next(side for side in SIDES if side == tx.actor.kind)


def is_private(side: str, to: Sequence[str]) -> bool:
    """Whether only one of buyer and seller, and the platform, are to read it."""
    return "platform" in to or (side == "platform" and len(to) == 1)
