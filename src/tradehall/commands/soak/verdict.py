"""When all is calm again: is anything lost, done twice, stuck, or told differently by the sellers' own books?"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, LiteralString, get_args

import msgspec
from psycopg import AsyncConnection

from tradehall.commands import reconcile
from tradehall.commands.soak.clients import Clients, Promise
from tradehall.commands.soak.rig import Rig
from tradehall.kernel import journal
from tradehall.kernel.db import Reader

Trouble = Literal["lost", "twice", "stuck", "broken_chains", "wrong_money", "differences", "unexpected"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
MEANING: Mapping[Trouble, str] = MappingProxyType(
    {
        "lost": "acknowledged to a buyer, and not there",
        "twice": "done more than once",
        "stuck": "never done",
        "broken_chains": "subjects whose journal is not whole",
        "wrong_money": "amounts that do not add up",
        "differences": "told differently by the sellers' books",
        "unexpected": "answers that no killed process explains",
    }
)
_GLANCE = 0.2


class Verdict:
    """What was found, by kind of trouble."""

    def __init__(self) -> None:
        self.found: dict[Trouble, list[str]] = {kind: [] for kind in TROUBLES}
        self.orders: Counter[str] = Counter()
        self.instances = 0
        self.entries = 0
        self.tries: Counter[str] = Counter()

    def note(self, kind: Trouble, text: str) -> None:
        self.found[kind].append(text)

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(found) for kind, found in self.found.items()}

    @property
    def clean(self) -> bool:
        return not any(self.found.values())


# --- Until it is calm ------------------------------------------------------------------------------------------------

_BUSY: LiteralString = """
    SELECT (SELECT count(*) FROM seller_calls WHERE state IN ('queued', 'waiting', 'running'))
         + (SELECT count(*) FROM due_rows WHERE parked_at IS NULL AND due_at <= %(now)s)
         + (SELECT count(*) FROM orders WHERE state = 'processing')
"""


async def calm(connection: AsyncConnection[Any], patience: float) -> bool:
    """Waits until nothing is under way any more; False if that does not come about."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if not await _reader(connection).fetch_value(_BUSY, {"now": datetime.now(UTC)}):
            return True
        await asyncio.sleep(_GLANCE)
    return False


def _reader(connection: AsyncConnection[Any]) -> Reader:
    return Reader(connection, datetime.now(UTC))


# --- What is looked at -----------------------------------------------------------------------------------------------


class _Order(msgspec.Struct, frozen=True):
    number: str
    order_type: str
    state: str


class _Odd(msgspec.Struct, frozen=True):
    """Something that should not be, and what was seen of it."""

    subject: str
    seen: str


_STUCK: tuple[LiteralString, ...] = (
    "SELECT number AS subject, order_type || ' is ' || state AS seen FROM orders WHERE state = 'processing'",
    """
    SELECT order_number AS subject, format('%%s (%%s) is %%s after %%s tries: %%s', activity, purpose, state, attempts,
                                           concat_ws(' ', verdict, result_code, trouble)) AS seen
    FROM seller_calls WHERE state NOT IN ('succeeded', 'cancelled')
    """,
    """
    SELECT kind || ' ' || subject_id AS subject,
           concat_ws(' ', CASE WHEN parked_at IS NULL THEN 'is overdue since' ELSE 'is parked, due' END, due_at,
                     last_error) AS seen
    FROM due_rows WHERE parked_at IS NOT NULL OR due_at < %(now)s
    """,
    """
    SELECT o.number AS subject, format('its refund is %%s', r.state) AS seen
    FROM refunds r JOIN orders o ON o.id = r.order_id WHERE r.state <> 'refunded'
    """,
    """
    SELECT o.number AS subject, format('its instance is %%s, its subscription %%s', i.state, coalesce(s.state, 'none'))
           AS seen
    FROM instances i JOIN orders o ON o.id = i.order_id LEFT JOIN subscriptions s ON s.id = i.id
    WHERE (i.state, coalesce(s.state, '')) NOT IN (('running', 'active'), ('released', 'ended'))
    """,
    """
    SELECT o.number AS subject, 'its term goes on, and nothing ends it' AS seen
    FROM subscriptions s JOIN orders o ON o.id = s.order_id
    WHERE s.state <> 'ended' AND NOT EXISTS (
        SELECT FROM due_rows d WHERE d.kind = 'subscription.life' AND d.subject_id = s.id AND d.due_at = s.expires_at)
    """,
)
_MONEY: tuple[LiteralString, ...] = (
    """
    -- Order by order: what is to be paid was, once; what is paid is earned or went back, whole.
    SELECT o.number AS subject, format('%%s %%s over %%s: paid %%s times, %%s; returned %%s times, %%s', o.order_type,
                                       o.state, o.total_minor, p.n, p.sum, r.n, r.sum) AS seen
    FROM orders o
    CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM payments
                        WHERE order_id = o.id) p
    CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM refunds
                        WHERE order_id = o.id) r
    WHERE NOT CASE WHEN o.order_type = 'UNSUBSCRIBE' OR o.paid_at IS NULL THEN p.n = 0 AND r.n = 0
                   ELSE p.n = 1 AND p.sum = o.total_minor AND (r.n = 0 OR r.n = 1 AND r.sum = p.sum) END
    """,
    """
    SELECT o.number AS subject, format('says it returns %%s, and returns %%s', o.total_minor, r.sum) AS seen
    FROM orders o
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS sum FROM refunds WHERE unsubscription_id = o.id) r
    WHERE o.order_type = 'UNSUBSCRIBE' AND o.total_minor <> r.sum
    """,
    """
    SELECT 'all' AS subject, format('paid %%s, held %%s, returned %%s', paid, held, returned) AS seen
    FROM (SELECT (SELECT coalesce(sum(amount_minor), 0) FROM payments) AS paid,
                 (SELECT coalesce(sum(o.total_minor), 0) FROM orders o
                  WHERE o.order_type <> 'UNSUBSCRIBE' AND o.paid_at IS NOT NULL
                    AND NOT EXISTS (SELECT FROM refunds r WHERE r.order_id = o.id)) AS held,
                 (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE state = 'refunded') AS returned) m
    WHERE paid <> held + returned
    """,
)


