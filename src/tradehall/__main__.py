"""The command line: `tradehall --help`. What a command needs is imported when it runs, so that help comes at once."""

import os
import signal
import sys
from asyncio import CancelledError
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from uuid import UUID

import typer

from tradehall.commands.bench import bench

if TYPE_CHECKING:
    from tradehall.settings import Settings

T = TypeVar("T")

cli = typer.Typer(
    name="tradehall",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="""A self-hosted cloud marketplace's back office: everything between a paid order and a settled bill.

    Start with [bold]tradehall demo[/bold].
    An installation is any number of [bold]serve[/bold] and [bold]work[/bold] processes on one PostgreSQL.
    What can be set is listed by [bold]tradehall settings[/bold].
    """,
    epilog="Every command explains itself: [bold]tradehall demo --help[/bold]",
)
TO_RUN, TO_LOOK_AFTER, TO_TRY, TO_MEASURE = "Run", "Look after", "Try out and debug", "Measure"

cli.add_typer(bench, name="bench", rich_help_panel=TO_MEASURE)

OfTheDemo = Annotated[bool, typer.Option("--demo", help="The demo's installation, not the one of this environment.")]


def load_settings(*, demo: bool = False, **overrides: Any) -> "Settings":
    """The settings; a wrong one ends the program with its name."""
    if demo:
        from tradehall.commands.demo import settings_of_demo

        return settings_of_demo()
    from tradehall import settings

    return settings.load(**overrides)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a command to its end on a fast event loop. SIGTERM is taken as Ctrl-C is: what was started is stopped."""
    import asyncio

    import uvloop

    async def interruptible() -> T:
        task = asyncio.current_task()
        assert task, "this is one"
        signal.signal(signal.SIGTERM, lambda *_: task.cancel())
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(interruptible())


# --- Run -------------------------------------------------------------------------------------------------------------


@cli.command(rich_help_panel=TO_RUN)
def serve() -> None:
    """Serve pages and API (one process per core; any number of machines).

    Runs until Ctrl-C or SIGTERM; requests under way are answered first.
    The database's schema is brought up to date before the first request.
    Settings come from the environment:

      TRADEHALL_PORT=8080 DATABASE_URL=postgresql://… tradehall serve
    """
    from tradehall.commands.run import serve

    # The web server, done with the requests it had, passes on the signal that ended it: it has been obeyed.
    with suppress(CancelledError, KeyboardInterrupt):
        run(serve(load_settings()))


@cli.command(rich_help_panel=TO_RUN)
def work() -> None:
    """Carry out what is due: calls to sellers, expiries, refunds (any number of processes and machines).

    Runs until Ctrl-C or SIGTERM and finishes what is under way; told twice, it leaves that to another worker.
    Without any worker nothing is lost, it only waits.

      TRADEHALL_WORKER_CONCURRENCY=64 DATABASE_URL=postgresql://… tradehall work
    """
    from tradehall.commands.run import work

    run(work(load_settings()))


@cli.command(rich_help_panel=TO_RUN)
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end of the story; the last line is JSON of what happened.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where the web server listens; another port if that one is taken.")
    ] = 8000,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away what earlier demos left, and begin anew.")] = False,
) -> None:
    """A living marketplace on this machine: data, sellers, web server, worker, and a story told as it happens.

    Everything is in a sandbox of its own below the data directory and has nothing to do with a real installation.
    Started again, it goes on with the data it has. Ctrl-C stops all of it.

      tradehall demo
      tradehall demo --fresh --port 9000
      tradehall demo --once | tail -n 1
    """
    from tradehall.commands.demo import demo

    sys.exit(run(demo(once=once, port=port, fresh=fresh)))


# --- Look after ------------------------------------------------------------------------------------------------------


@cli.command(rich_help_panel=TO_LOOK_AFTER)
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something is pending.")] = False,
    demo: OfTheDemo = False,
) -> None:
    """Bring the database's schema up to date, and show what was applied.

    Every serve and work does this when it starts; run it by itself to have it done before.
    It is safe to run several at once.

      tradehall migrate
      tradehall migrate --check && echo nothing to do
    """
    from tradehall.commands import schema
    from tradehall.commands.common import terminal

    if check:
        sys.exit(0 if run(schema.check(load_settings(demo=demo), terminal())) else 1)
    run(schema.bring_up_to_date(load_settings(demo=demo), terminal()))


@cli.command(rich_help_panel=TO_LOOK_AFTER)
def settings() -> None:
    """Every setting: its value here, its default and its meaning.

    Settings are environment variables. Secrets are not shown.
    What looks like a setting and is none is warned of.
    Piped, it is one setting a line, parted by tabs:

      tradehall settings
      tradehall settings | cut -f1,2
    """
    from tradehall.commands import configuration
    from tradehall.commands.common import terminal

    configuration.show(load_settings(), os.environ, terminal())


person = typer.Typer(no_args_is_help=True, help="People of the installation; above all, its first operator.")
cli.add_typer(person, name="person", rich_help_panel=TO_LOOK_AFTER)


@person.command("add")
def person_add(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    name: Annotated[str, typer.Option(help="As others see it.")],
    organisation_name_en: Annotated[str, typer.Option(help="The organisation's English name.")],
    organisation_name_zh: Annotated[str, typer.Option(help="The organisation's Chinese name.")],
    organisation_kind: Annotated[
        Literal["platform", "seller", "buyer"], typer.Option(help="What the organisation does here.")
    ] = "platform",
    role: Annotated[Literal["admin", "member"], typer.Option(help="What they may do there.")] = "admin",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, and ask nothing.")
    ] = False,
    demo: OfTheDemo = False,
) -> None:
    """Have a person act for an organisation; whichever of the two does not exist yet is made.

    The first operator of a new installation:

      tradehall person add ops@example.com --name "Zhou Min" \\
          --organisation-kind platform --role admin \\
          --organisation-name-en "Example Market" \\
          --organisation-name-zh "示例商城"

    Somebody who is here already keeps their password and gets a further seat.
    """
    from tradehall.commands import people
    from tradehall.commands.common import terminal

    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    run(
        people.add(
            load_settings(demo=demo),
            terminal(),
            email=email,
            name=name,
            kind=organisation_kind,
            organisation_en=organisation_name_en,
            organisation_zh=organisation_name_zh,
            role=role,
            password=password,
        )
    )


@cli.command("verify-journal", rich_help_panel=TO_LOOK_AFTER)
def verify_journal(
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")] = False,
    demo: OfTheDemo = False,
) -> None:
    """Check that every event still stands as it was written; exit 1 when one does not.

    Events of a subject (an order, a person) form a chain: each holds the hash of the one before.
    An entry changed, removed or slipped in afterwards breaks it, and so do entries cut off at its end.

      tradehall verify-journal
      tradehall verify-journal --json
    """
    from tradehall.commands import journal
    from tradehall.commands.common import terminal

    sys.exit(0 if run(journal.verify(load_settings(demo=demo), terminal(), as_json=as_json)) else 1)


@cli.command(rich_help_panel=TO_LOOK_AFTER)
def reconcile(
    book: Annotated[Path, typer.Option(metavar="FILE", help="What the seller remembers: its sample server's --book.")],
    endpoint: Annotated[
        UUID | None, typer.Option(help="Whose book it is; left out, of those the book's own orders went to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")] = False,
    demo: OfTheDemo = False,
) -> None:
    """Compare this installation with a seller's own book and name every difference; exit 1 when there is one.

    Instance ids; what was opened, renewed and changed, and how often; the expiry told last; frozen or not; released or
    not. Nothing is changed, and both may go on meanwhile.

      tradehall reconcile --book seller.book
      tradehall reconcile --demo --book /var/lib/tradehall/demo/lark.book --json
    """
    from tradehall.commands import reconcile
    from tradehall.commands.common import terminal

    agree = run(
        reconcile.reconcile(load_settings(demo=demo), terminal(), book=book, endpoint=endpoint, as_json=as_json)
    )
    sys.exit(0 if agree else 1)


secrets = typer.Typer(
    no_args_is_help=True,
    help="""What lies sealed in the database, and the secret key that seals it.

    To replace the key, set the new one as TRADEHALL_SECRET_KEY and the old one as TRADEHALL_PREVIOUS_SECRET_KEYS for
    every process, start them again, then:

      tradehall secrets rotate
      tradehall secrets check
    """,
)
cli.add_typer(secrets, name="secrets", rich_help_panel=TO_LOOK_AFTER)

AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]


@secrets.command("rotate")
def secrets_rotate(as_json: AsJson = False, demo: OfTheDemo = False) -> None:
    """Seal anew, with the current secret key, what was sealed with a former one; exit 1 if something does not open.

    Sellers' access keys, first passwords, credentials. The installation goes on meanwhile.
    Broken off, run it again.

      tradehall secrets rotate
      tradehall secrets rotate --json
    """
    from tradehall.commands import secrets
    from tradehall.commands.common import terminal

    sys.exit(0 if run(secrets.rotate(load_settings(demo=demo), terminal(), as_json=as_json)) else 1)


@secrets.command("check")
def secrets_check(as_json: AsJson = False, demo: OfTheDemo = False) -> None:
    """Count what opens with which secret key; exit 1 if something opens with none. Changes nothing.

    Once nothing needs a former key any more, it may leave the settings.

      tradehall secrets check
      tradehall secrets check --json
    """
    from tradehall.commands import secrets
    from tradehall.commands.common import terminal

    sys.exit(0 if run(secrets.check(load_settings(demo=demo), terminal(), as_json=as_json)) else 1)


# --- Try out and debug -----------------------------------------------------------------------------------------------

clock = typer.Typer(
    invoke_without_command=True,
    help="""Show a sandbox's clock, or move it on.

    Everything due in between happens, in order, before the command ends:
    calls are tried again, windows close, refunds go out, unpaid orders expire.
    Production's clock is the world's and is never moved.

      tradehall clock --demo
      tradehall clock --demo advance 3h
      tradehall clock to 2026-12-01T00:00Z
    """,
)
cli.add_typer(clock, name="clock", rich_help_panel=TO_TRY)


@clock.callback()
def clock_shown(context: typer.Context, demo: OfTheDemo = False) -> None:
    from tradehall.kernel import logs

    logs.configure("console", "warning")  # it moves the clock by working; who looks at the clock wants to see that
    context.obj = demo
    if context.invoked_subcommand is None:
        from tradehall.commands import clock as moving
        from tradehall.commands.common import terminal

        run(moving.show(load_settings(demo=demo), terminal()))


@clock.command("advance")
def clock_advance(
    context: typer.Context,
    span: Annotated[str, typer.Argument(help="How far: 90s, 3m, 3h, 7d, 1d12h.")],
) -> None:
    """Move a sandbox's clock on by a span of time.

    For example:

      tradehall clock advance 3h
      tradehall clock --demo advance 7d
    """
    from tradehall.commands import clock as moving
    from tradehall.commands.common import terminal

    run(moving.advance(load_settings(demo=context.obj), terminal(), span))


@clock.command("to")
def clock_to(
    context: typer.Context,
    moment: Annotated[str, typer.Argument(help="ISO 8601; without an offset, in the installation's time zone.")],
) -> None:
    """Move a sandbox's clock on to a moment. It never goes back.

    For example:

      tradehall clock to 2026-12-01T00:00Z
    """
    from tradehall.commands import clock as moving
    from tradehall.commands.common import terminal

    run(moving.go_to(load_settings(demo=context.obj), terminal(), moment))


sign = typer.Typer(
    no_args_is_help=True,
    help="Compute a signature as the protocols want it, step by step. The last line is the signature alone.",
)
cli.add_typer(sign, name="sign", rich_help_panel=TO_TRY)


@sign.command("v2")
def sign_v2(
    key: Annotated[str, typer.Option(help="The endpoint's access key.")],
    nonce: Annotated[str, typer.Option(help="The call's nonce, as in its address.")],
    timestamp: Annotated[
        str, typer.Option(metavar="MS", help="The call's time: Unix milliseconds, as in its address.")
    ],
    body: Annotated[Path, typer.Option(metavar="FILE", help="The call's JSON body; - reads standard input.")],
) -> None:
    """The signature of a V2.0 call: what a seller's server must arrive at to believe it.

    Key, nonce and timestamp are as in the call; the body is its JSON:

      tradehall sign v2 --key K --nonce N --timestamp 1680508066618 --body call.json
      echo '{"activity":"newInstance"}' | tradehall sign v2 --key K --nonce N --timestamp 1680508066618 --body -
    """
    from tradehall.commands import sign as signing
    from tradehall.commands.common import terminal

    print(signing.v2(terminal(), key, nonce, timestamp, body))


@sign.command("v1")
def sign_v1(
    key: Annotated[str, typer.Option(help="The seller's access key.")],
    parameters: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE…", help="The call's parameters, with decoded values.")
    ],
) -> None:
    """The authToken of a V1.0 call: what a seller's server must arrive at to believe it.

    Every parameter of the call's address counts except authToken itself, timeStamp included:

      tradehall sign v1 --key K activity=queryInstance instanceId=i1 testFlag=0 timeStamp=20200727073711903
    """
    from tradehall.commands import sign as signing
    from tradehall.commands.common import terminal

    print(signing.v1(terminal(), key, parameters))


@sign.command("body-sign")
def sign_body_sign(
    key: Annotated[str, typer.Option(help="The seller's access key.")],
    body: Annotated[Path, typer.Option(metavar="FILE", help="The answer's body; - reads standard input.")],
) -> None:
    """The header Body-Sign that a V1.0 answer must carry, then its signature alone.

    It is made of the body's bytes exactly as they are sent, blanks and line ends included:

      printf '{"resultCode":"000000"}' | tradehall sign body-sign --key K --body -
    """
    from tradehall.commands import sign as signing
    from tradehall.commands.common import terminal

    print(signing.body_sign(terminal(), key, body))


@sign.command("kit")
def sign_kit(
    key: Annotated[str, typer.Option(help="The access key of the synchronisation interfaces.")],
    nonce: Annotated[str, typer.Option(help="The call's header x-nonce.")],
    timestamp: Annotated[str, typer.Option(metavar="MS", help="The call's header x-timestamp: Unix milliseconds.")],
    body: Annotated[Path, typer.Option(metavar="FILE", help="The call's JSON body; - reads standard input.")],
) -> None:
    """The header x-sign of a synchronisation call (tenants, applications, members, departments).

    tradehall sign kit --key K --nonce N --timestamp 1680508066618 --body tenant.json
    """
    from tradehall.commands import sign as signing
    from tradehall.commands.common import terminal

    print(signing.kit(terminal(), key, nonce, timestamp, body))


@sign.command("usage")
def sign_usage(
    key: Annotated[str, typer.Option(help="The endpoint's access key.")],
    ts: Annotated[str, typer.Option(metavar="MS", help="The header ts: Unix milliseconds.")],
    nonce: Annotated[str, typer.Option(help="The header nonce.")],
    body: Annotated[Path, typer.Option(metavar="FILE", help="The JSON of the readings; - reads standard input.")],
) -> None:
    """The header signature with which a seller pushes the readings of its meters.

    tradehall sign usage --key K --ts 1709690865879 --nonce N --body readings.json
    """
    from tradehall.commands import sign as signing
    from tradehall.commands.common import terminal

    print(signing.usage(terminal(), key, ts, nonce, body))


crypt = typer.Typer(
    no_args_is_help=True,
    help="Encrypt or decrypt a field of the V1.0 protocol: accounts, mobile numbers. The last line is the value alone.",
)
cli.add_typer(crypt, name="crypt", rich_help_panel=TO_TRY)

OfTheSeller = Annotated[str, typer.Option("--key", help="The seller's access key.")]
OfTheKey = Annotated[
    Literal["128", "256"], typer.Option("--bits", help="The AES key's length: encryptType 2 is 128, 1 is 256.")
]


@crypt.command("encrypt")
def crypt_encrypt(
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The plain text.")],
    key: OfTheSeller,
    bits: OfTheKey = "256",
    iv: Annotated[
        str | None,
        typer.Option(
            metavar="16CHARS", help="The initialisation vector, 16 letters or digits; a random one if left out."
        ),
    ] = None,
) -> None:
    """A plain text as an encrypted field.

    For example:

      tradehall crypt encrypt --key K --bits 128 13800000000
    """
    from tradehall.commands import crypt as fields
    from tradehall.commands.common import terminal

    print(fields.encrypt(terminal(), key, value, bits, iv))


@crypt.command("decrypt")
def crypt_decrypt(
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The field, with its initialisation vector in front.")],
    key: OfTheSeller,
    bits: OfTheKey = "256",
) -> None:
    """The plain text of an encrypted field.

    For example:

      tradehall crypt decrypt --key K Abcdef0123456789rZvx3n2A23MjsxBTG9qxhg==
    """
    from tradehall.commands import crypt as fields
    from tradehall.commands.common import terminal

    print(fields.decrypt(terminal(), key, value, bits))


@cli.command(rich_help_panel=TO_TRY)
def openapi() -> None:
    """Print the API's OpenAPI 3.1 description as JSON; needs no database.

    For example:

      tradehall openapi > openapi.json
    """
    from tradehall.commands.openapi import document

    sys.stdout.write(document().decode() + "\n")


# --- Measure ---------------------------------------------------------------------------------------------------------


@cli.command(rich_help_panel=TO_MEASURE)
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


@cli.command(rich_help_panel=TO_MEASURE)
def simulate(
    lives: Annotated[int, typer.Option(min=1, help="How many lives.")] = 1000,
    seed: Annotated[int, typer.Option(help="What everything is drawn from; the same seed gives the same steps.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")] = False,
    only: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the marketplace of this number, to see it again.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Tell every step on standard error.")] = False,
) -> None:
    """Live whole lives of orders by moved clock, with everything that can go wrong; exit 1 if anything comes out wrong.

    People buy, try, pay or do not, renew, change, unsubscribe, click twice. Sellers of both generations of the protocol
    answer late, wrongly or not at all. Workers die, answers get lost, the database ends connections.
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


def main() -> None:
    """Runs the command line; foreseen troubles are one line, not a traceback."""
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has had enough (… | head).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except CancelledError:
        sys.exit(143)  # told to end before it ran
    except Exception as error:
        said = _foreseen(error)
        if said is None:
            raise
        print(f"tradehall: {said}", file=sys.stderr)
        sys.exit(2)


def _foreseen(error: Exception) -> str | None:
    """What to say of a trouble that is the environment's and not the program's; None for any other."""
    from tradehall.commands.common import CommandProblem
    from tradehall.settings import InvalidSetting

    if isinstance(error, CommandProblem | InvalidSetting):
        return str(error)
    if "tradehall.installation" not in sys.modules:
        return None
    from psycopg import OperationalError
    from psycopg_pool import PoolTimeout

    from tradehall.installation import WrongMode
    from tradehall.kernel.embedded import EmbeddedProblem
    from tradehall.kernel.migrate import MigrationProblem

    if isinstance(error, EmbeddedProblem | MigrationProblem | WrongMode):
        return str(error)
    if isinstance(error, OperationalError | PoolTimeout):
        return f"the database cannot be reached: {' '.join(str(error).split())}"
    return None


if __name__ == "__main__":
    main()
