"""The message log: the calls made to sellers' servers, for the seller they were made to and for operators."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import QueryParameter

from tradehall.api.common import (
    After,
    ApiRequest,
    Before,
    IdempotencyKey,
    Limit,
    Moment,
    NumberBegins,
    installation_of_app,
    texts_for,
    wanted_page,
    write,
)
from tradehall.edge.access import only
from tradehall.edge.problems import details
from tradehall.kernel.db import Tx
from tradehall.kernel.errors import Problem
from tradehall.kernel.i18n import Translator
from tradehall.kernel.paging import Page
from tradehall.parties.model import OrganisationKind
from tradehall.protocols.requests import Activity
from tradehall.provisioning import queries
from tradehall.provisioning.errors import BuyerWasRefunded, CallIsSettled, CallMovedOn, CallNotFound
from tradehall.provisioning.model import Attempt, CallRow, CallState, Purpose, Verdict
from tradehall.provisioning.queries import CallFilter
from tradehall.provisioning.troubles import explanation

MOST_AT_ONCE = 100
SeenAttempts = Annotated[
    int, msgspec.Meta(ge=0, le=2**31 - 1, description="The number of tries you saw; if it has grown, nothing is done.")
]


class SellerCall(msgspec.Struct, frozen=True):
    """A call to a seller's server. `next_at` is when it is tried next, null when nothing more is tried by itself;
    `explanation` says in your language what its last try came to."""

    id: UUID
    activity: Activity
    purpose: Purpose
    state: CallState
    order_number: str
    line_number: str
    instance_id: UUID | None
    product_name_en: str
    product_name_zh: str
    seller_id: UUID
    seller_name_en: str
    seller_name_zh: str
    attempts: int
    verdict: Verdict | None
    result_code: str | None
    trouble: str | None
    explanation: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_at: datetime | None
    window_ends_at: datetime
    settled_at: datetime | None
    request_id: str


class CallAttempt(msgspec.Struct, frozen=True):
    """One try: what was sent, what came back, how long it took and what it amounts to. Passwords in answers are
    blotted out, and long answers cut."""

    number: int
    started_at: datetime
    milliseconds: float | None
    url: str | None
    request_body: str | None
    status: int | None
    response_headers: list[list[str]] | None
    response_body: str | None
    truncated: bool
    verdict: Verdict
    result_code: str | None
    trouble: str | None
    message: str | None
    warnings: list[str]
    explanation: str | None


class CallWithAttempts(SellerCall, frozen=True):
    """A call with its tries, newest first."""

    tries: list[CallAttempt]


class RestartCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which state of the call you saw, so that it is restarted once however often this is sent."""

    seen_attempts: SeenAttempts


