"""What a seller installs: verify the marketplace's calls, answer them, and sample sellers to copy.

Write a `Seller` and put it online, in either generation of the protocol:

    application = asgi(Endpoint(Northwind(), keys="my-access-key"))

Or do it step by step, in any framework:

    verifier = Verifier(access_key)
    try:
        call = verifier.verify(query_string, body)
        reply = answers.opened(open_instance(call.text("orderId"), call.text("orderLineId"), call.text("businessId")))
    except Refused as refused:
        reply = answers.rejected(refused)

Every reply goes out with HTTP status 200 and `answers.CONTENT_TYPE`. The package needs nothing but Python itself: only
V1's encrypted fields ask for `cryptography`, and the sample's own server, `python -m tradehall_seller`, for uvicorn.
"""

from tradehall_seller import answers
from tradehall_seller.body_sign import body_sign
from tradehall_seller.codes import Code, Refused
from tradehall_seller.crypt import decrypt, encrypt
from tradehall_seller.seller import Opened, Seller
from tradehall_seller.serve import Endpoint, asgi, wsgi
from tradehall_seller.verify import Call, KitVerifier, NonceCache, Reason, Rejected, V1Verifier, Verifier

__all__ = [
    "Call",
    "Code",
    "Endpoint",
    "KitVerifier",
    "NonceCache",
    "Opened",
    "Reason",
    "Refused",
    "Rejected",
    "Seller",
    "V1Verifier",
    "Verifier",
    "answers",
    "asgi",
    "body_sign",
    "decrypt",
    "encrypt",
    "wsgi",
]
