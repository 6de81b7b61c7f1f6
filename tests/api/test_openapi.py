"""The API's description is whole: examples that are what they show, problems, words, and who may ask."""

import re
from pathlib import Path
from typing import Any

import msgspec
from tests.api.conftest import Client
from tests.api.test_access import ALL, GUARDED, Operation, named

import tradehall
from tradehall.api.examples import REQUESTS, RESPONSES
from tradehall.api.openapi import schema_json
from tradehall.api.timeline import EVENT_KINDS
from tradehall.edge.problems import ProblemDetails
from tradehall.provisioning import settling
from tradehall.trading import actions, life, refunds
from tradehall.trading.subscription_queries import LIFE

# What is named like an event and is none: kinds of due rows.
OTHER_NAMES = {actions.EXPIRE, refunds.REFUND, life.RENEWAL, LIFE, settling.INVESTIGATION}

SCHEMA = msgspec.json.decode(schema_json())
OPERATIONS: dict[str, Any] = {
    operation["operationId"]: operation
    for item in SCHEMA["paths"].values()
    for operation in item.values()
    if isinstance(operation, dict)
}


async def test_it_is_served(client: Client) -> None:
    answer = await client.get("/api/v1/schema/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == SCHEMA
    assert SCHEMA["openapi"].startswith("3.1")


def test_it_describes_every_route_and_nothing_else() -> None:
    assert OPERATIONS.keys() == {one.name for one in ALL}


@named(ALL)
def test_every_operation_has_words_a_tag_and_a_readable_name(operation: Operation) -> None:
    described = OPERATIONS[operation.name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation.name)
    assert described["summary"]
    assert not described["summary"].endswith(".")
    assert described["description"]
    assert len(described["tags"]) == 1
    assert described["security"] == ([{"bearer": []}] if operation in GUARDED else [])
    for parameter in described.get("parameters", ()):
        assert parameter["description"], parameter["name"]


@named(ALL)
def test_every_body_has_an_example_that_is_one(operation: Operation) -> None:
    signature = operation.handler.parsed_fn_signature
    if field := operation.handler.parsed_data_field:
        assert whole(REQUESTS[operation.name], field.annotation)
    else:
        assert operation.name not in REQUESTS
    answer = signature.return_type.annotation
    if operation.handler.opt.get("gives_file"):
        assert operation.name not in RESPONSES
    elif answer is not type(None):
        assert whole(RESPONSES[operation.name], answer)


def whole(example: Any, kind: Any) -> bool:
    """Whether it decodes strictly, and says all there is to say."""
    decoded = msgspec.json.decode(msgspec.json.encode(example), type=kind)
    return bool(msgspec.json.decode(msgspec.json.encode(decoded)) == example)


@named(ALL)
def test_its_problems_are_problem_details(operation: Operation) -> None:
    responses = OPERATIONS[operation.name]["responses"]
    wanted = {"503"} | ({"401"} if operation in GUARDED else set())
    wanted |= {"404"} if operation.parameters else set()
    wanted |= {"400", "413", "422"} if operation.handler.parsed_data_field else set()
    assert wanted <= responses.keys()
    for status, response in responses.items():
        if status >= "400":
            examples = response["content"]["application/problem+json"]["examples"]
            for example in examples.values():
                assert msgspec.convert(example["value"], ProblemDetails).status == int(status)


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', schema_json().decode()))
    assert names <= SCHEMA["components"]["schemas"].keys()


def test_bodies_that_are_sent_refuse_unknown_fields() -> None:
    for operation in ALL:
        if operation.handler.parsed_data_field:
            (content,) = OPERATIONS[operation.name]["requestBody"]["content"].values()
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert SCHEMA["components"]["schemas"][name]["additionalProperties"] is False


def test_it_names_the_bearer_token() -> None:
    assert SCHEMA["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_timeline_knows_every_event_that_is_recorded_on_orders() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(tradehall.__file__).parent.rglob("*.py"))
    recorded = set(re.findall(r'record\(\s*"([a-z_.]+)",\s*"order"', source))
    # Those whose kind is chosen first: whatever else is named like one.
    named = r'"((?:order|instance|change|renewal|subscription|call)\.[a-z_]+)"'
    recorded |= set(re.findall(named, source)) - OTHER_NAMES
    assert "order.paid" in recorded
    assert recorded <= set(EVENT_KINDS)
