"""Mails and SMS as a source of work: a sending that is due is claimed under a lease, sent, and what came of it noted.

Nothing of the database is held while a server is being talked to. A worker that dies in between leaves its sending to
be claimed again when the lease ends; it then goes out under the same Message-ID, by which the receiving side knows it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter

from tradehall.kernel import i18n
from tradehall.kernel.db import Database, Reader
from tradehall.kernel.due import back_off
from tradehall.kernel.i18n import N_, translator
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.worker import Capped, Job
from tradehall.notices.mail import Letter, Mailer, NotNow, Refused
from tradehall.notices.model import Channel, Notice, NoticeKind
from tradehall.notices.sms import SmsGateway
from tradehall.notices.words import Text, written
from tradehall.settings import Settings

CHANNEL = "notice"
LEASE = timedelta(minutes=2)
# So many at once in one process: a server that hangs must not take all the places that calls to sellers need.
AT_ONCE = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
MAIL_WINDOW, SMS_WINDOW = timedelta(days=2), timedelta(hours=2)
# A sending that was claimed so often although no try of it ended has killed its workers.
MOST_ATTEMPTS = 100

SENT = Counter("tradehall_notices_sent", "Tries to send mails and SMS", ["channel", "outcome"])

log = structlog.get_logger()


class _Claimed(msgspec.Struct, frozen=True):
    """A sending that is this worker's for a while, with its notice and who it goes to."""

    id: UUID
    channel: Channel
    address: str
    attempts: int
    give_up_at: datetime
    name: str
    locale: Literal["en", "zh"] | None
    timezone: str | None
    notice_id: UUID
    kind: NoticeKind
    order_number: str | None
    link: str
    facts: dict[str, Any]
    urgent: bool
    created_at: datetime

    @property
    def notice(self) -> Notice:
        return Notice(
            self.notice_id, self.kind, self.order_number, self.link, self.facts, self.urgent, self.created_at, None
        )