class CallToRestart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call, and which state of it you saw."""

    id: UUID
    seen_attempts: SeenAttempts


class RestartCalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The calls to restart."""

    calls: Annotated[list[CallToRestart], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class RestartOutcome(msgspec.Struct, frozen=True):
    """What became of one call: restarted, or why not; `code` as in problem details."""

    id: UUID
    restarted: bool
    code: str | None = None
    detail: str | None = None


class RestartOutcomes(msgspec.Struct, frozen=True):
    """What became of each call, in the order they were sent."""

    outcomes: list[RestartOutcome]


def shown_call(call: CallRow, texts: Translator) -> SellerCall:
    return SellerCall(**_shown(call, texts))


def _shown(call: CallRow, texts: Translator) -> dict[str, Any]:
    own = ("explanation", "next_at")
    values = {name: getattr(call, name) for name in SellerCall.__struct_fields__ if name not in own}
    pending = call.state in ("queued", "waiting")
    return values | {
        "explanation": _in_words(texts, explanation(call.result_code, call.trouble, call.verdict)),
        "next_at": call.due_at if pending else None,
    }


def shown_attempt(attempt: Attempt, texts: Translator) -> CallAttempt:
    values = {name: getattr(attempt, name) for name in CallAttempt.__struct_fields__ if name != "explanation"}
    told = explanation(attempt.result_code, attempt.trouble, attempt.verdict)
    return CallAttempt(explanation=_in_words(texts, told), **values)


def _in_words(texts: Translator, message: str | None) -> str | None:
    return texts.lookup(message) if message else None


async def _read(request: ApiRequest, call_id: UUID) -> CallWithAttempts:
    texts = texts_for(request)
    async with installation_of_app(request).db.read() as reader:
        found = await queries.call(reader, request.user.actor, call_id)
        if found is None:
            raise CallNotFound
        tries = await queries.attempts(reader, call_id)
    return CallWithAttempts(tries=[shown_attempt(one, texts) for one in tries], **_shown(found, texts))


def _outcome(call_id: UUID, problem: Problem | None, locale: str) -> RestartOutcome:
    if problem is None:
        return RestartOutcome(call_id, True)
    told = details(problem, locale, "")
    return RestartOutcome(call_id, False, told.code, told.detail)


def calls_router(console: str, kind: OrganisationKind) -> Router:
    """The message log of one console: the same for sellers, who see their own, and operators, who see all."""
    guards = [only(kind)]
    restart_problems = [CallNotFound, CallMovedOn, CallIsSettled, BuyerWasRefunded]

    @get("/", guards=guards, operation_id=f"list_{console}_calls")
    async def list_calls(
        request: ApiRequest,
        limit: Limit = None,
        after: After = None,
        before: Before = None,
        call_state: Annotated[
            CallState | None, QueryParameter(name="state", description="Only those in this state.")
        ] = None,
        activity: Annotated[Activity | None, QueryParameter(description="Only this interface.")] = None,
        failing: Annotated[
            bool, QueryParameter(description="Only those given up, or tried before and waiting to be tried again.")
        ] = False,
        q: NumberBegins = "",
        since: Moment = None,
        until: Moment = None,
    ) -> Page[SellerCall]:
        """Read the message log.

        The calls made to sellers' servers, from opening an instance to releasing it, newest first.
        """
        wanted = wanted_page(limit, after, before)
        narrowed = CallFilter(call_state, activity, failing, q, since, until)
        texts = texts_for(request)
        async with installation_of_app(request).db.read() as reader:
            found = await queries.calls(reader, request.user.actor, wanted, narrowed)
        return Page([shown_call(call, texts) for call in found.items], found.next, found.previous)

    @get("/{call_id:uuid}", guards=guards, operation_id=f"get_{console}_call", opt={"problems": [CallNotFound]})
    async def get_call(request: ApiRequest, call_id: UUID) -> CallWithAttempts:
        """Look at a call.

        With its tries, newest first: what was sent, what came back, and what that amounts to.
        """
        return await _read(request, call_id)

    @post(
        "/{call_id:uuid}/restart",
        guards=guards,
        status_code=200,
        operation_id=f"restart_{console}_call",
        opt={"problems": restart_problems},
    )
    async def restart_call(
        request: ApiRequest, call_id: UUID, data: RestartCall, idempotency_key: IdempotencyKey = None
    ) -> SellerCall:
        """Restart a call.

        It is tried at once. However often this is sent for the same number of tries, one try follows.
        """

        async def action(tx: Tx) -> SellerCall:
            await installation_of_app(request).provisioning.restart(tx, call_id, data.seen_attempts)
            restarted = await queries.call(tx, tx.actor, call_id)
            assert restarted, "it was just restarted"
            return shown_call(restarted, texts_for(request))

        return await write(request, SellerCall, idempotency_key, action, data)

    @post("/restart", guards=guards, status_code=200, operation_id=f"restart_{console}_calls")
    async def restart_calls(
        request: ApiRequest, data: RestartCalls, idempotency_key: IdempotencyKey = None
    ) -> RestartOutcomes:
        """Restart many calls.

        Up to a hundred, each with its own outcome: one that cannot be restarted does not stop the others.
        """

        async def action(tx: Tx) -> RestartOutcomes:
            seen = {one.id: one.seen_attempts for one in data.calls}
            outcomes = await installation_of_app(request).provisioning.restart_each(tx, seen)
            locale = texts_for(request).locale
            return RestartOutcomes([_outcome(call_id, problem, locale) for call_id, problem in outcomes.items()])

        return await write(request, RestartOutcomes, idempotency_key, action, data)

    return Router("/calls", route_handlers=[list_calls, get_call, restart_call, restart_calls])
