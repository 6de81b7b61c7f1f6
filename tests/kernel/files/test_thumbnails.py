"""Small pictures of pictures."""

import io
import tracemalloc
from typing import Any

import pytest
from PIL import Image
from tests.kernel.files.stores import DirectoryStore, Store, picture, read, streamed

from tradehall.kernel.files import thumbnails


async def test_a_thumbnail_is_small_and_upright_and_says_nothing_of_its_maker(store: Store) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    exif[0x010F] = "Camera"
    exif[0x8825] = {1: "N", 2: (31.0, 14.0, 0.0)}
    content = picture("JPEG", (1200, 600), exif=exif)
    received = await store.files.receive("a.jpg", streamed(content))
    assert received.thumbnail_key
    small = Image.open(io.BytesIO(await read(store.storage.read(received.thumbnail_key))))
    assert (small.format, small.size) == ("WEBP", (160, 320))
    assert not small.getexif()
    assert not {"exif", "xmp", "icc_profile"} & set(small.info)
    assert store.everything() == {received.storage_key, received.thumbnail_key}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_way_to_hold_pixels_has_a_thumbnail(mode: str) -> None:
    made = io.BytesIO()
    Image.new(mode, (500, 100)).save(made, "TIFF" if mode == "CMYK" else "PNG")
    if mode == "CMYK":
        made = io.BytesIO()
        Image.new(mode, (500, 100)).save(made, "JPEG")
    small = thumbnails.thumbnail(made)
    assert small
    assert Image.open(io.BytesIO(small)).size == (320, 64)


async def test_a_picture_that_unpacks_to_too_much_has_no_thumbnail(directory: DirectoryStore) -> None:
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    tracemalloc.start()
    try:
        received = await directory.files.receive("a.png", streamed(made.getvalue()))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received.thumbnail_key is None
    assert held < 8 << 20


def pixels(mode: str, width: int, height: int, form: str, **options: Any) -> io.BytesIO:
    made = io.BytesIO()
    Image.new(mode, (width, height)).save(made, form, **options)
    return made


def test_what_would_take_much_memory_to_decode_is_not_decoded() -> None:
    """A few kilobytes can say that they are many millions of pixels, each of four bytes."""
    assert thumbnails.thumbnail(pixels("RGBA", 8000, 6000, "PNG", compress_level=1)) is None
    assert thumbnails.thumbnail(pixels("L", 8000, 6000, "JPEG", progressive=True)) is None
    assert thumbnails.thumbnail(pixels("RGB", 8000, 6000, "JPEG")), "a photograph is decoded at a part of its size"
    assert thumbnails.thumbnail(pixels("1", 7680, 4320, "PNG")), "the largest screens there are"
