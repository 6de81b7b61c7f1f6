"""Who may ask for what, generated from the route table: a new route is tested here, or fails here."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from httpx import Response
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.api.conftest import As, Client
from tests.reviewing import Reviewing
from tests.supervised import Supervised, stored
from tests.templates import attached
from tests.world import SellerServer, Shop, World

from tradehall.api.examples import REQUESTS
from tradehall.api.openapi import admitted, operation_id
from tradehall.api.routes import PREFIX, api
from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.kernel.journal import Actor
from tradehall.openapi.routes import PREFIX as OPENAPI_PREFIX
from tradehall.parties import credentials
from tradehall.supervision.conversation import templates as message_templates

# What everybody may ask without a token. Whatever else has no guard fails.
PUBLIC = {
    "list_products", "get_product", "list_product_reviews", "download_template", "quote_price", "create_token",
    "list_signing_keys",
}  # fmt: skip

# Whose things nobody but operators would mistake for foreign: the platform's own.
OWNERLESS = {"row_id", "sending_id"}

# The parameters that name something, and the same of an organisation the asker does not belong to.
UNKNOWN: dict[str, str] = {
    "number": "CS2603020900ZZZZZ",
    "slug": "no-such-product",
    "verb": "no_such_verb",
    "template_kind": "acceptance_template",
}

# What has to be in the query for a route to be asked at all.
QUERIES: dict[str, dict[str, str]] = {
    "hand_in_file": {"verb": "submit_requirement", "field": "requirement_files"},
    "unmark_calendar_days": {"first": "2026-10-01"},
}


class Operation(NamedTuple):
    """A route with one of its methods."""

    name: str
    method: str
    path: str
    handler: HTTPRouteHandler

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+):", self.path)

    def url(self, values: dict[str, str]) -> str:
        return re.sub(r"\{(\w+):\w+\}", lambda found: values[found[1]], self.path)


def operations() -> Iterator[Operation]:
    for route in Litestar([api]).routes:
        if isinstance(route, HTTPRoute) and route.path.startswith(PREFIX + "/"):
            for handler in route.route_handlers:
                if route.path.startswith(f"{PREFIX}/schema"):
                    continue
                for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                    yield Operation(operation_id(handler), str(method), route.path, handler)


ALL = sorted(operations())  # in one order, whichever process collects them
GUARDED = [one for one in ALL if admitted(one.handler)]


def named(some: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", some, ids=[one.name for one in some])


async def ask(
    client: Client, operation: Operation, values: dict[str, str], headers: dict[str, str] | None = None
) -> Response:
    body = {"json": REQUESTS[operation.name]} if operation.name in REQUESTS else {}
    url = operation.url(values)
    return await client.request(operation.method, url, params=QUERIES.get(operation.name), headers=headers, **body)


def limits(operation: Operation) -> tuple[tuple[str, ...], str]:
    found = admitted(operation.handler)
    assert found
    return found


def nothing(operation: Operation) -> dict[str, str]:
    """Values that name nothing that exists."""
    return {name: UNKNOWN.get(name) or str(uuid4()) for name in operation.parameters}


def test_there_are_routes() -> None:
    assert len(ALL) >= 40
    assert len({one.name for one in ALL}) == len(ALL)


def test_the_application_serves_no_other_api_routes(installation: Installation) -> None:
    served = {route.path for route in create_app(installation).routes if route.path.startswith("/api")}
    # What sellers sign with AK and SK is looked after in tests/openapi/test_access.py.
    others = {path for path in served if path.startswith((f"{PREFIX}/schema", f"{OPENAPI_PREFIX}/"))}
    assert served - others == {one.path for one in ALL}


def test_exactly_what_is_listed_here_is_public() -> None:
    assert {one.name for one in ALL if not admitted(one.handler)} == PUBLIC


def test_every_write_takes_an_idempotency_key() -> None:
    without = {
        one.name
        for one in ALL
        if one.method != "GET" and "idempotency_key" not in one.handler.parsed_fn_signature.parameters
    }
    assert without == {"quote_price", "quote_renewal", "quote_conversion", "quote_change"}, "a quote writes nothing"


@named(GUARDED)
async def test_without_a_token_nobody_is_let_in(client: Client, operation: Operation) -> None:
    for headers in ({}, {"Authorization": "Bearer thp_nonsense"}, {"Authorization": "Basic eDp5"}):
        answer = await ask(client, operation, nothing(operation), headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"


@named(GUARDED)
async def test_every_other_kind_of_organisation_is_refused(
    client: Client, as_: As, world: World, operation: Operation
) -> None:
    kinds, _ = limits(operation)
    for kind, actor in {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}.items():
        answer = await ask(client, operation, nothing(operation), await as_(actor))
        if kind not in kinds:
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_console")
        else:
            assert answer.status_code not in (401, 403)


@named([one for one in GUARDED if limits(one)[1] == "admin"])
async def test_members_are_refused_what_only_administrators_do(
    client: Client, as_: As, world: World, operation: Operation
) -> None:
    (kind,) = limits(operation)[0]
    member = {"buyer": world.buyer_member, "seller": world.seller_member, "platform": world.operator_member}[kind]
    answer = await ask(client, operation, nothing(operation), await as_(member))
    assert (answer.status_code, answer.json()["code"]) == (403, "only_admins")


# --- Someone else's ids ----------------------------------------------------------------------------------------------

Make = Callable[[Shop, World], Awaitable[str]]


async def an_order(shop: Shop, world: World) -> str:
    return await shop.buy()


async def a_supervised_order(shop: Shop, world: World) -> str:
    return await Supervised(shop).buy("saas_manual")


async def a_draft_verb(shop: Shop, world: World) -> str:
    return "submit_requirement"


async def a_file(shop: Shop, world: World) -> str:
    """One the buyer uploaded for the order that was supervised last."""
    found = await shop.sql("SELECT order_number FROM supervision_flows ORDER BY id DESC LIMIT 1")
    number = str(found[0][0])
    supervised = Supervised(shop)
    return str(await supervised.hand_in(number, "submit_requirement", "requirement_files", by=world.buyer))


async def a_sent_file(shop: Shop, world: World) -> str:
    """One the buyer uploaded for a message in the order that was supervised last."""
    found = await shop.sql("SELECT order_number FROM supervision_flows ORDER BY id DESC LIMIT 1")
    async with shop.installation.db.transaction(world.buyer) as tx:
        file_id = await stored(tx, world.buyer, b"shown")
        return str(await shop.installation.conversation.attach(tx, str(found[0][0]), file_id))


async def a_message_template(shop: Shop, world: World) -> str:
    async with shop.installation.db.transaction(world.buyer) as tx:
        return str(await message_templates.add(tx, "Which database", "Which database do you use?"))


async def a_call(shop: Shop, world: World) -> str:
    return str((await shop.call(await shop.buy(), "newInstance")).id)


async def an_application(shop: Shop, world: World) -> str:
    """One that is open: only then can most be done with it."""
    server = SellerServer(shop.clock)
    await server.up()
    await shop.point_endpoint(world.endpoint, server.url)
    number = await shop.buy()
    await shop.run_due()
    await server.down()
    return str((await shop.instance(number)).id)


async def a_rule(shop: Shop, world: World) -> str:
    found = await shop.sql(f"SELECT id FROM upgrade_rules WHERE product_id = '{world.product}' LIMIT 1")
    return str(found[0][0])


async def an_endpoint(shop: Shop, world: World) -> str:
    return str(world.endpoint)


async def a_key(shop: Shop, world: World) -> str:
    found = await shop.sql(f"SELECT id FROM access_keys WHERE endpoint_id = '{world.endpoint}'")
    return str(found[0][0])


async def a_credential(shop: Shop, world: World) -> str:
    async with shop.installation.db.transaction(world.seller) as tx:
        made, _ = await credentials.create_credential(tx, shop.installation.seal, name="order-sync")
    return str(made)


async def an_organisation(shop: Shop, world: World) -> str:
    return str(world.buyer.organisation_id)


async def a_product_by_hand(shop: Shop, world: World) -> str:
    price = await Supervised(shop).price("saas_manual")
    found = await shop.sql(f"SELECT k.product_id FROM prices r JOIN skus k ON k.id = r.sku_id WHERE r.id = '{price}'")
    return str(found[0][0])


async def a_product_with_its_standard(shop: Shop, world: World) -> str:
    """A draft, so that nobody but its seller and operators may see it."""
    product_id = UUID(await a_product_by_hand(shop, world))
    await attached(shop.installation, world.seller, product_id)
    await shop.sql(f"UPDATE products SET state = 'off_sale' WHERE id = '{product_id}'")
    found = await shop.sql(f"SELECT slug FROM products WHERE id = '{product_id}'")
    return str(found[0][0])


async def a_template_kind(shop: Shop, world: World) -> str:
    return "acceptance_template"


async def a_product(shop: Shop, world: World) -> str:
    return str(world.product)


async def a_sku(shop: Shop, world: World) -> str:
    found = await shop.sql(f"SELECT id FROM skus WHERE product_id = '{world.product}' LIMIT 1")
    return str(found[0][0])


async def a_draft(shop: Shop, world: World) -> str:
    await shop.sql(f"UPDATE products SET state = 'draft' WHERE id = '{world.product}'")
    return world.slug


async def a_token(shop: Shop, world: World) -> str:
    found = await shop.sql(
        f"""
        INSERT INTO api_tokens (id, token_hash, hint, person_id, organisation_id, name, created_at)
        VALUES ('{uuid4()}', 'x', 'x', '{world.buyer.person_id}', '{world.buyer.organisation_id}', 'x', now())
        RETURNING id
        """
    )
    return str(found[0][0])


async def a_message(shop: Shop, world: World) -> str:
    found = await shop.sql(
        f"""
        INSERT INTO notices (id, person_id, organisation_id, kind, link, facts, urgent, created_at)
        VALUES ('{uuid4()}', '{world.buyer.person_id}', '{world.buyer.organisation_id}', 'accepted', '/buyer', '{{}}',
                false, now())
        RETURNING id
        """
    )
    return str(found[0][0])


async def a_reviewed_order(shop: Shop, world: World) -> str:
    return (await Reviewing(shop).published()).order_number


async def a_review(shop: Shop, world: World) -> str:
    return str((await Reviewing(shop).published()).id)


# How something is made that belongs to the marketplace's first seller and first buyer.
OWNED: dict[str, Make] = {
    "number": an_order,
    "call_id": a_call,
    "application_id": an_application,
    "credential_id": a_credential,
    "endpoint_id": an_endpoint,
    "evidence_id": a_file,
    "key_id": a_key,
    "message_id": a_message,
    "message_template_id": a_message_template,
    "organisation_id": an_organisation,
    "piece_id": a_sent_file,
    "product_id": a_product,
    "review_id": a_review,
    "rule_id": a_rule,
    "sku_id": a_sku,
    "slug": a_draft,
    "template_kind": a_template_kind,
    "token_id": a_token,
    "verb": a_draft_verb,
}


def maker(operation: Operation, name: str) -> Make:
    """How that is made which this route's parameter names."""
    if name == "number" and operation.path.startswith(f"{PREFIX}/supervision/"):
        return a_supervised_order
    if name == "number" and "/review" in operation.path:
        return a_reviewed_order
    if operation.name == "download_template" and name == "slug":
        return a_product_with_its_standard
    if operation.name == "attach_template" and name == "product_id":
        return a_product_by_hand
    return OWNED[name]


