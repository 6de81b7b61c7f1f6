"""What must be true whatever happens, by name. Each check says of everything that is wrong what was seen.

The database is asked what the marketplace believes; the sellers' own books and the gateway's say what really happened.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import LiteralString, Protocol

import msgspec

from tradehall.commands.simulate.market import Till
from tradehall.commands.simulate.questions import ALWAYS, AT_LAST
from tradehall.commands.simulate.replay import oddities
from tradehall.commands.simulate.sellers import Seller, Transport
from tradehall.commands.simulate.supervised_questions import SUPERVISED
from tradehall.kernel import journal
from tradehall.kernel.db import Reader
from tradehall.ledger.proof import QUESTIONS as LEDGER
from tradehall.settings import Settings
from tradehall.supervision.flows import FLOWS

INVARIANTS: Mapping[str, str] = {
    "one_effect_per_order": "A seller carries out every completed order once, and no other more often or unpaid.",
    "one_live_instance_per_line": "At most one instance of an order's line is alive at its seller.",
    "nothing_orphaned": "What is alive at a seller is somebody's, or its release is on its way or waits for a person.",
    "calls_in_order": "The calls about an instance reach the seller one after the other, in the order they were asked.",
    "money_adds_up": "Money in is money held for orders under way or completed, and money returned; none twice.",
    "ledger_adds_up": "Postings sum to zero; the ledger agrees with orders, payments, refunds and the journal.",
    "journal_whole": "Every chain of events is whole.",
    "nothing_forgotten": "Whatever has to happen is scheduled, under way, or visibly waits for a person.",
    "nothing_overdue": "What is due is done.",
    "frozen_means_frozen": "What is frozen here is frozen at the seller, and what is not is not.",
    "terms_agree": "The seller has been told the expiry that the buyer sees.",
    "states_agree": "Orders, subscriptions and instances tell one story.",
    "no_surprise": "Nothing fails in a way that nobody provided for.",
    "one_open_node": "A supervised order stands where its log leads, and it is the turn of who acts there.",
    "every_act_logged": "Every act on a supervised order is in its log, once, and so is its acceptance.",
    "no_act_out_of_turn": "Nobody ever did what the flow's table does not let that side do at that node.",
    "nothing_left_out": "No act went through without what its form and the acceptance rule ask for.",
    "rejections_counted": "The rejections of each side are as many as its log says.",
    "paid_out_only_when_accepted": "What people deliver is completed, billable and the buyer's once it is accepted.",
    "no_timer_on_frozen_or_finished": "Timers run on open orders only, and each is due when it says.",
    "disputes_by_their_tables": "Appeals, refunds and returns go by their tables, one at a time, to their ruling.",
    "frozen_while_disputed": "An order is frozen while there is a dispute about it, and only then.",
    "time_kept": "What is frozen or paused goes on with exactly the time it had left.",
    "money_back_as_ruled": "Money goes back as was agreed or decided: once, so much, and at most what was paid.",
    "nobody_judges_their_own": "Nobody decides in a dispute of their own, or confirms what they decided.",
    "renewals_open_no_flow": "Only new orders of what people deliver are supervised.",
    "evidence_stays": "Evidence is what was handed in, and codes are claimed and activated once.",
}


class Found(msgspec.Struct, frozen=True):
    """A violation: of which invariant, by what, what was seen and at which step it was first."""

    invariant: str
    subject: str
    seen: str
    step: int


class Watched(Protocol):
    """What a check looks at."""

    sellers: dict[str, Seller]
    transport: Transport
    till: Till
    steps: int

    @property
    def settings(self) -> Settings: ...


class _Odd(msgspec.Struct, frozen=True):
    subject: str
    seen: str


class Watch:
    """Checks, and remembers what it found: each thing that is wrong counts once for its invariant."""

    def __init__(self) -> None:
        self.violations: list[Found] = []
        self._known: set[tuple[str, str]] = set()

    def found(self, invariant: str, subject: str, seen: str, step: int) -> None:
        if (invariant, subject) not in self._known:
            self._known.add((invariant, subject))
            self.violations.append(Found(invariant, subject, seen, step))

    def counts(self) -> dict[str, int]:
        counted = Counter(one.invariant for one in self.violations)
        return {name: counted[name] for name in INVARIANTS}

    async def check(self, reader: Reader, run: Watched, *, last: bool = False) -> None:
        """Everything that holds at any time; with `last` also what holds once nothing happens any more."""
        params = _params(reader, run)
        for invariant, statements in (*ALWAYS, *SUPERVISED, *(AT_LAST if last else ())):
            for statement in statements:
                for odd in await reader.fetch_all(_Odd, statement, params):
                    self.found(invariant, odd.subject, odd.seen, run.steps)
        for what, question in LEDGER:
            for odd in await reader.fetch_all(_Odd, question):
                self.found("ledger_adds_up", odd.subject, f"{what}: {odd.seen}", run.steps)
        for invariant, check in _IN_MEMORY:
            for odd in await check(reader, run):
                self.found(invariant, odd.subject, odd.seen, run.steps)
        for strange in await oddities(reader, run.settings.second_look_above):
            self.found(strange.invariant, strange.number, strange.seen, run.steps)
        if last:
            async for odd in _flaws(reader):
                self.found("journal_whole", odd.subject, odd.seen, run.steps)
            for odd in await _out_of_order(reader, run):
                self.found("calls_in_order", odd.subject, odd.seen, run.steps)


def _params(reader: Reader, run: Watched) -> dict[str, object]:
    return {
        "now": reader.now,
        "grace": run.settings.grace_period,
        "retention": run.settings.retention_period,
        "supervised": sorted(FLOWS),
    }


# --- Asked of the sellers' books -------------------------------------------------------------------------------------


class _Ordered(msgspec.Struct, frozen=True):
    """An order as the marketplace has it."""

    number: str
    order_type: str
    state: str
    paid: bool
    seller: str
    by_server: bool


_ORDERED: LiteralString = """
    SELECT o.number, o.order_type, o.state, o.paid_at IS NOT NULL AS paid, coalesce(b.name_en, '') AS seller,
           o.delivery_type = 'saas' AS by_server
    FROM orders o JOIN organisations b ON b.id = o.seller_id
