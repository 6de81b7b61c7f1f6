"""Writes a case file: files first, then what is told of them, then the manifest, its timestamp and its signature."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import msgspec

from tradehall.casefile import html, statement
from tradehall.casefile.container import PIECE, Writer
from tradehall.casefile.model import Case, Export, FileState, Handed, Kept, MadeCall, Said
from tradehall.casefile.pdf import pdf
from tradehall.casefile.pictures import MOST, MOST_BYTES, Picture, picture_of
from tradehall.casefile.signing import Signer
from tradehall.casefile.stamping import Stamp
from tradehall.casefile.telling import About, told
from tradehall.kernel.files import Files
from tradehall.kernel.files.errors import ContentMissing
from tradehall.kernel.i18n import translator

LANGUAGES = ("en", "zh")
AT_ONCE = 2


async def write_files(writer: Writer, files: Files, handed: Sequence[Handed]) -> list[Kept]:
    """Streams every file of the case into the archive and checks it on the way against what was recorded when it was
    handed in. One that is other now, or gone, is kept account of and not passed over. Raises StoreAway."""
    return [await _write_file(writer, files, one) for one in handed]


async def _write_file(writer: Writer, files: Files, handed: Handed) -> Kept:
    writer.begin(handed.name, handed.file.size)
    try:
        async for piece in files.content(handed.file):
            await asyncio.to_thread(writer.write, piece)
    except ContentMissing:
        writer.abandon()
        return Kept(handed, "missing", "", 0)
    member = writer.end()
    whole = member.sha256 == handed.file.sha256.hex() and member.size == handed.file.size
    state: FileState = "whole" if whole else "changed"
    return Kept(handed, state, member.sha256, member.size)


def write_told(writer: Writer, about: About, first: str) -> bytes:
    """Writes the logs and the reports, which takes a while; returns the manifest's bytes. Raises FontMissing."""
    case, log = about.case, about.log
    kept, pictures = _with_pictures(writer, about.kept)
    about = msgspec.structs.replace(about, kept=kept)
    writer.add(statement.LOG, b"".join(map(_entry, log)))
    writer.add(statement.MESSAGES, b"".join(statement.canonical(_plain(one)) for one in case.messages))
    if about.export.viewer != "buyer":
        writer.add(statement.CALLS, b"".join(map(_call, case.calls)))
    writer.add(statement.LEDGER, b"".join(map(statement.canonical, case.ledger)))
    reports = {language: told(about, translator(language)) for language in LANGUAGES}
    writer.add(statement.REPORT, html.page(list(reports.values()), first, pictures))
    for language, report in reports.items():
        writer.add(statement.PDFS[language], pdf(report, pictures))
    return statement.canonical(_manifest(writer, case, about.export, log, kept))


def write_end(writer: Writer, manifest: bytes, stamp: Stamp, signer: Signer) -> None:
    """Writes the manifest, the timestamp where there is one, and the signature."""
    writer.add(statement.MANIFEST, manifest)
    if stamp.answer:
        writer.add(statement.TIMESTAMP, stamp.answer)
    writer.add(statement.SIGNATURE, signer.statement(manifest, stamp.answer, stamp.why_not))
    writer.close()


def digest_of(file: IO[bytes]) -> tuple[int, str]:
    """How long a file is, and its SHA-256; it is left at its beginning."""
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    file.seek(0)
    return size, digest.hexdigest()


def _with_pictures(writer: Writer, kept: Sequence[Kept]) -> tuple[list[Kept], dict[str, Picture]]:
    """The pictures among the files as the reports show them, and the files with their pictures' names."""
    members = {member.name: member for member in writer.members}
    shown = [
        one.handed.name
        for one in kept
        if one.handed.file.is_picture and one.state != "missing" and one.size <= MOST_BYTES
    ][:MOST]
    pictures: dict[str, Picture] = {}
    names: dict[str, str] = {}
    # Pillow lets go of the interpreter while it works. A few at a time: each holds a whole picture in memory.
    with ThreadPoolExecutor(AT_ONCE, "picture") as pool:
        for begin in range(0, len(shown), AT_ONCE):
            some = shown[begin : begin + AT_ONCE]
            contents = [writer.content(members[name]) for name in some]
            for name, picture in zip(some, pool.map(picture_of, contents), strict=True):
                if picture:
                    names[name] = f"p{len(pictures) + 1}"
                    pictures[names[name]] = picture
    return [msgspec.structs.replace(one, picture=names.get(one.handed.name, "")) for one in kept], pictures


def _entry(one: Said) -> bytes:
    """A line of log.jsonl: an entry whole, in part, or its hash alone."""
    line: dict[str, Any] = {"seq": one.seq, "hash": one.hash.hex()}
    if one.withheld:
        return statement.canonical(line | {"entry": None, "withheld": True})
    line |= {"kind": one.kind, "at": statement.moment(one.at), "entry": one.entry}
    if one.entry is None:
        line |= {"told": one.content, "withheld": list(one.left_out or ())}
    return statement.canonical(line)


def _call(made: MadeCall) -> bytes:
    told = _plain(made.call) | {"tries": [_plain(attempt) for attempt in made.attempts]}
    return statement.canonical(told)


def _plain(value: Any) -> dict[str, Any]:
    """A struct as JSON has it."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(value))
    return plain


def _manifest(writer: Writer, case: Case, export: Export, log: Sequence[Said], kept: Sequence[Kept]) -> dict[str, Any]:
    order = case.order
    return {
        "format": statement.FORMAT,
        "order": {
            "id": str(order.id),
            "number": order.number,
            "state": order.state,
            "buyer": {"id": str(order.buyer_id), "name_en": order.buyer_name_en, "name_zh": order.buyer_name_zh},
            "seller": {"id": str(order.seller_id), "name_en": order.seller_name_en, "name_zh": order.seller_name_zh},
            "product_en": order.product_name_en,
            "product_zh": order.product_name_zh,
            "total_minor": order.total_minor,
            "currency": order.currency,
            "placed_at": statement.moment(order.created_at),
            "paid_at": statement.moment(order.paid_at) if order.paid_at else None,
            "delivery_type": order.delivery_type,
        },
        "exported": {
            "at": statement.moment(export.at),
            "for": export.viewer,
            "by": {"kind": export.by_kind, "name": export.by_name},
        },
        "chain": {
            "entries": case.seq,
            "head": case.head.hex(),
            "told_in_part": [one.seq for one in log if one.left_out],
            "withheld": [one.seq for one in log if one.withheld],
        },
        "files": list(_files(kept)),
        "members": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in writer.members],
    }


def _files(kept: Sequence[Kept]) -> Iterator[dict[str, Any]]:
    for one in kept:
        handed = one.handed
        yield {
            "id": str(handed.id),
            "member": handed.name,
            "name": handed.file.name,
            "media_type": handed.file.media_type,
            "size": handed.file.size,
            "sha256": handed.file.sha256.hex(),
            "state": one.state,
            "side": handed.side,
            "verb": handed.verb,
            "field": handed.kind,
            "act": handed.act,
            "handed_in_at": statement.moment(handed.at),
        }
