"""The parcel of a supervised order: what is kept of it, and what a courier is asked."""

from datetime import datetime
from typing import Any

from tradehall.supervision.carriers import Parcel
from tradehall.supervision.model import Held


def parcel_of(held: Held, supplied: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What is known of a parcel as it is posted."""
    return {
        "courier": supplied["courier"],
        "number": supplied["tracking_number"],
        "phone": held.facts.get("recipient", {}).get("recipient_phone", ""),
        "posted_at": now,
        "status": "unknown",
        "signed_at": None,
    }


def parcel(held: Held) -> Parcel:
    """What the courier is asked about."""
    kept = held.facts["parcel"]
    return Parcel(kept["courier"], kept["number"], kept["phone"], datetime.fromisoformat(kept["posted_at"]))
