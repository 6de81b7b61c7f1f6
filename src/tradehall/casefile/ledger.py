"""The ledger's postings of an order, as a case file tells them."""

from typing import Any
from uuid import UUID

import msgspec

from tradehall.casefile.model import Viewer
from tradehall.kernel.db import Reader
from tradehall.ledger.queries import lines_of


async def lines_for(reader: Reader, side: Viewer, order_id: UUID) -> list[dict[str, Any]]:
    """What was booked for an order, oldest first, as far as this side is told: each posting with its lines."""
    return [msgspec.to_builtins(posting) for posting in await lines_of(reader, order_id, side)]
