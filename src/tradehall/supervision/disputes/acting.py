"""How disputes are opened, moved and ended, and what their end does to the order.

Whoever acts holds the supervised order's row, and with it every dispute about it: two can never be opened or decided at
once. The timers of disputes are carried out by the due row of their order.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tradehall.kernel.db import Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.i18n import N_
from tradehall.kernel.ids import new_id
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.disputes import rules
from tradehall.supervision.disputes.calendar import working_days_from
from tradehall.supervision.disputes.errors import SecondPersonNeeded, SellerStillHasTime, TooManyDisputes
from tradehall.supervision.disputes.grounds import grounds_in
from tradehall.supervision.disputes.model import Dispute, Stage, begins, stage_of, turn_at
from tradehall.supervision.disputes.steps import CLOSED, UNOPENED, Outcome, Step
from tradehall.supervision.fields import NOT_AN_AMOUNT, Checked
from tradehall.supervision.flow import COMPLETED, Node, Timer, Verb
from tradehall.supervision.log import log_of
from tradehall.supervision.model import Held, first_reminder
from tradehall.supervision.moving import CancelReason, Moving, arm, going_on, hand_in, left_of, named, told
from tradehall.supervision.queries import Evidence

# How often one side may appeal about an order, ask for a refund, or return the goods: each stops the delivery and calls
# the others together.
MOST_BEGUN = 20
NOTHING = Checked({}, {})
LETTER_MISSING = N_("The seller's commitment letter is not in this appeal yet: ask the seller for it.")
AMOUNT_MISSING = N_("Say how much goes back.")
# What the delivery's own table does not have: it counts as accepted, or goes back, because of how a dispute ended.
ACCEPTED = Verb(key="accept_by_decision", label="", event="accepted", to=COMPLETED, by="platform")
# Facts of a dispute besides what was supplied.
DECISION, DECIDE_BY, ANSWER_BY, GROUNDS = "decision", "decide_by", "answer_by", "grounds"


class Ruling(msgspec.Struct, frozen=True):
    """What a dispute ends with, and whether both sides agreed on that."""

    outcome: Outcome
    amount_minor: int | None = None
    agreed: bool = False


class Disputes:
    """The verbs of appeals, refunds and returns."""

    def __init__(self, settings: Settings, moving: Moving) -> None:
        self._settings = settings
        self._moving = moving
        self._zone = ZoneInfo(settings.default_timezone)

    async def carry_out(
        self, tx: Tx, held: Held, stage: Stage, step: Step, checked: Checked, files: Sequence[Evidence]
    ) -> None:
        """Does a step that the table allows. Raises what the rules say, and nothing is done."""
        await self._check(tx, held, stage, step, checked, files)
        dispute = stage.dispute or await self._open(tx, held, stage, checked)
        ruling = self._ruling(held, dispute, step, checked)
        looked_at = self._looked_at(held, stage, step, ruling)
        node = dispute.flow.node(step.leads_to(looked_at))
        await self._move(tx, held, dispute, step, node, checked, files, ruling)
        if step.event == "contested":
            await self._appeal_for(tx, held, checked)
        elif ruling and node.key == CLOSED:
            await self._end(tx, held.id, dispute, ruling)

    # --- what has to hold --------------------------------------------------------------------------------------------

    async def _check(
        self, tx: Tx, held: Held, stage: Stage, step: Step, checked: Checked, files: Sequence[Evidence]
    ) -> None:
        dispute = stage.dispute
        if step.key == "appeal":
            rules.check_appeal(held, tx.actor.kind, self._settings, tx.now)
        if dispute is None and await self._begun(tx, held, stage) >= MOST_BEGUN:
            raise TooManyDisputes(most=MOST_BEGUN)
        if dispute and stage.too_soon(step, tx.now):
            assert dispute.due_at, "a dispute that is open has a term"
            raise SellerStillHasTime(until=dispute.due_at)
        if step.key == "confirm_decision" and (
            tx.actor.person_id is None or rules.decided_by(dispute, tx.actor.person_id)
        ):
            raise SecondPersonNeeded
        if "redeliver" in (step.outcome, checked.values.get("proposal")):
            rules.delivery_behind(held)
        if checked.values.get("proposal") == "refund" and "amount_minor" not in checked.values:
            raise invalid("amount_minor", AMOUNT_MISSING)
        if "refund" in (step.outcome, checked.values.get("proposal")) and not held.total_minor:
            raise invalid("amount_minor", NOT_AN_AMOUNT, most=0, currency=held.currency)
        if checked.values.get("unreachable") and not await self._has_letter(tx, held, files):
            raise invalid("unreachable", LETTER_MISSING)

    async def _begun(self, tx: Tx, held: Held, stage: Stage) -> int:
        """How many disputes of the kind the actor's side has begun about the order, those included that are over."""
        number: int = await tx.fetch_value(
            "SELECT count(*) FROM disputes WHERE flow_id = %(flow)s AND kind = %(kind)s AND opened_by = %(side)s",
            {"flow": held.id, "kind": stage.kind, "side": tx.actor.kind},
        )
        return number

    async def _has_letter(self, tx: Tx, held: Held, files: Sequence[Evidence]) -> bool:
        if any(one.kind == "commitment_letter" for one in files):
            return True
        return bool(
            await tx.fetch_value(
                """
                SELECT true FROM supervision_evidence
                WHERE flow_id = %(flow)s AND kind = 'commitment_letter' AND side = 'seller' AND act IS NOT NULL LIMIT 1
                """,
                {"flow": held.id},
            )
        )

    def _ruling(self, held: Held, dispute: Dispute, step: Step, checked: Checked) -> Ruling | None:
        """What the step would end the dispute with."""
        match step.outcome:
            case None:
                return None
            case "proposed":
                proposed = dispute.facts["propose"]
                amount = proposed.get("amount_minor") if proposed["proposal"] == "refund" else None
                return Ruling(proposed["proposal"], amount, agreed=True)
            case "decided":
                decision = dispute.facts[DECISION]
                return Ruling(decision["outcome"], decision["amount_minor"])
            case "refund":
                amount = checked.values.get("amount_minor") or dispute.amount_minor
                return Ruling("refund", amount, agreed=dispute.kind != "appeal")
            case outcome:
                return Ruling(outcome)

    def _looked_at(self, held: Held, stage: Stage, step: Step, ruling: Ruling | None) -> bool:
        """Whether the platform has to look first: at a parcel under way, or once more where much money moves."""
        if stage.dispute is None:
            return stage.kind == "refund" and held.posted
        if stage.kind != "appeal" or ruling is None:
            return False
        moved = {"refund": ruling.amount_minor or 0, "accept": held.total_minor}.get(ruling.outcome, 0)
        return moved > self._settings.second_look_above

    # --- opening and moving ------------------------------------------------------------------------------------------

    async def _open(self, tx: Tx, held: Held, stage: Stage, checked: Checked) -> Dispute:
        """Writes a dispute that begins; from now on the order is frozen, and a refund waits for an appeal."""
        assert stage.kind, "what is begun is of a kind"
        if stage.kind == "appeal" and held.refund:
            await self._pause(tx, held.refund)
        if not held.frozen_at:
            await self._moving.freeze(tx, held)
        dispute_id = new_id(tx.now)
        facts: dict[str, Any] = {}
        if stage.kind == "appeal":
            days = self._settings.appeal_working_days
            facts[DECIDE_BY] = await working_days_from(tx, tx.now, days, self._zone)
        else:
            log = await log_of(tx, held.order_id)
            facts[GROUNDS] = grounds_in(held.flow, held.paid_at, log.entries, tx.now)
        await tx.execute(
            """
            INSERT INTO disputes (id, flow_id, order_number, buyer_id, seller_id, kind, opened_by, opener_id, node,
                                  turn, amount_minor, currency, entered_at, due_at, facts, opened_at)
            VALUES (%(id)s, %(flow)s, %(number)s, %(buyer)s, %(seller)s, %(kind)s, %(side)s, %(person)s, %(node)s,
                    'platform', %(amount)s, %(currency)s, %(now)s, %(now)s, %(facts)s, %(now)s)
            """,
            {
                "id": dispute_id,
                "flow": held.id,
                "number": held.order_number,
                "buyer": held.buyer_id,
                "seller": held.seller_id,
                "kind": stage.kind,
                "side": tx.actor.kind,
                "person": tx.actor.person_id,
                "node": UNOPENED,
                "amount": checked.values.get("amount_minor"),
                "currency": held.currency,
                "facts": told(facts),
                "now": tx.now,
            },
        )
        return await self._read(tx, dispute_id)

    async def _read(self, tx: Tx, dispute_id: UUID) -> Dispute:
        row = await tx.fetch_value("SELECT to_jsonb(d) FROM disputes d WHERE id = %(id)s", {"id": dispute_id})
        return msgspec.convert(row, Dispute)

    async def _move(
        self,
        tx: Tx,
        held: Held,
        dispute: Dispute,
        step: Step,
        node: Node,
        checked: Checked,
        files: Sequence[Evidence],
        ruling: Ruling | None,
    ) -> None:
        """The dispute moves on, the act is counted, and it is written down."""
        stays, ends = node.key == dispute.node, node.key == CLOSED
        facts: dict[str, Any] = {step.key: checked.values}
        if ruling and not ends:
            facts[DECISION] = {
                "outcome": ruling.outcome, "amount_minor": ruling.amount_minor, "person": tx.actor.person_id,
            }  # fmt: skip
        if day := checked.values.get(ANSWER_BY):
            facts[ANSWER_BY] = day
        due_at = dispute.due_at if stays else await self._due(tx, dispute, node, facts)
        timers = dict(dispute.timers) if stays else self._timers(node, due_at, tx.now)
        granted = ruling.amount_minor if ruling and ends and ruling.outcome == "refund" else None
        act: int = await tx.fetch_value(
            "UPDATE supervision_flows SET acts = acts + 1 WHERE id = %(id)s RETURNING acts", {"id": held.id}
        )
        await tx.execute(
            """
            UPDATE disputes SET node = %(node)s, turn = %(turn)s, acts = acts + 1, facts = facts || %(facts)s,
                   entered_at = %(entered)s, due_at = %(due)s, timers = %(timers)s, outcome = %(outcome)s,
                   granted_minor = %(granted)s, finished_at = %(finished)s
            WHERE id = %(id)s AND finished_at IS NULL
            """,
            {
                "id": dispute.id,
                "node": node.key,
                "turn": turn_at(node),
                "facts": told(facts),
                "entered": dispute.entered_at if stays else tx.now,
                "due": None if ends else due_at,
                "timers": told({} if ends else timers),
                "outcome": ruling.outcome if ruling and ends else None,
                "granted": granted,
                "finished": tx.now if ends else None,
            },
        )
        await arm(tx, held.id)
        await hand_in(tx, held, step, act, files)
        written: dict[str, Any] = {
            "flow": held.id,
            "dispute": dispute.id,
            "act": act,
            "verb": step.key,
            "node": dispute.node,
            "to": node.key,
            "turn": turn_at(node),
            "by": None if ends else due_at,
            "answers": checked.values,
            "files": named(files),
        }
        if ruling:
            written |= {"outcome": ruling.outcome, "final": ends}
        if ruling and ruling.amount_minor:
            written["amount_minor"] = ruling.amount_minor
        if dispute.node == UNOPENED and dispute.facts.get(GROUNDS):
            written[GROUNDS] = dispute.facts[GROUNDS]
        await tx.record(f"{dispute.kind}.{step.event}", "order", held.order_id, written)

    async def _due(self, tx: Tx, dispute: Dispute, node: Node, facts: dict[str, Any]) -> datetime | None:
        """By when whoever's turn it becomes should act."""
        own = self._settings
        match node.term:
            case None:
                return None
            case "answer" | "proposal":
                if facts.get(ANSWER_BY) is None and dispute.due_at and dispute.node != "investigation":
                    return dispute.due_at  # what both sides were given
                day = date.fromisoformat(facts[ANSWER_BY]) + timedelta(days=1)
                return datetime.combine(day, datetime.min.time(), self._zone)
            case "appeal":
                # What the parties took does not shorten the marketplace's time to nothing.
                decide_by = datetime.fromisoformat(dispute.facts[DECIDE_BY])
                return max(decide_by, await working_days_from(tx, tx.now, 1, self._zone))
            case "second_look" | "transit":
                return await working_days_from(tx, tx.now, own.second_look_working_days, self._zone)
            case "refund_review":
                return await working_days_from(tx, tx.now, own.refund_working_days, self._zone)
            case "send_back":
                return tx.now + own.send_back_term
            case "inspection":
                return tx.now + own.inspection_term
            case term:
                raise AssertionError(f"{term} is no term of disputes")

    def _timers(self, node: Node, due_at: datetime | None, now: datetime) -> dict[Timer, datetime]:
        if due_at is None:
            return {}
        timers: dict[Timer, datetime] = {"remind": first_reminder(now, due_at)}
        if any(verb.timer == "lapse" for verb in node.verbs):
            timers["lapse"] = due_at
        return timers

    async def _appeal_for(self, tx: Tx, held: Held, checked: Checked) -> None:
        """Goods that a seller contests are the marketplace's to judge: an appeal in the seller's name."""
        held = await queries.locked(tx, held.id)
        stage = begins("appeal")
        dispute = await self._open(tx, held, stage, NOTHING)
        (step,) = stage.node.verbs
        assert isinstance(step, Step)
        said = Checked({"reason": checked.values["reason"]}, {})
        await self._move(tx, held, dispute, step, dispute.flow.node(step.to), said, (), None)

    # --- pausing and ending ------------------------------------------------------------------------------------------

    async def _pause(self, tx: Tx, dispute: Dispute) -> None:
        left = left_of(dispute.timers, dispute.due_at, tx.now)
        await tx.execute(
            """
            UPDATE disputes SET paused_at = %(now)s, timers_left = %(left)s, timers = '{}'
            WHERE id = %(id)s AND paused_at IS NULL AND finished_at IS NULL
            """,
            {"id": dispute.id, "now": tx.now, "left": told(left)},
        )

    async def _go_on(self, tx: Tx, dispute: Dispute) -> None:
        left = await tx.fetch_value("SELECT timers_left FROM disputes WHERE id = %(id)s", {"id": dispute.id})
        if left is None:
            return
        timers, due_at = going_on(left, tx.now)
        await tx.execute(
            """
            UPDATE disputes SET paused_at = NULL, timers_left = NULL, timers = %(timers)s, due_at = %(due)s
            WHERE id = %(id)s
            """,
            {"id": dispute.id, "timers": told(timers), "due": due_at},
        )

    async def _end(self, tx: Tx, flow_id: UUID, dispute: Dispute, ruling: Ruling) -> None:
        """What a dispute that has just been closed does to its order."""
        held = await queries.locked(tx, flow_id)
        other = next((one for one in held.disputes if one.id != dispute.id), None)
        if ruling.outcome not in ("accept", "redeliver", "refund"):
            if other:
                await self._go_on(tx, other)
                await arm(tx, flow_id)
            else:
                await self._moving.thaw(tx, held)
            return
        if other:
            await self._supersede(tx, held, other)
        if ruling.outcome == "refund":
            # What was proposed before, and came to nothing, was not agreed to.
            reason: CancelReason = "refund_agreed" if ruling.agreed else "appeal_decided"
            await self._moving.cancel(tx, held, reason, ruling.amount_minor)
            return
        await self._moving.thaw(tx, held, moves_on=True)
        held = await queries.locked(tx, flow_id)
        if ruling.outcome == "accept":
            await self._moving.carry_out(tx, held, ACCEPTED, NOTHING, ())
            return
        back = Verb(
            key="send_back",
            label="",
            event="sent_back",
            to=rules.delivery_behind(held).key,
            by="platform",
            rejects=True,
        )
        await self._moving.carry_out(tx, held, back, NOTHING, ())

    async def _supersede(self, tx: Tx, held: Held, dispute: Dispute) -> None:
        await tx.execute(
            """
            UPDATE disputes SET node = %(node)s, turn = '', outcome = 'superseded', due_at = NULL, timers = '{}',
                   timers_left = NULL, paused_at = NULL, finished_at = %(now)s
            WHERE id = %(id)s AND finished_at IS NULL
            """,
            {"id": dispute.id, "node": CLOSED, "now": tx.now},
        )
        facts = {"flow": held.id, "dispute": dispute.id, "node": dispute.node, "to": CLOSED, "turn": ""}
        await tx.record(f"{dispute.kind}.superseded", "order", held.order_id, facts)

    # --- by itself ---------------------------------------------------------------------------------------------------

    async def lapse(self, tx: Tx, held: Held, dispute: Dispute) -> None:
        """What the table has the system do when nobody did anything in time."""
        stage = stage_of(dispute)
        step = next(verb for verb in stage.node.verbs if verb.timer == "lapse")
        assert isinstance(step, Step)
        await self.carry_out(tx, held, stage, step, NOTHING, ())

    async def remind(self, tx: Tx, held: Held, dispute: Dispute) -> None:
        """Reminds whoever's turn it is: before it should be taken, then, and again and again; not for ever."""
        assert dispute.due_at, "a dispute that is open has a term"
        late = tx.now >= dispute.due_at
        following = tx.now + self._settings.reminder_interval if late else dispute.due_at
        again = following < dispute.opened_at + self._settings.unaccepted_after
        timers = {name: at for name, at in dispute.timers.items() if name != "remind"}
        await tx.execute(
            "UPDATE disputes SET timers = %(timers)s WHERE id = %(id)s",
            {"id": dispute.id, "timers": told({**timers, **({"remind": following} if again else {})})},
        )
        facts = {"flow": held.id, "dispute": dispute.id, "node": dispute.node, "turn": dispute.turn, "late": late}
        await tx.record(f"{dispute.kind}.reminded", "order", held.order_id, facts | {"by": dispute.due_at})
