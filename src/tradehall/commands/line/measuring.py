"""Commands that measure, and that look for what goes wrong."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tradehall.commands.bench import bench
from tradehall.commands.line import TO_MEASURE, AsJson

group = typer.Typer()

group.add_typer(bench, name="bench", rich_help_panel=TO_MEASURE)


@group.command(rich_help_panel=TO_MEASURE)
def soak(
    orders: Annotated[int, typer.Option(min=1, help="First orders; renewals and other orders come on top.")] = 300,
    kills: Annotated[int, typer.Option(min=0, help="How many processes are killed.")] = 60,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two of them, on average.")] = 2.0,
    seed: Annotated[str, typer.Option(help="Who buys what, and who is killed when.")] = "1",
    keep: Annotated[Path | None, typer.Option(metavar="DIRECTORY", help="Leave logs and sellers' books there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of a table.")] = False,
) -> None:
    """Kill processes of an installation at random while people buy, and look at what is left; exit 1 for any trouble.

    A web server, two workers, PostgreSQL and two sample sellers, one of each generation of the protocol, run as
    processes of their own and die by SIGKILL, PostgreSQL's connections too. Buyers place, renew, change and give back
    over HTTP, and repeat under the same key what was not answered. When all is calm again, nothing is lost, done twice
    or stuck, every journal is whole, the money adds up, and the sellers' own books tell the same.
    Everything is removed afterwards; DATABASE_URL is not used.

      tradehall soak --orders 40 --kills 8
      tradehall soak --orders 300 --kills 120 --seed 7 --json
    """
    from tradehall.commands.bench.rig import run
    from tradehall.commands.soak.run import Soak

    run(Soak(orders, kills, seed, every, keep, as_json).run())


@group.command(rich_help_panel=TO_MEASURE)
def simulate(
    lives: Annotated[int, typer.Option(min=1, help="How many lives.")] = 1000,
    seed: Annotated[int, typer.Option(help="What everything is drawn from; the same seed gives the same steps.")] = 1,
    as_json: AsJson = False,
    only: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the marketplace of this number, to see it again.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Tell every step on standard error.")] = False,
) -> None:
    """Live whole lives of orders by moved clock, with everything that can go wrong; exit 1 if anything comes out wrong.

    People buy, try, pay or do not, renew, change, unsubscribe, click twice. Others deliver, prove, review, reject and
    accept, or appeal, ask for refunds and send goods back. Sellers of both generations of the protocol answer late,
    wrongly or not at all. Workers die, answers get lost, the database ends connections.
    After that, named invariants must hold, by the marketplace's books and by the sellers' and the gateway's own.

    It runs against a PostgreSQL: a database of its own beside the one in DATABASE_URL, or an embedded one; both
    are removed in the end. Commits do not wait for the disk (synchronous_commit=off), because no power cut is among
    what goes wrong. Retries within their windows come less often than by default.

      tradehall simulate --lives 1000 --seed 7
      tradehall simulate --lives 1000 --seed 7 --only 3 --trace
    """
    from tradehall.commands.bench import rig
    from tradehall.commands.simulate.command import Simulation

    went_well: list[bool] = []

    async def simulated() -> None:
        went_well.append(await Simulation(lives, seed, as_json=as_json, only=only, traced=trace).run())

    rig.run(simulated())
    sys.exit(0 if went_well == [True] else 1)
