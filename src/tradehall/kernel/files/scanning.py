"""A virus scanner that speaks ClamAV's protocol: the content goes there in chunks, a verdict comes back."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog

from tradehall.kernel.files.errors import ScannerAway
from tradehall.settings import InvalidSetting, Settings, variable

# How long the scanner may take to be reached and to take one chunk, and how long to make up its mind at the end.
STEP = 15.0
VERDICT = 120.0
_CHUNK = 256 * 1024
_FOUND = re.compile(r"stream: (.+) FOUND\Z")

log = structlog.get_logger()


class Scanner:
    """A clamd at host:port, or at the path of a Unix socket."""

    def __init__(self, address: str) -> None:
        self._host, separator, port = address.rpartition(":")
        self._path = address if address.startswith("/") else ""
        if not self._path and not (separator and self._host and port.isdigit()):
            raise InvalidSetting(f"{variable('clamav')}={address!r}: expected host:port or the path of a socket")
        self._port = 0 if self._path else int(port)

    async def scan(self, stream: AsyncIterator[bytes]) -> str | None:
        """What was found in it; None when it is clean. Raises ScannerAway when there is no verdict, whatever the
        reason, also when the scanner takes only smaller files (its StreamMaxLength)."""
        try:
            said = await self._ask(stream)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            log.error("scanner_away", error=f"{type(error).__name__}: {error}"[:500])
            raise ScannerAway from error
        if said == "stream: OK":
            return None
        if found := _FOUND.match(said):
            return found[1]
        log.error("scanner_gave_no_verdict", said=said[:500])
        raise ScannerAway

    async def _ask(self, stream: AsyncIterator[bytes]) -> str:
        async with asyncio.timeout(STEP):
            reader, writer = await (
                asyncio.open_unix_connection(self._path)
                if self._path
                else asyncio.open_connection(self._host.strip("[]"), self._port)
            )
        try:
            # A scanner that has seen enough says so and hangs up before it was told everything.
            with suppress(ConnectionError):
                await _tell(writer, stream)
            async with asyncio.timeout(VERDICT):
                return (await reader.readuntil(b"\0")).rstrip(b"\0").decode("utf-8", "replace").strip()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _tell(writer: asyncio.StreamWriter, stream: AsyncIterator[bytes]) -> None:
    writer.write(b"zINSTREAM\0")
    async for piece in stream:
        for at in range(0, len(piece), _CHUNK):
            chunk = piece[at : at + _CHUNK]
            writer.write(len(chunk).to_bytes(4, "big") + chunk)
            async with asyncio.timeout(STEP):
                await writer.drain()
    writer.write(bytes(4))
    async with asyncio.timeout(STEP):
        await writer.drain()


def scanner_for(settings: Settings) -> Scanner | None:
    """The scanner the settings name, if any. Raises InvalidSetting."""
    return Scanner(settings.clamav) if settings.clamav else None