"""
# What carrying out an order of each type is called in a seller's book.
_EFFECT = {"NEW": "open", "TRIAL": "open", "RENEW": "refresh", "TRIAL_TO_FORMAL": "refresh", "CHANGE": "upgrade"}


async def _effects(reader: Reader, run: Watched) -> list[_Odd]:
    """one_effect_per_order."""
    done: Counter[tuple[str, str]] = Counter()
    for seller in run.sellers.values():
        for effect in seller.sample.book.effects:
            if effect.kind in ("open", "refresh", "upgrade") and effect.scene != "UNSUBSCRIBE_RENEWAL_PERIOD":
                done[effect.order_id, effect.kind] += 1
    odd = []
    for order in await reader.fetch_all(_Ordered, _ORDERED):
        wanted = _EFFECT.get(order.order_type) if order.by_server else None
        for kind in ("open", "refresh", "upgrade"):
            times = done.pop((order.number, kind), 0)
            right = (
                (1,)
                if kind == wanted and order.state == "completed"
                else (0, 1)
                if kind == wanted and order.paid
                else (0,)
            )
            if times not in right:
                seen = f"{order.order_type} {order.state}: carried out {times} times ({kind}) at {order.seller}"
                odd.append(_Odd(order.number, seen))
    return odd + [_Odd(number, f"{kind} {times} times, of no order") for (number, kind), times in done.items()]


class _Instance(msgspec.Struct, frozen=True):
    """An instance as the marketplace has it. `at_rest`: no call about it is on its way; `given_up`: purposes of calls
    that wait for a person."""

    order_number: str
    state: str
    subscription_state: str | None
    suspended: bool
    expires_at: datetime | None
    charging_mode: str
    generation: str
    at_rest: bool
    given_up: list[str]

    @property
    def is_over(self) -> bool:
        return self.state in ("failed", "released")


_INSTANCES: LiteralString = """
    SELECT o.number AS order_number, i.state, s.state AS subscription_state, s.suspended_at IS NOT NULL AS suspended,
           s.expires_at, l.charging_mode, e.generation,
           NOT EXISTS (SELECT FROM seller_calls c WHERE c.lane = i.id AND c.state IN ('queued', 'waiting', 'running'))
               AS at_rest,
           ARRAY(SELECT c.purpose FROM seller_calls c WHERE c.lane = i.id AND c.state = 'failed' ORDER BY c.place)
               AS given_up
    FROM instances i
    JOIN orders o ON o.id = i.order_id
    JOIN order_lines l ON l.id = i.order_line_id
    JOIN endpoints e ON e.id = i.endpoint_id
    LEFT JOIN subscriptions s ON s.id = i.id
