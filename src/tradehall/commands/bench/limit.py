"""The limit: what this machine could do with nothing but the SQL and the calls an order consists of.

`record` lives through one order in this process and writes down every statement with its parameters, every call to the
seller and every pause. `Replay` carries the same out again and again with new ids, through bare connections.
"""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import aiohttp
from psycopg import AsyncConnection, AsyncCursor
from yarl import URL

from tradehall.commands.bench.market import Buyer
from tradehall.commands.bench.rig import ACCESS_KEY, BenchProblem
from tradehall.installation import Installation
from tradehall.kernel.ids import lowest_id, new_id
from tradehall.kernel.outbound import Exchange, Outbound
from tradehall.protocols import v2
from tradehall.provisioning.caller import SellerCalls
from tradehall.trading import actions, queries

# Stands in for the worker's claim, which hands out whatever is due and so cannot be replayed for one order.
_CLAIM = """
    UPDATE seller_calls SET state = 'running', worker = %(worker)s, attempts = attempts + 1, last_attempt_at = now(),
           leased_until = clock_timestamp() + interval '1 minute'
    WHERE id = %(call)s
"""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_WARM_UP = 1.0

Params = Mapping[str, Any] | Sequence[Any] | None


class Statement:
    """A statement as it was run. `first` is the first row of its result in the wire's form, if anybody looked."""

    def __init__(self, query: Any, params: Params) -> None:
        self.query = query
        self.params = params
        self.read = False
        self.first: list[bytes | None] = []


class Unit:
    """Statements of one transaction, or a single one outside of any."""

    def __init__(self, statements: list[Statement], *, transaction: bool) -> None:
        self.statements = statements
        self.transaction = transaction


class Request:
    """A call to the seller. A call that timed out is replayed as the waiting it was."""

    def __init__(self, body: str, lost: float) -> None:
        self.body = body
        self.lost = lost


class Pause:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


Step = Unit | Request | Pause


class Life:
    """One order's life: until its buyer sees it open, and what is done for it afterwards."""

    def __init__(self, number: str, since: UUID, opening: list[Step], afterwards: list[Step]) -> None:
        self.number = number
        self.since = since
        self.opening = opening
        self.afterwards = afterwards

    def counts(self) -> tuple[int, int, int]:
        """Statements, transactions (single statements are one each), calls."""
        steps = self.opening + self.afterwards
        units = [step for step in steps if isinstance(step, Unit)]
        return sum(len(unit.statements) for unit in units), len(units), sum(isinstance(step, Request) for step in steps)


class _Tape:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.unit: Unit | None = None
        self.cursors: dict[int, tuple[Any, Statement]] = {}


_tape: ContextVar[_Tape | None] = ContextVar("tape", default=None)


