"""Examples of what is sent and answered about calls to sellers' servers."""

from typing import Any

from tradehall.api.examples.common import APPLICATION, NUMBER, PRODUCT_NAMES, REQUEST, SELLER, SELLER_NAMES, page

_CALL = "0196b4f3-0a81-7c45-8c9d-aebfc0d1e2f3"
_OTHER_CALL = "0196b4f3-0a82-7c46-9a0b-1c2d3e4f5061"
_ONE_CALL = {
    "id": _CALL,
    "activity": "newInstance",
    "purpose": "open",
    "state": "waiting",
    "order_number": NUMBER,
    "line_number": f"{NUMBER}-000001",
    "instance_id": APPLICATION,
    **PRODUCT_NAMES,
    "seller_id": SELLER,
    **SELLER_NAMES,
    "attempts": 2,
    "verdict": "unreadable",
    "result_code": None,
    "trouble": "http_status",
    "explanation": "The HTTP status is not 200",
    "created_at": "2026-05-09T07:31:10Z",
    "last_attempt_at": "2026-05-09T07:34:10Z",
    "next_at": "2026-05-09T07:37:10Z",
    "window_ends_at": "2026-05-09T10:31:10Z",
    "settled_at": None,
    "request_id": REQUEST,
}
_RESTARTED = {**_ONE_CALL, "next_at": "2026-05-09T07:35:02Z"}
_ONE_TRY = {
    "number": 2,
    "started_at": "2026-05-09T07:34:10Z",
    "milliseconds": 41.5,
    "url": "https://produce.lotus.example/marketplace?signature=q83v…&timestamp=1778312050000&nonce=8GkV2",
    "request_body": (
        f'{{"activity":"newInstance","businessId":"1c9d…","orderId":"{NUMBER}","orderLineId":"{NUMBER}-000001"}}'
    ),
    "status": 502,
    "response_headers": [["Content-Type", "text/html"]],
    "response_body": "<html><body>Bad Gateway</body></html>",
    "truncated": False,
    "verdict": "unreadable",
    "result_code": None,
    "trouble": "http_status",
    "message": None,
    "warnings": [],
    "explanation": "The HTTP status is not 200",
}
_CALL_WITH_TRIES = {**_ONE_CALL, "tries": [_ONE_TRY]}
_OUTCOMES = {
    "outcomes": [
        {"id": _CALL, "restarted": True, "code": None, "detail": None},
        {
            "id": _OTHER_CALL,
            "restarted": False,
            "code": "call_is_settled",
            "detail": "This call cannot be started again: it is succeeded.",
        },
    ]
}
_TO_RESTART = {"calls": [{"id": _CALL, "seen_attempts": 2}, {"id": _OTHER_CALL, "seen_attempts": 1}]}

REQUESTS: dict[str, Any] = {
    "restart_seller_call": {"seen_attempts": 2},
    "restart_operator_call": {"seen_attempts": 2},
    "restart_seller_calls": _TO_RESTART,
    "restart_operator_calls": _TO_RESTART,
}
RESPONSES: dict[str, Any] = {
    "list_seller_calls": page(_ONE_CALL),
    "get_seller_call": _CALL_WITH_TRIES,
    "restart_seller_call": _RESTARTED,
    "restart_seller_calls": _OUTCOMES,
    "list_operator_calls": page(_ONE_CALL),
    "get_operator_call": _CALL_WITH_TRIES,
    "restart_operator_call": _RESTARTED,
    "restart_operator_calls": _OUTCOMES,
}
