"""`tradehall reconcile`: whether this installation and a sample seller's own book tell the same of every instance.

The book is the file `python -m tradehall_seller --book FILE` writes, and any seller can write the like: one effect a
line, see `tradehall_seller.book`. It is only read, also while its seller goes on writing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, LiteralString, TypeAlias, get_args
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.installation import database
from tradehall.kernel import migrate
from tradehall.kernel.db import Reader
from tradehall.protocols.requests import Generation
from tradehall.settings import Settings
from tradehall_seller.book import Effect, Kind

What = Literal[
    "unknown_here",
    "unknown_there",
    "other_instance",
    "still_there",
    "gone_there",
    "frozen_there",
    "usable_there",
    "other_expiry",
    "done_twice",
    "not_done",
    "done_unpaid",
]
MEANING: Mapping[What, str] = MappingProxyType(
    {
        "unknown_here": "the book tells of an order that no instance here belongs to",
        "unknown_there": "the instance is open here, and the book does not have it",
        "other_instance": "the order's instance has another id in the book",
        "still_there": "the instance is over here, and not released in the book",
        "gone_there": "the instance is open here, and released in the book",
        "frozen_there": "the instance may be used here, and is frozen in the book",
        "usable_there": "the instance is frozen here, and not in the book",
        "other_expiry": "the expiry here is not the one the book was told last",
        "done_twice": "the book has the order's effect more than once",
        "not_done": "the order is completed here, and the book has no effect of it",
        "done_unpaid": "the book has an effect of an order that was never paid",
    }
)


class Difference(msgspec.Struct, frozen=True):
    """One thing in which the two do not agree; `ours` and `theirs` say how each has it."""

    what: What
    order: str
    instance: str = ""
    ours: str = ""
    theirs: str = ""


class Compared(msgspec.Struct, frozen=True):
    """What came of it. About those `under_way` a call is open: what is different there may be so for a moment only, and
    is not told."""

    endpoints: list[UUID]
    instances: int
    orders: int
    effects: int
    under_way: int
    differences: list[Difference]


# --- The seller's side -----------------------------------------------------------------------------------------------


class Kept(msgspec.Struct):
    """An instance as the book has it."""

    instance_id: str
    order: str
    released: bool = False
    frozen: bool = False
    renewed_since: bool = False
    expire_time: str = ""

    def is_frozen(self, generation: Generation) -> bool:
        """In V1 a renewal also ends what froze it."""
        return self.frozen and not (generation == "V1" and self.renewed_since)


def read_book(path: Path) -> list[Effect]:
    """Every effect in a book. Half a line at its end is one that is being written, or that a crash cut short.

    Raises CommandProblem for a file that cannot be read or is no book.
    """
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise CommandProblem(f"{path}: {error.strerror}") from error
    effects = []
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            effect = msgspec.json.decode(line, type=Effect)
        except msgspec.DecodeError as error:
            raise CommandProblem(f"{path}: line {number} is no effect: {error}") from error
        effects.append(effect)
    return effects


def instances_in(effects: Iterable[Effect]) -> dict[str, Kept]:
    """What became of every customer's instance, by its id."""
    kept: dict[str, Kept] = {}
    for effect in effects:
        if effect.kind == "open" and not effect.test:
            kept[effect.instance_id] = Kept(effect.instance_id, effect.order_id)
        elif (one := kept.get(effect.instance_id)) is not None:
            match effect.kind:
                case "freeze" | "unfreeze":
                    one.frozen, one.renewed_since = effect.kind == "freeze", False
                case "refresh":
                    one.expire_time, one.renewed_since = effect.expire_time, True
                case "release":
                    one.released = True
    return kept


_Deed: TypeAlias = tuple[str, Kind, bool]  # order, what was done, whether that took a renewal back


def deeds_in(effects: Iterable[Effect]) -> Counter[_Deed]:
    """How often each order was carried out."""
    return Counter(
        (one.order_id, one.kind, one.scene == "UNSUBSCRIBE_RENEWAL_PERIOD")
        for one in effects
        if one.kind in ("open", "refresh", "upgrade") and not one.test
    )


# --- Our side --------------------------------------------------------------------------------------------------------


