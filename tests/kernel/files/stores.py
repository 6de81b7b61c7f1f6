"""What the tests of files share: stores whose insides can be seen, streams, and contents of every kind."""

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

from PIL import Image

from tradehall.kernel.files import Files, files_for
from tradehall.kernel.files.storage import Storage, storage_for
from tradehall.settings import Settings


class Store:
    """A store, and what lies in it, unfinished uploads included."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.storage: Storage = storage_for(settings)
        self.files: Files = files_for(settings)

    def everything(self) -> set[str]:
        raise NotImplementedError


class DirectoryStore(Store):
    def everything(self) -> set[str]:
        root = self.settings.data_dir / "files"
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


class BucketStore(Store):
    def __init__(self, settings: Settings, client: Any, bucket: str) -> None:
        super().__init__(settings)
        self._client = client
        self._bucket = bucket

    def everything(self) -> set[str]:
        objects = self._client.list_objects_v2(Bucket=self._bucket).get("Contents", [])
        uploads = self._client.list_multipart_uploads(Bucket=self._bucket).get("Uploads", [])
        return {one["Key"].removeprefix("hall/files/") for one in objects} | {f"open {one['Key']}" for one in uploads}


async def streamed(content: bytes, chunk: int = 1000, failing: BaseException | None = None) -> AsyncIterator[bytes]:
    """The content in chunks; then an error, where one is given."""
    for at in range(0, len(content), chunk):
        yield content[at : at + chunk]
    if failing:
        raise failing


async def read(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


def picture(form: str = "PNG", size: tuple[int, int] = (800, 400), **options: Any) -> bytes:
    made = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(made, form, **options)
    return made.getvalue()


def zipped(*names: str, body: bytes = b"<x/>") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def office(folder: str, *more: str) -> bytes:
    """What Word, Excel or PowerPoint write, as far as anybody looks."""
    return zipped("docProps/app.xml", f"{folder}/document.xml", *more, "[Content_Types].xml")


def ole(stream: str) -> bytes:
    """A file of the old office programs: a header, one sector of allocation, one of directory."""
    header = bytearray(512)
    header[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    header[30:32] = (9).to_bytes(2, "little")
    header[48:52] = (1).to_bytes(4, "little")
    directory = bytearray()
    for name in ("Root Entry", "\x05SummaryInformation", stream):
        entry = bytearray(128)
        encoded = name.encode("utf-16-le")
        entry[: len(encoded)] = encoded
        entry[64:66] = (len(encoded) + 2).to_bytes(2, "little")
        directory += entry
    return bytes(header) + bytes(512) + bytes(directory).ljust(512, b"\0") + bytes(4096)


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
WINDOWS_PROGRAM = b"MZ\x90\0\x03\0\0\0" + bytes(52) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(500)
LINUX_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(500)
MAC_PROGRAM = b"\xcf\xfa\xed\xfe" + bytes(500)
ENCRYPTED = bytes((i * 89 + i // 7 * 31) % 256 for i in range(3000))
