"""Makes case files: reads in one snapshot, writes, has it stamped, signs, and records that it was made."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import IO, Any, TypeVar

from tradehall.casefile import archive, signing, statement
from tradehall.casefile.container import Writer
from tradehall.casefile.errors import TooManyCaseFiles
from tradehall.casefile.gather import case_of
from tradehall.casefile.model import Case, Export, Viewer, Written
from tradehall.casefile.stamping import NOT_CONFIGURED, stamp
from tradehall.casefile.telling import About
from tradehall.casefile.visible import files_for, log_for
from tradehall.kernel import i18n
from tradehall.kernel.db import Database, Tx
from tradehall.kernel.files import Files
from tradehall.kernel.journal import SYSTEM, Actor, Entry
from tradehall.kernel.outbound import Outbound
from tradehall.kernel.secrets import Seal
from tradehall.settings import Settings

T = TypeVar("T")
EVERYTHING = Actor("platform")
AN_HOUR = timedelta(hours=1)
# One at a time is written in a process: many do not take the processor from the pages.
_writer = ThreadPoolExecutor(1, thread_name_prefix="case-file")


class CaseFiles:
    """Case files of one installation."""

    def __init__(self, db: Database, files: Files, outbound: Outbound, seal: Seal, settings: Settings) -> None:
        self._db = db
        self._files = files
        self._outbound = outbound
        self._seal = seal
        self._settings = settings
        self._room = asyncio.Semaphore(2)

    async def export(self, actor: Actor, number: str, file: IO[bytes], *, locale: str, request_id: str = "") -> Written:
        """Writes the case file of an order as this actor may see it into a file, which is left at its beginning, and
        records that. `locale` is the language its report opens in.

        Raises OrderNotFound, TooManyCaseFiles, StoreAway, FontMissing or SigningKeyUnreadable, and nothing is recorded.
        """
        async with self._room:
            side = viewer_of(actor)
            async with self._db.snapshot() as reader:
                case = await case_of(reader, EVERYTHING if actor.kind == "system" else actor, side, number)
            self._check_rate(actor, case)
            async with self._db.transaction(SYSTEM, request_id) as tx:
                signer = await signing.signer(tx, self._seal)
            export = Export(side, actor.kind, actor.name, case.read_at)
            log = log_for(side, case)
            writer = Writer(file)
            kept = await archive.write_files(writer, self._files, files_for(side, case, log))
            about = About(
                case, export, log, kept, statement.fingerprint(signer.public_key),
                self._settings.marketplace_name, self._settings.public_url,
                i18n.zone(self._settings.default_timezone), self._settings.default_timezone,
            )  # fmt: skip
            manifest = await _in_thread(archive.write_told, writer, about, locale)
            digest = bytes.fromhex(statement.digest(manifest))
            stamped = await stamp(self._outbound, self._settings, manifest, digest)
            await _in_thread(archive.write_end, writer, manifest, stamped, signer)
            size, whole = await _in_thread(archive.digest_of, file)
        why_not = "" if stamped.why_not == NOT_CONFIGURED else stamped.why_not
        damaged = sum(one.state != "whole" for one in kept)
        written = Written(number, side, size, whole, case.seq, stamped.answer is not None, why_not, about.key, damaged)
        async with self._db.transaction(actor, request_id) as tx:
            await _record(tx, case, written)
        return written

    def _check_rate(self, actor: Actor, case: Case) -> None:
        """Each copies all there is of an order and stands in its log for ever; who runs the installation is free."""
        most = self._settings.case_file_rate
        made = [
            one.at
            for one in case.entries
            if one.kind == "case.exported" and one.at > case.read_at - AN_HOUR and _by(one) == actor.kind
        ]
        if actor.kind != "system" and len(made) >= most:
            raise TooManyCaseFiles(most=most, at=made[-most] + AN_HOUR)


def _by(one: Entry) -> str:
    return str((one.content.get("actor") or {}).get("kind"))


async def _record(tx: Tx, case: Case, written: Written) -> None:
    """The log goes on with who made it: a case file tells up to which entry it goes, and this one is after that."""
    facts = {
        "for": written.viewer,
        "digest": written.digest,
        "size": written.size,
        "entries": written.seq,
        "key": written.key,
        "stamped": written.stamped,
        "damaged": written.damaged,
    }
    await tx.record("case.exported", "order", case.order.id, facts)


def viewer_of(actor: Actor) -> Viewer:
    """As which side somebody gets to see a case."""
    return {"buyer": "buyer", "seller": "seller"}.get(actor.kind, "platform")  # type: ignore[return-value]


def file_name(number: str) -> str:
    """What a case file is called."""
    return f"case-{number}.zip"


async def _in_thread(work: Callable[..., T], *given: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_writer, work, *given)
