"""Templates of messages: those offered in an order, and an organisation's own."""

from uuid import UUID

import msgspec
from litestar import Router, delete, get, post, put

from tradehall.api.common import ApiRequest, IdempotencyKey, Whole, installation_of_app, write
from tradehall.edge.access import anyone_signed_in
from tradehall.kernel.db import Tx
from tradehall.supervision import queries
from tradehall.supervision.conversation import templates as message_templates
from tradehall.supervision.errors import (
    FlowNotFound,
    MessageTemplateChanged,
    MessageTemplateNameTaken,
    MessageTemplateNotFound,
    TooManyMessageTemplates,
)


class OfferedTemplate(msgspec.Struct, frozen=True):
    """A template filled in for an order; of those built in the language is said."""

    key: str
    name: str
    text: str
    language: str | None


class OfferedTemplates(msgspec.Struct, frozen=True):
    """Your organisation's first, then those built in."""

    items: list[OfferedTemplate]


class MessageTemplate(msgspec.Struct, frozen=True):
    """A template of your organisation. {number}, {product}, {node}, {buyer} and {seller} in its text are filled in."""

    id: UUID
    name: str
    text: str
    version: int


class MessageTemplates(msgspec.Struct, frozen=True):
    """Your organisation's templates by name."""

    items: list[MessageTemplate]


class WriteTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a template is called and says."""

    name: str
    text: str


class ChangeTemplate(WriteTemplate, frozen=True, forbid_unknown_fields=True):
    """A template as it should be; `version` is the one you saw."""

    version: Whole


@get("/{number:str}/messages/templates", guards=[anyone_signed_in], opt={"problems": [FlowNotFound]})
async def list_offered_templates(request: ApiRequest, number: str) -> OfferedTemplates:
    """List the templates for a message, filled in for an order.

    Those that are built in, in your language, and your organisation's own.
    """
    actor = request.user.actor
    assert actor.organisation_id, "guards let only people of organisations in"
    async with installation_of_app(request).db.read() as reader:
        held = await queries.existing_flow(reader, actor, number)
        found = await message_templates.offered(reader, actor.organisation_id, held, actor.kind)
    return OfferedTemplates([OfferedTemplate(one.key, one.name, one.text, one.language) for one in found])


def _template(one: message_templates.Template) -> MessageTemplate:
    return MessageTemplate(one.id, one.name, one.text, one.version)


@get("/", guards=[anyone_signed_in])
async def list_message_templates(request: ApiRequest) -> MessageTemplates:
    """List your organisation's templates of messages.

    As they were written, with their placeholders; at most fifty.
    """
    actor = request.user.actor
    assert actor.organisation_id, "guards let only people of organisations in"
    async with installation_of_app(request).db.read() as reader:
        found = await message_templates.templates(reader, actor.organisation_id)
    return MessageTemplates([_template(one) for one in found])


@post(
    "/",
    guards=[anyone_signed_in],
    status_code=201,
    opt={"problems": [TooManyMessageTemplates, MessageTemplateNameTaken]},
)
async def add_message_template(
    request: ApiRequest, data: WriteTemplate, idempotency_key: IdempotencyKey = None
) -> MessageTemplate:
    """Keep a new template of messages.

    `{number}` and `{product}` in its text are filled in when it is used. An organisation keeps at most fifty.
    """

    async def action(tx: Tx) -> MessageTemplate:
        made = await message_templates.add(tx, data.name, data.text)
        return _template(await message_templates.template(tx, tx.actor.organisation_id, made))

    return await write(request, MessageTemplate, idempotency_key, action, data)


@put(
    "/{message_template_id:uuid}",
    guards=[anyone_signed_in],
    opt={"problems": [MessageTemplateNotFound, MessageTemplateChanged, MessageTemplateNameTaken]},
)
async def change_message_template(
    request: ApiRequest, message_template_id: UUID, data: ChangeTemplate, idempotency_key: IdempotencyKey = None
) -> MessageTemplate:
    """Change a template of messages.

    `version` is the one you read: if somebody changed it since, nothing is changed.
    """

    async def action(tx: Tx) -> MessageTemplate:
        await message_templates.change(tx, message_template_id, data.version, data.name, data.text)
        return _template(await message_templates.template(tx, tx.actor.organisation_id, message_template_id))

    return await write(request, MessageTemplate, idempotency_key, action, data)


@delete(
    "/{message_template_id:uuid}",
    guards=[anyone_signed_in],
    status_code=204,
    opt={"problems": [MessageTemplateNotFound]},
)
async def delete_message_template(
    request: ApiRequest, message_template_id: UUID, idempotency_key: IdempotencyKey = None
) -> None:
    """Delete a template of messages.

    Messages that were written with it stay as they are. Deleting it twice is fine.
    """

    async def action(tx: Tx) -> None:
        await message_templates.delete(tx, message_template_id)

    await write(request, type(None), idempotency_key, action)


templates_router = Router(
    "/message-templates",
    route_handlers=[
        list_message_templates,
        add_message_template,
        change_message_template,
        delete_message_template,
    ],
    tags=["Service supervision"],
)
