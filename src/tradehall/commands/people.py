"""`tradehall person …`: the people of an installation from the command line; above all, its first operator."""

from uuid import UUID

from rich.console import Console

from tradehall import installation
from tradehall.commands.common import CommandProblem
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Invalid
from tradehall.kernel.journal import SYSTEM
from tradehall.parties import actions
from tradehall.parties.model import OrganisationKind, Role
from tradehall.settings import Settings


async def add(
    settings: Settings,
    console: Console,
    *,
    email: str,
    name: str,
    kind: OrganisationKind,
    organisation_en: str,
    organisation_zh: str,
    role: Role,
    password: str,
) -> None:
    """Has a person act for an organisation; what of both does not exist yet is made. Raises CommandProblem."""
    email = email.strip().lower()
    local, _, host = email.partition("@")
    if not local or not host:
        raise CommandProblem(f"{email!r} is no e-mail address")
    if not (name.strip() and organisation_en.strip() and organisation_zh.strip()):
        raise CommandProblem("a person and an organisation each need a name")
    async with installation.opened(settings) as opened:
        try:
            async with opened.db.transaction(SYSTEM, request_id="command-line") as tx:
                organisation_id = await _organisation(tx, kind, organisation_en.strip(), organisation_zh.strip())
                known: UUID | None = await tx.fetch_value(
                    "SELECT id FROM people WHERE email = %(email)s", {"email": email}
                )
                person_id = known or await actions.create_person(tx, email=email, name=name.strip(), password=password)
                await actions.add_member(tx, organisation_id, person_id, role)
        except Invalid as error:
            raise CommandProblem(
                "; ".join(f"{one.field}: {one.message.format_map(one.values)}" for one in error.fields)
            ) from error
    if known:
        console.print(f"{email} was here already, with their own password.", markup=False)
    console.print(f"{email} is {role} of {organisation_en} {organisation_zh} ({kind}).", markup=False, soft_wrap=True)


async def _organisation(tx: Tx, kind: OrganisationKind, name_en: str, name_zh: str) -> UUID:
    """The organisation of this kind and names, made if there is none."""
    known: UUID | None = await tx.fetch_value(
        """
        SELECT id FROM organisations WHERE kind = %(kind)s AND name_en = %(en)s AND name_zh = %(zh)s
        ORDER BY id LIMIT 1
        """,
        {"kind": kind, "en": name_en, "zh": name_zh},
    )
    return known or await actions.create_organisation(tx, kind, name_en, name_zh)
