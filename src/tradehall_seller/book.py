"""The sample seller's memory: its instances, and every effect a call had on them. A real seller has tables for it.

With a file, an effect is there before the answer that tells of it leaves, and survives a crash at any moment: one JSON
object per line, only ever appended, each made durable before it counts. Whoever reconciles may read along. Members:

    kind           open · refresh · freeze · unfreeze · upgrade · release · notify, or "seen": only a revision was noted
    at             when, UTC, ISO 8601 with microseconds
    instance_id    absent with notify
    order_id       the order the call named; for a call that names none, the one that opened the instance
    order_line_id, product_id, business_id, scene, expire_time, revision, test
                   as the call had them, absent if it had not; revision is a number, test is true or absent
    ready_at       with open: when it is ready, Unix seconds

A call that changes nothing, because it is a repetition or was refused, leaves no line.
"""

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from tradehall_seller.seller import OrderKey

Kind = Literal["open", "refresh", "freeze", "unfreeze", "upgrade", "release", "notify", "seen"]


class StaleRevision(Exception):
    """The call is older than what was last done to the instance."""

    def __init__(self, revision: int, seen: int | None) -> None:
        super().__init__(f"stale revision {revision}: {seen} was seen already")


class BookInUse(Exception):
    """Another process has this file open; two that both open instances would open some twice."""


