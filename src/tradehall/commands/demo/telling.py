"""How the demo tells its story: chapters, the calls to sellers as a table, what became of the orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import msgspec
from babel.numbers import format_currency
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tradehall.catalog.delivery import delivery
from tradehall.commands.clock import spoken
from tradehall.installation import Installation
from tradehall.kernel.money import decimal_text
from tradehall.protocols.answers import FAULTS
from tradehall.trading.model import OrderType
from tradehall.trading.terms import LifeVerb, SubscriptionState, life_ahead

_FAULTS: Mapping[str, str] = {str(fault): meaning for fault, meaning in FAULTS.items()}


class Totals(msgspec.Struct, frozen=True):
    """What this run's orders came to. `calls` are requests that reached out to a seller; `calls_failed` are those that
    were answered neither with success nor with "in progress". `accepted` are orders that people delivered. From
    `trials` to `refused` orders are counted by type and end, from `frozen` to `released` what sellers did to
    applications."""

    orders: int
    opened: int
    completed: int
    refunded: int
    accepted: int
    calls: int
    calls_failed: int
    trials: int
    converted: int
    renewed: int
    renewed_automatically: int
    changed: int
    taken_back: int
    refused: int
    frozen: int
    thawed: int
    released: int

    def told(self, seconds: float) -> dict[str, Any]:
        return msgspec.structs.asdict(self) | {"seconds": round(seconds, 2)}


class Tried(msgspec.Struct, frozen=True):
    """One request to a seller and what came back; `revision` where it changes an instance and the seller is told."""

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
    revision: int | None

    @property
    def answer(self) -> str:
        said = _FAULTS.get(self.trouble or "") or self.message or self.trouble or ""
        revision = f"revision {self.revision}" if self.revision is not None else ""
        parts = [f"HTTP {self.status}" if self.status else "", self.code or "", said, revision]
        return " · ".join(part for part in parts if part)


class Teller:
    """Writes the story to a terminal and looks up in the database what there is to tell."""

    def __init__(self, console: Console, opened: Installation) -> None:
        self._console = console
        self._opened = opened
        self._zone = ZoneInfo(opened.settings.default_timezone)
        self._chapters = 0

    async def calls(self, number: str, since: datetime | None = None) -> list[Tried]:
        """Every request made for an order, since a moment or ever, oldest first."""
        async with self._opened.db.read() as reader:
            return await reader.fetch_all(
                Tried,
                """
                SELECT a.started_at AS at, a.activity, c.purpose, a.number, a.status, a.milliseconds, a.verdict,
                       a.result_code AS code, a.trouble, a.message,
                       CASE WHEN e.revisions THEN c.revision END AS revision
                FROM seller_calls c JOIN call_attempts a ON a.call_id = c.id JOIN endpoints e ON e.id = c.endpoint_id
                WHERE c.order_number = %(number)s AND a.started_at >= coalesce(%(since)s, '-infinity'::timestamptz)
                ORDER BY a.started_at, c.place, a.number LIMIT 1000
                """,
                {"number": number, "since": since},
            )

    def chapter(self, english: str, chinese: str) -> None:
        self._chapters += 1
        self._console.print()
        self._console.rule(f"[bold]{self._chapters} · {english}[/bold] {chinese}", align="left", style="cyan")

    def line(self, what: str, text: str) -> None:
        self._console.print(f"  [dim]{what:>5}[/dim]  {text}", soft_wrap=True)

    def part(self, english: str, chinese: str) -> None:
        """A new part of the story, of several chapters."""
        self._console.print()
        self._console.print(f"[bold cyan]{english}[/bold cyan] [cyan]{chinese}[/cyan]")

    def step(self, step: Mapping[str, Any], currency: str) -> None:
        """One step of a price."""
        self.line("", f"{step_told(step, currency)} = {money(step['amount_minor'], currency)}")

    def day(self, moment: datetime) -> str:
        """A day as the marketplace counts them."""
        return f"{moment.astimezone(self._zone):%Y-%m-%d}"

    def until(self, moment: datetime) -> None:
        self.line("until", self.day(moment))

    def say(self, text: str) -> None:
        self._console.print(Padding(text, (0, 0, 0, 2)))

    def good(self, text: str) -> None:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row("  [green]✓[/green]", text)
        self._console.print(grid)

    def clock_moves(self, by: timedelta, why: str) -> None:
        rounded = by if by < timedelta(hours=1) else timedelta(minutes=round(by / timedelta(minutes=1)))
        self._console.print(f"  [cyan]»[/cyan] The clock moves on {spoken(rounded)}: {why}", soft_wrap=True)

    async def show_calls(self, *numbers: str, since: datetime | None = None) -> None:
        """What was called for these orders and what came back, long runs of the same cut short."""
        found = [one for number in numbers for one in await self.calls(number, since)]
        calls = sorted(found, key=lambda one: one.at)
        days = bool(calls) and calls[-1].at - calls[0].at > timedelta(days=1)
        table = Table(box=None, show_header=True, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("  time", no_wrap=True)
        table.add_column("call 接口调用", no_wrap=True)
        table.add_column("try", justify="right")
        table.add_column("ms", justify="right")
        table.add_column("answer 返回", overflow="fold")
        for _, alike in groupby(calls, key=lambda one: (one.activity, one.answer)):
            run = list(alike)
            shown: Sequence[Tried | int] = run if len(run) <= 4 else (run[0], run[1], len(run) - 3, run[-1])
            for one in shown:
                if isinstance(one, int):
                    table.add_row("  …", "", "", "", Text(f"{one} more like this", style="dim"))
                    continue
                local = one.at.astimezone(self._zone)
                clock = f"  {local:%m-%d %H:%M}" if days else f"  {local:%H:%M:%S}"
                took = "" if one.milliseconds is None else f"{one.milliseconds:.0f}"
                table.add_row(clock, one.activity, str(one.number), took, Text(one.answer, style=_COLOURS[one.verdict]))
        self._console.print(table)

    async def show_instance(self, number: str, *, term_only: bool = False) -> None:
        """Where what an order began is used, by whom, and until when."""
        async with self._opened.db.read() as reader:
            found = await reader.fetch_one(
                _Opened,
                """
                SELECT i.front_end_url, i.user_name, s.expires_at
                FROM instances i JOIN orders o ON o.id = i.order_id LEFT JOIN subscriptions s ON s.id = i.id
                WHERE o.number = %(number)s
                """,
                {"number": number},
            )
        if found and found.front_end_url and not term_only:
            self.line("use", f"{found.front_end_url}  as {found.user_name}")
        if found and found.expires_at:
            self.until(found.expires_at)

    async def summary(self, numbers: Sequence[str]) -> None:
        """What became of the orders, and of what followed from them by itself."""
        self._console.print()
        self._console.rule("[bold]What became of the orders[/bold] 订单一览", align="left", style="cyan")
        async with self._opened.db.read() as reader:
            rows = await reader.fetch_all(
                _Outcome,
                f"""
                WITH {_OURS}
                SELECT o.number, o.order_type, o.automatic, o.state, o.cancel_reason, o.total_minor, o.currency,
                       l.product_name_en, l.product_name_zh, r.state AS refund_state, r.reason AS refund_reason,
                       o.delivery_type
                FROM ours o JOIN order_lines l ON l.order_id = o.id
                LEFT JOIN refunds r ON r.order_id = o.id
                ORDER BY o.id
                """,
                {"numbers": list(numbers)},
            )
        table = _table()
        table.add_column("order 订单", no_wrap=True)
        table.add_column("type 类型", no_wrap=True)
        table.add_column("product 商品")
        table.add_column("amount 金额", justify="right", no_wrap=True)
        table.add_column("outcome 结果", no_wrap=True)
        narrow = self._console.width < 110
        for row in rows:
            table.add_row(
                row.number,
                row.kind,
                row.product_name_zh if narrow else f"{row.product_name_en} {row.product_name_zh}",
                money(row.total_minor, row.currency) if row.total_minor else "–",
                row.outcome,
            )
        self._console.print(table)

    async def applications(self, numbers: Sequence[str]) -> None:
        """What the buyers have by now, and what becomes of it next."""
        self._console.print()
        self._console.rule("[bold]What the buyers have now[/bold] 应用一览", align="left", style="cyan")
        async with self._opened.db.read() as reader:
            rows = await reader.fetch_all(
                _Held,
                f"""
                WITH {_OURS}
                SELECT l.product_name_en, l.product_name_zh, b.name_zh AS buyer_zh, s.state, s.trial, s.expires_at,
                       s.auto_renew_by IS NOT NULL AS renews
                FROM ours o JOIN subscriptions s ON s.order_id = o.id JOIN order_lines l ON l.order_id = o.id
                JOIN organisations b ON b.id = o.buyer_id
                ORDER BY s.state = 'ended', s.expires_at, s.id
                """,
                {"numbers": list(numbers)},
            )
        table = _table()
        table.add_column("product 商品")
        table.add_column("buyer 买家", no_wrap=True)
        table.add_column("standing 状态", no_wrap=True)
        table.add_column("next 接下来", no_wrap=True)
        narrow = self._console.width < 110
        for row in rows:
            table.add_row(
                row.product_name_zh if narrow else f"{row.product_name_en} {row.product_name_zh}",
                row.buyer_zh,
                row.standing,
                self._next(row),
            )
        self._console.print(table)
        ahead = spoken(self._opened.clock.offset)
        self._console.print(f"The sandbox's clock is now {ahead} ahead. 沙箱时钟已拨快。", style="dim")

    def _next(self, held: "_Held") -> str:
        steps = life_ahead(held.state, held.expires_at, held.trial, self._opened.settings)
        if not steps:
            return ""
        word = "renewed 自动续费" if held.renews and held.state == "active" else _NEXT[steps[0].verb]
        at = steps[0].at - self._opened.settings.renewal_lead if "renewed" in word else steps[0].at
        return f"{word} {self.day(at)}"

    async def totals(self, numbers: Sequence[str]) -> Totals:
        async with self._opened.db.read() as reader:
            totals = await reader.fetch_one(
                Totals,
                f"""
                WITH {_OURS},
                made AS (SELECT * FROM seller_calls WHERE order_id IN (SELECT id FROM ours)),
                tries AS (
                    SELECT a.verdict FROM call_attempts a JOIN made c ON c.id = a.call_id
                ),
                done AS (SELECT * FROM ours WHERE state = 'completed')
                SELECT (SELECT count(*) FROM ours) AS orders,
                       (SELECT count(*) FROM instances
                        WHERE order_id IN (SELECT id FROM ours) AND opened_at IS NOT NULL) AS opened,
                       (SELECT count(*) FROM done) AS completed,
                       (SELECT count(*) FROM refunds
                        WHERE order_id IN (SELECT id FROM ours) AND state = 'refunded') AS refunded,
                       (SELECT count(*) FROM supervision_flows
                        WHERE order_id IN (SELECT id FROM ours) AND state = 'completed') AS accepted,
                       (SELECT count(*) FROM tries) AS calls,
                       (SELECT count(*) FROM tries WHERE verdict NOT IN ('success', 'in_progress')) AS calls_failed,
                       (SELECT count(*) FROM done WHERE order_type = 'TRIAL') AS trials,
                       (SELECT count(*) FROM done WHERE order_type = 'TRIAL_TO_FORMAL') AS converted,
                       (SELECT count(*) FROM done WHERE order_type = 'RENEW') AS renewed,
                       (SELECT count(*) FROM done WHERE order_type = 'RENEW' AND automatic) AS renewed_automatically,
                       (SELECT count(*) FROM done WHERE order_type = 'CHANGE') AS changed,
                       (SELECT count(*) FROM done WHERE order_type = 'UNSUBSCRIBE') AS taken_back,
                       (SELECT count(*) FROM ours WHERE cancel_reason = 'seller_refused') AS refused,
                       (SELECT count(*) FROM made WHERE purpose = 'freeze' AND state = 'succeeded') AS frozen,
                       (SELECT count(*) FROM made WHERE purpose = 'unfreeze' AND state = 'succeeded') AS thawed,
                       (SELECT count(*) FROM instances
                        WHERE order_id IN (SELECT id FROM ours) AND state = 'released') AS released
                """,
                {"numbers": list(numbers)},
            )
        assert totals is not None, "an aggregate has a row"
        return totals


# The orders placed, and those about what they began: an automatic renewal is placed by nobody.
_OURS: LiteralString = """
    ours AS (
        SELECT * FROM orders WHERE number = ANY(%(numbers)s) OR subscription_id IN (
            SELECT s.id FROM subscriptions s JOIN orders r ON r.id = s.order_id WHERE r.number = ANY(%(numbers)s))
    )