async def judge(rig: Rig, connection: AsyncConnection[Any], clients: Clients) -> Verdict:
    """Looks at everything."""
    verdict = Verdict()
    for text in clients.unexpected:
        verdict.note("unexpected", text)
    for text in clients.gave_up:
        verdict.note("stuck", text)
    reader = _reader(connection)
    await _promises(reader, clients.promises, verdict)
    verdict.tries.update(await reader.fetch_values("SELECT verdict FROM call_attempts"))
    for kind, statements in (("stuck", _STUCK), ("wrong_money", _MONEY)):
        for statement in statements:
            for odd in await reader.fetch_all(_Odd, statement, {"now": reader.now}):
                verdict.note(kind, f"{odd.subject}: {odd.seen}")  # type: ignore[arg-type]
    await _journal(connection, verdict)
    for generation in rig.seller_ports:
        await _book(rig, connection, generation, verdict)
    return verdict


async def _promises(reader: Reader, promises: list[Promise], verdict: Verdict) -> None:
    there = await reader.fetch_all(_Order, "SELECT number, order_type, state FROM orders")
    verdict.orders.update(one.order_type for one in there)
    check_promises(promises, {one.number: (one.order_type, one.state) for one in there}, verdict)


def check_promises(promises: list[Promise], there: dict[str, tuple[str, str]], verdict: Verdict) -> None:
    """Whether every order that was acknowledged is there (as what, in which state) as it was, and no other."""
    acknowledged = Counter(one.number for one in promises)
    for promise in promises:
        number, said = promise.number, f"{promise.order_type} {promise.said}"
        order_type, state = there.get(number, ("", ""))
        if acknowledged[number] > 1:
            verdict.note("lost", f"{number} was acknowledged to {acknowledged[number]} buyers")
        elif order_type != promise.order_type or state not in _KEPT[promise.said]:
            verdict.note("lost", f"{number} was {said}, and is {f'{order_type} {state}' if state else 'not there'}")
    for number in sorted(there.keys() - acknowledged.keys()):
        verdict.note("twice", f"{number} ({' '.join(there[number])}): no buyer knows of it")


# In which states a promise is kept.
_KEPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "placed": ("pending_payment", "processing", "completed"),
        "paid": ("processing", "completed"),
        "completed": ("completed",),
    }
)


async def _journal(connection: AsyncConnection[Any], verdict: Verdict) -> None:
    async for entries, flaw in journal.verify(connection):
        verdict.entries += entries
        if flaw:
            verdict.note("broken_chains", f"{flaw.subject_kind} {flaw.subject_id}: entry {flaw.seq} is {flaw.what}")


async def _book(rig: Rig, connection: AsyncConnection[Any], generation: str, verdict: Verdict) -> None:
    """What the seller of this generation has on record. Nothing goes on any more, so it is read once."""
    effects = reconcile.read_book(rig.book(generation))
    endpoint = await _reader(connection).fetch_value(
        "SELECT id FROM endpoints WHERE generation = %(generation)s", {"generation": generation.upper()}
    )
    if endpoint is None:
        verdict.note("lost", f"the endpoint of the seller of {generation}")
    here = await reconcile.ours(connection, effects, endpoint)
    verdict.instances += len(here.instances)
    for one in reconcile.compare(here, effects):
        told = f"{generation}: {one.order} {reconcile.MEANING[one.what]} ({one.ours or '-'} / {one.theirs or '-'})"
        verdict.note("twice" if one.what == "done_twice" else "differences", told)
