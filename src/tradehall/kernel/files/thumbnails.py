"""Small pictures of pictures: upright, without anything but their pixels."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from io import BytesIO
from typing import IO, Final

from PIL import Image, ImageOps

SIDE: Final = 320
ENDING: Final = "webp"
MEDIA_TYPE: Final = "image/webp"
MOST_BYTES: Final = 50 << 20
# So many at a time: each holds a whole picture in memory.
AT_ONCE: Final = 2
# What a picture may be to be made smaller: above that it is kept, but decoding it would take more memory than it is
# worth, and a few kilobytes can say that they are millions of pixels. Photographs are decoded at a part of their size,
# which their first number is about; but progressive ones only after the whole of them was held.
MOST_PIXELS: Final = 64_000_000
MOST_DECODED: Final = 36_000_000
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")

# Pillow's own guard is a warning, process-wide; ours is the check below, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class NotAPicture(Exception):
    """What looked like a picture cannot be decoded as one."""


class Thumbnails:
    """Makes them in threads, only a few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)

    async def of(self, stream: AsyncIterator[bytes], size: int) -> bytes | None:
        """A WebP of at most 320 pixels each way; None for a picture that is too large for that. Raises NotAPicture."""
        if size > MOST_BYTES:
            return None
        async with self._room:
            with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
                async for chunk in stream:
                    await asyncio.to_thread(file.write, chunk)
                return await asyncio.to_thread(thumbnail, file)


def thumbnail(file: IO[bytes]) -> bytes | None:
    """See Thumbnails.of."""
    file.seek(0)
    small = shrunk(file, SIDE, sharp=SIDE * 2)
    if small is None:
        return None
    made = BytesIO()
    small.save(made, "WEBP", quality=80)
    return made.getvalue()


def shrunk(file: IO[bytes], side: int, *, sharp: int) -> Image.Image | None:
    """A picture (RGB or RGBA) upright and of at most `side` pixels each way; None where it is too large to be decoded.
    A photograph is decoded at the half, quarter or eighth of its size where that leaves `sharp` pixels. Raises
    NotAPicture."""
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            pixels = picture.width * picture.height
            picture.draft("RGB", (sharp, sharp))
            decoded = pixels if picture.info.get("progressive") else picture.width * picture.height
            if pixels > MOST_PIXELS or decoded > MOST_DECODED:
                return None
            picture.load()
            mode = "RGBA" if picture.has_transparency_data else "RGB"
            # Made small before anything else, which would take another copy of all its pixels.
            small = picture if picture.mode == mode else picture.convert(mode)
            small.thumbnail((side, side))
            upright = ImageOps.exif_transpose(small).convert(mode)
            # A fresh picture takes the pixels along and nothing else: no place, no camera, no colour profile.
            bare = Image.new(mode, upright.size)
            bare.paste(upright)
            return bare
    except MemoryError:
        return None
    except Exception as error:  # of a damaged picture Pillow raises whatever its decoders stumble over
        raise NotAPicture from error