def foreigners(operation: Operation, world: World) -> dict[str, Actor]:
    """People of the kinds that are let in, of organisations that do not own what `OWNED` makes."""
    found = admitted(operation.handler)
    kinds = found[0] if found else ("buyer", "seller")
    strangers = {"buyer": world.other_buyer, "seller": world.other_seller, "platform": world.operator}
    sees_all = {
        "number",
        "call_id",
        "slug",
        "application_id",
        "organisation_id",
        "review_id",
    }  # operators see all of these
    return {
        kind: strangers[kind] for kind in kinds if kind != "platform" or not sees_all.intersection(operation.parameters)
    }


@named([one for one in ALL if one.parameters])
async def test_what_belongs_to_others_is_answered_like_what_does_not_exist(
    client: Client, as_: As, shop: Shop, world: World, operation: Operation
) -> None:
    parameters = set(operation.parameters) - OWNERLESS
    assert parameters <= OWNED.keys(), "say how something is made that this route's parameter names"
    unknown = nothing(operation)
    made = {name: await maker(operation, name)(shop, world) for name in operation.parameters if name in parameters}
    foreign = unknown | made
    for actor in foreigners(operation, world).values():
        headers = await as_(actor)
        answers = [await ask(client, operation, values, headers) for values in (foreign, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        theirs, nobodys = (answer.json() | {"request_id": ""} for answer in answers)
        assert theirs == nobodys


@named([one for one in ALL if one.parameters])
async def test_its_owner_is_not_told_that_it_does_not_exist(
    client: Client, as_: As, shop: Shop, world: World, operation: Operation
) -> None:
    """So that the test before cannot pass because its things are missing."""
    if set(operation.parameters) & OWNERLESS:
        pytest.skip("belongs to nobody")
    values = {name: await maker(operation, name)(shop, world) for name in operation.parameters}
    found = admitted(operation.handler)
    kind = found[0][0] if found else "seller"
    owner = {"buyer": world.buyer, "seller": world.seller, "platform": world.operator}[kind]
    answer = await ask(client, operation, values, await as_(owner))
    assert answer.status_code not in (401, 403, 404), answer.text


async def test_calls_of_others_are_not_restarted_among_many(client: Client, as_: As, shop: Shop, world: World) -> None:
    foreign, unknown = await a_call(shop, world), str(uuid4())
    body = {"calls": [{"id": one, "seen_attempts": 0} for one in (foreign, unknown)]}
    answer = await client.post(f"{PREFIX}/seller/calls/restart", json=body, headers=await as_(world.other_seller))
    outcomes = answer.json()["outcomes"]
    assert [(one["restarted"], one["code"]) for one in outcomes] == [(False, "call_not_found")] * 2
    assert outcomes[0]["detail"] == outcomes[1]["detail"]
