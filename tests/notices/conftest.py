"""An installation that sends mail to a real server and SMS to the log, and what people are told in it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.conftest import sandbox_settings
from tests.notices.post import PostOffice
from tests.world import Shop

from tradehall.kernel.i18n import translator, zone
from tradehall.kernel.journal import Actor
from tradehall.kernel.paging import page_request
from tradehall.notices import queries
from tradehall.notices.model import Notice
from tradehall.notices.words import Text, written
from tradehall.settings import Settings


@pytest.fixture
async def post_office() -> AsyncIterator[PostOffice]:
    office = PostOffice()
    await office.up()
    yield office
    await office.down()


@pytest.fixture
def settings(post_office: PostOffice) -> Settings:
    return sandbox_settings(
        smtp_url=f"smtp://127.0.0.1:{post_office.port}",
        mail_from="hall@market.example",
        public_url="https://market.example",
        sms="console",
        marketplace_name="云商厅 Hall",
    )


class Inbox:
    """What people were told, newest first."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def of(self, actor: Actor, **only: Any) -> list[Notice]:
        async with self.shop.installation.db.read() as reader:
            return list((await queries.inbox(reader, actor, page_request(100), **only)).items)

    async def kinds(self, actor: Actor) -> list[str]:
        return [one.kind for one in await self.of(actor)]

    async def last(self, actor: Actor, locale: str = "en", **only: Any) -> Text:
        return written((await self.of(actor, **only))[0], translator(locale), zone("Asia/Shanghai"))

    async def count(self) -> int:
        return int((await self.shop.sql("SELECT count(*) FROM notices"))[0][0])


@pytest.fixture
def inbox(shop: Shop) -> Inbox:
    return Inbox(shop)
