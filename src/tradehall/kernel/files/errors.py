"""What can be wrong with a file that is handed in, and with the place where files are kept."""

from tradehall.kernel.errors import NotFound, Problem, Unavailable


class FileNotThere(NotFound):
    """There is no such file, or it is not yours to see."""


class FileEmpty(Problem):
    """{name} is empty: it has not a single byte."""

    status = 422


class FileTooBig(Problem):
    """{name} is too big: at most {most} are taken."""

    status = 413


class FileKindNotAllowed(Problem):
    """{name} is of a kind ({kind}) that is not taken here. Taken are: {allowed}"""

    status = 415


class FileRuns(FileKindNotAllowed):
    """{name} is something that runs ({kind}): programs and scripts are never taken."""


class FileDisguised(Problem):
    """{name} is not what its name says: by its name it is {says}, by its content {is_}."""

    status = 422


class FileBroken(Problem):
    """{name} is damaged: it cannot be opened as {says}."""

    status = 422


class UploadCutOff(Problem):
    """The file did not arrive whole: the connection ended too early. Nothing was kept; send it once more."""


class TooManyFiles(Problem):
    """At most {most} files are taken at once."""

    status = 413


class FileInfected(Problem):
    """{name} was refused by the virus scanner: {signature}"""

    status = 422


class ScannerAway(Unavailable):
    """The virus scanner does not answer, so no file is taken right now. Try again in a moment."""


class StoreAway(Unavailable):
    """The file store does not answer right now; nothing was kept. Try again in a moment."""


class ContentMissing(Problem):
    """The content of this file is missing in the file store. Tell the operator of the marketplace."""

    status = 500


class RangeNotThere(Problem):
    """This file ends before the part that was asked for."""

    status = 416


def size_text(size: int) -> str:
    """Bytes as people read them: 100 MB, 1.5 GB, 300 bytes; units of 1024."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"