class _Instance(msgspec.Struct, frozen=True):
    """An instance as this installation has it. At rest: no call about it is open. `over` also says of one that failed
    to open that nothing of it should be left."""

    order: str
    seller_instance_id: str | None
    generation: Generation
    open: bool
    over: bool
    frozen: bool
    expires_at: datetime | None
    state: str
    at_rest: bool


class _Order(msgspec.Struct, frozen=True):
    """An order about one of these instances, and what it makes a seller do; None: nothing of its own."""

    number: str
    order_type: str
    state: str
    paid: bool
    reverses: bool
    seller_instance_id: str | None
    at_rest: bool

    @property
    def deed(self) -> _Deed | None:
        kind = "refresh" if self.reverses else _DEEDS.get(self.order_type)
        return (self.number, kind, self.reverses) if kind else None


# What carrying out an order is called in a book. An unsubscription has nothing of its own: it releases the instance.
_DEEDS: Mapping[str, Kind] = MappingProxyType(
    {"NEW": "open", "TRIAL": "open", "RENEW": "refresh", "TRIAL_TO_FORMAL": "refresh", "CHANGE": "upgrade"}
)


def _at_rest(column: LiteralString) -> LiteralString:
    return f"""
    NOT EXISTS (SELECT FROM seller_calls c
                WHERE c.lane = i.{column} AND (c.state = 'queued' OR c.state IN ('waiting', 'running')))
    """


_ENDPOINTS: LiteralString = """
    SELECT DISTINCT i.endpoint_id FROM orders o JOIN instances i ON i.order_id = o.id WHERE o.number = ANY(%(numbers)s)
"""
_INSTANCES: LiteralString = f"""
    SELECT o.number AS order, i.seller_instance_id, e.generation, i.state,
           i.state IN ('running', 'frozen') AS open, i.state IN ('ending', 'failed', 'released') AS over,
           coalesce(s.state = 'frozen' OR s.suspended_at IS NOT NULL, false) AS frozen, s.expires_at,
           {_at_rest("id")} AS at_rest
    FROM instances i
    JOIN orders o ON o.id = i.order_id
    JOIN endpoints e ON e.id = i.endpoint_id
    LEFT JOIN subscriptions s ON s.id = i.id
    WHERE i.endpoint_id = ANY(%(endpoints)s) ORDER BY i.id
"""
_ORDERS: LiteralString = f"""
    WITH theirs AS (
        SELECT id, order_id, seller_instance_id FROM instances WHERE endpoint_id = ANY(%(endpoints)s)
    ), about AS (
        SELECT id AS instance, order_id, seller_instance_id FROM theirs
        UNION ALL
        SELECT t.id, o.id, t.seller_instance_id FROM theirs t JOIN orders o ON o.subscription_id = t.id
    )
    SELECT o.number, o.order_type, o.state, o.paid_at IS NOT NULL AS paid, o.reverses_id IS NOT NULL AS reverses,
           i.seller_instance_id, {_at_rest("instance")} AS at_rest
    FROM about i JOIN orders o ON o.id = i.order_id
    UNION ALL
    -- What an order gave back that was never delivered, by the number it has on the wire.
    SELECT r.number, 'UNSUBSCRIBE', 'completed', true, false, i.seller_instance_id, false
    FROM about i JOIN refunds r ON r.order_id = i.order_id WHERE r.unsubscription_id IS NULL
    ORDER BY number
"""


class Ours(msgspec.Struct, frozen=True):
    """All that is compared, on this side."""

    endpoints: list[UUID]
    instances: list[_Instance]
    orders: list[_Order]


