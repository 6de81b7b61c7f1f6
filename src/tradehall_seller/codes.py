"""What a seller answers with: result codes, and the exception that turns into an answer."""

from enum import StrEnum


class Code(StrEnum):
    """Result codes. Anything but SUCCESS, and IN_PROGRESS to a new or queried instance, makes the call be repeated."""

    SUCCESS = "000000"
    NOT_AUTHENTIC = "000001"
    WRONG_PARAMETER = "000002"
    NO_SUCH_INSTANCE = "000003"
    IN_PROGRESS = "000004"
    TROUBLE = "000005"
    NO_RESOURCE = "000100"
    MOBILE_TAKEN = "000101"
    EMAIL_TAKEN = "000102"
    BOUGHT_BEFORE = "000103"
    SERVICE_TROUBLE = "000104"
    BENEFIT_HELD = "000105"
    SOLD_OUT = "000106"
    EMAIL_DOMAIN_TAKEN = "000107"


class Refused(Exception):
    """The call is not carried out; answer with `code` and `message`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
