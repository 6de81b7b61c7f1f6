"""The ledger's postings of an order, as a case file tells them."""

from importlib import import_module
from typing import Any
from uuid import UUID

import msgspec

from tradehall.casefile.model import Viewer
from tradehall.kernel.db import Reader


async def lines_for(reader: Reader, side: Viewer, order_id: UUID) -> list[dict[str, Any]]:
    """What was booked for an order, oldest first, as far as this side is told: each posting with its lines."""
    try:
        ledger = import_module("tradehall.ledger.queries")
    except ModuleNotFoundError:
        return []
    return [msgspec.to_builtins(posting) for posting in await ledger.lines_of(reader, order_id, side)]
