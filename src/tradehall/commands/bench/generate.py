"""A marketplace with years of orders, made in bulk by the database itself."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection

from tradehall.kernel.ids import new_id

BUYERS = 200
SPAN = timedelta(days=730)
CHUNK = 25_000
_WRITERS = 2

_FIRST = (
    ("Amber", "琥珀"), ("Harbour", "海港"), ("Jasmine", "茉莉"), ("Lotus", "莲花"), ("Magpie", "喜鹊"),
    ("Orchid", "兰花"), ("Pine", "青松"), ("Quartz", "石英"), ("River", "江河"), ("Silver", "白银"),
    ("Tea Garden", "茶园"), ("Terrace", "梯田"), ("Tiger", "猛虎"), ("Valley", "山谷"), ("Willow", "垂柳"),
    ("Crane", "仙鹤"), ("Bamboo", "翠竹"), ("Copper", "赤铜"), ("Dragon Boat", "龙舟"), ("Evergreen", "长青"),
)  # fmt: skip
_LAST = (
    ("Logistics", "物流"), ("Foods", "食品"), ("Machinery", "机械"), ("Textiles", "纺织"), ("Pharma", "制药"),
    ("Retail", "零售"), ("Energy", "能源"), ("Education", "教育"), ("Travel", "旅行"), ("Insurance", "保险"),
)  # fmt: skip

# A UUIDv7 of a moment, so that ids sort as the orders were placed.
V7 = """
    CREATE FUNCTION pg_temp.v7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(r, 1, 3) || '8'
                || substr(r, 4, 15))::uuid
        FROM replace(gen_random_uuid()::text, '-', '') AS r
    $$
"""
_CHUNK = """
    WITH offers AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY p.id) AS place, count(*) OVER () AS many, p.id AS product, k.id AS sku,
               c.id AS price, p.name_en, p.name_zh, k.name_en AS sku_en, k.name_zh AS sku_zh, c.amount_minor AS amount
        FROM products p JOIN skus k ON k.product_id = p.id JOIN prices c ON c.sku_id = k.id
        WHERE p.seller_id = %(seller)s
    ), drawn AS MATERIALIZED (
        SELECT %(begin)s::timestamptz + (%(span)s::interval * ((i + random()) / %(total)s)) AS at, random() AS fate,
               1 + floor(%(buyers)s * random() * random())::int AS buyer,
               1 + floor((SELECT many FROM offers LIMIT 1) * random())::int AS offer,
               1 + floor(12 * random())::int AS periods
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i
    ), made AS MATERIALIZED (
        SELECT pg_temp.v7(at) AS id, next_order_number(at) AS number, at, buyer, periods, f.*,
               CASE WHEN fate < 0.92 THEN 'completed' WHEN fate < 0.95 THEN 'processing'
                    WHEN fate < 0.96 THEN 'pending_payment' ELSE 'cancelled' END AS state
        FROM drawn JOIN offers f ON f.place = drawn.offer
    ), ordered AS (
        INSERT INTO orders (id, number, order_type, buyer_id, seller_id, placed_by, product_id, state, currency,
                            total_minor, request_id, created_at, expires_at, paid_at, completed_at, cancelled_at,
                            cancel_reason)
        SELECT id, number, 'NEW', (%(buyer_ids)s::uuid[])[buyer], %(seller)s, %(person)s, product, state, 'CNY',
               amount * periods, 'bench', at, at + interval '7 days',
               CASE WHEN state <> 'pending_payment' THEN at + interval '1 minute' END,
               CASE WHEN state = 'completed' THEN at + interval '2 minutes' END,
               CASE WHEN state = 'cancelled' THEN at + interval '3 hours' END,
               CASE WHEN state = 'cancelled' THEN 'opening_failed' END
        FROM made
    ), lines AS (
        INSERT INTO order_lines (id, order_id, seller_id, number, sku_id, price_id, product_name_en, product_name_zh,
                                 sku_name_en, sku_name_zh, charging_mode, period_type, period_number, quantity,
                                 unit_minor, total_minor)
        SELECT pg_temp.v7(at), id, %(seller)s, number || '-000001', sku, price, name_en, name_zh, sku_en, sku_zh,
               'PERIOD', 'month', periods, 1, amount, amount * periods
        FROM made
    ), paid AS (
        INSERT INTO payments (id, order_id, gateway, reference, amount_minor, currency, paid_by, created_at)
        SELECT pg_temp.v7(at), id, 'test', 'TP' || number, amount * periods, 'CNY', %(person)s, at + interval '1 minute'
        FROM made WHERE state <> 'pending_payment'
    )
    INSERT INTO refunds (id, order_id, number, reason, amount_minor, currency, state, reference, created_at,
                         refunded_at)
    SELECT pg_temp.v7(at), id, next_order_number(at + interval '3 hours'), 'opening_failed', amount * periods, 'CNY',
           'refunded', 'TR' || number, at + interval '3 hours', at + interval '3 hours'
    FROM made WHERE state = 'cancelled'
"""


class Sold(msgspec.Struct, frozen=True):
    """How many orders a seller shall have."""

    seller_id: UUID
    orders: int


async def generate(dsn: str, wanted: list[Sold], person: UUID, now: datetime, tell: Callable[[str], None]) -> None:
    """Fills the database: buyers, and orders of the last two years up to `now`, each placed by `person`."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        buyers = await _buyers(connection, now)
    chunks = iter([
        (sold, first, min(first + CHUNK, sold.orders) - 1)
        for sold in wanted
        for first in range(0, sold.orders, CHUNK)
    ])  # fmt: skip
    total, done = sum(sold.orders for sold in wanted), itertools.count(CHUNK, CHUNK)

    async def write() -> None:
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("SET synchronous_commit = off")
            with suppress(psycopg.errors.InsufficientPrivilege):
                # What is written fits together; checking four million references takes longer than writing them.
                await connection.execute("SET session_replication_role = replica")
            await connection.execute(V7)
            for sold, first, last in chunks:
                await connection.execute(
                    _CHUNK,
                    {
                        "seller": sold.seller_id,
                        "person": person,
                        "begin": now - SPAN,
                        "span": SPAN,
                        "total": sold.orders,
                        "buyers": len(buyers),
                        "buyer_ids": buyers,
                        "first": first,
                        "last": last,
                    },
                )
                if (written := min(next(done), total)) % (CHUNK * 4) == 0 or written == total:
                    tell(f"  {written:,} of {total:,} orders")

    async with asyncio.TaskGroup() as group:
        for _ in range(_WRITERS):
            group.create_task(write())
    tell("  and what autovacuum would do in time")
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("VACUUM (ANALYZE) orders, order_lines, payments, refunds, organisations, products")
        with suppress(psycopg.errors.InsufficientPrivilege):
            await connection.execute("CHECKPOINT")


async def _buyers(connection: AsyncConnection[Any], now: datetime) -> list[UUID]:
    names = [
        (f"{first_en} {last_en}", first_zh + last_zh)
        for (first_en, first_zh), (last_en, last_zh) in itertools.product(_FIRST, _LAST)
    ][:BUYERS]
    ids = [new_id(now - SPAN) for _ in names]
    async with (
        connection.cursor() as cursor,
        cursor.copy("COPY organisations (id, kind, name_en, name_zh, created_at) FROM STDIN") as copy,
    ):
        for organisation_id, (name_en, name_zh) in zip(ids, names, strict=True):
            await copy.write_row((organisation_id, "buyer", name_en, name_zh, now - SPAN))
    return ids
