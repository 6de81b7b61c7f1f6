"""What people do with supervised orders: one act after the other, as the flow's table has it."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tradehall.kernel.db import Tx
from tradehall.kernel.journal import Event
from tradehall.kernel.secrets import Seal
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.carriers import Carrier, offered
from tradehall.supervision.disputes.acting import Disputes
from tradehall.supervision.disputes.errors import OwnOrganisation
from tradehall.supervision.disputes.steps import Step
from tradehall.supervision.errors import FlowMovedOn, FlowNotFound, TooManyActs
from tradehall.supervision.evidence import allowed
from tradehall.supervision.fields import check
from tradehall.supervision.flows import is_supervised
from tradehall.supervision.log import acts_within
from tradehall.supervision.model import Held
from tradehall.supervision.moving import Moving
from tradehall.supervision.opening import open_flow
from tradehall.supervision.timers import Timers

AN_HOUR = timedelta(hours=1)


class Supervision:
    """The verbs and reactions of service supervision. `timers` are what happens without anybody."""

    def __init__(self, settings: Settings, seal: Seal, carrier: Carrier) -> None:
        self._settings = settings
        self._moving = Moving(settings, seal)
        self._disputes = Disputes(settings, self._moving)
        self.timers = Timers(settings, self._moving, self._disputes, carrier)
        self._zone = ZoneInfo(settings.default_timezone)

    async def open_for(self, tx: Tx, event: Event) -> None:
        """A paid order of something that people deliver begins its flow. Reaction to order.paid.

        A renewal never does: what it renews was accepted before.
        """
        if not is_supervised(event.facts.get("delivery_type", "")) or event.facts.get("order_type", "NEW") != "NEW":
            return
        await open_flow(tx, self._settings, event.subject_id)

    async def act(self, tx: Tx, number: str, key: str, answers: Mapping[str, Any], *, seen: int | None = None) -> Held:
        """One of the two sides, or the platform, does what it can do now, in the delivery or in a dispute about it;
        returns the order as it stood before.

        `seen` is the number of acts the person had seen. The files are those the side has handed in as drafts for
        this verb. Raises FlowNotFound, FlowFinished, FlowFrozen, OutOfTurn, NotYourSide, UnknownVerb, FlowMovedOn,
        OwnOrganisation, TooManyActs, what the rules of disputes say, or Invalid naming everything that is missing or
        wrong.
        """
        held = await self._moving.take(tx, number)
        stage, verb = allowed(held, key, tx.actor.kind)
        if seen is not None and seen != held.acts:
            raise FlowMovedOn
        await self._check_impartial(tx, held)
        await self._check_rate(tx, held)
        files = await queries.drafted_files(tx, held.id, tx.actor.kind, key)
        handed_in = Counter(one.kind for one in files)
        fields = offered(held.fields(verb), self._settings.sandbox)
        checked = check(fields, answers, handed_in, held.bounds(tx.now, self._zone))
        if isinstance(verb, Step):
            await self._disputes.carry_out(tx, held, stage, verb, checked, files)
        else:
            await self._moving.carry_out(tx, held, verb, checked, files)
        return held

    async def _check_impartial(self, tx: Tx, held: Held) -> None:
        """Nobody of the platform judges a delivery or a dispute of an organisation they belong to."""
        if await queries.judges_their_own(tx, tx.actor, held):
            raise OwnOrganisation

    async def _check_rate(self, tx: Tx, held: Held) -> None:
        """Each act stands in the log for ever and is told to the other side: nobody drowns them in acts."""
        most = self._settings.act_rate
        recent = await acts_within(tx, held.order_id, tx.actor.kind, AN_HOUR, most)
        if len(recent) >= most:
            raise TooManyActs(most=most, at=recent[-1] + AN_HOUR)

    async def reveal(self, tx: Tx, number: str) -> dict[str, str]:
        """The secret things of a delivery, for the buyer and the seller who supplied them. Raises FlowNotFound."""
        held = await queries.existing_flow(tx, tx.actor, number)
        if tx.actor.kind not in ("buyer", "seller"):
            raise FlowNotFound
        return self._moving.secrets(held).get("deliver", {})
