"""`tradehall verify`: a case file checked, with nothing of an installation."""

import json
from pathlib import Path

import msgspec
from cryptography.x509 import Certificate

from tradehall.casefile import verify as checking
from tradehall.casefile.timestamp import certificates
from tradehall.casefile.verify import Verdict
from tradehall.commands.common import CommandProblem, terminal

# Of each thing that is said.
LONGEST = 2000


def verify(file: Path, *, key: str, tsa_cert: Path | None, as_json: bool) -> bool:
    """Says what a case file is and everything that does not match in it; whether all of it matches."""
    roots: list[Certificate] = []
    try:
        if tsa_cert:
            roots = certificates(tsa_cert.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandProblem(f"{tsa_cert} holds no certificates in PEM form") from error
    try:
        verdict = checking.verify(file, key=key, roots=roots)
    except OSError as error:
        raise CommandProblem(f"{file} cannot be read: {error.strerror}") from error
    if as_json:
        print(json.dumps(msgspec.to_builtins(verdict) | {"whole": verdict.whole}))
    else:
        _tell(verdict)
    return verdict.whole


def _harmless(text: str) -> str:
    """A text of a file that anybody may have made: nothing in it moves the cursor, colours or turns what is read."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:LONGEST])


def _tell(verdict: Verdict) -> None:
    console = terminal()

    def say(text: str) -> None:
        console.print(_harmless(text), soft_wrap=True, markup=False)

    if verdict.order:
        say(f"order      {verdict.order}, made for the {verdict.made_for} at {verdict.exported_at}")
        withheld = f", {verdict.told_in_part} told in part, {verdict.withheld} withheld"
        limited = withheld if verdict.told_in_part or verdict.withheld else ""
        say(f"log        up to entry {verdict.entries}{limited}, hash {verdict.head}")
        say(f"members    {verdict.members}, of these {verdict.files} files of the case")
    if verdict.key:
        say(f"key        {verdict.key}{'' if verdict.key_compared else ' (not compared with anything)'}")
    if verdict.timestamp_at:
        trust = "" if verdict.timestamp_trusted else " (not checked against a certificate: --tsa-cert)"
        say(f"timestamp  {verdict.timestamp_at.isoformat()} by {verdict.timestamp_by or 'an unnamed authority'}{trust}")
    elif verdict.without_timestamp:
        say(f"timestamp  none: {verdict.without_timestamp}")
    for flaw in verdict.flaws:
        console.print("[red]✗[/red] ", end="")
        say(flaw.text)
    if not verdict.whole:
        many = len(verdict.flaws) + verdict.unsaid
        console.print(f"[red]NOT OK[/red]: {many} flaw{'' if many == 1 else 's'}.", soft_wrap=True)
    elif verdict.key_compared:
        console.print("[green]OK[/green]: every byte is as it was signed.", soft_wrap=True)
    else:
        console.print(
            "[yellow]UNCHANGED[/yellow] since it was signed, but by whom is not known: anybody can make such a key. "
            "Compare it with the fingerprint at the marketplace's own /signing-keys, or give that with --key.",
            soft_wrap=True,
        )
