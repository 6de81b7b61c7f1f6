"""Templates of messages: those built in, in both languages, and those that organisations keep for themselves."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.errors import UniqueViolation

from tradehall.kernel.db import Reader, Tx
from tradehall.kernel.errors import FieldProblem, Invalid
from tradehall.kernel.i18n import LOCALES, N_, translator
from tradehall.kernel.ids import new_id
from tradehall.supervision.errors import (
    MessageTemplateChanged,
    MessageTemplateNameTaken,
    MessageTemplateNotFound,
    TooManyMessageTemplates,
)
from tradehall.supervision.fields import LONG, MISSING
from tradehall.supervision.flow import Side
from tradehall.supervision.model import Held

MOST = 50
LONGEST_NAME, LONGEST_TEXT = 60, 2000
# What is filled in, in a built-in template as in one's own.
PLACES = ("number", "product", "node", "buyer", "seller")


class BuiltIn(msgspec.Struct, frozen=True):
    """A template everybody has: for whom, what it is called, and what it says (message ids)."""

    key: str
    sides: tuple[Side, ...]
    name: str
    text: str


BUILT_IN: Sequence[BuiltIn] = (
    BuiltIn(
        "ask_progress",
        ("buyer", "platform"),
        N_("Ask for progress"),
        N_(
            "Hello, order {number} ({product}) stands at “{node}”. How far are you, and when will it be done? "
            "Please tell us, and say if you need anything from us."
        ),
    ),
    BuiltIn(
        "ask_delivery_materials",
        ("buyer", "platform"),
        N_("Ask for the delivery documents"),
        N_(
            "Hello, for order {number} ({product}) we still miss documents that prove the delivery. "
            "Please hand them in with the delivery, or send them here."
        ),
    ),
    BuiltIn(
        "ask_correction",
        ("buyer",),
        N_("Ask for something to be put right"),
        N_(
            "Hello, what was delivered for order {number} ({product}) is not yet as agreed. Please put this right: "
        ),
    ),
    BuiltIn(
        "ask_acceptance",
        ("seller", "platform"),
        N_("Ask for acceptance"),
        N_(
            "Hello, order {number} ({product}) was delivered. Please look at it and accept it, or tell us what is "
            "missing."
        ),
    ),
    BuiltIn(
        "ask_requirement",
        ("seller", "platform"),
        N_("Ask for the requirement"),
        N_(
            "Hello, thank you for order {number} ({product}). Please submit your requirement, so that the delivery "
            "can begin."
        ),
    ),
    BuiltIn(
        "ask_materials",
        ("seller",),
        N_("Ask for materials"),
        N_(
            "Hello, to deliver order {number} ({product}) we need these materials and accounts from you: "
        ),
    ),
    BuiltIn(
        "announce_visit",
        ("seller",),
        N_("Agree on a date"),
        N_(
            "Hello, we would like to carry out order {number} ({product}) with you. Which day and time suit you?"
        ),
    ),
    BuiltIn(
        "ask_statement",
        ("platform",),
        N_("Ask for a statement"),
        N_(
            "Hello, this is the marketplace, about order {number} ({product}). Please tell us within two working days "
            "how it stands, and send what shows it."
        ),
    ),
)  # fmt: skip


class Template(msgspec.Struct, frozen=True):
    """An organisation's own template. `version` counts its changes."""

    id: UUID
    name: str
    text: str
    version: int


class Offered(msgspec.Struct, frozen=True):
    """A template filled in for an order. `language` is that of a built-in one."""

    key: str
    name: str
    text: str
    language: str | None = None


async def templates(reader: Reader, organisation_id: UUID) -> list[Template]:
    """The organisation's own templates by name; it has at most `MOST`."""
    return await reader.fetch_all(
        Template,
        f"""
        SELECT id, name, text, version FROM message_templates WHERE organisation_id = %(organisation)s
        ORDER BY lower(name) LIMIT {MOST}
        """,
        {"organisation": organisation_id},
    )


async def template(reader: Reader, organisation_id: UUID | None, template_id: UUID) -> Template:
    """One of the organisation's own templates. Raises MessageTemplateNotFound."""
    found = await reader.fetch_one(
        Template,
        """
        SELECT id, name, text, version FROM message_templates
        WHERE id = %(id)s AND organisation_id = %(organisation)s
        """,
        {"id": template_id, "organisation": organisation_id},
    )
    if found is None:
        raise MessageTemplateNotFound
    return found


