"""The virus scanner's protocol, against a server that speaks it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.kernel.files.stores import DirectoryStore, Store, streamed

from tradehall.kernel.files import Files, scanning
from tradehall.kernel.files.errors import FileInfected, ScannerAway
from tradehall.kernel.files.scanning import Scanner, scanner_for
from tradehall.settings import InvalidSetting, Settings

VIRUS = b"this stands for a virus"


class Clamd:
    """Answers INSTREAM as clamd does, with its limit on the size; `saying` makes it say something else."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.most = most
        self.saying: bytes | None = None
        self.silent = False
        self.scanned: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = bytearray()
            while size := int.from_bytes(await reader.readexactly(4), "big"):
                content += await reader.readexactly(size)
                if len(content) > self.most:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    break
            else:
                self.scanned.append(bytes(content))
                if self.silent:
                    await reader.read()
                found = b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if VIRUS in content else b"stream: OK\0"
                writer.write(found if self.saying is None else self.saying)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def running(clamd: Clamd, path: Path | None = None) -> AsyncIterator[str]:
    if path:
        server = await asyncio.start_unix_server(clamd.serve, path)
        yield str(path)
    else:
        server = await asyncio.start_server(clamd.serve, "127.0.0.1")
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def scanned_by(address: str, store: Store) -> Files:
    return Files(store.storage, most=10 << 20, scanner=Scanner(address))


@pytest.mark.parametrize("unix", [False, True])
async def test_a_clean_file_is_taken_and_was_scanned_whole(
    directory: DirectoryStore, tmp_path: Path, unix: bool
) -> None:
    clamd, content = Clamd(), b"harmless " * 200_000
    async with running(clamd, tmp_path / "socket" if unix else None) as address:
        await scanned_by(address, directory).receive("a.txt", streamed(content, 50_000))
    assert clamd.scanned == [content]


async def test_of_an_infected_file_nothing_is_left(store: Store) -> None:
    async with running(Clamd()) as address:
        with pytest.raises(FileInfected) as told:
            await scanned_by(address, store).receive("a.txt", streamed(b"x" * 70_000 + VIRUS))
    assert told.value.values == {"name": "a.txt", "signature": "Win.Test.EICAR_HDB-1"}
    assert not store.everything()


async def test_a_scanner_that_is_not_there_lets_nothing_pass(store: Store, tmp_path: Path) -> None:
    for address in ("127.0.0.1:9", str(tmp_path / "no-socket")):
        with pytest.raises(ScannerAway):
            await scanned_by(address, store).receive("a.txt", streamed(b"text"))
    assert ScannerAway.status == 503
    assert not store.everything()


@pytest.mark.parametrize("answer", [b"", b"\0", b"stream: OK", b"UNKNOWN COMMAND\0", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_scanner_that_talks_nonsense_lets_nothing_pass(directory: DirectoryStore, answer: bytes) -> None:
    clamd = Clamd()
    clamd.saying = answer
    async with running(clamd) as address:
        with pytest.raises(ScannerAway):
            await scanned_by(address, directory).receive("a.txt", streamed(b"text"))
    assert not directory.everything()


async def test_a_file_the_scanner_finds_too_big_does_not_pass(directory: DirectoryStore) -> None:
    async with running(Clamd(most=1 << 20)) as address:
        with pytest.raises(ScannerAway):
            await scanned_by(address, directory).receive("a.txt", streamed(b"x" * (8 << 20), 50_000))
    assert not directory.everything()


async def test_a_scanner_that_says_nothing_is_not_waited_for_forever(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "VERDICT", 0.1)
    clamd = Clamd()
    clamd.silent = True
    async with running(clamd) as address:
        with pytest.raises(ScannerAway):
            await scanned_by(address, directory).receive("a.txt", streamed(b"text"))
    assert not directory.everything()


def test_without_an_address_nothing_is_scanned() -> None:
    assert scanner_for(Settings()) is None
    assert scanner_for(Settings(clamav="[::1]:3310"))
    with pytest.raises(InvalidSetting, match="TRADEHALL_CLAMAV"):
        scanner_for(Settings(clamav="clamd"))
