"""Vouchers as operators issue and follow them, and the sales scene a buyer belongs to."""

from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import only
from tradehall.kernel import i18n
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import Invalid, NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.kernel.money import parse_decimal
from tradehall.kernel.paging import PageRequest
from tradehall.parties import actions as parties
from tradehall.parties import queries as parties_queries
from tradehall.parties.model import OrganisationKind, Track
from tradehall.trading import voucher_queries as queries
from tradehall.trading import vouchers
from tradehall.trading.voucher_queries import VOUCHER_STATES, VoucherFilter
from tradehall.trading.vouchers import NewVoucher
from tradehall.web import labels
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    chosen,
    id_from,
    page,
    perform,
    read_form,
    reading,
    searched,
    texts,
    timezone_of,
    wanted_page,
)

TRACKS: tuple[Track, ...] = get_args(Track)
ADMINISTRATORS = [only("platform", role="admin")]
NOT_AN_AMOUNT = N_("Write an amount such as 99.00.")
NOT_A_DAY = N_("Choose a day.")
NOBODY_CALLED_SO = N_("No organisation has this name.")
SEVERAL_CALLED_SO = N_("Several organisations match; write more of the name.")
# Where the action's names of fields differ from the form's.
_FIELDS = {
    "buyer_id": "buyer",
    "seller_id": "seller",
    "amount_minor": "amount",
    "expires_at": "until",
    "valid_from": "from",
}


@get("/operator/vouchers", guards=[only("platform")])
async def all_vouchers(request: WebRequest) -> PageResponse:
    only_those = VoucherFilter(
        chosen(request, "state", VOUCHER_STATES), chosen(request, "scene", TRACKS), text=searched(request)
    )
    async with reading(request) as reader:
        rows = await queries.vouchers(reader, request.user.actor, wanted_page(request), only_those)
    return page(
        request,
        "operator/vouchers.html",
        rows=rows,
        only=only_those,
        states=labels.VOUCHER_STATES,
        scenes=labels.VOUCHER_SCENES,
        scene_options=_scene_options(request),
        may_issue=request.user.actor.role == "admin",
    )


def _scene_options(request: WebRequest) -> list[tuple[str, str]]:
    return [(scene, texts(request).gettext(label)) for scene, label in labels.VOUCHER_SCENES.items()]


@get("/operator/vouchers/new", guards=ADMINISTRATORS)
async def new_voucher(request: WebRequest) -> PageResponse:
    """The form; ?buyer= names an organisation whose name stands in it already."""
    form = Form(request)
    try:
        wanted = id_from(request.query_params.get("buyer", ""))
    except NotFound:
        return _new_page(request, form)
    async with reading(request) as reader:
        found = await parties_queries.organisation(reader, wanted)
    if found and found.kind == "buyer":
        form.values["buyer"] = found.name_zh if texts(request).locale == "zh" else found.name_en
    return _new_page(request, form)


def _new_page(request: WebRequest, form: Form) -> PageResponse:
    none = ("", texts(request).gettext("None"))
    return page(request, "operator/new_voucher.html", form=form, scene_options=[none, *_scene_options(request)])


@post("/operator/vouchers/new", guards=ADMINISTRATORS)
async def issue(request: WebRequest) -> PageResponse:
    """Issues a voucher. Sent twice, it is one."""
    form = await read_form(request)

    async def again(problem: Problem | None) -> PageResponse:
        return _new_page(request, form)

    async with reading(request) as reader:
        wanted = await _wanted(reader, request, form)
    if form.errors or wanted is None:
        return await again(None)

    async def action(tx: Tx) -> UUID:
        try:
            return await vouchers.issue(tx, wanted)
        except Invalid as problem:
            for one in problem.fields:
                form.fail(_FIELDS.get(one.field, one.field), one.message, **one.values)
            raise Invalid from problem

    return await perform(
        request, action, to="/operator/vouchers", said=N_("The voucher was issued."), form=form, again=again
    )


async def _wanted(reader: Reader, request: WebRequest, form: Form) -> NewVoucher | None:
    """What the form asks for; None where it does not say it."""
    buyer = await _named(reader, form, "buyer", "buyer")
    names = {field: form.text(field, required=True, most=120) for field in ("name_en", "name_zh")}
    currency = form.text("currency", required=True, most=3).upper()
    try:
        amount = parse_decimal(form.value("amount"), currency)
    except ValueError:
        form.fail("amount", NOT_AN_AMOUNT)
        amount = 0
    valid_from = _day(request, form, "from") if form.value("from") else None
    expires_at = _day(request, form, "until", after=True)
    seller = await _named(reader, form, "seller", "seller") if form.value("seller").strip() else None
    scene = next((track for track in TRACKS if track == form.value("scene")), None)
    if buyer is None or expires_at is None:
        return None
    return NewVoucher(
        buyer,
        names["name_en"],
        names["name_zh"],
        amount,
        currency,
        expires_at,
        valid_from,
        scene,
        seller,
        form.ticked("issued_by_seller"),
    )


async def _named(reader: Reader, form: Form, field: str, kind: OrganisationKind) -> UUID | None:
    """The organisation of this name, or the only one with this in its name."""
    typed = form.text(field, required=True, most=120)
    if not typed:
        return None
    found = (await parties_queries.organisations(reader, PageRequest(limit=20), kind=kind, text=typed)).items
    exact = [one for one in found if typed.lower() in (one.name_en.lower(), one.name_zh.lower())]
    matches = exact or found
    if len(matches) != 1:
        form.fail(field, SEVERAL_CALLED_SO if matches else NOBODY_CALLED_SO)
        return None
    return matches[0].id


def _day(request: WebRequest, form: Form, field: str, *, after: bool = False) -> datetime | None:
    """When a day begins on the reader's clock; with `after`, when it is over."""
    try:
        found = date.fromisoformat(form.value(field)) + timedelta(days=after)
        return datetime.combine(found, time(), i18n.zone(timezone_of(request))).astimezone(UTC)
    except (ValueError, OverflowError):
        form.fail(field, NOT_A_DAY)
        return None


@post("/operator/organisations/{organisation_id:str}/track", guards=ADMINISTRATORS)
async def set_track(request: WebRequest, organisation_id: str) -> PageResponse:
    """Says which sales scene a buyer belongs to."""
    wanted, form = id_from(organisation_id), await read_form(request)
    track = next((track for track in TRACKS if track == form.value("track")), None)
    return await perform(
        request,
        lambda tx: parties.set_track(tx, wanted, track),
        to=f"/operator/organisations/{wanted}",
        said=N_("Saved. It holds for orders that are paid from now on."),
    )


handlers: list[HTTPRouteHandler] = [all_vouchers, new_voucher, issue, set_track]
