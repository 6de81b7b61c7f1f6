"""The page of one supervised order: how it stands, what its reader can do now, what was delivered, and its log."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import templates
from tradehall.edge.access import installation_of, only
from tradehall.kernel.db import Reader
from tradehall.kernel.errors import Problem
from tradehall.kernel.journal import Actor
from tradehall.parties.model import OrganisationKind
from tradehall.supervision import queries
from tradehall.supervision.acceptance import CLASS_LABELS, RULE_LABELS, deliverables
from tradehall.supervision.carriers import COURIERS
from tradehall.supervision.disputes import queries as dispute_queries
from tradehall.supervision.disputes import rules
from tradehall.supervision.disputes.errors import OwnOrganisation, SecondPersonNeeded
from tradehall.supervision.errors import NothingToReveal
from tradehall.supervision.fields import Field
from tradehall.supervision.log import log_of
from tradehall.supervision.model import STATE_LABELS, Held
from tradehall.supervision.queries import Contact
from tradehall.supervision.wording import ROLES
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    is_partial,
    page,
    reading,
    redirect,
    request_id,
    said_of,
    texts,
    timezone_of,
)
from tradehall.web.disputes.cards import cards_of, grounds_now
from tradehall.web.disputes.words import KINDS, OPENS
from tradehall.web.happened import clock_for
from tradehall.web.labels import VOUCHER_SCENES
from tradehall.web.supervision.forms import answers_in, forms_of
from tradehall.web.supervision.log import Answer, acts_of, answer_of, answers_of, deliveries, requirements
from tradehall.web.supervision.standing import ahead_of, next_of, steps_of
from tradehall.web.supervision.talk import seen, talk_of
from tradehall.web.templating import Flash, Tone

STATES: dict[str, Tone] = {"open": "progress", "completed": "success", "cancelled": "neutral"}


class Told(msgspec.Struct, frozen=True):
    """Whom to reach at a side, when that is shown."""

    side: str
    people: list[Contact]


class Back(msgspec.Struct, frozen=True):
    """A form that comes back: for which verb, what was typed, and what was wrong besides its fields."""

    verb: str
    form: Form
    problem: Problem | None = None


def mark_of(held: Held) -> str:
    """Changes whenever the page of an order would tell something new."""
    told = (
        held.acts,
        held.state,
        held.node,
        held.frozen_at,
        held.due_at,
        held.timers,
        held.facts.get("parcel"),
        [(one.node, one.acts, one.due_at, one.paused_at, one.timers) for one in held.disputes],
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


def detail_handlers(base: str, kind: OrganisationKind) -> list[HTTPRouteHandler]:
    """The pages below `base` ("/buyer") for people of organisations of this kind."""
    guards = [only(kind)]
    order = f"{base}/supervision/{{number:str}}"

    @get(order, guards=guards)
    async def detail(request: WebRequest, number: str) -> PageResponse:
        """How it stands, whose turn it is and by when, what can be done, what was handed over, and the log."""
        return await detail_page(request, base, number)

    @get(f"{order}/progress", guards=guards)
    async def progress(request: WebRequest, number: str) -> Response[Any]:
        """What is new since the page was loaded; nothing (204) where nothing is. A page on which something is being
        filled in (`keep`) is told so and stays as it is."""
        async with reading(request) as reader:
            held = await queries.existing_flow(reader, request.user.actor, number)
        if request.query_params.get("seen") == mark_of(held):
            return Response(None, status_code=204, headers={"Cache-Control": "no-store"})
        if not is_partial(request):
            return redirect(request, f"{base}/supervision/{number}")
        if request.query_params.get("keep"):
            return _news(request, base, number)
        return await detail_page(request, base, number)

    @post(f"{order}/secrets", guards=guards, status_code=200)
    async def secrets(request: WebRequest, number: str) -> PageResponse:
        """Shows what is secret of a delivery: in its place where htmx asks, else on the page."""
        installation = installation_of(request)
        async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
            revealed = await installation.supervision.reveal(tx, number)
        if not revealed:
            raise NothingToReveal
        async with reading(request) as reader:
            held = await queries.existing_flow(reader, request.user.actor, number)
        if is_partial(request):
            shown = secrets_of(request, held, revealed)
            return page(request, "supervision/secrets.html", secrets=shown, revealed=True, base=base, number=number)
        return await detail_page(request, base, number, revealed=revealed)

    return [detail, progress] + ([secrets] if kind != "platform" else [])


def _news(request: WebRequest, base: str, number: str) -> PageResponse:
    """That something is new, for a page on which something is being filled in."""
    told = page(request, "supervision/news.html", number=number, base=base)
    told.headers |= {"HX-Retarget": "#news", "HX-Reswap": "outerHTML"}
    return told


async def detail_page(
    request: WebRequest,
    base: str,
    number: str,
    back: Back | None = None,
    revealed: dict[str, str] | None = None,
    *,
    said: Problem | None = None,
    written: Form | None = None,
) -> PageResponse:
    """The page, or what of it htmx asks for; with the form that comes back and what is wrong: `written` is a message
    that was not sent, `said` what stood in its way."""
    actor, words, settings = request.user.actor, texts(request), installation_of(request).settings
    async with reading(request) as reader:
        held = await queries.existing_flow(reader, request.user.actor, number)
        files = await queries.evidence(reader, actor, held.id)
        log = await log_of(reader, held.order_id)
        drafts = await queries.drafts(reader, actor, held.id) if held.verbs(actor.kind) else {}
        disputes = await dispute_queries.disputes_about(reader, held.id)
        code = await queries.code_for(reader, actor, held)
        contacts = await _contacts(reader, held, actor.kind)
        attached = await templates.templates_at(reader, held.product_id, held.ordered_at)
        talk = await talk_of(request, reader, held, written)
        now = reader.now
        acts = acts_of(held, log.entries, files, words, actor.kind)
        cards = await cards_of(reader, held, disputes, acts, actor.kind, words)
        belongs = await queries.judges_their_own(reader, actor, held)
    clock, zone = clock_for(words.locale, timezone_of(request)), ZoneInfo(settings.default_timezone)
    sent = (back.verb, back.form) if back else None
    forms = forms_of(request, held, actor.kind, drafts, files, now, zone, sent, belongs=belongs)
    barred = _barred(held, actor, belongs=belongs)
    asks_back = any(one.verb.key in ("request_refund", "request_return") for one in forms)
    granted = next((one.granted_minor for one in disputes if one.granted_minor), None)
    problem = said or (back.problem if back else None)
    wrong = bool(back and back.form.errors) or bool(written and written.errors)
    if talk.unread and not is_partial(request):
        await seen(request, number)
    return page(
        request,
        "supervision/content.html" if is_partial(request) else "supervision/detail.html",
        http_status=problem.status if problem else 422 if wrong else 200,
        flash=Flash("danger", said_of(request, problem)) if problem else None,
        base=base,
        held=held,
        number=number,
        mark_now=mark_of(held),
        state=(held.state, STATE_LABELS[held.state], STATES[held.state]),
        steps=steps_of(held, acts, words),
        next=next_of(held, actor.kind, now, words, clock, granted, barred),
        ahead=ahead_of(held, now, words),
        forms=[one for one in forms if one.stage.kind is None],
        settling=[one for one in forms if one.stage.dispute],
        opening=[one for one in forms if one.opens],
        cards=[one for one in cards if one.dispute.finished_at is None],
        barred=barred,
        past=[one for one in cards if one.dispute.finished_at],
        grounds=grounds_now(held, log.entries, now, words) if asks_back else [],
        opens=OPENS,
        kinds=KINDS,
        lost=_lost(request, held, back) if back and back.verb not in {one.verb.key for one in forms} else [],
        acts=acts,
        requirements=requirements(acts),
        deliveries=deliveries(acts),
        whole=log.whole,
        secrets=secrets_of(request, held, revealed),
        revealed=revealed is not None,
        may_reveal=actor.kind != "platform",
        code=code,
        contacts=contacts,
        recipient=_recipient(request, held),
        parcel=held.facts.get("parcel"),
        signed_at=_signed_at(held),
        couriers=dict(COURIERS),
        accepted_after=settings.parcel_acceptance.days,
        rule=RULE_LABELS[held.rule],
        product_class=CLASS_LABELS[held.product_class],
        scenes=VOUCHER_SCENES,
        demanded=_demanded(held),
        roles=ROLES,
        side=actor.kind,
        most_bytes=settings.upload_max_bytes,
        talk=talk,
        partial=is_partial(request),
        templates=attached,
        template_labels=templates.LABELS,
        judging=any(one.verb.rejects for one in forms),
    )


def _barred(held: Held, actor: Actor, *, belongs: bool) -> str:
    """The message id of why this operator cannot take the platform's turn; "" where they can, or where it is not the
    platform's."""
    one = held.appeal or held.refund
    if actor.kind != "platform" or (one.turn if one else held.turn) != "platform":
        return ""
    if belongs:
        return OwnOrganisation.message_id()
    return SecondPersonNeeded.message_id() if rules.decided_by(one, actor.person_id) else ""