class BookDamaged(Exception):
    """A line, and not the last one, is no effect. Nothing is guessed: look at the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that happened; see above."""

    kind: Kind
    at: str
    instance_id: str = ""
    order_id: str = ""
    order_line_id: str = ""
    product_id: str = ""
    business_id: str = ""
    scene: str = ""
    expire_time: str = ""
    revision: int | None = None
    ready_at: float | None = None
    test: bool = False

    def line(self) -> bytes:
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        present = {name: value for name, value in said.items() if value not in ("", None) and value is not False}
        return json.dumps(present, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Entry:
    """An instance that was opened once. `ready_at` is Unix seconds."""

    instance_id: str
    order: OrderKey
    ready_at: float
    test: bool = False
    released: bool = False
    frozen: bool = False
    expire_time: str = ""
    product_id: str = ""
    revision: int | None = None
    done: set[tuple[str, str, str]] = field(default_factory=set)  # kind, order and scene of what is done once per order


class Book:
    """Entries by order and by instance id. Safe to share between threads: one change at a time, whole or not at all.

    Verbs take `revision` and raise StaleRevision when a later one was seen; see `tradehall_seller.seller.Request`.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.effects: list[Effect] = []
        self._now = now
        self._by_order: dict[tuple[OrderKey, bool], Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._notified: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._file: _File | None = None
        if path is not None:
            self._file = _File(path)
            for number, line in enumerate(self._file.read(), start=1):
                try:
                    self._apply(_effect(line))
                except (ValueError, TypeError, KeyError, AttributeError):
                    raise BookDamaged(f"{path}: line {number} is no effect") from None

    def __len__(self) -> int:
        return len(self._by_order)

    def find(self, instance_id: str) -> Entry | None:
        return self._by_id.get(instance_id)

    def open(
        self,
        order: OrderKey,
        instance_id: str,
        ready_at: float,
        *,
        business_id: str = "",
        revision: int | None = None,
        test: bool = False,
    ) -> Entry:
        """The order's instance: the one it already has, or else a new one with the proposed id, were it not taken."""
        with self._lock:
            entry = self._by_order.get((order, test))
            if entry is not None:
                self._see(entry, revision)
                return entry
            order_id, order_line_id, product_id = order
            self._happen(
                kind="open",
                instance_id=uuid4().hex if instance_id in self._by_id else instance_id,
                order_id=order_id,
                order_line_id=order_line_id,
                product_id=product_id,
                business_id=business_id,
                ready_at=ready_at,
                revision=revision,
                test=test,
            )
            return self._by_order[order, test]

    def refresh(
        self,
        entry: Entry,
        order_id: str,
        *,
        scene: str,
        expire_time: str,
        order_line_id: str = "",
        product_id: str = "",
        revision: int | None = None,
    ) -> None:
        """Notes the new expiry, once per order and scene."""
        with self._lock:
            repeated = ("refresh", order_id, scene) in entry.done
            self._change(
                entry,
                None if repeated else "refresh",
                order_id=order_id,
                order_line_id=order_line_id,
                product_id=product_id,
                scene=scene,
                expire_time=expire_time,
                revision=revision,
            )

    def upgrade(self, entry: Entry, order_id: str, *, order_line_id: str = "", revision: int | None = None) -> None:
        """Notes the upgrade, once per order."""
        with self._lock:
            repeated = ("upgrade", order_id, "") in entry.done
            self._change(
                entry,
                None if repeated else "upgrade",
                order_id=order_id,
                order_line_id=order_line_id,
                revision=revision,
            )

    def set_frozen(self, entry: Entry, frozen: bool, *, order_id: str = "", revision: int | None = None) -> None:
        """Freezes or unfreezes it; once more changes nothing."""
        with self._lock:
            kind: Kind = "freeze" if frozen else "unfreeze"
            self._change(entry, None if entry.frozen == frozen else kind, order_id=order_id, revision=revision)

    def release(
        self, entry: Entry, *, order_id: str = "", order_line_id: str = "", revision: int | None = None
    ) -> None:
        """Releases it; once more changes nothing."""
        with self._lock:
            self._change(
                entry,
                None if entry.released else "release",
                order_id=order_id,
                order_line_id=order_line_id,
                revision=revision,
            )

    def notify(self, order_id: str, order_line_id: str) -> None:
        """Notes that the order was paid; once more changes nothing."""
        with self._lock:
            if (order_id, order_line_id) not in self._notified:
                self._happen(kind="notify", order_id=order_id, order_line_id=order_line_id)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _change(self, entry: Entry, kind: Kind | None, *, order_id: str, revision: int | None, **members: str) -> None:
        """Something happens to the instance, or nothing (None), unless the call is older than what happened before."""
        if kind is None or _is_stale(entry, revision):
            self._see(entry, revision)
            return
        self._happen(
            kind=kind,
            instance_id=entry.instance_id,
            order_id=order_id or entry.order[0],
            revision=revision,
            **members,
        )

    def _see(self, entry: Entry, revision: int | None) -> None:
        """Notes the revision of a call that changes nothing else: an older call must not come after it."""
        if revision is not None and _is_stale(entry, revision):
            raise StaleRevision(revision, entry.revision)
        if revision is not None and revision != entry.revision:
            self._happen(kind="seen", instance_id=entry.instance_id, order_id=entry.order[0], revision=revision)

    def _happen(self, **members: Any) -> None:
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        effect = Effect(at=moment, **members)
        if self._file is not None:
            self._file.append(effect.line())
        self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        """What an effect means, whether it happens now or is read again."""
        self.effects.append(effect)
        if effect.kind == "notify":
            self._notified.add((effect.order_id, effect.order_line_id))
            return
        if effect.kind == "open":
            order = (effect.order_id, effect.order_line_id, effect.product_id)
            entry = Entry(effect.instance_id, order, effect.ready_at or 0.0, effect.test, product_id=effect.product_id)
            self._by_order[order, effect.test] = self._by_id[effect.instance_id] = entry
        entry = self._by_id[effect.instance_id]
        entry.revision = entry.revision if effect.revision is None else effect.revision
        match effect.kind:
            case "refresh":
                entry.done.add((effect.kind, effect.order_id, effect.scene))
                entry.expire_time = effect.expire_time
                entry.product_id = effect.product_id or entry.product_id
            case "upgrade":
                entry.done.add((effect.kind, effect.order_id, ""))
            case "freeze" | "unfreeze":
                entry.frozen = effect.kind == "freeze"
            case "release":
                entry.released = True


def _is_stale(entry: Entry, revision: int | None) -> bool:
    return revision is not None and entry.revision is not None and revision < entry.revision


def _effect(line: bytes) -> Effect:
    """Raises ValueError, TypeError, KeyError or AttributeError for a line that is none."""
    members = json.loads(line)
    known = {one.name for one in fields(Effect)}
    effect = Effect(**{name: value for name, value in members.items() if name in known})
    if effect.kind not in get_args(Kind):
        raise ValueError(effect.kind)
    return effect


class _File:
    """Lines that are durable once `append` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise BookInUse(f"{path} is in use by another process") from None
        # The file's name has to survive as well.
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._size = 0

    def read(self) -> list[bytes]:
        """All lines. Half a line at the end is what a crash left of an effect nobody was told of: it goes."""
        whole, _, _ = self._path.read_bytes().rpartition(b"\n")
        self._size = len(whole) + 1 if whole else 0
        os.ftruncate(self._handle, self._size)
        return whole.split(b"\n") if whole else []

    def append(self, line: bytes) -> None:
        try:
            written = os.write(self._handle, line)
            if written < len(line):
                raise OSError(f"{self._path}: only a part of the line could be written")
            os.fsync(self._handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
