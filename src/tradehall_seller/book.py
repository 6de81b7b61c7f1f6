"""The sample seller's memory: which instance belongs to which order line. A real seller has a table for it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

OrderKey = tuple[str, str, str]  # order, order line, metered product ("" for all but pay-per-use)


@dataclass(slots=True)
class Entry:
    """An instance that was opened once. `ready_at` is Unix seconds."""

    instance_id: str
    order: OrderKey
    ready_at: float
    released: bool = False


class Book:
    """Entries by order and by instance id; with a file, every change is a line of it, and the last line counts."""

    def __init__(self, path: Path | None = None) -> None:
        self._by_order: dict[OrderKey, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._file: TextIO | None = None
        if path is not None:
            self._read(path)
            self._file = path.open("a", encoding="utf-8")
            self._file.write("\n")  # a crash may have left half a line

    def __len__(self) -> int:
        return len(self._by_order)

    def open(self, order: OrderKey, instance_id: str, ready_at: float) -> Entry:
        """The order's instance: the one it already has, or else a new one with the proposed id."""
        entry = self._by_order.get(order)
        if entry is None:
            entry = Entry(instance_id, order, ready_at)
            self._note(entry)
            self._write(entry)
        return entry

    def find(self, instance_id: str) -> Entry | None:
        return self._by_id.get(instance_id)

    def release(self, entry: Entry) -> None:
        """Releases it; once more changes nothing."""
        if not entry.released:
            entry.released = True
            self._write(entry)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _note(self, entry: Entry) -> None:
        self._by_order[entry.order] = entry
        self._by_id[entry.instance_id] = entry

    def _write(self, entry: Entry) -> None:
        if self._file is not None:
            self._file.write(json.dumps(asdict(entry)) + "\n")
            self._file.flush()

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_bytes().splitlines():
            try:
                fields = json.loads(line)
                order_id, order_line_id, product_id = fields.pop("order")
                self._note(Entry(order=(order_id, order_line_id, product_id), **fields))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # half a line
