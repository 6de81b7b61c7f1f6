"""`tradehall secrets`: what lies sealed in the database, sealed anew with the current secret key, or only looked at."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import tuple_row
from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.installation import database
from tradehall.kernel import migrate
from tradehall.kernel.secrets import CannotUnseal, Seal, secret_key
from tradehall.settings import Settings

BATCH = 500
UNREADABLE = "unreadable"

Connection = AsyncConnection[tuple[Any, ...]]
Told = dict[str, Counter[str]]  # by column: how many values of each sort


class Sealed(msgspec.Struct, frozen=True):
    """A column of sealed values: its rows' key, what a seal is for, and for what it has fingerprints beside, if it has.

    What `only` leaves out is not sealed.
    """

    table: LiteralString
    column: LiteralString
    ids: tuple[LiteralString, ...]
    purpose: LiteralString
    fingerprint: LiteralString = ""
    printed_for: LiteralString = ""
    only: LiteralString = "true"

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


SEALED = (
    Sealed("access_keys", "sealed", ("id",), "endpoint_id::text", fingerprint="fingerprint", printed_for="seller_id"),
    Sealed("api_credentials", "secret", ("id",), "id::text"),
    Sealed("instances", "password", ("id",), "id::text"),
    Sealed("supervision_flows", "secrets", ("id",), "id::text"),
    Sealed("signing_keys", "private_key", ("id",), "id::text"),
    # Answers kept for requests that come again: sealed where they hold a secret, JSON otherwise.
    Sealed(
        "idempotency_keys",
        "answer",
        ("owner_id", "key"),
        "owner_id || ' ' || key",
        only=r"substring(answer for 1) = '\x01'::bytea",
    ),
)


class _Row(msgspec.Struct, frozen=True):
    ids: tuple[Any, ...]
    value: bytes
    purpose: str
    fingerprint: bytes | None
    printed_for: str | None


async def rotate(settings: Settings, console: Console, *, as_json: bool) -> bool:
    """Seals with the current key what is sealed with another, and says how much; whether all of it could be opened.

    Rows are changed one by one, only while they are as they were read, and never two are locked at once: the
    installation goes on meanwhile. Broken off, it is simply run again.
    """
    seal, told = _seal(settings), Told()
    async with _connected(settings) as connection:
        await connection.execute("SET synchronous_commit = off")
        for one in await _present(connection):
            told[one.name] = counted = Counter({"sealed_anew": 0, "current_before": 0, UNREADABLE: 0})
            async for row in _rows(connection, one):
                counted[await _seal_anew(connection, one, row, seal)] += 1
        # Once this is on the disk, so is all that did not wait for it.
        await connection.execute("SET synchronous_commit = on")
        await connection.execute("SELECT pg_logical_emit_message(true, 'tradehall', 'sealed anew')")
    _tell(console, told, as_json=as_json)
    return not any(counted[UNREADABLE] for counted in told.values())


async def check(settings: Settings, console: Console, *, as_json: bool) -> bool:
    """Says how much opens with which key and changes nothing; whether all of it opens."""
    seal, told = _seal(settings), Told()
    sorts = ["current", *(f"former_{number}" for number in range(1, seal.keys))]
    async with _connected(settings) as connection:
        for one in await _present(connection):
            told[one.name] = counted = Counter(dict.fromkeys([*sorts, UNREADABLE], 0))
            async for row in _rows(connection, one):
                try:
                    counted[sorts[seal.open_with(row.value, row.purpose)[1]]] += 1
                except CannotUnseal:
                    counted[UNREADABLE] += 1
    _tell(console, told, as_json=as_json)
    return not any(counted[UNREADABLE] for counted in told.values())


def _seal(settings: Settings) -> Seal:
    return Seal(secret_key(settings.secret_key, settings.data_dir), settings.former_secret_keys)


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Connection]:
    async with database(settings) as dsn:
        if await migrate.pending(dsn):
            raise CommandProblem("the database's schema is not up to date; run `tradehall migrate` first")
        async with await AsyncConnection.connect(dsn, autocommit=True, row_factory=tuple_row) as connection:
            yield connection


async def _present(connection: Connection) -> list[Sealed]:
    """The columns that this installation's schema has."""
    found = await connection.execute(
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    )
    names = {name for (name,) in await found.fetchall()}
    return [one for one in SEALED if one.name in names]


async def _rows(connection: Connection, one: Sealed) -> AsyncIterator[_Row]:
    """Every sealed value of a column, read in batches in the order of their rows' keys."""
    ids = sql.SQL(", ").join(map(sql.Identifier, one.ids))
    query = sql.SQL(
        "SELECT {ids}, {column}, {purpose} AS purpose, {fingerprint}, {printed_for} AS printed_for FROM {table} "
        "WHERE {column} IS NOT NULL AND {only} AND {after} ORDER BY {ids} LIMIT {most}"
    )
    after: sql.Composable = sql.SQL("true")
    while True:
        cursor = await connection.execute(
            query.format(
                ids=ids,
                column=sql.Identifier(one.column),
                purpose=sql.SQL(one.purpose),
                fingerprint=sql.SQL(one.fingerprint or "NULL"),
                printed_for=sql.SQL(f"{one.printed_for}::text" if one.printed_for else "NULL"),
                table=sql.Identifier(one.table),
                only=sql.SQL(one.only),
                after=after,
                most=sql.Literal(BATCH),
            )
        )
        rows = await cursor.fetchall()
        for row in rows:
            yield _Row(row[: len(one.ids)], *row[len(one.ids) :])
        if len(rows) < BATCH:
            return
        last = sql.SQL(", ").join(map(sql.Literal, rows[-1][: len(one.ids)]))
        after = sql.SQL("({}) > ({})").format(ids, last)


async def _seal_anew(connection: Connection, one: Sealed, row: _Row, seal: Seal) -> str:
    """Which sort a value turned out to be. One that was changed meanwhile was sealed with the current key by that."""
    try:
        text, number = seal.open_with(row.value, row.purpose)
    except CannotUnseal:
        return UNREADABLE
    anew: dict[str, bytes] = {}
    if number:
        anew[one.column] = seal.close(text, row.purpose)
    if one.fingerprint and row.printed_for:
        fingerprint = seal.fingerprints(text, row.printed_for)[0]
        if fingerprint != row.fingerprint:
            anew[one.fingerprint] = fingerprint
    if not anew:
        return "current_before"
    await connection.execute(
        sql.SQL("UPDATE {table} SET {changes} WHERE ({ids}) = ({values}) AND {column} = {before}").format(
            table=sql.Identifier(one.table),
            changes=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in anew.items()
            ),
            ids=sql.SQL(", ").join(map(sql.Identifier, one.ids)),
            values=sql.SQL(", ").join(map(sql.Literal, row.ids)),
            column=sql.Identifier(one.column),
            before=sql.Literal(row.value),
        )
    )
    return "sealed_anew"


def _tell(console: Console, told: Mapping[str, Counter[str]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told))
        return
    for name, counted in told.items():
        parts = [
            f"[red]{number} {UNREADABLE}[/red]" if sort == UNREADABLE else f"{number} {sort.replace('_', ' ')}"
            for sort, number in counted.items()
            if number or sort != UNREADABLE
        ]
        console.print(f"{name}: {', '.join(parts)}", soft_wrap=True)
