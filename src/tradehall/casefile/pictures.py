"""Photographs as a report shows them: upright, large enough to be judged, small enough to be sent."""

from io import BytesIO
from typing import Final

import msgspec
from PIL import Image

from tradehall.kernel.files.thumbnails import NotAPicture, shrunk

SIDE: Final = 1000
QUALITY: Final = 78
# Beyond that a photograph is in the archive like all others, and named in the report.
MOST_BYTES: Final = 30 << 20
MOST: Final = 200


class Picture(msgspec.Struct, frozen=True):
    """A JPEG, and how large it is in pixels."""

    jpeg: bytes
    width: int
    height: int


def picture_of(content: bytes) -> Picture | None:
    """What is seen on a picture that was handed in; None for what cannot be shown."""
    try:
        small = shrunk(BytesIO(content), SIDE, sharp=SIDE * 3 // 4)
    except NotAPicture:
        return None
    if small is None:
        return None
    paper = Image.new("RGB", small.size, "white")
    paper.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    made = BytesIO()
    paper.save(made, "JPEG", quality=QUALITY)
    return Picture(made.getvalue(), *paper.size)
