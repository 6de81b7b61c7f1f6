"""Photographs as a report shows them: upright, large enough to be judged, small enough to be sent."""

from io import BytesIO
from typing import Final

import msgspec
from PIL import Image, ImageOps

SIDE: Final = 1000
QUALITY: Final = 78
# Beyond that a photograph is in the archive like all others, and named in the report.
MOST_BYTES: Final = 30 << 20
MOST_PIXELS: Final = 64_000_000
MOST: Final = 200
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")


class Picture(msgspec.Struct, frozen=True):
    """A JPEG, and how large it is in pixels."""

    jpeg: bytes
    width: int
    height: int


def picture_of(content: bytes) -> Picture | None:
    """What is seen on a picture that was handed in; None for what cannot be shown."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            # A photograph is decoded at the half, quarter or eighth of its size where that is nearly what is wanted.
            picture.draft("RGB", (SIDE * 3 // 4, SIDE * 3 // 4))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((SIDE, SIDE))
            paper = Image.new("RGB", upright.size, "white")
            paper.paste(
                upright, mask=upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
            )
            made = BytesIO()
            paper.save(made, "JPEG", quality=QUALITY)
            return Picture(made.getvalue(), *paper.size)
    except Exception:  # of a damaged picture Pillow raises whatever its decoders stumble over
        return None
