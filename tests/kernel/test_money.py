import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.money import Money, decimal_text, parse_decimal

currencies = st.sampled_from(["CNY", "USD", "JPY", "KWD"])


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (129900, "CNY", "1299.00"),
        (5, "CNY", "0.05"),
        (0, "CNY", "0.00"),
        (-1, "CNY", "-0.01"),
        (-12345, "CNY", "-123.45"),
        (500, "JPY", "500"),
        (1234, "KWD", "1.234"),
    ],
)
def test_amounts_are_written_with_their_currencys_decimals(minor: int, currency: str, text: str) -> None:
    assert decimal_text(minor, currency) == text


@given(st.integers(0, 10**12 - 1), currencies)
def test_what_was_written_reads_back(minor: int, currency: str) -> None:
    assert parse_decimal(decimal_text(minor, currency), currency) == minor


@pytest.mark.parametrize(("text", "minor"), [("1,299.00", 129900), (" 7 ", 700), ("0.5", 50)])
def test_amounts_are_read_as_people_type_them(text: str, minor: int) -> None:
    assert parse_decimal(text, "CNY") == minor


@pytest.mark.parametrize(
    "text", ["", ".", ".5", "7.", "-1", "+1", "1.234", "1e3", "1 000", "一", "１", "٣", "1.2.3", "NaN", "9" * 13, "1.٣"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_decimal(text, "CNY")


def test_a_currency_without_decimals_takes_none() -> None:
    with pytest.raises(ValueError):
        parse_decimal("5.0", "JPY")


def test_money_of_two_currencies_is_not_added() -> None:
    assert Money(1, "CNY") + Money(2, "CNY") == Money(3, "CNY")
    assert Money(3, "CNY") * 4 == Money(12, "CNY")
    with pytest.raises(ValueError, match="cannot add USD to CNY"):
        Money(1, "CNY") + Money(1, "USD")
