"""Service supervision in numbers, for operators and for each seller."""

from datetime import date
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.params import QueryParameter

from tradehall.api.common import ApiRequest, installation_of_app
from tradehall.edge.access import only
from tradehall.supervision import statistics
from tradehall.supervision.statistics import AGES, DayCount, NodeTimes, Outcomes, Standing, StatisticsFilter


class SupervisionStatistics(msgspec.Struct, frozen=True):
    """Where orders stand now, and how it went from `since` to `until`, both included, days of `zone`. `ages` are the
    bounds, in days, of the classes that `standing` counts."""

    since: date
    until: date
    zone: str
    ages: list[int]
    standing: list[Standing]
    nodes: list[NodeTimes]
    days: list[DayCount]
    outcomes: list[Outcomes]


@get("/statistics", guards=[only("seller", "platform")])
async def get_supervision_statistics(
    request: ApiRequest,
    since: Annotated[date | None, QueryParameter(description="The first day; ninety days back when left out.")] = None,
    until: Annotated[date | None, QueryParameter(description="The last day; today when left out.")] = None,
    delivery_type: Annotated[str, QueryParameter(description="Only what is delivered so.")] = "",
    seller_id: Annotated[UUID | None, QueryParameter(description="Only this seller's; for operators.")] = None,
) -> SupervisionStatistics:
    """Get service supervision in numbers.

    Sellers see their own orders, operators all. Medians are right to some seven per cent; a period is at most
    two years.
    """
    installation, actor = installation_of_app(request), request.user.actor
    zone = ZoneInfo(installation.settings.default_timezone)
    only_these = StatisticsFilter(delivery_type, seller_id)
    async with installation.db.read() as reader:
        over = statistics.period(since, until, reader.now.astimezone(zone).date())
        course = await statistics.course(reader, actor, only_these, over, zone)
        return SupervisionStatistics(
            over.since,
            over.until,
            installation.settings.default_timezone,
            list(AGES),
            await statistics.standing(reader, actor, only_these),
            course.nodes,
            course.days,
            await statistics.outcomes(reader, actor, only_these, over, zone),
        )
