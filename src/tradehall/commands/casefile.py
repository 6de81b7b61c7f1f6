"""`tradehall export case` and `tradehall signing-key`: case files written from the command line, and their key."""

import asyncio
import json
import os
from datetime import UTC
from pathlib import Path
from tempfile import mkstemp

import msgspec
from rich.console import Console

from tradehall.casefile import signing
from tradehall.casefile.actions import file_name
from tradehall.casefile.model import Written
from tradehall.casefile.signing import KnownKey
from tradehall.commands.common import CommandProblem
from tradehall.installation import Installation, opened
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import SYSTEM
from tradehall.settings import Settings


async def export(settings: Settings, console: Console, *, number: str, out: Path | None, as_json: bool) -> bool:
    """Writes a case file and says what is in it; whether every file in it is as it was handed in."""
    path = out or Path(file_name(number))
    async with opened(settings, listening=False) as installation:
        written = await _written(installation, number, path)
    if as_json:
        print(json.dumps(msgspec.to_builtins(written) | {"file": str(path)}))
        return not written.damaged
    console.print(f"[green]written[/green]  {path}, {written.size:,} bytes, up to entry {written.seq}", soft_wrap=True)
    console.print(f"SHA-256  {written.digest}", soft_wrap=True)
    console.print(f"key      {written.key}", soft_wrap=True)
    if written.no_stamp:
        console.print(f"[yellow]no timestamp[/yellow]: {written.no_stamp}", soft_wrap=True, markup=True)
    if written.damaged:
        console.print(
            f"[red]{written.damaged} file(s) are no longer what was handed in[/red]; the report says which.",
            soft_wrap=True,
        )
    return not written.damaged


async def _written(installation: Installation, number: str, path: Path) -> Written:
    """Writes beside the place and puts it there when it is whole: a case file that was broken off is none."""
    locale = installation.settings.default_locale
    try:
        draft = await asyncio.to_thread(_draft, path)
    except OSError as error:
        raise CommandProblem(f"{path} cannot be written: {error.strerror}") from error
    try:
        with draft.open("w+b") as file:
            written = await installation.case_files.export(SYSTEM, number, file, locale=locale, request_id="command")
        await asyncio.to_thread(draft.replace, path)
    except Problem as problem:
        raise CommandProblem(f"{number}: {problem}") from problem
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)
    return written


def _draft(path: Path) -> Path:
    """An empty file beside that place, for its owner's eyes only."""
    descriptor, name = mkstemp(dir=path.absolute().parent, prefix=".case-")
    os.close(descriptor)
    return Path(name)


async def keys(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Says which keys sign and signed."""
    async with opened(settings, listening=False) as installation, installation.db.read() as reader:
        _tell(console, await signing.known_keys(reader), as_json=as_json)


async def replace_key(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Makes a new key and says all of them."""
    async with opened(settings, listening=False) as installation:
        async with installation.db.transaction(SYSTEM, "command") as tx:
            await signing.replace(tx, installation.seal)
        async with installation.db.read() as reader:
            _tell(console, await signing.known_keys(reader), as_json=as_json)


def _tell(console: Console, known: list[KnownKey], *, as_json: bool) -> None:
    if as_json:
        told = [
            {
                "fingerprint": one.fingerprint,
                "public_key": one.public_key.hex(),
                "created_at": one.created_at.isoformat(),
                "retired_at": one.retired_at.isoformat() if one.retired_at else None,
            }
            for one in known
        ]
        print(json.dumps(told))
        return
    if not known:
        console.print("There is no key yet; the first case file has one made.")
    for one in known:
        state = f"retired {one.retired_at.astimezone(UTC):%Y-%m-%d}" if one.retired_at else "[green]current[/green]"
        made = f"{one.created_at.astimezone(UTC):%Y-%m-%d}"
        console.print(f"{one.fingerprint}  made {made}  {state}", soft_wrap=True)
