"""`tradehall bench list`: how long people wait for their lists and desks where there are a million orders."""

import time
from contextlib import suppress
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from rich.console import Console
from rich.table import Table

from tradehall.commands.bench import progress, rooms, supervised
from tradehall.commands.bench.generate import SPAN, Sold, generate
from tradehall.commands.bench.market import Market, build
from tradehall.commands.bench.rig import BenchProblem, percentile, sandbox
from tradehall.commands.bench.rooms import Room, Viewer
from tradehall.commands.bench.supervised import Crowd
from tradehall.edge.access import SESSION_COOKIE
from tradehall.installation import Installation
from tradehall.kernel.ids import lowest_id
from tradehall.kernel.journal import SYSTEM
from tradehall.kernel.paging import cursor
from tradehall.parties import actions as parties
from tradehall.trading.model import ORDER_STATES

_OTHERS_SHARE = 20
# For each of the seller's orders so many supervised ones, of many sellers.
_SUPERVISED_SHARE = 0.3
# Of the many pages of the other rooms each is asked for a fraction as often.
_FEWER = 4
_NO_SELLER = "http://127.0.0.1:9/"
_UNMEASURED = 20


class Result(msgspec.Struct, frozen=True):
    """What is printed as JSON: medians in milliseconds of the seller's list of orders, and by room the slowest page of
    everything about supervised orders."""

    first_page_ms: float
    state_filter_ms: float
    search_ms: float
    deep_page_ms: float
    rooms: dict[str, Room]


_Kind = Literal["first", "state", "search", "deep"]


class _Timing(msgspec.Struct, frozen=True):
    kind: _Kind
    what: str
    rows: int
    p50: float
    p95: float


def _questions(middle: str, number: str) -> list[tuple[_Kind, str, dict[str, str]]]:
    """What the list is asked, given the cursor of its middle and the number of an order there."""
    states: list[tuple[_Kind, str, dict[str, str]]] = [
        ("state", f"state: {state.replace('_', ' ')}", {"state": state}) for state in ORDER_STATES
    ]
    return [
        ("first", "first page", {}),
        *states,
        ("search", "search: many buyers", {"q": "logist"}),
        ("search", "search: one buyer", {"q": "Harbour Foods"}),
        ("search", "search: in Chinese", {"q": "海港"}),
        ("search", "search: a product", {"q": "ledger"}),
        ("search", "search: a number", {"q": number}),
        ("search", "search: a minute's numbers", {"q": number[:12]}),
        ("search", "search: any number", {"q": "CS"}),
        ("search", "search: nothing", {"q": "no such thing"}),
        ("search", "search: a buyer, one state", {"q": "Harbour Foods", "state": "cancelled"}),
        ("deep", "page in the middle", {"after": middle}),
        ("deep", "page before the middle", {"before": middle}),
    ]


