"""What a seller installs: verify the marketplace's calls, answer them, and a sample seller to copy.

    verifier = Verifier(access_key)
    try:
        call = verifier.verify(query_string, body)
        reply = answers.opened(open_instance(call.text("orderId"), call.text("orderLineId"), call.text("businessId")))
    except Rejected as rejected:
        reply = answers.rejected(rejected)

Every reply goes out with HTTP status 200 and `answers.CONTENT_TYPE`. The package needs nothing but Python itself;
only the sample's own server, `python -m tradehall_seller`, asks for uvicorn.
"""

from tradehall_seller import answers
from tradehall_seller.verify import Call, NonceCache, Rejected, Verifier

__all__ = ["Call", "NonceCache", "Rejected", "Verifier", "answers"]
