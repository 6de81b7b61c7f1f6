"""How often the side whose turn it is was reminded, and reminding it."""

from datetime import datetime

import msgspec
from litestar import get, post

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.edge.access import anyone_signed_in, only
from tradehall.kernel.db import Reader, Tx
from tradehall.supervision import pressure, queries
from tradehall.supervision.errors import FlowFinished, FlowFrozen, FlowNotFound, UrgedAlready, YourTurn
from tradehall.supervision.model import Held


class Reminders(msgspec.Struct, frozen=True):
    """How the present turn of an order was pressed for: reminders of the marketplace, of the sides that wait, and how
    many people hear of it by now (`level`, 1 to 4; 0 before the first)."""

    number: str
    level: int
    reminded: int
    reminded_at: datetime | None
    urged: int
    next_at: datetime | None
    may_urge_at: datetime | None


async def _reminders(request: ApiRequest, reader: Reader, held: Held) -> Reminders:
    kind, settings = request.user.actor.kind, installation_of_app(request).settings
    pressed = await pressure.pressed(reader, held)
    last = pressed.urged_by(kind)
    earliest = max(reader.now, last + settings.urge_interval) if last else reader.now
    return Reminders(
        held.order_number,
        pressed.level,
        pressed.reminded,
        pressed.reminded_at,
        pressed.urged,
        held.timers.get("remind"),
        earliest if pressure.may_urge(held, kind) else None,
    )


@get("/{number:str}/reminders", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def get_reminders(request: ApiRequest, number: str) -> Reminders:
    """See how often a turn was reminded of.

    And when the next reminder is due, and from when on your side may remind (null where there is nobody to).
    """
    async with installation_of_app(request).db.read() as reader:
        return await _reminders(request, reader, await queries.existing_flow(reader, request.user.actor, number))


@post(
    "/{number:str}/urge",
    guards=[only("buyer", "seller")],
    status_code=200,
    opt={"problems": [FlowNotFound, FlowFinished, FlowFrozen, YourTurn, UrgedAlready]},
)
async def urge_other_side(request: ApiRequest, number: str, idempotency_key: IdempotencyKey = None) -> Reminders:
    """Remind the side whose turn it is.

    Once a day, if nothing else is set.
    """

    async def action(tx: Tx) -> Reminders:
        await pressure.urge(tx, installation_of_app(request).settings, number)
        return await _reminders(request, tx, await queries.existing_flow(tx, tx.actor, number))

    return await write(request, Reminders, idempotency_key, action)
