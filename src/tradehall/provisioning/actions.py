"""What happens to instances and the calls made for them: asked for, settled, given up, restarted."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Event
from tradehall.kernel.secrets import Seal
from tradehall.protocols.v2 import AppInfo, InstanceInfo
from tradehall.provisioning import lane, queries
from tradehall.provisioning.errors import BuyerWasRefunded, CallIsSettled, CallMovedOn, CallNotFound, InstanceNotFound
from tradehall.provisioning.lane import Details, Hands, Target
from tradehall.provisioning.model import (
    ACTIVITY_OF,
    RESTARTABLE_WHEN_FAILED,
    UNKNOWN_INSTANCE,
    Attempt,
    Call,
    ClaimedCall,
    Judgement,
    Purpose,
    business_id,
    expiry,
    next_try,
    window,
)
from tradehall.settings import Settings
from tradehall.trading import queries as trading


class _Opening(msgspec.Struct, frozen=True):
    """The instance a paid order line became, and the endpoint that hears of paid orders, if the seller has one."""

    line_number: str
    order_number: str
    seller_id: UUID
    endpoint_id: UUID
    general_endpoint_id: UUID | None


class Settled(msgspec.Struct, frozen=True):
    """What became of a try. Not `moved`: another worker took the call over meanwhile, and the try has no consequences.
    `following` is a call that the same worker now has to make."""

    moved: bool
    following: ClaimedCall | None


class Provisioning:
    """The room's verbs, with the settings that say how long and how often. Reactions are methods of it."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        self._settings = settings
        self._seal = seal
        self._zone = ZoneInfo(settings.default_timezone)

    async def request_instance(self, tx: Tx, event: Event) -> None:
        """A paid order line becomes an instance that opens, and a call that asks for it. Reaction to order.paid."""
        instance_id = new_id(tx.now)
        line = await tx.fetch_one(
            _Opening,
            """
            WITH line AS (
                SELECT l.id, l.number AS line_number, o.number AS order_number, o.buyer_id, o.seller_id, o.product_id,
                       p.endpoint_id, g.id AS general_endpoint_id,
                       l.period_number * CASE l.period_type WHEN 'year' THEN 12 ELSE 1 END AS months
                FROM orders o
                JOIN order_lines l ON l.order_id = o.id
                JOIN products p ON p.id = o.product_id
                LEFT JOIN endpoints g ON g.seller_id = o.seller_id AND g.interface_class = 'general'
                WHERE o.id = %(order)s
            ), opening AS (
                INSERT INTO instances (id, order_id, order_line_id, buyer_id, seller_id, product_id, endpoint_id,
                                       months, state, created_at)
                SELECT %(id)s, %(order)s, id, buyer_id, seller_id, product_id, endpoint_id, months, 'opening', %(now)s
                FROM line
            ), asked AS (
                -- The first call of a new lane, written at once: nothing can be before it.
                INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                          line_number, instance_id, state, due_at, window_ends_at, request_id,
                                          created_at)
                SELECT %(call)s, seller_id, endpoint_id, 'newInstance', 'open', %(id)s, %(order)s, order_number,
                       line_number, %(id)s, 'waiting', %(now)s, %(until)s, %(request)s, %(now)s
                FROM line
                RETURNING pg_notify(%(channel)s, '')
            )
            SELECT line_number, order_number, seller_id, endpoint_id, general_endpoint_id FROM line, asked
            """,
            {
                "id": instance_id,
                "call": new_id(tx.now),
                "order": event.subject_id,
                "until": self._until(tx, "open"),
                "request": tx.request_id,
                "channel": lane.CHANNEL,
                "now": tx.now,
            },
        )
        assert line is not None, "a paid order has a line"
        if line.general_endpoint_id:
            to = Target(
                line.seller_id, line.general_endpoint_id, event.subject_id, line.order_number, line.line_number, None
            )
            await lane.enqueue(tx, "notify", to, self._until(tx, "notify"), lane=new_id(tx.now))

    async def settle(
        self, tx: Tx, call: ClaimedCall, result: Judgement, attempt: Attempt, hands: Hands | None = None
    ) -> Settled:
        """Records a try and draws its consequences: the call succeeds, is tried again or is given up.

        `attempt` is the row for the message log. A call that follows at once goes into the `hands` offered.
        """
        following: ClaimedCall | None = None
        if self._does(call, result):
            details = self._details(call, result)
            moved = await lane.conclude(tx, call, "succeeded", attempt, sent=result.sent, details=details)
            if moved:
                following = await self._succeeded(tx, call, result, hands)
        elif (at := next_try(call, tx.now, self._settings)) is not None:
            if moved := await lane.conclude(tx, call, "waiting", attempt, sent=result.sent, due_at=at):
                await self._note_failure(tx, call, result, at)
        elif moved := await lane.conclude(tx, call, "failed", attempt, sent=result.sent):
            await self._note_failure(tx, call, result, None)
            await self._gave_up(tx, call)
        if not moved and call.purpose == "open" and result.instance_id:
            await self._remember_name(tx, call, result.instance_id)
        return Settled(moved, following)

    async def _remember_name(self, tx: Tx, call: Call, seller_instance_id: str) -> None:
        """An answer that came too late to count still says what the instance is called, should it have to be released.
        The first name is kept."""
        await tx.execute(
            "UPDATE instances SET seller_instance_id = coalesce(seller_instance_id, %(name)s) WHERE id = %(id)s",
            {"id": call.instance_id, "name": seller_instance_id},
        )

    def _does(self, call: Call, result: Judgement) -> bool:
        """Whether a try does what its call is for."""
        match call.purpose:
            case "open":
                # Accepted to be opened later (000004) settles this call too: from there on the instance is queried.
                return result.verdict in ("success", "in_progress")
            case "await_opening" | "details":
                return result.succeeded and self._info(call, result) is not None
            case "release":
                # An instance the seller does not know is as gone as it can be.
                return result.succeeded or result.code == UNKNOWN_INSTANCE
            case "notify":
                return result.succeeded

    def is_one_statement(self, call: Call, result: Judgement) -> bool:
        """Whether settling this try takes one statement only: nothing follows from learning an instance's details."""
        return call.purpose == "details" and self._does(call, result)

    def _details(self, call: Call, result: Judgement) -> Details | None:
        if call.purpose not in ("await_opening", "details"):
            return None
        info = self._info(call, result)
        app = (info.app if info else None) or AppInfo()
        password = self._seal.close(app.password, str(call.instance_id)) if app.password else None
        return Details(app.front_end_url, app.admin_url, app.user_name, password, app.memo)

    def _info(self, call: Call, result: Judgement) -> InstanceInfo | None:
        wanted = call.parameters["instance"]
        return next((info for info in result.instances if info.instance_id == wanted), None)

    async def _note_failure(self, tx: Tx, call: Call, result: Judgement, again_at: datetime | None) -> None:
        """Writes a failed try into the order's log; waiting for an opening instance is no failure."""
        if call.purpose == "open" and result.effect_possible:
            await tx.execute(
                "UPDATE instances SET outcome_unknown = true WHERE id = %(id)s AND NOT outcome_unknown",
                {"id": call.instance_id},
            )
        if call.purpose in ("await_opening", "details") and again_at and self._merely_not_ready(result):
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

    def _merely_not_ready(self, result: Judgement) -> bool:
        return result.verdict in ("success", "in_progress") or result.trouble == "no_info"

    async def _succeeded(self, tx: Tx, call: ClaimedCall, result: Judgement, hands: Hands | None) -> ClaimedCall | None:
        match call.purpose:
            case "open":
                assert result.instance_id, "judged a success only with an instanceId"
                if result.succeeded:
                    name = await self._opened(tx, call, result.instance_id)
                    return await self._follow_up(tx, call, "details", {"instance": name}, hands=hands)
                await self._accepted(tx, call, result.instance_id)
            case "await_opening":
                await self._opened(tx, call, call.parameters["instance"])
            case "details":
                pass  # stored as the call was concluded
            case "release":
                if await tx.fetch_value(
                    """
                    UPDATE instances SET state = 'released', closed_at = %(now)s
                    WHERE id = %(id)s AND state = 'failed' RETURNING true
                    """,
                    {"id": call.instance_id, "now": tx.now},
                ):
                    await tx.record("instance.released", "order", call.order_id, {"instance": call.instance_id})
            case "notify":
                await tx.record("seller.notified", "order", call.order_id, {})
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
        expires_at = expiry(tx.now, call.months, self._zone)
        name: str | None = await tx.fetch_value(
            """
            UPDATE instances SET state = 'running', opened_at = %(now)s, expires_at = %(expires)s,
                   seller_instance_id = coalesce(seller_instance_id, %(name)s)
            WHERE id = %(id)s AND state = 'opening' RETURNING seller_instance_id
            """,
            {"id": call.instance_id, "name": seller_instance_id, "now": tx.now, "expires": expires_at},
        )
        if name is None:
            return seller_instance_id
        facts = {"instance": call.instance_id, "expires_at": expires_at}
        await tx.record("instance.opened", "order", call.order_id, facts)
        return name

    async def _gave_up(self, tx: Tx, call: ClaimedCall) -> None:
        """A call's window is over. Opening given up ends the instance; everything else waits for a person."""
        if call.purpose not in ("open", "await_opening"):
            return
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
        await tx.record("instance.failed", "order", call.order_id, {"instance": call.instance_id})
        if failed.seller_instance_id or failed.outcome_unknown:
            # Sellers are told to name an instance after the first businessId they were sent for it.
            first_seen = business_id(call.id, call.first_sent or call.attempts)
            parameters = {"instance": failed.seller_instance_id or first_seen}
            if refund := await trading.refund_number(tx, call.order_id):
                parameters["refund"] = refund
            await self._follow_up(tx, call, "release", parameters)

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
            call.seller_id, call.endpoint_id, call.order_id, call.order_number, call.line_number, call.instance_id
        )
        until = until or self._until(tx, purpose)
        call_id = await lane.enqueue(
            tx, purpose, to, until, lane=call.lane, parameters=parameters, due_at=due_at, hands=hands
        )
        if call_id is None:
            return None
        return msgspec.structs.replace(
            call,
            id=call_id,
            activity=ACTIVITY_OF[purpose],
            purpose=purpose,
            parameters=parameters,
            due_at=tx.now,
            window_ends_at=until,
            attempts=1,
            first_sent=None,
            created_at=tx.now,
        )

    def _until(self, tx: Tx, purpose: Purpose) -> datetime:
        return tx.now + window(purpose, self._settings)

    async def restart(self, tx: Tx, call_id: UUID, seen_attempts: int) -> None:
        """Has a call tried at once (重新启动) as the person saw it, after `seen_attempts` tries.

        However often that is clicked, one try follows: a later click finds the call tried and raises CallMovedOn, or
        finds it due already and changes nothing. Raises CallNotFound, CallIsSettled or BuyerWasRefunded.
        """
        call = await queries.call_for_update(tx, tx.actor, call_id)
        if call is None:
            raise CallNotFound
        if call.state == "failed" and call.purpose not in RESTARTABLE_WHEN_FAILED:
            raise BuyerWasRefunded
        if call.attempts != seen_attempts:
            raise CallMovedOn(state=call.state, attempts=call.attempts)
        if call.state not in ("waiting", "failed"):
            raise CallIsSettled(state=call.state)
        if call.state == "waiting" and call.due_at <= tx.now:
            return
        await lane.resume(tx, call, self._until(tx, call.purpose))
        await tx.record("call.restarted", "order", call.order_id, {"call": call.id, "activity": call.activity})

    async def refresh_details(self, tx: Tx, instance_id: UUID) -> bool:
        """Asks the seller anew for an application's details; False when they are fresh or being asked for already.

        Raises InstanceNotFound.
        """
        instance = await queries.instance_for_update(tx, tx.actor, instance_id)
        if instance is None:
            raise InstanceNotFound
        fresh_since = tx.now - self._settings.query_refresh_age
        fresh = instance.details_at is not None and instance.details_at > fresh_since
        if instance.state != "running" or instance.asking or fresh:
            return False
        to = Target(
            instance.seller_id,
            instance.endpoint_id,
            instance.order_id,
            instance.order_number,
            instance.line_number,
            instance_id,
        )
        parameters = {"instance": instance.seller_instance_id}
        await lane.enqueue(tx, "details", to, self._until(tx, "details"), lane=instance_id, parameters=parameters)
        return True

    async def reveal_password(self, tx: Tx, instance_id: UUID) -> str | None:
        """The initial password of an application of the actor's organisation. Raises InstanceNotFound."""
        sealed = await queries.sealed_password(tx, tx.actor, instance_id)
        if sealed is None:
            raise InstanceNotFound
        return self._seal.open(sealed, str(instance_id)) if sealed else None