class Sendings:
    """The sendings as a source of jobs for a worker."""

    channel = CHANNEL

    def __init__(self, db: Database, settings: Settings, mailer: Mailer | None, sms: SmsGateway | None) -> None:
        self._db = db
        self._settings = settings
        self._mailer = mailer
        self._sms = sms
        # What is to go a way that was switched off waits until it is there again.
        self._ways = [name for name, way in (("mail", mailer), ("sms", sms)) if way]
        self._under_way = 0

    async def claim(self, room: int) -> Sequence[Job]:
        free = min(room, AT_ONCE - self._under_way)
        if free <= 0:
            return Capped()
        async with self._db.read() as reader:
            params = {"now": reader.now, "lease": LEASE, "room": free, "ways": self._ways}
            rows = await reader.fetch_all(_Claimed, _CLAIM, params)
        jobs = [partial(self._carry_out, row) for row in rows]
        self._under_way += len(jobs)
        return Capped(jobs) if len(jobs) == free < room else jobs

    async def next_due(self, reader: Reader) -> datetime | None:
        moment: datetime | None = await reader.fetch_value(
            """
            SELECT due_at FROM notice_sendings
            WHERE state = 'waiting' AND channel = ANY (%(ways)s)
              AND (leased_until IS NULL OR leased_until < clock_timestamp())
            ORDER BY due_at LIMIT 1
            """,
            {"ways": self._ways},
        )
        return moment

    async def _carry_out(self, row: _Claimed) -> None:
        try:
            if row.attempts > MOST_ATTEMPTS:
                await self._failed(row, "its worker died each time")
                return
            try:
                reference = await self._send(row)
            except Refused as error:
                await self._failed(row, str(error))
            except NotNow as error:
                await self._put_off(row, str(error))
            except Exception as error:
                # A mistake of ours: it stays visible, and does not stop the others.
                log.exception("notice_not_sent", sending=str(row.id), channel=row.channel)
                await self._put_off(row, f"{type(error).__name__}: {error}")
            else:
                await self._sent(row, reference)
        finally:
            self._under_way -= 1

    async def _send(self, row: _Claimed) -> str:
        settings = self._settings
        locale = row.locale or settings.default_locale
        words = translator(locale)
        text = written(row.notice, words, i18n.zone(row.timezone or settings.default_timezone))
        link = settings.public_url.rstrip("/") + row.notice.link
        if row.channel == "sms":
            assert self._sms, "claimed only where there is a gateway"
            return await self._sms.send(row.address, self.short(text, locale, link))
        assert self._mailer, "claimed only where there is a server"
        return await self._mailer.send(
            Letter(
                key=str(row.id),
                to=row.address,
                to_name=row.name,
                locale=locale,
                subject=text.title,
                body=text.body,
                link=link,
                link_label=words.gettext(N_("Open it")),
                foot=words.gettext(
                    N_("%(marketplace)s sent you this because you act for your organisation there. Your account page "
                       "says which messages come by e-mail."),
                    marketplace=settings.marketplace_name,
                ),
                urgent=row.notice.urgent,
                written_at=row.notice.created_at,
            )
        )  # fmt: skip

    def short(self, text: Text, locale: str, link: str) -> str:
        """A notice as an SMS: who sends it, what it is about, where it leads."""
        name = self._settings.marketplace_name
        return f"【{name}】{text.title} {link}" if locale == "zh" else f"[{name}] {text.title} {link}"

    async def _sent(self, row: _Claimed, reference: str) -> None:
        await self._note(row, "sent", reference=reference)
        log.info("notice_sent", sending=str(row.id), channel=row.channel, attempts=row.attempts)

    async def _failed(self, row: _Claimed, why: str) -> None:
        await self._note(row, "failed", error=why)
        log.warning("notice_failed", sending=str(row.id), channel=row.channel, error=why)

    async def _put_off(self, row: _Claimed, why: str) -> None:
        again_at = self._db.clock.now() + back_off(row.attempts, FIRST_PAUSE, LONGEST_PAUSE)
        if again_at > row.give_up_at:
            await self._failed(row, why)
            return
        await self._note(row, "waiting", error=why, again_at=again_at)
        log.warning("notice_put_off", sending=str(row.id), channel=row.channel, attempts=row.attempts, error=why)

    async def _note(
        self,
        row: _Claimed,
        state: Literal["sent", "failed", "waiting"],
        *,
        reference: str | None = None,
        error: str | None = None,
        again_at: datetime | None = None,
    ) -> None:
        """What came of a try, unless another worker took the sending over meanwhile."""
        SENT.labels(row.channel, "put_off" if state == "waiting" else state).inc()
        async with self._db.statement(SYSTEM) as tx:
            await tx.execute(
                """
                UPDATE notice_sendings SET state = %(state)s, leased_until = NULL, last_error = %(error)s,
                    reference = %(reference)s, due_at = coalesce(%(again)s, due_at),
                    sent_at = CASE WHEN %(state)s = 'sent' THEN %(now)s::timestamptz END
                WHERE id = %(id)s AND state = 'waiting' AND attempts = %(attempts)s
                """,
                {
                    "id": row.id,
                    "attempts": row.attempts,
                    "state": state,
                    "error": error[:500] if error else None,
                    "reference": reference,
                    "again": again_at,
                    "now": tx.now,
                },
            )


_CLAIM = """
    WITH claimed AS (
        UPDATE notice_sendings SET leased_until = clock_timestamp() + %(lease)s, attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM notice_sendings
            WHERE state = 'waiting' AND due_at <= %(now)s AND channel = ANY (%(ways)s)
              AND (leased_until IS NULL OR leased_until < clock_timestamp())
            ORDER BY due_at
            LIMIT %(room)s
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, notice_id, channel, address, attempts, give_up_at
    )
    SELECT c.id, c.channel, c.address, c.attempts, c.give_up_at, p.name, p.locale, p.timezone, n.id AS notice_id,
           n.kind, n.order_number, n.link, n.facts, n.urgent, n.created_at
    FROM claimed c JOIN notices n ON n.id = c.notice_id JOIN people p ON p.id = n.person_id
"""
