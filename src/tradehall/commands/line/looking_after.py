"""Commands that look after an installation."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from tradehall.commands.line import TO_LOOK_AFTER, AsJson, OfTheDemo, load_settings, run

group = typer.Typer()


@group.command(rich_help_panel=TO_LOOK_AFTER)
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


@group.command(rich_help_panel=TO_LOOK_AFTER)
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
group.add_typer(person, name="person", rich_help_panel=TO_LOOK_AFTER)


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


@group.command("verify-journal", rich_help_panel=TO_LOOK_AFTER)
def verify_journal(
    as_json: AsJson = False,
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


ledger = typer.Typer(no_args_is_help=True, help="Where the money of every order is.")
group.add_typer(ledger, name="ledger", rich_help_panel=TO_LOOK_AFTER)


@ledger.command("check")
def ledger_check(as_json: AsJson = False, demo: OfTheDemo = False) -> None:
    """Prove that the ledger adds up; exit 1 when it does not. Changes nothing, and orders may go on meanwhile.

    Every posting sums to zero and belongs to its event, what was closed is the sum of the postings; what came in was
    paid, what is held is undecided, nothing was released before acceptance, and no more went back than was paid.

      tradehall ledger check
      tradehall ledger check --json
    """
    from tradehall.commands import ledger
    from tradehall.commands.common import terminal

    sys.exit(0 if run(ledger.check(load_settings(demo=demo), terminal(), as_json=as_json)) else 1)


@group.command(rich_help_panel=TO_LOOK_AFTER)
def reconcile(
    book: Annotated[Path, typer.Option(metavar="FILE", help="What the seller remembers: its sample server's --book.")],
    endpoint: Annotated[
        UUID | None, typer.Option(help="Whose book it is; left out, of those the book's own orders went to.")
    ] = None,
    as_json: AsJson = False,
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
group.add_typer(secrets, name="secrets", rich_help_panel=TO_LOOK_AFTER)


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
