"""What comes of a try: the call is done, tried again or given up, and what follows from that."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from tradehall.kernel import due
from tradehall.kernel.db import Tx
from tradehall.kernel.due import DueRow
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.secrets import Seal
from tradehall.protocols.answers import AppInfo, InstanceInfo
from tradehall.provisioning import lane, queries
from tradehall.provisioning.asking import move
from tradehall.provisioning.lane import Details, Hands, Target
from tradehall.provisioning.model import (
    Attempt,
    Call,
    ClaimedCall,
    Judgement,
    Purpose,
    activity_for,
    another_key_is_next,
    business_id,
    next_try,
    window,
)
from tradehall.provisioning.outcomes import UNKNOWN_INSTANCE, decide, ending
from tradehall.settings import Settings
from tradehall.trading import queries as trading

INVESTIGATION = "call.investigation"


class Settled(msgspec.Struct, frozen=True):
    """What became of a try. Not `moved`: another worker took the call over meanwhile, and the try has no consequences.
    `following` is a call that the same worker now has to make."""

    moved: bool
    following: ClaimedCall | None


class Settling:
    """Records tries and draws their consequences, by the tables of `outcomes`."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        self._settings = settings
        self._seal = seal

    async def settle(
        self, tx: Tx, call: ClaimedCall, result: Judgement, attempt: Attempt, hands: Hands | None = None
    ) -> Settled:
        """Records a try and draws its consequences: the call succeeds, is tried again or is given up.

        `attempt` is the row for the message log. A call that follows at once goes into the `hands` offered.
        """
        following: ClaimedCall | None = None
        decision = decide(call.purpose, result, call.generation)
        at = self._again_at(call, result, tx.now) if decision.then == "again" else None
        if (other := await self._next_name(tx, call, result)) is not None:
            if moved := await lane.conclude(tx, call, "waiting", attempt, sent=result.sent, due_at=tx.now):
                await lane.rename(tx, call, other)
        elif decision.then == "settle":
            details = self._details(call, result)
            moved = await lane.conclude(tx, call, "succeeded", attempt, sent=result.sent, details=details)
            if moved:
                following = await self._succeeded(tx, call, result, details, hands)
        elif await lane.is_superseded(tx, call):
            moved = await lane.conclude(tx, call, "cancelled", attempt, sent=result.sent)
        elif at is not None:
            if moved := await lane.conclude(tx, call, "waiting", attempt, sent=result.sent, due_at=at):
                await self._note(tx, call, result, at)
        elif moved := await lane.conclude(tx, call, "failed", attempt, sent=result.sent):
            await self._note(tx, call, result, None)
            await self._gave_up(tx, call, result)
        named = result.verdict in ("success", "in_progress") and result.instance_id
        if not moved and call.purpose == "open" and named:
            await self._remember_name(tx, call, named)
        return Settled(moved, following)

    def _again_at(self, call: ClaimedCall, result: Judgement, now: datetime) -> datetime | None:
        if another_key_is_next(call, result):
            return now
        return next_try(call, now, self._settings)

    def is_one_statement(self, call: Call, result: Judgement) -> bool:
        """Whether settling this try takes one statement only: nothing follows from learning an instance's details."""
        return call.purpose == "details" and decide(call.purpose, result).then == "settle"

    def _details(self, call: Call, result: Judgement) -> Details | None:
        """What the answer tells of the instance's address and account, if it does."""
        info = _info(call, result)
        if info is None or (call.purpose == "open" and info.app is None):
            return None
        app = info.app or AppInfo()
        password = self._seal.close(app.password, str(call.instance_id)) if app.password else None
        return Details(app.front_end_url, app.admin_url, app.user_name, password, app.memo)

    async def _note(self, tx: Tx, call: Call, result: Judgement, again_at: datetime | None) -> None:
        """Writes a failed try into the order's log; waiting for an opening instance is no failure."""
        decision = decide(call.purpose, result)
        if call.purpose == "open" and (decision.knows == "unknown" or decision.knows == "under_way"):
            await tx.execute(
                "UPDATE instances SET outcome_unknown = true WHERE id = %(id)s AND NOT outcome_unknown",
                {"id": call.instance_id},
            )
        if again_at and decision.knows == "under_way":
            return
        facts = {
            "activity": call.activity,
            "attempt": call.attempts,
            "verdict": result.verdict,
            "code": result.code,
            "trouble": result.trouble,
            "message": result.message,
            "again_at": again_at,
        }
        await tx.record("call.failed" if again_at else "call.given_up", "order", call.order_id, facts)

    # --- done --------------------------------------------------------------------------------------------------------

    async def _succeeded(
        self, tx: Tx, call: ClaimedCall, result: Judgement, details: Details | None, hands: Hands | None
    ) -> ClaimedCall | None:
        facts: dict[str, Any] = {"instance": call.instance_id}
        match call.purpose:
            case "open":
                assert result.instance_id, "judged a success only with an instanceId"
                if not result.succeeded:
                    await self._accepted(tx, call, result.instance_id)
                    return None
                name = await self._opened(tx, call, result.instance_id)
                # Some sellers tell address and account with the instance; the others are asked.
                if details is None:
                    return await self._follow_up(tx, call, "details", {"instance": name}, hands=hands)
            case "await_opening":
                await self._opened(tx, call, call.parameters["instance"])
            case "investigate":
                info = _info(call, result)
                assert info, "a query is a success only when it tells of what was asked"
                await tx.record("instance.found", "order", call.order_id, facts)
                await self._opened(tx, call, info.instance_id)
            case "renew" if call.parameters["scene"] == "UNSUBSCRIBE_RENEWAL_PERIOD":
                await tx.record("renewal.taken_back", "order", call.order_id, facts)
            case "renew":
                await tx.record("instance.renewed", "order", call.order_id, facts)
            case "change":
                await tx.record("instance.changed", "order", call.order_id, facts)
            case "check" if result.succeeded:
                await tx.record("change.allowed", "order", call.order_id, facts)
            case "check":
                await self._refused(tx, call, result)
            case "freeze" | "unfreeze":
                if call.instance_id and await move(tx, call.instance_id, call.purpose):
                    kind = "instance.frozen" if call.purpose == "freeze" else "instance.unfrozen"
                    await tx.record(kind, "order", call.order_id, facts)
            case "release":
                if call.instance_id and await move(tx, call.instance_id, "release"):
                    await tx.record("instance.released", "order", call.order_id, facts)
            case "notify":
                await tx.record("seller.notified", "order", call.order_id, {})
            case "details":
                pass  # stored as the call was concluded
        return None

    async def _accepted(self, tx: Tx, call: ClaimedCall, seller_instance_id: str) -> None:
        """The seller named an instance that opens later; from here on it is asked how far that is."""
        name = await tx.fetch_value(
            """
            UPDATE instances SET seller_instance_id = coalesce(seller_instance_id, %(name)s) WHERE id = %(id)s
            RETURNING seller_instance_id
            """,
            {"id": call.instance_id, "name": seller_instance_id},
        )
        await tx.record("instance.accepted", "order", call.order_id, {"instance": call.instance_id})
        await self._follow_up(
            tx,
            call,
            "await_opening",
            {"instance": name},
            due_at=tx.now + self._settings.query_first_pause,
            # It has what is left of the time it has had since it was asked for.
            until=call.window_ends_at,
        )

    async def _opened(self, tx: Tx, call: ClaimedCall, seller_instance_id: str) -> str:
        """The instance runs. The first name the seller ever gave it is kept, whatever it says on repeats."""
        name: str | None = await tx.fetch_value(
            """
            UPDATE instances SET state = 'running', opened_at = %(now)s,
                   seller_instance_id = coalesce(seller_instance_id, %(name)s)
            WHERE id = %(id)s AND state = 'opening' RETURNING seller_instance_id
            """,
            {"id": call.instance_id, "name": seller_instance_id, "now": tx.now},
        )
        if name is None:
            return seller_instance_id
        await tx.record("instance.opened", "order", call.order_id, {"instance": call.instance_id})
        return name

    # --- given up ----------------------------------------------------------------------------------------------------

    async def _gave_up(self, tx: Tx, call: ClaimedCall, result: Judgement) -> None:
        """A call is given up: its window is over, or there is no point in asking again."""
        unknown = await self._is_unknown(tx, call)
        match ending(call.purpose, unknown):
            case "investigate" if call.generation == "V2":
                await self._investigate(tx, call)
            case "investigate" | "fail":
                await self._fail(tx, call, result)
            case "hold" if decide(call.purpose, result).then == "give_up":
                await self._compensate(tx, call, unknown, result.message)
            case "hold":
                await self._hold(tx, call)
            case "refuse":
                await self._refused(tx, call, result)
            case "wait_for_person":
                pass

    async def _refused(self, tx: Tx, call: Call, result: Judgement) -> None:
        """The seller does not allow a change, or did not say so in time."""
        facts = {"message": result.message, "code": result.code}
        await tx.record("change.refused", "order", call.order_id, facts)

    async def _is_unknown(self, tx: Tx, call: Call) -> bool:
        """Whether some try of a call may have done what was asked although no answer said so."""
        if call.purpose == "open":
            unknown: bool = await tx.fetch_value(
                "SELECT outcome_unknown FROM instances WHERE id = %(id)s", {"id": call.instance_id}
            )
            return unknown
        return await queries.some_try_is_unknown(tx, call.id)

    async def _investigate(self, tx: Tx, call: ClaimedCall) -> None:
        """Nobody knows what became of an opening: the seller is asked for the instance by the name it must have."""
        await tx.record("instance.investigated", "order", call.order_id, {"instance": call.instance_id})
        await self._follow_up(tx, call, "investigate", self._first_name(call))

    async def _fail(self, tx: Tx, call: ClaimedCall, result: Judgement) -> None:
        """Opening is given up; what the seller may have made all the same is released."""
        failed = await tx.fetch_one(
            queries.FailedInstance,
            """
            UPDATE instances SET state = 'failed', closed_at = %(now)s WHERE id = %(id)s AND state = 'opening'
            RETURNING seller_instance_id, outcome_unknown
            """,
            {"id": call.instance_id, "now": tx.now},
        )
        if failed is None:
            return
        facts = {"instance": call.instance_id}
        await tx.record("instance.failed", "order", call.order_id, facts)
        if failed.seller_instance_id:
            await self._release_failed(tx, call, {"instance": failed.seller_instance_id})
        elif failed.outcome_unknown:
            await self._release_failed(tx, call, self._first_name(call))

    def _first_name(self, call: ClaimedCall) -> dict[str, str]:
        """Sellers are told to name an instance after the first businessId they were sent for it. Should that try have
        been lost on its way, it was the first that arrived: see _next_name."""
        if call.purpose == "investigate":
            return call.parameters
        return _named(call.id, call.first_sent or call.attempts)

    async def _next_name(self, tx: Tx, call: ClaimedCall, result: Judgement) -> dict[str, str] | None:
        """The seller knows no instance by the name it should have: the next one it may go by, if there is any. An
        investigation or a release goes on under that name, with its next try."""
        asked_by_name = call.purpose in ("investigate", "release") and "opening" in call.parameters
        if not asked_by_name or result.code != UNKNOWN_INSTANCE:
            return None
        opening = UUID(call.parameters["opening"])
        number = await queries.next_unknown_try(tx, opening, int(call.parameters["named"]))
        return None if number is None else call.parameters | _named(opening, number)

    async def _release_failed(self, tx: Tx, call: ClaimedCall, named: dict[str, str]) -> None:
        parameters = dict(named)
        if refund := await trading.refund_number(tx, call.order_id):
            parameters["refund"] = refund
        await self._follow_up(tx, call, "release", parameters)

    async def _remember_name(self, tx: Tx, call: ClaimedCall, seller_instance_id: str) -> None:
        """An answer that came too late to count still says what the instance is called. The first name is kept; what
        was released under another name meanwhile is released under this one too."""
        known = await tx.fetch_one(
            _LateName,
            """
            UPDATE instances SET seller_instance_id = coalesce(seller_instance_id, %(name)s) WHERE id = %(id)s
            RETURNING state, EXISTS (
                SELECT FROM seller_calls c WHERE c.lane = instances.id AND c.purpose = 'release'
                AND c.parameters->>'instance' = %(name)s) AS released
            """,
            {"id": call.instance_id, "name": seller_instance_id},
        )
        if known and known.state in ("failed", "released") and not known.released:
            await self._release_failed(tx, call, {"instance": seller_instance_id})

    async def _hold(self, tx: Tx, call: ClaimedCall) -> None:
        """A renewal or change that was paid for could not be carried out: a person has time to look into it."""
        until = tx.now + self._settings.change_investigation
        await due.schedule(tx, INVESTIGATION, call.id, until)
        facts = {"instance": call.instance_id, "until": until}
        await tx.record("change.held", "order", call.order_id, facts)

    async def end_investigation(self, tx: Tx, row: DueRow) -> None:
        """Nobody helped a renewal or change in time: it is undone. A due row's work."""
        call = await queries.call_to_compensate(tx, row.subject_id)
        if call is None or call.state in ("succeeded", "cancelled"):
            return
        if call.state != "failed":
            # Somebody started it again: that is seen through first.
            await due.schedule(tx, INVESTIGATION, call.id, call.window_ends_at + timedelta(minutes=1))
            return
        await self._compensate(tx, call, await queries.some_try_is_unknown(tx, call.id), None)

    async def _compensate(self, tx: Tx, call: Call, unknown: bool, message: str | None) -> None:
        """The order about a running instance fails; what the seller may have done all the same is taken back."""
        if call.parameters.get("scene") == "UNSUBSCRIBE_RENEWAL_PERIOD":
            return  # the buyer has its money; the seller's server is for a person to look after
        before = await queries.expiry_before(tx, call.order_id)
        facts = {"instance": call.instance_id, "unknown": unknown, "message": message}
        await tx.record("change.failed", "order", call.order_id, facts)
        if unknown and call.purpose == "renew" and before and call.instance_id:
            await self._take_back(tx, call, call.instance_id, before)

    async def _take_back(self, tx: Tx, call: Call, instance_id: UUID, expires_at: datetime) -> None:
        """The seller may believe in a renewal that failed: it hears that the term ends when it did before."""
        held = await queries.instance_for_update(tx, SYSTEM, instance_id)
        assert held is not None, "a call about an instance has one"
        parameters = {
            "instance": call.parameters["instance"],
            "scene": "UNSUBSCRIBE_RENEWAL_PERIOD",
            "expires_at": expires_at.isoformat(),
            "amount": call.parameters.get("amount", "0"),
        }
        # Sellers do each order once: under the renewal's own number they would take this for its repetition.
        if refund := await trading.refund_number(tx, call.order_id):
            parameters["refund"] = refund
        to = msgspec.structs.replace(
            held.target(instance_id),
            order_id=call.order_id,
            order_number=call.order_number,
            line_number=call.line_number,
        )
        until = tx.now + window("renew", self._settings)
        await lane.enqueue(tx, "renew", to, until, lane=call.lane, parameters=parameters)

    # --- what follows ------------------------------------------------------------------------------------------------

    async def _follow_up(
        self,
        tx: Tx,
        call: ClaimedCall,
        purpose: Purpose,
        parameters: dict[str, str],
        *,
        due_at: datetime | None = None,
        until: datetime | None = None,
        hands: Hands | None = None,
    ) -> ClaimedCall | None:
        """Queues what follows from a call in its lane; returned when it went into the hands offered."""
        to = Target(
            call.seller_id,
            call.endpoint_id,
            call.generation,
            call.order_id,
            call.order_number,
            call.line_number,
            call.instance_id,
        )
        until = until or tx.now + window(purpose, self._settings)
        call_id = await lane.enqueue(
            tx, purpose, to, until, lane=call.lane, parameters=parameters, due_at=due_at, hands=hands
        )
        if call_id is None:
            return None
        activity = activity_for(purpose, call.generation, parameters)
        assert activity, "what was queued has a name"
        return msgspec.structs.replace(
            call,
            id=call_id,
            activity=activity,
            purpose=purpose,
            parameters=parameters,
            due_at=tx.now,
            window_ends_at=until,
            attempts=1,
            first_sent=None,
            created_at=tx.now,
            verdict=None,
            result_code=None,
            revision=None,
        )


def _named(opening: UUID, number: int) -> dict[str, str]:
    """An instance by the name that a try at opening it proposed."""
    return {"instance": business_id(opening, number), "opening": str(opening), "named": str(number)}


class _LateName(msgspec.Struct, frozen=True):
    state: str
    released: bool


def _info(call: Call, result: Judgement) -> InstanceInfo | None:
    """What an answer tells of the instance a call is about."""
    if call.activity == "newInstance":
        # The first generation tells with the instance itself, whatever it calls it on repeats.
        return next(iter(result.instances), None)
    if call.activity != "queryInstance":
        return None
    return next((info for info in result.instances if info.instance_id == call.parameters["instance"]), None)
