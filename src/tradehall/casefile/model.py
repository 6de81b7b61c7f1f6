"""A case: everything there is of one order, as it is handed from who reads it to who writes it down."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tradehall.kernel.files import StoredFile
from tradehall.kernel.journal import Entry
from tradehall.provisioning.model import Attempt, Call
from tradehall.supervision.model import Held
from tradehall.trading.model import Order, Recipient

# For whom a case file is: the two sides get what their side may see, the platform everything.
Viewer = Literal["buyer", "seller", "platform"]
FileState = Literal["whole", "changed", "missing"]


class Handed(msgspec.Struct, frozen=True):
    """A file that belongs to the case: of the evidence, or a template the order goes by. `name` is the member's in the
    archive; `verb` and `kind` are for what it was handed in, `act` is the number of that act."""

    id: UUID
    file: StoredFile
    name: str
    side: str
    verb: str
    kind: str
    act: int | None
    by: str
    at: datetime


class Receipt(msgspec.Struct, frozen=True):
    """Whom a message was written to, and who of that side read it first; people of the platform only where the reader
    of the case file is of it."""

    side: str
    read_at: datetime | None
    read_by: str


class CaseMessage(msgspec.Struct, frozen=True):
    """A message that was written inside the order, for one whom it was for. `files` are those of the case by id."""

    number: int
    side: str
    author: str
    at: datetime
    text: str
    replies_to: int | None
    receipts: list[Receipt]
    files: list[UUID]


class Said(msgspec.Struct, frozen=True):
    """An entry of the operation log as its reader may see it. `entry` is its text exactly as hashed; where something
    in it is not for this reader, `content` is what is told of it and `left_out` what is not, None being everything."""

    seq: int
    kind: str
    at: datetime
    hash: bytes
    entry: str | None
    content: dict[str, Any]
    left_out: tuple[str, ...] | None = ()

    @property
    def withheld(self) -> bool:
        return self.left_out is None

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.content.get("facts") or {}
        return facts

    @property
    def actor(self) -> dict[str, Any]:
        actor: dict[str, Any] = self.content.get("actor") or {}
        return actor


class MadeCall(msgspec.Struct, frozen=True):
    """A call to the seller's server with all its tries, oldest first."""

    call: Call
    attempts: list[Attempt]


class Case(msgspec.Struct, frozen=True):
    """All that there is of an order, read in one snapshot. `seq` and `head` are the log's last entry and its hash."""

    order: Order
    held: Held | None
    recipient: Recipient | None
    entries: list[Entry]
    seq: int
    head: bytes
    files: list[Handed]
    messages: list[CaseMessage]
    calls: list[MadeCall]
    ledger: list[dict[str, Any]]
    read_at: datetime


class Export(msgspec.Struct, frozen=True):
    """For whom a case file is made, by whom, and when."""

    viewer: Viewer
    by_kind: str
    by_name: str
    at: datetime


class Kept(msgspec.Struct, frozen=True):
    """What became of a file of the case on its way into the archive."""

    handed: Handed
    state: FileState
    found: str
    size: int
    picture: str = ""


class Written(msgspec.Struct, frozen=True):
    """A case file that was written: how long it is, its SHA-256, up to which entry of the log it goes, whether a
    timestamp is in it, and why not where one was to be."""

    number: str
    viewer: Viewer
    size: int
    digest: str
    seq: int
    stamped: bool
    no_stamp: str
    key: str
    damaged: int
