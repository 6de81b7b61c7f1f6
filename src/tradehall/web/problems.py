"""Errors as people are told of them: a page with the right status, or, where htmx asked for a part, what suits that."""

from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import PermissionDeniedException
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from tradehall.edge.access import NOBODY
from tradehall.edge.problems import as_problem, note
from tradehall.kernel.db import DATABASE_AWAY
from tradehall.kernel.errors import NotSignedIn, Problem
from tradehall.kernel.i18n import N_
from tradehall.web import templating
from tradehall.web.common import (
    PageResponse,
    WebRequest,
    came_from,
    identify,
    is_partial,
    page,
    page_context,
    redirect,
    said_of,
    sign_in_first,
    texts,
)
from tradehall.web.security import FormOutOfDate

SESSION_OVER = N_("Your session is over. Sign in, then send it again; nothing was changed.")


def page_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The pages' exception handler."""
    problem = _problem(error)
    note(request, error, problem)
    known = request.scope.get("user") is not None
    if known or isinstance(error, DATABASE_AWAY):
        return _answer(request, problem)
    return _OnceKnown(problem)


def _problem(error: Exception) -> Problem:
    if isinstance(error, PermissionDeniedException) and "CSRF" in error.detail:
        return FormOutOfDate()
    return as_problem(error)


class _OnceKnown(Response[str]):
    """The answer at an address where nobody had asked who is there: an unknown one. Finds out, then tells."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("")
        self._problem = problem

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        return _Deferred(self._problem)


class _Deferred(ASGIResponse):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == ScopeType.HTTP, "only requests fail with a page"
        request: WebRequest = Request(scope, receive, send)
        try:
            scope["user"] = await identify(request)
        except DATABASE_AWAY:
            scope["user"] = NOBODY
        response = _answer(request, self._problem)
        await response.to_asgi_response(None, request)(scope, receive, send)


def _answer(request: WebRequest, problem: Problem) -> PageResponse:
    if isinstance(problem, NotSignedIn):
        return _to_sign_in(request)
    message = said_of(request, problem)
    if is_partial(request):
        return _part(request, problem, message)
    back = came_from(request, "") if request.method != "GET" else ""
    answer = page(
        request,
        "error.html",
        http_status=problem.status,
        status=problem.status,
        code=problem.code(),
        message=message,
        actions=[],
        back=back,
    )
    if problem.status in (429, 503):
        answer.headers["Retry-After"] = "5"
    return answer


def _to_sign_in(request: WebRequest) -> PageResponse:
    to = sign_in_first(request)
    if is_partial(request):
        return Response("", status_code=401, headers={"HX-Redirect": to})
    said = "" if request.method == "GET" else texts(request).gettext(SESSION_OVER)
    return redirect(request, to, said, "warning")


def _part(request: WebRequest, problem: Problem, message: str) -> PageResponse:
    """A part that cannot be renewed is left as it is; what a button was to do is answered above the page."""
    headers = {"HX-Reswap": "none", "Cache-Control": "no-store"}
    if request.method == "GET":
        return Response("", status_code=problem.status, headers=headers, media_type="text/html")
    headers |= {"HX-Retarget": "#flashes", "HX-Reswap": "innerHTML"}
    text = templating.render(page_context(request, ""), "flash.html", tone="danger", text=message)
    return Response(text, status_code=problem.status, headers=headers, media_type="text/html; charset=utf-8")
