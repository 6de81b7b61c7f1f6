"""`tradehall bench`: how fast this machine carries out orders and shows lists, measured on a marketplace of its own.

Each command makes a sandbox in a temporary directory (or a database of its own beside the one in DATABASE_URL), starts
the processes an installation consists of, measures them from outside, and removes everything again.
"""

import re
import sys
from typing import Annotated

import typer

bench = typer.Typer(no_args_is_help=True, help="Measure this machine on a marketplace made for it and removed again.")

JsonLine = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of a table.")]


@bench.command("orders")
def measure_orders(
    clients: Annotated[int, typer.Option(min=1, help="Buyers ordering at once, each one order after the other.")] = 4,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long is measured, after a warm-up.")] = 10.0,
    seller: Annotated[
        str, typer.Option(help="How the sample seller's server behaves: instant, slow, flaky, or dead:1/20.")
    ] = "instant",
    workers: Annotated[int, typer.Option(min=1, help="Processes that work.")] = 1,
    as_json: JsonLine = False,
) -> None:
    """Place, pay and follow orders to opened over HTTP, and compare with the least that is needed for it.

    One `tradehall serve`, one `tradehall work` or as many as --workers says, PostgreSQL with fsync and the sample
    seller run as processes of their own. Each client places an order, pays it and follows it until its instance is
    open, then starts over. Times are from sending the order to hearing that it is open.
    [bold]cpu_s_per_order[/bold] is user and system time of web, workers and PostgreSQL in the measured time; client and
    seller, on the same machine, are not in it.

    [bold]limit_orders_per_s[/bold] is measured right afterwards on the same database, with web and worker stopped:
    before the run, some orders' lives are recorded, every SQL statement and every call to the seller. They are replayed
    with new ids by as many bare clients: the same statements in the same transactions through psycopg, the same
    calls through aiohttp, the same pauses; no web framework, no sign-in, no validation, no judging, and a plain
    UPDATE in place of the worker's claims. [bold]share_of_limit[/bold] is how much of that the real thing reaches.

    A slow seller says "in progress" and opens a moment later; a flaky one fails up to three times per call, in several
    ways. Polls and retries come after one second in these runs, a call may take one second; the usual settings
    would measure the waiting. Measure a flaky seller for half a minute: its orders take seconds each. Other settings
    come from the environment.

    [bold]dead:1/20[/bold] measures something else: of twenty sellers one falls silent, every call to it hangs until its
    time is over. In turns all are alive and one is dead; [bold]p95_ms_alone[/bold] and [bold]p95_ms_with_dead[/bold]
    are what the others' buyers see.
    """
    from tradehall.commands.bench.dead import DeadBench
    from tradehall.commands.bench.orders import OrdersBench
    from tradehall.commands.bench.rig import run

    if seller in ("instant", "slow", "flaky"):
        run(OrdersBench(clients, seconds, seller, workers, as_json).run())
        return
    dead, sellers = _dead(seller)
    run(DeadBench(clients, seconds, dead, sellers, workers, as_json).run())


def _dead(seller: str) -> tuple[int, int]:
    """Of "dead:1/20" the 1 and the 20."""
    found = re.fullmatch(r"dead:([0-9]{1,3})/([0-9]{1,3})", seller)
    dead, sellers = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < dead < sellers:
        raise typer.BadParameter("write instant, slow, flaky, or dead:1/20 for one of twenty", param_hint="--seller")
    return dead, sellers


@bench.command("due")
def measure_due(
    rows: Annotated[int, typer.Option(min=2, help="Rows that fall due at one moment.")] = 10_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work.")] = 1,
    as_json: JsonLine = False,
) -> None:
    """Have thousands of due rows released at one moment, and the worker restarted halfway.

    The rows are unpaid orders that expire; each is cancelled in a transaction of its own, with an event in its journal.
    The time is from the moment they are due until the last is done, a stop and a new start of the worker included;
    [bold]twice[/bold] and [bold]forgotten[/bold] count orders that were cancelled more than once, or not.
    """
    from tradehall.commands.bench.due import DueBench
    from tradehall.commands.bench.rig import run

    run(DueBench(rows, workers, as_json).run())


@bench.command("list")
def measure_list(
    orders: Annotated[int, typer.Option(min=100, help="Orders of the seller whose list is measured.")] = 1_000_000,
    requests: Annotated[int, typer.Option(min=1, help="Requests of each kind.")] = 200,
    as_json: JsonLine = False,
) -> None:
    """Time every list and desk of a marketplace that has a million orders and more.

    They are generated in bulk: two years of them, 12 products, 200 buyers, and two other sellers with a twentieth as
    many each; and for every ten of the seller's orders three that people deliver, at every node and over, of 400
    sellers and 3,000 buyers, with log, evidence, messages, disputes, vouchers, ledger, reviews and station messages.
    The database has to be one whose user is a superuser, as the embedded one's is. A million takes some minutes
    and 10 GB. Then one lean client on this machine asks `tradehall serve` over HTTP, one request after the other.

    The first numbers are medians in milliseconds of the seller's list of orders; the search is the slowest of searches
    for a buyer, a product, a number's beginning and something that does not exist. [bold]rooms[/bold] has the slowest
    page of each other room, for the biggest seller and buyer, a small buyer and an operator: supervised orders, one of
    them, disputes, statistics, ledger, reviews, vouchers, station messages, overviews, exports.
    """
    from tradehall.commands.bench.lists import ListBench
    from tradehall.commands.bench.rig import run

    run(ListBench(orders, requests, as_json).run())


def progress(text: str) -> None:
    """Says on standard error what goes on; standard output is for the result."""
    print(text, file=sys.stderr, flush=True)
