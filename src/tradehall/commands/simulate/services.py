"""Whole lives of what people deliver: bought, delivered, proven, reviewed, rejected, disputed, forgotten, accepted; and
then had, renewed and ended like anything else."""

import random
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tradehall.commands.simulate.made import AMOUNT, Service
from tradehall.commands.simulate.people import DAY, HOUR, MINUTE, Acting, Life, Stage
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.files.receiving import Received
from tradehall.kernel.ids import new_id
from tradehall.kernel.journal import Actor
from tradehall.supervision import evidence, queries
from tradehall.supervision.disputes.model import Stage as Place
from tradehall.supervision.disputes.model import begins
from tradehall.supervision.disputes.steps import Kind, Step
from tradehall.supervision.fields import Bounds, Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import Held
from tradehall.trading import actions as trading
from tradehall.trading import vouchers
from tradehall.trading.actions import Placed
from tradehall.trading.model import Recipient
from tradehall.trading.vouchers import NewVoucher

MOST_ROUNDS = 40
MOST_REJECTIONS = 4
RECIPIENT = Recipient("Wang Fang", "+86 138 0000 0000", "1 Harbour Road, Shenzhen")
# An answer for each kind of field.
_ANSWERS: dict[str, Any] = {
    "text": "Something",
    "note": "Something said at more length.",
    "url": "https://delivered.example/",
    "secret": "a-secret-word",
    "phone": "+86 138 1111 1111",
    "flag": True,
}
_DEADLINES = (1, 3, 7, 14, 45)
_PARCELS = ("TEST-3-{}", "TEST-0-{}", "TEST-9-{}", "TEST-NEVER-{}", "TEST-HIDDEN-{}")


def answers_for(
    fields: Sequence[Field], rng: random.Random, bounds: Bounds, *, code: str | None = None
) -> dict[str, Any]:
    """Something for everything that has to be written, and for some of what may be."""
    given: dict[str, Any] = {}
    for field in fields:
        if field.kind in ("files", "date") or not (
            field.wanted(given) or rng.random() < 0.2 or (field.kind == "money" and given.get("proposal") == "refund")
        ):
            continue
        if field.key == "code":
            given[field.key] = code
        elif field.key == "tracking_number":
            given[field.key] = rng.choice(_PARCELS).format(rng.randrange(10_000))
        elif field.kind == "choice":
            given[field.key] = "test" if field.key == "courier" else rng.choice(field.choices)[0]
        elif field.kind == "money":
            given[field.key] = rng.choice((1, rng.randint(1, bounds.paid_minor), bounds.paid_minor))
        elif field.kind == "deadline":
            given[field.key] = (bounds.today + rng.choice(_DEADLINES) * DAY).isoformat()
        else:
            given[field.key] = _ANSWERS[field.kind]
    return given


def files_for(fields: Sequence[Field], answers: Mapping[str, Any], rng: random.Random) -> list[str]:
    """The fields of all the files that have to be handed in, and of some that may be."""
    keys = []
    for field in fields:
        if field.kind == "files":
            number = field.least if field.wanted(answers) and not field.group else int(rng.random() < 0.1)
            keys += [field.key] * number
    return keys


