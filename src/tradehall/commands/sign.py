"""`tradehall sign …`: signatures as a seller must compute them, step by step, with the result as the last line."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.protocols.signing import sign_v2


class CannotSign(CommandProblem):
    """What was given cannot be signed; the message says why."""


def v2(console: Console, key: str, nonce: str, timestamp: str, body: Path) -> str:
    """Prints the four steps of a V2.0 request signature (protocol 1.3) and returns the signature. Raises CannotSign."""
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise CannotSign(f"--timestamp {timestamp!r}: expected Unix time in milliseconds, digits only")
    received = _read(body)
    payload = canonical_json(received)
    steps = sign_v2(key, nonce, int(timestamp), payload)
    canonical = f"{key}{nonce}{timestamp}{steps.body_hash}"
    if canonical != steps.canonical:
        raise CannotSign(f"--timestamp {timestamp}: write the number without leading zeros")

    _step(
        console,
        1,
        "payload",
        "the body's JSON: keys in code-point order, nothing between tokens, no nulls, UTF-8",
        payload.decode(),
    )
    if received.rstrip(b"\r\n") != payload:
        console.print("   The body given is not in this form; sent as it is, it would have to be signed as above.")
    _step(console, 2, "bodyHash", "HMAC-SHA256 of the payload under the access key, lower-case hex", steps.body_hash)
    _step(
        console,
        3,
        "canonical",
        "access key, nonce, timestamp and bodyHash, one after the other",
        canonical,
        parts=(key, nonce, timestamp, steps.body_hash),
    )
    _step(console, 4, "signature", "HMAC-SHA256 of the canonical string under the access key, upper-case hex", "")
    if len(timestamp) != 13:
        console.print("   Note: timestamps are milliseconds and have 13 digits; this one does not.")
    if not key or not nonce:
        console.print("   Note: an empty access key or nonce is refused by every verifier.")
    return steps.signature


def canonical_json(body: bytes) -> bytes:
    """The form of a JSON object that is signed. Raises CannotSign for anything that is none."""
    try:
        members = json.loads(body.decode().removeprefix("\ufeff"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CannotSign(f"--body: not JSON in UTF-8 ({error})") from error
    if not isinstance(members, dict):
        raise CannotSign("--body: JSON, but not an object {…}")
    members = {name: value for name, value in members.items() if value is not None}
    try:
        return json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except (ValueError, RecursionError) as error:
        raise CannotSign("--body: a text in it has no UTF-8 form") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read(body: Path) -> bytes:
    if str(body) == "-":
        return sys.stdin.buffer.read()
    try:
        return body.read_bytes()
    except OSError as error:
        raise CannotSign(f"--body {body}: {error.strerror}") from error


def _step(console: Console, number: int, name: str, meaning: str, value: str, parts: tuple[str, ...] = ()) -> None:
    console.print(f"[bold]{number}  {name}[/bold]  [dim]{meaning}[/dim]", soft_wrap=True)
    if parts and console.is_terminal and not console.no_color:
        # Each part in a colour of its own, so that the eye finds the seams.
        from rich.text import Text

        colours = ("yellow", "cyan", "magenta", "green")
        text = Text("   ").append_text(
            Text.assemble(*((part, colour) for part, colour in zip(parts, colours, strict=True)))
        )
        console.print(text, soft_wrap=True)
    elif value:
        console.print(f"   {value}", markup=False, highlight=False, soft_wrap=True)