"""


def _table() -> Table:
    return Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))


class _Opened(msgspec.Struct, frozen=True):
    front_end_url: str | None
    user_name: str | None
    expires_at: datetime | None


class _Outcome(msgspec.Struct, frozen=True):
    number: str
    order_type: OrderType
    automatic: bool
    state: str
    cancel_reason: str | None
    total_minor: int
    currency: str
    product_name_en: str
    product_name_zh: str
    refund_state: str | None
    refund_reason: str | None
    delivery_type: str

    @property
    def kind(self) -> str:
        return "auto 自动续费" if self.automatic else _TYPES[self.order_type]

    @property
    def outcome(self) -> str:
        if self.refund_state == "refunded":
            return "[yellow]refunded 已退款[/yellow]"
        if self.state == "completed":
            return "[green]done 已完成[/green]"
        if self.state == "processing" and delivery(self.delivery_type).supervised:
            return _ENDS["supervised"]
        return _ENDS.get(self.cancel_reason or self.state, self.state)


class _Held(msgspec.Struct, frozen=True):
    product_name_en: str
    product_name_zh: str
    buyer_zh: str
    state: SubscriptionState
    trial: bool
    expires_at: datetime | None
    renews: bool

    @property
    def standing(self) -> str:
        return _STANDING["trial" if self.trial and self.state == "active" else self.state]


_TYPES: Mapping[OrderType, str] = {
    "NEW": "new 新购",
    "TRIAL": "trial 试用",
    "TRIAL_TO_FORMAL": "bought 转正",
    "RENEW": "renewal 续费",
    "CHANGE": "upgrade 升级",
    "UNSUBSCRIBE": "back 退订",
}
_ENDS = {
    "expired": "[dim]expired 已过期[/dim]",
    "seller_refused": "[yellow]refused 已拒绝[/yellow]",
    "pending_payment": "[cyan]unpaid 待支付[/cyan]",
    "processing": "[cyan]opening 开通中[/cyan]",
    "supervised": "[cyan]supervised 服务监管中[/cyan]",
}
_STANDING = {
    "trial": "[cyan]on trial 试用中[/cyan]",
    "active": "[green]in use 使用中[/green]",
    "grace": "[yellow]in grace 宽限期[/yellow]",
    "frozen": "[yellow]frozen 已冻结[/yellow]",
    "ended": "[dim]ended 已结束[/dim]",
}
_NEXT: Mapping[LifeVerb, str] = {"expire": "ends 到期", "freeze": "frozen 冻结", "end": "released 释放"}

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
    if order["period_type"] == "day":
        return f"nothing, for {order['period_number']} days 免费试用 {order['period_number']} 天"
    if periods := order["period_number"]:
        name = order["period_type"] if periods == 1 else f"{order['period_type']}s"
        parts.append(f"{periods} {name} {'年' if order['period_type'] == 'year' else '个月'}")
    total = f"[bold]{money(order['total_minor'], order['currency'])}[/bold]"
    return f"{' × '.join(parts)} = {total}" if len(parts) > 1 else total


def step_told(step: Mapping[str, Any], currency: str) -> str:
    """How one step of the price of an upgrade comes about: the new 新: 50 × ¥59.00 × 357 of 30 days 天."""
    name = {"new_for_the_rest": "the new 新", "old_for_the_rest": "less the old 减旧"}[step["kind"]]
    unit = money(step["unit_minor"], currency)
    return f"{name}: {step['quantity']} × {unit} × {step['number']} days / {step['per']} 天"


def money(minor: int, currency: str) -> str:
    written: str = format_currency(decimal_text(minor, currency), currency, locale="zh_CN")
    return written
