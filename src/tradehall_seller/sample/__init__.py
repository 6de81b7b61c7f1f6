"""Sample sellers to copy, and to try a marketplace against: `product` is what a seller writes, the rest plays."""

from tradehall_seller.sample.base import Received
from tradehall_seller.sample.manners import BREACHES, MANNERS, AnyManner, Breach, Manner
from tradehall_seller.sample.product import Product
from tradehall_seller.sample.v1 import SampleSellerV1
from tradehall_seller.sample.v2 import SampleSeller
from tradehall_seller.serve import Message, Receive, Reply, Scope, Send

__all__ = [
    "BREACHES",
    "MANNERS",
    "AnyManner",
    "Breach",
    "Manner",
    "Message",
    "Product",
    "Receive",
    "Received",
    "Reply",
    "SampleSeller",
    "SampleSellerV1",
    "Scope",
    "Send",
]
