"""What the card of a supervised order's messages shows: what was written, whom to write to, how they were pressed."""

from datetime import datetime
from uuid import UUID

import msgspec

from tradehall.edge.access import installation_of
from tradehall.kernel.db import Reader
from tradehall.kernel.i18n import N_
from tradehall.kernel.paging import Page, page_request
from tradehall.notices import actions as notices
from tradehall.supervision import pressure
from tradehall.supervision.conversation import queries as message_queries
from tradehall.supervision.conversation.messages import ADDRESSEES, LONGEST, is_open, is_private, open_until
from tradehall.supervision.conversation.queries import Message, MessageFile
from tradehall.supervision.conversation.templates import Offered, offered
from tradehall.supervision.flow import SIDES, Side
from tradehall.supervision.model import Held
from tradehall.supervision.pressure import Pressed
from tradehall.web.common import Form, WebRequest, request_id, seat_of

SHOWN = 20
# Whom a message can go to, as a form names it, and what that is called.
CHOICES: dict[str, str] = {
    "seller": N_("The seller (the marketplace can read along)"),
    "buyer": N_("The buyer (the marketplace can read along)"),
    "platform": N_("The marketplace alone"),
    "buyer,seller": N_("Buyer and seller"),
}
ONLY: dict[str, str] = {"seller": N_("The seller alone"), "buyer": N_("The buyer alone")}


class Talk(msgspec.Struct, frozen=True):
    """What the card shows. Messages stand oldest first; `files` are drafts, `choices` whom one may write to. `urge`
    says whether there is somebody to remind, `urge_at` from when on again."""

    messages: Page[Message]
    number: int
    unread: int
    writable: bool
    until: datetime | None
    files: list[MessageFile]
    templates: list[Offered]
    choices: list[tuple[str, str]]
    form: Form
    reply: Message | None
    pressed: Pressed
    urge: bool
    urge_at: datetime | None
    next_at: datetime | None
    longest: int = LONGEST

    def private(self, one: Message) -> bool:
        return is_private(one.side, one.to)


async def talk_of(request: WebRequest, reader: Reader, held: Held, form: Form | None = None) -> Talk:
    """The messages of an order that its reader was shown, as far as its address says; `form` is what came back."""
    settings, actor = installation_of(request).settings, request.user.actor
    side = next(one for one in SIDES if one == actor.kind)
    asked = request.query_params
    wanted = msgspec.structs.replace(page_request(None, asked.get("after"), asked.get("before")), limit=SHOWN)
    found = await message_queries.messages(reader, actor, held.id, wanted)
    latest = await message_queries.latest(reader, actor, held.id)
    writable = is_open(held, settings, reader.now)
    typed = form or Form(request, [("reply_to", asked.get("reply", ""))])
    reply = None
    if writable and (named := typed.value("reply_to")):
        reply = await message_queries.message(reader, actor, held.id, id_or_none(named))
    pressed = await pressure.pressed(reader, held)
    urged = pressed.urged_by(side)
    again = urged + settings.urge_interval if urged else None
    return Talk(
        messages=Page(list(found.items)[::-1], found.next, found.previous),
        number=latest.number,
        unread=latest.unread,
        writable=writable,
        until=open_until(held, settings),
        files=await message_queries.drafted_files(reader, held.id, side) if writable else [],
        templates=await offered(reader, seat_of(request).organisation_id, held, side) if writable else [],
        choices=_choices(side),
        form=typed,
        reply=reply,
        pressed=pressed,
        urge=pressure.may_urge(held, side),
        urge_at=again if again and again > reader.now else None,
        next_at=held.timers.get("remind") if held.state == "open" else None,
    )


def _choices(side: Side) -> list[tuple[str, str]]:
    """Whom somebody of this side may write to, the usual first."""
    keys = [",".join(sorted(one)) for one in ADDRESSEES[side]]
    return [(key, ONLY[key] if side == "platform" and key in ONLY else CHOICES[key]) for key in keys]


def id_or_none(text: str) -> UUID:
    """The id that an address or a form names; for what is none, that of nothing."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


async def seen(request: WebRequest, number: str) -> None:
    """What was written to the reader's side is read from now on."""
    installation = installation_of(request)
    async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
        await installation.conversation.read(tx, number)
        await notices.read_about(tx, number, "message")
