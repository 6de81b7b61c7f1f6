"""What one process of an installation holds: settings, clock, database, HTTP client, the rooms' verbs and the story."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from tradehall.casefile.actions import CaseFiles
from tradehall.catalog import keys
from tradehall.catalog.offers import Offers
from tradehall.kernel import due, embedded, migrate
from tradehall.kernel.clock import Clock
from tradehall.kernel.db import Database, Tx
from tradehall.kernel.due import DueRow, DueWork
from tradehall.kernel.files import FORGET, files_for
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.listener import Listener
from tradehall.kernel.outbound import Outbound
from tradehall.kernel.secrets import Seal, secret_key
from tradehall.kernel.worker import Source, Worker
from tradehall.ledger import closing
from tradehall.ledger.posting import Ledger
from tradehall.notices import actions as notices
from tradehall.notices.mail import Mailer
from tradehall.notices.sending import Sendings
from tradehall.notices.sms import gateway_for as sms_for
from tradehall.notices.telling import Notices
from tradehall.parties import actions as parties
from tradehall.parties import seats
from tradehall.parties.actions import SignInPolicy
from tradehall.parties.seats import Seats
from tradehall.provisioning import settling
from tradehall.provisioning.actions import Provisioning
from tradehall.provisioning.asking import Asking
from tradehall.provisioning.caller import SellerCalls
from tradehall.provisioning.settling import Settling
from tradehall.settings import Settings
from tradehall.story import story
from tradehall.supervision import moving, statistics
from tradehall.supervision.carriers import carrier_for
from tradehall.supervision.conversation.messages import Conversation
from tradehall.supervision.engine import Supervision
from tradehall.trading import actions as trading
from tradehall.trading import life, refunds, subscription_queries
from tradehall.trading.ending import Ending
from tradehall.trading.gateway import gateway_for
from tradehall.trading.life import Life
from tradehall.trading.outcome import Outcome
from tradehall.trading.subscriptions import Subscriptions

HOUSEKEEPING = "housekeeping"
HOUSEKEEPING_EVERY = timedelta(hours=6)
_GO_ON_AFTER = timedelta(seconds=10)
_EVERYTHING = UUID(int=0)
CLOCK_CHANNEL = "clock"


class WrongMode(Exception):
    """This database belongs to an installation of another mode; a sandbox never becomes production, nor the reverse."""


class Installation:
    """One process's share of an installation. `async with` opens and closes it."""

    def __init__(self, settings: Settings, dsn: str, clock: Clock | None = None, *, listening: bool = True) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.seal = Seal(secret_key(settings.secret_key, settings.data_dir), settings.former_secret_keys)
        self.gateway = gateway_for(settings.sandbox)
        self.sms = sms_for(settings.sms)
        self.provisioning = Provisioning(settings, self.seal)
        self.settling = Settling(settings, self.seal)
        self.subscriptions = Subscriptions(settings, self.gateway)
        self.ending = Ending(settings)
        self.life = Life(settings)
        self.supervision = Supervision(settings, self.seal, carrier_for(settings.sandbox))
        self.conversation = Conversation(settings)
        self.files = files_for(settings)
        self.db = Database(
            dsn,
            clock=self.clock,
            story=story(self.supervision, Asking(settings), Outcome(settings), Notices(settings), Ledger(settings)),
            pool_size=settings.pool_size,
            prepare=settings.prepare_statements,
        )
        allowed = [entry.strip() for entry in settings.outbound_allow.split(",") if entry.strip()]
        self.outbound = Outbound(allowed, max_body=settings.outbound_max_body)
        self.case_files = CaseFiles(self.db, self.files, self.outbound, self.seal, settings)
        self.sign_in_policy = SignInPolicy(
            settings.login_attempts, settings.login_pause, timedelta(days=settings.session_days)
        )
        self.seats = Seats(self.db)
        self.offers = Offers(self.db)
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        # A process that only works hears of moved clocks through its worker, and of people and orders not at all.
        self._listens = listening
        self._listening: asyncio.Task[None] | None = None
        self._clock_reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Installation":
        try:
            await self.db.open()
            await self.outbound.start()
            await self._take_mode()
            heard: dict[str, Callable[[str], None]] = {
                trading.ORDER_CHANNEL: self._order_moved,
                seats.CHANNEL: self.seats.forget,
                CLOCK_CHANNEL: self._clock_moved,
            }
            if self._listens:
                self._listening = asyncio.create_task(Listener(self.db, heard).run())
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._listening, self._clock_reading):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self.outbound.close()
        await self.db.close()

    def worker(self) -> Worker:
        """A worker for everything that is due in this installation."""
        sources: list[Source] = [
            SellerCalls(self.db, self.settling, self.outbound, self.seal, self.settings),
            DueWork(self.db, self.due_handlers()),
        ]
        if self.settings.smtp_url or self.sms:
            sources.append(self.sendings())
        return Worker(
            self.db,
            sources,
            concurrency=self.settings.worker_concurrency,
            poll=self.settings.worker_poll,
            also_heard={} if self._listens else {CLOCK_CHANNEL: self._clock_moved},
        )

    def sendings(self) -> Sendings:
        """Mails and SMS, as a worker's source."""
        own = self.settings
        mailer = Mailer(own.smtp_url, own.mail_from, own.marketplace_name) if own.smtp_url else None
        return Sendings(self.db, own, mailer, self.sms)

    def due_handlers(self) -> dict[str, due.Handler]:
        """What each kind of due row does."""
        return {
            trading.EXPIRE: trading.expire,
            refunds.REFUND: lambda tx, row: refunds.carry_out_refund(tx, self.gateway, row),
            keys.RETIRE: keys.retire_when_due,
            life.RENEWAL: self.subscriptions.carry_out_renewal,
            subscription_queries.LIFE: self.life.carry_out_step,
            moving.TIMERS: self.supervision.timers.carry_out,
            settling.INVESTIGATION: self.settling.end_investigation,
            FORGET: self.files.forget,
            HOUSEKEEPING: self._housekeeping,
        }

    @contextmanager
    def watching(self, number: str) -> Iterator[asyncio.Event]:
        """An event that is set when the order of this number is completed or cancelled."""
        moved = asyncio.Event()
        watchers = self._watchers[number]
        watchers.add(moved)
        try:
            yield moved
        finally:
            watchers.discard(moved)
            if not watchers:
                self._watchers.pop(number, None)

    def _order_moved(self, number: str) -> None:
        watched = [self._watchers.get(number, ())] if number else self._watchers.values()
        for watchers in watched:
            for moved in watchers:
                moved.set()

    def wake_watchers(self) -> None:
        """Has everybody who waits look again: this process is about to stop."""
        self._order_moved("")

    async def _take_mode(self) -> None:
        """The first process of an installation says what it is; a different one may not touch it afterwards."""
        async with self.db.transaction(SYSTEM) as tx:
            mode = await tx.fetch_value(
                """
                INSERT INTO installation (mode) VALUES (%(mode)s)
                ON CONFLICT (only_row) DO UPDATE SET mode = installation.mode
                RETURNING mode
                """,
                {"mode": self.settings.mode},
            )
            if mode != self.settings.mode:
                raise WrongMode(f"this database is a {mode} installation, TRADEHALL_MODE says {self.settings.mode}")
            await tx.execute(
                """
                INSERT INTO due_rows (id, kind, subject_id, due_at, created_at)
                VALUES (gen_random_uuid(), %(kind)s, %(subject)s, %(now)s, %(now)s) ON CONFLICT DO NOTHING
                """,
                {"kind": HOUSEKEEPING, "subject": _EVERYTHING, "now": tx.now},
            )
        await self.read_clock()

    async def read_clock(self) -> None:
        """Takes over how far this sandbox's clock has been moved."""
        if self.settings.sandbox:
            async with self.db.read() as reader:
                self.clock.offset = await reader.fetch_value("SELECT clock_offset FROM installation")

    def _clock_moved(self, _: str) -> None:
        self._clock_reading = asyncio.get_running_loop().create_task(self.read_clock())

    async def _housekeeping(self, tx: Tx, row: DueRow) -> None:
        await parties.forget_old(tx, self.settings.idempotency_ttl)
        more = await notices.forget_old(tx, timedelta(days=self.settings.notice_days))
        more = await closing.close(tx) or more
        more = await statistics.add_up(tx, ZoneInfo(self.settings.default_timezone)) or more
        await due.schedule(tx, HOUSEKEEPING, _EVERYTHING, tx.now + (_GO_ON_AFTER if more else HOUSEKEEPING_EVERY))


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The database's address: the configured one, or an embedded PostgreSQL that runs as long as somebody uses it."""
    if settings.database_url:
        yield settings.database_url
        return
    starting = asyncio.ensure_future(asyncio.to_thread(embedded.start, settings.data_dir / "postgres"))
    try:
        server = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread goes on whatever becomes of us: the server it starts must not be left behind.
        await asyncio.to_thread((await starting).release)
        raise
    try:
        yield server.dsn
    finally:
        await asyncio.to_thread(server.release)


@asynccontextmanager
async def opened(settings: Settings, *, migrating: bool = True, listening: bool = True) -> AsyncIterator[Installation]:
    """A whole installation in this process, its schema brought up to date first."""
    async with database(settings) as dsn:
        if migrating:
            await migrate.migrate(dsn)
        async with Installation(settings, dsn, listening=listening) as installation:
            yield installation
