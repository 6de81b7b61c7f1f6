"""The message log (生产接口消息): the calls made to sellers' servers, each with its tries, and their restart."""

from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from tradehall.catalog import queries as catalog
from tradehall.edge.access import installation_of, only
from tradehall.kernel.errors import NotFound, Problem
from tradehall.kernel.i18n import N_
from tradehall.provisioning import circuits, queries
from tradehall.provisioning import health as health_of
from tradehall.provisioning.errors import CallNotFound
from tradehall.provisioning.model import ACTIVITIES, CALL_STATES, Attempt
from tradehall.provisioning.queries import CallFilter
from tradehall.trading.queries import SHORTEST_NUMBER
from tradehall.web.common import (
    Form,
    PageResponse,
    WebRequest,
    chosen,
    day,
    id_from,
    page,
    perform,
    read_form,
    reading,
    redirect,
    request_id,
    said_of,
    searched,
    texts,
    wanted_page,
)
from tradehall.web.security import local_path
from tradehall.web.seller.exchange import shown_exchange
from tradehall.web.seller.orders import VOCABULARY, asked
from tradehall.web.seller.words import ACTIVITY_NAMES
from tradehall.web.templating import Flash, Tone

MOST_AT_ONCE = 100
RESTARTED = N_("Restarted: the server is called now.")


def calls_handlers(base: str, kind: str) -> list[HTTPRouteHandler]:
    """The pages below `base` ("/seller", "/operator"): sellers see their own calls, operators all."""
    guards = [only("platform" if kind == "platform" else "seller")]

    @get(f"{base}/calls", guards=guards)
    async def calls(request: WebRequest) -> PageResponse:
        only_these = CallFilter(
            state=chosen(request, "state", CALL_STATES),
            activity=chosen(request, "activity", ACTIVITIES),
            failing=request.query_params.get("failing") == "1",
            text=searched(request),
            since=day(request, "since"),
            until=day(request, "until", after=True),
        )
        async with reading(request) as reader:
            rows = await queries.calls(reader, request.user.actor, wanted_page(request), only_these)
            counts = await health_of.call_counts(reader, request.user.actor)
            servers = await circuits.circuits(
                reader, request.user.actor, installation_of(request).settings.circuit_failures
            )
        said = texts(request)
        return page(
            request,
            "seller/calls.html",
            rows=rows,
            only=only_these,
            counts=counts,
            # Operators see them where they see whose server fails.
            circuits=servers if kind == "seller" else [],
            activities=[(activity, said.lookup(name)) for activity, name in ACTIVITY_NAMES.items()],
            shortest=SHORTEST_NUMBER,
            base=base,
            **asked(request),
            **VOCABULARY,
        )

    @get(f"{base}/calls/{{call_id:str}}", guards=guards)
    async def call(request: WebRequest, call_id: str) -> PageResponse:
        return await _call_page(request, base, _known(call_id))

    @post(f"{base}/calls/{{call_id:str}}/restart", guards=guards)
    async def restart(request: WebRequest, call_id: str) -> PageResponse:
        wanted, form = _known(call_id), await read_form(request)
        seen = _seen(form.values.get("seen_attempts", ""))

        async def again(problem: Problem | None) -> PageResponse:
            assert problem, "there are no fields to get wrong"
            return await _call_page(request, base, wanted, Flash("warning", said_of(request, problem)))

        return await perform(
            request,
            lambda tx: installation_of(request).provisioning.restart(tx, wanted, seen),
            to=_back(form, f"{base}/calls/{wanted}"),
            said=RESTARTED,
            again=again,
        )

    @post(f"{base}/calls/restart", guards=guards)
    async def restart_many(request: WebRequest) -> PageResponse:
        form = await read_form(request)
        ticked = dict(filter(None, map(_ticked, form.all("call")[:MOST_AT_ONCE])))
        installation = installation_of(request)
        async with installation.db.transaction(request.user.actor, request_id(request)) as tx:
            outcomes = await installation.provisioning.restart_each(tx, ticked)
        tone, text = _told(request, list(outcomes.values()))
        return redirect(request, _back(form, f"{base}/calls"), text, tone)

    return [calls, call, restart, restart_many]


async def _call_page(request: WebRequest, base: str, call_id: UUID, flash: Flash | None = None) -> PageResponse:
    async with reading(request) as reader:
        found = await queries.call(reader, request.user.actor, call_id)
        if found is None:
            raise CallNotFound
        attempts = await queries.attempts(reader, call_id)
        endpoint = await catalog.endpoint(reader, found.seller_id, found.endpoint_id)
    shown = _chosen_attempt(request, attempts)
    return page(
        request,
        "seller/call.html",
        flash=flash,
        call=found,
        attempts=attempts,
        shown=shown,
        exchange=shown_exchange(shown) if shown else None,
        endpoint=endpoint,
        may_change=base == "/seller" and request.user.actor.role == "admin",
        base=base,
        **VOCABULARY,
    )


def _chosen_attempt(request: WebRequest, attempts: list[Attempt]) -> Attempt | None:
    """The try that ?try= names, else the latest."""
    wanted = request.query_params.get("try", "")
    return next((one for one in attempts if str(one.number) == wanted), attempts[0] if attempts else None)


def _told(request: WebRequest, outcomes: list[Problem | None]) -> tuple[Tone, str]:
    said = texts(request)
    if not outcomes:
        return "warning", said.gettext("Tick the calls to restart first.")
    refused = [problem for problem in outcomes if problem]
    done = len(outcomes) - len(refused)
    parts = []
    if done:
        parts.append(said.ngettext("%(num)s call is made again now.", "%(num)s calls are made again now.", done))
    if refused:
        parts.append(
            said.ngettext(
                "%(num)s call was not restarted: %(why)s",
                "%(num)s calls were not restarted: %(why)s",
                len(refused),
                why=" ".join(dict.fromkeys(said_of(request, problem) for problem in refused)),
            )
        )
    return ("warning" if refused else "success"), " ".join(parts)


def _ticked(text: str) -> tuple[UUID, int] | None:
    """A ticked box as `words.tick` wrote it; None for anything else."""
    call_id, _, attempts = text.partition(".")
    try:
        return UUID(call_id), _seen(attempts)
    except ValueError:
        return None


def _seen(text: str) -> int:
    """How many tries the person saw; what is no number fits no call."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def _known(text: str) -> UUID:
    try:
        return id_from(text)
    except NotFound:
        raise CallNotFound from None


def _back(form: Form, otherwise: str) -> str:
    return local_path(form.values.get("return_to")) or otherwise