async def _contacts(reader: Reader, held: Held, side: str) -> list[Told]:
    """The other side's people once it keeps everybody waiting; the operator sees both at any time."""
    organisations = {"buyer": held.buyer_id, "seller": held.seller_id}
    if side == "platform":
        wanted = list(organisations)
    else:
        wanted = [held.turn] if held.overdue(reader.now) and held.turn in organisations and held.turn != side else []
    return [Told(one, await queries.contacts(reader, organisations[one])) for one in wanted]


def secrets_of(request: WebRequest, held: Held, revealed: dict[str, str] | None) -> list[Answer]:
    """What is secret of a delivery: the names of it, and the words only where they were asked for."""
    if held.secrets is None or "deliver" not in held.facts:
        return []
    words = texts(request)
    verb = next((verb for _, verb in held.flow.walk() if verb.key == "deliver"), None)
    fields = {field.key: field for field in held.fields(verb)} if verb else {}
    keys = revealed if revealed is not None else [key for key, field in fields.items() if field.kind == "secret"]
    return [answer_of(key, revealed[key] if revealed else "", fields, words, held.currency) for key in keys]


def _recipient(request: WebRequest, held: Held) -> list[Answer]:
    words = texts(request)
    verb = next((verb for _, verb in held.flow.walk() if verb.key == "change_address"), None)
    fields: dict[str, Field] = {field.key: field for field in verb.fields} if verb else {}
    return answers_of(held.facts.get("recipient") or {}, fields, words, held.currency)


def _signed_at(held: Held) -> datetime | None:
    written = (held.facts.get("parcel") or {}).get("signed_at")
    return datetime.fromisoformat(written) if written else None


def _demanded(held: Held) -> Sequence[Field]:
    """What has to be handed in by the acceptance rule, where the flow has such proof handed in at all."""
    proves = any(verb.proves for node in held.steps for verb in node.verbs)
    return [field for field in deliverables(held.rule, held.delivery_type) if field.required] if proves else []


def _lost(request: WebRequest, held: Held, back: Back) -> list[Answer]:
    """What somebody had written for something that can no longer be done: shown once more, to be copied."""
    words = texts(request)
    verb = held.known(back.verb)
    fields = {field.key: field for field in held.fields(verb)} if verb else {}
    typed = answers_in(back.form, held, back.verb)
    shown = {key: value for key, value in typed.items() if fields[key].kind != "secret"}
    return answers_of(shown, fields, words, held.currency)


handlers: list[Any] = [
    *detail_handlers("/buyer", "buyer"),
    *detail_handlers("/seller", "seller"),
    *detail_handlers("/operator", "platform"),
]