"""


class _Kept(msgspec.Struct, frozen=True):
    """An instance as its seller has it."""

    instance_id: str
    order: str
    frozen: bool
    released: bool
    expire_time: str


def _kept(run: Watched) -> Iterator[_Kept]:
    """Every instance in the sellers' books."""
    for seller in run.sellers.values():
        book = seller.sample.book
        for effect in book.effects:
            if effect.kind == "open" and (entry := book.find(effect.instance_id)):
                yield _Kept(entry.instance_id, effect.order_id, entry.frozen, entry.released, entry.expire_time)


async def _instances(reader: Reader, run: Watched) -> dict[str, _Instance]:
    found = await reader.fetch_all(_Instance, _INSTANCES)
    return {one.order_number: one for one in found}


async def _doubles(reader: Reader, run: Watched) -> list[_Odd]:
    """one_live_instance_per_line."""
    alive = defaultdict(list)
    for kept in _kept(run):
        if not kept.released:
            alive[kept.order].append(kept.instance_id)
    return [_Odd(order, f"alive: {', '.join(ids)}") for order, ids in alive.items() if len(ids) > 1]


async def _orphans(reader: Reader, run: Watched) -> list[_Odd]:
    """nothing_orphaned."""
    known = await _instances(reader, run)
    odd = []
    for kept in _kept(run):
        ours = known.get(kept.order)
        if ours is None:
            odd.append(_Odd(kept.order, f"{kept.instance_id} is nobody's"))
        elif kept.released and ours.state in ("opening", "running", "frozen"):
            odd.append(_Odd(kept.order, f"{kept.instance_id} is released at the seller, {ours.state} here"))
        elif not kept.released and ours.is_over and ours.at_rest and "release" not in ours.given_up:
            odd.append(_Odd(kept.order, f"{kept.instance_id} is alive at the seller, {ours.state} here"))
    return odd


async def _frozen(reader: Reader, run: Watched) -> list[_Odd]:
    """frozen_means_frozen."""
    known = await _instances(reader, run)
    odd = []
    for kept in _kept(run):
        ours = known.get(kept.order)
        if ours is None or not ours.at_rest or kept.released or ours.subscription_state in (None, "ended"):
            continue
        # A renewal of the first generation lets what was frozen work again: of one that waits for a person it is not
        # known whether it was done.
        waits = {"freeze", "unfreeze", "renew"} if ours.generation == "V1" else {"freeze", "unfreeze"}
        if waits & set(ours.given_up):
            continue
        wanted = ours.subscription_state == "frozen" or ours.suspended
        if not wanted and ours.generation == "V1" and ours.charging_mode != "ON_DEMAND":
            continue  # V1 has no word for it: only a renewal ends what was frozen
        if wanted != kept.frozen:
            seen = f"{ours.subscription_state}{', suspended' * ours.suspended}: frozen at the seller is {kept.frozen}"
            odd.append(_Odd(kept.order, seen))
    return odd


