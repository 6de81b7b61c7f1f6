"""Carries out the calls that are due: builds and signs the request, sends it, records what came of it."""

import re
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Histogram

from tradehall.catalog.keys import LIVE_KEYS, KeyUses
from tradehall.kernel.db import DATABASE_AWAY, Database, Reader
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.outbound import Exchange, Outbound
from tradehall.kernel.secrets import CannotUnseal, Seal
from tradehall.kernel.worker import Capped, Job
from tradehall.protocols.answers import Answer
from tradehall.protocols.production import Outgoing, judge, outgoing
from tradehall.protocols.requests import Purchase, QueryInstances, Request
from tradehall.provisioning.lane import CHANNEL, Hands
from tradehall.provisioning.model import SIGNATURE_REFUSED, Attempt, ClaimedCall, Judgement, judge_exchange, key_for
from tradehall.provisioning.queries import CALL_COLUMNS
from tradehall.provisioning.settling import Settling
from tradehall.provisioning.wording import needs_purchase, purchase, request_for
from tradehall.settings import Settings

log = structlog.get_logger()

CALLS = Metric("tradehall_seller_calls", "Tries of calls to sellers", ["activity", "verdict"])
SECONDS = Histogram("tradehall_seller_call_seconds", "How long sellers took to answer", ["activity"])

# What the message log shows in place of a password; the seller knows it, and whoever reads the log need not.
_PASSWORD = re.compile(r'("password"\s*:\s*")(?:[^"\\]|\\.)*(")')


