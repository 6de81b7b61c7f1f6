"""Money: a whole number of minor units (分, cents) and an ISO 4217 currency. Never a float."""

import msgspec
from babel.numbers import get_currency_precision


class Money(msgspec.Struct, frozen=True, order=False):
    """`minor` units of `currency`: Money(129900, "CNY") is 1,299.00 yuan, Money(500, "JPY") is 500 yen."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.minor * times, self.currency)


def decimal_text(minor: int, currency: str) -> str:
    """The amount with its currency's decimals and no grouping, as protocols and forms write it: 129900 CNY → 1299.00"""
    places = get_currency_precision(currency)
    sign = "-" if minor < 0 else ""
    whole, rest = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"


def parse_decimal(text: str, currency: str) -> int:
    """Minor units of an amount as a person typed it. Raises ValueError for anything else, more decimals included."""
    places = get_currency_precision(currency)
    whole, point, rest = text.strip().replace(",", "").partition(".")
    if not whole.isdecimal() or not whole.isascii() or (point and not (rest.isdecimal() and rest.isascii())):
        raise ValueError(text)
    if len(rest) > places or len(whole) > 12:
        raise ValueError(text)
    scale: int = 10**places
    return int(whole) * scale + int(rest.ljust(places, "0") or 0)
