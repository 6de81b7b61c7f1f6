"""A file is taken in whole, examined and registered; of every other nothing is left."""

import asyncio
import hashlib
import io
import os
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from PIL import Image
from tests.kernel.files.stores import (
    ENCRYPTED,
    LINUX_PROGRAM,
    MAC_PROGRAM,
    PDF,
    WINDOWS_PROGRAM,
    DirectoryStore,
    Store,
    office,
    ole,
    picture,
    read,
    streamed,
    zipped,
)

from tradehall.installation import Installation
from tradehall.kernel.db import Database
from tradehall.kernel.files import ANY, ANYTHING, PICTURES, file, files_for, files_of
from tradehall.kernel.files.errors import (
    ContentMissing,
    FileBroken,
    FileDisguised,
    FileEmpty,
    FileKindNotAllowed,
    FileNotThere,
    FileRuns,
    FileTooBig,
    UploadCutOff,
)
from tradehall.kernel.files.kinds import Signs
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import SYSTEM
from tradehall.settings import InvalidSetting, Settings

CHINESE = "系统标识,授权码\n授权期限：一年。\n" * 40


@pytest.mark.parametrize(
    ("name", "content", "kind", "media_type"),
    [
        ("a.pdf", PDF, "pdf", "application/pdf"),
        ("a.png", picture("PNG"), "png", "image/png"),
        ("a.JPG", picture("JPEG"), "jpg", "image/jpeg"),
        ("a.jpeg", picture("JPEG"), "jpg", "image/jpeg"),
        ("a.gif", picture("GIF"), "gif", "image/gif"),
        ("a.webp", picture("WEBP"), "webp", "image/webp"),
        ("验收.docx", office("word"), "docx", None),
        ("a.xlsx", office("xl"), "xlsx", None),
        ("a.pptx", office("ppt"), "pptx", None),
        ("a.doc", ole("WordDocument"), "doc", "application/msword"),
        ("a.xls", ole("Workbook"), "xls", "application/vnd.ms-excel"),
        ("a.txt", CHINESE.encode(), "txt", "text/plain; charset=utf-8"),
        ("a.txt", CHINESE.encode("gbk"), "txt", "text/plain; charset=gb18030"),
        ("a.txt", CHINESE.encode("utf-16"), "txt", "text/plain; charset=utf-16"),
        ("a.txt", b"MZ-2026 is our number", "txt", "text/plain; charset=utf-8"),
        ("a.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n", "csv", "text/csv; charset=utf-8"),
        ("README.md", b'<h1 align="center">Hello</h1>\n', "md", "text/markdown; charset=utf-8"),
        ("a.json", b'{"a": 1}', "json", "application/json"),
        ("a.xml", b"<?xml version='1.0'?><!-- x --><order/>", "xml", "application/xml"),
        ("a.zip", zipped("a.txt"), "zip", "application/zip"),
        ("a.zip", zipped(), "zip", "application/zip"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + ENCRYPTED, "7z", "application/x-7z-compressed"),
        ("a.tar.gz", b"\x1f\x8b\x08" + ENCRYPTED, "gz", "application/gzip"),
        ("app.lic", b"-----BEGIN LICENSE-----", "lic", "text/plain; charset=utf-8"),
    ],
)
async def test_what_is_what_it_says_is_taken(
    directory: DirectoryStore, name: str, content: bytes, kind: str, media_type: str | None
) -> None:
    received = await directory.files.receive(name, streamed(content))
    assert (received.name, received.kind, received.size) == (name, kind, len(content))
    assert media_type in (None, received.media_type)
    assert received.sha256 == hashlib.sha256(content).digest()
    assert await read(directory.storage.read(received.storage_key)) == content
    assert bool(received.thumbnail_key) == (kind in PICTURES)


