"""A report as it is told, before it is put on paper: sections of facts, tables, pictures and words."""

from datetime import datetime
from typing import Literal

import msgspec

Style = Literal["text", "mono", "number"]


class Words(msgspec.Struct, frozen=True):
    """A paragraph; `quiet` for what explains, `bad` for what is wrong, `mono` for what is typed."""

    text: str
    kind: Literal["plain", "quiet", "bad", "mono"] = "plain"


class Facts(msgspec.Struct, frozen=True):
    """What something is called, and what it is."""

    rows: list[tuple[str, str]]


class Column(msgspec.Struct, frozen=True):
    """A column: its heading, its share of the width, and how what is in it is written."""

    heading: str
    share: float
    style: Style = "text"


class Table(msgspec.Struct, frozen=True):
    """Rows of texts, as many in each as there are columns."""

    columns: list[Column]
    rows: list[list[str]]


class Figure(msgspec.Struct, frozen=True):
    """A picture by its name, and what is said below it."""

    picture: str
    caption: str


class Figures(msgspec.Struct, frozen=True):
    """Pictures side by side."""

    figures: list[Figure]


class Head(msgspec.Struct, frozen=True):
    """A heading within a section, with what stands small beside it."""

    title: str
    beside: str = ""


Block = Words | Facts | Table | Figures | Head


class Section(msgspec.Struct, frozen=True):
    """A part of the report. `apart` begins on a new page."""

    key: str
    title: str
    blocks: list[Block]
    apart: bool = False


class Document(msgspec.Struct, frozen=True):
    """A whole report in one language."""

    language: str
    title: str
    subtitle: str
    foot: str
    made: datetime
    sections: list[Section]
