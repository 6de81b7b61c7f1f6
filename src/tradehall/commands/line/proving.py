"""Commands that prove what happened: case files made and verified, and the key they are signed with."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tradehall.commands.line import TO_LOOK_AFTER, AsJson, OfTheDemo, load_settings, run

group = typer.Typer()

export = typer.Typer(no_args_is_help=True, help="What is taken out of an installation, whole and signed.")
group.add_typer(export, name="export", rich_help_panel=TO_LOOK_AFTER)


@export.command("case")
def export_case(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's number.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; case-ORDER.zip if nothing is said.")
    ] = None,
    as_json: AsJson = False,
    demo: OfTheDemo = False,
) -> None:
    """Write everything of one order into one signed archive: for a court, an auditor, the two sides.

    Report (HTML and PDF, English and Chinese), every file, the whole operation log, the calls to the seller's server,
    the ledger's lines, a manifest with the SHA-256 of each, a signature, and a timestamp where an authority is set.
    That it was made is recorded in the log. Exit 1 when some file is no longer what was handed in.

      tradehall export case CS2603021700AB12C
      tradehall export case CS2603021700AB12C --out /tmp/case.zip
      tradehall verify /tmp/case.zip
    """
    from tradehall.commands import casefile
    from tradehall.commands.common import terminal

    whole = run(casefile.export(load_settings(demo=demo), terminal(), number=order, out=out, as_json=as_json))
    sys.exit(0 if whole else 1)


@group.command(rich_help_panel=TO_LOOK_AFTER)
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A case file.")],
    key: Annotated[
        str, typer.Option(metavar="FINGERPRINT", help="Of the key that has to have signed it, as the marketplace says.")
    ] = "",
    tsa_cert: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Certificates that its timestamp has to lead to.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a case file, with nothing but the file; exit 1 when anything does not match, and say what.

    Needs no installation, no database and no network. A byte changed anywhere, a file exchanged, an entry removed, the
    last ones cut off, something added, another key, a wrong timestamp: each is named.
    Compare the key with the fingerprint that the marketplace publishes at /signing-keys: the file cannot know that.

      tradehall verify case-CS2603021700AB12C.zip
      tradehall verify case.zip --key 3f9a… --tsa-cert tsa.pem
    """
    from tradehall.commands import verification

    sys.exit(0 if verification.verify(file, key=key, tsa_cert=tsa_cert, as_json=as_json) else 1)


signing_key = typer.Typer(
    no_args_is_help=True,
    help="""The key that signs case files: made with the first of them, sealed like all secrets.

    Everybody finds its fingerprint, and those of the keys before it, at /signing-keys.
    """,
)
group.add_typer(signing_key, name="signing-key", rich_help_panel=TO_LOOK_AFTER)


@signing_key.command("list")
def signing_key_list(as_json: AsJson = False, demo: OfTheDemo = False) -> None:
    """The fingerprints of the current key and of those before it.

    tradehall signing-key list
    """
    from tradehall.commands import casefile
    from tradehall.commands.common import terminal

    run(casefile.keys(load_settings(demo=demo), terminal(), as_json=as_json))


@signing_key.command("replace")
def signing_key_replace(as_json: AsJson = False, demo: OfTheDemo = False) -> None:
    """Make a new key; the one before signs nothing any more and stays listed.

    What it signed stays valid. Tell those who compare fingerprints.

      tradehall signing-key replace
    """
    from tradehall.commands import casefile
    from tradehall.commands.common import terminal

    run(casefile.replace_key(load_settings(demo=demo), terminal(), as_json=as_json))