class SellerCalls:
    """The calls to sellers as a source of jobs for a worker."""

    channel = CHANNEL

    def __init__(self, db: Database, settling: Settling, outbound: Outbound, seal: Seal, settings: Settings) -> None:
        self._db = db
        self._settling = settling
        self._outbound = outbound
        self._seal = seal
        self._settings = settings
        self._key_uses = KeyUses(db)
        self._hands = Hands(new_id(), settings.call_lease)
        # Instances whose opening was asked for and whose answer could not be written down.
        self._unheard: set[UUID] = set()

    async def claim(self, room: int) -> Sequence[Job]:
        async with self._db.read() as reader:
            await self._own_up(reader)
            calls = await reader.fetch_all(
                ClaimedCall,
                f"""
                SELECT {CALL_COLUMNS}, c.first_sent, c.untried, e.address, {LIVE_KEYS}, e.generation, e.encryption,
                       e.revisions, e.asks_contact
                FROM claim_seller_calls(%(worker)s, %(now)s, %(room)s, %(cap)s, %(lease)s,
                                        %(rate)s, %(trip_after)s, %(pause)s, %(longest_pause)s) c
                JOIN endpoints e ON e.id = c.endpoint_id
                """,
                {
                    "worker": self._hands.worker,
                    "now": reader.now,
                    "room": room,
                    "cap": self._settings.seller_concurrency,
                    "lease": self._hands.lease,
                    "rate": self._settings.seller_rate,
                    "trip_after": self._settings.circuit_failures,
                    "pause": self._settings.circuit_pause,
                    "longest_pause": self._settings.circuit_longest_pause,
                },
            )
        busiest = max(Counter(call.seller_id for call in calls).values(), default=0)
        jobs = [partial(self._carry_out_with_following, call) for call in calls]
        return Capped(jobs) if busiest == self._settings.seller_concurrency else jobs

    async def _own_up(self, reader: Reader) -> None:
        """A claim that went down with the database leaves no trace of a call that was made: what it may have opened is
        marked as unknown, as soon as the database is back."""
        if self._unheard:
            unheard = list(self._unheard)
            await reader.fetch_value(
                """
                UPDATE instances SET outcome_unknown = true WHERE id = ANY(%(ids)s) AND state = 'opening' RETURNING true
                """,
                {"ids": unheard},
            )
            self._unheard.difference_update(unheard)

    async def next_due(self, reader: Reader) -> datetime | None:
        """The earliest moment at which a waiting call may go out, or now if a lease has run out."""
        moment: datetime | None = await reader.fetch_value(
            """
            SELECT CASE WHEN EXISTS (SELECT FROM seller_calls
                                     WHERE state = 'running' AND leased_until < clock_timestamp())
                   THEN %(now)s ELSE (SELECT min(next_at) FROM waiting_servers) END
            """,
            {"now": reader.now},
        )
        return moment

    async def _carry_out_with_following(self, call: ClaimedCall) -> None:
        following: ClaimedCall | None = call
        while following:
            following = await self._carry_out(following)

    async def _carry_out(self, call: ClaimedCall) -> ClaimedCall | None:
        started_at = self._db.clock.now()
        sent, exchange = None, None
        if call.untried:
            result = Judgement("unreachable", trouble="circuit_open", sent=False)
            return await self._record(call, started_at, sent, exchange, result)
        try:
            request = request_for(call, await self._bought(call))
            sent = self._signed(call, request)
        except CannotUnseal:
            result = Judgement("unreachable", trouble="key_unreadable", sent=False)
        except ValueError:
            # Its endpoint speaks another generation than when the call was written down.
            result = Judgement("unreachable", trouble="not_in_generation", sent=False)
        else:
            timeout = self._settings.call_timeout.total_seconds()
            if sent.method == "GET":
                exchange = await self._outbound.get(sent.url, sent.headers, timeout=timeout)
            else:
                exchange = await self._outbound.post(sent.url, sent.body, sent.headers, timeout=timeout)
            result = judge_exchange(exchange, partial(self._answer, call, request))
        following = await self._record(call, started_at, sent, exchange, result)
        if result.code not in (None, SIGNATURE_REFUSED):
            sealed = key_for(call)
            await self._key_uses.note(call.endpoint_id, sealed, current=sealed == call.access_keys[0])
        CALLS.labels(call.activity, result.verdict).inc()
        if exchange:
            SECONDS.labels(call.activity).observe(exchange.milliseconds / 1000)
        log.info(
            "seller_call",
            request_id=call.request_id,
            order=call.order_number,
            call=str(call.id),
            activity=call.activity,
            attempt=call.attempts,
            verdict=result.verdict,
            code=result.code,
            trouble=result.trouble,
            milliseconds=round(exchange.milliseconds) if exchange else None,
        )
        return following

    async def _bought(self, call: ClaimedCall) -> Purchase | None:
        """Who bought what, where the call tells it."""
        if not needs_purchase(call):
            return None
        async with self._db.read() as reader:
            return await purchase(reader, call, self._settings.default_timezone)

    def _signed(self, call: ClaimedCall, request: Request) -> Outgoing:
        """What to send. Raises CannotUnseal."""
        return outgoing(
            call.generation,
            request,
            address=call.address,
            access_key=self._seal.open(key_for(call), str(call.endpoint_id)),
            nonce=secrets.token_hex(16),
            # The machine's time, not a sandbox's moved one: sellers compare it with their own.
            at=datetime.now(UTC),
            encryption=call.encryption,
            revision=call.revision if call.revisions else None,
        )

    def _answer(self, call: ClaimedCall, request: Request, exchange: Exchange) -> Answer:
        """What the protocol makes of an answer, which the seller may have signed with any of its keys."""
        keys = []
        if call.generation == "V1":
            keys = [self._seal.open(sealed, str(call.endpoint_id)) for sealed in call.access_keys]
        return judge(
            call.generation,
            call.activity,
            status=exchange.status or 0,
            content_type=exchange.header("Content-Type") or "",
            body=exchange.body,
            body_sign=exchange.header("Body-Sign"),
            access_keys=keys,
            asked=request.instance_ids if isinstance(request, QueryInstances) else (),
        )

    async def _record(
        self,
        call: ClaimedCall,
        started_at: datetime,
        sent: Outgoing | None,
        exchange: Exchange | None,
        result: Judgement,
    ) -> ClaimedCall | None:
        attempt = self._attempt(call, started_at, sent, exchange, result)
        # Most calls end with one statement, which needs no BEGIN and COMMIT around it.
        unit = self._db.statement if self._settling.is_one_statement(call, result) else self._db.transaction
        try:
            async with unit(SYSTEM, request_id=call.request_id) as tx:
                settled = await self._settling.settle(tx, call, result, attempt, self._hands)
        except DATABASE_AWAY:
            # The result is lost with the connection; the lease ends, and the same order is asked for again.
            log.warning("result_not_recorded", call=str(call.id), attempt=call.attempts)
            if call.purpose == "open" and result.sent and call.instance_id:
                self._unheard.add(call.instance_id)
            return None
        if not settled.moved:
            log.warning("call_taken_over", call=str(call.id), attempt=call.attempts)
        return settled.following

    def _attempt(
        self,
        call: ClaimedCall,
        started_at: datetime,
        sent: Outgoing | None,
        exchange: Exchange | None,
        result: Judgement,
    ) -> Attempt:
        """The try as the message log keeps it: the answer cut to what the settings allow, passwords blotted out."""
        most = self._settings.message_log_body
        answer = exchange.body[:most].decode(errors="replace").replace("\0", "\ufffd") if exchange else None
        return Attempt(
            call_id=call.id,
            number=call.attempts,
            started_at=started_at,
            milliseconds=exchange.milliseconds if exchange else None,
            url=sent.url if sent else "",
            request_body=sent.body.decode() if sent else "",
            status=exchange.status if exchange else None,
            response_headers=[list(header) for header in exchange.headers] if exchange else None,
            response_body=_PASSWORD.sub(r"\1••••••\2", answer) if answer is not None else None,
            truncated=exchange is not None and (exchange.truncated or len(exchange.body) > most),
            verdict=result.verdict,
            result_code=result.code,
            trouble=result.trouble,
            message=result.message,
            warnings=list(result.warnings),
        )
