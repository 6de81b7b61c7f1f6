"""Manners: how a sample seller behaves, from a model one to every bad one there is."""

import random
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tradehall_seller import answers
from tradehall_seller.book import Entry
from tradehall_seller.codes import Code, Refused
from tradehall_seller.sample.product import Product
from tradehall_seller.seller import NewInstance, Opened
from tradehall_seller.verify import Call

# Bad luck, which a marketplace has to live with.
Manner = Literal[
    "instant",  # opens at once
    "slow",  # answers "in progress", and opens after `ready_after` seconds
    "fresh_ids",  # gives an instance a new id with every answer
    "lost_answer",  # opens, but the connection ends before the first answer is through
    "flaky",  # fails up to three times per order in ways drawn from the seed, then opens
    "refusing",  # an error in the product, whatever is asked
    "sold_out",  # opens nothing
    "trouble",  # an internal error
    "html",  # a gateway's error page
    "crash",  # a framework's error page
    "empty",  # status 200 and nothing else
    "nothing",  # an empty object
    "int_code",  # the code as a number
    "redirect",  # somewhere else
    "cut",  # the connection ends within the answer, nothing was opened
    "hang",  # carries it out, but answers only after `hang_for` seconds
    "endless",  # an answer that never ends
]
MANNERS: tuple[Manner, ...] = get_args(Manner)

# Breaches of the protocol, which a test of conformance has to find. All but the first three are V1's.
Breach = Literal[
    "by_business_id",  # opens another instance whenever the same order comes again
    "releases_once",  # knows nothing of an instance that was released before
    "ignores_signature",  # carries out what anybody sends
    "no_body_sign",  # signs no answer
    "unquoted_body_sign",  # writes Body-Sign without quotes
    "wrong_body_sign",  # signs with the request's key: access key and timeStamp
    "encrypt_type_number",  # the encryptType as a number
    "encrypt_type_absent",  # encrypts, and does not say how
    "undecryptable_password",  # a password that was encrypted with another key
    "plain_password",  # and one that was not encrypted
]
BREACHES: tuple[Breach, ...] = get_args(Breach)
V2_BREACHES: tuple[Breach, ...] = ("by_business_id", "releases_once", "ignores_signature")

AnyManner = Manner | Breach

JSON = answers.CONTENT_TYPE
HTML = "text/html; charset=utf-8"
_ERROR_PAGE = b"<!doctype html><title>Error</title><h1>Something went wrong</h1>"

CODES: dict[AnyManner, tuple[Code, str]] = {
    "refusing": (Code.SERVICE_TROUBLE, "the product's service is out of order"),
    "sold_out": (Code.SOLD_OUT, "sold out"),
    "trouble": (Code.TROUBLE, "internal error"),
}
PAGES: dict[AnyManner, tuple[int, str, bytes]] = {
    "html": (502, HTML, _ERROR_PAGE),
    "crash": (500, HTML, _ERROR_PAGE),
    "empty": (200, JSON, b""),
    "nothing": (200, JSON, b"{}"),
    "int_code": (200, JSON, b'{"resultCode":0,"resultMsg":"success"}'),
    "redirect": (302, HTML, b""),
}
_FLAKY: tuple[Manner, ...] = ("crash", "empty", "nothing", "hang", "trouble", "cut", "lost_answer")
_FRESH = "+/="  # parts an instance's id from what makes it fresh


def refusal(call: Call, manner: AnyManner) -> Refused | None:
    """What a seller of this manner says to everything, or to a new order."""
    if manner not in CODES or (manner == "sold_out" and call.activity != "newInstance"):
        return None
    return Refused(*CODES[manner])


class Failures:
    """A flaky seller's: the same ones for a seed, whatever else goes on."""

    def __init__(self) -> None:
        self._left: dict[str, list[Manner]] = {}

    def next(self, call: Call, seed: int) -> Manner:
        """How this call fails, or "instant" once the failures drawn for its order or instance are used up."""
        subject = " ".join(str(call.members.get(name)) for name in ("activity", "orderId", "orderLineId", "instanceId"))
        failures = self._left.get(subject)
        if failures is None:
            draw = random.Random(f"{seed} {subject}")  # noqa: S311 - the same failures whatever else goes on
            failures = self._left[subject] = draw.choices(_FLAKY, k=draw.randint(0, 3))
        return failures.pop() if failures else "instant"


@dataclass(kw_only=True)
class Mannered(Product):
    """The sample product, with the manners that show in what it opens and finds."""

    manner: AnyManner = "instant"

    def open(self, request: NewInstance) -> Opened:
        if self.manner == "by_business_id":
            request = replace(request, order=(*request.order[:2], f"{request.order[2]} {request.business_id}"))
        opened = super().open(request)
        return replace(opened, instance_id=_freshened(opened.instance_id)) if self.manner == "fresh_ids" else opened

    def find(self, instance_id: str) -> Entry | None:
        entry = self.book.find(instance_id.partition(_FRESH)[0])
        return None if entry is not None and entry.released and self.manner == "releases_once" else entry


def _freshened(instance_id: str) -> str:
    return f"{instance_id}{_FRESH}{random.getrandbits(32):08x}"
