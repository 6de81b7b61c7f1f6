"""A file that somebody sends with a form: received in a stream, and attached in the transaction that keeps it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from tradehall.edge.access import installation_of
from tradehall.edge.uploads import FilePart
from tradehall.kernel.db import Tx
from tradehall.web.common import WebRequest, request_id, seat_of

T = TypeVar("T")


async def take_in(
    request: WebRequest, part: FilePart, accept: frozenset[str], attach: Callable[[Tx, UUID], Awaitable[T]]
) -> T:
    """Keeps a file as the reader's organisation's, and has it attached. Raises what `Files.receive` and that do."""
    installation, seat = installation_of(request), seat_of(request)
    async with installation.files.receiving() as handing:
        received = await handing.receive(part.name, part.content, accept=accept, announced=part.announced)
        async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
            kept = await installation.files.register(
                tx, received, owner_id=seat.organisation_id, uploaded_by=seat.person_id
            )
            return await attach(tx, kept.id)
