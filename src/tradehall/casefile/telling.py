"""Tells a case as a report in one language: what it is about, how it stands, who did what, and how to check it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from tradehall.casefile import statement
from tradehall.casefile.document import Block, Column, Document, Facts, Figure, Figures, Head, Section, Table, Words
from tradehall.casefile.model import Case, Export, Kept, Said
from tradehall.casefile.pictures import MOST
from tradehall.casefile.words import (
    ACCOUNTS,
    EVENTS,
    FACTS,
    FILE_STATES,
    HAPPENED,
    MADE_FOR,
    ORDER_STATES,
    POSTINGS,
    REASONS,
    ROOMS,
    UNTOLD,
)
from tradehall.kernel.i18n import N_, Translator, number
from tradehall.supervision.acceptance import RULE_LABELS
from tradehall.supervision.disputes.model import OUTCOME_LABELS, PROCEDURES
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Verb
from tradehall.supervision.model import STATE_LABELS
from tradehall.supervision.wording import ROLES, done

DISPUTES = ("appeal.", "refund.", "return.")
_REQUIREMENTS = frozenset({"submit_requirement", "submit_identification", "confirm_requirement"})
_ENDS = ("supervision.accepted", "supervision.cancelled", "order.cancelled", "order.refunded", "appeal.decided")
SHORT = 12


class About(msgspec.Struct, frozen=True):
    """What a report is told from. `log` is the operation log as its reader may see it."""

    case: Case
    export: Export
    log: list[Said]
    kept: list[Kept]
    key: str
    marketplace: str
    public_url: str
    zone: tzinfo
    zone_name: str


def told(about: About, texts: Translator) -> Document:
    """The whole report."""
    return _Telling(about, texts).document()


class _Telling:
    def __init__(self, about: About, texts: Translator) -> None:
        self.about, self.case, self.export, self.log = about, about.case, about.export, about.log
        self.texts, self._ = texts, texts.gettext
        held = self.case.held
        tables = ([held.flow] if held else []) + list(PROCEDURES.values())
        self.verbs = {(table.type, node.key, verb.key): verb for table in tables for node, verb in table.walk()}
        self.files = {str(one.handed.id): one for one in about.kept}

    def document(self) -> Document:
        _, order = self._, self.case.order
        sections = [
            Section("standing", _("How it stands"), list(self.standing())),
            Section("order", _("The order and its parties"), list(self.order())),
            Section("requirement", _("Requirement"), list(self.acts(self.requirements()))),
            Section("deliveries", _("Deliveries"), list(self.acts(self.deliveries()))),
            Section("disputes", _("Appeals, refunds and returns"), list(self.acts(self.disputes()))),
            Section("messages", _("Messages"), list(self.messages())),
            Section("ends", _("How it ended"), list(self.acts(self.ends()))),
            Section("money", _("The money"), list(self.money())),
            Section("calls", _("Calls to the seller's server"), list(self.calls())),
            Section("log", _("Operation log"), list(self.operations()), apart=True),
            Section("files", _("Files"), list(self.listed())),
            Section("verify", _("How to verify this"), list(self.verification())),
        ]
        return Document(
            self.texts.locale,
            _("Case file %(number)s", number=order.number),
            f"{self.named(order, 'product_name')} · {self.about.marketplace}",
            _("Case file %(number)s, made %(at)s", number=order.number, at=self.at(self.export.at)),
            self.export.at,
            [one for one in sections if one.blocks],
        )

    # --- How things are written

    def at(self, moment: datetime | None) -> str:
        return self.texts.time(moment, self.about.zone, "second") if moment else "–"

    def money_of(self, minor: int | None) -> str:
        return self.texts.money(minor, self.case.order.currency) if minor is not None else "–"

    def named(self, row: Any, name: str) -> str:
        called: str = getattr(row, f"{name}_{self.texts.locale}")
        return called

    def word(self, labels: Mapping[str, str], key: str) -> str:
        return self.texts.lookup(labels.get(key, key))

    def who(self, one: Said) -> str:
        side = self.word(ROLES, one.actor.get("kind") or "system")
        name = one.actor.get("name")
        return f"{side} · {name}" if name else side

    # --- Where it stands, and what it is

    def standing(self) -> Iterator[Block]:
        _, case, held = self._, self.case, self.case.held
        rows = [(_("Order state"), self.word(ORDER_STATES, case.order.state))]
        if held:
            state = N_("Frozen") if held.frozen_at else STATE_LABELS[held.state]
            rows.append((_("Service supervision"), self.texts.lookup(state)))
            if held.state == "open":
                rows.append((_("Node"), self.texts.lookup(held.at.label)))
                rows.append((_("Whose turn"), self.word(ROLES, held.turn)))
                if not held.frozen_at:
                    rows.append((_("By when"), self.at(held.due_at)))
            rows.append((_("Rule of acceptance"), self.texts.lookup(RULE_LABELS[held.rule])))
        rows += [
            (_("Made"), self.at(self.export.at)),
            (_("Made by"), self._maker()),
            (_("Made for"), self.word(MADE_FOR, self.export.viewer)),
            (_("Operation log up to"), _("entry %(number)s, hash %(hash)s", number=case.seq, hash=case.head.hex())),
            (_("Times are those of"), self.about.zone_name),
        ]
        yield Facts(rows)
        if told := self._unshown():
            yield Words(told, "quiet")
        for kept in self.about.kept:
            if kept.state != "whole":
                name = kept.handed.file.name
                yield Words(self._("%(label)s: %(text)s", label=name, text=self.word(FILE_STATES, kept.state)), "bad")

    def _unshown(self) -> str:
        """That photographs of the archive are not to be seen here, and how many; "" where all are."""
        pictures = [one for one in self.about.kept if one.handed.file.is_picture and one.state != "missing"]
        unshown = sum(not one.picture for one in pictures)
        if not unshown:
            return ""
        return self.texts.ngettext(
            "%(num)s more picture is in the archive but not shown here: a report shows at most %(most)s, and none that is too large or damaged. The list of files names it.",  # noqa: E501
            "%(num)s more pictures are in the archive but not shown here: a report shows at most %(most)s, and none that is too large or damaged. The list of files names them.",  # noqa: E501
            unshown,
            most=MOST,
        )

    def _maker(self) -> str:
        side = self.word(ROLES, self.export.by_kind)
        return f"{side} · {self.export.by_name}" if self.export.by_name else side

    def order(self) -> Iterator[Block]:
        _, order, held = self._, self.case.order, self.case.held
        rows = [
            (_("Order number"), order.number),
            (_("Product"), f"{self.named(order, 'product_name')} · {self.named(order, 'sku_name')}"),
            (_("Quantity"), number(order.quantity, self.texts.locale)),
            (_("Total"), self.money_of(order.total_minor)),
            (_("Buyer"), f"{order.buyer_name_en} · {order.buyer_name_zh}"),
            (_("Seller"), f"{order.seller_name_en} · {order.seller_name_zh}"),
            (_("Placed"), self.at(order.created_at)),
            (_("Paid at"), self.at(order.paid_at)),
        ]
        if held:
            rows.append((_("Delivery type"), self.texts.lookup(held.flow.label)))
            days = self.texts.ngettext("%(num)s day", "%(num)s days", held.delivery_days)
            rows.append((_("Promised time of delivery"), days))
            if held.begins_at:
                rows.append((_("The service counts from"), self.at(held.begins_at)))
        if self.case.recipient:
            to = self.case.recipient
            rows.append((_("Recipient"), f"{to.name}, {to.phone}, {to.address}"))
        yield Facts(rows)

    # --- What was done

    def requirements(self) -> list[Said]:
        return [one for one in self.log if self._verb_of(one) in _REQUIREMENTS]

    def deliveries(self) -> list[Said]:
        return [
            one
            for one in self.log
            if one.kind.startswith("supervision.")
            and one.kind != "supervision.message_sent"
            and self._verb_of(one) not in _REQUIREMENTS
            and (one.facts.get("answers") or one.facts.get("files"))
        ]

    def disputes(self) -> list[Said]:
        return [one for one in self.log if one.kind.startswith(DISPUTES)]

    def ends(self) -> list[Said]:
        return [one for one in self.log if one.kind in _ENDS]

    def _verb_of(self, one: Said) -> str:
        return str(one.facts.get("verb", "")) if one.kind.startswith("supervision.") else ""

    def acts(self, acts: Sequence[Said]) -> Iterator[Block]:
        """Acts with all that was said and handed in with them, oldest first."""
        for one in acts:
            yield Head(self.title(one), f"{self.at(one.at)} · {self.who(one)} · {self._entry(one)}")
            if rows := self.answers(one):
                yield Facts(rows)
            if one.left_out:
                yield Words(self._left_out(one), "quiet")
            handed = [self.files[str(file.get("id"))] for file in self._files(one) if str(file.get("id")) in self.files]
            yield from self.figures(handed)

    def messages(self) -> Iterator[Block]:
        """What the sides wrote to each other, as far as it was for the reader."""
        for one in self.case.messages:
            to = self._(", ").join(self.word(ROLES, receipt.side) for receipt in one.receipts)
            title = self._("Message %(number)s, to: %(to)s", number=one.number, to=to)
            who = " · ".join(filter(None, (self.at(one.at), self.word(ROLES, one.side), one.author)))
            yield Head(title, who)
            rows = [(self._("Text"), one.text)] if one.text else []
            if one.replies_to:
                rows.append((self._("In answer to"), str(one.replies_to)))
            for receipt in one.receipts:
                if receipt.read_at:
                    read = " · ".join(filter(None, (self.at(receipt.read_at), receipt.read_by)))
                    rows.append((self._("Read by: %(side)s", side=self.word(ROLES, receipt.side)), read))
            handed = [self.files[str(file)] for file in one.files if str(file) in self.files]
            rows += [(self._("File"), kept.handed.file.name) for kept in handed]
            if rows:
                yield Facts(rows)
            yield from self.figures(handed)

    def figures(self, handed: Sequence[Kept]) -> Iterator[Block]:
        pictures = [Figure(kept.picture, self._caption(kept)) for kept in handed if kept.picture]
        if pictures:
            yield Figures(pictures)
        if others := [kept for kept in handed if not kept.picture]:
            rows = [[kept.handed.name, number(kept.size, self.texts.locale), kept.found] for kept in others]
            yield Table([Column(self._("File"), 5), Column(self._("Bytes"), 1.2, "number"),
                         Column(self._("SHA-256"), 5, "mono")], rows)  # fmt: skip

    def _caption(self, kept: Kept) -> str:
        return f"{kept.handed.name} · SHA-256 {kept.found[:SHORT]}…"

    def _files(self, one: Said) -> list[dict[str, Any]]:
        listed = one.facts.get("files")
        return [file for file in listed if isinstance(file, dict)] if isinstance(listed, list) else []

    def _entry(self, one: Said) -> str:
        return self._("Entry %(number)s", number=one.seq)

    def title(self, one: Said) -> str:
        """What an entry is called."""
        if one.withheld:
            return self._("Not for this reader")
        room, _, happened = one.kind.partition(".")
        found = self._acted(one)
        if found and room not in ROOMS:
            return self.texts.lookup(done(found))
        if one.kind in EVENTS:
            return self.texts.lookup(EVENTS[one.kind])
        words = self.word(HAPPENED, happened) if happened in HAPPENED else happened.replace("_", " ")
        words = self.texts.lookup(done(found)) if found else words
        if one.kind == "appeal.decided" and found:
            words = self._("Decided: %(what)s", what=words)
        return self._(ROOMS[room], what=words) if room in ROOMS else one.kind

    def _acted(self, one: Said) -> Verb | None:
        room = one.kind.partition(".")[0]
        table = self.case.held.flow.type if room == "supervision" and self.case.held else room
        return self.verbs.get((table, str(one.facts.get("node", "")), str(one.facts.get("verb", ""))))

    def answers(self, one: Said) -> list[tuple[str, str]]:
        """All that was said: answers to what was asked, and the event's own facts."""
        verb = self._acted(one)
        fields: dict[str, Field] = {field.key: field for field in self.case.held.fields(verb)} if (
            self.case.held and verb) else {}  # fmt: skip
        answers = one.facts.get("answers")
        rows: list[tuple[str, str]] = []
        if isinstance(answers, dict):
            # In the order in which it was asked for.
            known = [key for key in fields if key in answers]
            rows = [
                self._answer(key, answers[key], fields) for key in (*known, *sorted(answers.keys() - fields.keys()))
            ]
        for key, value in one.facts.items():
            if key not in UNTOLD and value not in (None, "", [], {}):
                name = "due_at" if key == "by" and value not in ROLES else key
                rows.append((self.word(FACTS, name), self._value(key, value)))
        return rows

    def _answer(self, key: str, value: Any, fields: Mapping[str, Field]) -> tuple[str, str]:
        field = fields.get(key)
        if field is None:
            return self.word(FACTS, key), self._value(key, value)
        if field.kind == "flag":
            return self.texts.lookup(field.label), self._("Yes")
        if field.kind == "money":
            return self.texts.lookup(field.label), self._value("amount_minor", value)
        if field.kind in ("date", "deadline"):
            return self.texts.lookup(field.label), self.texts.day(str(value))
        said = dict(field.choices).get(value, value) if field.kind == "choice" else value
        return self.texts.lookup(field.label), self.texts.lookup(str(said))

    def _value(self, key: str, value: Any) -> str:
        if key.endswith("_minor") and isinstance(value, int):
            return self.money_of(value)
        if value is True:
            return self._("Yes")
        if key == "reason" and value in REASONS:
            return self.texts.lookup(REASONS[value])
        if key == "outcome" and value in OUTCOME_LABELS:
            return self.texts.lookup(OUTCOME_LABELS[value])
        if key == "by" and value in ROLES:
            return self.word(ROLES, value)
        if isinstance(value, str):
            if key == "for":
                return self.word(ROLES, value)
            return self._moment(value)
        return str(value) if isinstance(value, int | float) else msgspec.json.encode(value).decode()

    def _moment(self, value: str) -> str:
        """A time as the reader reads it, anything else as it is."""
        if len(value) >= 20 and value[4:5] == value[7:8] == "-" and value[10:11] == "T":
            try:
                return self.at(datetime.fromisoformat(value))
            except ValueError:
                return value
        return value

    # --- Money and calls

    def money(self) -> Iterator[Block]:
        _, order = self._, self.case.order
        rows = [(_("Total"), self.money_of(order.total_minor)), (_("Paid at"), self.at(order.paid_at))]
        if self.export.viewer != "seller" and order.payment_gateway:
            rows.append((_("Payment reference"), f"{order.payment_gateway} · {order.payment_reference}"))
            if order.payment_voucher_minor:
                rows.append((_("Paid with vouchers"), self.money_of(order.payment_voucher_minor)))
        if order.refund_number:
            rows.append((_("Refund"), f"{order.refund_number} · {self.money_of(order.refund_minor)}"))
            rows.append((_("Returned at"), self.at(order.refunded_at)))
        yield Facts(rows)
        if self.case.ledger:
            yield Head(_("Lines of the ledger"))
            yield self._ledger()

    def _ledger(self) -> Table:
        """A row for each line: what came into an account, or left it."""
        _ = self._
        rows = [
            [
                self._moment(str(posting["at"])),
                self.word(POSTINGS, str(posting["kind"])),
                self.word(ACCOUNTS, str(line["account"])),
                self.money_of(line["amount_minor"]),
            ]
            for posting in self.case.ledger
            for line in posting["lines"]
        ]
        return Table(
            [
                Column(_("Time"), 2.4),
                Column(_("What"), 3),
                Column(_("Ledger account"), 3),
                Column(_("Amount"), 2, "number"),
            ],
            rows,
        )

    def calls(self) -> Iterator[Block]:
        _ = self._
        if not self.case.calls:
            return
        rows = [
            [
                self.at(attempt.started_at),
                f"{made.call.activity} #{attempt.number}",
                str(attempt.status or "–"),
                " · ".join(part for part in (attempt.verdict, attempt.result_code, attempt.trouble) if part),
                attempt.message or "",
            ]
            for made in self.case.calls
            for attempt in made.attempts
        ]
        waiting = [
            [self.at(made.call.created_at), made.call.activity, "–", made.call.state, ""]
            for made in self.case.calls
            if not made.attempts
        ]
        yield Table(
            [Column(_("Time"), 2), Column(_("Call"), 2.4, "mono"), Column(_("HTTP"), 0.8), Column(_("Outcome"), 2.4),
             Column(_("Message"), 3)],
            rows + waiting,
        )  # fmt: skip
        yield Words(_("calls.jsonl holds every request and answer."), "quiet")

    # --- The log, the files, and how to check them

    def operations(self) -> Iterator[Block]:
        _ = self._
        yield Words(
            _("Every entry holds the fingerprint of the one before: nothing can be changed or left out unnoticed."),
            "quiet",
        )
        rows = [
            [str(one.seq), self.at(one.at), "–" if one.withheld else self.who(one), self.title(one), self._details(one),
             one.hash.hex()[:SHORT]]
            for one in self.log
        ]  # fmt: skip
        yield Table(
            [Column("#", 0.7, "number"), Column(_("Time"), 2.7), Column(_("Who"), 2.2), Column(_("What"), 2.6),
             Column(_("Details"), 4.2), Column(_("Hash"), 1.7, "mono")],
            rows,
        )  # fmt: skip

    def _details(self, one: Said) -> str:
        if one.withheld:
            return self._("Withheld; its hash stands in the chain.")
        parts = [self._("%(label)s: %(text)s", label=label, text=text) for label, text in self.answers(one)]
        parts += [str(file.get("name") or file.get("id")) for file in self._files(one)]
        if one.left_out:
            parts.append(self._left_out(one))
        return "\n".join(part if len(part) <= 400 else f"{part[:400]}…" for part in parts)

    def _left_out(self, one: Said) -> str:
        return self._("Left out for this reader: %(what)s", what=self._(", ").join(one.left_out or ()))

    def listed(self) -> Iterator[Block]:
        _ = self._
        if not self.about.kept:
            return
        rows = [
            [kept.handed.name, number(kept.size, self.texts.locale),
             " · ".join(part for part in (self.word(ROLES, kept.handed.side), kept.handed.by) if part)
             + f"\n{self.at(kept.handed.at)}",
             self.word(FILE_STATES, kept.state), kept.handed.file.sha256.hex()]
            for kept in self.about.kept
        ]  # fmt: skip
        yield Table(
            [Column(_("File"), 3.4), Column(_("Bytes"), 1.3, "number"), Column(_("Handed in"), 2.6),
             Column(_("State"), 1.6), Column(_("SHA-256 when it was handed in"), 4.4, "mono")],
            rows,
        )  # fmt: skip

    def verification(self) -> Iterator[Block]:
        _ = self._
        yield Words(_("This report is part of an archive that also holds every file, the whole operation log, and a manifest with the SHA-256 of each. The installation signed the manifest. Anybody can check the archive, without the marketplace:"))  # fmt: skip  # noqa: E501
        yield Words(f"tradehall verify case-{self.case.order.number}.zip --key …", "mono")
        yield Words(_("For “…”, take the fingerprint from the marketplace itself and not from this file: whoever makes a false case file writes a key of their own into it."))  # fmt: skip  # noqa: E501
        yield Facts(
            [
                (_("Fingerprint of the key"), self.about.key),
                (_("Published at"), f"{self.about.public_url or '…'}/signing-keys"),
                (_("Signature"), f"{statement.ALGORITHM}, {statement.SIGNATURE}, {statement.MANIFEST}"),
                (_("Hash of entry n"), 'SHA-256( hash(n-1) ‖ "n\\nkind\\nmicroseconds\\nentry" )'),
            ]
        )
        yield Words(_("A case file made for one side leaves out of some entries what is not for that side, and says so. The hash of such an entry is over its full text; who holds the full text, like the operator, can show that it is the same."), "quiet")  # fmt: skip  # noqa: E501
