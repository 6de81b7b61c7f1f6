"""The sample seller of V2: signed POSTs in, JSON out."""

from typing import Any

from tradehall_seller import answers, v2
from tradehall_seller.codes import Code
from tradehall_seller.sample.base import Sample
from tradehall_seller.sample.manners import V2_BREACHES, AnyManner, refusal
from tradehall_seller.verify import Call, Keys, Rejected, Verifier
from tradehall_seller.verify.common import members_of


class SampleSeller(Sample):
    """Serves the sample product to V2 calls, in whatever `manner`."""

    breaches = V2_BREACHES

    def __init__(self, access_key: Keys, **settings: Any) -> None:
        super().__init__(access_key, **settings)
        self.verifier = Verifier(access_key, self.now)

    def _verify(self, query: bytes, body: bytes) -> Call:
        try:
            return self.verifier.verify(query, body)
        except Rejected as rejected:
            if self.manner == "ignores_signature" and rejected.code == Code.NOT_AUTHENTIC:
                members = members_of(body)
                return Call(str(members.get("activity", "")), members, "", 0)
            raise

    def _answer(self, call: Call, manner: AnyManner) -> bytes:
        refused = refusal(call, manner)
        return answers.rejected(refused) if refused else v2.answer(self.product(manner), call)
