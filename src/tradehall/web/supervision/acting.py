"""What is sent by the forms of a supervised order: kept as a draft, files taken in on the way, and done."""

from typing import Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler

from tradehall.edge.access import installation_of, only
from tradehall.edge.problems import BodyTooLarge
from tradehall.edge.uploads import UNCHECKED, TextPart, uploading
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, Problem
from tradehall.kernel.files.errors import TooManyFiles, UploadCutOff
from tradehall.kernel.i18n import N_
from tradehall.parties.model import OrganisationKind
from tradehall.supervision import evidence, queries
from tradehall.supervision.errors import UnknownVerb
from tradehall.supervision.model import Held
from tradehall.supervision.wording import done
from tradehall.web.common import Form, PageResponse, WebRequest, id_from, perform, reading, request_id, said_of, texts
from tradehall.web.supervision.detail import Back, detail_page
from tradehall.web.supervision.files import take_in
from tradehall.web.supervision.forms import DO, REMOVE, SEEN, SEND, answers_in

# Files in one form, over all its fields; without JavaScript they come together with the words.
MOST_AT_ONCE = 40
SAVED = N_("Saved. Nothing was sent yet.")


class Sent(msgspec.Struct):
    """A form as it came in, its files already drafts. `refused`: what stood in the way of all of them."""

    form: Form
    refused: Problem | None = None


async def _received(request: WebRequest, number: str, verb: str) -> Sent:
    """Reads a form in a stream. A file that is refused is marked at its field, and the others are taken all the same.
    Raises what ends the reading: UploadCutOff, MalformedRequest, and what is not theirs or unknown."""
    pairs: list[tuple[str, str]] = []
    wrong: list[tuple[str, Problem]] = []
    refused: Problem | None = None
    try:
        async with uploading(request, csrf=True, most_files=MOST_AT_ONCE) as parts:
            async for part in parts:
                if isinstance(part, TextPart):
                    pairs.append((part.field, part.value))
                    continue
                try:
                    await take_in(request, number, verb, part, part.field)
                except (UploadCutOff, BodyTooLarge, NotFound, Forbidden, NotSignedIn):
                    raise
                except Conflict as problem:
                    refused = problem
                except Problem as problem:
                    wrong.append((part.field, problem))
    except (BodyTooLarge, TooManyFiles) as problem:
        refused = problem
    form = Form(request, pairs)
    for field, one in wrong:
        if isinstance(one, Invalid):
            form.take(one)
        else:
            form.errors.setdefault(field, said_of(request, one))
    return Sent(form, refused)


def acting_handlers(base: str, kind: OrganisationKind) -> list[HTTPRouteHandler]:
    """Where the forms below `base` ("/buyer") lead for people of organisations of this kind."""

    @post(
        f"{base}/supervision/{{number:str}}/acts/{{verb:str}}",
        guards=[only(kind)],
        status_code=200,
        opt=UNCHECKED,
        request_max_body_size=None,
    )
    async def act(request: WebRequest, number: str, verb: str) -> PageResponse:
        """Does a verb, or keeps what was written so far: it depends on the button."""
        async with reading(request) as reader:
            held = await queries.existing_flow(reader, request.user.actor, number)
        if held.known(verb) is None:
            raise UnknownVerb
        sent = await _received(request, number, verb)
        if sent.form.value(DO) == SEND:
            return await _send(request, base, held, verb, sent)
        return await _keep(request, base, held, verb, sent)

    return [act]


async def _send(request: WebRequest, base: str, held: Held, key: str, sent: Sent) -> PageResponse:
    form, number = sent.form, held.order_number
    answers = answers_in(form, held, key)
    seen = int(form.value(SEEN)[:9]) if form.value(SEEN).isdecimal() else None
    supervision, words = installation_of(request).supervision, texts(request)

    async def action(tx: Tx) -> Held:
        if sent.refused:
            raise sent.refused
        if form.errors:
            raise Invalid
        return await supervision.act(tx, number, key, answers, seen=seen)

    def said(before: Held) -> str:
        verb = before.known(key)
        return words.gettext("Done: %(what)s.", what=words.lookup(done(verb) if verb else key))

    async def again(problem: Problem | None) -> PageResponse:
        await _save(request, held, key, answers)
        told = None if isinstance(problem, Invalid) else problem
        return await detail_page(request, base, number, Back(key, form, told))

    return await perform(request, action, to=f"{base}/supervision/{number}", said=said, form=form, again=again)


async def _keep(request: WebRequest, base: str, held: Held, key: str, sent: Sent) -> PageResponse:
    """Saves what was written; takes a file back where its button was pressed."""
    form, number = sent.form, held.order_number
    answers = answers_in(form, held, key)
    piece = id_from(form.value(REMOVE)) if form.value(REMOVE) else None

    async def action(tx: Tx) -> None:
        if piece:
            await evidence.take_back(tx, number, piece)
        await evidence.save_draft(tx, number, key, answers)

    async def again(problem: Problem | None) -> PageResponse:
        return await detail_page(request, base, number, Back(key, form, problem))

    if form.errors or sent.refused:
        await _save(request, held, key, answers)
        return await again(sent.refused)
    return await perform(
        request, action, to=f"{base}/supervision/{number}#form-{key}", said=SAVED, tone="info", again=again
    )


async def _save(request: WebRequest, held: Held, key: str, answers: dict[str, Any]) -> None:
    """Keeps what was written as far as that is still possible."""
    try:
        async with installation_of(request).db.transaction(request.user.actor, request_id(request)) as tx:
            await evidence.save_draft(tx, held.order_number, key, answers)
    except (Conflict, Forbidden):
        return  # the order has gone on: the page shows once more what was written


handlers: list[Any] = [
    *acting_handlers("/buyer", "buyer"),
    *acting_handlers("/seller", "seller"),
    *acting_handlers("/operator", "platform"),
]
