"""Whatever is sent, the answer is a problem that names what is wrong, in the language asked for; never a traceback."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from tests.api.conftest import As, Client
from tests.api.test_access import ALL, OWNERLESS, QUERIES, Operation, maker, named, nothing
from tests.world import Shop, World

from tradehall.api.examples import REQUESTS
from tradehall.api.openapi import OPENAPI, admitted
from tradehall.api.routes import api
from tradehall.app import create_app
from tradehall.installation import Installation

JSON = {"Content-Type": "application/json"}
ORDERS = "/api/v1/orders"


def problem(answer: Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert told["detail"]
    assert told["request_id"] == answer.headers["X-Request-ID"]
    return told


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"\xff\xfe", b'{"price_id": "\xff"}', b"[" * 100_000, b'{"a":' * 5_000],
    ids=["cut off", "not JSON", "not UTF-8", "a text that is not UTF-8", "a tower of brackets", "a tower of braces"],
)
async def test_what_is_not_json_is_refused(client: Client, as_: As, world: World, body: bytes) -> None:
    answer = await client.post(ORDERS, content=body, headers=await as_(world.buyer) | JSON)
    assert answer.status_code in (400, 422)
    assert problem(answer)["code"] in ("malformed_request", "invalid")


FIELDS: list[tuple[Any, str, str]] = [
    ({}, "price_id", "This is missing."),
    ({"price_id": "x"}, "price_id", "Write an id here, such as 01a3b0f2-7c1e-7d4a-9c55-0a1b2c3d4e5f."),
    ({"price_id": 5}, "price_id", "Write an id here, such as 01a3b0f2-7c1e-7d4a-9c55-0a1b2c3d4e5f."),
    ({"price_id": None}, "price_id", "Write an id here, such as 01a3b0f2-7c1e-7d4a-9c55-0a1b2c3d4e5f."),
    ({"price_id": "$", "quantity": "3"}, "quantity", "Write a whole number here."),
    ({"price_id": "$", "quantity": 1.5}, "quantity", "Write a whole number here."),
    ({"price_id": "$", "quantity": True}, "quantity", "Write a whole number here."),
    ({"price_id": "$", "quantity": -1}, "quantity", "The least is 0."),
    ({"price_id": "$", "quantity": 10**30}, "quantity", "The most is 9007199254740992."),
    ({"price_id": "$", "period_number": []}, "period_number", "Write a whole number here."),
    ({"price_id": "$", "discount": 1}, "discount", "There is no such field."),
    ([], "body", "Write an object here."),
    (3, "body", "Write an object here."),
]


@pytest.mark.parametrize(("body", "field", "message"), FIELDS)
async def test_a_wrong_field_is_named(
    client: Client, as_: As, world: World, body: Any, field: str, message: str
) -> None:
    if isinstance(body, dict) and body.get("price_id") == "$":
        body = body | {"price_id": str(world.monthly)}
    answer = await client.post(ORDERS, json=body, headers=await as_(world.buyer))
    assert answer.status_code == 422, answer.text
    assert problem(answer)["errors"] == [{"field": field, "message": message}]


async def test_no_body_at_all_is_refused(client: Client, as_: As, world: World) -> None:
    answer = await client.post(ORDERS, headers=await as_(world.buyer) | JSON)
    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"field": "body", "message": "This is missing."}]


async def test_a_field_inside_a_list_is_named(client: Client, as_: As, world: World) -> None:
    body = {"calls": [{"id": str(world.endpoint), "seen_attempts": 0}, {"id": "x", "seen_attempts": 0}]}
    answer = await client.post("/api/v1/seller/calls/restart", json=body, headers=await as_(world.seller))
    assert [one["field"] for one in problem(answer)["errors"]] == ["calls[1].id"]


@pytest.mark.parametrize(("size", "message"), [(0, "Send at least 1 of them."), (101, "Send at most 100 of them.")])
async def test_lists_have_bounds(client: Client, as_: As, world: World, size: int, message: str) -> None:
    body = {"calls": [{"id": str(world.endpoint), "seen_attempts": 0}] * size}
    answer = await client.post("/api/v1/seller/calls/restart", json=body, headers=await as_(world.seller))
    assert problem(answer)["errors"] == [{"field": "calls", "message": message}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("after=nonsense", "after"),
        ("state=lost", "state"),
        ("since=yesterday", "since"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, as_: As, world: World, query: str, field: str) -> None:
    answer = await client.get(f"{ORDERS}?{query}", headers=await as_(world.buyer))
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in problem(answer)["errors"]] == [field]


@pytest.mark.parametrize("path", ["/seller/calls?q=%00", "/seller/calls?q=%25_%5C", "/orders?q=%00x", "/orders/%00"])
async def test_strange_texts_find_nothing_or_are_refused(client: Client, as_: As, world: World, path: str) -> None:
    answer = await client.get(f"/api/v1{path}", headers=await as_(world.seller))
    assert answer.status_code in (200, 404, 422)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
async def test_texts_that_cannot_be_stored_are_refused(client: Client, as_: As, world: World, name: str) -> None:
    escaped = name.encode("unicode_escape").decode().replace("\\x00", "\\u0000")
    body = f'{{"name_en": "{escaped}", "name_zh": "x"}}'
    path = f"/api/v1/seller/products/{world.product}/skus"
    answer = await client.post(path, content=body, headers=await as_(world.seller) | JSON)
    assert answer.status_code in (400, 422), answer.text
    problem(answer)


async def test_a_large_body_is_refused(client: Client, as_: As, world: World) -> None:
    body = b'{"x": "' + b"x" * 300_000 + b'"}'
    answer = await client.post(ORDERS, content=body, headers=await as_(world.buyer) | JSON)
    assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")


async def test_a_large_body_in_pieces_is_refused(installation: Installation, as_: As, world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    app: Any = create_app(installation)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://tradehall") as client:
        answer = await client.post(ORDERS, content=pieces(), headers=await as_(world.buyer) | JSON)
    assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")


async def test_an_unknown_address_and_a_wrong_method_are_told(client: Client) -> None:
    assert problem(await client.get("/api/v1/nothing"))["code"] == "not_found"
    assert problem(await client.get("/api/v1/seller/calls/no-uuid"))["status"] in (401, 404)
    assert problem(await client.patch("/api/v1/me"))["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("language", "detail", "message"),
    [
        ("en-GB,en;q=0.9", "Some fields are not right.", "This is missing."),
        ("zh-CN", "有些内容填写不正确。", "缺少此项。"),
    ],
)
async def test_problems_are_told_in_the_language_asked_for(
    client: Client, as_: As, world: World, language: str, detail: str, message: str
) -> None:
    headers = await as_(world.buyer) | {"Accept-Language": language}
    told = problem(await client.post(ORDERS, json={}, headers=headers))
    assert told["code"] == "invalid"
    assert told["detail"] == detail
    assert [one["message"] for one in told["errors"]] == [message]


@pytest.mark.parametrize("key", ["x" * 129, "caf\xe9", "a\tb"])
async def test_an_unusable_idempotency_key_is_refused(client: Client, as_: As, world: World, key: str) -> None:
    headers: Any = [*(await as_(world.buyer)).items(), ("Idempotency-Key", key.encode("latin-1"))]
    answer = await client.post(ORDERS, json={"price_id": str(world.monthly), "period_number": 1}, headers=headers)
    assert answer.status_code == 422
    assert [one["field"] for one in problem(answer)["errors"]] == ["Idempotency-Key"]


async def test_a_stale_page_is_told_what_changed(client: Client, as_: As, shop: Shop, world: World) -> None:
    call = await shop.call(await shop.buy(), "newInstance")
    await shop.run_due()
    path = f"/api/v1/seller/calls/{call.id}/restart"
    answer = await client.post(path, json={"seen_attempts": 0}, headers=await as_(world.seller))
    assert answer.status_code == 409
    assert "after 1 tries" in problem(answer)["detail"]


# --- Every route -----------------------------------------------------------------------------------------------------

# What is well formed and far from anything that is meant.
HOSTILE = ("\0", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9" * 400, "f" * 22)
HOSTILE_JSON = (*map(json.dumps, HOSTILE), "1e400", "-9223372036854775809", "[[]]", '"\\ud800"')


@cache
def described() -> dict[str, Any]:
    paths: dict[str, Any] = Litestar([api], openapi_config=OPENAPI).openapi_schema.to_schema()["paths"]
    return paths


def questions(operation: Operation) -> list[str]:
    """What may stand in a route's query."""
    path = operation.path.replace(":str}", "}").replace(":uuid}", "}")
    told = described()[path][operation.method.lower()]
    return [one["name"] for one in told.get("parameters", []) if one["in"] == "query"]


