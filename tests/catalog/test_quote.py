"""What a purchase costs."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.catalog.model import Offer, quote
from tradehall.kernel.errors import Invalid

ANY = UUID(int=1)
MONTHLY = Offer(
    price_id=ANY, charging_mode="PERIOD", period_type="month", amount_minor=9_900, currency="CNY", sku_id=ANY,
    sku_name_en="Standard", sku_name_zh="标准版", quantity_min=1, quantity_max=1, quantity_step=1, product_id=ANY,
    product_name_en="Suite", product_name_zh="套件", seller_id=ANY, delivery_type="saas",
    on_sale=True,
)  # fmt: skip


def offer(**changes: Any) -> Offer:
    return msgspec.structs.replace(MONTHLY, **changes)


SEATS = offer(quantity_min=5, quantity_max=100, quantity_step=5, amount_minor=1_200)


@given(st.integers(1, 20), st.integers(1, 36))
def test_a_period_costs_unit_times_quantity_times_periods(steps: int, periods: int) -> None:
    cost = quote(SEATS, 5 * steps, periods)
    assert cost.total_minor == 1_200 * 5 * steps * periods
    assert (cost.unit_minor, cost.quantity, cost.period_number, cost.currency) == (1_200, 5 * steps, periods, "CNY")


def test_once_costs_unit_times_quantity() -> None:
    once = msgspec.structs.replace(SEATS, charging_mode="ONE_TIME", period_type=None)
    assert quote(once, 10, None).total_minor == 12_000


def test_on_demand_nothing_is_paid_in_advance() -> None:
    cost = quote(offer(charging_mode="ON_DEMAND", period_type=None), 1, None)
    assert (cost.total_minor, cost.unit_minor) == (0, 9_900)


def test_what_costs_nothing_can_be_bought() -> None:
    assert quote(offer(amount_minor=0), 1, 12).total_minor == 0


@pytest.mark.parametrize("quantity", [-5, 0, 4, 6, 7, 101, 105, 10**12])
def test_a_quantity_that_is_not_offered_is_refused(quantity: int) -> None:
    with pytest.raises(Invalid) as refused:
        quote(SEATS, quantity, 1)
    assert refused.value.fields[0].field == "quantity"


@pytest.mark.parametrize(
    ("period_type", "number"), [("month", 37), ("year", 6), ("month", 0), ("month", -1), ("year", None)]
)
def test_a_period_that_is_not_offered_is_refused(period_type: str, number: int | None) -> None:
    with pytest.raises(Invalid) as refused:
        quote(offer(period_type=period_type), 1, number)
    assert refused.value.fields[0].field == "period_number"


@pytest.mark.parametrize("mode", ["ONE_TIME", "ON_DEMAND"])
def test_what_is_not_bought_by_the_period_takes_no_period(mode: str) -> None:
    with pytest.raises(Invalid):
        quote(offer(charging_mode=mode, period_type=None), 1, 1)


def test_five_years_and_three_are_the_longest() -> None:
    assert quote(offer(period_type="year"), 1, 5).total_minor == 5 * 9_900
    assert quote(MONTHLY, 1, 36).total_minor == 36 * 9_900
