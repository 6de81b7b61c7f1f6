"""`tradehall sign …`: signatures as a seller must compute them, step by step, with the result as the last line."""

import json
import re
import sys
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.protocols.signing import body_sign as body_sign_header
from tradehall.protocols.signing import body_signature, sign_kit, sign_usage, sign_v1, sign_v2

MAX_TIMESTAMP = 20  # digits

_PERCENT_ENCODED = re.compile("%[0-9A-Fa-f]{2}")


class CannotSign(CommandProblem):
    """What was given cannot be signed; the message says why."""


def v2(console: Console, key: str, nonce: str, timestamp: str, body: Path) -> str:
    """Prints the four steps of a V2.0 request signature (protocol 1.3) and returns the signature. Raises CannotSign."""
    _check_text("--key", key)
    _check_text("--nonce", nonce)
    milliseconds = _milliseconds("--timestamp", timestamp)
    payload = _payload(console, body)
    steps = sign_v2(key, nonce, milliseconds, payload)
    _step(console, 2, "bodyHash", "HMAC-SHA256 of the payload under the access key, lower-case hex", steps.body_hash)
    _step(
        console,
        3,
        "canonical",
        "access key, nonce, timestamp and bodyHash, one after the other",
        steps.canonical,
        parts=(key, nonce, timestamp, steps.body_hash),
    )
    _step(console, 4, "signature", "HMAC-SHA256 of the canonical string under the access key, upper-case hex", "")
    _notes(console, key, nonce, timestamp)
    return steps.signature


def kit(console: Console, key: str, nonce: str, timestamp: str, body: Path) -> str:
    """Prints the steps of a synchronisation call's header x-sign (protocol 1.3) and returns it. Raises CannotSign."""
    _check_text("--key", key)
    _check_text("--nonce", nonce)
    milliseconds = _milliseconds("--timestamp", timestamp)
    payload = _payload(console, body, nested="kept")
    steps = sign_kit(key, nonce, milliseconds, payload)
    _step(
        console,
        2,
        "canonical",
        "access key, nonce, timestamp and the payload itself, which is not hashed first",
        steps.canonical.decode(),
        parts=(key, nonce, timestamp, payload.decode()),
    )
    _step(console, 3, "x-sign", "HMAC-SHA256 of the canonical string under the access key, upper-case hex", "")
    _notes(console, key, nonce, timestamp)
    return steps.signature


def v1(console: Console, key: str, parameters: Sequence[str]) -> str:
    """Prints the steps of a V1.0 call's authToken (protocol 1.4) and returns it. Raises CannotSign.

    `parameters` are NAME=VALUE as the seller's server reads them: decoded.
    """
    _check_text("--key", key)
    given = _named(parameters)
    if "timeStamp" not in given:
        raise CannotSign("timeStamp=… is missing: the token's key is made of it")
    if "authToken" in given:
        _note(console, "authToken is the token itself, and not signed.")
    steps = sign_v1(key, given)
    _step(
        console,
        1,
        "canonical",
        "all parameters but authToken: decoded values, names in code-point order, joined by &",
        steps.canonical,
    )
    _step(
        console,
        2,
        "key",
        "access key and timeStamp, one after the other",
        key + given["timeStamp"],
        parts=(key, given["timeStamp"]),
    )
    _step(console, 3, "in the address", "the token percent-encoded, as it is sent", quote(steps.token, safe=""))
    _step(console, 4, "authToken", "HMAC-SHA256 of the canonical string under that key, base64", "")
    encoded = sorted(name for name, value in given.items() if _PERCENT_ENCODED.search(value))
    if encoded:
        _note(console, f"{', '.join(encoded)} may still be percent-encoded; decoded values are signed.")
    if not re.fullmatch("[0-9]{17}", given["timeStamp"]):
        _note(console, "timeStamp is UTC, yyyyMMddHHmmssSSS, and has 17 digits; this one does not.")
    if not key:
        _note(console, "an empty access key is refused by every verifier.")
    return steps.token


def body_sign(console: Console, key: str, body: Path) -> str:
    """Prints the header Body-Sign of a V1.0 answer (protocol 1.5) and returns its signature. Raises CannotSign."""
    _check_text("--key", key)
    signed = _read(body)
    print(f"Body-Sign: {body_sign_header(key, signed)}", file=console.file)
    if signed[-1:] in (b"\r", b"\n"):
        _note(console, "the body ends with a line break, which is signed as well. Send exactly these bytes.")
    if not key:
        _note(console, "an empty access key is refused by every verifier.")
    return body_signature(key, signed)