@contextmanager
def _recording() -> Iterator[None]:
    """While this lasts, what a task with a tape does to the database and to sellers is written on its tape."""
    execute, transaction, post = AsyncCursor.execute, AsyncConnection.transaction, Outbound.post

    async def recorded_execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if tape := _tape.get():
            statement = Statement(query, params)
            tape.cursors[id(self)] = (self, statement)
            if tape.unit:
                tape.unit.statements.append(statement)
            else:
                tape.steps.append(Unit([statement], transaction=False))
        return await execute(self, query, params, **options)

    def recorded_fetch(fetch: Callable[..., Any]) -> Callable[..., Any]:
        async def fetched(self: Any, *arguments: Any) -> Any:
            rows = await fetch(self, *arguments)
            if (tape := _tape.get()) and (found := tape.cursors.get(id(self))):
                statement, result = found[1], self.pgresult
                statement.read = True
                if result is not None and result.ntuples:
                    statement.first = [result.get_value(0, column) for column in range(result.nfields)]
            return rows

        return fetched

    @asynccontextmanager
    async def recorded_transaction(self: Any, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        if (tape := _tape.get()) and tape.unit is None:
            tape.unit = Unit([], transaction=True)
            tape.steps.append(tape.unit)
            try:
                async with transaction(self, *arguments, **options) as opened:
                    yield opened
            finally:
                tape.unit = None
        else:
            async with transaction(self, *arguments, **options) as opened:
                yield opened

    async def recorded_post(self: Any, url: str, body: bytes, *arguments: Any, **options: Any) -> Exchange:
        exchange = await post(self, url, body, *arguments, **options)
        if tape := _tape.get():
            lost = exchange.milliseconds / 1000 if exchange.trouble == "timed_out" else 0.0
            tape.steps.append(Request(body.decode(), lost))
        return exchange

    replaced: list[tuple[type, str, Any]] = [
        (AsyncCursor, "execute", recorded_execute),
        (AsyncCursor, "fetchone", recorded_fetch(AsyncCursor.fetchone)),
        (AsyncCursor, "fetchall", recorded_fetch(AsyncCursor.fetchall)),
        (AsyncConnection, "transaction", recorded_transaction),
        (Outbound, "post", recorded_post),
    ]
    originals = [(kind, name, getattr(kind, name)) for kind, name, _ in replaced]
    try:
        for kind, name, replacement in replaced:
            setattr(kind, name, replacement)
        yield
    finally:
        for kind, name, original in originals:
            setattr(kind, name, original)


@contextmanager
def _onto(tape: _Tape | None) -> Iterator[None]:
    token = _tape.set(tape)
    try:
        yield
    finally:
        _tape.reset(token)


async def record(opened: Installation, buyer: Buyer, price_id: UUID, ready_after: float) -> Life:
    """Lives through an order with the rooms' own verbs, no other worker being there.

    Pauses are skipped by moving the clock, but for the time the seller really needs, `ready_after` seconds.
    Raises BenchProblem when the order does not open.
    """
    opened.clock.offset = timedelta()
    await asyncio.sleep(0.005)  # so that the ids of this life are younger than all there are
    since = lowest_id(opened.clock.now())
    calls = SellerCalls(opened.db, opened.settling, opened.outbound, opened.seal, opened.settings)
    tape = _Tape()
    opening: list[Step] | None = None
    with _recording():
        with _onto(tape):
            number = await _buy(opened, buyer, price_id)
        while (moment := await _next_call(opened, calls)) is not None:
            if (pause := moment - opened.clock.now()) > timedelta():
                await asyncio.sleep(min(ready_after, pause.total_seconds()))
                opened.clock.offset += max(moment - opened.clock.now(), timedelta())
                tape.steps.append(Pause(pause.total_seconds()))
            for job in await calls.claim(1):
                async with opened.db.read() as reader:
                    call = await reader.fetch_value("SELECT id FROM seller_calls WHERE state = 'running'")
                claim = Statement(_CLAIM, {"call": call, "worker": uuid4()})
                tape.steps.append(Unit([claim], transaction=False))
                with _onto(tape):
                    await job()
            if opening is None and await _is_open(opened, buyer, number):
                with _onto(tape):
                    await _is_open(opened, buyer, number)
                opening, tape.steps = tape.steps, []
    opened.clock.offset = timedelta()
    if opening is None:
        raise BenchProblem(f"the order {number} that was to be recorded did not open")
    return Life(number, since, opening, tape.steps)


async def _buy(opened: Installation, buyer: Buyer, price_id: UUID) -> str:
    async with opened.db.transaction(buyer.actor, str(new_id())) as tx:
        placed = await actions.place(
            tx, price_id=price_id, quantity=1, period_number=1, unpaid_ttl=opened.settings.unpaid_order_ttl
        )
    async with opened.db.transaction(buyer.actor, str(new_id())) as tx:
        await actions.pay(tx, opened.gateway, number=placed.number)
    return placed.number


async def _is_open(opened: Installation, buyer: Buyer, number: str) -> bool:
    async with opened.db.read() as reader:
        order = await queries.order(reader, buyer.actor, number)
    return order is not None and order.state == "completed"


async def _next_call(opened: Installation, calls: SellerCalls) -> Any:
    async with opened.db.read() as reader:
        return await calls.next_due(reader)


class Replay:
    """Lives over and over: `rate` says how many orders a second that makes."""

    def __init__(self, dsn: str, address: str, lives: list[Life]) -> None:
        self._dsn = dsn
        self._address = address
        self._lives = [_Score(life) for life in lives]
        self._begun = 0
        self._took: list[float] = []

    async def rate(self, clients: int, seconds: float) -> float:
        """Orders a second of this many clients at once, each with the next order as soon as the last one is open.

        That is clients by mean time; every life is in the mean equally often, however long it takes.
        """
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            counted_from = time.perf_counter() + _WARM_UP
            async with asyncio.TaskGroup() as group:
                for _ in range(clients):
                    group.create_task(self._client(session, counted_from, counted_from + seconds))
        return clients * len(self._took) / sum(self._took)

    async def _client(self, session: aiohttp.ClientSession, counted_from: float, until: float) -> None:
        """One client; as in the real thing, what follows the opening goes on beside its next order."""
        async with await self._connect() as opening, await self._connect() as afterwards:
            following: asyncio.Task[None] | None = None
            begun = time.perf_counter()
            counted = False
            while (score := self._next(counted, until)) is not None:
                names = score.names()
                await self._play(score.opening, names, opening, session)
                if following:
                    await following
                following = asyncio.create_task(self._play(score.afterwards, names, afterwards, session))
                ended = time.perf_counter()
                if counted:
                    self._took.append(ended - begun)
                begun = ended
                if not counted and begun >= counted_from:
                    counted = True
            if following:
                await following

    def _next(self, counted: bool, until: float) -> "_Score | None":
        """The life whose turn it is; None when the time is over and all have had as many turns as the others."""
        turn = self._begun % len(self._lives)
        if turn == 0 and self._took and time.perf_counter() >= until:
            return None
        if counted:
            self._begun += 1
        return self._lives[turn]

    async def _connect(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self._dsn, autocommit=True, prepare_threshold=3)

    async def _play(
        self, steps: list[Step], names: dict[str, str], connection: AsyncConnection[Any], session: aiohttp.ClientSession
    ) -> None:
        for step in steps:
            match step:
                case Unit(transaction=True):
                    async with connection.pipeline(), connection.transaction():
                        await self._run(step, names, connection)
                case Unit():
                    await self._run(step, names, connection)
                case Request():
                    await self._call(step, names, session)
                case Pause():
                    await asyncio.sleep(step.seconds)

    async def _run(self, unit: Unit, names: dict[str, str], connection: AsyncConnection[Any]) -> None:
        for statement in unit.statements:
            params = _each(statement.params, lambda value: _filled(value, names))
            cursor = await connection.execute(statement.query, params)
            if statement.read:
                row = await cursor.fetchone()
                if isinstance(statement, _Naming) and row:
                    names["number"] = row[statement.column]

    async def _call(self, request: Request, names: dict[str, str], session: aiohttp.ClientSession) -> None:
        if request.lost:
            await asyncio.sleep(request.lost)
            return
        body = cast("str", _filled(cast("Any", request.body), names)).encode()
        url = v2.signed_url(self._address, ACCESS_KEY, secrets.token_hex(16), int(time.time() * 1000), body)
        async with session.post(URL(url, encoded=True), data=body, headers=v2.HEADERS) as answer:
            await answer.read()


class _Text:
    """A text with names in it: an odd part is a name."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts


class _Id:
    def __init__(self, name: str) -> None:
        self.name = name


class _Naming(Statement):
    """The statement that gives the order its number."""

    column = 0


def _each(params: Params, change: Callable[[Any], Any]) -> Params:
    if params is None:
        return None
    if isinstance(params, Mapping):
        return {name: change(value) for name, value in params.items()}
    return [change(value) for value in params]


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, _Text):
        return "".join([names[part] if place % 2 else part for place, part in enumerate(value.parts)])
    if isinstance(value, _Id):
        return UUID(names[value.name])
    if isinstance(value, list):
        return [_filled(one, names) for one in value]
    return value


class _Score:
    """A life made ready for replay: what was made in it (ids, the order's number) has become names to be filled in."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._ids: set[str] = set()
        self._pattern = re.compile(f"({re.escape(life.number)}|{_UUID.pattern})")
        self.opening = [self._step(step) for step in life.opening]
        self.afterwards = [self._step(step) for step in life.afterwards]

    def names(self) -> dict[str, str]:
        """New ids for one replay; the number comes from the database."""
        return {name: str(new_id()) for name in self._ids}

    def _step(self, step: Step) -> Step:
        if isinstance(step, Unit):
            return Unit([self._statement(one) for one in step.statements], transaction=step.transaction)
        if isinstance(step, Request):
            return Request(self._value(step.body), step.lost)
        return step

    def _statement(self, recorded: Statement) -> Statement:
        number = self._life.number.encode()
        kind = _Naming if number in recorded.first and not self._numbered(recorded) else Statement
        statement = kind(recorded.query, _each(recorded.params, self._value))
        statement.read = recorded.read
        if isinstance(statement, _Naming):
            statement.column = recorded.first.index(number)
        return statement

    def _numbered(self, recorded: Statement) -> bool:
        """Whether the statement knew the number already."""
        params = recorded.params or ()
        return self._life.number in (params.values() if isinstance(params, Mapping) else params)

    def _value(self, value: Any) -> Any:
        if isinstance(value, UUID):
            return _Id(self._name(str(value))) if self._is_new(value) else value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(one) for one in value]
        return value

    def _text(self, text: str) -> Any:
        parts = self._pattern.split(text)
        kept = [parts[0]]
        for found, following in zip(parts[1::2], parts[2::2], strict=True):
            if found == self._life.number:
                kept += ["number", following]
            elif self._is_new(UUID(found)):
                kept += [self._name(found), following]
            else:
                kept[-1] += found + following
        return _Text(kept) if len(kept) > 1 else text

    def _name(self, found: str) -> str:
        self._ids.add(found)
        return found

    def _is_new(self, found: UUID) -> bool:
        """Made in this life: younger than it, or a businessId, which is a version 5."""
        return found.version == 5 or (found.version == 7 and found >= self._life.since)