@pytest.mark.parametrize(
    ("name", "content", "is_"),
    [
        ("photo.png", WINDOWS_PROGRAM, "exe"),
        ("photo.png", picture("JPEG"), "jpg"),
        ("photo.jpg", b"GIF89a<script>alert(1)</script>", "gif"),
        ("a.pdf", LINUX_PROGRAM, "elf"),
        ("a.pdf", b"<html></html>", "html"),
        ("a.txt", MAC_PROGRAM, "mach-o"),
        ("a.txt", b"#!/bin/sh\nrm -rf /\n", "script"),
        ("a.md", b"  <!-- hm --> <!DOCTYPE html><title>", "html"),
        ("a.txt", b"<!doctype  html><title>", "html"),
        ("a.xml", b"<!DOCTYPE a [<!ENTITY b ']'>]  ><svg onload='alert(1)'/>", "svg"),
        ("a.xml", b"<?xml version='1.0'?>\n<!DOCTYPE svg PUBLIC 'x'><svg onload='alert(1)'/>", "svg"),
        ("a.xml", b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "svg"),
        ("a.txt", "<html><script>".encode("utf-16"), "html"),
        ("a.txt", b"<!--" + b"x" * 70_000 + b"--><html>", "html"),
        ("a.txt", ENCRYPTED, "binary"),
        ("a.txt", b"nearly a text\0", "binary"),
        ("a.txt", "gut gemeint: ü".encode("latin-1"), "binary"),
        ("a.docx", zipped("a.txt"), "zip"),
        ("a.docx", office("xl"), "xlsx"),
        ("a.docx", office("word", "word/vbaProject.bin"), "docm"),
        ("a.docx", ole("WordDocument"), "doc"),
        ("a.zip", office("word"), "docx"),
        ("a.doc", ole("EncryptedPackage"), "ole"),
        ("a.xls", b"<table><tr>", "text"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
        ("a.lic", ENCRYPTED, "binary"),
    ],
)
async def test_what_is_something_else_is_refused(
    directory: DirectoryStore, name: str, content: bytes, is_: str
) -> None:
    with pytest.raises(FileDisguised) as told:
        await directory.files.receive(name, streamed(content))
    assert told.value.values["is_"] == is_
    assert not directory.everything()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", picture("PNG")[:2000]),
        ("a.png", b"\x89PNG\r\n\x1a\n" + ENCRYPTED),
        ("a.jpg", picture("JPEG")[:2000]),
        ("a.gif", b"GIF89a"),
        ("a.zip", zipped("a.txt", "b.txt")[:-30]),
        ("a.docx", office("word")[:100]),
        ("a.zip", b"PK\x03\x04"),
        ("a.zip", b"PK\x05\x06" + b"\xfe" * 18),
        ("a.zip", b"PK\x05\x06" + bytes(4) + b"\x05\0\x05\0" + bytes(10)),
    ],
)
async def test_what_was_cut_off_before_it_was_sent_is_refused(
    directory: DirectoryStore, name: str, content: bytes
) -> None:
    with pytest.raises(FileBroken):
        await directory.files.receive(name, streamed(content))
    assert not directory.everything()


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype" + b" " * 100_000,
        b"<!doctype" + b" " * 50_000 + b"[" + b"]" * 50_000,
        b"<!doctype a [" + b"] " * 50_000,
        b"<" + b"a." * 50_000,
        b"<!-- --><? ?> " * 7_000,
        b"<?" * 50_000,
    ],
)
def test_a_text_is_looked_at_in_no_time_however_it_begins(content: bytes) -> None:
    """It is looked at in the process that also answers everybody else."""
    signs = Signs()
    began = time.process_time()
    signs.see(content)
    signs.content()
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("name", ["a.exe", "a.sh", "a.html", "a.svg", "a.bat", "a.js", "a.docm", "a.png.exe"])
async def test_names_of_what_runs_are_never_taken(directory: DirectoryStore, name: str) -> None:
    for accept in (None, ANYTHING):
        with pytest.raises(FileKindNotAllowed):
            await directory.files.receive(name, streamed(b"harmless"), accept=accept)
    assert not directory.everything()


