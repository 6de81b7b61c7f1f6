"""The sample seller of V1: signed GETs in, JSON out with Body-Sign, accounts encrypted."""

import json
from typing import Any

from tradehall_seller import answers, crypt, v1
from tradehall_seller.body_sign import NAME, body_sign, signature
from tradehall_seller.codes import Code
from tradehall_seller.crypt import Encryption
from tradehall_seller.sample.base import Sample
from tradehall_seller.sample.manners import BREACHES, JSON, AnyManner, refusal
from tradehall_seller.serve import Reply
from tradehall_seller.verify import Call, Keys, Rejected, V1Verifier
from tradehall_seller.verify.v1 import parameters


class SampleSellerV1(Sample):
    """Serves the sample product to V1 calls, in whatever `manner`. Raises CryptographyMissing."""

    breaches = BREACHES

    def __init__(self, access_key: Keys, *, encryption: Encryption = "aes256", **settings: Any) -> None:
        super().__init__(access_key, **settings)
        crypt.require()
        self.encryption: Encryption = encryption
        self.verifier = V1Verifier(access_key, self.now)

    def _verify(self, query: bytes, body: bytes) -> Call:
        try:
            return self.verifier.verify(query)
        except Rejected as rejected:
            if self.manner == "ignores_signature" and rejected.code == Code.NOT_AUTHENTIC:
                members = parameters(query)
                return Call(members.get("activity", ""), members, "", 0, next(iter(self.verifier.keys))[0])
            raise

    def _answer(self, call: Call, manner: AnyManner) -> bytes:
        refused = refusal(call, manner)
        if refused is not None:
            return answers.rejected(refused)
        secrets = v1.Secrets(self.verifier.keys[call.key], self.encryption)
        return _spoilt(v1.answer(self.product(manner), call, secrets), manner)

    def _reply(self, body: bytes, call: Call | None, manner: AnyManner) -> Reply:
        """Signed with the key the call was signed with, or the current one where none fits."""
        key = self.verifier.keys.current if call is None else self.verifier.keys[call.key]
        if manner == "no_body_sign":
            return super()._reply(body, call, manner)
        if manner == "wrong_body_sign":
            key += "" if call is None else call.members["timeStamp"]
        sign = body_sign(key, body)
        if manner == "unquoted_body_sign":
            sign = f"sign_type=HMAC-SHA256, signature= {signature(key, body)}"
        return Reply(200, (("content-type", JSON), (NAME, sign)), body)


def _spoilt(body: bytes, manner: AnyManner) -> bytes:
    """The answer with what a breach does to its encrypted fields."""
    answer = json.loads(body)
    match manner:
        case "encrypt_type_number" if "encryptType" in answer:
            answer["encryptType"] = int(answer["encryptType"])
        case "encrypt_type_absent":
            answer.pop("encryptType", None)
        case "undecryptable_password":
            _set_passwords(answer, crypt.encrypt("initial", "the key of another seller"))
        case "plain_password":
            _set_passwords(answer, "initial")
        case _:
            return body
    return json.dumps(answer, separators=(",", ":")).encode()


def _set_passwords(answer: dict[str, Any], password: str) -> None:
    for holder in (answer, *answer.get("info", ())):
        if "appInfo" in holder:
            holder["appInfo"]["password"] = password
