"""The report as a PDF for one language: A4, photographs in it, every character's font in it."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import uharfbuzz
from fpdf import FPDF
from fpdf.enums import TextMode, XPos, YPos
from fpdf.fonts import TTFFont

import tradehall
from tradehall.casefile.document import Block, Document, Facts, Figure, Figures, Head, Section, Table, Words
from tradehall.casefile.errors import FontMissing
from tradehall.casefile.pictures import Picture
from tradehall.kernel.i18n import LANGUAGE_TAGS

FONT: Final = Path(tradehall.__file__).parent / "web" / "static" / "vendor" / "noto-sans-sc.ttf"
_NAME: Final = "Noto Sans SC"
_MARGIN: Final = 14.0
_WIDTH: Final = 210.0 - 2 * _MARGIN
_BOTTOM: Final = 297.0 - 16.0
_GAP: Final = 5.0
_BODY, _SMALL, _TINY = 9.5, 8.0, 7.0
_INK, _QUIET, _BAD, _LINE, _SOFT = (26, 34, 48), (91, 102, 120), (180, 35, 24), (200, 207, 218), (244, 246, 249)
# For kerning, forms and vertical writing.
_UNUSED_TABLES: Final = (b"GSUB", b"GPOS", b"GDEF", b"BASE", b"vhea", b"vmtx")
# What stays together on a line: blanks, a Chinese character with the marks after it, a word.
_CHINESE: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_PIECES: Final = re.compile(rf"\s+|[{_CHINESE}][\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f\uff09]*|[^\s{_CHINESE}]+")
_ASCII: Final = "".join(map(chr, range(0x20, 0x7F)))
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def pdf(document: Document, pictures: Mapping[str, Picture]) -> bytes:
    """The whole PDF. Raises FontMissing."""
    with tempfile.TemporaryDirectory(prefix="font-") as directory:
        font = Path(directory) / "font.ttf"
        font.write_bytes(_font_with(_letters(document)))
        paper = _Paper(document, font)
        paper.write(pictures)
        return bytes(paper.output())


def _letters(document: Document) -> set[str]:
    """Every character that is written."""
    found = set(_ASCII) | set(document.title + document.subtitle + document.foot)
    for section in document.sections:
        found.update(section.title)
        for block in section.blocks:
            found.update(*_texts(block))
    return found


def _texts(block: Block) -> Iterator[str]:
    match block:
        case Words():
            yield block.text
        case Head():
            yield from (block.title, block.beside)
        case Facts():
            yield from (text for row in block.rows for text in row)
        case Table():
            yield from (column.heading for column in block.columns)
            yield from (text for row in block.rows for text in row)
        case Figures():
            yield from (figure.caption for figure in block.figures)


def _font_with(letters: set[str]) -> bytes:
    """The font with nothing in it but these characters. The whole of it takes the library a second to read, and this a
    hundredth. Raises FontMissing."""
    if not FONT.is_file():
        raise FontMissing
    wanted = uharfbuzz.SubsetInput()
    wanted.unicode_set.update(map(ord, letters))
    wanted.drop_table_tag_set.update(int.from_bytes(tag, "big") for tag in _UNUSED_TABLES)
    made = uharfbuzz.subset(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(FONT)), wanted)
    return bytes(made.blob.data)


class _Paper(FPDF):
    def __init__(self, document: Document, font: Path) -> None:
        super().__init__(format="A4")
        self.document = document
        self.add_font(_NAME, "", font)
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(True, 16)
        self.set_title(document.title)
        self.set_lang(LANGUAGE_TAGS[document.language])
        self.set_creator("Tradehall")
        self.set_creation_date(document.made)
        self.set_line_width(0.2)

    def footer(self) -> None:
        self.set_y(-11)
        self._pen(_TINY, _QUIET)
        self.cell(_WIDTH * 0.8, 4, self.document.foot)
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

    def write(self, pictures: Mapping[str, Picture]) -> None:  # type: ignore[override]
        self.add_page()
        self._pen(18, _INK, bold=True)
        self._words(self.document.title, 9)
        self._pen(_BODY, _QUIET)
        self._words(self.document.subtitle, 5)
        for section in self.document.sections:
            self._section(section, pictures)

    def _pen(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        """Sets size and colour. There is one weight of the font; what is bold is drawn with an outline besides."""
        self.set_font(_NAME, size=size)
        self.set_text_color(*colour)
        self.set_draw_color(*(colour if bold else _LINE))
        self.text_mode = TextMode.FILL_STROKE if bold else TextMode.FILL
        self.set_line_width(size * 0.011 if bold else 0.2)

    def _words(self, text: str, height: float, *, boxed: bool = False) -> None:
        """A paragraph over the whole width."""
        for line in _wrapped(self, text, _WIDTH - 4 * boxed):
            self.set_x(_MARGIN if boxed else _MARGIN - self.c_margin)
            self.cell(_WIDTH, height + boxed, f"  {line}" if boxed else line, fill=boxed,
                      new_x=XPos.LMARGIN, new_y=YPos.NEXT)  # fmt: skip

    def _room(self, height: float) -> None:
        """Goes on to a new page where so much would not fit on this one."""
        if self.get_y() + height > _BOTTOM:
            self.add_page()

    def _section(self, section: Section, pictures: Mapping[str, Picture]) -> None:
        if section.apart:
            self.add_page()
        self._room(32)
        self.ln(5)
        self.set_draw_color(*_INK)
        self.set_line_width(0.4)
        self.line(_MARGIN, self.get_y(), _MARGIN + _WIDTH, self.get_y())
        self.ln(2)
        self._pen(13, _INK, bold=True)
        self.start_section(section.title)
        self._words(section.title, 7)
        self._pen(_BODY, _INK)
        self.ln(1)
        for number, block in enumerate(section.blocks):
            if isinstance(block, Head):
                following = section.blocks[number + 1 : number + 2]
                self._room(105 if isinstance(following[0] if following else None, Figures) else 24)
            self._block(block, pictures)

    def _block(self, block: Block, pictures: Mapping[str, Picture]) -> None:
        match block:
            case Words():
                colour = {"quiet": _QUIET, "bad": _BAD}.get(block.kind, _INK)
                self._pen(_SMALL if block.kind in ("quiet", "mono") else _BODY, colour)
                self.set_fill_color(*_SOFT)
                self._words(block.text, 4.6, boxed=block.kind == "mono")
                self.ln(1)
            case Head():
                self.ln(2)
                self._pen(10.5, _INK, bold=True)
                self._words(block.title, 5.4)
                if block.beside:
                    self._pen(_SMALL, _QUIET)
                    self._words(block.beside, 4.4)
                self.ln(0.5)
            case Facts():
                self._table([("", 3.2, "quiet"), ("", 9.8, "text")], [list(row) for row in block.rows], headed=False)
            case Table():
                columns = [(column.heading, column.share, column.style) for column in block.columns]
                self._table(columns, block.rows, headed=True)
            case Figures():
                self._figures(block.figures, pictures)

    def _table(self, columns: Sequence[tuple[str, float, str]], rows: Sequence[Sequence[str]], *, headed: bool) -> None:
        """Rows that go on over pages, the headings repeated; a row that does not fit begins the next page."""
        size = _SMALL if headed else 9.0
        height = size * 0.47
        whole = sum(share for _, share, _ in columns)
        widths = [_WIDTH * share / whole for _, share, _ in columns]
        self._pen(size, _INK)
        if headed:
            self._row([heading for heading, _, _ in columns], ["text"] * len(columns), widths, height, head=True)
        for row in rows:
            tall = self._height(row, widths, height)
            if self.get_y() + min(tall, _BOTTOM - _MARGIN) > _BOTTOM:
                self.add_page()
                self._pen(size, _INK)
                if headed:
                    self._row([head for head, _, _ in columns], ["text"] * len(columns), widths, height, head=True)
            self._row(row, [style for _, _, style in columns], widths, height, head=False, ruled=not headed)
        self.ln(1.5)

    def _lines(self, text: str, width: float) -> list[str]:
        return _wrapped(self, text, width - 2.4)

    def _height(self, row: Sequence[str], widths: Sequence[float], height: float) -> float:
        return max(len(self._lines(text, width)) for text, width in zip(row, widths, strict=True)) * height + 1.6

    def _row(
        self, row: Sequence[str], styles: Sequence[str], widths: Sequence[float], height: float, *, head: bool,
        ruled: bool = False,
    ) -> None:  # fmt: skip
        """One row; one that is taller than a page goes on on the next."""
        lines = [self._lines(text, width) for text, width in zip(row, widths, strict=True)]
        while any(lines):
            fits = max(1, int((_BOTTOM - self.get_y() - 1.6) / height))
            part, lines = [cell[:fits] for cell in lines], [cell[fits:] for cell in lines]
            tall = max(len(cell) for cell in part) * height + 1.6
            x, y = _MARGIN, self.get_y()
            self.set_draw_color(*_LINE)
            self.set_line_width(0.2)
            if head:
                self.set_fill_color(*_SOFT)
                self.rect(x, y, _WIDTH, tall, style="F")
            for cell, style, width in zip(part, styles, widths, strict=True):
                self.set_text_color(*(_QUIET if style == "quiet" else _INK))
                if not ruled:
                    self.rect(x, y, width, tall)
                self.set_xy(x + 0.2, y + 0.8)
                for line in cell:
                    self.cell(width - 0.4, height, line, align="R" if style == "number" else "L",
                              new_x=XPos.LEFT, new_y=YPos.NEXT)  # fmt: skip
                x += width
            if ruled:
                self.line(_MARGIN, y + tall, _MARGIN + _WIDTH, y + tall)
            self.set_xy(_MARGIN, y + tall)
            if any(lines):
                self.add_page()

    def _figures(self, figures: Sequence[Figure], pictures: Mapping[str, Picture]) -> None:
        """Two side by side."""
        width = (_WIDTH - _GAP) / 2
        for number in range(0, len(figures), 2):
            pair = figures[number : number + 2]
            sizes = [_fitted(pictures[one.picture], width, 95.0) for one in pair]
            tall = max(height for _, height in sizes)
            self._room(tall + 12)
            y = self.get_y() + 1
            lowest = y
            for place, (figure, (wide, high)) in enumerate(zip(pair, sizes, strict=True)):
                x = _MARGIN + place * (width + _GAP)
                self.image(BytesIO(pictures[figure.picture].jpeg), x, y, wide, high, alt_text=figure.caption)
                self.set_draw_color(*_LINE)
                self.rect(x, y, wide, high)
                self.set_xy(x, y + tall + 1)
                self._pen(_TINY, _QUIET)
                for line in self._lines(figure.caption, width):
                    self.cell(width, 3.4, line, new_x=XPos.LEFT, new_y=YPos.NEXT)
                lowest = max(lowest, self.get_y())
            self.set_y(lowest + 2)


def _fitted(picture: Picture, width: float, most: float) -> tuple[float, float]:
    """How large a picture is drawn, in millimetres."""
    wide = min(width, most * picture.width / picture.height)
    return wide, wide * picture.height / picture.width


def _wrapped(paper: FPDF, text: str, width: float) -> list[str]:
    """A text in lines of at most this many millimetres. The library's own way takes several times as long, knows no
    line ends between Chinese characters, and tables are most of a report."""
    font = paper.current_font
    assert isinstance(font, TTFFont), "text is written with the font that is embedded"
    widths, size, most = font.cw, paper.font_size_pt / 1000, width * paper.k

    def wide(piece: str) -> float:
        return size * sum(widths[ord(letter)] for letter in piece)

    lines: list[str] = []
    for paragraph in _UNPRINTABLE.sub("", text).split("\n"):
        line, used = "", 0.0
        for piece in _PIECES.findall(paragraph):
            step = wide(piece)
            if used + step <= most or not piece.strip():
                line, used = line + piece, used + step
                continue
            if line.strip():
                lines.append(line.rstrip())
                line, used = "", 0.0
            if step <= most:
                line, used = piece, step
                continue
            for letter in piece:  # longer than a line by itself: a hash, an address
                step = wide(letter)
                if line and used + step > most:
                    lines.append(line)
                    line, used = "", 0.0
                line, used = line + letter, used + step
        lines.append(line.rstrip())
    return lines
