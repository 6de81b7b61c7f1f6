"""What becomes of a subscription by itself: its term ends, it is frozen, it ends. Each step is a due row."""

from datetime import datetime
from uuid import UUID

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.journal import SYSTEM
from tradehall.settings import Settings
from tradehall.trading import subscription_queries as queries
from tradehall.trading.subscription_queries import LIFE
from tradehall.trading.terms import SUBSCRIPTION_MOVES, Subscription, life_ahead, live

RENEWAL = queries.RENEWAL
# What each step of life is called in the journal.
EVENTS = {"expire": "subscription.expired", "freeze": "subscription.frozen", "end": "subscription.ended"}


async def arm(
    tx: Tx, subscription_id: UUID, settings: Settings, *, renewal: bool = True, not_before: datetime | None = None
) -> None:
    """Schedules what comes next for a subscription whose row the caller holds, and without `renewal` only its steps.
    It is not renewed automatically before `not_before`.

    While a paid order about it is being carried out nothing is scheduled: a renewal that is on its way must not be
    overtaken by the freeze it prevents. The order's end arms the subscription again.
    """
    held = await queries.subscription(tx, SYSTEM, subscription_id)
    if held is None or held.busy_state == "processing":
        return
    steps = life_ahead(held.state, held.expires_at, held.trial, settings)
    if steps:
        await due.schedule(tx, LIFE, held.id, steps[0].at)
    if renewal and held.auto_renew and held.expires_at and held.state in ("active", "grace"):
        at = held.expires_at - settings.renewal_lead
        await due.schedule(tx, RENEWAL, held.id, max(at, not_before or at))


class Life:
    """The steps of a subscription's life, and the marketplace's power to suspend it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def carry_out_step(self, tx: Tx, row: DueRow) -> None:
        """Takes a subscription the step that is due, and schedules the next one."""
        held = await queries.locked(tx, SYSTEM, row.subject_id)
        if held is None or held.busy_state == "processing":
            return
        steps = life_ahead(held.state, held.expires_at, held.trial, self._settings)
        if steps and steps[0].at <= tx.now:
            await self._take(tx, held, steps[0].verb)
        # A renewal that is due stays so: its worker may hold its row, and wait for the subscription's, which we hold.
        await arm(tx, held.id, self._settings, renewal=False)

    async def _take(self, tx: Tx, held: Subscription, verb: str) -> None:
        state = SUBSCRIPTION_MOVES[held.state, verb]
        await tx.execute(
            """
            UPDATE subscriptions SET state = %(state)s,
                frozen_at = CASE WHEN %(state)s = 'frozen' THEN %(now)s::timestamptz END,
                ended_at = CASE WHEN %(state)s = 'ended' THEN %(now)s::timestamptz END,
                end_reason = CASE WHEN %(state)s = 'ended' THEN 'expired' END
            WHERE id = %(id)s AND state = %(from)s
            """,
            {"id": held.id, "from": held.state, "state": state, "now": tx.now},
        )
        facts = {"instance": held.id, "suspended": held.suspended_at is not None}
        if verb == "end":
            facts["reason"] = "expired"
        await tx.record(EVENTS[verb], "order", held.order_id, facts)

    async def suspend(self, tx: Tx, subscription_id: UUID, why: str) -> None:
        """The marketplace freezes an application for a violation; doing so twice changes nothing.

        Raises SubscriptionNotFound or SubscriptionEnded.
        """
        held = await self._live(tx, subscription_id)
        if held.suspended_at:
            return
        await tx.execute(
            "UPDATE subscriptions SET suspended_at = %(now)s, suspended_why = %(why)s WHERE id = %(id)s",
            {"id": held.id, "now": tx.now, "why": why},
        )
        facts = {"instance": held.id, "why": why, "frozen": held.state == "frozen"}
        await tx.record("subscription.suspended", "order", held.order_id, facts)

    async def lift(self, tx: Tx, subscription_id: UUID) -> None:
        """The violation is over; an application whose term is over stays frozen all the same."""
        held = await self._live(tx, subscription_id)
        if not held.suspended_at:
            return
        await tx.execute(
            "UPDATE subscriptions SET suspended_at = NULL, suspended_why = NULL WHERE id = %(id)s", {"id": held.id}
        )
        facts = {"instance": held.id, "frozen": held.state == "frozen"}
        await tx.record("subscription.suspension_lifted", "order", held.order_id, facts)

    async def _live(self, tx: Tx, subscription_id: UUID) -> Subscription:
        found = await queries.subscription(tx, tx.actor, subscription_id)
        if found and found.busy_state == "processing":
            # What follows asks the seller, and whoever ends that order takes the instance before the subscription.
            await queries.hold_instance(tx, subscription_id)
        return live(await queries.locked(tx, tx.actor, subscription_id))