class ServiceLife(Life):
    """A buyer and something that people deliver, who deliver it, and the platform that looks at it."""

    def __init__(self, stage: Stage, name: str, rng: random.Random) -> None:
        super().__init__(stage, name, rng)
        self._service: Service = rng.choice(stage.market.services)
        self._seller = stage.market.sellers[self._service.seller]
        self._zone = ZoneInfo(self._own.settings.default_timezone)

    def live(self) -> Acting:
        return self._buy_a_service()

    async def _buy_a_service(self) -> Acting:
        number = await self._order()
        if number is None or self._chance(0.05):
            return
        yield self._pause(MINUTE, 3 * DAY if self._chance(0.1) else HOUR)
        await self._pay_for_it(number)
        if self._service.supervised:
            async for pause in self._see_through(number):
                yield pause
        yield self._pause(MINUTE, HOUR)
        held = await self._held(number)
        if held is not None:
            async for pause in self._go_on(held.id):
                yield pause

    async def _order(self) -> str | None:
        monthly = self._service.monthly if self._chance(0.5) else None

        async def place(tx: Tx) -> Placed:
            return await trading.place(
                tx,
                price_id=monthly or self._service.once,
                quantity=1,
                period_number=1 if monthly else None,
                unpaid_ttl=self._own.settings.unpaid_order_ttl,
                recipient=RECIPIENT,
            )

        placed = await self._do("place", place)
        return placed.number if placed else None

    async def _pay_for_it(self, number: str) -> None:
        """With a voucher now and then, which may decide the scene the order belongs to."""
        voucher: UUID | None = None
        if self._chance(0.25):
            assert self.actor.organisation_id
            wanted = NewVoucher(
                self.actor.organisation_id,
                "Simulated",
                "模拟",
                self._rng.choice((AMOUNT // 3, AMOUNT, 2 * AMOUNT)),
                "CNY",
                self._own.clock.now() + 30 * DAY,
                scene=self._rng.choice(("empowerment", "base", None)),
            )
            voucher = await self._do("issue a voucher", lambda tx: vouchers.issue(tx, wanted), self._operator)
        chosen = [voucher] if voucher else []
        await self._twice("pay", lambda tx: trading.pay(tx, self._own.gateway, number=number, vouchers=chosen))

    # --- until it is accepted ----------------------------------------------------------------------------------------

    async def _see_through(self, number: str) -> Acting:
        """Each does what is to be done, more or less; some forget about it, and then the timers go on alone."""
        slow, forgotten = self._chance(0.25), self._chance(0.08)
        invoiced = self._chance(0.5)
        for turn in range(MOST_ROUNDS):
            held = await self._flow(number)
            if held is None or held.state != "open":
                return
            if turn == 2 and invoiced:
                await self._do("record the invoice", lambda tx: trading.record_invoice(tx, number), self._operator)
            if self._chance(0.12):
                await self._blunder(number, held)
            elif held.disputes:
                if not self._chance(0.15):  # otherwise nobody does anything, and something lapses
                    await self._argue(number, held)
            elif self._chance(0.1):
                await self._begin_to_argue(number, held)
            elif forgotten and turn > 1 and "track" not in held.timers:
                return
            elif "accept" in held.timers and self._chance(0.6):
                yield self._pause(4 * DAY, 12 * DAY)  # it will be accepted by itself
            else:
                await self._next(number, held)
            yield self._pause(2 * DAY, 25 * DAY) if slow else self._pause(10 * MINUTE, DAY)

    async def _next(self, number: str, held: Held) -> None:
        """What is to be done next, or a rejection, or something on the side."""
        rejected = held.rejections_by_buyer + held.rejections_by_seller + held.rejections_by_platform
        verbs = [
            verb
            for verb in held.at.verbs
            if held.at.by(verb) != "system" and not (verb.rejects and rejected >= MOST_REJECTIONS)
        ]
        weights = [8 if verb is verbs[0] else 2 if verb.rejects else 1 for verb in verbs]
        verb = self._rng.choices(verbs, weights)[0]
        await self._act(number, held, verb, self._side(held.at.by(verb)))

    async def _act(self, number: str, held: Held, verb: Verb, actor: Actor) -> None:
        """A verb with everything it asks for, files first; sometimes clicked twice."""
        fields, bounds = held.fields(verb), held.bounds(self._own.clock.now(), self._zone)
        answers = answers_for(fields, self._rng, bounds, code=await self._code(held))
        files = files_for(fields, answers, self._rng)
        grouped = {field.group for field in fields if field.group} - {
            field.group for field in fields if field.key in answers or field.key in files
        }
        answers |= {field.key: "Enough." for field in fields if field.group in grouped and field.kind == "note"}
        if files:
            await self._do("hand in files", lambda tx: self._hand_in(tx, number, verb.key, files), actor)
        act, seen = self._own.supervision.act, held.acts if self._chance(0.5) else None
        for _ in range(1 + self._chance(0.1)):
            await self._do(verb.key, lambda tx: act(tx, number, verb.key, answers, seen=seen), actor)

    async def _hand_in(self, tx: Tx, number: str, verb: str, files: Sequence[str]) -> None:
        assert tx.actor.organisation_id and tx.actor.person_id  # noqa: PT018
        for field in files:
            # What was received; the bytes themselves are the file store's, and nobody reads them here.
            received = Received("proof.pdf", "any", "application/pdf", 9, self._rng.randbytes(32), new_id().hex, None)
            file = await self._own.files.register(
                tx, received, owner_id=tx.actor.organisation_id, uploaded_by=tx.actor.person_id
            )
            await evidence.attach(tx, number, verb, field, file.id)

    # --- when they disagree ------------------------------------------------------------------------------------------

    async def _begin_to_argue(self, number: str, held: Held) -> None:
        """An appeal, or a refund or return is asked for; what is not possible here, now and then in vain."""
        kinds: dict[Kind, int] = {"appeal": 4, "refund": 3, "return": 6}
        if not self._chance(0.1):
            kinds = {place.kind: kinds[place.kind] for place in held.stages if place.kind}
        if kinds:
            await self._argue_at(number, held, begins(self._rng.choices(list(kinds), list(kinds.values()))[0]))

    async def _argue(self, number: str, held: Held) -> None:
        """Whoever can does something about what is disputed; while a refund is, somebody may appeal."""
        await self._argue_at(number, held, self._rng.choices(held.stages, (9, 1)[: len(held.stages)])[0])

    async def _argue_at(self, number: str, held: Held, place: Place) -> None:
        """Any of what can be done there, by any who may."""
        verbs = [verb for verb in place.node.verbs if place.by(verb) != ("system",)]
        weights = [1 if isinstance(verb, Step) and verb.outcome == "withdrawn" else 3 for verb in verbs]
        verb = self._rng.choices(verbs, weights)[0]
        side = self._rng.choice(place.by(verb))
        await self._act(number, held, verb, self._side(side) if side != "platform" else self._anybody_of_the_platform)

    async def _blunder(self, number: str, held: Held) -> None:
        """Something that cannot be done here, or not by this side, or not like this."""
        everything = sorted({verb.key for table in held.tables for _, verb in table.walk()} | {"no_such_verb"})
        market = self._stage.market
        actor = self._rng.choice((self.actor, self._seller, self._operator, market.second, market.buyers[0]))
        what = self._rng.choice(everything)
        answers = self._rng.choice(
            (
                {},
                {"reason": "Because."},
                {"nobody_asks": "for this"},
                {"code": "PLWRONG"},
                {"amount_minor": held.total_minor + 1, "reason": "More than that.", "ruling": "More than that."},
            )
        )
        await self._do(what, lambda tx: self._own.supervision.act(tx, number, what, answers), actor)

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def _operator(self) -> Actor:
        return self._stage.market.operator

    @property
    def _anybody_of_the_platform(self) -> Actor:
        """Mostly somebody who may decide: one works for the sellers as well."""
        market = self._stage.market
        return self._rng.choices((market.operator, market.second, market.partial), (6, 5, 1))[0]

    def _side(self, side: str) -> Actor:
        return {"buyer": self.actor, "seller": self._seller}.get(side, self._operator)

    async def _flow(self, number: str) -> Held | None:
        return await self._read(lambda reader: queries.flow(reader, self._operator, number))

    async def _code(self, held: Held) -> str | None:
        async def code(reader: Reader) -> str | None:
            return await queries.code_of(reader, held.order_id)

        return await self._read(code) if held.node == "activation" else None
