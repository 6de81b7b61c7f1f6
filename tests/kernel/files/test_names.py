"""Names that people give, and what is said of them in headers."""

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.files import StoredFile, clean_name, download_headers, part_wanted, thumbnail_headers
from tradehall.kernel.files.errors import RangeNotThere, size_text
from tradehall.kernel.files.names import ending
from tradehall.kernel.files.serving import content_disposition

NAMES = st.text(max_size=400) | st.text(alphabet="./\\ a\u202e:*\x00é.é\u0301文gpjexe", max_size=300)


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("报告.pdf", "报告.pdf"),
        ("C:\\Users\\me\\报告.pdf", "报告.pdf"),
        ("../../etc/passwd", "passwd"),
        ("e\u0301.txt", "é.txt"),
        ("a\r\nb\tc.txt", "a b c.txt"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\0b.txt", "ab.txt"),
        (".htaccess", "htaccess"),
        ("a.txt. .", "a.txt"),
        ("CON.txt", "_CON.txt"),
        ('a"b<c>?.txt', "a_b_c__.txt"),
        ("", "file"),
        ("..", "file"),
        ("a/", "file"),
        ("\ud800.txt", "txt"),
        ("文" * 300 + ".docx", "文" * 250 + ".docx"),
        ("a" * 300, "a" * 255),
    ],
)
def test_a_name_is_cleaned(given_name: str, clean: str) -> None:
    assert clean_name(given_name) == clean


@given(NAMES)
def test_a_clean_name_is_safe_whatever_was_given(name: str) -> None:
    clean = clean_name(name)
    assert 1 <= len(clean) <= 255
    assert clean_name(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert not re.search(r'[/\\<>:"|?*\x00-\x1f\x7f]', clean)
    assert not any(unicodedata.category(one)[0] == "C" for one in clean)
    assert clean.strip(". ") == clean
    clean.encode()


@given(NAMES)
def test_a_header_with_any_name_is_one_line_and_says_the_name(name: str) -> None:
    clean = clean_name(name)
    header = content_disposition(clean)
    match = re.fullmatch(r"attachment; filename=\"([ !#-\[\]-~]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", header)
    assert match
    assert unquote(match[2]) == clean
    assert ending(match[1]) == ending(clean) or not ending(clean).isascii()


def test_sizes_are_told_as_people_read_them() -> None:
    sizes = (300, 1024, 100 << 20, 3 << 29)
    assert [size_text(one) for one in sizes] == ["300 bytes", "1 KB", "100 MB", "1.5 GB"]


FILE = StoredFile(
    UUID(int=1), UUID(int=2), UUID(int=3), "图.png", "image/png", 1000, bytes(32), "aa/bb", "aa/bb.webp",
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [
        ("image/png", True),
        ("application/pdf", True),
        ("text/plain; charset=utf-8", False),
        ("text/markdown", False),
        ("application/xml", False),
        ("application/octet-stream", False),
    ],
)
def test_only_pictures_and_pdfs_are_shown_in_the_browser(media_type: str, shown: bool) -> None:
    file = msgspec.structs.replace(FILE, media_type=media_type)
    saved, asked = download_headers(file), download_headers(file, inline=True)
    assert saved["Content-Disposition"].startswith("attachment;")
    assert saved["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert asked["Content-Disposition"].startswith("inline;" if shown else "attachment;")
    for headers in (saved, asked, thumbnail_headers(file)):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"].startswith("private")
    assert saved["ETag"] == f'"{bytes(32).hex()}"'
    assert saved["Content-Length"] == "1000"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=900-", (900, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        (f"bytes={'9' * 5000}-", None),
        (f"bytes=-{'9' * 5000}", None),
        ("lines=1-2", None),
        ("", None),
        (None, None),
    ],
)
def test_a_part_is_what_was_asked_for(header: str | None, part: tuple[int, int] | None) -> None:
    assert part_wanted(FILE, header) == part


def test_a_part_of_another_version_is_the_whole() -> None:
    assert part_wanted(FILE, "bytes=0-99", '"other"') is None
    assert part_wanted(FILE, "bytes=0-99", download_headers(FILE)["ETag"])


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=-0", "bytes=5000-6000"])
def test_a_part_behind_the_end_is_refused(header: str) -> None:
    with pytest.raises(RangeNotThere):
        part_wanted(FILE, header)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_part_lies_within_the_file(first: int, last: int) -> None:
    try:
        part = part_wanted(FILE, f"bytes={first}-{last}")
    except RangeNotThere:
        assert first >= FILE.size
    else:
        assert part is None or 0 <= part.start < part.end <= FILE.size
        if part:
            assert part.headers(FILE)["Content-Length"] == str(part.end - part.start)
