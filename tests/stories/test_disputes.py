"""Appeals, refunds and returns from their opening to their end: exactly these events, by moved clock."""

from datetime import timedelta

import pytest
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.supervision.errors import FlowFrozen

DAYS = timedelta(days=1)
PAID = ["order.placed", "order.paid", "supervision.opened"]
APPEALED = ["appeal.opened", "supervision.frozen"]
MONEY_BACK = [
    "supervision.cancelled", "order.cancelled", "order.refund_requested", "order.refunded",
]  # fmt: skip


@pytest.fixture
def supervised(shop: Shop) -> Supervised:
    return Supervised(shop)


async def since(supervised: Supervised, number: str, told: list[str]) -> list[str]:
    """What was written down after this, reminders aside."""
    kinds = [kind for kind in await supervised.kinds(number) if not kind.endswith(".reminded")]
    assert kinds[: len(told)] == told
    return kinds[len(told) :]


# --- negotiated refunds ----------------------------------------------------------------------------------------------


async def test_a_refund_that_the_seller_agrees_to(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "submit_requirement")
    before = await supervised.flow(number)
    held = await supervised.act(number, "request_refund", amount_minor=40_000)
    assert held.frozen_at
    assert [one.kind for one in held.disputes] == ["refund"]
    held = await supervised.act(number, "agree_refund")
    await shop.run_due(timedelta(hours=3))
    order = await shop.order(number)
    assert (held.state, order.state, order.cancel_reason) == ("cancelled", "cancelled", "refund_agreed")
    assert (order.refund_minor, order.refund_state) == (40_000, "refunded")
    assert await since(supervised, number, [*PAID, "supervision.requirement_submitted"]) == [
        "supervision.frozen", "refund.requested", "refund.agreed", *MONEY_BACK
    ]  # fmt: skip
    assert before.refundable