def usage(console: Console, key: str, ts: str, nonce: str, body: Path) -> str:
    """Prints the steps of a push of readings' signature (protocol 6.3) and returns it. Raises CannotSign."""
    _check_text("--key", key)
    _check_text("--nonce", nonce)
    _milliseconds("--ts", ts)
    payload = _payload(console, body, nulls="nowhere")
    steps = sign_usage(key, ts, nonce, payload)
    _step(console, 2, "canonical", "ts=…&nonce=…&body=…, the payload as it is", steps.canonical.decode())
    _step(console, 3, "signature", "HMAC-SHA256 of the canonical string under the access key, base64", "")
    _notes(console, key, nonce, ts)
    return steps.signature


def canonical_json(
    body: bytes,
    *,
    nested: Literal["sorted", "kept"] = "sorted",
    nulls: Literal["not at the top", "nowhere"] = "not at the top",
) -> bytes:
    """The form of a JSON object that is signed. Raises CannotSign for anything that is none.

    Its own keys are sorted, those of objects within it are unless `kept`. Members that are null are left out.
    """
    try:
        members = json.loads(
            body.decode().removeprefix("\ufeff"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_without_nulls if nulls == "nowhere" else None,
        )
    except (ValueError, RecursionError) as error:
        raise CannotSign(f"--body: not JSON in UTF-8 ({error})") from error
    if not isinstance(members, dict):
        raise CannotSign("--body: JSON, but not an object {…}")
    members = {name: members[name] for name in sorted(members) if members[name] is not None}
    try:
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=nested == "sorted")
        return text.encode()
    except (ValueError, RecursionError) as error:
        raise CannotSign("--body: a text in it has no UTF-8 form") from error


def _payload(
    console: Console,
    body: Path,
    *,
    nested: Literal["sorted", "kept"] = "sorted",
    nulls: Literal["not at the top", "nowhere"] = "not at the top",
) -> bytes:
    """Step 1 of whatever signs a JSON body."""
    received = _read(body)
    payload = canonical_json(received, nested=nested, nulls=nulls)
    keys = "keys in code-point order" if nested == "sorted" else "its own keys in code-point order, inner ones as given"
    meaning = f"the body's JSON: {keys}, nothing between tokens, no nulls, UTF-8"
    _step(console, 1, "payload", meaning, payload.decode())
    if received.rstrip(b"\r\n") != payload:
        console.print("   The body given is not in this form; sent as it is, it would have to be signed as above.")
    return payload


def _named(parameters: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for parameter in parameters:
        _check_text("NAME=VALUE", parameter)
        name, equals, value = parameter.partition("=")
        if not (name and equals):
            raise CannotSign(f"{parameter!r}: expected NAME=VALUE")
        if name in given:
            raise CannotSign(f"{name!r} is given twice")
        given[name] = value
    return given


def _check_text(option: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CannotSign(f"{option}: not text in UTF-8") from error


def _milliseconds(option: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise CannotSign(f"{option} {value!r}: expected Unix time in milliseconds, digits only")
    if len(value) > MAX_TIMESTAMP:
        raise CannotSign(f"{option}: more than {MAX_TIMESTAMP} digits")
    if value != str(int(value)):
        # A number loses them on its way through the seller's program.
        raise CannotSign(f"{option} {value}: write the number without leading zeros")
    return int(value)


def _notes(console: Console, key: str, nonce: str, timestamp: str) -> None:
    if len(timestamp) != 13:
        _note(console, "timestamps are milliseconds and have 13 digits; this one does not.")
    if not key or not nonce:
        _note(console, "an empty access key or nonce is refused by every verifier.")


def _note(console: Console, text: str) -> None:
    console.print(f"   Note: {text}", markup=False, highlight=False, soft_wrap=True)


def _finite(number: str) -> float:
    value = float(number)
    if not isfinite(value):
        raise ValueError(f"{number} is too large a number")
    return value


def _without_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of equal keys the last counts, also if that is null.
    return {name: value for name, value in dict(pairs).items() if value is not None}


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
