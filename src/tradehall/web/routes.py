"""Every page."""

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from tradehall.web import case_files, operator, seller
from tradehall.web.account import messages, preferences, profile, signing
from tradehall.web.buyer import applications, ending, orders, overview, reviews, terms, trials, vouchers
from tradehall.web.common import SessionAuthentication
from tradehall.web.disputes import lists as dispute_lists
from tradehall.web.problems import page_problem
from tradehall.web.public import catalogue
from tradehall.web.supervision import acting, conversation, detail, export, files, lists, message_templates, statistics
from tradehall.web.templating import STATIC

pages = Router(
    "/",
    route_handlers=[
        *catalogue.handlers,
        *signing.handlers,
        *preferences.handlers,
        *profile.handlers,
        *messages.handlers,
        *overview.handlers,
        *orders.handlers,
        *applications.handlers,
        *terms.handlers,
        *ending.handlers,
        *trials.handlers,
        *vouchers.handlers,
        *reviews.handlers,
        *lists.handlers,
        *export.handlers,
        *detail.handlers,
        *acting.handlers,
        *files.handlers,
        *conversation.handlers,
        *message_templates.handlers,
        *statistics.handlers,
        *case_files.handlers,
        *dispute_lists.handlers,
        *seller.handlers,
        *operator.handlers,
    ],
    middleware=[SessionAuthentication],
    exception_handlers={Exception: page_problem},
    include_in_schema=False,
)

# The digest in their addresses changes with their content, so browsers may keep them for ever.
static = create_static_files_router(
    "/static",
    directories=[STATIC],
    cache_control=CacheControlHeader(public=True, max_age=365 * 86400, immutable=True),
    include_in_schema=False,
)