@pytest.mark.parametrize(
    "content",
    [WINDOWS_PROGRAM, LINUX_PROGRAM, MAC_PROGRAM, b"#!/usr/bin/env python", b"<html>", b"\n<svg>", b"\0asm" + bytes(9)],
)
async def test_what_runs_is_never_taken_where_anything_is(directory: DirectoryStore, content: bytes) -> None:
    with pytest.raises(FileKindNotAllowed):
        await directory.files.receive("data.bin", streamed(content), accept=ANYTHING)
    with pytest.raises(FileDisguised):
        await directory.files.receive("a.dat", streamed(content), accept=ANYTHING)
    assert not directory.everything()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("data.bin", ENCRYPTED, "application/octet-stream"),
        ("data.parquet", ENCRYPTED, "application/octet-stream"),
        ("licence.dat", ENCRYPTED, "application/octet-stream"),
        ("licence.dat", b"text", "text/plain; charset=utf-8"),
        ("report", PDF, "application/pdf"),
        ("a.rar", b"Rar!\x1a\x07\0" + ENCRYPTED, "application/octet-stream"),
    ],
)
async def test_where_anything_is_taken_so_is_what_nobody_knows(
    directory: DirectoryStore, name: str, content: bytes, media_type: str
) -> None:
    received = await directory.files.receive(name, streamed(content), accept=frozenset({ANY}))
    assert received.media_type == media_type
    if media_type != "text/plain; charset=utf-8":
        with pytest.raises((FileKindNotAllowed, FileDisguised)):
            await directory.files.receive(name, streamed(content))


async def test_of_what_runs_it_is_said_that_it_runs(directory: DirectoryStore) -> None:
    for name, content, kind in (("a.exe", b"harmless", "exe"), ("data.bin", WINDOWS_PROGRAM, "exe")):
        with pytest.raises(FileRuns) as told:
            await directory.files.receive(name, streamed(content), accept=ANYTHING)
        said = f"{name} is something that runs ({kind}): programs and scripts are never taken."
        assert str(told.value) == said


async def test_a_field_takes_only_its_kinds(directory: DirectoryStore) -> None:
    with pytest.raises(FileKindNotAllowed) as told:
        await directory.files.receive("a.pdf", streamed(PDF), accept=frozenset({"png", "jpg"}))
    assert str(told.value) == "a.pdf is of a kind (pdf) that is not taken here. Taken are: png, jpg"


async def test_the_installation_takes_only_its_kinds(tmp_path: Path) -> None:
    files = files_for(Settings(data_dir=tmp_path, upload_types="pdf, PNG"))
    assert (await files.receive("a.pdf", streamed(PDF))).kind == "pdf"
    for accept in (None, ANYTHING):
        with pytest.raises(FileKindNotAllowed):
            await files.receive("a.txt", streamed(b"text"), accept=accept)
    with pytest.raises(InvalidSetting, match="there is no exe"):
        files_for(Settings(data_dir=tmp_path, upload_types="pdf,exe"))


async def test_a_name_that_cannot_be_taken_is_refused_before_a_byte_is_read(directory: DirectoryStore) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    with pytest.raises(FileKindNotAllowed):
        await directory.files.receive("a.exe", unread())
    with pytest.raises(FileTooBig):
        await directory.files.receive("a.txt", unread(), announced=1 << 40)


async def test_nothing_is_no_file(store: Store) -> None:
    for announced in (None, 0):
        with pytest.raises(FileEmpty):
            await store.files.receive("a.txt", streamed(b""), announced=announced)
    assert not store.everything()


async def test_a_file_may_be_as_big_as_is_said_and_no_bigger(store: Store) -> None:
    files = files_for(msgspec.structs.replace(store.settings, upload_max_bytes=6 << 20))
    await files.discard(await files.receive("a.txt", streamed(b"x" * (6 << 20), 100_000)))
    with pytest.raises(FileTooBig) as told:
        await files.receive("a.txt", streamed(b"x" * ((6 << 20) + 1), 100_000))
    assert told.value.values["most"] == "6 MB"
    assert not store.everything()


@pytest.mark.parametrize("failure", [ConnectionResetError(), EOFError(), TimeoutError(), UploadCutOff()])
async def test_nothing_is_left_of_a_file_that_is_cut_off(store: Store, failure: BaseException) -> None:
    for size in (5000, 12 << 20):
        with pytest.raises(UploadCutOff):
            await store.files.receive("a.txt", streamed(b"x" * size, 100_000, failure))
    with pytest.raises(UploadCutOff):
        await store.files.receive("a.txt", streamed(b"x" * 100), announced=101)
    assert not store.everything()


async def test_nothing_is_left_when_the_request_is_cancelled(store: Store) -> None:
    started = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"text"
        started.set()
        await asyncio.sleep(60)

    receiving = asyncio.ensure_future(store.files.receive("a.txt", stream()))
    await started.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert not store.everything()


