"""Both stores keep what they are given, all of it or nothing."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.kernel.files.stores import DirectoryStore, Store, read, streamed

from tradehall.kernel.files.errors import ContentMissing, StoreAway
from tradehall.kernel.files.storage import PART, DiskStorage, new_key, storage_for
from tradehall.settings import InvalidSetting, Settings


@pytest.mark.parametrize("size", [1, PART - 1, PART, 2 * PART + 12345])
async def test_what_is_put_is_read_again(store: Store, size: int) -> None:
    content = os.urandom(size)
    key = new_key()
    await store.storage.put(key, streamed(content, 300_000))
    again = await read(store.storage.read(key))
    assert hashlib.sha256(again).digest() == hashlib.sha256(content).digest()
    assert store.everything() == {key}


async def test_a_part_is_read(store: Store) -> None:
    content = os.urandom(PART + 500)
    key = new_key()
    await store.storage.put(key, streamed(content, 300_000))
    assert await read(store.storage.read(key, 10, 20)) == content[10:20]
    assert await read(store.storage.read(key, PART - 5, PART + 5)) == content[PART - 5 : PART + 5]
    assert await read(store.storage.read(key, PART)) == content[PART:]
    assert await read(store.storage.read(key, PART, PART + 9999)) == content[PART:]


@pytest.mark.parametrize("size", [0, 1000, 3 * PART])
async def test_nothing_is_left_of_a_stream_that_breaks(store: Store, size: int) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.storage.put(new_key(), streamed(bytes(size), 100_000, ZeroDivisionError()))
    assert not store.everything()


@pytest.mark.parametrize("size", [1000, 3 * PART])
async def test_nothing_is_left_of_an_upload_that_is_cancelled(store: Store, size: int) -> None:
    waiting = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        async for chunk in streamed(bytes(size), 100_000):
            yield chunk
        waiting.set()
        await asyncio.sleep(60)

    putting = asyncio.ensure_future(store.storage.put(new_key(), stream()))
    await waiting.wait()
    await asyncio.sleep(0.1)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert not store.everything()


async def test_what_is_deleted_is_gone_and_can_be_deleted_twice(store: Store) -> None:
    key = new_key()
    await store.storage.put(key, streamed(b"text"))
    await store.storage.delete(key)
    await store.storage.delete(key)
    with pytest.raises(ContentMissing):
        await read(store.storage.read(key))
    assert not store.everything()


@pytest.mark.parametrize("key", ["", "../x", "a/../b", "/etc/passwd", "a//b", "a/.b", "a\\b", "a\n", "A", "a/"])
async def test_a_key_cannot_lead_elsewhere(store: Store, key: str) -> None:
    with pytest.raises(ValueError):
        await store.storage.put(key, streamed(b"text"))
    with pytest.raises(ValueError):
        await read(store.storage.read(key))
    with pytest.raises(ValueError):
        await store.storage.delete(key)


async def test_a_bucket_that_is_away_is_said_to_be_away() -> None:
    settings = Settings(
        file_store="s3://nowhere",
        s3_endpoint="http://127.0.0.1:9",
        s3_access_key="k",
        s3_secret_key="s",
        s3_allow_http=True,
    )
    storage = storage_for(settings)
    for size in (10, 3 * PART):
        with pytest.raises(StoreAway):
            await asyncio.wait_for(storage.put(new_key(), streamed(bytes(size), 100_000)), 40)
    with pytest.raises(StoreAway):
        await read(storage.read(new_key()))
    with pytest.raises(StoreAway):
        await storage.delete(new_key())


async def test_a_bucket_that_refuses_keeps_no_upload_waiting(bucket: Store) -> None:
    refused = storage_for(msgspec.structs.replace(bucket.settings, file_store="s3://no-such-bucket"))
    with pytest.raises(StoreAway):
        await asyncio.wait_for(refused.put(new_key(), streamed(bytes(5 * PART), 100_000)), 40)


async def test_a_directory_that_cannot_be_written_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    storage = DiskStorage(tmp_path / "file")
    with pytest.raises(StoreAway):
        await storage.put(new_key(), streamed(b"text"))
    with pytest.raises(StoreAway):
        await read(storage.read(new_key()))


async def test_only_its_owner_can_read_the_directory(directory: DirectoryStore) -> None:
    key = new_key()
    await directory.storage.put(key, streamed(b"text"))
    path = directory.settings.data_dir / "files" / key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("address", ["disk", "s3://", "s3:///prefix", "ftp://x/y", "s3:bucket"])
def test_a_store_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidSetting, match="TRADEHALL_FILE_STORE"):
        storage_for(Settings(file_store=address))
