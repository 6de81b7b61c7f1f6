"""What of the operation log a side may see, and how an entry is told of which it may not see everything.

The chain is over entries as they were written, so nothing can be taken out of one. An entry that holds something that
is not for the reader is therefore told without its text: with what the reader may know of it, what is left out, and its
hash, through which the chain goes on (decision 0015).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tradehall.casefile.model import Case, Handed, Said, Viewer
from tradehall.kernel.journal import Entry
from tradehall.reviews.model import KEPT_FROM_SELLERS

# Of these both sides may know; of what begins otherwise, the platform alone.
TOLD_TO_SIDES = (
    "order.", "instance.", "change.", "renewal.", "subscription.", "seller.", "call.", "supervision.", "appeal.",
    "refund.", "return.", "review.", "case.",
)  # fmt: skip
# Where both sides act before each other's eyes they are named to each other; elsewhere each sees its own people only.
NAMED_TO_BOTH = ("supervision.", "appeal.", "refund.", "return.", "case.", "review.")
# What is withheld as a whole.
WITHHELD: dict[str, frozenset[str]] = {
    "buyer": frozenset({"appeal.decision_returned"}),
    # How a buyer pays is between the buyer and the marketplace, and so is a review until everybody may read it.
    "seller": frozenset({"appeal.decision_returned", "subscription.renewal_declined"}) | KEPT_FROM_SELLERS,
}
# Facts that are left out.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    # Words and faults of the seller's server are between it and the marketplace; but its no is for the buyer.
    "buyer": ("trouble", "message"),
    "seller": ("gateway", "reference", "vouchers", "voucher_minor", "lost_minor"),
}
# There it is no fault of a server's: the seller's no, and the id of a message between people.
_A_NO = ("change.refused", "supervision.message_sent")


def log_for(viewer: Viewer, case: Case) -> list[Said]:
    """The whole log as a side may see it."""
    waiting = _unconfirmed(case.entries)
    return [_withheld(entry) if viewer != "platform" and entry.seq in waiting else said(viewer, entry)
            for entry in case.entries]  # fmt: skip


def files_for(viewer: Viewer, case: Case, log: Sequence[Said]) -> list[Handed]:
    """The files of the case without those that were handed in with an entry that is withheld. Who of the platform
    handed one in is told to it alone."""
    hidden = {
        str(file.get("id"))
        for entry, one in zip(case.entries, log, strict=True)
        if one.withheld
        for file in (entry.content.get("facts") or {}).get("files") or []
    }
    return [
        msgspec.structs.replace(one, by="") if one.side == "platform" and viewer != "platform" else one
        for one in case.files
        if str(one.id) not in hidden
    ]


def _unconfirmed(entries: Sequence[Entry]) -> set[int]:
    """The numbers of decisions that a second person of the platform has not confirmed: neither side reads them yet."""
    found: set[int] = set()
    waiting: int | None = None
    for one in entries:
        if one.kind == "appeal.decided" and (one.content.get("facts") or {}).get("final") is False:
            waiting = one.seq
            found.add(waiting)
        elif one.kind == "appeal.decision_confirmed" and waiting is not None:
            found.discard(waiting)
    return found


def said(viewer: Viewer, entry: Entry) -> Said:
    """One entry as a side may see it."""
    content = entry.content
    if viewer == "platform":
        return Said(entry.seq, entry.kind, entry.at, entry.hash, entry.entry, content)
    if not entry.kind.startswith(TOLD_TO_SIDES) or entry.kind in WITHHELD[viewer]:
        return _withheld(entry)
    left_out = tuple(_left_out(viewer, entry.kind, content))
    if not left_out:
        return Said(entry.seq, entry.kind, entry.at, entry.hash, entry.entry, content)
    return Said(entry.seq, entry.kind, entry.at, entry.hash, None, _without(content, left_out), left_out)


def _withheld(entry: Entry) -> Said:
    return Said(entry.seq, "", entry.at, entry.hash, None, {}, None)


def _left_out(viewer: Viewer, kind: str, content: dict[str, Any]) -> Iterator[str]:
    actor: dict[str, Any] = content.get("actor") or {}
    who = actor.get("kind")
    hidden = who == "platform" or (who not in (viewer, "system") and not kind.startswith(NAMED_TO_BOTH))
    if hidden:
        yield from (f"actor.{name}" for name in ("name", "person") if actor.get(name))
    facts: dict[str, Any] = content.get("facts") or {}
    for name in LEFT_OUT[viewer]:
        if facts.get(name) is not None and not (name == "message" and kind in _A_NO):
            yield f"facts.{name}"


def _without(content: dict[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    return {
        part: {name: one for name, one in value.items() if f"{part}.{name}" not in left_out}
        if isinstance(value, dict)
        else value
        for part, value in content.items()
    }
