"""The API's description, OpenAPI 3.1: what the handlers' types and docstrings say, and besides who may ask, which
problems each operation answers with, and an example of every body."""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from string import Formatter
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import Method

from tradehall import __version__
from tradehall.api.examples import REQUESTS, RESPONSES
from tradehall.api.routes import PREFIX, api
from tradehall.edge.access import Only
from tradehall.edge.problems import BodyTooLarge, MalformedRequest, ProblemDetails, details
from tradehall.kernel.errors import FieldProblem, Invalid, NotSignedIn, Problem, Unavailable
from tradehall.kernel.idempotency import IdempotencyKeyReused
from tradehall.parties.errors import InvalidToken, OnlyAdmins, WrongConsole

PROBLEM = "application/problem+json"
JSON = "application/json"
# A file is the whole body, or the one file of a form.
BYTES = "application/octet-stream"
FILE_BODIES = {
    BYTES: {"schema": {"type": "string", "format": "binary"}},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        }
    },
}
EVERYBODY = ("buyer", "seller", "platform")
PATH_PARAMETERS = {
    "application_id": "An application's id.",
    "call_id": "A call's id.",
    "credential_id": "An API credential's id.",
    "endpoint_id": "An endpoint's id.",
    "evidence_id": "The id of a file of the order.",
    "key_id": "An access key's id.",
    "message_id": "A message's id.",
    "number": "An order's number, such as CS2605091530K7Q2M.",
    "organisation_id": "An organisation's id.",
    "message_template_id": "The id of a template of messages.",
    "piece_id": "The id of a file of a message.",
    "product_id": "A product's id.",
    "review_id": "A review's id.",
    "row_id": "The id of parked work.",
    "rule_id": "An upgrade rule's id.",
    "sending_id": "An outgoing message's id.",
    "sku_id": "A specification's id.",
    "slug": "A product's address in the catalogue, such as lotus-meetings.",
    "template_kind": "requirement_template or acceptance_template.",
    "token_id": "An API token's id.",
    "verb": "The verb it is a draft of.",
}
DESCRIPTION = """\
Everything the consoles do, for programs.

* **Who asks**: send a personal API token as `Authorization: Bearer thp_…`. A token acts for one organisation.
* **Amounts** are whole numbers of minor units (分, cents) of the currency beside them; **moments** are RFC 3339.
* **Lists** come in pages: send a page's `next` as `after` to get the page after it, its `previous` as `before`.
* **Writes** take an `Idempotency-Key`: sent twice with the same key, a write has one effect and one answer.
* **Problems** are RFC 9457 problem details in the language of `Accept-Language` (zh, en). `code` is stable.
"""