@pytest.mark.slow
async def test_memory_stays_flat_however_long_a_file_is(store: Store) -> None:
    piece = os.urandom(1 << 16)

    async def stream(pieces: int) -> AsyncIterator[bytes]:
        yield b"7z\xbc\xaf\x27\x1c"
        for _ in range(pieces):
            yield piece

    tracemalloc.start()
    try:
        received = await store.files.receive("big.7z", stream(60 << 4))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received.size == 6 + (60 << 20)
    # A bucket takes parts of 5 MB: one being filled, one waiting, one handed over.
    assert held < (8 << 20 if isinstance(store, DirectoryStore) else 30 << 20)
    assert store.everything() == {received.storage_key}


# --- Registered ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def db(installation: Installation) -> Database:
    return installation.db


async def test_a_registered_file_is_found_and_read(directory: DirectoryStore, db: Database) -> None:
    files, owner, person = directory.files, new_id(), new_id()
    content = picture()
    async with files.receiving() as handing:
        received = await handing.receive("图 1.png", streamed(content))
        async with db.transaction(SYSTEM) as tx:
            stored = await files.register(tx, received, owner_id=owner, uploaded_by=person)
    async with db.read() as reader:
        found = await file(reader, stored.id)
        assert found == stored
        assert await files_of(reader, [stored.id, new_id()]) == {stored.id: stored}
        with pytest.raises(FileNotThere):
            await file(reader, new_id())
    assert (found.name, found.owner_id, found.uploaded_by, found.is_picture) == ("图 1.png", owner, person, True)
    assert found.sha256 == hashlib.sha256(content).digest()
    assert await read(files.content(found)) == content
    assert await read(files.content(found, 5, 9)) == content[5:9]
    assert Image.open(io.BytesIO(await read(files.thumbnail(found)))).size == (320, 160)


async def test_what_was_registered_never_changes(directory: DirectoryStore, db: Database) -> None:
    received = await directory.files.receive("a.txt", streamed(b"text"))
    async with db.transaction(SYSTEM) as tx:
        stored = await directory.files.register(tx, received, owner_id=new_id(), uploaded_by=new_id())
    assert not stored.is_picture
    with pytest.raises(FileNotThere):
        directory.files.thumbnail(stored)
    with pytest.raises(psycopg.errors.RaiseException, match="never changes"):
        async with db.transaction(SYSTEM) as tx:
            await tx.execute("UPDATE files SET name = 'b.txt'")


async def hand_in(store: Store, db: Database, *contents: bytes, failing: type[Exception] | None = None) -> None:
    """Hands in texts together and registers them; then something fails within the block."""
    async with store.files.receiving() as handing:
        for number, content in enumerate(contents):
            await handing.receive(f"{number}.txt", streamed(content))
        async with db.transaction(SYSTEM) as tx:
            for received in handing.received:
                await store.files.register(tx, received, owner_id=new_id(), uploaded_by=new_id())
            if failing and not issubclass(failing, psycopg.Error):
                raise failing
        if failing:
            raise failing


async def test_files_stay_when_all_goes_well(store: Store, db: Database) -> None:
    await hand_in(store, db, b"one", b"two")
    assert len(store.everything()) == 2


async def test_files_go_when_their_transaction_fails(store: Store, db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await hand_in(store, db, b"one", b"two", failing=ZeroDivisionError)
    assert not store.everything()


async def test_files_go_when_the_next_one_is_refused(store: Store, db: Database) -> None:
    with pytest.raises(FileEmpty):
        await hand_in(store, db, b"one", b"")
    assert not store.everything()


async def test_files_stay_when_nobody_knows_whether_they_were_registered(store: Store, db: Database) -> None:
    with pytest.raises(psycopg.OperationalError):
        await hand_in(store, db, b"one", b"two", failing=psycopg.OperationalError)
    assert len(store.everything()) == 2


async def test_files_go_when_nobody_registers_them(directory: DirectoryStore) -> None:
    async with directory.files.receiving() as handing:
        await handing.receive("a.txt", streamed(b"text"))
    assert not directory.everything()


async def test_a_content_that_was_lost_is_an_error_of_ours(directory: DirectoryStore) -> None:
    received = await directory.files.receive("a.txt", streamed(b"text"))
    await directory.files.discard(received)
    with pytest.raises(ContentMissing):
        await read(directory.storage.read(received.storage_key))
