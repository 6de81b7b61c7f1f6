"""What people do with calls and instances: start a call again, ask anew, see a password."""

from collections.abc import Mapping
from uuid import UUID

from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.secrets import Seal
from tradehall.provisioning import circuits, lane, queries
from tradehall.provisioning.errors import (
    BuyerWasRefunded,
    CallIsSettled,
    CallMovedOn,
    CallNotFound,
    InstanceNotFound,
)
from tradehall.provisioning.model import RESTARTABLE_WHEN_FAILED, Call, window
from tradehall.settings import Settings
from tradehall.trading import queries as trading


class Provisioning:
    """People's verbs, with the settings that say how long and how often."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        self._settings = settings
        self._seal = seal

    async def restart(self, tx: Tx, call_id: UUID, seen_attempts: int) -> None:
        """Has a call tried at once (重新启动) as the person saw it, after `seen_attempts` tries.

        However often that is clicked, one try follows: a later click finds the call tried and raises CallMovedOn, or
        finds it due already and changes nothing. Raises CallNotFound, CallIsSettled or BuyerWasRefunded.
        """
        call = await queries.call_for_update(tx, tx.actor, call_id)
        if call is None:
            raise CallNotFound
        if call.state == "failed" and not await self._may_begin_again(tx, call):
            raise BuyerWasRefunded
        if call.attempts != seen_attempts:
            raise CallMovedOn(state=call.state, attempts=call.attempts)
        if call.state not in ("waiting", "failed"):
            raise CallIsSettled(state=call.state)
        if call.state == "waiting" and call.due_at <= tx.now and not await circuits.holds(tx, call):
            return
        await lane.resume(tx, call, tx.now + window(call.purpose, self._settings))
        await tx.record("call.restarted", "order", call.order_id, {"call": call.id, "activity": call.activity})

    async def restart_each(self, tx: Tx, seen: Mapping[UUID, int]) -> dict[UUID, Problem | None]:
        """Restarts what can be, `seen` saying after how many tries of each; one that cannot does not stop the others.

        Says of each why it was not restarted, None where it was. A refusal comes before anything is written of a call.
        """
        own = await queries.lock_to_restart(tx, tx.actor, list(seen))
        outcomes: dict[UUID, Problem | None] = dict.fromkeys(seen)
        for call_id in (*own, *(seen.keys() - set(own))):
            try:
                await self.restart(tx, call_id, seen[call_id])
            except Problem as problem:
                outcomes[call_id] = problem
        return outcomes

    async def _may_begin_again(self, tx: Tx, call: Call) -> bool:
        """Whether a call that was given up may be made after all: not once the buyer has its money back, and not what
        takes a renewal back once a newer one tells the seller of a later end."""
        if call.parameters.get("scene") == "UNSUBSCRIBE_RENEWAL_PERIOD":
            return not await lane.is_overtaken(tx, call)
        if call.purpose in ("renew", "change"):
            return await trading.is_processing(tx, call.order_id)
        return call.purpose in RESTARTABLE_WHEN_FAILED

    async def refresh_details(self, tx: Tx, instance_id: UUID) -> bool:
        """Asks the seller anew for an application's details; False when they are fresh or being asked for already.

        Raises InstanceNotFound.
        """
        instance = await queries.instance_for_update(tx, tx.actor, instance_id)
        if instance is None:
            raise InstanceNotFound
        fresh_since = tx.now - self._settings.query_refresh_age
        fresh = instance.details_at is not None and instance.details_at > fresh_since
        if instance.state != "running" or instance.asking or fresh or instance.endpoint_id is None:
            return False
        to = instance.target(instance_id)
        parameters = {"instance": instance.seller_instance_id}
        await lane.enqueue(
            tx, "details", to, tx.now + window("details", self._settings), lane=instance_id, parameters=parameters
        )
        return True

    async def reveal_password(self, tx: Tx, instance_id: UUID) -> str | None:
        """The initial password of an application of the actor's organisation. Raises InstanceNotFound."""
        sealed = await queries.sealed_password(tx, tx.actor, instance_id)
        if sealed is None:
            raise InstanceNotFound
        return self._seal.open(sealed, str(instance_id)) if sealed else None
