"""What sellers allow beside buying: for how many days a specification may be tried, and what may become what during a
term. The verbs and SELECTs of both."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tradehall.catalog.actions import must_own
from tradehall.catalog.delivery import delivery
from tradehall.catalog.errors import NotWithoutServer, RuleNotFound, TooManyRules, TrialFixed, UpgradeRuleExists
from tradehall.catalog.queries import delivery_type_of
from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import invalid
from tradehall.kernel.ids import new_id

TRIAL_DAYS = (3, 180)
STEP_FACTORS = (1, 5)
MOST_RULES = 200

Void = Literal["sku_off_sale", "no_period_price"]


class UpgradeRule(msgspec.Struct, frozen=True):
    """That a specification may become another during its term; the same one: that it may be expanded. Expanded it is by
    `step_factor` of its own steps at a time, or a multiple.

    `void` says why it does not count at present: what it leads to is not on sale, or not sold by the period.
    """

    id: UUID
    product_id: UUID
    from_sku_id: UUID
    from_sku_name_en: str
    from_sku_name_zh: str
    to_sku_id: UUID
    to_sku_name_en: str
    to_sku_name_zh: str
    step_factor: int
    void: Void | None
    created_at: datetime


async def rules_of_product(reader: Reader, product_id: UUID) -> list[UpgradeRule]:
    """A product's upgrade rules, oldest first. The caller has checked whose product it is."""
    return await reader.fetch_all(
        UpgradeRule,
        """
        SELECT u.id, u.product_id, u.from_sku_id, f.name_en AS from_sku_name_en, f.name_zh AS from_sku_name_zh,
               u.to_sku_id, t.name_en AS to_sku_name_en, t.name_zh AS to_sku_name_zh, u.step_factor, u.created_at,
               CASE WHEN NOT t.on_sale THEN 'sku_off_sale'
                    WHEN NOT EXISTS (SELECT FROM prices r WHERE r.sku_id = t.id AND r.charging_mode = 'PERIOD'
                                     AND r.on_sale) THEN 'no_period_price' END AS void
        FROM upgrade_rules u JOIN skus f ON f.id = u.from_sku_id JOIN skus t ON t.id = u.to_sku_id
        WHERE u.product_id = %(product)s ORDER BY u.id LIMIT %(most)s
        """,
        {"product": product_id, "most": MOST_RULES},
    )


async def add_upgrade_rule(
    tx: Tx, *, seller_id: UUID, product_id: UUID, from_sku_id: UUID, to_sku_id: UUID, step_factor: int = 1
) -> UUID:
    """Allows one specification of a product to become another, or to be expanded.

    Raises ProductNotFound, Invalid, UpgradeRuleExists or TooManyRules.
    """
    await must_own(tx, seller_id, product_id)
    await _must_open_by_itself(tx, product_id)
    low, high = STEP_FACTORS
    if not low <= step_factor <= high:
        raise invalid("step_factor", "Choose a number from {low} to {high}.", low=low, high=high)
    for field, sku_id in (("from_sku_id", from_sku_id), ("to_sku_id", to_sku_id)):
        await _check_sold_by_the_period(tx, product_id, field, sku_id)
    # The product's row makes those who add rules at once take turns, so that there are never too many.
    await tx.fetch_value("SELECT true FROM products WHERE id = %(id)s FOR NO KEY UPDATE", {"id": product_id})
    if await tx.fetch_value(
        "SELECT count(*) >= %(most)s FROM upgrade_rules WHERE product_id = %(product)s",
        {"product": product_id, "most": MOST_RULES},
    ):
        raise TooManyRules(most=MOST_RULES)
    rule_id = new_id()
    created = await tx.fetch_value(
        """
        INSERT INTO upgrade_rules (id, seller_id, product_id, from_sku_id, to_sku_id, step_factor, created_at)
        VALUES (%(id)s, %(seller)s, %(product)s, %(from)s, %(to)s, %(factor)s, %(now)s)
        ON CONFLICT (from_sku_id, to_sku_id) DO NOTHING RETURNING true
        """,
        {
            "id": rule_id,
            "seller": seller_id,
            "product": product_id,
            "from": from_sku_id,
            "to": to_sku_id,
            "factor": step_factor,
            "now": tx.now,
        },
    )
    if not created:
        raise UpgradeRuleExists
    facts = {"rule": rule_id, "from": from_sku_id, "to": to_sku_id, "step_factor": step_factor}
    await tx.record("product.upgrade_rule_added", "product", product_id, facts)
    return rule_id


async def _must_open_by_itself(tx: Tx, product_id: UUID) -> None:
    """Trials and upgrades are carried out by the seller's server alone. Raises NotWithoutServer."""
    if delivery(await delivery_type_of(tx, product_id)).reach != "server":
        raise NotWithoutServer


async def _check_sold_by_the_period(tx: Tx, product_id: UUID, field: str, sku_id: UUID) -> None:
    periods = await tx.fetch_value(
        """
        SELECT count(r.id) FROM skus k LEFT JOIN prices r ON r.sku_id = k.id AND r.charging_mode = 'PERIOD'
        WHERE k.id = %(sku)s AND k.product_id = %(product)s GROUP BY k.id
        """,
        {"sku": sku_id, "product": product_id},
    )
    if periods is None:
        raise invalid(field, "There is no such specification of this product.")
    if not periods:
        raise invalid(field, "This specification is not sold by the period, so it is not upgraded.")


async def remove_upgrade_rule(tx: Tx, *, seller_id: UUID, product_id: UUID, rule_id: UUID) -> None:
    """Takes back a rule; what was ordered by it goes on. Raises RuleNotFound."""
    removed = await tx.fetch_value(
        """
        DELETE FROM upgrade_rules WHERE id = %(id)s AND product_id = %(product)s AND seller_id = %(seller)s
        RETURNING true
        """,
        {"id": rule_id, "product": product_id, "seller": seller_id},
    )
    if not removed:
        raise RuleNotFound
    await tx.record("product.upgrade_rule_removed", "product", product_id, {"rule": rule_id})


async def set_trial(tx: Tx, *, seller_id: UUID, product_id: UUID, sku_id: UUID, days: int | None) -> None:
    """Has a specification tried for so many days before it is bought; None: not at all.

    Once set it stays while the product is on sale, so that people who look at it can count on it. Raises
    ProductNotFound, SkuNotFound, Invalid or TrialFixed.
    """
    await must_own(tx, seller_id, product_id, sku_id)
    if days is not None:
        await _must_open_by_itself(tx, product_id)
    low, high = TRIAL_DAYS
    if days is not None and not low <= days <= high:
        raise invalid("days", "Choose a number from {low} to {high}.", low=low, high=high)
    state: str = await tx.fetch_value(
        "SELECT state FROM products WHERE id = %(id)s FOR NO KEY UPDATE", {"id": product_id}
    )
    before: int | None = await tx.fetch_value("SELECT trial_days FROM skus WHERE id = %(id)s", {"id": sku_id})
    if days == before:
        return
    if state == "on_sale" and before is not None:
        raise TrialFixed(days=before)
    await tx.execute("UPDATE skus SET trial_days = %(days)s WHERE id = %(id)s", {"id": sku_id, "days": days})
    await tx.record("product.trial_set", "product", product_id, {"sku": sku_id, "days": days})
