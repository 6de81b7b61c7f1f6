"""Files in requests and answers, through a real web server."""

import asyncio
import contextlib
import hashlib
import io
import os
import re
import socket
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import uvicorn
from litestar import Litestar, Request, Response, get, post
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from tests.kernel.files.stores import DirectoryStore, picture

from tradehall.edge import uploads
from tradehall.edge.problems import api_problem
from tradehall.edge.uploads import UNCHECKED, FilePart, TextPart, file_response, thumbnail_response, uploading
from tradehall.kernel.files import ANYTHING, StoredFile
from tradehall.kernel.ids import new_id
from tradehall.settings import Settings

MOST = 64 << 20


class Hall:
    """A small application that takes files and gives them back; `told` is what its last upload was made of."""

    def __init__(self, data_dir: Path) -> None:
        self.store = DirectoryStore(Settings(data_dir=data_dir, upload_max_bytes=MOST))
        self.address = ""
        self.kept: StoredFile | None = None
        self.skips = False
        self.over = asyncio.Event()

    async def take(self, request: Request[Any, Any, Any], *, csrf: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"texts": [], "files": []}
        self.over.clear()
        try:
            async with (
                self.store.files.receiving() as handing,
                uploading(request, csrf=csrf, most_files=3) as parts,
            ):
                async for part in parts:
                    if isinstance(part, TextPart):
                        told["texts"].append([part.field, part.value])
                    elif isinstance(part, FilePart) and not self.skips:
                        received = await handing.receive(
                            part.name, part.content, accept=ANYTHING, announced=part.announced
                        )
                        told["files"].append([part.field, received.name, received.size, received.sha256.hex()])
                for received in handing.received:
                    received.registered = True
                    self.kept = StoredFile(
                        new_id(), new_id(), new_id(), received.name, received.media_type, received.size,
                        received.sha256, received.storage_key, received.thumbnail_key, None,  # type: ignore[arg-type]
                    )  # fmt: skip
        finally:
            self.over.set()
        return told

    def app(self) -> Litestar:
        @post("/api/files", opt=UNCHECKED, request_max_body_size=None)
        async def by_program(request: Request[Any, Any, Any]) -> dict[str, Any]:
            return await self.take(request, csrf=False)

        @post("/files", opt=UNCHECKED, request_max_body_size=None)
        async def by_form(request: Request[Any, Any, Any]) -> dict[str, Any]:
            return await self.take(request, csrf=True)

        @get("/files")
        async def page() -> str:
            return "a form"

        @get("/file")
        async def content(request: Request[Any, Any, Any], small: bool = False) -> Response[Any]:
            assert self.kept
            answer = thumbnail_response if small else file_response
            return await answer(request, self.store.files, self.kept)

        return Litestar(
            [by_program, by_form, page, content],
            csrf_config=CSRFConfig(secret="x" * 32, cookie_name="csrf"),
            exception_handlers={Exception: api_problem},
            state=State({"installation": SimpleNamespace(settings=self.store.settings)}),
            request_max_body_size=1000,
            openapi_config=None,
        )


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    hall = Hall(tmp_path)
    server = uvicorn.Server(uvicorn.Config(hall.app(), log_level="critical", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    hall.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    serving = asyncio.ensure_future(server.serve([listening]))
    yield hall
    server.should_exit = True
    await serving


@pytest.fixture
async def client(hall: Hall) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(hall.address, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield client


def form(*parts: tuple[str, str | bytes, str | None]) -> aiohttp.FormData:
    made = aiohttp.FormData(quote_fields=False)
    for field, value, filename in parts:
        if filename is None:
            made.add_field(field, value, content_type="text/plain; charset=utf-8")
        else:
            assert isinstance(value, bytes)
            made.add_field(field, io.BytesIO(value), filename=filename, content_type="application/octet-stream")
    return made


async def test_a_form_comes_in_its_parts(hall: Hall, client: aiohttp.ClientSession) -> None:
    content = os.urandom(300_000)
    data = form(
        ("note", "请验收\n", None),
        ("proof", content, "部署 证明.dat"),
        ("empty", b"", ""),
        ("shot", picture(), "1.png"),
    )
    async with client.post("/api/files", data=data) as answer:
        told = await answer.json()
    assert answer.status == 201, told
    assert told["texts"] == [["note", "请验收\n"]]
    digest = hashlib.sha256(content).hexdigest()
    assert told["files"][0] == ["proof", "部署 证明.dat", 300_000, digest]
    assert told["files"][1][:2] == ["shot", "1.png"]
    assert len(hall.store.everything()) == 3


async def test_a_form_without_files_is_a_form_too(client: aiohttp.ClientSession) -> None:
    async with client.post("/api/files", data={"note": "请验收", "empty": ""}) as answer:
        assert (await answer.json())["texts"] == [["note", "请验收"], ["empty", ""]]


@pytest.mark.parametrize("in_query", [False, True])
async def test_a_body_may_be_the_file(client: aiohttp.ClientSession, in_query: bool) -> None:
    name = quote("部署 证明.dat")
    async with client.post(
        f"/api/files?name={name}" if in_query else "/api/files",
        data=b"content",
        headers={"Content-Type": "application/octet-stream"} | ({} if in_query else {"X-File-Name": name}),
    ) as answer:
        assert (await answer.json())["files"][0][:3] == ["file", "部署 证明.dat", 7]


async def test_files_nobody_wants_are_skipped(hall: Hall, client: aiohttp.ClientSession) -> None:
    hall.skips = True
    data = form(("a", bytes(500_000), "a.dat"), ("note", "after it", None))
    async with client.post("/api/files", data=data) as answer:
        assert await answer.json() == {"texts": [["note", "after it"]], "files": []}


async def send_raw(hall: Hall, head: str, body: bytes, *, hang_up: bool = True) -> bytes:
    """What the server says to these bytes; the client hangs up after them, or sends nothing more."""
    host, port = hall.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /api/files HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
    await writer.drain()
    if hang_up:
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.wait_for(hall.over.wait(), 5)
        return b""
    said = await reader.read(65536)
    writer.close()
    return said


MULTIPART = "Content-Type: multipart/form-data; boundary=b"
HALF_A_FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhalf a fi'


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Length: 5000000\r\nX-File-Name: a.txt\r\nContent-Type: text/plain", b"half a fi"),
        ("Transfer-Encoding: chunked\r\nX-File-Name: a.txt\r\nContent-Type: text/plain", b"9\r\nhalf a fi\r\n"),
        (f"Content-Length: 5000000\r\n{MULTIPART}", HALF_A_FORM),
    ],
)
async def test_of_a_client_that_hangs_up_nothing_is_left(hall: Hall, head: str, body: bytes) -> None:
    await send_raw(hall, head, body)
    assert not hall.store.everything()


async def test_a_form_that_ends_too_early_is_cut_off(hall: Hall) -> None:
    said = await send_raw(hall, f"Content-Length: {len(HALF_A_FORM)}\r\n{MULTIPART}", HALF_A_FORM, hang_up=False)
    assert said.startswith(b"HTTP/1.1 400")
    assert b"upload_cut_off" in said
    assert not hall.store.everything()


async def test_a_client_that_falls_silent_is_cut_off(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SILENCE", 0.1)
    head = "Content-Length: 5000000\r\nX-File-Name: a.txt\r\nContent-Type: text/plain"
    assert b"upload_cut_off" in await send_raw(hall, head, b"half a fi", hang_up=False)
    assert not hall.store.everything()


async def test_a_client_that_only_keeps_its_place_is_cut_off(
    hall: Hall, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then would keep a place for hours, and there are only so many."""
    monkeypatch.setattr(uploads, "SILENCE", 0.3)

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x"
            await asyncio.sleep(0.05)

    head = {"X-File-Name": "a.txt", "Content-Type": "text/plain"}
    async with client.post("/api/files", data=drops(), headers=head) as answer:
        assert (await answer.json())["code"] == "upload_cut_off"
    assert not hall.store.everything()


@pytest.mark.parametrize(
    ("head", "body", "code"),
    [
        (MULTIPART, b"no form at all", "malformed_request"),
        (MULTIPART, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "malformed_request"),
        ("Content-Type: multipart/form-data", b"--b--", "malformed_request"),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="' + b"x" * 9000, "body_too_large"),
    ],
)
async def test_what_is_no_form_is_told_so(hall: Hall, head: str, body: bytes, code: str) -> None:
    said = await send_raw(hall, f"{head}\r\nContent-Length: {len(body)}", body, hang_up=False)
    assert code.encode() in said


async def test_a_refused_file_is_told_even_while_more_is_being_sent(hall: Hall, client: aiohttp.ClientSession) -> None:
    data = form(("a", b"text", "a.exe"), ("b", bytes(20 << 20), "b.dat"))
    async with client.post("/api/files", data=data) as answer:
        assert answer.status == 415
        assert (await answer.json())["code"] == "file_runs"
    assert not hall.store.everything()


async def test_too_much_of_anything_is_refused(hall: Hall, client: aiohttp.ClientSession) -> None:
    wanted = {
        "too_many_files": form(*((f"f{n}", b"text", f"{n}.txt") for n in range(4))),
        "body_too_large": form(("note", "x" * 300_000, None)),
    }
    for code, data in wanted.items():
        async with client.post("/api/files", data=data) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, code)
    async with client.post("/api/files", data=form(*((f"n{n}", "x", None) for n in range(300)))) as answer:
        assert (await answer.json())["code"] == "body_too_large"
    assert not hall.store.everything()


async def test_a_long_file_leaves_memory_flat(hall: Hall) -> None:
    host, port = hall.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    size, piece = 60 << 20, os.urandom(1 << 16)
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.dat"\r\n\r\n'
    tracemalloc.start()
    try:
        length = len(head) + size + len(b"\r\n--b--\r\n")
        writer.write(f"POST /api/files HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{MULTIPART}\r\n\r\n".encode())
        writer.write(head)
        for _ in range(size >> 16):
            writer.write(piece)
            await writer.drain()
        writer.write(b"\r\n--b--\r\n")
        await asyncio.wait_for(hall.over.wait(), 60)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        writer.close()
    assert hall.kept
    assert hall.kept.size == size
    assert held < 8 << 20


# --- The page's token ------------------------------------------------------------------------------------------------


async def token(client: aiohttp.ClientSession) -> str:
    async with client.get("/files") as page:
        return page.cookies["csrf"].value


async def test_a_form_with_the_pages_token_is_taken(client: aiohttp.ClientSession) -> None:
    text = await token(client)
    for data, headers in (
        (form(("_csrf_token", text, None), ("f", b"text", "a.txt")), {}),
        (form(("f", b"text", "a.txt")), {"x-csrftoken": text}),
    ):
        async with client.post("/files", data=data, headers=headers) as answer:
            told = await answer.json()
            assert answer.status == 201, told
            assert not told["texts"]
            assert len(told["files"]) == 1


async def test_a_form_without_the_pages_token_is_refused(hall: Hall, client: aiohttp.ClientSession) -> None:
    text = await token(client)
    forged = "0" * len(text)
    for data in (
        form(("f", b"text", "a.txt")),
        form(("f", b"text", "a.txt"), ("_csrf_token", text, None)),
        form(("_csrf_token", forged, None), ("f", b"text", "a.txt")),
        form(("_csrf_token", "", None), ("f", b"text", "a.txt")),
        form(("note", "text only", None)),
    ):
        async with client.post("/files", data=data) as answer:
            assert answer.status == 403
    async with (
        aiohttp.ClientSession(hall.address) as other,
        other.post("/files", data=form(("_csrf_token", text, None), ("f", b"text", "a.txt"))) as answer,
    ):
        assert answer.status == 403
    async with (
        aiohttp.ClientSession(hall.address, cookies={"csrf": forged}) as other,
        other.post("/files", data=form(("_csrf_token", forged, None), ("f", b"text", "a.txt"))) as answer,
    ):
        assert answer.status == 403
    assert not hall.store.everything()


# --- Downloads -------------------------------------------------------------------------------------------------------


async def test_a_file_comes_back_as_it_was(hall: Hall, client: aiohttp.ClientSession) -> None:
    content = picture("PNG", (900, 900))
    async with client.post("/api/files", data=form(("f", content, "图.png"))):
        pass
    async with client.get("/file") as answer:
        assert await answer.read() == content
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Length"] == str(len(content))
        assert re.search(r"^attachment; .*%E5%9B%BE\.png$", answer.headers["Content-Disposition"])
        etag = answer.headers["ETag"]
    async with client.get("/file", headers={"Range": "bytes=100-199"}) as answer:
        assert (answer.status, await answer.read()) == (206, content[100:200])
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
    async with client.get("/file", headers={"Range": f"bytes={len(content)}-"}) as answer:
        assert answer.status == 416
    async with client.get("/file", headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with client.get("/file?small=true") as answer:
        assert answer.headers["Content-Type"] == "image/webp"
        assert (await answer.read())[8:12] == b"WEBP"


async def test_a_lost_content_is_no_half_answer(hall: Hall, client: aiohttp.ClientSession) -> None:
    async with client.post("/api/files", data=form(("f", b"text", "a.txt"))):
        pass
    assert hall.kept
    await hall.store.storage.delete(hall.kept.storage_key)
    async with client.get("/file") as answer:
        assert (answer.status, (await answer.json())["code"]) == (500, "content_missing")
    with contextlib.suppress(FileNotFoundError):
        assert not hall.store.everything()
