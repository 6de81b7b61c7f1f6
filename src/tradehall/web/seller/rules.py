"""What a seller allows beside buying: trying a specification, and upgrading one to another during its term."""

from litestar import post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import rules
from tradehall.catalog.errors import RuleNotFound
from tradehall.edge.access import only
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import NotFound
from tradehall.kernel.i18n import N_
from tradehall.web.common import PageResponse, WebRequest, id_from, read_form, seat_of
from tradehall.web.seller.products import change_product, own_product

TRIAL_SET, NO_TRIAL = N_("Buyers can try it from now on."), N_("It can no longer be tried.")
RULE_ADDED, RULE_REMOVED = N_("The upgrade rule was added."), N_("The upgrade rule was removed.")


@post("/seller/products/{slug:str}/trial", guards=[only("seller")])
async def trial(request: WebRequest, slug: str) -> PageResponse:
    """For how many days a specification may be tried; left empty, not at all."""
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    sku_id = form.uuid("trial_sku")
    days = form.integer("trial_days") if form.values.get("trial_days", "").strip() else None

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        await rules.set_trial(tx, seller_id=seller_id, product_id=listing.product.id, sku_id=sku_id, days=days)

    said = TRIAL_SET if days else NO_TRIAL
    return await change_product(request, slug, form, action, said=said, which="trial_form")


@post("/seller/products/{slug:str}/rules", guards=[only("seller")])
async def add_rule(request: WebRequest, slug: str) -> PageResponse:
    """Which specification may become which; the same one twice: that it may be expanded."""
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    from_sku, to_sku, factor = form.uuid("from_sku_id"), form.uuid("to_sku_id"), form.integer("step_factor")

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        await rules.add_upgrade_rule(
            tx,
            seller_id=seller_id,
            product_id=listing.product.id,
            from_sku_id=from_sku,
            to_sku_id=to_sku,
            step_factor=factor,
        )

    return await change_product(request, slug, form, action, said=RULE_ADDED, which="rule_form")


@post("/seller/products/{slug:str}/rules/{rule_id:str}/remove", guards=[only("seller")])
async def remove_rule(request: WebRequest, slug: str, rule_id: str) -> PageResponse:
    seller_id, form = seat_of(request).organisation_id, await read_form(request)
    try:
        wanted = id_from(rule_id)
    except NotFound:
        raise RuleNotFound from None

    async def action(tx: Tx) -> None:
        listing = await own_product(tx, request, slug)
        await rules.remove_upgrade_rule(tx, seller_id=seller_id, product_id=listing.product.id, rule_id=wanted)

    return await change_product(request, slug, form, action, said=RULE_REMOVED)


handlers: list[HTTPRouteHandler] = [trial, add_rule, remove_rule]
