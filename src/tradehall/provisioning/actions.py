"""What happens to instances and the calls made for them: asked for, settled, given up, restarted."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Event
from tradehall.kernel.secrets import Seal
from tradehall.protocols.v2 import InstanceInfo
from tradehall.provisioning import queries
from tradehall.provisioning.errors import BuyerWasRefunded, CallIsSettled, CallMovedOn, CallNotFound, InstanceNotFound
from tradehall.provisioning.model import (
    ACTIVITY_OF,
    RESTARTABLE_WHEN_FAILED,
    UNKNOWN_INSTANCE,
    Call,
    Judgement,
    Purpose,
    business_id,
    expiry,
    next_try,
    window,
)
from tradehall.settings import Settings
from tradehall.trading import queries as trading

CHANNEL: LiteralString = "seller_call"


class _PaidLine(msgspec.Struct, frozen=True):
    line_id: UUID
    line_number: str
    order_number: str
    buyer_id: UUID
    seller_id: UUID
    product_id: UUID
    endpoint_id: UUID
    general_endpoint_id: UUID | None


class Provisioning:
    """The room's verbs, with the settings that say how long and how often. Reactions are methods of it."""

    def __init__(self, settings: Settings, seal: Seal) -> None:
        self._settings = settings
        self._seal = seal

    async def request_instance(self, tx: Tx, event: Event) -> None:
        """A paid order line becomes an instance that opens, and a call that asks for it. Reaction to order.paid."""
        line = await tx.fetch_one(
            _PaidLine,
            """
            SELECT l.id AS line_id, l.number AS line_number, o.number AS order_number, o.buyer_id, o.seller_id,
                   o.product_id, p.endpoint_id, g.id AS general_endpoint_id
            FROM orders o
            JOIN order_lines l ON l.order_id = o.id
            JOIN products p ON p.id = o.product_id
            LEFT JOIN endpoints g ON g.seller_id = o.seller_id AND g.interface_class = 'general'
            WHERE o.id = %(order)s
            """,
            {"order": event.subject_id},
        )
        assert line is not None, "a paid order has a line"
        instance_id = new_id(tx.now)
        await tx.execute(
            """
            INSERT INTO instances (id, order_id, order_line_id, buyer_id, seller_id, product_id, endpoint_id, state,
                                   created_at)
            VALUES (%(id)s, %(order)s, %(line)s, %(buyer)s, %(seller)s, %(product)s, %(endpoint)s, 'opening', %(now)s)
            """,
            {
                "id": instance_id,
                "order": event.subject_id,
                "line": line.line_id,
                "buyer": line.buyer_id,
                "seller": line.seller_id,
                "product": line.product_id,
                "endpoint": line.endpoint_id,
                "now": tx.now,
            },
        )
        await self._enqueue(
            tx, "open", line.seller_id, line.endpoint_id, event.subject_id, line.order_number, line.line_number,
            lane=instance_id, instance_id=instance_id,
        )  # fmt: skip
        await tx.record("instance.requested", "order", event.subject_id, {"instance": instance_id})
        if line.general_endpoint_id:
            await self._enqueue(
                tx, "notify", line.seller_id, line.general_endpoint_id, event.subject_id, line.order_number,
                line.line_number, lane=new_id(tx.now), instance_id=None,
            )  # fmt: skip

    async def settle(self, tx: Tx, call: Call, result: Judgement) -> bool:
        """Draws the consequences of a try: the call succeeds, is tried again or is given up. False when another
        worker has taken the call over, so that this try's result no longer counts."""
        if call.instance_id:
            # Whoever ends, adds or restarts a call of a lane holds the instance's row, so that lanes move one by one.
            await tx.execute("SELECT FROM instances WHERE id = %(id)s FOR NO KEY UPDATE", {"id": call.instance_id})
        if self._does(call, result):
            if not await self._end(tx, call, result, "succeeded"):
                return False
            await self._succeeded(tx, call, result)
        elif (at := next_try(call, tx.now, self._settings)) is not None:
            if not await self._push_back(tx, call, result, at):
                return False
            await self._note_failure(tx, call, result, at)
        else:
            if not await self._end(tx, call, result, "failed"):
                return False
            await self._note_failure(tx, call, result, None)
            await self._gave_up(tx, call)
        return True

    def _does(self, call: Call, result: Judgement) -> bool:
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

    def _info(self, call: Call, result: Judgement) -> InstanceInfo | None:
        wanted = call.parameters["instance"]
        return next((info for info in result.instances if info.instance_id == wanted), None)

    async def _end(self, tx: Tx, call: Call, result: Judgement, state: str) -> bool:
        """Settles the call and lets the next of its lane advance."""
        ended = await tx.fetch_value(
            """
            UPDATE seller_calls
            SET state = %(state)s, settled_at = %(now)s, worker = NULL, leased_until = NULL,
                verdict = %(verdict)s, result_code = %(code)s, trouble = %(trouble)s
            WHERE id = %(id)s AND state = 'running' AND attempts = %(attempts)s
            RETURNING true
            """,
            self._result(tx, call, result) | {"state": state},
        )
        if ended:
            await tx.execute(
                """
                UPDATE seller_calls SET state = 'waiting'
                WHERE id = (SELECT id FROM seller_calls
                            WHERE lane = %(lane)s AND state = 'queued' ORDER BY place LIMIT 1)
                """,
                {"lane": call.lane},
            )
        return bool(ended)

    async def _push_back(self, tx: Tx, call: Call, result: Judgement, at: datetime) -> bool:
        return bool(
            await tx.fetch_value(
                """
                UPDATE seller_calls
                SET state = 'waiting', due_at = %(at)s, worker = NULL, leased_until = NULL,
                    verdict = %(verdict)s, result_code = %(code)s, trouble = %(trouble)s
                WHERE id = %(id)s AND state = 'running' AND attempts = %(attempts)s
                RETURNING true
                """,
                self._result(tx, call, result) | {"at": at},
            )
        )

    def _result(self, tx: Tx, call: Call, result: Judgement) -> dict[str, Any]:
        return {
            "id": call.id,
            "attempts": call.attempts,
            "now": tx.now,
            "verdict": result.verdict,
            "code": result.code,
            "trouble": result.trouble,
        }

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

    async def _succeeded(self, tx: Tx, call: Call, result: Judgement) -> None:
        match call.purpose:
            case "open":
                assert result.instance_id, "judged a success only with an instanceId"
                await self._accepted(tx, call, result.instance_id, opened=result.succeeded)
            case "await_opening":
                await self._store_details(tx, call, result)
                await self._opened(tx, call)
            case "details":
                await self._store_details(tx, call, result)
            case "release":
                await tx.execute(
                    "UPDATE instances SET state = 'released', closed_at = %(now)s WHERE id = %(id)s",
                    {"id": call.instance_id, "now": tx.now},
                )
                await tx.record("instance.released", "order", call.order_id, {"instance": call.instance_id})
            case "notify":
                await tx.record("seller.notified", "order", call.order_id, {})

    async def _accepted(self, tx: Tx, call: Call, seller_instance_id: str, *, opened: bool) -> None:
        """The seller named the instance. The first name it ever gave is kept, whatever it says on repeats."""
        kept: str = await tx.fetch_value(
            """
            UPDATE instances SET seller_instance_id = coalesce(seller_instance_id, %(name)s) WHERE id = %(id)s
            RETURNING seller_instance_id
            """,
            {"id": call.instance_id, "name": seller_instance_id},
        )
        if opened:
            await self._opened(tx, call)
        else:
            await tx.record("instance.accepted", "order", call.order_id, {"instance": call.instance_id})
        # Opening later, the instance has what is left of the time it has had since it was asked for.
        await self._follow_up(
            tx, call, "details" if opened else "await_opening", {"instance": kept},
            until=None if opened else call.window_ends_at,
        )  # fmt: skip

    async def _opened(self, tx: Tx, call: Call) -> None:
        line = await tx.fetch_one(
            queries.Period,
            """
            SELECT l.period_type, l.period_number FROM instances i JOIN order_lines l ON l.id = i.order_line_id
            WHERE i.id = %(id)s
            """,
            {"id": call.instance_id},
        )
        assert line is not None, "an instance belongs to an order line"
        expires_at = expiry(tx.now, line.period_type, line.period_number)
        if await tx.fetch_value(
            """
            UPDATE instances SET state = 'running', opened_at = %(now)s, expires_at = %(expires)s
            WHERE id = %(id)s AND state = 'opening' RETURNING true
            """,
            {"id": call.instance_id, "now": tx.now, "expires": expires_at},
        ):
            facts = {"instance": call.instance_id, "expires_at": expires_at}
            await tx.record("instance.opened", "order", call.order_id, facts)

    async def _store_details(self, tx: Tx, call: Call, result: Judgement) -> None:
        info = self._info(call, result)
        app = info.app if info else None
        password = app.password if app else None
        await tx.execute(
            """
            UPDATE instances SET front_end_url = %(front)s, admin_url = %(admin)s, user_name = %(user)s,
                   password = %(password)s, memo = %(memo)s, details_at = %(now)s
            WHERE id = %(id)s
            """,
            {
                "id": call.instance_id,
                "front": app.front_end_url if app else None,
                "admin": app.admin_url if app else None,
                "user": app.user_name if app else None,
                "password": self._seal.close(password, str(call.instance_id)) if password else None,
                "memo": app.memo if app else None,
                "now": tx.now,
            },
        )

    async def _gave_up(self, tx: Tx, call: Call) -> None:
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
            name = failed.seller_instance_id or business_id(call.id, 1)
            parameters = {"instance": name}
            if refund := await trading.refund_number(tx, call.order_id):
                parameters["refund"] = refund
            await self._follow_up(tx, call, "release", parameters)

    async def _follow_up(
        self, tx: Tx, call: Call, purpose: Purpose, parameters: dict[str, str], *, until: datetime | None = None
    ) -> None:
        await self._enqueue(
            tx, purpose, call.seller_id, call.endpoint_id, call.order_id, call.order_number, call.line_number,
            lane=call.lane, instance_id=call.instance_id, parameters=parameters, until=until,
        )  # fmt: skip

    async def _enqueue(
        self,
        tx: Tx,
        purpose: Purpose,
        seller_id: UUID,
        endpoint_id: UUID,
        order_id: UUID,
        order_number: str,
        line_number: str,
        *,
        lane: UUID,
        instance_id: UUID | None,
        parameters: dict[str, str] | None = None,
        until: datetime | None = None,
    ) -> None:
        """Writes a call at the end of its lane; the caller holds the instance's row, so that lanes grow one by one."""
        await tx.execute(
            """
            INSERT INTO seller_calls (id, seller_id, endpoint_id, activity, purpose, lane, order_id, order_number,
                                      line_number, instance_id, parameters, state, due_at, window_ends_at, request_id,
                                      created_at)
            SELECT %(id)s, %(seller)s, %(endpoint)s, %(activity)s, %(purpose)s, %(lane)s, %(order)s, %(order_number)s,
                   %(line_number)s, %(instance)s, %(parameters)s,
                   CASE WHEN EXISTS (SELECT FROM seller_calls
                                     WHERE lane = %(lane)s AND state IN ('waiting', 'running'))
                        THEN 'queued' ELSE 'waiting' END,
                   %(now)s, %(until)s, %(request)s, %(now)s
            """,
            {
                "id": new_id(tx.now),
                "seller": seller_id,
                "endpoint": endpoint_id,
                "activity": ACTIVITY_OF[purpose],
                "purpose": purpose,
                "lane": lane,
                "order": order_id,
                "order_number": order_number,
                "line_number": line_number,
                "instance": instance_id,
                "parameters": msgspec.json.encode(parameters or {}).decode(),
                "until": until or tx.now + window(purpose, self._settings),
                "now": tx.now,
                "request": tx.request_id,
            },
        )
        await tx.notify(CHANNEL)

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
        # A call given up before gets a new window; its lane may meanwhile be busy with a later call.
        await tx.execute(
            """
            UPDATE seller_calls c SET due_at = %(now)s, settled_at = NULL,
                window_ends_at = CASE WHEN state = 'failed' THEN %(until)s ELSE window_ends_at END,
                state = CASE WHEN state = 'failed' AND EXISTS (
                                SELECT FROM seller_calls h WHERE h.lane = c.lane AND h.state IN ('waiting', 'running'))
                             THEN 'queued' ELSE 'waiting' END
            WHERE id = %(id)s
            """,
            {"id": call.id, "now": tx.now, "until": tx.now + window(call.purpose, self._settings)},
        )
        await tx.notify(CHANNEL)
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
        await self._enqueue(
            tx, "details", instance.seller_id, instance.endpoint_id, instance.order_id, instance.order_number,
            instance.line_number, lane=instance_id, instance_id=instance_id,
            parameters={"instance": instance.seller_instance_id},
        )  # fmt: skip
        return True

    async def reveal_password(self, tx: Tx, instance_id: UUID) -> str | None:
        """The initial password of an application of the actor's organisation. Raises InstanceNotFound."""
        sealed = await queries.sealed_password(tx, tx.actor, instance_id)
        if sealed is None:
            raise InstanceNotFound
        return self._seal.open(sealed, str(instance_id)) if sealed else None
