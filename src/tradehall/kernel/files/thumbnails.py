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
# What one is made of: above that a picture is kept, but decoding it would take more memory than it is worth.
MOST_PIXELS: Final = 64_000_000
MOST_BYTES: Final = 50 << 20
# So many at a time: each holds a whole picture in memory.
AT_ONCE: Final = 2
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
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (SIDE * 2, SIDE * 2))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            transparent = upright.has_transparency_data
            small = upright.convert("RGBA" if transparent else "RGB")
            small.thumbnail((SIDE, SIDE))
            # A fresh picture takes the pixels along and nothing else: no place, no camera, no colour profile.
            bare = Image.new(small.mode, small.size)
            bare.paste(small)
            made = BytesIO()
            bare.save(made, "WEBP", quality=80)
            return made.getvalue()
    except MemoryError:
        return None
    except Exception as error:  # of a damaged picture Pillow raises whatever its decoders stumble over
        raise NotAPicture from error
