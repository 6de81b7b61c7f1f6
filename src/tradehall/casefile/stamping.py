"""Has a timestamp made by the RFC 3161 authority of the settings, when there is one."""

import asyncio
from pathlib import Path

import msgspec
import structlog
from cryptography.x509 import Certificate

from tradehall.casefile.timestamp import QUERY_TYPE, REPLY_TYPE, NotATimestamp, certificates, examine, query
from tradehall.kernel.outbound import Outbound
from tradehall.settings import Settings

SECONDS = 20.0
NOT_CONFIGURED = "none was asked for: no authority is configured"

log = structlog.get_logger()


class Stamp(msgspec.Struct, frozen=True):
    """An authority's answer, or why there is none."""

    answer: bytes | None
    why_not: str = ""


async def stamp(outbound: Outbound, settings: Settings, message: bytes, digest: bytes) -> Stamp:
    """A timestamp over a message with this SHA-256. Never raises for what the authority does or is: what is to be
    stamped is worth having without it, and says so."""
    if not settings.timestamp_url:
        return Stamp(None, NOT_CONFIGURED)
    asked, nonce = query(message)
    headers = {"Content-Type": QUERY_TYPE, "Accept": REPLY_TYPE}
    came = await outbound.post(settings.timestamp_url, asked, headers, timeout=SECONDS)
    if came.trouble or came.status != 200:
        return _without(f"the authority could not be asked: {came.trouble_detail or f'HTTP {came.status}'}")
    try:
        roots = await asyncio.to_thread(_roots, settings)
        examine(came.body, digest, roots, nonce)
    except NotATimestamp as error:
        return _without(f"the authority's answer was of no use: {error}")
    except (OSError, ValueError) as error:
        return _without(f"the authority's certificates cannot be read: {type(error).__name__}")
    return Stamp(came.body)


def _roots(settings: Settings) -> list[Certificate]:
    path = settings.timestamp_certificates
    return certificates(Path(path).read_bytes()) if path else []


def _without(why: str) -> Stamp:
    log.warning("case_file_without_timestamp", why=why)
    return Stamp(None, why)
