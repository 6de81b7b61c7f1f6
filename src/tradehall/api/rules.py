"""What sellers allow beside buying: trials of their specifications, and upgrades during a term."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, delete, get, post, put

from tradehall.api.common import ApiRequest, IdempotencyKey, installation_of_app, write
from tradehall.catalog import queries, rules
from tradehall.catalog.errors import (
    ProductNotFound,
    RuleNotFound,
    SkuNotFound,
    TooManyRules,
    TrialFixed,
    UpgradeRuleExists,
)
from tradehall.catalog.rules import UpgradeRule
from tradehall.edge.access import only
from tradehall.kernel.db import Tx

SELLER = [only("seller")]


class CreateUpgradeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which specification may become which during a term; one and the same: it may only be expanded, `step_factor` (1
    to 5) of its own steps at a time."""

    from_sku_id: UUID
    to_sku_id: UUID
    step_factor: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many days, 3 to 180, a specification may be tried before it is bought; null: not at all."""

    days: Annotated[int, msgspec.Meta(ge=3, le=180)] | None


def _seller_id(request: ApiRequest) -> UUID:
    organisation = request.user.organisation_id
    assert organisation, "guarded"
    return organisation


@get("/{product_id:uuid}/upgrade-rules", guards=SELLER, opt={"problems": [ProductNotFound]})
async def list_upgrade_rules(request: ApiRequest, product_id: UUID) -> list[UpgradeRule]:
    """List a product's upgrade rules.

    Oldest first. One that leads to what is not on sale, or not sold by the period, does not count at present.
    """
    async with installation_of_app(request).db.read() as reader:
        if not await queries.is_product_of(reader, _seller_id(request), product_id):
            raise ProductNotFound
        return await rules.rules_of_product(reader, product_id)


@post(
    "/{product_id:uuid}/upgrade-rules",
    guards=SELLER,
    status_code=201,
    opt={"problems": [ProductNotFound, UpgradeRuleExists, TooManyRules]},
)
async def create_upgrade_rule(
    request: ApiRequest, product_id: UUID, data: CreateUpgradeRule, idempotency_key: IdempotencyKey = None
) -> UpgradeRule:
    """Allow an upgrade.

    From then on, whoever has the one specification can have it become the other for the rest of the term.
    """

    async def action(tx: Tx) -> UpgradeRule:
        rule_id = await rules.add_upgrade_rule(
            tx, seller_id=_seller_id(request), product_id=product_id, **msgspec.structs.asdict(data)
        )
        return next(rule for rule in await rules.rules_of_product(tx, product_id) if rule.id == rule_id)

    return await write(request, UpgradeRule, idempotency_key, action, data)


@delete(
    "/{product_id:uuid}/upgrade-rules/{rule_id:uuid}",
    guards=SELLER,
    status_code=204,
    opt={"problems": [RuleNotFound]},
)
async def delete_upgrade_rule(
    request: ApiRequest, product_id: UUID, rule_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Take back an upgrade rule.

    Nobody can order such an upgrade any more; what was ordered goes on.
    """

    async def action(tx: Tx) -> None:
        await rules.remove_upgrade_rule(tx, seller_id=_seller_id(request), product_id=product_id, rule_id=rule_id)

    await write(request, type(None), idempotency_key, action)


@put(
    "/{product_id:uuid}/skus/{sku_id:uuid}/trial",
    guards=SELLER,
    opt={"problems": [ProductNotFound, SkuNotFound, TrialFixed]},
)
async def set_trial(
    request: ApiRequest, product_id: UUID, sku_id: UUID, data: Trial, idempotency_key: IdempotencyKey = None
) -> Trial:
    """Offer a trial of a specification.

    Once set it stays while the product is on sale. Only what is sold by the period is tried.
    """

    async def action(tx: Tx) -> Trial:
        await rules.set_trial(tx, seller_id=_seller_id(request), product_id=product_id, sku_id=sku_id, days=data.days)
        return data

    return await write(request, Trial, idempotency_key, action, data)


router = Router(
    "/seller/products",
    route_handlers=[list_upgrade_rules, create_upgrade_rule, delete_upgrade_rule, set_trial],
    tags=["Seller"],
)