async def _terms(reader: Reader, run: Watched) -> list[_Odd]:
    """terms_agree."""
    known = await _instances(reader, run)
    odd = []
    for kept in _kept(run):
        ours = known.get(kept.order)
        if ours is None or ours.expires_at is None or not ours.at_rest or not kept.expire_time:
            continue
        if kept.released or ours.subscription_state == "ended" or "renew" in ours.given_up:
            continue
        told = datetime.strptime(kept.expire_time[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if told != ours.expires_at.replace(microsecond=0):
            odd.append(_Odd(kept.order, f"expires {ours.expires_at}, the seller was told {told}"))
    return odd


async def _till(reader: Reader, run: Watched) -> list[_Odd]:
    """money_adds_up, in the gateway's books."""
    odd = []
    for payment in await reader.fetch_all(_Payment, _PAYMENTS):
        took, gave = run.till.collected.get(payment.reference), run.till.given_back.get(payment.reference, 0)
        if payment.amount_minor != (took or 0) or gave > payment.amount_minor or payment.returned > gave:
            ours = f"paid {payment.amount_minor} and returned {payment.returned} here"
            odd.append(_Odd(payment.number, f"{ours}; the gateway took {took} and gave back {gave}"))
    return odd


class _Payment(msgspec.Struct, frozen=True):
    number: str
    reference: str
    amount_minor: int
    returned: int


_PAYMENTS: LiteralString = """
    SELECT o.number, p.reference, p.amount_minor - p.voucher_minor AS amount_minor,
           coalesce(r.amount_minor - r.voucher_minor - r.lost_minor, 0) AS returned
    FROM payments p JOIN orders o ON o.id = p.order_id
    LEFT JOIN refunds r ON r.order_id = o.id AND r.state = 'refunded'
"""

_IN_MEMORY: tuple[tuple[str, Callable[[Reader, Watched], Awaitable[list[_Odd]]]], ...] = (
    ("one_effect_per_order", _effects),
    ("one_live_instance_per_line", _doubles),
    ("nothing_orphaned", _orphans),
    ("frozen_means_frozen", _frozen),
    ("terms_agree", _terms),
    ("money_adds_up", _till),
)


# --- At the end ------------------------------------------------------------------------------------------------------


async def _flaws(reader: Reader) -> AsyncIterator[_Odd]:
    """journal_whole."""
    async for _, flaw in journal.verify(reader.connection):
        if flaw:
            yield _Odd(f"{flaw.subject_kind} {flaw.subject_id}", f"entry {flaw.seq} is {flaw.what}")


class _Place(msgspec.Struct, frozen=True):
    id: str
    lane: str
    place: int
    purpose: str
    order_number: str
    restarted: bool


_PLACES: LiteralString = """
    SELECT c.id::text, c.lane::text, c.place, c.purpose, c.order_number,
           EXISTS (SELECT FROM events v WHERE v.subject_kind = 'order' AND v.subject_id = c.order_id
                   AND v.kind = 'call.restarted' AND v.entry LIKE '%%' || c.id || '%%') AS restarted
    FROM seller_calls c
"""


async def _out_of_order(reader: Reader, run: Watched) -> list[_Odd]:
    """calls_in_order: by when they reached the sellers. What a person started again comes when it comes."""
    places = {one.id: one for one in await reader.fetch_all(_Place, _PLACES)}
    reached: dict[str, _Place] = {}
    odd = []
    for arrival in run.transport.arrivals:
        place = places.get(str(arrival.call.id))
        if place is None:
            odd.append(_Odd(str(arrival.call.id), f"{arrival.call.purpose} was made, and is not on record"))
            continue
        if place.restarted:
            continue
        before = reached.get(place.lane)
        if before and place.place < before.place:
            odd.append(_Odd(place.id, f"{place.purpose} of {place.order_number} came after {before.purpose}"))
        reached[place.lane] = place
    return odd
