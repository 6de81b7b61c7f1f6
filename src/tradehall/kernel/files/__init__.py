"""Files that people hand in: received in a stream, examined, kept on a disk or in a bucket, served safely."""

from tradehall.kernel.files.kinds import ANY, ANYTHING, ARCHIVES, DOCUMENTS, KINDS, PICTURES
from tradehall.kernel.files.names import clean_name
from tradehall.kernel.files.receiving import (
    FORGET,
    Files,
    Handing,
    Received,
    StoredFile,
    file,
    files_for,
    files_of,
    no_longer_wanted,
)
from tradehall.kernel.files.serving import Part, download_headers, part_wanted, thumbnail_headers

__all__ = [
    "ANY",
    "ANYTHING",
    "ARCHIVES",
    "DOCUMENTS",
    "FORGET",
    "KINDS",
    "PICTURES",
    "Files",
    "Handing",
    "Part",
    "Received",
    "StoredFile",
    "clean_name",
    "download_headers",
    "file",
    "files_for",
    "files_of",
    "no_longer_wanted",
    "part_wanted",
    "thumbnail_headers",
]