def spoilt(value: Any) -> Iterator[str]:
    """A body, with each of its values in turn replaced by each of what is hostile."""
    if isinstance(value, dict):
        for key, one in value.items():
            rest = {name: other for name, other in value.items() if name != key}
            for text in spoilt(one):
                yield json.dumps(rest)[:-1] + f"{', ' if rest else ''}{json.dumps(key)}: {text}}}"
    elif isinstance(value, list) and value:
        yield from (f"[{text}]" for text in spoilt(value[0]))
    else:
        yield from HOSTILE_JSON


@named([one for one in ALL if "gives_file" not in one.handler.opt])
async def test_whatever_is_sent_to_a_route_it_is_answered(
    client: Client, as_: As, shop: Shop, world: World, operation: Operation
) -> None:
    known = nothing(operation)
    values = known | {
        name: await maker(operation, name)(shop, world) for name in operation.parameters if name not in OWNERLESS
    }
    limits = admitted(operation.handler)
    owner = {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}
    headers = (await as_(owner[limits[0][0]]) if limits else {}) | JSON
    always, body = QUERIES.get(operation.name, {}), REQUESTS.get(operation.name)
    sent: list[tuple[dict[str, str], str | None]] = [
        (always | {name: value}, json.dumps(body) if body is not None else None)
        for name in questions(operation)
        for value in HOSTILE
    ]
    if body is not None:
        sent += [(always, text) for text in spoilt(body)]
    for query, text in sent:
        answer = await client.request(
            operation.method, operation.url(values), params=query, content=text, headers=headers
        )
        assert answer.status_code < 500, (query, text, answer.text)
