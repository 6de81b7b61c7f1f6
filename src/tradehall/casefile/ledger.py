"""The ledger's lines of an order, as a case file tells them."""

from typing import Any
from uuid import UUID

from tradehall.casefile.model import Viewer
from tradehall.kernel.db import Reader


async def lines_for(reader: Reader, side: Viewer, order_id: UUID) -> list[dict[str, Any]]:
    """What was booked for an order, oldest first, as far as this side may see it."""
    return []