async def ours(connection: AsyncConnection[Any], effects: list[Effect], endpoint: UUID | None = None) -> Ours:
    """Everything about the instances of an endpoint, or where none is named of those to which the book's orders went;
    all of it as it is at one moment."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader = Reader(connection, datetime.now(UTC))
        numbers = list({one.order_id for one in effects if one.order_id and not one.test})
        endpoints = [endpoint] if endpoint else await reader.fetch_values(_ENDPOINTS, {"numbers": numbers})
        return Ours(
            endpoints,
            await reader.fetch_all(_Instance, _INSTANCES, {"endpoints": endpoints}),
            await reader.fetch_all(_Order, _ORDERS, {"endpoints": endpoints}),
        )


def compare(ours: Ours, effects: list[Effect]) -> list[Difference]:
    """All in which the two do not agree."""
    return [*_of_instances(ours.instances, instances_in(effects)), *_of_orders(ours.orders, deeds_in(effects))]


def _of_instances(instances: list[_Instance], kept: dict[str, Kept]) -> Iterable[Difference]:
    by_order: dict[str, list[Kept]] = {}
    for one in kept.values():
        by_order.setdefault(one.order, []).append(one)
    for ours in instances:
        theirs = by_order.get(ours.order, [])
        if ours.at_rest:
            yield from _of_instance(ours, theirs)


def _of_instance(ours: _Instance, theirs: list[Kept]) -> Iterable[Difference]:
    what: What
    name = ours.seller_instance_id or ""
    for one in theirs:
        if ours.over and not one.released:
            yield Difference("still_there", ours.order, one.instance_id, ours.state, "open")
    if not ours.open:
        return
    same = next((one for one in theirs if one.instance_id == name), None)
    if same is None:
        what = "other_instance" if theirs else "unknown_there"
        yield Difference(what, ours.order, name, name, ", ".join(one.instance_id for one in theirs))
        return
    if same.released:
        yield Difference("gone_there", ours.order, name, ours.state, "released")
        return
    frozen = same.is_frozen(ours.generation)
    if ours.frozen != frozen:
        what = "usable_there" if ours.frozen else "frozen_there"
        yield Difference(what, ours.order, name, _status(ours.frozen), _status(frozen))
    # Of an instance that was only opened the book knows no expiry: in V2 sellers ask for the order instead.
    if same.expire_time and ours.expires_at:
        here = ours.expires_at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
        if here != same.expire_time[:14]:
            yield Difference("other_expiry", ours.order, name, here, same.expire_time[:14])


def _status(frozen: bool) -> str:
    return "frozen" if frozen else "usable"


def _of_orders(orders: list[_Order], done: Counter[_Deed]) -> Iterable[Difference]:
    known = set()
    for order in orders:
        known.add(order.number)
        if order.deed is None:
            continue
        times, name = done[order.deed], order.seller_instance_id or ""
        has = f"{order.deed[1]}, {times} times"
        if times > 1:
            yield Difference("done_twice", order.number, name, order.state, has)
        elif times and not order.paid:
            yield Difference("done_unpaid", order.number, name, order.state, has)
        elif not times and order.at_rest and order.state == "completed":
            yield Difference("not_done", order.number, name, order.state, has)
    for number in sorted({number for number, _, _ in done} - known):
        yield Difference("unknown_here", number)


# --- The command -----------------------------------------------------------------------------------------------------


async def reconcile(settings: Settings, console: Console, *, book: Path, endpoint: UUID | None, as_json: bool) -> bool:
    """Compares and prints what is different; whether nothing is. Raises CommandProblem."""
    before = read_book(book)
    async with database(settings) as dsn:
        if await migrate.pending(dsn):
            raise CommandProblem("the database's schema is not up to date; run `tradehall migrate` first")
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            here = await ours(connection, before, endpoint)
    if not here.endpoints:
        raise CommandProblem(f"no order in {book} is one of this installation; name the endpoint with --endpoint")
    # Both go on meanwhile: what is different to the book as it was before and as it is after is so by itself.
    after = read_book(book)
    lasting = compare(here, after)
    found = Compared(
        here.endpoints,
        len(here.instances),
        len(here.orders),
        len(after),
        sum(not one.at_rest for one in here.instances),
        [one for one in compare(here, before) if one in lasting],
    )
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(console, found)
    return not found.differences


def _show(console: Console, found: Compared) -> None:
    for one in found.differences:
        both = f" ({one.ours or '-'} here, {one.theirs or '-'} there)" if one.ours or one.theirs else ""
        instance = f" instance {one.instance}" if one.instance else ""
        console.print(f"[red]✗[/red] {one.order}{instance}: {MEANING[one.what]}{both}", soft_wrap=True)
    number = len(found.differences)
    verdict = f"[red]{number} difference{'s' * (number > 1)}[/red]" if number else "[green]all agree[/green]"
    told = f"{found.instances} instances, {found.orders} orders, {found.effects} effects in the book: {verdict}"
    if found.under_way:
        told += f"; calls are open about {found.under_way}, look again later"
    console.print(told, soft_wrap=True)


assert set(MEANING) == set(get_args(What)), "every difference has its words"