class ListBench:
    """One run."""

    def __init__(self, orders: int, requests: int, as_json: bool) -> None:
        self._orders = orders
        self._requests = requests
        self._as_json = as_json

    async def run(self) -> None:
        progress(f"Generating {self._orders:,} orders …")
        async with sandbox() as place:
            async with Installation(place.settings, place.dsn) as opened:
                market = await build(opened, _NO_SELLER, 2)
                seller = market.sellers[0]
                crowd, viewers = await _crowd(opened, market)
                now = opened.clock.now()
            person = market.buyers[0].actor.person_id
            assert person
            begun = time.perf_counter()
            wanted = [
                Sold(one.actor.organisation_id, self._orders if one is seller else self._orders // _OTHERS_SHARE)
                for one in market.sellers
                if one.actor.organisation_id
            ]
            await generate(place.dsn, wanted, person, now, progress)
            await supervised.generate(place.dsn, int(self._orders * _SUPERVISED_SHARE), crowd, now, progress)
            async with Installation(place.settings, place.dsn) as opened:
                await supervised.keep_house(opened.db, ZoneInfo(place.settings.default_timezone))
            progress(f"Generated in {time.perf_counter() - begun:.0f} s. Measuring …")
            await place.start_web()
            middle = cursor(lowest_id(now - SPAN / 2))
            headers = {"Authorization": f"Bearer {seller.token}"}
            cookie = {"Cookie": f"{SESSION_COOKIE}={viewers['biggest seller'].cookie}"}
            async with aiohttp.ClientSession(place.url, cookie_jar=aiohttp.DummyCookieJar()) as client:
                async with client.get("/api/v1/orders", params={"after": middle}, headers=headers) as answer:
                    number: str = msgspec.json.decode(await answer.read())["items"][0]["number"]
                asked = [
                    await self._time(client, "/api/v1/orders", kind, what, query, headers)
                    for kind, what, query in _questions(middle, number)
                ]
                pages = []
                with suppress(_NoSuchPage):
                    for kind, what, query in _questions(middle, number):
                        pages.append(await self._time(client, "/seller/orders", kind, what, query, cookie))
                known = await rooms.known(place.dsn, crowd)
                progress("… the pages of service supervision, too …")
                times = max(1, self._requests // _FEWER)
                others = [await rooms.ask(client, question, times) for question in rooms.questions(viewers, known, now)]
        worst = {kind: max(timing.p50 for timing in asked if timing.kind == kind) for kind in get_args(_Kind)}
        result = Result(worst["first"], worst["state"], worst["search"], worst["deep"], rooms.slowest(others))
        self._show(result, asked, pages, others)

    async def _time(
        self,
        client: aiohttp.ClientSession,
        path: str,
        kind: _Kind,
        what: str,
        query: dict[str, str],
        headers: dict[str, str],
    ) -> _Timing:
        """One request after the other, from sending it to having read the answer."""
        took = []
        rows = 0
        for _ in range(_UNMEASURED + self._requests):
            begun = time.perf_counter()
            async with client.get(path, params=query, headers=headers, allow_redirects=False) as answer:
                body = await answer.read()
            took.append((time.perf_counter() - begun) * 1000)
            if answer.status in (303, 404) and not path.startswith("/api/"):
                raise _NoSuchPage
            if answer.status != 200:
                raise BenchProblem(f"GET {path} {query} answered {answer.status}: {body[:500]!r}")
            if path.startswith("/api/"):
                rows = len(msgspec.json.decode(body)["items"])
        took = sorted(took[_UNMEASURED:])
        return _Timing(kind, what, rows, round(percentile(took, 0.5), 3), round(percentile(took, 0.95), 3))

    def _show(self, result: Result, asked: list[_Timing], pages: list[_Timing], others: list[rooms.Timing]) -> None:
        if self._as_json:
            print(msgspec.json.encode(result).decode())
            return
        table = Table(
            "", "rows", "API p50", "p95 ms", "page p50", "p95 ms", title=f"A seller's {self._orders:,} orders"
        )
        for number, one in enumerate(asked):
            shown = [f"{page.p50:.2f}\t{page.p95:.2f}" for page in pages[number : number + 1]] or ["\t"]
            table.add_row(one.what, str(one.rows), f"{one.p50:.2f}", f"{one.p95:.2f}", *shown[0].split("\t"))
        with suppress(BrokenPipeError):
            Console(width=100).print(table, rooms.told(others))


class _NoSuchPage(Exception):
    """The page is not there."""


async def _crowd(opened: Installation, market: Market) -> tuple[Crowd, dict[str, Viewer]]:
    """Those whose pages are measured, and the same signed in."""
    async with opened.db.transaction(SYSTEM) as tx:
        operator = await parties.create_organisation(tx, "platform", "The marketplace", "云商店")
        person = await parties.create_person(tx, email="operator@bench.example", name="Wu", password="bench-password-1")
        await parties.add_member(tx, operator, person, "admin")
    seller, buyer, small = market.sellers[0].actor, market.buyers[0].actor, market.buyers[1].actor
    assert seller.organisation_id
    assert buyer.organisation_id
    assert small.organisation_id
    crowd = Crowd(seller.organisation_id, buyer.organisation_id, small.organisation_id, operator)
    people = {"biggest seller": ("/seller", seller.person_id), "biggest buyer": ("/buyer", buyer.person_id)}
    people |= {"small buyer": ("/buyer", small.person_id), "operator": ("/operator", person)}
    return crowd, {
        name: Viewer(name, base, await rooms.signed_in(opened, who)) for name, (base, who) in people.items() if who
    }
