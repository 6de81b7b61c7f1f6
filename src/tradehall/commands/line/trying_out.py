"""Commands to try things out and to debug: clock, signatures, encryption, descriptions."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tradehall.commands.line import TO_TRY, OfTheDemo, load_settings, run

group = typer.Typer()


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
group.add_typer(clock, name="clock", rich_help_panel=TO_TRY)


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
group.add_typer(sign, name="sign", rich_help_panel=TO_TRY)


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
group.add_typer(crypt, name="crypt", rich_help_panel=TO_TRY)

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


@group.command(rich_help_panel=TO_TRY)
def openapi() -> None:
    """Print the API's OpenAPI 3.1 description as JSON; needs no database.

    For example:

      tradehall openapi > openapi.json
    """
    from tradehall.commands.openapi import document

    sys.stdout.write(document().decode() + "\n")


@group.command(rich_help_panel=TO_TRY)
def flows(
    as_json: Annotated[bool, typer.Option("--json", help="JSON, as programs read it, instead of tables.")] = False,
) -> None:
    """Show every flow of service supervision: nodes, who acts, what is asked for, where it leads; needs no database.

    The engine, the pages, the API and the documentation go by these very tables.
    JSON is a list of {type, version, from_date, nodes: [{key, actor, verbs: [{verb, to, requires, timer}]}]}.

      tradehall flows
      tradehall flows --json
    """
    from tradehall.commands import flows
    from tradehall.commands.common import terminal

    if as_json:
        sys.stdout.write(flows.document().decode() + "\n")
    else:
        flows.show(terminal())
