"""`tradehall verify`: a case file checked, with nothing of an installation."""

import json
from pathlib import Path

import msgspec
from cryptography.x509 import Certificate

from tradehall.casefile import verify as checking
from tradehall.casefile.timestamp import certificates
from tradehall.casefile.verify import Verdict
from tradehall.commands.common import CommandProblem, terminal


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
        _tell(verdict, compared=bool(key))
    return verdict.whole


def _tell(verdict: Verdict, *, compared: bool) -> None:
    console = terminal()

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    if verdict.order:
        say(f"order      {verdict.order}, made for the {verdict.made_for} at {verdict.exported_at}")
        withheld = f", {verdict.told_in_part} told in part, {verdict.withheld} withheld"
        limited = withheld if verdict.told_in_part or verdict.withheld else ""
        say(f"log        up to entry {verdict.entries}{limited}, hash {verdict.head}")
        say(f"members    {verdict.members}, of these {verdict.files} files of the case")
    if verdict.key:
        say(f"key        {verdict.key}{'' if compared else ' (compare it with what the marketplace publishes)'}")
    if verdict.timestamp_at:
        trust = "" if verdict.timestamp_trusted else " (not checked against a certificate: --tsa-cert)"
        say(f"timestamp  {verdict.timestamp_at.isoformat()} by {verdict.timestamp_by or 'an unnamed authority'}{trust}")
    elif verdict.without_timestamp:
        say(f"timestamp  none: {verdict.without_timestamp}")
    for flaw in verdict.flaws:
        console.print("[red]✗[/red] ", end="")
        say(flaw.text)
    if verdict.whole:
        console.print("[green]OK[/green]: every byte is as it was signed.", soft_wrap=True)
    else:
        flaws = "1 flaw" if len(verdict.flaws) == 1 else f"{len(verdict.flaws)} flaws"
        console.print(f"[red]NOT OK[/red]: {flaws}.", soft_wrap=True)