class _Described(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return schema_json()


def _operation_id(handler: HTTPRouteHandler, method: Method, path: list[Any]) -> str:
    return operation_id(handler)


def operation_id(handler: HTTPRouteHandler) -> str:
    """The name of an operation: its handler's, place_order."""
    return handler.operation_id if isinstance(handler.operation_id, str) else handler.handler_name


OPENAPI = OpenAPIConfig(
    title="Tradehall",
    version=__version__,
    description=DESCRIPTION,
    path=f"{PREFIX}/schema",
    render_plugins=[_Described(path="/openapi.json")],
    use_handler_docstrings=True,
    operation_id_creator=_operation_id,
    components=Components(
        security_schemes={
            "bearer": SecurityScheme(type="http", scheme="bearer", description="A personal API token, thp_….")
        }
    ),
)


@cache
def schema_json() -> bytes:
    """The API's OpenAPI document."""
    app = Litestar([api], openapi_config=OPENAPI)
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    operations = {
        operation["operationId"]: operation
        for item in schema["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    }
    handlers = {name: handler for name, handler in _handlers(app) if name in operations}
    # msgspec's own schemas say more than Litestar's of them: docstrings, and that unknown fields are refused.
    asked = {name: field.annotation for name, one in handlers.items() if (field := one.parsed_data_field)}
    told = {
        name: None if one.opt.get("gives_file") else one.parsed_fn_signature.return_type.annotation
        for name, one in handlers.items()
    }
    schemas, components = msgspec.json.schema_components(
        [*asked.values(), *told.values(), ProblemDetails], ref_template="#/components/schemas/{name}"
    )
    schema["components"]["schemas"] = components
    bodies = dict(zip(asked, schemas, strict=False))
    answers = dict(zip(told, schemas[len(asked) :], strict=False))
    for name, operation in operations.items():
        _describe(operation, handlers[name], bodies.get(name), answers[name])
    named = re.sub(rb"\bPage_(\w+?)_(?=\")", rb"PageOf\1", msgspec.json.encode(schema))
    return msgspec.json.format(named, indent=2)


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                yield operation_id(handler), handler


def admitted(handler: HTTPRouteHandler) -> tuple[tuple[str, ...], str] | None:
    """The kinds of organisation and the least role a handler's guards let in; None when it is public."""
    for guard in handler.resolve_guards():
        if isinstance(guard, Only):
            return guard.kinds, guard.role
    return None


def _describe(operation: dict[str, Any], handler: HTTPRouteHandler, asked: Any, told: Any) -> None:
    name = operation["operationId"]
    summary, _, rest = inspect.cleandoc(handler.fn.__doc__ or "").partition("\n")
    operation["summary"] = summary.rstrip(".")
    operation["description"] = " ".join([*rest.split(), *_who(admitted(handler))])
    operation["security"] = [{"bearer": []}] if admitted(handler) else []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["description"] = PATH_PARAMETERS[parameter["name"]]
    if asked:
        content = {JSON: {"schema": asked, "examples": {"example": {"value": REQUESTS[name]}}}}
        operation["requestBody"] = {"content": content, "required": True}
    if handler.opt.get("takes_file"):
        operation["requestBody"] = {"content": FILE_BODIES, "required": True}
    status = str(handler.status_code)
    responses: dict[str, Any] = {status: {"description": "Done."}}
    if handler.opt.get("gives_file"):
        responses[status]["content"] = {BYTES: FILE_BODIES[BYTES]}
    elif status != "204":
        responses[status]["content"] = {JSON: {"schema": told, "examples": {"example": {"value": RESPONSES[name]}}}}
    operation["responses"] = responses | _problem_responses(operation, handler)


def _who(limits: tuple[tuple[str, ...], str] | None) -> list[str]:
    if limits is None:
        return ["Needs no token."]
    kinds, role = limits
    if set(kinds) == set(EVERYBODY):
        return []
    whom = " and ".join({"buyer": "buyers", "seller": "sellers", "platform": "operators"}[kind] for kind in kinds)
    return [f"For {'administrators of ' if role == 'admin' else ''}{whom}."]


def _problem_responses(operation: dict[str, Any], handler: HTTPRouteHandler) -> dict[str, Any]:
    limits = admitted(handler)
    problems: list[Problem] = [kind(**_placeholders(kind)) for kind in handler.opt.get("problems", ())]
    if limits:
        problems += [NotSignedIn(), InvalidToken()]
        problems += [WrongConsole()] if set(limits[0]) != set(EVERYBODY) else []
        problems += [OnlyAdmins()] if limits[1] == "admin" else []
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "requestBody" in operation:
        problems += [MalformedRequest(detail="JSON is malformed"), BodyTooLarge()]
    if "requestBody" in operation or parameters:
        problems.append(Invalid(FieldProblem("quantity", "Write a whole number here.")))
    if "Idempotency-Key" in parameters:
        problems.append(IdempotencyKeyReused())
    problems.append(Unavailable())
    grouped: defaultdict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        grouped[problem.status].append(problem)
    return {str(status): _problem_response(grouped[status]) for status in sorted(grouped)}


def _placeholders(kind: type[Problem]) -> dict[str, str]:
    """What stands for an error's facts in an example of it: {state} for state."""
    return {name: f"{{{name}}}" for _, name, _, _ in Formatter().parse(kind.message_id()) if name}


def _problem_response(problems: list[Problem]) -> dict[str, Any]:
    told = [details(problem, "en", "") for problem in problems]
    return {
        "description": " ".join(one.detail for one in told),
        "content": {
            PROBLEM: {
                "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                "examples": {one.code: {"value": msgspec.to_builtins(one)} for one in told},
            }
        },
    }
