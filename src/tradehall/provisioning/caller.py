"""Carries out the calls that are due: builds and signs the request, sends it, records what came of it."""

import re
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Histogram

from tradehall.kernel.db import DATABASE_AWAY, Database, Reader
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.outbound import Exchange, Outbound
from tradehall.kernel.secrets import CannotUnseal, Seal
from tradehall.kernel.worker import Capped, Job
from tradehall.protocols import v2
from tradehall.provisioning.actions import Provisioning
from tradehall.provisioning.lane import CHANNEL, Hands
from tradehall.provisioning.model import Attempt, Call, ClaimedCall, Judgement, business_id, judge_exchange
from tradehall.provisioning.queries import CALL_COLUMNS
from tradehall.settings import Settings

log = structlog.get_logger()

CALLS = Metric("tradehall_seller_calls", "Tries of calls to sellers", ["activity", "verdict"])
SECONDS = Histogram("tradehall_seller_call_seconds", "How long sellers took to answer", ["activity"])

# What the message log shows in place of a password; the seller knows it, and whoever reads the log need not.
_PASSWORD = re.compile(r'("password"\s*:\s*")(?:[^"\\]|\\.)*(")')


class SellerCalls:
    """The calls to sellers as a source of jobs for a worker."""

    channel = CHANNEL

    def __init__(
        self, db: Database, provisioning: Provisioning, outbound: Outbound, seal: Seal, settings: Settings
    ) -> None:
        self._db = db
        self._provisioning = provisioning
        self._outbound = outbound
        self._seal = seal
        self._settings = settings
        self._hands = Hands(new_id(), settings.call_lease)

    async def claim(self, room: int) -> Sequence[Job]:
        async with self._db.read() as reader:
            calls = await reader.fetch_all(
                ClaimedCall,
                f"""
                SELECT {CALL_COLUMNS}, c.first_sent, e.address, e.access_key, i.months
                FROM claim_seller_calls(%(worker)s, %(now)s, %(room)s, %(cap)s, %(lease)s) c
                JOIN endpoints e ON e.id = c.endpoint_id
                LEFT JOIN instances i ON i.id = c.instance_id
                """,
                {
                    "worker": self._hands.worker,
                    "now": reader.now,
                    "room": room,
                    "cap": self._settings.seller_concurrency,
                    "lease": self._hands.lease,
                },
            )
        busiest = max(Counter(call.seller_id for call in calls).values(), default=0)
        jobs = [partial(self._carry_out_with_following, call) for call in calls]
        return Capped(jobs) if busiest == self._settings.seller_concurrency else jobs

    async def next_due(self, reader: Reader) -> datetime | None:
        """The earliest waiting call, or now if a lease has run out."""
        moment: datetime | None = await reader.fetch_value(
            """
            SELECT CASE WHEN EXISTS (SELECT FROM seller_calls
                                     WHERE state = 'running' AND leased_until < clock_timestamp())
                   THEN %(now)s ELSE (SELECT min(due_at) FROM seller_calls WHERE state = 'waiting') END
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
        body = self._body(call)
        try:
            access_key = self._seal.open(call.access_key, str(call.endpoint_id))
        except CannotUnseal:
            url, exchange = "", None
            result = Judgement("unreachable", trouble="key_unreadable", sent=False)
        else:
            # The machine's time, not a sandbox's moved one: sellers compare it with their own.
            timestamp = time.time_ns() // 1_000_000
            nonce = secrets.token_hex(16)
            url = v2.signed_url(call.address, access_key, nonce, timestamp, body)
            exchange = await self._outbound.post(
                url, body, v2.HEADERS, timeout=self._settings.call_timeout.total_seconds()
            )
            result = judge_exchange(call.activity, exchange)
        following = await self._record(call, started_at, url, body, exchange, result)
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

    def _body(self, call: Call) -> bytes:
        match call.purpose:
            case "open":
                return v2.new_instance(call.order_number, call.line_number, business_id(call.id, call.attempts))
            case "await_opening" | "details":
                return v2.query_instance([call.parameters["instance"]])
            case "release":
                refund = call.parameters.get("refund")
                line = f"{refund}-000001" if refund else None
                return v2.release_instance(call.parameters["instance"], order_id=refund, order_line_id=line)
            case "notify":
                return v2.order_notify(call.order_number, call.line_number)

    async def _record(
        self,
        call: ClaimedCall,
        started_at: datetime,
        url: str,
        body: bytes,
        exchange: Exchange | None,
        result: Judgement,
    ) -> ClaimedCall | None:
        attempt = self._attempt(call, started_at, url, body, exchange, result)
        # Most calls end with one statement, which needs no BEGIN and COMMIT around it.
        unit = self._db.statement if self._provisioning.is_one_statement(call, result) else self._db.transaction
        try:
            async with unit(SYSTEM, request_id=call.request_id) as tx:
                settled = await self._provisioning.settle(tx, call, result, attempt, self._hands)
        except DATABASE_AWAY:
            # The result is lost with the connection; the lease ends, and the same order is asked for again.
            log.warning("result_not_recorded", call=str(call.id), attempt=call.attempts)
            return None
        if not settled.moved:
            log.warning("call_taken_over", call=str(call.id), attempt=call.attempts)
        return settled.following

    def _attempt(
        self,
        call: ClaimedCall,
        started_at: datetime,
        url: str,
        body: bytes,
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
            url=url,
            request_body=body.decode(),
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
