"""How the demo tells its story: chapters, the calls to sellers as a table, what became of the orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from babel.numbers import format_currency
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tradehall.commands.clock import spoken
from tradehall.installation import Installation
from tradehall.kernel.money import decimal_text
from tradehall.protocols.v2 import FAULTS

_FAULTS: Mapping[str, str] = {str(fault): meaning for fault, meaning in FAULTS.items()}


class Totals(msgspec.Struct, frozen=True):
    """What this run's orders came to. `calls` are requests that reached out to a seller; `calls_failed` are those that
    were answered neither with success nor with "in progress"."""

    orders: int
    opened: int
    completed: int
    refunded: int
    calls: int
    calls_failed: int

    def told(self, seconds: float) -> dict[str, Any]:
        return msgspec.structs.asdict(self) | {"seconds": round(seconds, 2)}


class Tried(msgspec.Struct, frozen=True):
    """One request to a seller and what came back."""

    at: datetime
    activity: str
    purpose: str
    number: int
    status: int | None
    milliseconds: float | None
    verdict: str
    code: str | None
    trouble: str | None
    message: str | None

    @property
    def answer(self) -> str:
        said = _FAULTS.get(self.trouble or "") or self.message or self.trouble or ""
        parts = [f"HTTP {self.status}" if self.status else "", self.code or "", said]
        return " · ".join(part for part in parts if part)


class Teller:
    """Writes the story to a terminal and looks up in the database what there is to tell."""

    def __init__(self, console: Console, opened: Installation) -> None:
        self._console = console
        self._opened = opened
        self._zone = ZoneInfo(opened.settings.default_timezone)
        self._chapters = 0

    async def calls(self, number: str) -> list[Tried]:
        async with self._opened.db.read() as reader:
            return await reader.fetch_all(
                Tried,
                """
                SELECT a.started_at AS at, a.activity, c.purpose, a.number, a.status, a.milliseconds, a.verdict,
                       a.result_code AS code, a.trouble, a.message
                FROM seller_calls c JOIN call_attempts a ON a.call_id = c.id
                WHERE c.order_number = %(number)s ORDER BY a.started_at, c.place, a.number LIMIT 1000
                """,
                {"number": number},
            )

    def chapter(self, english: str, chinese: str) -> None:
        self._chapters += 1
        self._console.print()
        self._console.rule(f"[bold]{self._chapters} · {english}[/bold] {chinese}", align="left", style="cyan")

    def line(self, what: str, text: str) -> None:
        self._console.print(f"  [dim]{what:>5}[/dim]  {text}", soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(Padding(text, (0, 0, 0, 2)))

    def good(self, text: str) -> None:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row("  [green]✓[/green]", text)
        self._console.print(grid)

    def clock_moves(self, by: timedelta, why: str) -> None:
        self._console.print(f"  [cyan]»[/cyan] The sandbox's clock moves on {spoken(by)}: {why}", soft_wrap=True)

    async def show_calls(self, number: str) -> None:
        """What was called and what came back, long runs of the same cut short."""
        table = Table(box=None, show_header=True, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("  time")
        table.add_column("call 接口调用", no_wrap=True)
        table.add_column("try", justify="right")
        table.add_column("ms", justify="right")
        table.add_column("answer 返回", overflow="fold")
        calls = await self.calls(number)
        for _, alike in groupby(calls, key=lambda one: (one.activity, one.answer)):
            run = list(alike)
            shown: Sequence[Tried | int] = run if len(run) <= 4 else (run[0], run[1], len(run) - 3, run[-1])
            for one in shown:
                if isinstance(one, int):
                    table.add_row("  …", "", "", "", Text(f"{one} more like this", style="dim"))
                    continue
                clock = f"  {one.at.astimezone(self._zone):%H:%M:%S}"
                took = "" if one.milliseconds is None else f"{one.milliseconds:.0f}"
                table.add_row(clock, one.activity, str(one.number), took, Text(one.answer, style=_COLOURS[one.verdict]))
        self._console.print(table)

    async def show_instance(self, number: str) -> None:
        async with self._opened.db.read() as reader:
            found = await reader.fetch_one(
                _Opened,
                """
                SELECT i.front_end_url, i.user_name, i.expires_at
                FROM instances i JOIN orders o ON o.id = i.order_id WHERE o.number = %(number)s
                """,
                {"number": number},
            )
        if found and found.front_end_url:
            self.line("use", f"{found.front_end_url}  as {found.user_name}")
        if found and found.expires_at:
            self.line("until", f"{found.expires_at.astimezone(self._zone):%Y-%m-%d}")

    async def summary(self, numbers: Sequence[str]) -> None:
        self._console.print()
        self._console.rule("[bold]What became of them[/bold] 订单一览", align="left", style="cyan")
        async with self._opened.db.read() as reader:
            rows = await reader.fetch_all(
                _Outcome,
                """
                SELECT o.number, o.state, o.cancel_reason, o.total_minor, o.currency, l.product_name_en,
                       l.product_name_zh, b.name_zh AS buyer_zh, r.state AS refund_state
                FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN organisations b ON b.id = o.buyer_id
                LEFT JOIN refunds r ON r.order_id = o.id
                WHERE o.number = ANY(%(numbers)s) ORDER BY o.id
                """,
                {"numbers": numbers},
            )
        table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("order 订单", no_wrap=True)
        table.add_column("buyer 买家")
        table.add_column("product 商品")
        table.add_column("paid 实付", justify="right", no_wrap=True)
        table.add_column("outcome 结果")
        narrow = self._console.width < 110
        for row in rows:
            table.add_row(
                row.number,
                row.buyer_zh,
                row.product_name_zh if narrow else f"{row.product_name_en} {row.product_name_zh}",
                "–" if row.cancel_reason == "expired" else money(row.total_minor, row.currency),
                row.outcome,
            )
        self._console.print(table)
        ahead = spoken(self._opened.clock.offset)
        self._console.print(f"The sandbox's clock is now {ahead} ahead. 沙箱时钟已拨快。", style="dim")

    async def totals(self, numbers: Sequence[str]) -> Totals:
        async with self._opened.db.read() as reader:
            totals = await reader.fetch_one(
                Totals,
                """
                WITH ours AS (SELECT id, state FROM orders WHERE number = ANY(%(numbers)s)),
                tries AS (
                    SELECT a.verdict FROM call_attempts a JOIN seller_calls c ON c.id = a.call_id
                    WHERE c.order_id IN (SELECT id FROM ours)
                )
                SELECT (SELECT count(*) FROM ours) AS orders,
                       (SELECT count(*) FROM instances
                        WHERE order_id IN (SELECT id FROM ours) AND opened_at IS NOT NULL) AS opened,
                       (SELECT count(*) FROM ours WHERE state = 'completed') AS completed,
                       (SELECT count(*) FROM refunds
                        WHERE order_id IN (SELECT id FROM ours) AND state = 'refunded') AS refunded,
                       (SELECT count(*) FROM tries) AS calls,
                       (SELECT count(*) FROM tries WHERE verdict NOT IN ('success', 'in_progress')) AS calls_failed
                """,
                {"numbers": numbers},
            )
        assert totals is not None, "an aggregate has a row"
        return totals


class _Opened(msgspec.Struct, frozen=True):
    front_end_url: str | None
    user_name: str | None
    expires_at: datetime | None


class _Outcome(msgspec.Struct, frozen=True):
    number: str
    state: str
    cancel_reason: str | None
    total_minor: int
    currency: str
    product_name_en: str
    product_name_zh: str
    buyer_zh: str
    refund_state: str | None

    @property
    def outcome(self) -> str:
        if self.state == "completed":
            return "[green]opened 已完成[/green]"
        if self.refund_state == "refunded":
            return "[yellow]refunded 已退款[/yellow]"
        if self.cancel_reason == "expired":
            return "[dim]expired 已过期[/dim]"
        return self.state


_COLOURS = {
    "success": "green",
    "in_progress": "cyan",
    "refused": "yellow",
    "unreadable": "red",
    "unreachable": "red",
    "timed_out": "red",
    "interrupted": "red",
}


def breakdown(order: Mapping[str, Any]) -> str:
    """How the price comes about: ¥290.00 × 50 Seats 席位 × 1 year 年 = ¥14,500.00."""
    parts = [money(order["unit_minor"], order["currency"])]
    if order["quantity_name_en"]:
        names = dict.fromkeys((order["quantity_name_en"], order["quantity_name_zh"]))  # TB is TB in both
        parts.append(f"{order['quantity']} {' '.join(names)}")
    if periods := order["period_number"]:
        name = order["period_type"] if periods == 1 else f"{order['period_type']}s"
        parts.append(f"{periods} {name} {'年' if order['period_type'] == 'year' else '个月'}")
    total = f"[bold]{money(order['total_minor'], order['currency'])}[/bold]"
    return f"{' × '.join(parts)} = {total}" if len(parts) > 1 else total


def money(minor: int, currency: str) -> str:
    written: str = format_currency(decimal_text(minor, currency), currency, locale="zh_CN")
    return written
