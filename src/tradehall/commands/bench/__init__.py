"""`tradehall bench`: how fast this machine carries out orders and shows lists, measured on a marketplace of its own.

Each command makes a sandbox in a temporary directory (or a database of its own beside the one in DATABASE_URL), starts
the processes an installation consists of, measures them from outside, and removes everything again.
"""

import sys
from typing import Annotated, Literal

import typer

bench = typer.Typer(no_args_is_help=True, help="Measure this machine on a marketplace made for it and removed again.")

JsonLine = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of a table.")]


@bench.command("orders")
def measure_orders(
    clients: Annotated[int, typer.Option(min=1, help="Buyers ordering at once, each one order after the other.")] = 4,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long is measured, after a warm-up.")] = 10.0,
    seller: Annotated[
        Literal["instant", "slow", "flaky"], typer.Option(help="How the sample seller's server behaves.")
    ] = "instant",
    as_json: JsonLine = False,
) -> None:
    """Place, pay and follow orders to opened over HTTP, and compare with the least that is needed for it.

    One `tradehall serve`, one `tradehall work`, PostgreSQL with fsync and the sample seller run as processes of their
    own. Each client places an order, pays it and follows it until its instance is open, then starts over. Times
    are from sending the order to hearing that it is open. [bold]cpu_s_per_order[/bold] is user and system time of web,
    worker and PostgreSQL in the measured time; client and seller, on the same machine, are not in it.

    [bold]limit_orders_per_s[/bold] is measured right afterwards on the same database, with web and worker stopped:
    before the run, some orders' lives are recorded, every SQL statement and every call to the seller. They are replayed
    with new ids by as many bare clients: the same statements in the same transactions through psycopg, the same
    calls through aiohttp, the same pauses; no web framework, no sign-in, no validation, no judging, and a plain
    UPDATE in place of the worker's claims. [bold]share_of_limit[/bold] is how much of that the real thing reaches.

    A slow seller says "in progress" and opens a moment later; a flaky one fails up to three times per call, in several
    ways. Polls and retries come after one second in these runs, a call may take one second; the usual settings
    would measure the waiting. Measure a flaky seller for half a minute: its orders take seconds each. Other settings
    come from the environment.
    """
    from tradehall.commands.bench.orders import OrdersBench
    from tradehall.commands.bench.rig import run

    run(OrdersBench(clients, seconds, seller, as_json).run())


@bench.command("list")
def measure_list(
    orders: Annotated[int, typer.Option(min=100, help="Orders of the seller whose list is measured.")] = 1_000_000,
    requests: Annotated[int, typer.Option(min=1, help="Requests of each kind.")] = 200,
    as_json: JsonLine = False,
) -> None:
    """Time the list of orders of a seller who has a million of them.

    The orders are generated in bulk: two years of them, 12 products, 200 buyers, and two other sellers with a twentieth
    as many each. Then one lean client on this machine asks `tradehall serve` over HTTP, one request after the other.
    The numbers are medians in milliseconds; the search is the slowest of searches for a buyer, a product, a
    number's beginning and something that does not exist.
    """
    from tradehall.commands.bench.lists import ListBench
    from tradehall.commands.bench.rig import run

    run(ListBench(orders, requests, as_json).run())


def progress(text: str) -> None:
    """Says on standard error what goes on; standard output is for the result."""
    print(text, file=sys.stderr, flush=True)