async def offered(reader: Reader, organisation_id: UUID, held: Held, side: str) -> list[Offered]:
    """The templates somebody of this side may choose from, filled in: their own first, then those built in, in each
    language."""
    own = [
        Offered(str(one.id), one.name, filled(one.text, held, "en")) for one in await templates(reader, organisation_id)
    ]
    return own + [
        Offered(
            f"{one.key}.{locale}",
            translator(locale).lookup(one.name),
            filled(translator(locale).lookup(one.text), held, locale),
            locale,
        )
        for locale in LOCALES
        for one in BUILT_IN
        if side in one.sides
    ]


def filled(text: str, held: Held, locale: str) -> str:
    """A template with the order's own words in it; what is in braces and none of `PLACES` stays as it is."""
    values = {
        "number": held.order_number,
        "product": held.product_name_zh if locale == "zh" else held.product_name_en,
        "node": translator(locale).lookup(held.at.label),
        "buyer": held.buyer_name_zh if locale == "zh" else held.buyer_name_en,
        "seller": held.seller_name_zh if locale == "zh" else held.seller_name_en,
    }
    for name in PLACES:
        text = text.replace("{" + name + "}", values[name])
    return text


async def add(tx: Tx, name: str, text: str) -> UUID:
    """A new template of the actor's organisation. Raises Invalid, TooManyMessageTemplates or
    MessageTemplateNameTaken."""
    name, text = _checked(name, text)
    # Held, so that two who add at once are counted one after the other.
    await tx.fetch_value(
        "SELECT true FROM organisations WHERE id = %(id)s FOR NO KEY UPDATE", {"id": tx.actor.organisation_id}
    )
    count = await tx.fetch_value(
        "SELECT count(*) FROM message_templates WHERE organisation_id = %(organisation)s",
        {"organisation": tx.actor.organisation_id},
    )
    if count >= MOST:
        raise TooManyMessageTemplates(most=MOST)
    template_id = new_id(tx.now)
    made = await tx.fetch_value(
        """
        INSERT INTO message_templates (id, organisation_id, name, text, created_at, updated_at)
        VALUES (%(id)s, %(organisation)s, %(name)s, %(text)s, %(now)s, %(now)s)
        ON CONFLICT (organisation_id, lower(name)) DO NOTHING RETURNING true
        """,
        {"id": template_id, "organisation": tx.actor.organisation_id, "name": name, "text": text, "now": tx.now},
    )
    if not made:
        raise MessageTemplateNameTaken
    facts = {"template": template_id, "name": name}
    await tx.record("message_template.added", "organisation", _organisation(tx), facts)
    return template_id


async def change(tx: Tx, template_id: UUID, version: int, name: str, text: str) -> None:
    """Raises Invalid, MessageTemplateNotFound, MessageTemplateChanged or MessageTemplateNameTaken."""
    name, text = _checked(name, text)
    await template(tx, tx.actor.organisation_id, template_id)
    try:
        changed = await tx.fetch_value(
            """
            UPDATE message_templates SET name = %(name)s, text = %(text)s, version = version + 1, updated_at = %(now)s
            WHERE id = %(id)s AND organisation_id = %(organisation)s AND version = %(version)s RETURNING true
            """,
            {
                "id": template_id,
                "organisation": tx.actor.organisation_id,
                "version": version,
                "name": name,
                "text": text,
                "now": tx.now,
            },
        )
    except UniqueViolation as error:
        raise MessageTemplateNameTaken from error
    if not changed:
        raise MessageTemplateChanged
    facts = {"template": template_id, "name": name}
    await tx.record("message_template.changed", "organisation", _organisation(tx), facts)


async def delete(tx: Tx, template_id: UUID) -> None:
    """Raises MessageTemplateNotFound, also for one that was deleted before."""
    name = await tx.fetch_value(
        """
        DELETE FROM message_templates WHERE id = %(id)s AND organisation_id = %(organisation)s RETURNING name
        """,
        {"id": template_id, "organisation": tx.actor.organisation_id},
    )
    if name is None:
        raise MessageTemplateNotFound
    facts = {"template": template_id, "name": name}
    await tx.record("message_template.deleted", "organisation", _organisation(tx), facts)


def _checked(name: str, text: str) -> tuple[str, str]:
    name = " ".join(name.replace("\0", "").split())
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    problems = []
    for field, value, most in (("name", name, LONGEST_NAME), ("text", text, LONGEST_TEXT)):
        if not value:
            problems.append(FieldProblem(field, MISSING))
        elif len(value) > most:
            problems.append(FieldProblem(field, LONG, {"most": most}))
    if problems:
        raise Invalid(*problems)
    return name, text


def _organisation(tx: Tx) -> UUID:
    assert tx.actor.organisation_id, "guards let only people of organisations in"
    return tx.actor.organisation_id
